"""The rule of the time gate against what it is for: the key, by the analytic link model."""

import math

import numpy as np
import pytest
from msgspec import structs
from numpy.typing import NDArray

from config.loader import load_scenario
from config.world import World
from hil.expected import Bins, expected_key, link_transmittance
from terminal.timetags.mixture import Mixture
from terminal.timetags.time_gate import half_width_s

SCENARIO = load_scenario("leo_haps_downlink")
MISSION, OPTICS, TIMING = SCENARIO.mission, SCENARIO.terminal.optics, SCENARIO.terminal.timing
JITTER_S = SCENARIO.world.detectors.jitter_s
SLOT_S = 1.0 / MISSION.source.pulse_rate_hz
HOUR_ANGLE_S = np.arange(-120.0, 120.0) + 0.5
RANGE_M = np.hypot(750e3, 7.4e3 * HOUR_ANGLE_S)
NONE = np.zeros_like(RANGE_M)
PASS = Bins(
    np.ones_like(RANGE_M), RANGE_M, np.arcsin(550e3 / RANGE_M), NONE + 0.01, NONE, NONE + 3.3e-6
)
FIXED_S = 1e-12 * np.arange(60.0, 1000.0, 20.0)


def world(brightness: float) -> World:
    """Sky of so many full moons."""
    air = SCENARIO.world.atmosphere
    radiance = brightness * air.background_radiance_w_m2_sr_um
    return structs.replace(
        SCENARIO.world,
        atmosphere=structs.replace(air, background_radiance_w_m2_sr_um=radiance),
    )


def key_bits(gate_s: float | NDArray[np.float64], sky: World) -> float:
    return expected_key(MISSION, OPTICS, gate_s, sky, PASS).secret_key_bits


def gate_by_rule_s(sky: World) -> NDArray[np.float64]:
    """Of each bin, were its signal share and jitter known."""
    source, detectors = MISSION.source, sky.detectors
    eta = link_transmittance(MISSION, OPTICS, sky, PASS)
    public = source.public_share
    shares = (1.0 - public) * np.array(source.intensity_probabilities) + [public, 0.0, 0.0]
    signal_hz = source.pulse_rate_hz * (shares @ -np.expm1(-np.outer(source.intensities, eta)))
    clicks_hz = expected_key(MISSION, OPTICS, 0.6e-9, sky, PASS).click_rate_hz
    # Dead time takes from signal and background alike.
    alive = 1.0 - clicks_hz / 4.0 * detectors.dead_time_s
    fraction = signal_hz * alive / clicks_hz
    return np.array(
        [
            half_width_s(Mixture(p, JITTER_S), SLOT_S, TIMING.gate_signal_probability)
            for p in fraction.tolist()
        ]
    )


@pytest.mark.parametrize("brightness", [0.1, 1.0, 3.0, 10.0])
def test_no_fixed_gate_gives_much_more_key(brightness: float) -> None:
    """Fixed gates that nobody would know beforehand: the best of each sky, found afterwards."""
    sky = world(brightness)
    rule_s = np.clip(gate_by_rule_s(sky), TIMING.gate_least_half_width_s, TIMING.gate_half_width_s)
    best = max(key_bits(gate_s, sky) for gate_s in FIXED_S.tolist())
    assert best > 1000.0
    assert key_bits(rule_s, sky) > 0.97 * best


def test_the_least_probability_is_where_a_click_is_worth_what_it_costs() -> None:
    """The derivatives of the key length that `time_gate` tells of, at 1 % and 3 % of errors."""

    def h(x: float) -> float:
        return -x * math.log2(x) - (1.0 - x) * math.log2(1.0 - x)

    def slope(x: float) -> float:
        return math.log2((1.0 - x) / x)

    q, phi, f = 0.01, 0.03, MISSION.security.error_correction_efficiency
    gain = 0.5 * (1.0 - h(phi)) - f * (h(q) - q * slope(q))
    cost = f * (h(q) + (0.5 - q) * slope(q)) + 0.5 * slope(phi)
    assert cost / (gain + cost) == pytest.approx(TIMING.gate_signal_probability, abs=0.005)


def test_the_widest_gate_gives_less() -> None:
    sky = world(1.0)
    assert key_bits(gate_by_rule_s(sky), sky) > 1.1 * key_bits(TIMING.gate_half_width_s, sky)
