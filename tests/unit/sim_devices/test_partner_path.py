"""The integrated orbit against potentials, Kepler, invariants, SGP4 and ERFA."""

import math

import erfa
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.polynomial import legendre
from numpy.typing import NDArray
from sgp4.api import WGS72, Satrec

from config.loader import load_scenario
from config.mission import SatellitePartner
from sim_devices import partner_path
from sim_devices.partner_path import (
    EARTH_RADIUS_M,
    GM_M3_S2,
    J2,
    J3,
    J4,
    OMEGA_RAD_S,
    SatellitePath,
    earth_rotation_angle_gmst_rad,
    shifted,
    state_of_elements,
    true_partner_path,
)
from sim_devices.track import TruePath
from terminal.geometry.ephemeris import SatelliteEphemeris
from terminal.geometry.time_scales import SECOND_NS, tai_ns_from_utc, utc_julian_date
from terminal.geometry.tle import parse_tle

Array = NDArray[np.float64]

MICIUS = (
    "1 41731U 16051A   16353.90152003  .00000364  00000-0  17957-4 0  9993",
    "2 41731  97.3699 267.4500 0013200 178.5836 246.0824 15.23915303 19063",
)
START_NS = tai_ns_from_utc("2016-12-19T15:16:00Z")
UT1_MINUS_UTC_S = -0.3961


def path(duration_s: float = 600.0, error_rtn_m: tuple[float, ...] = (0, 0, 0)) -> SatellitePath:
    state = state_of_elements(MICIUS, utc_julian_date(START_NS), UT1_MINUS_UTC_S)
    return SatellitePath(*shifted(*state, np.array(error_rtn_m, float)), duration_s)


def potential(r: Array) -> float:
    """Zonal gravity and centrifugal potential of the turning frame, m^2/s^2, by Legendre series."""
    distance = float(np.linalg.norm(r))
    ratio = EARTH_RADIUS_M / distance
    series = [1.0, 0.0, -J2 * ratio**2, -J3 * ratio**3, -J4 * ratio**4]
    gravity = GM_M3_S2 / distance * legendre.legval(r[2] / distance, series)
    return float(gravity + 0.5 * OMEGA_RAD_S**2 * (r[0] ** 2 + r[1] ** 2))


@given(
    st.floats(6.5e6, 4.5e7),
    st.floats(-1.0, 1.0),
    st.floats(0.0, 2 * math.pi),
    st.tuples(*[st.floats(-8e3, 8e3)] * 3),
)
def test_acceleration_is_the_gradient_of_the_potential_and_coriolis(
    distance_m: float, sine: float, longitude: float, velocity: tuple[float, float, float]
) -> None:
    cosine = math.sqrt(1.0 - sine * sine)
    r = distance_m * np.array([cosine * math.cos(longitude), cosine * math.sin(longitude), sine])
    h = 2e3
    gradient = np.array(
        [
            (
                8 * (potential(r + e) - potential(r - e))
                - potential(r + 2 * e)
                + potential(r - 2 * e)
            )
            / (12 * h)
            for e in h * np.eye(3)
        ]
    )
    coriolis = -2.0 * np.cross([0.0, 0.0, OMEGA_RAD_S], velocity)
    derivative = partner_path._acceleration(np.concatenate([r, velocity]))
    assert derivative[:3].tolist() == list(velocity)
    # Potentials of 6e7 are rounded to 1e-8, over h 1e-11; truncation is 1e-12 of 9 m/s^2. The J4
    # part is of order 1e-5 m/s^2.
    assert derivative[3:] == pytest.approx(gradient + coriolis, abs=1e-9)


def kepler(r: Array, v: Array, t_s: float) -> Array:
    """Two-body position after t, by the elements and Kepler's equation."""
    distance = np.linalg.norm(r)
    a = 1.0 / (2.0 / distance - v @ v / GM_M3_S2)
    n = math.sqrt(GM_M3_S2 / a**3)
    e_cos, e_sin = 1.0 - distance / a, r @ v / math.sqrt(GM_M3_S2 * a)
    e = math.hypot(e_cos, e_sin)
    start = math.atan2(e_sin, e_cos)
    mean = start - e_sin + n * t_s
    eccentric = mean
    for _ in range(50):
        eccentric = mean + e * math.sin(eccentric)
    h = np.cross(r, v)
    toward_perigee = np.cross(v, h) / GM_M3_S2 - r / distance
    p = toward_perigee / np.linalg.norm(toward_perigee)
    q = np.cross(h / np.linalg.norm(h), p)
    return np.asarray(
        a * (math.cos(eccentric) - e) * p + a * math.sqrt(1 - e * e) * math.sin(eccentric) * q
    )


def inertial(positions: Array, t_s: Array) -> Array:
    """Earth-fixed vectors (n, 3) in the inertial frame that is Earth-fixed at t = 0."""
    c, s = np.cos(OMEGA_RAD_S * t_s), np.sin(OMEGA_RAD_S * t_s)
    x, y, z = positions.T
    return np.column_stack([c * x - s * y, s * x + c * y, z])


def test_without_zonal_terms_it_is_keplers_orbit(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("J2", "J3", "J4"):
        monkeypatch.setattr(partner_path, name, 0.0)
    orbit = path()
    t = np.array([0.0, 100.0, 300.0, 600.0])
    r, v = orbit.position_ecef_m(t), orbit.velocity_ecef_m_s(t)
    v0 = v[0] + np.cross([0.0, 0.0, OMEGA_RAD_S], r[0])
    expected = np.array([kepler(r[0], v0, float(s)) for s in t])
    # Relative tolerance 1e-12 a step over tens of steps of 7e6 m.
    assert inertial(r, t) == pytest.approx(expected, abs=1e-4)


def test_jacobis_integral_is_conserved_to_1e_10() -> None:
    orbit = path()
    t = np.linspace(-1.0, 601.0, 200)
    r, v = orbit.position_ecef_m(t), orbit.velocity_ecef_m_s(t)
    integral = 0.5 * np.sum(v * v, axis=1) - np.array([potential(p) for p in r])
    assert np.ptp(integral) < 1e-10 * abs(integral[0])


def test_velocity_is_the_derivative_of_the_position() -> None:
    orbit = path()
    t = np.linspace(1.0, 590.0, 37)
    h = 0.05
    difference = (orbit.position_ecef_m(t + h) - orbit.position_ecef_m(t - h)) / (2 * h)
    # The dense output is of order 7 inside a step; truncation h^2 r w^3 / 6 is 3e-6 m/s.
    assert orbit.velocity_ecef_m_s(t) == pytest.approx(difference, abs=2e-5)


def test_stays_near_sgp4_for_a_pass() -> None:
    orbit = path(300.0)
    t = np.linspace(0.0, 300.0, 31)
    ephemeris = SatelliteEphemeris(parse_tle(*MICIUS), UT1_MINUS_UTC_S, 7.0)
    sgp4 = np.array([ephemeris.state_ecef(START_NS + round(s * SECOND_NS))[0] for s in t.tolist()])
    off = np.linalg.norm(orbit.position_ecef_m(t) - sgp4, axis=1)
    # At the start only the two formulas of sidereal time differ, see below. Then SGP4's velocity
    # is off by up to 4.5 cm/s from its own positions, and it knows no short-period J3, J4 terms.
    assert off[0] < 3.0
    assert off.max() < 50.0


def test_the_error_is_radial_along_across() -> None:
    jd, fraction = utc_julian_date(START_NS)
    _, r_km, v_km_s = Satrec.twoline2rv(*MICIUS, WGS72).sgp4(jd, fraction)
    r, v = np.array(r_km), np.array(v_km_s)
    zero = np.zeros(1)
    at = path(10.0).position_ecef_m(zero)[0]
    for axis, (error, direction) in enumerate(
        [((70.0, 0, 0), r), ((0, 70.0, 0), v), ((0, 0, 70.0), np.cross(r, v))]
    ):
        moved = path(10.0, error).position_ecef_m(zero)[0] - at
        assert np.linalg.norm(moved) == pytest.approx(70.0, abs=1e-6)
        # Compared inside the meridian-free invariants: radius and angle to the inertial vectors.
        turned = direction / np.linalg.norm(direction)
        assert moved[2] == pytest.approx(70.0 * turned[2], abs=0.2), axis


@given(st.floats(2451545.0, 2451545.0 + 36525 / 2))
def test_sidereal_time_is_erfas(ut1_jd: float) -> None:
    tt_jd = ut1_jd + 69.0 / 86400.0
    expected = erfa.gmst06(ut1_jd, 0.0, tt_jd, 0.0)
    off = math.remainder(earth_rotation_angle_gmst_rad(ut1_jd, tt_jd) - expected, 2 * math.pi)
    # A Julian date in one double is good to 4.7e-10 days: 3e-9 rad of the Earth's rotation.
    assert abs(off) < 5e-9


def test_sidereal_time_differs_from_the_terminals_by_under_a_tenth_of_an_arcsecond() -> None:
    jd, fraction = utc_julian_date(START_NS)
    ut1 = jd + fraction + UT1_MINUS_UTC_S / 86400.0
    gmst82 = erfa.gmst82(ut1, 0.0)
    off = math.remainder(
        earth_rotation_angle_gmst_rad(ut1, jd + fraction + 69.0 / 86400.0) - gmst82, 2 * math.pi
    )
    # IAU 2000 corrected the rate of precession by -0.3 arcsec a century: 2 m in a low orbit.
    assert 1e-8 < abs(off) < math.radians(0.1 / 3600)


def test_elements_without_a_position_are_refused() -> None:
    decaying = (
        "1 28872U 05037B   05333.02012661  .25992681  00000-0  24476-3 0  1534",
        "2 28872  96.4736 157.9986 0303955 244.0492 110.6523 16.46015938 10708",
    )
    with pytest.raises(ValueError, match="no position"):
        state_of_elements(decaying, utc_julian_date(START_NS), 0.0)


def test_the_partner_of_a_scenario_is_off_its_elements_as_told() -> None:
    leo = load_scenario("leo_haps_downlink")
    assert isinstance(leo.mission.partner, SatellitePartner)
    zero = np.zeros(1)
    start_ns = tai_ns_from_utc("2016-12-18T15:16:00Z")
    jd = utc_julian_date(start_ns)
    plain, _ = state_of_elements(leo.mission.partner.tle, jd, leo.mission.earth.ut1_minus_utc_s)
    radius = np.linalg.norm(plain)
    offsets = []
    for seed in range(25):
        drawn = true_partner_path(
            leo.mission, leo.world.partner, start_ns, jd, 1.0, np.random.default_rng(seed)
        ).position_ecef_m(zero)[0]
        offsets.append([np.linalg.norm(drawn) - radius, np.linalg.norm(drawn - plain)])
    radial, total = np.array(offsets).T
    expected = leo.world.partner.ephemeris_error_m
    # 25 draws: the scatter of an rms is 14 %, four sigma are allowed.
    assert math.sqrt(np.mean(radial**2)) == pytest.approx(expected[0], rel=0.57)
    assert math.sqrt(np.mean(total**2)) == pytest.approx(math.hypot(*expected), rel=0.57)

    haps = load_scenario("haps_laps_downlink")
    drawn = true_partner_path(
        haps.mission, haps.world.partner, start_ns, jd, 1.0, np.random.default_rng(1)
    )
    east, north, up = np.random.default_rng(1).normal(size=3) * np.array(
        haps.world.partner.ephemeris_error_m
    )
    assert not isinstance(haps.mission.partner, SatellitePartner)
    nominal = TruePath(haps.mission.partner.track)
    ned = nominal.ned_axes(zero)[0] @ (
        drawn.position_ecef_m(zero)[0] - nominal.position_ecef_m(zero)[0]
    )
    assert ned == pytest.approx([north, east, -up], abs=1e-2)
