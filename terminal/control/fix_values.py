"""What a navigation fix says by itself: values that can be, and sigmas that can be meant."""

from math import isfinite, pi, sqrt

from terminal.geometry.body import Fix

SMALLEST_SIGMA_RAD, SMALLEST_SIGMA_M = 20e-6, 0.01
"""Half of what the best survey systems claim after post-processing (0.0025 degrees, 0.02 m)."""
DOUBTED_SIGMA_RAD, DOUBTED_SIGMA_M = 5e-3, 10.0
"""Taken for a sigma that cannot be meant."""
ABSURD_RATIO = 5.0
UNIT_LENGTH = 1e-3
FASTEST_M_S = 1000.0


def in_range(fix: Fix) -> bool:
    """Whether all values are numbers, on the Earth or over it, and the attitude is a rotation."""
    north, east, down = fix.velocity_ned_m_s
    place = fix.latitude_rad + fix.longitude_rad + fix.altitude_m
    w, x, y, z = fix.q_ned_from_body
    return (
        isfinite(place + north + east + down + w + x + y + z)
        and abs(fix.latitude_rad) <= 0.5 * pi
        and abs(fix.longitude_rad) <= 2.0 * pi
        and -1e3 <= fix.altitude_m <= 1e5
        and max(abs(north), abs(east), abs(down)) <= FASTEST_M_S
        and abs(sqrt(w * w + x * x + y * y + z * z) - 1.0) <= UNIT_LENGTH
    )


def believed_sigmas(fix: Fix, noise_rad: float, noise_m: float) -> tuple[Fix, bool]:
    """The fix with sigmas that can be meant, and whether they had to be replaced; the noise of the
    fixes (1-sigma per axis) bounds them from below."""
    sigma_rad, absurd = _sigma(
        fix.attitude_sigma_rad, noise_rad, SMALLEST_SIGMA_RAD, DOUBTED_SIGMA_RAD
    )
    sigma_m, absurd_m = _sigma(fix.position_sigma_m, noise_m, SMALLEST_SIGMA_M, DOUBTED_SIGMA_M)
    fix = fix._replace(attitude_sigma_rad=sigma_rad, position_sigma_m=sigma_m)
    return fix, absurd or absurd_m


def _sigma(claimed: float, noise: float, smallest: float, doubted: float) -> tuple[float, bool]:
    absurd = not (isfinite(claimed) and claimed >= smallest and noise <= ABSURD_RATIO * claimed)
    return (max(doubted, noise) if absurd else max(claimed, noise)), absurd
