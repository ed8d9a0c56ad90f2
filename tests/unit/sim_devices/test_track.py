"""The true flight path against astropy's WGS-84, numerical integrals and finite differences."""

import math

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import EarthLocation
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

from config.mission import Track
from sim_devices.track import TruePath


def track(**changes: float) -> Track:
    values = {
        "latitude_deg": 40.4,
        "longitude_deg": 117.6,
        "altitude_m": 20_000.0,
        "speed_m_s": 25.0,
        "course_deg": 70.0,
        "radius_m": 3000.0,
    }
    return Track(**{**values, **changes})


tracks = st.builds(
    track,
    latitude_deg=st.floats(-85, 85),
    longitude_deg=st.floats(-180, 180),
    altitude_m=st.floats(-100, 40_000),
    speed_m_s=st.floats(0, 300),
    course_deg=st.floats(0, 359.9),
    radius_m=st.just(0.0) | st.floats(500, 20_000),
)
offsets = st.tuples(*[st.floats(-1000, 1000)] * 3)
times = st.floats(-10, 1000)


@settings(deadline=None)
@given(tracks, offsets, times)
def test_position_is_astropys_of_the_geodetic_point(
    planned: Track, offset: tuple[float, float, float], t_s: float
) -> None:
    path = TruePath(planned, offset)
    latitude, longitude, altitude = path.geodetic(t_s)
    place = EarthLocation.from_geodetic(
        longitude * u.rad, latitude * u.rad, altitude * u.m, ellipsoid="WGS84"
    )
    expected = [place.x.to_value(u.m), place.y.to_value(u.m), place.z.to_value(u.m)]
    # Doubles of 6.4e6 m resolve 1e-9 m.
    assert path.position_ecef_m(np.array([t_s]))[0] == pytest.approx(expected, abs=1e-7)


@settings(deadline=None)
@given(tracks, offsets, times)
def test_velocity_is_the_derivative_of_the_position(
    planned: Track, offset: tuple[float, float, float], t_s: float
) -> None:
    path = TruePath(planned, offset)
    h = 0.5
    p = path.position_ecef_m(t_s + h * np.array([-2.0, -1.0, 1.0, 2.0]))
    derivative = (p[0] - 8.0 * p[1] + 8.0 * p[2] - p[3]) / (12.0 * h)
    # Truncation h^4 v w^4 / 30 at w = v / radius of at most 0.6 /s, and rounding of 1e-9 m / h.
    w = planned.speed_m_s / planned.radius_m if planned.radius_m else 0.0
    tolerance = 1e-7 + h**4 * planned.speed_m_s * w**4 / 30.0
    assert path.velocity_ecef_m_s(np.array([t_s]))[0] == pytest.approx(derivative, abs=tolerance)


@settings(deadline=None)
@given(tracks, offsets, times)
def test_axes_are_orthonormal_and_right_handed_and_down_is_down(
    planned: Track, offset: tuple[float, float, float], t_s: float
) -> None:
    path = TruePath(planned, offset)
    t = np.array([t_s])
    axes = path.ned_axes(t)[0]
    assert axes @ axes.T == pytest.approx(np.eye(3), abs=1e-15)
    assert np.linalg.det(axes) == pytest.approx(1.0, abs=1e-15)
    # Down is against the gradient of the ellipsoid's quadratic form at the foot point.
    foot = path.position_ecef_m(t)[0] + path.geodetic(t_s)[2] * axes[2]
    gradient = foot / np.array([6378137.0, 6378137.0, 6378137.0 * (1 - 1 / 298.257223563)]) ** 2
    assert axes[2] == pytest.approx(-gradient / np.linalg.norm(gradient), abs=1e-12)
    # East has no part along the Earth's axis, north has none across the meridian plane.
    assert axes[1, 2] == 0.0
    assert axes[0, 2] >= 0.0


def test_a_line_passes_the_centre_with_speed_and_course() -> None:
    path = TruePath(track(radius_m=0.0))
    assert path.geodetic(0.0) == (math.radians(40.4), math.radians(117.6), 20_000.0)
    north, east, down = path.velocity_ned_m_s(0.0)
    assert math.hypot(north, east) == pytest.approx(25.0, rel=1e-12)
    assert math.degrees(math.atan2(east, north)) == pytest.approx(70.0, abs=1e-10)
    assert down == pytest.approx(0.0, abs=1e-12)
    assert path.course_rad(100.0) == path.course_rad(0.0) == math.radians(70.0)


def test_flying_north_covers_the_meridian_arc() -> None:
    path = TruePath(track(radius_m=0.0, course_deg=0.0, altitude_m=0.0, speed_m_s=100.0))
    a, e2 = 6378137.0, 0.00669437999014
    start, end = path.geodetic(0.0)[0], path.geodetic(100.0)[0]
    arc_m, _ = quad(lambda p: a * (1 - e2) * (1 - e2 * math.sin(p) ** 2) ** -1.5, start, end)
    # 10 km at the radius of curvature of the start, which changes by 7e-6 of itself until the end.
    assert arc_m == pytest.approx(10_000.0, abs=0.1)


def test_flying_east_covers_the_parallel() -> None:
    path = TruePath(track(radius_m=0.0, course_deg=90.0, altitude_m=0.0, speed_m_s=100.0))
    _, start, _ = path.geodetic(0.0)
    latitude, end, _ = path.geodetic(100.0)
    x, y, _ = path.position_ecef_m(np.array([100.0]))[0]
    assert latitude == pytest.approx(math.radians(40.4), abs=1e-15)
    assert (end - start) * math.hypot(x, y) == pytest.approx(10_000.0, abs=1e-5)


def test_a_circle_is_flown_clockwise_about_the_centre() -> None:
    path = TruePath(track(course_deg=90.0))
    centre = TruePath(track(radius_m=0.0, speed_m_s=0.0))
    zero = np.array([0.0])
    axes, origin = centre.ned_axes(zero)[0], centre.position_ecef_m(zero)[0]
    period_s = 2.0 * math.pi * 3000.0 / 25.0
    quarters = np.arange(5) * period_s / 4.0
    north, east, _ = (axes @ (path.position_ecef_m(quarters) - origin).T).tolist()
    # With course east at the start it is north of the centre, then east, south, west of it.
    # The map from metres to degrees bends by r^2 tan(latitude) / R: 1.2 m at 3 km.
    assert north == pytest.approx([3000, 0, -3000, 0, 3000], abs=1.3)
    assert east == pytest.approx([0, 3000, 0, -3000, 0], abs=1.3)
    for i, course_deg in enumerate((90.0, 180.0, 270.0, 0.0)):
        v_north, v_east, _ = path.velocity_ned_m_s(float(quarters[i]))
        for flown_rad in (math.atan2(v_east, v_north), path.course_rad(float(quarters[i]))):
            off_rad = math.remainder(flown_rad - math.radians(course_deg), 2.0 * math.pi)
            assert off_rad == pytest.approx(0.0, abs=1e-12)
        # A parallel is shorter 3 km further north: 4e-4 of the speed.
        assert math.hypot(v_north, v_east) == pytest.approx(25.0, rel=5e-4)


def test_the_offset_is_east_north_up() -> None:
    t = np.array([0.0, 50.0, 200.0])
    planned, true = TruePath(track()), TruePath(track(), (30.0, -20.0, 10.0))
    difference = true.position_ecef_m(t) - planned.position_ecef_m(t)
    ned = np.einsum("nij,nj->ni", planned.ned_axes(t), difference)
    # East is stretched by the change of the parallel over 3 km: 4e-4 of 30 m.
    assert ned == pytest.approx(np.tile([-20.0, 30.0, -10.0], (3, 1)), abs=0.02)


@settings(deadline=None)
@given(tracks, offsets, times)
def test_velocity_in_local_axes_is_that_in_ecef(
    planned: Track, offset: tuple[float, float, float], t_s: float
) -> None:
    # By the radii of curvature there, by the turning of the normal here.
    path = TruePath(planned, offset)
    t = np.array([t_s])
    ned = path.ned_axes(t)[0] @ path.velocity_ecef_m_s(t)[0]
    assert path.velocity_ned_m_s(t_s) == pytest.approx(ned, abs=1e-11)


def test_scalar_answers_are_plain_floats() -> None:
    path = TruePath(track(), (5.0, 6.0, 7.0))
    assert all(type(v) is float for v in (*path.velocity_ned_m_s(12.5), *path.geodetic(12.5)))


def test_a_fixed_station_stands_still() -> None:
    path = TruePath(track(speed_m_s=0.0, radius_m=0.0))
    t = np.array([0.0, 1000.0])
    assert np.ptp(path.position_ecef_m(t), axis=0).tolist() == [0.0, 0.0, 0.0]
    assert not path.velocity_ecef_m_s(t).any()
