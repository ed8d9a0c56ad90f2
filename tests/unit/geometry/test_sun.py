"""The Sun against astropy's ephemeris (ERFA's), without downloads."""

from collections.abc import Iterator
from math import degrees, pi, radians

import numpy as np
import pytest
from astropy.coordinates import ITRS, get_sun
from astropy.time import Time
from astropy.utils import iers

from terminal.geometry.sun import in_sunlight, sun_direction_ecef, sun_elevation_rad
from terminal.geometry.time_scales import tai_ns_from_utc


@pytest.fixture(autouse=True)
def no_downloads() -> Iterator[None]:
    with iers.conf.set_temp("auto_download", False), iers.conf.set_temp("auto_max_age", None):
        yield


@pytest.mark.parametrize(
    "utc",
    [
        "1985-03-01T03:00:00",
        "2000-01-01T12:00:00",
        "2016-12-19T15:18:51",
        "2020-06-20T21:43:00",
        "2023-09-23T06:50:00",
    ],
)
def test_sun_is_where_astropy_has_it(utc: str) -> None:
    time = Time(utc, scale="utc")
    theirs = get_sun(time).transform_to(ITRS(obstime=time)).cartesian.xyz.value
    theirs = theirs / np.linalg.norm(theirs)
    ours = np.array(sun_direction_ecef(tai_ns_from_utc(utc)))
    apart_deg = degrees(np.arccos(min(1.0, float(ours @ theirs))))
    # 0.01 from the formula, and 0.9 s of UT1 - UTC at 15 arcsec/s.
    assert apart_deg < 0.01 + 0.9 * 15 / 3600


def test_sun_stands_over_the_tropic_at_noon_in_june() -> None:
    """Solstice of 2020-06-20 21:44 UTC: declination 23.437 degrees; Greenwich noon is 12:01:50."""
    noon_ns = tai_ns_from_utc("2020-06-20T12:01:45Z")
    assert sun_elevation_rad(noon_ns, radians(23.437), 0.0) == pytest.approx(pi / 2, abs=5e-4)
    assert sun_elevation_rad(noon_ns, radians(-66.56), 0.0) == pytest.approx(0.0, abs=5e-4)
    assert sun_elevation_rad(noon_ns, radians(-23.437), pi) == pytest.approx(-pi / 2, abs=5e-4)


def test_shadow_is_a_cylinder_behind_the_earth() -> None:
    t_ns = tai_ns_from_utc("2016-12-19T15:18:51")
    sun = np.array(sun_direction_ecef(t_ns))
    across = np.cross(sun, [0.0, 0.0, 1.0])
    across /= np.linalg.norm(across)
    for along_m, beside_m, lit in [
        (7e6, 0.0, True),
        (1.0, 6.9e6, True),
        (-7e6, 0.0, False),
        (-4.2e7, 6.37e6, False),
        (-4.2e7, 6.39e6, True),
    ]:
        x, y, z = (along_m * sun + beside_m * across).tolist()
        assert in_sunlight((x, y, z), t_ns) is lit
