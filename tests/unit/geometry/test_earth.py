"""Ellipsoid and rotation against ERFA, skyfield and Vallado's worked example."""

from math import cos, hypot, pi, remainder, sin

import erfa
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from skyfield.sgp4lib import TEME_to_ITRF

from terminal.geometry.earth import (
    EARTH_ROTATION_RAD_S,
    curvature_radii_m,
    ecef_from_enu,
    ecef_from_geodetic,
    ecef_from_teme,
    enu_basis,
    enu_from_ecef,
    geodetic_from_ecef,
    gmst82_rad,
    inertial_velocity,
)
from terminal.geometry.time_scales import SECOND_NS, tai_ns_from_utc, utc_julian_date

latitudes = st.floats(-pi / 2, pi / 2)
longitudes = st.floats(-pi, pi)
altitudes = st.floats(-10_000.0, 50_000_000.0)
times_ns = st.integers(
    tai_ns_from_utc("1980-01-01T00:00:00"), tai_ns_from_utc("2050-01-01T00:00:00")
)
vectors = st.tuples(*[st.floats(-1e7, 1e7)] * 3)


@given(latitudes, longitudes, altitudes)
def test_geodetic_is_that_of_erfa_both_ways(lat: float, lon: float, altitude: float) -> None:
    ours = ecef_from_geodetic(lat, lon, altitude)
    assert ours == pytest.approx(erfa.gd2gc(1, lon, lat, altitude), abs=1e-7)
    back = geodetic_from_ecef(ours)
    # A micrometre on the sphere of the point's own radius.
    assert abs(back.latitude_rad - lat) * (6.4e6 + altitude) < 1e-6
    assert abs(back.altitude_m - altitude) < 1e-6
    around = remainder(back.longitude_rad - lon, 2 * pi)
    assert abs(around) * hypot(ours[0], ours[1]) < 1e-6


@given(latitudes, longitudes)
def test_curvature_radii_are_the_derivatives_of_the_surface(lat: float, lon: float) -> None:
    meridian_m, prime_vertical_m = curvature_radii_m(lat)
    step = 1e-4
    north, south = (np.array(ecef_from_geodetic(lat + s * step, lon, 0.0)) for s in (1, -1))
    # Central difference along an arc: the chord is shorter by step**2 / 6 and some 1e-10.
    assert np.linalg.norm(north - south) / (2 * step) == pytest.approx(meridian_m, rel=1e-8)
    x, y, _ = ecef_from_geodetic(lat, lon, 0.0)
    assert hypot(x, y) == pytest.approx(prime_vertical_m * cos(lat), abs=1e-6)


@given(latitudes, longitudes, vectors)
def test_enu_is_right_handed_and_up_leaves_the_ellipsoid(
    lat: float, lon: float, vector: tuple[float, float, float]
) -> None:
    basis = enu_basis(lat, lon)
    matrix = np.array(basis)
    assert matrix @ matrix.T == pytest.approx(np.eye(3), abs=1e-15)
    assert np.linalg.det(matrix) == pytest.approx(1.0, abs=1e-15)
    lifted = np.subtract(ecef_from_geodetic(lat, lon, 1000.0), ecef_from_geodetic(lat, lon, 0.0))
    assert enu_from_ecef(basis, tuple(lifted)) == pytest.approx((0.0, 0.0, 1000.0), abs=1e-8)
    assert ecef_from_enu(basis, enu_from_ecef(basis, vector)) == pytest.approx(vector, abs=1e-8)


def test_east_and_north_at_greenwich() -> None:
    assert enu_basis(0.0, 0.0) == ((0.0, 1.0, 0.0), (0.0, 0.0, 1.0), (1.0, 0.0, 0.0))


@given(times_ns, st.floats(-0.9, 0.9))
def test_gmst_is_that_of_erfa(t_ns: int, ut1_minus_utc_s: float) -> None:
    day, fraction = utc_julian_date(t_ns)
    theirs = erfa.gmst82(day, fraction + ut1_minus_utc_s / 86_400)
    # ERFA keeps its angle in seconds of some 1e9: 1e-7 s of rounding at worst.
    assert remainder(gmst82_rad(t_ns, ut1_minus_utc_s) - theirs, 2 * pi) == pytest.approx(
        0.0, abs=1e-11
    )


@given(times_ns)
def test_rotation_rate_is_the_derivative_of_gmst(t_ns: int) -> None:
    elapsed_s = 1000
    later_ns = t_ns + elapsed_s * SECOND_NS
    # At midnight a turn is dropped.
    assume(utc_julian_date(later_ns)[0] == utc_julian_date(t_ns)[0])
    rate = (gmst82_rad(later_ns) - gmst82_rad(t_ns)) / elapsed_s
    # What the square of time adds in half a century.
    assert rate == pytest.approx(EARTH_ROTATION_RAD_S, abs=3e-15)


def test_vallado_example() -> None:
    """Vallado, Fundamentals of Astrodynamics, ex. 3-15, and AIAA 2006-6753, appendix C: 2004-04-06
    07:51:28.386009 UTC, UT1-UTC = -0.4399619 s."""
    position_km, velocity_km_s = ecef_from_teme(
        (5094.18016210, 6127.64465950, 6380.34453270),
        (-4.746131487, 0.785818041, 5.531931288),
        tai_ns_from_utc("2004-04-06T07:51:28.386009"),
        -0.4399619,
    )
    # The printed values went through one float of Julian date, which is rounded to 20 us: 12 mm at
    # this distance from the axis.
    assert position_km == pytest.approx((-1033.47503130, 7901.30558560, 6380.34453270), abs=1.2e-5)
    # They take the rate against the stars and the length of that day: 1.2e-7 of 0.58 km/s.
    assert velocity_km_s == pytest.approx((-3.225632747, -2.872442511, 5.531931288), abs=7e-8)


@given(times_ns, st.floats(-0.9, 0.9), vectors, st.tuples(*[st.floats(-1e4, 1e4)] * 3))
def test_teme_to_ecef_is_that_of_skyfield(
    t_ns: int,
    ut1_minus_utc_s: float,
    position: tuple[float, float, float],
    velocity: tuple[float, float, float],
) -> None:
    ours = ecef_from_teme(position, velocity, t_ns, ut1_minus_utc_s)
    day, fraction = utc_julian_date(t_ns)
    per_day = np.array(velocity) * 86_400  # skyfield's unit of velocity here
    theirs = TEME_to_ITRF(
        day, np.array(position), per_day, 0.0, 0.0, fraction + ut1_minus_utc_s / 86_400
    )
    assert ours[0] == pytest.approx(theirs[0], abs=1e-4)
    assert ours[1] == pytest.approx(theirs[1] / 86_400, abs=1e-6)


@given(vectors, vectors, st.floats(-3e-6, 3e-6), st.floats(-3e-6, 3e-6))
def test_polar_motion_is_that_of_erfa(
    position: tuple[float, float, float], velocity: tuple[float, float, float], x: float, y: float
) -> None:
    t_ns = tai_ns_from_utc("2016-12-19T15:18:51")
    without = ecef_from_teme(position, velocity, t_ns)
    ours = ecef_from_teme(position, velocity, t_ns, 0.0, x, y)
    # Second order: (3e-6)^2 of 1.7e7 m.
    for plain, moved in zip(without, ours, strict=True):
        assert moved == pytest.approx(erfa.pom00(x, y, 0.0) @ plain, abs=3e-4)


@given(latitudes, longitudes)
def test_what_rests_on_the_earth_moves_east(lat: float, lon: float) -> None:
    position = ecef_from_geodetic(lat, lon, 0.0)
    moving = enu_from_ecef(enu_basis(lat, lon), inertial_velocity(position, (0.0, 0.0, 0.0)))
    # 465.1 m/s at the equator.
    axis_distance_m = hypot(position[0], position[1])
    assert moving == pytest.approx((2 * pi / 86_164.09 * axis_distance_m, 0, 0), abs=1e-5)
    assert sin(lat) == pytest.approx(enu_basis(lat, lon)[2][2])
