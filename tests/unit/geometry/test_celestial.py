"""From the stars to the Earth, against printed examples, skyfield and elements flown by SGP4."""

from math import pi

import numpy as np
import pytest
from known_elements import MICIUS
from skyfield.api import EarthSatellite
from skyfield.framelib import ICRS_to_J2000, itrs
from skyfield.timelib import Timescale

from terminal.geometry.celestial import itrf_piece
from terminal.geometry.eop import Eop, SteadyEarth
from terminal.geometry.ephemeris import SatelliteEphemeris
from terminal.geometry.ephemeris_table import Frame, Piece
from terminal.geometry.time_scales import SECOND_NS, tai_ns_from_utc, utc_julian_date
from terminal.geometry.tle import parse_tle

ARCSEC = pi / 648_000


def piece(times_ns: list[int], positions: np.ndarray, velocities: np.ndarray | None) -> Piece:
    lines = list(range(len(times_ns)))
    span = times_ns[0], times_ns[-1]
    return Piece(np.array(times_ns), np.array(positions), velocities, lines, span)


def test_matrix_of_the_sofa_cookbook() -> None:
    """ "SOFA Tools for Earth Attitude", 5.6: 2007 April 5, 12:00 UTC, IAU 2006/2000A, CIO based."""
    earth = SteadyEarth(Eop(-0.072073685, 0.0349282 * ARCSEC, 0.4833163 * ARCSEC))
    printed = np.array(
        [
            [+0.973104317697535, +0.230363826239128, -0.000703163482198],
            [-0.230363800456037, +0.973104570632801, +0.000118545366625],
            [+0.000711560162668, +0.000046626403995, +0.999999745754024],
        ]
    )
    times = [tai_ns_from_utc("2007-04-05T12:00:00")] * 3
    found = itrf_piece(piece(times, np.eye(3), None), Frame.GCRF, earth)
    # The printed one has the pole's offsets dX = 0.1750, dY = -0.2259 mas, which we leave out.
    assert pytest.approx(printed, abs=0.29e-3 * ARCSEC) == found.positions_m.T
    assert found.velocities_m_s is None


# AIAA 2006-6753 ("Revisiting Spacetrack Report #3"), appendix C: one state in each frame, in km.
VALLADO_UTC = "2004-04-06T07:51:28.386009"
VALLADO_EARTH = SteadyEarth(Eop(-0.4399619, -0.140682 * ARCSEC, 0.333309 * ARCSEC))
VALLADO_ITRF = (
    [-1033.4793830, 7901.2952754, 6380.3565958],
    [-3.225636520, -2.872451450, 5.531924446],
)
VALLADO = {
    Frame.GCRF: (
        [5102.508958, 6123.011401, 6378.136928],
        [-4.74322016, 0.79053650, 5.533755728],
        # dX = -0.2 and dY = -0.1 mas at 10,200 km.
        0.012,
    ),
    Frame.TEME: (
        [5094.18016210, 6127.64465950, 6380.34453270],
        [-4.746131487, 0.785818041, 5.531931288],
        # The paper's Julian date in one double resolves 40 us; half of it is 12 mm at 7,970 km.
        0.012,
    ),
}


@pytest.mark.parametrize("frame", VALLADO)
def test_printed_state(frame: Frame) -> None:
    position, velocity, tolerance_m = VALLADO[frame]
    one = piece(
        [tai_ns_from_utc(VALLADO_UTC)], 1e3 * np.array([position]), 1e3 * np.array([velocity])
    )
    found = itrf_piece(one, frame, VALLADO_EARTH)
    assert found.velocities_m_s is not None
    assert found.positions_m[0] / 1e3 == pytest.approx(VALLADO_ITRF[0], abs=tolerance_m / 1e3)
    # The length of the day, 1.6 ms too long, makes 1e-5 m/s, and the pole's motion 0.1 mm/s.
    assert found.velocities_m_s[0] / 1e3 == pytest.approx(VALLADO_ITRF[1], abs=2e-7)


@pytest.mark.parametrize("utc", ["1999-06-01T00:00:00", "2016-12-19T15:18:51", "2024-03-03T06:00"])
def test_gcrf_is_turned_as_skyfield_turns_it(utc: str, timescale: Timescale) -> None:
    t_ns = tai_ns_from_utc(utc if utc.count(":") == 2 else utc + ":00")
    day, fraction = utc_julian_date(t_ns)
    time = timescale.utc(1970, 1, 1 + day - 2440587.5, 24 * fraction)
    earth = SteadyEarth(Eop(float(time.dut1)))
    found = itrf_piece(piece([t_ns] * 3, np.eye(3), None), Frame.GCRF, earth)
    # Skyfield's own nutation series and sidereal time; they stay within 0.05 mas of IAU 2006/2000A.
    assert pytest.approx(itrs.rotation_at(time), abs=5e-5 * ARCSEC) == found.positions_m.T


def test_mean_equator_of_j2000_is_the_biased_gcrf() -> None:
    t_ns = tai_ns_from_utc("2016-12-19T15:18:51")
    gcrf = np.array([[7e6, 0.0, 0.0], [0.0, 7e6, 0.0], [0.0, 0.0, 7e6]])
    # The bias of the IERS Conventions 2003, from skyfield.
    mean = gcrf @ ICRS_to_J2000.T
    assert np.linalg.norm(mean - gcrf, axis=1).max() == pytest.approx(0.8, abs=0.1)
    earth = SteadyEarth(Eop(-0.4))
    ours = itrf_piece(piece([t_ns] * 3, mean, None), Frame.EME2000, earth)
    expected = itrf_piece(piece([t_ns] * 3, gcrf, None), Frame.GCRF, earth)
    assert ours.positions_m == pytest.approx(expected.positions_m, abs=1e-3)


@pytest.mark.parametrize("frame", [Frame.GCRF, Frame.EME2000, Frame.TEME])
def test_velocity_is_the_derivative(frame: Frame) -> None:
    t_ns = tai_ns_from_utc("2016-12-19T15:18:51")
    earth = SteadyEarth(Eop(-0.4, 1e-6, 2e-6))
    position, velocity = np.array([4e6, 5e6, 3e6]), np.array([-3e3, -1e3, 6e3])
    steps = np.array([-1.0, 0.0, 1.0])
    times = [t_ns + int(step) * SECOND_NS for step in steps]
    line = position + steps[:, None] * velocity
    found = itrf_piece(piece(times, line, np.tile(velocity, (3, 1))), frame, earth)
    assert found.velocities_m_s is not None
    slope = (found.positions_m[2] - found.positions_m[0]) / 2.0
    # A third of the square of the Earth's rate, on 7 km/s: 1e-5 m/s; the pole's motion the rest.
    assert found.velocities_m_s[1] == pytest.approx(slope, abs=1e-4)


def test_teme_is_turned_as_for_elements() -> None:
    tle = parse_tle(*MICIUS)
    earth = SteadyEarth(Eop(-0.4, 5e-7, 1e-6))
    _, position_km, velocity_km_s = tle.satrec.sgp4_tsince(600.0)
    t_ns = tle.epoch_tai_ns + 36_000 * SECOND_NS
    one = piece([t_ns], 1e3 * np.array([position_km]), 1e3 * np.array([velocity_km_s]))
    found = itrf_piece(one, Frame.TEME, earth)
    expected, _ = SatelliteEphemeris(tle, earth, 1.0).state_ecef(t_ns)
    assert found.positions_m[0] == pytest.approx(expected, abs=1e-6)


def test_gcrf_of_skyfield_comes_back_to_its_itrs(timescale: Timescale) -> None:
    """The whole chain on a satellite: skyfield's GCRS state, turned by us, is its ITRS state."""
    tle = parse_tle(*MICIUS)
    t_ns = tle.epoch_tai_ns
    day, fraction = utc_julian_date(t_ns)
    time = timescale.utc(1970, 1, 1 + day - 2440587.5, 24 * fraction)
    at = EarthSatellite(*MICIUS, "", timescale).at(time)
    one = piece([t_ns], at.position.m[None, :], at.velocity.m_per_s[None, :])
    found = itrf_piece(one, Frame.GCRF, SteadyEarth(Eop(float(time.dut1))))
    position, velocity = at.frame_xyz_and_velocity(itrs)
    assert found.velocities_m_s is not None
    assert found.positions_m[0] == pytest.approx(position.m, abs=2e-3)
    assert found.velocities_m_s[0] == pytest.approx(velocity.m_per_s, abs=1e-4)
