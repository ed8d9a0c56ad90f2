"""Whether the optics can aim where the mission's light has to go, through air that is known."""

from collections.abc import Iterator
from math import hypot

from config.mission import PlatformPartner
from config.problem import Problem
from config.scenario import Scenario
from config.terminal import LARGEST_AIM_SPOTS

AIR_WAVELENGTHS_M = (0.3e-6, 1.7e-6)
"""For which the air's refraction is known."""

LARGEST_DISPERSION_RAD = 20.0e-6
"""Between signal and beacon at 5 degrees of elevation: 1.6e-6 of refractivity between 810 and 1550
nm, times the cotangent."""

ORBIT_SPEED_M_S, EQUATOR_SPEED_M_S = 7.8e3, 465.0
"""Of the lowest orbits, and of the ground below."""
SPEED_OF_LIGHT_M_S = 299_792_458.0


def refraction_problems(scenario: Scenario) -> Iterator[Problem]:
    """What keeps refraction from being computed."""
    mission = scenario.mission
    if not mission.refraction:
        return
    if isinstance(mission.partner, PlatformPartner):
        yield Problem(
            "mission.refraction",
            "is known toward a partner beyond the air only: leave it out for a platform",
        )
    low_m, high_m = AIR_WAVELENGTHS_M
    for key, length_m in (
        ("mission.source.wavelength_m", mission.source.wavelength_m),
        ("terminal.optics.beacon_wavelength_m", scenario.terminal.optics.beacon_wavelength_m),
    ):
        if not low_m <= length_m <= high_m:
            yield Problem(
                key,
                f"{length_m:g} is outside {low_m:g} to {high_m:g}, for which mission.refraction is "
                "known",
            )


def aim_problems(scenario: Scenario) -> Iterator[Problem]:
    """What keeps our light from being led as far as it has to be, or the partner's from us."""
    mission, optics = scenario.mission, scenario.terminal.optics
    receives = mission.direction == "downlink"
    dispersion_rad = LARGEST_DISPERSION_RAD if mission.refraction else 0.0
    # The air spreads in elevation, and most near the horizon, where a partner is led across it.
    ahead_rad = hypot(_largest_point_ahead_rad(scenario), dispersion_rad)
    held_rad = dispersion_rad if receives else 0.0
    if optics.point_ahead == "tracking_point":
        if receives:
            yield Problem(
                "terminal.optics.point_ahead",
                "tracking_point turns the whole line of sight off the light that a downlink "
                "receives: use mirror",
            )
        else:
            held_rad = ahead_rad
    elif optics.point_ahead_stroke_rad < ahead_rad:
        yield Problem(
            "terminal.optics.point_ahead_stroke_rad",
            f"{optics.point_ahead_stroke_rad:g} is too short: this partner is led by up to "
            f"{ahead_rad:.2g} rad",
        )
    if LARGEST_AIM_SPOTS * optics.quad_spot_rad < held_rad:
        yield Problem(
            "terminal.optics.quad_spot_rad",
            f"{optics.quad_spot_rad:g} is too small: the beacon is held up to {held_rad:.2g} rad "
            f"off the middle, and at most {LARGEST_AIM_SPOTS:g} of the spot is allowed",
        )


def _largest_point_ahead_rad(scenario: Scenario) -> float:
    """Twice the relative speed over that of light; both ends may fly against each other."""
    mission = scenario.mission
    speed_m_s = mission.track.speed_m_s
    if isinstance(mission.partner, PlatformPartner):
        speed_m_s += mission.partner.track.speed_m_s
    else:
        speed_m_s += ORBIT_SPEED_M_S + EQUATOR_SPEED_M_S
    return 2.0 * speed_m_s / SPEED_OF_LIGHT_M_S
