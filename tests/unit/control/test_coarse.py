"""Gimbal rates against joints that do as they are told, and a partner that stands still."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.loader import load_scenario
from terminal.control.coarse import (
    CAMERA,
    ENCODERS,
    MIRROR,
    NONE,
    CoarseState,
    step,
    wrap_rad,
)
from terminal.control.scan import spiral_offset
from terminal.messages import CoarseCommand, CoarseSample
from terminal.mode import Mode

CONFIG = load_scenario("leo_haps_downlink").terminal
A, LIMITS = CONFIG.acquisition, CONFIG.coarse
DT_S = 0.02
START_NS = 10**18
YAW_RAD, PITCH_RAD = 1.0, 0.8


class Gimbal:
    """Ideal joints under the rate loop; the beacon stands off the prediction by an offset."""

    def __init__(self, yaw_rad: float = YAW_RAD, pitch_rad: float = PITCH_RAD) -> None:
        self.yaw_rad, self.pitch_rad = yaw_rad, pitch_rad
        self.state, self.command = CoarseState(), CoarseCommand()
        self.t_ns = START_NS
        self.sample = CoarseSample(
            t_ns=START_NS,
            gimbal_t_ns=START_NS,
            yaw_rad=yaw_rad,
            pitch_rad=pitch_rad,
            motors_on=1,
            mode=Mode.POINT,
            pointing_valid=1,
            target_yaw_rad=YAW_RAD,
            target_pitch_rad=PITCH_RAD,
            yaw_rate_rad_s=0.0,
            pitch_rate_rad_s=0.0,
            camera_found=0,
            camera_frame_t_ns=0,
            camera_x_rad=0.0,
            camera_y_rad=0.0,
            fine_closed=0,
            mirror_x_rad=0.0,
            mirror_y_rad=0.0,
        )

    def run(self, ticks: int, **changes: object) -> CoarseCommand:
        """`changes` stand in every sample of these ticks and of all that follow."""
        self.sample = self.sample._replace(**changes)  # type: ignore[arg-type]
        for _ in range(ticks):
            self.t_ns += round(DT_S * 1e9)
            self.sample = self.sample._replace(
                t_ns=self.t_ns,
                gimbal_t_ns=self.t_ns,
                yaw_rad=wrap_rad(self.yaw_rad),
                pitch_rad=self.pitch_rad,
            )
            self.state, self.command = step(CONFIG, self.state, self.sample, DT_S)
            self.yaw_rad += self.command.yaw_rate_rad_s * DT_S
            self.pitch_rad += self.command.pitch_rate_rad_s * DT_S
        return self.command

    def see(self, ticks: int, yaw_off_rad: float, pitch_off_rad: float, mode: Mode) -> None:
        """A beacon beside the prediction by these joint angles, in a fresh image at each tick."""
        for _ in range(ticks):
            x = wrap_rad(YAW_RAD + yaw_off_rad - self.yaw_rad) * math.cos(PITCH_RAD)
            y = PITCH_RAD + pitch_off_rad - self.pitch_rad
            self.run(
                1,
                mode=mode,
                camera_found=1,
                camera_frame_t_ns=self.t_ns + round(DT_S * 1e9),
                camera_x_rad=x,
                camera_y_rad=y,
            )


def test_encoders_bring_it_to_the_target_from_anywhere() -> None:
    gimbal = Gimbal(yaw_rad=-1.5, pitch_rad=0.1)
    first = gimbal.run(1)
    assert first.source == ENCODERS
    assert not first.on_target
    command = gimbal.run(400)
    assert command.on_target
    assert gimbal.yaw_rad == pytest.approx(YAW_RAD, abs=1e-4)
    assert gimbal.pitch_rad == pytest.approx(PITCH_RAD, abs=1e-4)


@pytest.mark.parametrize("yaw_rad", [3.1, -3.1])
def test_the_short_way_over_half_a_turn(yaw_rad: float) -> None:
    gimbal = Gimbal(yaw_rad=yaw_rad)
    gimbal.run(1, target_yaw_rad=-yaw_rad)
    # 0.083 rad onward through pi, not 6.2 back.
    assert math.copysign(1.0, gimbal.command.yaw_rate_rad_s) == math.copysign(1.0, yaw_rad)
    gimbal.run(300)
    assert wrap_rad(gimbal.yaw_rad + yaw_rad) == pytest.approx(0.0, abs=1e-4)
    assert abs(gimbal.yaw_rad) > math.pi


def test_predicted_rates_are_fed_forward() -> None:
    command = Gimbal().run(1, yaw_rate_rad_s=0.01, pitch_rate_rad_s=-0.02)
    assert (command.yaw_rate_rad_s, command.pitch_rate_rad_s) == (0.01, -0.02)


def test_a_standing_rate_error_is_integrated_away() -> None:
    """A gyro bias moves the joints beside the command: here, as a target that creeps untold."""
    gimbal = Gimbal()
    for k in range(3000):
        gimbal.run(1, target_pitch_rad=PITCH_RAD + 80e-6 * DT_S * k)
    # Without the integrator 80 urad/s over 4 /s would be 20 urad.
    assert abs(gimbal.command.error_y_rad) < 1e-6


def test_acquire_follows_the_spiral() -> None:
    gimbal = Gimbal()
    worst = 0.0
    for k in range(300):
        command = gimbal.run(1, mode=Mode.ACQUIRE)
        assert command.source == ENCODERS
        x, y = spiral_offset(k * DT_S, A.pitch_rad, A.speed_rad_s, A.max_radius_rad)
        off_x = (gimbal.sample.yaw_rad - YAW_RAD) * math.cos(PITCH_RAD) - x
        worst = max(worst, math.hypot(off_x, gimbal.sample.pitch_rad - PITCH_RAD - y))
    # The rate of the aim is fed forward: far inside half of what the camera's field overlaps.
    assert worst < 0.2e-3


def test_camera_leads_when_it_is_fresh_and_not_when_it_is_old() -> None:
    gimbal = Gimbal()
    fresh = {"camera_found": 1, "camera_x_rad": 1e-3, "camera_y_rad": -2e-3}
    command = gimbal.run(1, mode=Mode.TRACK, camera_frame_t_ns=START_NS, **fresh)
    assert (command.source, command.error_x_rad, command.error_y_rad) == (CAMERA, 1e-3, -2e-3)
    assert not command.on_target
    assert command.yaw_rate_rad_s > 0.0 > command.pitch_rate_rad_s
    # 0.2 s after the frame it is no measurement any more.
    assert gimbal.run(8).source == CAMERA
    assert gimbal.run(2).source == ENCODERS


@pytest.mark.parametrize("mode", [Mode.POINT, Mode.STANDBY, Mode.SAFE])
def test_no_beacon_leads_where_none_is_looked_for(mode: Mode) -> None:
    gimbal = Gimbal()
    seen = {"camera_found": 1, "camera_frame_t_ns": START_NS, "fine_closed": 1}
    assert gimbal.run(1, mode=mode, **seen).source in (NONE, ENCODERS)


def test_mirror_leads_while_the_fine_loop_is_closed() -> None:
    gimbal = Gimbal()
    command = gimbal.run(
        1,
        mode=Mode.LINK,
        camera_found=1,
        camera_frame_t_ns=START_NS,
        camera_x_rad=5e-3,
        fine_closed=1,
        mirror_x_rad=50e-6,
        mirror_y_rad=-30e-6,
    )
    assert (command.source, command.error_x_rad, command.error_y_rad) == (MIRROR, 50e-6, -30e-6)


def test_what_the_beacon_taught_is_used_when_it_is_lost() -> None:
    gimbal = Gimbal()
    gimbal.see(300, 4e-3, -3e-3, Mode.TRACK)
    command = gimbal.run(200, mode=Mode.LOST, camera_found=0)
    assert command.source == ENCODERS
    assert gimbal.yaw_rad - YAW_RAD == pytest.approx(4e-3, abs=20e-6)
    assert gimbal.pitch_rad - PITCH_RAD == pytest.approx(-3e-3, abs=20e-6)


def test_a_search_that_has_seen_the_beacon_goes_on_around_it() -> None:
    """Not from the far radius that the spiral had reached meanwhile."""
    gimbal = Gimbal()
    gimbal.run(250, mode=Mode.ACQUIRE)
    gimbal.see(100, 8e-3, 5e-3, Mode.ACQUIRE)
    gimbal.run(25, mode=Mode.ACQUIRE, camera_found=0)
    off = math.hypot(
        (gimbal.yaw_rad - YAW_RAD - 8e-3) * math.cos(PITCH_RAD), gimbal.pitch_rad - PITCH_RAD - 5e-3
    )
    # Half a second of spiral is 3.8 mrad out, five seconds were 11.9 mrad.
    assert off == pytest.approx(3.8e-3, abs=0.2e-3)


def test_safe_and_standby_forget_and_stand_still() -> None:
    gimbal = Gimbal()
    gimbal.see(50, 4e-3, -3e-3, Mode.TRACK)
    for changes in ({"mode": Mode.SAFE}, {"mode": Mode.STANDBY}, {"pointing_valid": 0}):
        state, command = step(CONFIG, gimbal.state, gimbal.sample._replace(**changes), DT_S)
        assert state == CoarseState()
        assert (command.yaw_rate_rad_s, command.pitch_rate_rad_s, command.source) == (0, 0, NONE)


@pytest.mark.parametrize("mode", [Mode.POINT, Mode.ACQUIRE, Mode.TRACK, Mode.LINK, Mode.LOST])
def test_a_gimbal_that_falls_silent_is_not_turned_on_and_on(mode: Mode) -> None:
    gimbal = Gimbal(yaw_rad=0.0)
    gimbal.run(1, mode=mode)
    assert gimbal.command.yaw_rate_rad_s > 0.0
    late_ns = gimbal.t_ns + round(1.01e9 * CONFIG.safety.gimbal_max_age_s)
    state, command = step(CONFIG, gimbal.state, gimbal.sample._replace(t_ns=late_ns), DT_S)
    assert (command.yaw_rate_rad_s, command.pitch_rate_rad_s) == (0.0, 0.0)
    assert not command.on_target
    assert command.gimbal_age_s > CONFIG.safety.gimbal_max_age_s
    assert state == gimbal.state
    # Never heard of at all.
    _, command = step(CONFIG, CoarseState(), gimbal.sample._replace(gimbal_t_ns=0), DT_S)
    assert (command.yaw_rate_rad_s, command.gimbal_age_s) == (0.0, 1e9)


def test_motors_are_switched_on_until_they_are() -> None:
    gimbal = Gimbal()
    assert gimbal.run(1, motors_on=0).switch_motors_on
    assert not gimbal.run(1, motors_on=1).switch_motors_on


angles = st.floats(-10.0, 10.0)


@given(
    st.sampled_from(Mode), angles, angles, angles, st.booleans(), st.booleans(), angles, st.data()
)
def test_rates_stay_inside_their_limit(
    mode: Mode,
    yaw: float,
    pitch: float,
    target_pitch: float,
    found: bool,
    closed: bool,
    seen: float,
    data: st.DataObject,
) -> None:
    """Straight up too, where the yaw axis would have to turn without bound."""
    sample = Gimbal().sample._replace(
        mode=mode,
        yaw_rad=yaw,
        pitch_rad=data.draw(st.sampled_from([pitch, math.pi / 2])),
        target_pitch_rad=data.draw(st.sampled_from([target_pitch, math.pi / 2])),
        camera_found=int(found),
        camera_frame_t_ns=START_NS,
        camera_x_rad=seen,
        camera_y_rad=-seen,
        fine_closed=int(closed),
        mirror_x_rad=-seen,
        mirror_y_rad=seen,
    )
    state, command = step(CONFIG, CoarseState(), sample, DT_S)
    assert abs(command.yaw_rate_rad_s) <= LIMITS.max_rate_rad_s
    assert abs(command.pitch_rate_rad_s) <= LIMITS.max_rate_rad_s
    assert all(map(math.isfinite, state))


@given(st.floats(-1e3, 1e3))
def test_wrap(angle: float) -> None:
    wrapped = wrap_rad(angle)
    assert -math.pi <= wrapped < math.pi
    assert math.remainder(wrapped - angle, 2.0 * math.pi) == pytest.approx(0.0, abs=1e-9)
