"""When the partner stands high enough over a place at rest on the Earth or above it."""

from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

from terminal.geometry.earth import ecef_from_geodetic, enu_basis, enu_from_ecef
from terminal.geometry.ephemeris import Ephemeris
from terminal.geometry.light_time import azimuth_elevation
from terminal.geometry.time_scales import SECOND_NS
from terminal.geometry.vector import dot, subtract

_STEP_NS = 30 * SECOND_NS
_RESOLUTION_NS = 100_000


class Pass(NamedTuple):
    """One stay above the least elevation; an end of the search span may cut it short."""

    rise_tai_ns: int
    culmination_tai_ns: int
    set_tai_ns: int
    max_elevation_rad: float


class _Look(NamedTuple):
    t_ns: int
    elevation_rad: float
    rising: bool


def find_passes(
    ephemeris: Ephemeris,
    latitude_rad: float,
    longitude_rad: float,
    altitude_m: float,
    start_tai_ns: int,
    end_tai_ns: int,
    min_elevation_rad: float,
) -> list[Pass]:
    """Passes over a geodetic point between two TAI times, in order, times good to a millisecond.

    The elevation is geometric: no light time, aberration (5 arcsec) or refraction. All turning
    points of the elevation are found first, so the shortest pass counts. Raises EphemerisError when
    the span goes beyond the ephemeris, ValueError for a span that ends before it starts.
    """
    if end_tai_ns <= start_tai_ns:
        raise ValueError("the span to search for passes ends before it starts")
    site = ecef_from_geodetic(latitude_rad, longitude_rad, altitude_m)
    basis = enu_basis(latitude_rad, longitude_rad)

    def look(t_ns: int) -> _Look:
        position, velocity = ephemeris.state_ecef(t_ns)
        offset = enu_from_ecef(basis, subtract(position, site))
        moving = enu_from_ecef(basis, velocity)
        # The sine of the elevation is u / |offset|; the sign of its derivative is enough.
        rising = moving[2] * dot(offset, offset) > offset[2] * dot(offset, moving)
        return _Look(t_ns, azimuth_elevation(offset)[1], rising)

    def high(at: _Look) -> bool:
        return at.elevation_rad >= min_elevation_rad

    looks = [look(t_ns) for t_ns in (*range(start_tai_ns, end_tai_ns, _STEP_NS), end_tai_ns)]
    turns = [
        look(_change_ns(lambda t_ns: look(t_ns).rising, before, after))
        for before, after in pairwise(looks)
        if before.rising != after.rising
    ]
    looks = sorted(looks + turns)
    crossings = [
        _change_ns(lambda t_ns: high(look(t_ns)), before, after)
        for before, after in pairwise(looks)
        if high(before) != high(after)
    ]
    if high(looks[0]):
        crossings.insert(0, start_tai_ns)
    if high(looks[-1]):
        crossings.append(end_tai_ns)
    passes = []
    for rise_ns, set_ns in zip(crossings[::2], crossings[1::2], strict=True):
        within = (at for at in looks if rise_ns <= at.t_ns <= set_ns)
        culmination = max(within, key=lambda at: at.elevation_rad)
        passes.append(Pass(rise_ns, culmination.t_ns, set_ns, culmination.elevation_rad))
    return passes


def _change_ns(holds: Callable[[int], bool], before: _Look, after: _Look) -> int:
    """The time between two looks at which `holds` changes, by halving."""
    low_ns, high_ns = before.t_ns, after.t_ns
    at_low = holds(low_ns)
    while high_ns - low_ns > _RESOLUTION_NS:
        middle_ns = (low_ns + high_ns) // 2
        if holds(middle_ns) == at_low:
            low_ns = middle_ns
        else:
            high_ns = middle_ns
    return high_ns
