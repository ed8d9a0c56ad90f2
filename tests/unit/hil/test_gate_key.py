"""The rule of the time gate against what it is for: the key, by the analytic link model."""

import math

import numpy as np
import pytest
from msgspec import structs
from numpy.typing import NDArray

from config.loader import load_scenario
from config.world import World
from hil.expected import Bins, expected_key, link_transmittance
from terminal.qkd.finite_key import SiftedCounts, key_length, key_parameters
from terminal.timetags.mixture import Mixture
from terminal.timetags.time_gate import half_width_s

SCENARIO = load_scenario("leo_haps_downlink")
MISSION, OPTICS, TIMING = SCENARIO.mission, SCENARIO.terminal.optics, SCENARIO.terminal.timing
JITTER_S = SCENARIO.world.detectors.jitter_s
SLOT_S = 1.0 / MISSION.source.pulse_rate_hz
FROM_CULMINATION_S = np.arange(-120.0, 120.0) + 0.5
RANGE_M = np.hypot(750e3, 7.4e3 * FROM_CULMINATION_S)
NONE = np.zeros_like(RANGE_M)
PASS = Bins(
    np.ones_like(RANGE_M),
    RANGE_M,
    np.arcsin(550e3 / RANGE_M),
    NONE + math.cos(0.02),
    NONE + math.cos(0.02),
    NONE + 3.3e-6,
)
FIXED_S = 1e-12 * np.arange(60.0, 1000.0, 20.0)


def world(brightness: float) -> World:
    """Sky of so many full moons, detectors without losses of their own."""
    air, optics = SCENARIO.world.atmosphere, SCENARIO.world.polarization
    radiance = brightness * air.background_radiance_w_m2_sr_um
    return structs.replace(
        SCENARIO.world,
        polarization=structs.replace(
            optics, channel_efficiency=(1.0,) * 4, channel_leak=(0.0,) * 4
        ),
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


def sifted(signal: float, noise: float) -> SiftedCounts:
    """Expected of so many sifted clicks of the key basis: signal with an error in 160, and noise,
    which does not know what was sent."""
    source = MISSION.source
    chance, mu = np.array(source.intensity_probabilities), np.array(source.intensities)
    right, random = signal * chance * mu / (chance @ mu), noise * chance
    check = ((1.0 - source.basis_x_probability) / source.basis_x_probability) ** 2
    x, wrong = right + random, right / 160.0 + random / 2.0
    return SiftedCounts(tuple(x), tuple(check * x), float(wrong.sum()), tuple(check * wrong))


def test_the_least_probability_is_where_a_click_is_worth_what_it_costs() -> None:
    """By differences of the key length itself, for a pass of a million sifted bits of which 1 %
    are wrong."""
    params = key_parameters(MISSION.source, MISSION.security)

    def bits(signal: float, noise: float) -> float:
        return key_length(sifted(signal, noise), params).unclipped_key_bits

    clicks, step = 1e6, 100.0
    noise = clicks * (0.01 - 1.0 / 160.0) / (0.5 - 1.0 / 160.0)
    signal = clicks - noise
    estimate = key_length(sifted(signal, noise), params)
    assert estimate.qber_x == pytest.approx(0.01)
    assert estimate.phase_error_x == pytest.approx(0.03, abs=0.003)
    gain = (bits(signal + step, noise) - bits(signal - step, noise)) / (2.0 * step)
    cost = (bits(signal, noise - step) - bits(signal, noise + step)) / (2.0 * step)
    least = cost / (gain + cost)
    print(f"a click gives {gain:.2f}, one of background costs {cost:.2f} bits: {least:.3f}")
    assert least == pytest.approx(TIMING.gate_signal_probability, abs=0.015)


def test_the_widest_gate_gives_less() -> None:
    sky = world(1.0)
    assert key_bits(gate_by_rule_s(sky), sky) > 1.1 * key_bits(TIMING.gate_half_width_s, sky)
