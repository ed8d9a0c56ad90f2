"""The pointing problem solved by skyfield and special relativity, with no geometry of our own (the
table of leap seconds is shared).

Positions are skyfield's in GCRS; light paths are drawn there, and events are seen from the site by
a Lorentz transformation.
"""

from math import sqrt
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from skyfield.api import EarthSatellite, Loader, load, wgs84
from skyfield.data import iers
from skyfield.timelib import Time, Timescale
from skyfield.toposlib import GeographicPosition

from terminal.geometry.time_scales import posix_ns_from_tai_ns

C = 299_792_458.0
Array = NDArray[np.float64]


class Seen(NamedTuple):
    los_enu: Array
    launch_enu: Array
    range_m: float


class Referee:
    """A satellite as seen from a site (degrees, degrees, m)."""

    def __init__(
        self, lines: tuple[str, str], site: tuple[float, float, float], timescale: Timescale
    ) -> None:
        self._timescale = timescale
        self._satellite = EarthSatellite(*lines, "", timescale)
        self._site: GeographicPosition = wgs84.latlon(*site)

    def seen(self, tai_ns: int) -> Seen:
        """Directions of arrival and launch (unit, in the site's rest frame), length of the path."""
        time = self._time(tai_ns)
        here = self._site.at(time)
        position = np.array(here.position.m)
        emission, meeting = (self._event(time, position, sign) for sign in (-1, +1))
        own_velocity = np.array(here.velocity.m_per_s)
        source, target = _boosted(emission, own_velocity), _boosted(meeting, own_velocity)
        # Skyfield's horizontal axes are north, east, up.
        enu = self._site.rotation_at(time)[[1, 0, 2]]
        return Seen(enu @ (source[1:] / -source[0]), enu @ (target[1:] / target[0]), -emission[0])

    def range_rate_m_s(self, tai_ns: int) -> float:
        """Five-point derivative of the length of the arriving path; its steps of 0.5 s leave some
        0.01 mm/s."""
        r = {k: self._range_m(tai_ns + k * 500_000_000) for k in (-2, -1, 1, 2)}
        return (8.0 * (r[1] - r[-1]) - (r[2] - r[-2])) / 6.0

    def _range_m(self, tai_ns: int) -> float:
        time = self._time(tai_ns)
        return -float(self._event(time, np.array(self._site.at(time).position.m), -1)[0])

    def _event(self, time: Time, position: Array, sign: int) -> Array:
        """Where light that arrives (-1) or leaves (+1) now meets the satellite: (ct, x, y, z)."""
        seconds = 0.0
        for _ in range(5):
            then = self._timescale.tai_jd(time.whole, time.tai_fraction + sign * seconds / 86_400)
            offset = np.array(self._satellite.at(then).position.m) - position
            seconds = float(np.linalg.norm(offset)) / C
        return np.array([sign * C * seconds, *offset])

    def _time(self, tai_ns: int) -> Time:
        days, rest_ns = divmod(tai_ns, 86_400 * 10**9)
        return self._timescale.tai_jd(2440587.5 + days, rest_ns / 86_400e9)


def _boosted(event: Array, velocity: Array) -> Array:
    beta = velocity / C
    beta2 = beta @ beta
    gamma = 1.0 / sqrt(1.0 - beta2)
    matrix = np.eye(4)
    matrix[0, 0] = gamma
    matrix[0, 1:] = matrix[1:, 0] = -gamma * beta
    matrix[1:, 1:] += (gamma - 1.0) * np.outer(beta, beta) / beta2
    return np.asarray(matrix @ event)


def without_ut1(tai_ns: int) -> Timescale:
    """Skyfield's time with UT1 = UTC, as it is about that TAI time, and no polar motion."""
    tai_minus_utc_s = (tai_ns - posix_ns_from_tai_ns(tai_ns)) * 1e-9
    return load.timescale(delta_t=32.184 + tai_minus_utc_s)


def with_iers(finals2000a: Path) -> Timescale:
    """Skyfield's time with UT1 and polar motion from a file `finals2000A.all`."""
    timescale = Loader(str(finals2000a.parent), verbose=False).timescale(builtin=False)
    with finals2000a.open("rb") as file:
        iers.install_polar_motion_table(timescale, iers.parse_x_y_dut1_from_finals_all(file))
    return timescale
