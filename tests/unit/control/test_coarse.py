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
    MOST_INTEGRAL_RAD_S,
    NONE,
    CoarseState,
    step,
)
from terminal.control.guidance.keep_out import KeepOutZone
from terminal.geometry.gimbal_frame import Joints, image_axes, joints_toward
from terminal.geometry.vector import Vec, add, cross, dot, unit
from terminal.mode import Mode
from terminal.pointing_messages import CoarseCommand, CoarseSample

CONFIG = load_scenario("leo_haps_downlink").terminal
RANGE = CONFIG.gimbal
DT_S = 0.02
START_NS = 10**18
YAW_RAD, PITCH_RAD = 1.0, 0.8
TARGET = Joints(YAW_RAD, PITCH_RAD)


class Gimbal:
    """Ideal joints under the rate loop; guidance aims at the prediction, corrected as learned."""

    def __init__(
        self, yaw_rad: float = YAW_RAD, pitch_rad: float = PITCH_RAD, target: Joints = TARGET
    ) -> None:
        self.yaw_rad, self.pitch_rad, self.roll_rad = yaw_rad, pitch_rad, target.roll_rad
        self.state, self.command = CoarseState(), CoarseCommand()
        self.t_ns = START_NS
        self.los = image_axes(target).boresight
        self.sample = CoarseSample(
            t_ns=START_NS,
            gimbal_t_ns=START_NS,
            yaw_rad=yaw_rad,
            pitch_rad=pitch_rad,
            roll_rad=target.roll_rad,
            motors_on=1,
            mode=Mode.POINT,
            pointing_valid=1,
            los_x=self.los[0],
            los_y=self.los[1],
            los_z=self.los[2],
            target_yaw_rad=target.yaw_rad,
            target_pitch_rad=target.pitch_rad,
            target_roll_rad=target.roll_rad,
            yaw_rate_rad_s=0.0,
            pitch_rate_rad_s=0.0,
            roll_rate_rad_s=0.0,
            detour_rad=0.0,
            keep_out=0,
            look_yaw_rad=target.yaw_rad,
            look_pitch_rad=target.pitch_rad,
            look_roll_rad=target.roll_rad,
            look_yaw_rate_rad_s=0.0,
            look_pitch_rate_rad_s=0.0,
            look_roll_rate_rad_s=0.0,
            camera_seen=0,
            camera_frame_t_ns=0,
            camera_x_rad=0.0,
            camera_y_rad=0.0,
            fine_closed=0,
            mirror_x_rad=0.0,
            mirror_y_rad=0.0,
        )

    @property
    def joints(self) -> Joints:
        return Joints(self.yaw_rad, self.pitch_rad, self.roll_rad)

    def run(self, ticks: int, **changes: object) -> CoarseCommand:
        """`changes` stand in every sample of these ticks and of all that follow. Where none says
        so, nothing is sought: guidance looks where the partner is."""
        s = self.sample._replace(**changes)  # type: ignore[arg-type]
        if not any(name.startswith("look_") for name in changes):
            s = s._replace(
                look_yaw_rad=s.target_yaw_rad,
                look_pitch_rad=s.target_pitch_rad,
                look_roll_rad=s.target_roll_rad,
                look_yaw_rate_rad_s=s.yaw_rate_rad_s,
                look_pitch_rate_rad_s=s.pitch_rate_rad_s,
                look_roll_rate_rad_s=s.roll_rate_rad_s,
            )
        self.sample = s
        for _ in range(ticks):
            self.t_ns += round(DT_S * 1e9)
            self.sample = self.sample._replace(
                t_ns=self.t_ns,
                gimbal_t_ns=self.t_ns,
                yaw_rad=self.yaw_rad,
                pitch_rad=self.pitch_rad,
                roll_rad=self.roll_rad,
            )
            self.state, self.command = step(CONFIG, self.state, self.sample, DT_S)
            self.yaw_rad += self.command.yaw_rate_rad_s * DT_S
            self.pitch_rad += self.command.pitch_rate_rad_s * DT_S
            self.roll_rad += self.command.roll_rate_rad_s * DT_S
        return self.command

    def see(self, ticks: int, beacon: Vec, mode: Mode) -> float:
        """A beacon in that direction of the base, in a fresh image at each tick; what is left."""
        for _ in range(ticks):
            axes = image_axes(self.joints)
            x, y = dot(beacon, axes.right), dot(beacon, axes.up)
            self.run(
                1,
                mode=mode,
                camera_seen=1,
                camera_frame_t_ns=self.t_ns + round(DT_S * 1e9),
                camera_x_rad=x,
                camera_y_rad=y,
            )
        return math.hypot(x, y)

    @property
    def learned(self) -> Vec:
        """The prediction as corrected by what was learned."""
        c = self.command
        return unit(
            add(self.los, cross((c.offset_x_rad, c.offset_y_rad, c.offset_z_rad), self.los))
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


def test_acquire_follows_the_scan() -> None:
    """A circle of 5 mrad at 20 mrad/s: its rate is fed forward."""
    gimbal = Gimbal()
    worst, lever = 0.0, math.cos(PITCH_RAD)
    for k in range(500):
        phase = 4.0 * k * DT_S
        x, y = 5e-3 * math.sin(phase), 5e-3 * math.cos(phase)
        command = gimbal.run(
            1,
            mode=Mode.ACQUIRE,
            look_yaw_rad=YAW_RAD + x / lever,
            look_pitch_rad=PITCH_RAD + y,
            look_yaw_rate_rad_s=4.0 * y / lever,
            look_pitch_rate_rad_s=-4.0 * x,
        )
        assert command.source == ENCODERS
        off_x = (gimbal.sample.yaw_rad - YAW_RAD) * lever - x
        off_y = gimbal.sample.pitch_rad - PITCH_RAD - y
        if k > 100:
            worst = max(worst, math.hypot(off_x, off_y))
    # What one tick of the circle's turning leaves: 20 mrad/s x 4 /s x (20 ms)^2 / 2, and its sum
    # through the loop's 0.25 s.
    assert worst < 0.3e-3


def test_while_a_beacon_leads_the_scan_moves_nothing() -> None:
    """It halts a tick later than the camera leads: its rate must not push meanwhile."""
    seen = {"camera_seen": 1, "camera_frame_t_ns": START_NS}
    scan = {"look_yaw_rate_rad_s": 20e-3, "look_pitch_rate_rad_s": 20e-3, "look_yaw_rad": 1.01}
    command = Gimbal().run(1, mode=Mode.ACQUIRE, **seen, **scan)
    assert (command.yaw_rate_rad_s, command.pitch_rate_rad_s) == (0.0, 0.0)


def test_camera_leads_when_it_is_fresh_and_not_when_it_is_old() -> None:
    gimbal = Gimbal()
    fresh = {"camera_seen": 1, "camera_x_rad": 1e-3, "camera_y_rad": -2e-3}
    command = gimbal.run(1, mode=Mode.TRACK, camera_frame_t_ns=START_NS, **fresh)
    assert (command.source, command.error_x_rad, command.error_y_rad) == (CAMERA, 1e-3, -2e-3)
    assert not command.on_target
    assert command.yaw_rate_rad_s > 0.0 > command.pitch_rate_rad_s
    # 0.2 s after the frame it is no measurement any more.
    assert gimbal.run(8).source == CAMERA
    assert gimbal.run(2).source == ENCODERS


def test_no_beacon_leads_into_the_sun_s_circle() -> None:
    gimbal = Gimbal()
    seen = {"camera_seen": 1, "camera_x_rad": 3e-3, "fine_closed": 0, "camera_frame_t_ns": START_NS}
    zone = KeepOutZone.SUN | KeepOutZone.SUN_AVOID
    assert gimbal.run(1, mode=Mode.ACQUIRE, keep_out=zone, **seen).source == ENCODERS
    assert gimbal.run(1, mode=Mode.ACQUIRE, keep_out=KeepOutZone.SUN, **seen).source == CAMERA


def test_the_integrator_is_bounded() -> None:
    """A mirror whose mean never goes, as one that is stuck, would wind it up without end."""
    gimbal = Gimbal()
    stuck = {"fine_closed": 1, "mirror_x_rad": 60e-6, "mirror_y_rad": -60e-6}
    gimbal.run(1, mode=Mode.LINK, **stuck)
    state = gimbal.state
    for k in range(200_000):
        state, _ = step(CONFIG, state, gimbal.sample, DT_S)
        if k == 500:
            early = state
    assert early.integral_x_rad_s == pytest.approx(0.5 * 60e-6 * 502 * DT_S)
    assert state.integral_x_rad_s == MOST_INTEGRAL_RAD_S
    assert state.integral_y_rad_s == -MOST_INTEGRAL_RAD_S


def test_the_integrator_holds_while_an_axis_is_at_its_limit() -> None:
    gimbal = Gimbal()
    most = {"yaw_rate_rad_s": 2.0 * RANGE.max_rate_rad_s}
    near = {"fine_closed": 1, "mirror_x_rad": 50e-6}
    gimbal.run(100, mode=Mode.LINK, **near, **most)
    assert gimbal.state.integral_x_rad_s == 0.0
    gimbal.run(100, yaw_rate_rad_s=0.0)
    assert gimbal.state.integral_x_rad_s == pytest.approx(0.5 * 50e-6 * 100 * DT_S)


def test_a_false_beacon_teaches_nothing_that_stays() -> None:
    gimbal = Gimbal()
    gimbal.see(200, image_axes(Joints(YAW_RAD + 4e-3, PITCH_RAD - 3e-3)).boresight, Mode.TRACK)
    assert math.hypot(*gimbal.state.offset_rad) > 2e-3
    command = gimbal.run(1, mode=Mode.ACQUIRE, camera_seen=0, false_locks=1)
    assert (command.offset_x_rad, command.offset_y_rad, command.offset_z_rad) == (0.0, 0.0, 0.0)
    assert gimbal.state.learned_s == 0.0
    # It is heard of once.
    gimbal.see(50, image_axes(Joints(YAW_RAD + 1e-3, PITCH_RAD)).boresight, Mode.TRACK)
    assert math.hypot(*gimbal.state.offset_rad) > 0.5e-3


@pytest.mark.parametrize("mode", [Mode.POINT, Mode.STANDBY, Mode.SAFE])
def test_no_beacon_leads_where_none_is_looked_for(mode: Mode) -> None:
    gimbal = Gimbal()
    seen = {"camera_seen": 1, "camera_frame_t_ns": START_NS, "fine_closed": 1}
    assert gimbal.run(1, mode=mode, **seen).source in (NONE, ENCODERS)


def test_mirror_leads_while_the_fine_loop_is_closed() -> None:
    gimbal = Gimbal()
    command = gimbal.run(
        1,
        mode=Mode.LINK,
        camera_seen=1,
        camera_frame_t_ns=START_NS,
        camera_x_rad=5e-3,
        fine_closed=1,
        mirror_x_rad=50e-6,
        mirror_y_rad=-30e-6,
    )
    assert (command.source, command.error_x_rad, command.error_y_rad) == (MIRROR, 50e-6, -30e-6)


def test_what_the_beacon_taught_corrects_the_prediction() -> None:
    beacon = image_axes(Joints(YAW_RAD + 4e-3, PITCH_RAD - 3e-3)).boresight
    gimbal = Gimbal()
    # The integrator took 0.1 mrad / 3 x 0.5 in the last of the pull, and creeps back by 3 /s.
    assert gimbal.see(300, beacon, Mode.TRACK) < 5.6e-6
    command = gimbal.run(1, mode=Mode.LOST, camera_seen=0)
    assert command.source == ENCODERS
    assert gimbal.learned == pytest.approx(beacon, abs=20e-6)


def test_one_direction_teaches_no_rotation_about_itself() -> None:
    beacon = image_axes(Joints(YAW_RAD + 4e-3, PITCH_RAD - 3e-3)).boresight
    gimbal = Gimbal()
    gimbal.see(100, beacon, Mode.TRACK)
    assert dot(gimbal.state.offset_rad, gimbal.los) == pytest.approx(0.0, abs=1e-9)


def test_sent_beside_the_partner_it_does_not_follow_the_image() -> None:
    gimbal = Gimbal()
    seen = {"camera_seen": 1, "camera_frame_t_ns": START_NS, "camera_x_rad": 2e-3}
    assert gimbal.run(1, mode=Mode.TRACK, detour_rad=2e-3, **seen).source == ENCODERS
    assert gimbal.run(1, mode=Mode.TRACK, detour_rad=0.0, **seen).source == CAMERA


@pytest.mark.parametrize("pitch_rad", [1.0, 1.4, 1.55, 1.5708])
def test_with_a_third_axis_the_image_is_pulled_in_up_to_the_zenith(pitch_rad: float) -> None:
    """The roll axis does what yaw cannot: straight up, yaw moves nothing."""
    target = Joints(YAW_RAD, pitch_rad)
    start = image_axes(target)
    beacon = unit(add(start.boresight, (3e-3 * start.right[0], 3e-3 * start.right[1], 0.0)))
    gimbal = Gimbal(pitch_rad=pitch_rad, target=target)
    assert RANGE.roll_max_rad > 0.0
    assert gimbal.see(150, beacon, Mode.TRACK) < 5e-6
    # Where yaw has a lever it takes over in the end, and roll goes back to its target; near the
    # zenith both stay near theirs.
    assert (abs(gimbal.roll_rad) > abs(gimbal.yaw_rad - YAW_RAD)) == (pitch_rad > 1.3)


def test_roll_goes_back_to_its_target_without_moving_the_image() -> None:
    gimbal = Gimbal(target=Joints(YAW_RAD, PITCH_RAD, 0.1))
    beacon = image_axes(Joints(YAW_RAD, PITCH_RAD, 0.1)).boresight
    for _ in range(100):
        assert gimbal.see(1, beacon, Mode.TRACK) < 0.3e-3
        gimbal.run(1, target_roll_rad=0.0)
    assert abs(gimbal.roll_rad) < 1e-3


def test_near_the_zenith_yaw_goes_to_its_target_without_moving_the_image() -> None:
    """Half a tenth of a radian of yaw are made up for by the roll that looks the same way."""
    gimbal = Gimbal(pitch_rad=1.5, target=Joints(YAW_RAD, 1.5))
    beacon = image_axes(Joints(YAW_RAD, 1.5)).boresight
    away = joints_toward(beacon, 3e-3)
    target = {"target_yaw_rad": away.yaw_rad, "target_pitch_rad": away.pitch_rad}
    assert abs(away.yaw_rad - YAW_RAD) > 0.04
    for _ in range(100):
        assert gimbal.see(1, beacon, Mode.TRACK) < 0.3e-3
        gimbal.run(1, **target, target_roll_rad=3e-3)
    assert gimbal.yaw_rad == pytest.approx(away.yaw_rad, abs=2e-3)
    assert gimbal.roll_rad == pytest.approx(3e-3, abs=1e-3)


def test_safe_and_standby_forget_and_stand_still() -> None:
    gimbal = Gimbal()
    gimbal.see(50, image_axes(Joints(YAW_RAD + 4e-3, PITCH_RAD)).boresight, Mode.TRACK)
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
    # A stamp from the future would hide a silence that follows.
    _, command = step(CONFIG, gimbal.state, gimbal.sample._replace(t_ns=late_ns - 10**10), DT_S)
    assert (command.yaw_rate_rad_s, command.pitch_rate_rad_s) == (0.0, 0.0)
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
        look_pitch_rad=data.draw(st.sampled_from([target_pitch, math.pi / 2])),
        camera_seen=int(found),
        camera_frame_t_ns=START_NS,
        camera_x_rad=seen,
        camera_y_rad=-seen,
        fine_closed=int(closed),
        mirror_x_rad=-seen,
        mirror_y_rad=seen,
    )
    state, command = step(CONFIG, CoarseState(), sample, DT_S)
    rates = command.yaw_rate_rad_s, command.pitch_rate_rad_s, command.roll_rate_rad_s
    assert all(abs(rate) <= RANGE.max_rate_rad_s for rate in rates)
    assert all(map(math.isfinite, (*state.offset_rad, *state[1:])))
