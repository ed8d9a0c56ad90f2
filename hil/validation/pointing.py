"""Where to aim: point-ahead, Doppler, light time and the Earth's turn, against closed forms."""

import math
from functools import cache, partial
from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq

from config.loader import load_scenario
from hil.validation.check import Check, Printed, Tolerance, closed_form
from terminal.figures.zenith_pass import ZenithPass
from terminal.geometry.earth import ecef_from_teme, inertial_velocity
from terminal.geometry.ephemeris import Ephemeris, TrackEphemeris
from terminal.geometry.light_time import (
    SPEED_OF_LIGHT_M_S,
    PointingSolution,
    azimuth_elevation,
    point_ahead_rad,
    solve,
)
from terminal.geometry.time_scales import SECOND_NS
from terminal.mission_ephemeris import partner_ephemeris
from terminal.window import resolve_window

TITLE = "Pointing, Doppler shift and light time"
ABOUT = """\
The pass of [`leo_haps_zenith`](../config/scenarios/leo_haps_zenith.yaml), and the round Earth of
the article's figures."""
SCENARIO = "leo_haps_zenith"
_STEP_NS = 4 * SECOND_NS
_DIFFERENCE_NS = SECOND_NS // 2
_EARTH_M, _GM = 6_371_000.0, 3.986004418e14
_EQUATOR_M, _TURN_RAD_S = 6_378_137.0, 7.292115e-5
_TURNING = "the Earth's rotation, 2 x 0.46 km/s / c, which the formula leaves out"
_TURNING_URAD = 2e6 * _EQUATOR_M * _TURN_RAD_S / SPEED_OF_LIGHT_M_S
_ORBIT_M = 500e3
_ROUND = "circular orbit over a round Earth at rest"
_ROUNDING = "1e-6 relative: rounding"


class _Seen(NamedTuple):
    """The satellite of the scenario at one time."""

    elevation_rad: float
    ahead_rad: float
    ahead_by_velocity_rad: float
    doppler: float
    doppler_by_light_time: float


def checks() -> list[Check]:
    speed, nadir = _circular(_ORBIT_M, math.radians(30.0))
    overhead = 2e6 * speed / SPEED_OF_LIGHT_M_S
    low = overhead * math.cos(nadir)
    return [
        closed_form(
            f"point-ahead over a zenith pass ({SCENARIO}): largest difference",
            "2 |v_perp| / c, v the relative inertial velocity",
            Printed("0.01", "<"),
            "nrad",
            lambda: 1e9 * max(abs(s.ahead_rad - s.ahead_by_velocity_rad) for s in _seen()),
            Tolerance("the formula's next order, 50 urad x (v/c)^2, and rounding"),
        ),
        closed_form(
            "largest point-ahead of the pass",
            f"2 v / c, {_ROUND}, 500 km",
            Printed(f"{overhead:.1f}"),
            "urad",
            lambda: 1e6 * max(s.ahead_rad for s in _seen()),
            Tolerance(_TURNING, _TURNING_URAD),
        ),
        closed_form(
            "point-ahead at 30 degrees of elevation",
            f"2 v cos(nadir angle) / c, {_ROUND}, 500 km",
            Printed(f"{low:.1f}"),
            "urad",
            lambda: 1e6 * _ahead_at_rad(math.radians(30.0)),
            Tolerance(_TURNING, _TURNING_URAD),
            note=f"2 v sin(elevation) / c, which is seen in print, would be {0.5 * overhead:.1f}",
        ),
        closed_form(
            "Doppler shift over the pass: largest difference",
            "(1 - r'/c) sqrt((1 - b_s^2) / (1 - b_o^2)) - 1, r' by differences of the light path",
            Printed("1e-11", "<"),
            "",
            lambda: max(abs(s.doppler - s.doppler_by_light_time) for s in _seen()),
            Tolerance("differences of a path whose times are whole nanoseconds"),
        ),
        closed_form(
            "UT1 wrong by 0.14 s, on the equator",
            "w R 0.14 s",
            Printed(f"{_EQUATOR_M * _TURN_RAD_S * 0.14:.1f}"),
            "m",
            _shift_m,
        ),
        *(_of_zenith_pass(height) for height in (400e3, 600e3, 1200e3)),
        *(_doppler_of_zenith_pass(height) for height in (400e3, 600e3, 1200e3)),
    ]


def _of_zenith_pass(height_m: float) -> Check:
    longest_m = _range_m(height_m, math.radians(10.0))
    return closed_form(
        f"longest delay of a pass at {height_m / 1e3:.0f} km above 10 degrees",
        "sqrt(r^2 - R^2 cos^2 E) - R sin E, over c",
        Printed(f"{1e3 * longest_m / SPEED_OF_LIGHT_M_S:.3f}"),
        "ms",
        partial(_longest_ms, height_m),
    )


def _doppler_of_zenith_pass(height_m: float) -> Check:
    speed, nadir = _circular(height_m, math.radians(10.0))
    return closed_form(
        f"largest Doppler shift of a zenith pass at {height_m / 1e3:.0f} km above 10 degrees",
        f"v sin(nadir angle) / c, {_ROUND}",
        Printed(f"{1e6 * speed * math.sin(nadir) / SPEED_OF_LIGHT_M_S:.3f}"),
        "ppm",
        partial(_largest_ppm, height_m),
        note="the rotating Earth takes up to 1.5 ppm off, or adds them",
    )


def _circular(height_m: float, elevation_rad: float) -> tuple[float, float]:
    """(speed, nadir angle at the satellite) of a circular orbit."""
    orbit_m = _EARTH_M + height_m
    return math.sqrt(_GM / orbit_m), math.asin(_EARTH_M / orbit_m * math.cos(elevation_rad))


def _range_m(height_m: float, elevation_rad: float) -> float:
    orbit_m = _EARTH_M + height_m
    across_m = _EARTH_M * math.cos(elevation_rad)
    return math.sqrt(orbit_m**2 - across_m**2) - _EARTH_M * math.sin(elevation_rad)


def _edge_s(height_m: float) -> float:
    """Time from culmination to 10 degrees, of the pass in the figures."""
    last_m = _range_m(height_m, math.radians(10.0))
    return float(brentq(lambda t: float(ZenithPass(height_m).range_m(t)) - last_m, 0.0, 1500.0))


def _longest_ms(height_m: float) -> float:
    range_m = float(ZenithPass(height_m).range_m(_edge_s(height_m)))
    return 1e3 * range_m / SPEED_OF_LIGHT_M_S


def _largest_ppm(height_m: float) -> float:
    early, late = ZenithPass(height_m).range_m(_edge_s(height_m) + np.array([-0.01, 0.01]))
    return float(1e6 * (late - early) / 0.02 / SPEED_OF_LIGHT_M_S)


def _shift_m() -> float:
    """By how far the Earth under a satellite is somewhere else."""
    position = (_EQUATOR_M, 0.0, 0.0)
    still = (0.0, 0.0, 0.0)
    t_ns = 1_482_160_000 * SECOND_NS
    early, late = (ecef_from_teme(position, still, t_ns, offset)[0] for offset in (0.0, 0.14))
    return math.dist(early, late)


def _ahead_at_rad(elevation_rad: float) -> float:
    """On the way up."""
    seen = _seen()
    top = max(range(len(seen)), key=lambda k: seen[k].elevation_rad)
    rising = seen[:top]
    return float(
        np.interp(elevation_rad, [s.elevation_rad for s in rising], [s.ahead_rad for s in rising])
    )


@cache
def _seen() -> list[_Seen]:
    mission = load_scenario(SCENARIO).mission
    start_ns, end_ns = resolve_window(mission)
    own = TrackEphemeris(mission.track, start_ns)
    partner = partner_ephemeris(mission, start_ns)
    return [_at(t_ns, own, partner) for t_ns in range(start_ns, end_ns, _STEP_NS)]


def _solved(t_ns: int, own: TrackEphemeris, partner: Ephemeris) -> PointingSolution:
    place = own.geodetic(t_ns)
    return solve(t_ns, *own.state_ecef(t_ns), place.latitude_rad, place.longitude_rad, partner)


def _at(t_ns: int, own: TrackEphemeris, partner: Ephemeris) -> _Seen:
    found = _solved(t_ns, own, partner)
    here, here_v = own.state_ecef(t_ns)
    there, there_v = partner.state_ecef(t_ns)
    v_own = np.array(inertial_velocity(here, here_v))
    relative = np.array(inertial_velocity(there, there_v)) - v_own
    toward = np.subtract(there, here)
    toward = toward / np.linalg.norm(toward)
    across = relative - toward * (relative @ toward)
    c = SPEED_OF_LIGHT_M_S
    # The light that arrives now left the satellite one light time ago.
    sent_ns = t_ns - round(found.light_time_s * 1e9)
    v_sent = np.array(inertial_velocity(*partner.state_ecef(sent_ns)))
    slower = math.sqrt((1.0 - v_sent @ v_sent / c**2) / (1.0 - v_own @ v_own / c**2))
    rate = _rate_m_s(t_ns, own, partner)
    return _Seen(
        azimuth_elevation(found.los_enu)[1],
        math.hypot(*point_ahead_rad(found.los_enu, found.launch_enu)),
        2.0 * float(np.linalg.norm(across)) / c,
        found.doppler,
        (1.0 - rate / c) * slower - 1.0,
    )


def _rate_m_s(t_ns: int, own: TrackEphemeris, partner: Ephemeris) -> float:
    """Of the light path, by the central difference of sixth order."""
    h = _DIFFERENCE_NS
    moved = {k: _solved(t_ns + k * h, own, partner).range_m for k in (-3, -2, -1, 1, 2, 3)}
    near, middle, far = (moved[k] - moved[-k] for k in (1, 2, 3))
    return (45.0 * near - 9.0 * middle + far) / (60.0 * h / SECOND_NS)
