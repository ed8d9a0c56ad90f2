"""Two terminals of one sender: what is the sender's is the same, all else is not."""

import numpy as np
import pytest

from config.loader import load_scenario
from hil.two_arms import second_of
from sim_devices.carrier import Carrier
from sim_devices.randomness import other_arm, stream
from sim_devices.true_sky import TrueSky
from terminal.geometry.time_scales import utc_julian_date
from terminal.window import resolve_window


@pytest.mark.parametrize("name", ["ephemeris", "time_bias", "sender_clock", "pairs_7"])
def test_the_senders_draws_are_shared(name: str) -> None:
    assert stream(5, name).random() == stream(other_arm(5), name).random()
    assert stream(5, name).random() != stream(other_arm(6), name).random()


@pytest.mark.parametrize("name", ["mounting", "photons", "detectors", "reference", "beam", "air"])
def test_the_terminals_draws_are_its_own(name: str) -> None:
    assert stream(5, name).random() != stream(other_arm(5), name).random()


def test_both_worlds_have_one_partner_with_one_clock() -> None:
    scenario = load_scenario("haps_two_laps")
    pairs = scenario.mission.source.pairs
    assert pairs is not None
    window = resolve_window(scenario.mission)
    found = []
    for one, seed in ((scenario, 3), (second_of(scenario, pairs), other_arm(3))):
        carrier = Carrier(one, seed)
        sky = TrueSky(
            one, seed, carrier, window.start_tai_ns, utc_julian_date(window.start_tai_ns), 2.0
        )
        toward = np.einsum("nji,nj->ni", carrier.path.ned_axes(sky.los.t_s), sky.los.los_ned)
        place = carrier.position_ecef_m(sky.los.t_s)
        found.append((place + sky.los.range_m[:, None] * toward, carrier.draws.clock_offset_s))
    (first, first_clock), (second, second_clock) = found
    assert first_clock == second_clock != 0.0
    # Light left it some microseconds apart, when it flew 25 m/s; aberration tilts the line of
    # sight by v / c = 1e-7 of the drone, 3 mm, and of the Earth's turning, some cm.
    assert np.abs(first - second).max() < 0.2
