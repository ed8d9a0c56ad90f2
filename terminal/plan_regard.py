"""Which limits of the terminal a direction violates, and when a plan does."""

from collections.abc import Sequence
from enum import StrEnum
from math import asin, degrees
from typing import TYPE_CHECKING

from msgspec import Struct

from config.terminal import GimbalRange, KeepOut

if TYPE_CHECKING:
    from terminal.plan import PlanRow


class Limit(StrEnum):
    """One that may be violated."""

    HORIZON = "horizon"
    """Under the elevation at which a partner is sought; nothing else is asked of such a row."""
    PITCH = "pitch"
    """Out of the pitch axis' range, on a level base."""
    KEYHOLE = "keyhole"
    """An azimuth mount would have to turn, or speed up, faster than the gimbal can."""
    SUN_AVOIDANCE = "sun_avoidance"
    """Nearer to the Sun than the gimbal goes."""
    SUN_KEEP_OUT = "sun_keep_out"
    """So near to the Sun that the shutter stays shut."""
    MOON = "moon"
    """So near to the Moon that the shutter stays shut."""


SHUT = frozenset({Limit.HORIZON, Limit.PITCH, Limit.SUN_AVOIDANCE, Limit.SUN_KEEP_OUT, Limit.MOON})
"""What costs the link; a keyhole does only as far as guidance cannot help it."""


class Violation(Struct, frozen=True):
    """A stretch of the plan, over the horizon, in which a limit is violated."""

    limit: Limit
    from_utc: str
    to_utc: str
    """Of its first and its last row."""
    rows: int


def violated(
    gimbal: GimbalRange,
    keep_out: KeepOut,
    elevation_rad: float,
    yaw_rate_rad_s: float,
    yaw_acceleration_rad_s2: float,
    sun_separation_rad: float,
    moon_separation_rad: float,
) -> list[Limit]:
    """The limits that a direction violates, in the order of `Limit`. Angles are between the
    direction and the middle of the disc."""
    if elevation_rad < keep_out.horizon_rad:
        return [Limit.HORIZON]
    return [
        limit
        for limit, broken in (
            (Limit.PITCH, not gimbal.pitch_min_rad <= elevation_rad <= gimbal.pitch_max_rad),
            (
                Limit.KEYHOLE,
                abs(yaw_rate_rad_s) > gimbal.max_rate_rad_s
                or abs(yaw_acceleration_rad_s2) > gimbal.max_acceleration_rad_s2,
            ),
            (Limit.SUN_AVOIDANCE, sun_separation_rad < keep_out.sun_avoid_rad),
            (Limit.SUN_KEEP_OUT, sun_separation_rad < keep_out.sun_rad),
            (Limit.MOON, moon_separation_rad < keep_out.moon_rad),
        )
        if broken
    ]


def violations(rows: Sequence["PlanRow"]) -> list[Violation]:
    """Stretches of successive rows that violate one limit, by limit and then by time; the horizon
    is left out."""
    found = []
    for limit in Limit:
        if limit is Limit.HORIZON:
            continue
        stretch: list[PlanRow] = []
        for row in (*rows, None):
            if row is not None and limit in row.field_of_regard:
                stretch.append(row)
            elif stretch:
                found.append(Violation(limit, stretch[0].utc, stretch[-1].utc, len(stretch)))
                stretch = []
    return found


def keyhole_radius_deg(yaw_limit_deg_s: float, sky_rate_deg_s: float) -> float:
    """Angle from the yaw axis inside which a partner that passes at this rate on the sky asks for
    more than the yaw limit: sin(angle) = rate / limit, where it is nearest to the axis."""
    return degrees(asin(min(sky_rate_deg_s / yaw_limit_deg_s, 1.0)))
