"""Light time, aberration and Doppler against flat space-time, ERFA, and skyfield's inertial frame.

In flat space a partner in uniform motion has closed forms for all of it: a quadratic for each light
path, and Lorentz-transformed events for each direction.
"""

from math import cos, hypot, pi, radians, sin, sqrt

import erfa
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from known_elements import GEOSTATIONARY, MICIUS
from numpy.typing import NDArray
from skyfield.api import EarthSatellite, wgs84
from skyfield.timelib import Timescale

from terminal.geometry.earth import (
    EARTH_ROTATION_RAD_S,
    ecef_from_geodetic,
    enu_basis,
    inertial_velocity,
    turned,
)
from terminal.geometry.ephemeris import SatelliteEphemeris
from terminal.geometry.light_time import (
    SPEED_OF_LIGHT_M_S,
    PointingSolution,
    aberrated,
    azimuth_elevation,
    point_ahead_rad,
    solve,
)
from terminal.geometry.time_scales import SECOND_NS, tai_ns_from_utc, utc_julian_date
from terminal.geometry.tle import parse_tle
from terminal.geometry.vector import Vec, add, scale, subtract, unit

C = SPEED_OF_LIGHT_M_S
T_NS = tai_ns_from_utc("2016-12-19T15:18:51Z")
LATITUDE_RAD, LONGITUDE_RAD = radians(35.66), radians(139.68)
SITE = ecef_from_geodetic(LATITUDE_RAD, LONGITUDE_RAD, 20_000.0)
FLYING = (-120.0, 80.0, 60.0)
"""An aircraft's velocity relative to the turning Earth, ECEF m/s."""

Array = NDArray[np.float64]


class UniformMotion:
    """A partner without forces: straight in the inertial frame that is ECEF at T_NS."""

    def __init__(self, position: Vec, velocity: Vec) -> None:
        self.position = position
        self.velocity = velocity

    def state_ecef(self, t_ns: int) -> tuple[Vec, Vec]:
        elapsed_s = (t_ns - T_NS) * 1e-9
        back_rad = -EARTH_ROTATION_RAD_S * elapsed_s
        x, y, z = turned(add(self.position, scale(elapsed_s, self.velocity)), back_rad)
        vx, vy, vz = turned(self.velocity, back_rad)
        return (x, y, z), (vx + EARTH_ROTATION_RAD_S * y, vy - EARTH_ROTATION_RAD_S * x, vz)


def light_time_s(offset: Vec, velocity: Vec, sign: int) -> float:
    """Positive root of |offset + sign velocity t| = c t."""
    a = C * C - np.dot(velocity, velocity)
    b = sign * np.dot(offset, velocity)
    return float((b + sqrt(b * b + a * np.dot(offset, offset))) / a)


def boosted(event: Array, velocity: Vec) -> Array:
    """An event (ct, x, y, z) as seen from a frame moving at `velocity`."""
    beta = np.array(velocity) / C
    beta2 = beta @ beta
    gamma = 1 / sqrt(1 - beta2)
    matrix = np.eye(4)
    matrix[0, 0] = gamma
    matrix[0, 1:] = matrix[1:, 0] = -gamma * beta
    matrix[1:, 1:] += (gamma - 1) * np.outer(beta, beta) / beta2
    return matrix @ event


def four_velocity(velocity: Vec) -> Array:
    beta = np.array(velocity) / C
    return np.array([1.0, *beta]) / sqrt(1 - beta @ beta)


def minkowski(a: Array, b: Array) -> float:
    return float(a[0] * b[0] - a[1:] @ b[1:])


def enu(vector: Array) -> Array:
    return np.array(enu_basis(LATITUDE_RAD, LONGITUDE_RAD)) @ vector


def solved(ephemeris: UniformMotion | SatelliteEphemeris, t_ns: int = T_NS) -> PointingSolution:
    return solve(t_ns, SITE, FLYING, LATITUDE_RAD, LONGITUDE_RAD, ephemeris)


# Any direction, from 5 km to beyond GEO, up to 12 km/s.
offsets = st.tuples(
    st.floats(0.0, 2 * pi), st.floats(-pi / 2, pi / 2), st.floats(np.log(5e3), np.log(5e7))
).map(
    lambda s: scale(float(np.exp(s[2])), (cos(s[1]) * cos(s[0]), cos(s[1]) * sin(s[0]), sin(s[1])))
)
velocities = st.tuples(*[st.floats(-7_000.0, 7_000.0)] * 3)


@given(offsets, velocities)
def test_uniform_motion_in_flat_space(offset: Vec, velocity: Vec) -> None:
    own_velocity = inertial_velocity(SITE, FLYING)
    solution = solved(UniformMotion(add(SITE, offset), velocity))

    arriving_s = light_time_s(offset, velocity, -1)
    emission = np.array([-C * arriving_s, *subtract(offset, scale(arriving_s, velocity))])
    seen = boosted(emission, own_velocity)
    # Positions are rounded to 4 nm at these distances from the Earth's centre.
    assert solution.range_m == pytest.approx(C * arriving_s, abs=3e-8)
    assert solution.light_time_s == solution.range_m / C
    # Across 5 km that is 5e-12 rad.
    assert solution.los_enu == pytest.approx(enu(-seen[1:] / seen[0]), abs=1e-11)

    leaving_s = light_time_s(offset, velocity, +1)
    meeting = np.array([C * leaving_s, *add(offset, scale(leaving_s, velocity))])
    aimed = boosted(meeting, own_velocity)
    assert solution.launch_enu == pytest.approx(enu(aimed[1:] / aimed[0]), abs=1e-11)

    photon = -emission
    received = minkowski(photon, four_velocity(own_velocity))
    sent = minkowski(photon, four_velocity(velocity))
    assert solution.doppler == pytest.approx(received / sent - 1.0, abs=1e-14)

    # Change of the quadratic's root; a step so short that its third derivative, at most
    # v^3 / distance^2, adds 1e-6 m/s, where rounding adds as much.
    step_s = float(np.linalg.norm(offset)) / 1e9
    later, earlier = (
        light_time_s(add(offset, scale(s * step_s, subtract(velocity, own_velocity))), velocity, -1)
        for s in (1, -1)
    )
    assert solution.range_rate_m_s == pytest.approx(C * (later - earlier) / (2 * step_s), abs=5e-6)


@given(offsets)
def test_side_by_side_nothing_is_ahead_or_shifted(offset: Vec) -> None:
    """A partner with the terminal's own velocity rests in the terminal's frame."""
    own_velocity = inertial_velocity(SITE, FLYING)
    solution = solved(UniformMotion(add(SITE, offset), own_velocity))
    assert solution.launch_enu == pytest.approx(solution.los_enu, abs=1e-11)
    assert solution.doppler == pytest.approx(0.0, abs=1e-15)
    assert solution.range_rate_m_s == pytest.approx(0.0, abs=1e-6)


@given(offsets, st.tuples(*[st.floats(-0.5, 0.5)] * 3))
def test_aberration_is_that_of_erfa(offset: Vec, beta: Vec) -> None:
    direction = unit(offset)
    inverse_gamma = sqrt(1 - sum(b * b for b in beta))
    # Sun so far away that its gravity, which ERFA includes, vanishes.
    theirs = erfa.ab(np.array(direction), np.array(beta), 1e20, inverse_gamma)
    assert aberrated(direction, beta) == pytest.approx(theirs, abs=1e-14)


@pytest.mark.parametrize("lines", [MICIUS, GEOSTATIONARY])
def test_satellite_seen_through_skyfields_inertial_frame(
    lines: tuple[str, str], timescale: Timescale
) -> None:
    """The whole way in GCRS: positions, light time and the site's velocity from skyfield."""
    satellite = EarthSatellite(*lines, "", timescale)
    tle = parse_tle(*lines)
    t_ns = T_NS if lines is MICIUS else tle.epoch_tai_ns + 5 * 3600 * SECOND_NS
    day, fraction = utc_julian_date(t_ns)
    start = timescale.utc(1970, 1, 1 + day - 2440587.5, 24 * fraction)
    longitude_deg = 139.68 if lines is MICIUS else 60.0
    site = wgs84.latlon(35.66, longitude_deg, 20_000.0)

    def satellite_gcrs(seconds: float) -> Array:
        later = timescale.tai_jd(start.whole, start.tai_fraction + seconds / 86_400)
        return np.array(satellite.at(later).position.m)

    here = site.at(start)
    observer = np.array(here.position.m)
    own_velocity = tuple(here.velocity.m_per_s)

    def event(sign: int) -> Array:
        seconds = 0.0
        for _ in range(6):
            offset = satellite_gcrs(sign * seconds) - observer
            seconds = float(np.linalg.norm(offset)) / C
        return np.array([sign * C * seconds, *offset])

    emission, meeting = event(-1), event(+1)
    seen, aimed = boosted(emission, own_velocity), boosted(meeting, own_velocity)
    # Skyfield's horizontal axes are north, east, up.
    axes = site.rotation_at(start)[[1, 0, 2]]
    theirs_los, theirs_launch = axes @ (seen[1:] / -seen[0]), axes @ (aimed[1:] / aimed[0])

    ephemeris = SatelliteEphemeris(tle, float(start.dut1), 2.0)
    position = ecef_from_geodetic(LATITUDE_RAD, radians(longitude_deg), 20_000.0)
    ours = solve(t_ns, position, (0.0, 0.0, 0.0), LATITUDE_RAD, radians(longitude_deg), ephemeris)
    # Far inside what is asked for (5 cm, 0.5 urad, 0.05 urad): the Earth orientation is the same.
    assert ours.range_m == pytest.approx(-emission[0], abs=1e-4)
    assert np.linalg.norm(np.subtract(ours.los_enu, theirs_los)) < 1e-11
    point_ahead = np.array(point_ahead_rad(ours.los_enu, ours.launch_enu))
    theirs_ahead = np.array(point_ahead_rad(tuple(theirs_los), tuple(theirs_launch)))
    assert point_ahead == pytest.approx(theirs_ahead, abs=1e-11)


@pytest.mark.parametrize("there", [SITE, (float("nan"), 0.0, 0.0), (0.0, float("inf"), 0.0)])
def test_no_pointing_at_nothing(there: Vec) -> None:
    with pytest.raises(ValueError, match="no pointing"):
        solved(UniformMotion(there, FLYING))


@pytest.mark.parametrize("lines", [MICIUS, GEOSTATIONARY])
def test_range_rate_is_the_derivative_of_the_range(lines: tuple[str, str]) -> None:
    tle = parse_tle(*lines)
    ephemeris = SatelliteEphemeris(tle, -0.4, 2.0)
    for minutes in range(-300, 300, 37):
        t_ns = tle.epoch_tai_ns + minutes * 60 * SECOND_NS
        at = {}
        for k in (-2, -1, 0, 1, 2):
            position = ecef_from_geodetic(LATITUDE_RAD, LONGITUDE_RAD, 20_000.0)
            at[k] = solve(t_ns + k * SECOND_NS // 2, position, (0.0, 0.0, 0.0), 0.0, 0.0, ephemeris)
        r = {k: at[k].range_m for k in at}
        slope = (8 * (r[1] - r[-1]) - (r[2] - r[-2])) / 6.0
        assert at[0].range_rate_m_s == pytest.approx(slope, abs=2e-4)


def test_point_ahead_of_the_demo_pass_is_twice_the_transverse_velocity() -> None:
    """2 v_perp / c, with the velocity relative to the terminal: good to second order in v / c."""
    ephemeris = SatelliteEphemeris(parse_tle(*MICIUS), -0.4, 2.0)
    solution = solved(ephemeris)
    there, moving = ephemeris.state_ecef(T_NS)
    relative = np.subtract(inertial_velocity(there, moving), inertial_velocity(SITE, FLYING))
    line = np.subtract(there, SITE) / np.linalg.norm(np.subtract(there, SITE))
    across = enu(relative - line * (relative @ line)) * 2 / C
    found = np.subtract(solution.launch_enu, solution.los_enu)
    assert np.linalg.norm(found - across) < 3e-9
    assert np.linalg.norm(found) == pytest.approx(hypot(*across), abs=1e-10)
    assert hypot(*point_ahead_rad(solution.los_enu, solution.launch_enu)) == pytest.approx(
        np.linalg.norm(found), abs=1e-12
    )


def test_azimuth_grows_from_north_through_east() -> None:
    assert azimuth_elevation((0.0, 1.0, 0.0)) == (0.0, 0.0)
    assert azimuth_elevation((1.0, 0.0, 0.0)) == pytest.approx((pi / 2, 0.0))
    assert azimuth_elevation((0.0, -1.0, 1.0)) == pytest.approx((pi, pi / 4))
    assert azimuth_elevation((-1.0, 0.0, -1.0)) == pytest.approx((1.5 * pi, -pi / 4))
    assert azimuth_elevation((0.0, 0.0, 1.0)) == pytest.approx((0.0, pi / 2))


@given(st.floats(0.0, 6.28), st.floats(0.0, 1.5), st.floats(-1e-4, 1e-4), st.floats(-1e-4, 1e-4))
def test_point_ahead_is_the_step_in_azimuth_and_elevation(
    azimuth: float, elevation: float, cross: float, up: float
) -> None:
    def direction(az: float, el: float) -> Vec:
        return sin(az) * cos(el), cos(az) * cos(el), sin(el)

    launch = direction(azimuth + cross / cos(elevation), elevation + up)
    found = point_ahead_rad(direction(azimuth, elevation), launch)
    # On the sphere a step of azimuth bends upward: half its square times the tangent.
    second_order = 2e-8 * np.tan(elevation) + 1e-11
    assert found == pytest.approx((cross, up), abs=second_order)


def test_point_ahead_at_the_zenith_and_straight_ahead() -> None:
    zenith = (0.0, 0.0, 1.0)
    assert point_ahead_rad(zenith, zenith) == (0.0, 0.0)
    # Facing north: east is to the right, and beyond the zenith is south.
    assert point_ahead_rad(zenith, unit((1e-5, 0.0, 1.0))) == pytest.approx((1e-5, 0.0))
    assert point_ahead_rad(zenith, unit((0.0, -1e-5, 1.0))) == pytest.approx((0.0, 1e-5))
