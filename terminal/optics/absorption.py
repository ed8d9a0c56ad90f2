"""Light that the air absorbs and scatters out of the beam."""

import math


def air_mass(elevation_rad: float) -> float:
    """Air on the way to space over that to the zenith, from the ground.

    Elevation in [0, pi/2], as seen. Source: Kasten and Young, Appl. Opt. 28, 4735 (1989); the
    plane-parallel 1 / sin is within 1 % over 15 degrees. Raises ValueError under the horizon.
    """
    degrees = math.degrees(elevation_rad)
    if not 0 <= degrees <= 90 + 1e-9:
        raise ValueError(f"elevation_rad: need 0 to pi/2, got {elevation_rad}")
    return 1 / (math.sin(elevation_rad) + 0.50572 * math.pow(degrees + 6.07995, -1.6364))


def transmittance(zenith_transmittance: float, mass: float) -> float:
    """Beer-Lambert: the zenith's transmittance to the power of the air mass."""
    return math.pow(zenith_transmittance, mass)
