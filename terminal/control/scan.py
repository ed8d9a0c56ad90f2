"""Search patterns over a field of uncertainty."""

import math


def spiral_offset(
    t_s: float, pitch_rad: float, speed_rad_s: float, max_radius_rad: float
) -> tuple[float, float]:
    """Constant-speed Archimedean spiral from the centre outward, anew after `max_radius_rad`.

    r = pitch theta / (2 pi); arc length is pitch theta^2 / (4 pi) to first order, so at constant
    speed theta = sqrt(4 pi speed t / pitch) (Lindgren, constant-linear-velocity spiral).

    Args: time since the search began. Returns: (x, y) offset on the sky, rad.
    """
    period_s = math.pi * max_radius_rad**2 / (pitch_rad * speed_rad_s)
    theta = math.sqrt(4.0 * math.pi * speed_rad_s * (t_s % period_s) / pitch_rad)
    radius = pitch_rad * theta / (2.0 * math.pi)
    return radius * math.cos(theta), radius * math.sin(theta)
