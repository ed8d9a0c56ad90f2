"""Sun and Moon over the terminal, computed anew once a second."""

from typing import NamedTuple

from terminal.geometry.moon import moon_direction_ecef
from terminal.geometry.sun import sun_direction_ecef
from terminal.geometry.vector import Vec

SPAN_NS = 1_000_000_000
"""The sky turns 73 urad meanwhile."""


class Sky(NamedTuple):
    """Unit vectors in the Earth-fixed frame."""

    t_ns: int = 0
    """TAI; 0: not computed yet."""
    sun_ecef: Vec = (1.0, 0.0, 0.0)
    moon_ecef: Vec = (1.0, 0.0, 0.0)


def sky_at(last: Sky, t_ns: int, position_ecef_m: Vec | None) -> Sky:
    """The last one while it is young enough. Without a place: the Moon from the Earth's middle.

    Raises ValueError for times before 1972.
    """
    if last.t_ns and abs(t_ns - last.t_ns) < SPAN_NS:
        return last
    return Sky(
        t_ns,
        sun_direction_ecef(t_ns),
        moon_direction_ecef(t_ns, position_ecef_m or (0.0, 0.0, 0.0)),
    )
