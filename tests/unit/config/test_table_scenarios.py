"""The scenarios of the article's Table I, and what is stated of each of them."""

import pytest

from config.loader import load_scenario, scenario_names
from config.mission import PlatformPartner, SatellitePartner

LINKS = ("leo_ground", "leo_haps", "leo_laps", "haps_laps")
ALTITUDES_M = {"ground": (0.0, 4000.0), "haps": (18e3, 25e3), "laps": (0.0, 5000.0)}
APERTURES_M = {"ground": (0.4, 1.5), "haps": (0.1, 0.35), "laps": (0.1, 0.15)}
"""Stated in the article."""
# ICAO standard atmosphere (Doc 7488), troposphere.
SEA_LEVEL_HPA, SEA_LEVEL_K, LAPSE_K_PER_M, EXPONENT = 1013.25, 288.15, 6.5e-3, 5.2559


@pytest.mark.parametrize("direction", ["downlink", "uplink"])
@pytest.mark.parametrize("link", LINKS)
def test_link_of_the_table(link: str, direction: str) -> None:
    scenario = load_scenario(f"{link}_{direction}")
    mission, receiver = scenario.mission, scenario.mission.receiver
    far, near = link.split("_")
    assert mission.direction == direction
    assert (receiver is not None) == (direction == "uplink")
    assert isinstance(mission.partner, SatellitePartner if far == "leo" else PlatformPartner)
    low, high = ALTITUDES_M[near]
    assert low <= mission.track.altitude_m <= high
    low, high = APERTURES_M[near]
    assert low <= scenario.terminal.optics.aperture_m <= high
    assert mission.source.wavelength_m == 810e-9
    assert mission.source.pulse_rate_hz == 200e6


@pytest.mark.parametrize("name", scenario_names())
def test_the_air_bends_where_the_terminal_reckons_with_it(name: str) -> None:
    """From the ground both bend it, by the pressure of the altitude; higher up neither does."""
    scenario = load_scenario(name)
    track, air = scenario.mission.track, scenario.world.atmosphere
    on_ground = track.speed_m_s == 0.0
    assert scenario.mission.refraction == on_ground == (air.refracting_pressure_hpa > 0.0)
    if on_ground:
        cooled = 1.0 - LAPSE_K_PER_M * track.altitude_m / SEA_LEVEL_K
        assert air.refracting_pressure_hpa == pytest.approx(
            SEA_LEVEL_HPA * cooled**EXPONENT, abs=0.5
        )


@pytest.mark.parametrize("name", scenario_names())
def test_true_stops_lie_outside_of_what_the_terminal_uses(name: str) -> None:
    scenario = load_scenario(name)
    told, true = scenario.terminal.gimbal, scenario.world.gimbal
    assert -true.yaw_limit_rad < told.yaw_min_rad < told.yaw_max_rad < true.yaw_limit_rad
    assert true.pitch_min_rad < told.pitch_min_rad < told.pitch_max_rad < true.pitch_max_rad
    assert told.max_rate_rad_s <= true.max_rate_rad_s
    assert told.max_acceleration_rad_s2 <= true.max_acceleration_rad_s2


def test_an_uplink_flies_with_a_tracking_point() -> None:
    assert load_scenario("leo_ground_uplink").terminal.optics.point_ahead == "tracking_point"
