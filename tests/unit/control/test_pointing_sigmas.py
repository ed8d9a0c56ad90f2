"""Where the prediction thinks it is, how it smooths that, and how unsure it says it is."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace
from pointing_case import (
    CONFIG,
    DT_S,
    EARTH_ROTATION_RAD_S,
    EAST,
    MISSION,
    NORTH,
    PREDICTOR,
    SITE,
    UP,
    WINDOW,
    at_s,
    mounted,
    sample,
)
from scipy.signal import lfilter

from config.loader import load_scenario
from config.mission import PlatformPartner
from terminal.control.mounting.along_pass import SigmaAlong
from terminal.control.pointing import (
    POSITION_RESET_M,
    POSITION_TIME_CONSTANT_S,
    PointingState,
    Predictor,
    follow,
)
from terminal.geometry.body import Fix
from terminal.geometry.earth import ecef_from_geodetic
from terminal.mission_ephemeris import partner_ephemeris
from terminal.pointing_messages import PointingCommand, PointingSample
from terminal.window import resolve_window


def test_sigmas_of_a_satellite() -> None:
    """The elements are of 2016-12-18 21:38 UTC; speed 7.6 km/s."""
    elements = replace(
        MISSION.partner, sigma_m=(200.0, 1000.0, 300.0), sigma_growth_m_per_day=500.0
    )
    config = replace(
        CONFIG,
        mounting=replace(CONFIG.mounting, sigma_rad=2e-3),
        acquisition=replace(CONFIG.acquisition, timing_sigma_s=0.5),
    )
    predictor = Predictor(
        replace(MISSION, partner=elements),
        config,
        WINDOW.start_tai_ns,
        partner_ephemeris(replace(MISSION, partner=elements), WINDOW.start_tai_ns),
        SigmaAlong.steady(config.mounting.sigma_rad),
    )
    state = PointingState()
    for k in range(50):
        state, command = predictor.step(state, sample(at_s(60.0 + k * DT_S)), DT_S)
    expected = math.sqrt(1e-3**2 + 2e-3**2 + (300.0 / command.range_m) ** 2)
    assert command.sigma_rad == pytest.approx(expected, rel=1e-3)
    epoch_ns = 1_482_097_091_331_000_000 + 36 * 10**9  # Day 353.90152003 of 2016, in TAI.
    days = (at_s(61.0) - epoch_ns) / 86_400e9
    ephemeris = partner_ephemeris(MISSION, WINDOW.start_tai_ns)
    position, velocity = (np.array(v) for v in ephemeris.state_ecef(at_s(61.0)))
    speed = np.linalg.norm(velocity + np.cross([0.0, 0.0, EARTH_ROTATION_RAD_S], position))
    along_s = (1000.0 + 500.0 * abs(days)) / speed
    assert command.along_sigma_s == pytest.approx(math.hypot(along_s, 0.5), rel=1e-4)


def test_sigmas_of_a_platform() -> None:
    scenario = load_scenario("haps_laps_downlink")
    partner = scenario.mission.partner
    assert isinstance(partner, PlatformPartner)
    start_ns = resolve_window(scenario.mission).start_tai_ns
    predictor = Predictor(
        scenario.mission,
        scenario.terminal,
        start_ns,
        partner_ephemeris(scenario.mission, start_ns),
        SigmaAlong.steady(scenario.terminal.mounting.sigma_rad),
    )
    s = PointingSample(
        start_ns, start_ns, SITE[0], SITE[1], 1000.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1e-3, 40.0
    )
    state = PointingState()
    for k in range(2):
        shift = k * 20_000_000
        state, command = predictor.step(
            state, s._replace(t_ns=start_ns + shift, fix_t_ns=start_ns + shift), DT_S
        )
    mounting = scenario.terminal.mounting.sigma_rad
    expected = math.hypot(1e-3, mounting, partner.sigma_m / command.range_m, 40.0 / command.range_m)
    assert command.sigma_rad == pytest.approx(expected, rel=1e-3)
    assert command.along_sigma_s == 0.0


def fly(
    seconds: float,
    altitude_m: Callable[[int], float],
    state: PointingState | None = None,
    start_s: float = 0.0,
) -> tuple[PointingState, list[PointingCommand], list[float]]:
    """50 fixes a second with this altitude (m) by tick; commands and filtered altitudes."""
    state = state or PointingState()
    commands, altitudes = [], []
    for k in range(round(seconds / DT_S)):
        s = sample(at_s(start_s + k * DT_S), altitude_m=altitude_m(k))
        state, command = PREDICTOR.step(state, s, DT_S)
        commands.append(command)
        assert state.place is not None
        altitudes.append(state.place.altitude_m)
    return state, commands, altitudes


def test_position_rides_through_noise() -> None:
    """A first-order filter of weight w = dt / T, which leaves sqrt(w / (2 - w)) of white noise:
    2.2 % of a metre, where a slot of 5 ns is 1.5 m long."""
    noise = np.random.default_rng(1).normal(0.0, 1.0, 1000)
    noise[0] = 0.0
    _, _, altitudes = fly(20.0, lambda k: 20_000.0 + noise[k])
    weight = DT_S / POSITION_TIME_CONSTANT_S
    expected = lfilter([weight], [1.0, weight - 1.0], noise)
    np.testing.assert_allclose(np.array(altitudes) - 20_000.0, expected, atol=1e-8)
    assert np.abs(expected).max() < 5.0 * math.sqrt(weight / (2.0 - weight))


def fix(t_ns: int, altitude_m: float = SITE[2], velocity: Any = (0.0, 0.0, 0.0)) -> Fix:
    return Fix(t_ns, SITE[0], SITE[1], altitude_m, velocity, (1.0, 0.0, 0.0, 0.0), 1e-3, 2.0)


def test_velocity_is_dead_reckoned_between_fixes() -> None:
    """A fix that has stopped half a second ago still says where the terminal is."""
    place, stepped = follow(None, fix(at_s(10.0), velocity=(25.0, -10.0, 2.0)), at_s(10.5))
    assert not stepped
    before = np.array(ecef_from_geodetic(*SITE))
    moved = np.array(ecef_from_geodetic(*place[1:4])) - before
    assert moved @ NORTH == pytest.approx(12.5, abs=1e-3)
    assert moved @ EAST == pytest.approx(-5.0, abs=1e-3)
    assert moved @ UP == pytest.approx(-1.0, abs=1e-3)


@pytest.mark.parametrize("jump_m", [0.9 * POSITION_RESET_M, 1.5 * POSITION_RESET_M])
def test_a_fix_elsewhere_slides_in_or_starts_anew(jump_m: float) -> None:
    t_ns = at_s(10.0)
    place, _ = follow(None, fix(t_ns), t_ns)
    later_ns = t_ns + 20_000_000
    place, stepped = follow(place, fix(later_ns, SITE[2] + jump_m), later_ns)
    share = 1.0 if jump_m > POSITION_RESET_M else DT_S / POSITION_TIME_CONSTANT_S
    assert stepped == (jump_m > POSITION_RESET_M)
    assert place.altitude_m - SITE[2] == pytest.approx(share * jump_m, rel=1e-6)
    assert place.off_m == (0.0 if stepped else pytest.approx(jump_m, rel=1e-6))


def test_what_the_filter_has_to_make_up_for_is_in_the_sigma() -> None:
    """A step of 15 m, under what counts as a jump: 15 m / 1000 km beside the attitude's 1 mrad."""
    predictor = mounted(sigma_rad=1e-7)
    commands, off_m = [], 0.0
    for step_m in (0.0, 15.0):
        state = PointingState()
        for k in range(200):
            # A millimetre to and fro: a unit whose values never change is frozen.
            high = (step_m if k >= 100 else 0.0) + 0.001 * (k % 2)
            s = sample(at_s(k * DT_S), altitude_m=SITE[2] + high, attitude_sigma_rad=30e-6)
            state, command = predictor.step(state, s, DT_S)
        assert not command.events
        assert state.place is not None
        off_m = state.place.off_m
        commands.append(command)
    quiet, stepped = commands
    # The filter has had 2 s of its 20.
    assert off_m == pytest.approx(15.0 * math.exp(-0.1), rel=1e-2)
    grown = stepped.sigma_rad**2 - quiet.sigma_rad**2
    assert grown == pytest.approx((off_m / stepped.range_m) ** 2, rel=1e-3)
