"""The Moon against astropy's ephemeris (ERFA's, after Meeus), without downloads."""

from collections.abc import Iterator
from math import degrees

import numpy as np
import pytest
from astropy import units
from astropy.coordinates import ITRS, EarthLocation, get_body
from astropy.time import Time
from astropy.utils import iers

from terminal.geometry.earth import ecef_from_geodetic
from terminal.geometry.moon import PARALLAX_RAD, moon_direction_ecef, moon_position_ecef
from terminal.geometry.time_scales import tai_ns_from_utc
from terminal.geometry.vector import Vec, norm

STATED_DEG = 0.3 + 0.2
"""Of the almanac: longitude and latitude, should both be wrong at once."""


@pytest.fixture(autouse=True)
def no_downloads() -> Iterator[None]:
    with iers.conf.set_temp("auto_download", False), iers.conf.set_temp("auto_max_age", None):
        yield


def _theirs_m(utc: str) -> np.ndarray:
    time = Time(utc, scale="utc")
    moon = get_body("moon", time, ephemeris="builtin").transform_to(ITRS(obstime=time))
    return np.array(moon.cartesian.xyz.to_value(units.m))


def _apart_deg(a: Vec, b: np.ndarray) -> float:
    return degrees(np.arccos(np.clip(np.dot(a, b / np.linalg.norm(b)), -1.0, 1.0)))


TIMES = [
    f"{1990 + k}-{1 + 5 * k % 12:02d}-{1 + 7 * k % 28:02d}T{k % 24:02d}:13:00" for k in range(30)
]


@pytest.mark.parametrize("utc", TIMES)
def test_moon_is_where_astropy_has_it(utc: str) -> None:
    theirs = _theirs_m(utc)
    t_ns = tai_ns_from_utc(utc)
    assert _apart_deg(moon_direction_ecef(t_ns), theirs) < STATED_DEG
    # 0.003 degree of about 0.95, and what the terms left out are worth.
    assert norm(moon_position_ecef(t_ns)) == pytest.approx(np.linalg.norm(theirs), rel=0.005)


@pytest.mark.parametrize(("latitude", "longitude"), [(0.0, 0.0), (0.9, 2.4), (-1.2, -1.0)])
def test_parallax_is_the_place_of_the_eye(latitude: float, longitude: float) -> None:
    utc = "2016-12-19T02:14:00"
    place = ecef_from_geodetic(latitude, longitude, 20e3)
    theirs = EarthLocation.from_geodetic(
        np.degrees(longitude), np.degrees(latitude), 20e3
    ).get_itrs()
    seen = _theirs_m(utc) - np.array(theirs.cartesian.xyz.to_value(units.m))
    ours = moon_direction_ecef(tai_ns_from_utc(utc), place)
    assert _apart_deg(ours, seen) < STATED_DEG
    centre = moon_direction_ecef(tai_ns_from_utc(utc))
    assert np.arccos(np.dot(ours, centre)) < PARALLAX_RAD
