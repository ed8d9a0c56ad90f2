"""Which limits of the terminal a direction violates."""

from enum import StrEnum
from math import asin, degrees

from msgspec import Struct

from config.terminal import GimbalRange, KeepOut


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
    """A stretch of the partner's way, over the horizon, in which a limit is violated."""

    limit: Limit
    from_utc: str
    """This and the next good to 0.01 s, whatever the rows; cut off where the plan ends."""
    to_utc: str
    duration_s: float


def margins(
    gimbal: GimbalRange,
    keep_out: KeepOut,
    elevation_rad: float,
    yaw_rate_rad_s: float,
    yaw_acceleration_rad_s2: float,
    sun_separation_rad: float,
    moon_separation_rad: float,
) -> dict[Limit, float]:
    """How far a direction is from violating each limit, in the order of `Limit`; under 0 it does.

    In rad, of the keyhole a share of the limit. Angles are between the direction and the middle of
    the disc.
    """
    return {
        Limit.HORIZON: elevation_rad - keep_out.horizon_rad,
        Limit.PITCH: min(
            elevation_rad - gimbal.pitch_min_rad, gimbal.pitch_max_rad - elevation_rad
        ),
        Limit.KEYHOLE: min(
            1.0 - abs(yaw_rate_rad_s) / gimbal.max_rate_rad_s,
            1.0 - abs(yaw_acceleration_rad_s2) / gimbal.max_acceleration_rad_s2,
        ),
        Limit.SUN_AVOIDANCE: sun_separation_rad - keep_out.sun_avoid_rad,
        Limit.SUN_KEEP_OUT: sun_separation_rad - keep_out.sun_rad,
        Limit.MOON: moon_separation_rad - keep_out.moon_rad,
    }


def violated(margins: dict[Limit, float]) -> list[Limit]:
    """The limits that a direction violates by its `margins`."""
    if margins[Limit.HORIZON] < 0.0:
        return [Limit.HORIZON]
    return [limit for limit, margin in margins.items() if margin < 0.0]


def keyhole_radius_deg(yaw_limit_deg_s: float, sky_rate_deg_s: float) -> float:
    """Angle from the yaw axis inside which a partner that passes at this rate on the sky asks for
    more than the yaw limit: sin(angle) = rate / limit, where it is nearest to the axis."""
    return degrees(asin(min(sky_rate_deg_s / yaw_limit_deg_s, 1.0)))
