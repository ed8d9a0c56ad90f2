"""The planned search against the steps that fly it, driven with partners drawn at random."""

import math

import msgspec
import numpy as np
import pytest

from config.loader import load_scenario
from config.mission import Mission, SatellitePartner
from config.terminal import TerminalConfig
from terminal.control.coarse import CoarseState
from terminal.control.coarse import step as coarse_step
from terminal.control.guidance.joint_limits import JointRates
from terminal.control.guidance.search_look import joints_beside, turned
from terminal.control.search.acquire import SearchState, settings_of
from terminal.control.search.acquire import step as search_step
from terminal.control.search.footprint import SquareField
from terminal.geometry.gimbal_frame import Joints, image_axes
from terminal.geometry.vector import Vec, add, dot, scale, unit
from terminal.guidance_plan import keyhole_plan, slew_s
from terminal.mode import Mode
from terminal.plan_acquisition import acquisition_plan
from terminal.pointing_messages import AcquisitionCommand, AcquisitionSample, CoarseSample
from terminal.search_planning import (
    PlannedField,
    looks,
    planned_field,
    planned_search,
    prediction,
    pull_in,
)
from terminal.window import resolve_window

SCENARIO = load_scenario("leo_haps_downlink")
CONFIG = msgspec.structs.replace(
    SCENARIO.terminal,
    mounting=msgspec.structs.replace(SCENARIO.terminal.mounting, sigma_rad=5e-3),
    acquisition=msgspec.structs.replace(SCENARIO.terminal.acquisition, timing_sigma_s=0.5),
)
START_NS = resolve_window(SCENARIO.mission).start_tai_ns
DRAWS = 60
TICK_NS = 20_000_000
TARGET = Joints(0.3, 0.5)
LIMIT_S = 40.0


def searched_s(
    mission: Mission,
    config: TerminalConfig,
    field: PlannedField,
    sample: AcquisitionSample,
    place_rad: tuple[float, float],
    phase_ticks: int,
) -> float:
    """Time from ACQUIRE to the centred beacon: acquisition and coarse steps, a gimbal with its
    lag, a camera whose frames are a period old, three frames to confirm. inf if it is not found."""
    settings, axes = settings_of(mission, config), image_axes(TARGET)
    aside = add(scale(place_rad[0], axes.right), scale(place_rad[1], axes.up))
    partner = unit(add(axes.boresight, aside))
    camera = config.devices["camera"].options
    half_rad = 0.5 * float(camera["columns"]) * float(camera["pixel_rad"])  # type: ignore[arg-type]
    dt_s, frame_ticks = TICK_NS * 1e-9, 50 // config.rates.camera_hz
    search, coarse, told = SearchState(), CoarseState(), AcquisitionCommand()
    joints, rates = [TARGET.yaw_rad, TARGET.pitch_rad], [0.0, 0.0]
    lag_s = config.coarse.gimbal_lag_s
    stays = math.exp(-dt_s / lag_s)
    hits, confirmed, frame = 0, False, (0.0, 0.0)
    exposed: tuple[float, float] | None = None
    for k in range(round(LIMIT_S / dt_s)):
        t_ns = sample.t_ns + k * TICK_NS
        if (k + phase_ticks) % frame_ticks == 0:
            if exposed is not None:
                seen = max(abs(exposed[0]), abs(exposed[1])) < half_rad
                hits = hits + 1 if seen else 0
                confirmed = confirmed or hits >= config.acquisition.confirm_frames
                frame = exposed
                if confirmed and math.hypot(*frame) < config.coarse.handover_rad:
                    return k * dt_s
            now = image_axes(Joints(*joints))
            depth = dot(partner, now.boresight)
            exposed = dot(partner, now.right) / depth, dot(partner, now.up) / depth
        s = sample._replace(t_ns=t_ns, camera_confirmed=confirmed)
        los: Vec = axes.boresight
        # As guidance does, with what the search told a tick ago.
        x, y = told.scan_x_rad, told.scan_y_rad
        x_rate, y_rate = told.scan_rate_x_rad_s, told.scan_rate_y_rad_s
        look, look_rates = joints_beside(
            config.gimbal,
            TARGET,
            JointRates(0.0, 0.0),
            turned(los, axes, x + x_rate * dt_s, y + y_rate * dt_s),
            add(scale(x_rate, axes.right), scale(y_rate, axes.up)),
        )
        search, told = search_step(settings, search, s, dt_s)
        coarse, command = coarse_step(
            config,
            coarse,
            CoarseSample(
                t_ns=t_ns,
                gimbal_t_ns=t_ns,
                yaw_rad=joints[0],
                pitch_rad=joints[1],
                roll_rad=0.0,
                motors_on=True,
                mode=Mode.ACQUIRE,
                pointing_valid=True,
                los_x=los[0],
                los_y=los[1],
                los_z=los[2],
                target_yaw_rad=TARGET.yaw_rad,
                target_pitch_rad=TARGET.pitch_rad,
                target_roll_rad=0.0,
                yaw_rate_rad_s=0.0,
                pitch_rate_rad_s=0.0,
                roll_rate_rad_s=0.0,
                detour_rad=0.0,
                keep_out=0,
                look_yaw_rad=look.yaw_rad,
                look_pitch_rad=look.pitch_rad,
                look_roll_rad=0.0,
                look_yaw_rate_rad_s=look_rates.yaw_rad_s,
                look_pitch_rate_rad_s=look_rates.pitch_rad_s,
                look_roll_rate_rad_s=0.0,
                camera_seen=confirmed,
                camera_frame_t_ns=t_ns,
                camera_x_rad=frame[0],
                camera_y_rad=frame[1],
                fine_closed=False,
                mirror_x_rad=0.0,
                mirror_y_rad=0.0,
            ),
            dt_s,
        )
        told_rates = command.yaw_rate_rad_s, command.pitch_rate_rad_s
        for axis, told_rate in enumerate(told_rates):
            # First order, its exact solution for a rate that is held.
            late = (rates[axis] - told_rate) * (1.0 - stays)
            joints[axis] += told_rate * dt_s + late * lag_s
            rates[axis] = told_rate + (rates[axis] - told_rate) * stays
    return math.inf


def walked_s(
    config: TerminalConfig, field: PlannedField, place_rad: tuple[float, float], first_s: float
) -> float:
    """What the plan reckons for one place: frames from `first_s` on, three in a row, pull-in."""
    camera, period_s, hits, t_s = looks(config), 1.0 / config.rates.camera_hz, 0, first_s
    while t_s < LIMIT_S:
        x, y = (p - o for p, o in zip(place_rad, field.scan.offset(t_s), strict=True))
        seen = SquareField(6.4e-3).detection(np.array(x), np.array(y)) > 0.5
        hits = hits + 1 if seen else 0
        if hits == camera.confirm_frames:
            rate = np.array([field.scan.rate(t_s)])
            error = np.array([[x, y]])
            frames = pull_in(config).frames(error, rate, period_s, camera.latency_s)
            return t_s + camera.latency_s + float(frames[0]) * period_s
        t_s += period_s
    return math.inf


def test_planned_times_are_those_of_the_steps_that_fly() -> None:
    """Place by place, so that no luck of the draw is in it. The distribution over all places is
    held against brute force where it is made.

    Loops tick at half a frame's period and the gimbal lags: the plan is good to a frame, 40 ms, on
    the average, where the sampling interval of 500 searches is 300 ms to either side.
    """
    mission, attitude_rad = SCENARIO.mission, 3e-3
    field = planned_field(mission, CONFIG, START_NS, 5.0, attitude_rad)
    p = prediction(mission, CONFIG, START_NS, 5.0, attitude_rad)
    u = field.uncertainty
    # Such a rate in the image as gives the same field.
    rate_x = math.sqrt(u.xx - p.sigma_rad**2) / p.along_sigma_s
    rate_y = math.copysign(math.sqrt(u.yy - p.sigma_rad**2) / p.along_sigma_s, u.xy)
    sample = AcquisitionSample(
        START_NS, Mode.ACQUIRE, p.sigma_rad, p.along_sigma_s, rate_x, rate_y, 0, 0, 0, 0
    )
    rng = np.random.default_rng(7)
    places = rng.multivariate_normal([0.0, 0.0], [[u.xx, u.xy], [u.xy, u.yy]], DRAWS)
    flown, planned = (np.zeros(DRAWS) for _ in range(2))
    for k, (x, y) in enumerate(places.tolist()):
        flown[k] = searched_s(mission, CONFIG, field, sample, (x, y), k % 2)
        planned[k] = walked_s(CONFIG, field, (x, y), k % 2 * TICK_NS * 1e-9)
    assert np.isfinite(flown).all()
    off = flown - planned
    period_s = 1.0 / CONFIG.rates.camera_hz
    assert abs(off.mean()) < period_s
    assert np.quantile(np.abs(off), 0.9) < 3.0 * period_s


def test_field_is_made_of_what_the_configuration_says() -> None:
    """sigma: attitude, mounting, the partner across its path and our own place, over the range."""
    mission = SCENARIO.mission
    assert isinstance(mission.partner, SatellitePartner)
    p = prediction(mission, CONFIG, START_NS, 0.0, 3e-3)
    beside_m = max(mission.partner.sigma_m[0], mission.partner.sigma_m[2])
    sigma = math.hypot(3e-3, 5e-3, beside_m / p.range_m, 5.0 / p.range_m)
    assert p.valid
    # The attitude's drift since the fix is in it too.
    assert p.sigma_rad == pytest.approx(sigma, rel=1e-3)
    axes = planned_field(mission, CONFIG, START_NS, 0.0, 3e-3).uncertainty.axes()
    assert axes.minor_rad == pytest.approx(p.sigma_rad, rel=1e-9)
    sky_rate = math.hypot(p.los_rate_x, p.los_rate_y, p.los_rate_z)
    along = math.hypot(p.sigma_rad, p.along_sigma_s * sky_rate)
    assert axes.major_rad == pytest.approx(along, rel=1e-6)


def test_frames_confirmation_and_loop_are_the_terminals() -> None:
    camera, loop = looks(CONFIG), pull_in(CONFIG)
    assert (camera.frame_rate_hz, camera.confirm_frames) == (25.0, 3)
    # One period of 40 ms less half an exposure of 1 ms.
    assert camera.latency_s == pytest.approx(39.5e-3)
    coarse = CONFIG.coarse
    assert (loop.gain_per_s, loop.handover_rad) == (coarse.beacon_gain_per_s, coarse.handover_rad)


def test_slew_is_part_of_when_it_begins() -> None:
    mission = SCENARIO.mission
    keyhole = keyhole_plan(mission, CONFIG, START_NS)
    assert keyhole is not None
    after_s = slew_s(keyhole, CONFIG)
    assert after_s > abs(keyhole.yaw_rad[0]) / CONFIG.gimbal.max_rate_rad_s
    a = planned_search(mission, CONFIG, START_NS, limit_s=20.0)
    b = planned_search(mission, CONFIG, START_NS, after_s=after_s, limit_s=20.0)
    assert a.time.median_s == b.time.median_s
    shown = acquisition_plan(mission, CONFIG, START_NS, keyhole, 3e-3, after_s + 20.0)
    assert shown.median_s == a.time.median_s
    # The mean of as many searches as one likes, those that fail counted with the limit.
    shares = np.random.default_rng(1).random(20_000)
    drawn_s = np.minimum([a.time.quantile_s(float(share)) for share in shares], 20.0)
    unsure_s = float(drawn_s.std()) / len(drawn_s) ** 0.5
    assert shown.expected_s == pytest.approx(float(drawn_s.mean()), abs=4.0 * unsure_s)
    assert shown.limit_s == pytest.approx(20.0)
    assert shown.first_cover_probability > 0.999
