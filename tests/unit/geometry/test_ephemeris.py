"""Ephemerides against skyfield and the geometry of flat tracks."""

from itertools import pairwise
from math import atan2, cos, degrees, hypot, pi, radians, remainder

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from known_elements import DECAYING, GEOSTATIONARY, MICIUS
from skyfield.api import EarthSatellite
from skyfield.framelib import itrs
from skyfield.timelib import Timescale

from config.mission import Track
from terminal.geometry.earth import ecef_from_geodetic, enu_basis, enu_from_ecef
from terminal.geometry.ephemeris import (
    Ephemeris,
    EphemerisError,
    SatelliteEphemeris,
    TrackEphemeris,
)
from terminal.geometry.time_scales import DAY_NS, SECOND_NS, tai_ns_from_utc, utc_julian_date
from terminal.geometry.tle import Tle, parse_tle

START_NS = tai_ns_from_utc("2016-12-19T15:17:00Z")


def derivative(ephemeris: Ephemeris, t_ns: int, step_s: float) -> np.ndarray:
    """Five-point derivative of the position, m/s."""
    step_ns = round(step_s * 1e9)
    p = {k: np.array(ephemeris.state_ecef(t_ns + k * step_ns)[0]) for k in (-2, -1, 1, 2)}
    return (8 * (p[1] - p[-1]) - (p[2] - p[-2])) / (12 * step_s)


@pytest.mark.parametrize("lines", [MICIUS, GEOSTATIONARY])
@pytest.mark.parametrize("hours", [-20.0, 0.0, 17.678])
def test_satellite_is_where_skyfield_has_it(
    lines: tuple[str, str], hours: float, timescale: Timescale
) -> None:
    tle = parse_tle(*lines)
    t_ns = tle.epoch_tai_ns + round(hours * 3600) * SECOND_NS
    day, fraction = utc_julian_date(t_ns)
    time = timescale.utc(1970, 1, 1 + day - 2440587.5, 24 * fraction)
    ours = SatelliteEphemeris(tle, float(time.dut1), 2.0).state_ecef(t_ns)
    theirs = EarthSatellite(*lines, "", timescale).at(time).frame_xyz_and_velocity(itrs)
    # The same model and Earth rotation: nothing but the rounding of time, 1 ns at 8 km/s.
    assert ours[0] == pytest.approx(theirs[0].m, abs=1e-5)
    # SGP4's own velocity, as skyfield has it, is off its position's derivative by up to 4.5 cm/s.
    assert ours[1] == pytest.approx(theirs[1].m_per_s, abs=0.05)


@pytest.mark.parametrize("lines", [MICIUS, GEOSTATIONARY])
def test_satellite_velocity_is_the_derivative_of_its_position(lines: tuple[str, str]) -> None:
    tle = parse_tle(*lines)
    ephemeris = SatelliteEphemeris(tle, -0.4, 2.0)
    for hours in range(-24, 24, 5):
        t_ns = tle.epoch_tai_ns + hours * 3600 * SECOND_NS
        _, velocity = ephemeris.state_ecef(t_ns)
        assert velocity == pytest.approx(derivative(ephemeris, t_ns, 0.5), abs=1e-4)


def test_ut1_turns_the_earth_under_the_satellite(micius: Tle) -> None:
    t_ns = micius.epoch_tai_ns
    ahead, _ = SatelliteEphemeris(micius, 0.9, 1.0).state_ecef(t_ns)
    behind, _ = SatelliteEphemeris(micius, -0.9, 1.0).state_ecef(t_ns)
    turned_rad = remainder(atan2(ahead[1], ahead[0]) - atan2(behind[1], behind[0]), 2 * pi)
    # More UT1: the Earth has turned further east, so the satellite stands further west.
    assert turned_rad == pytest.approx(-1.8 * 2 * pi / 86_164.09, rel=1e-6)


def test_leap_second_counts_as_flight() -> None:
    """From 23:59:59 to 00:00:01 over the end of 2016 the satellite flies for three seconds."""
    line1 = "1 41731U 16051A   16366.90152003  .00000364  00000-0  17957-4 0  9997"
    ephemeris = SatelliteEphemeris(parse_tle(line1, MICIUS[1]), 0.0, 1.0)
    (_, _, z0), (_, _, vz0) = ephemeris.state_ecef(tai_ns_from_utc("2016-12-31T23:59:59Z"))
    (_, _, z1), (_, _, vz1) = ephemeris.state_ecef(tai_ns_from_utc("2017-01-01T00:00:01Z"))
    # Along the Earth's axis, where its rotation has no say.
    assert (z1 - z0) / (0.5 * (vz0 + vz1)) == pytest.approx(3.0, abs=1e-3)


def test_beyond_the_useful_days_is_refused(micius: Tle) -> None:
    ephemeris = SatelliteEphemeris(micius, 0.0, 1.5)
    ephemeris.state_ecef(micius.epoch_tai_ns + 3 * DAY_NS // 2)
    message = (
        "elements of 41731 have their epoch at 2016-12-18T21:38:11.331Z and are asked for "
        r"2016-12-20T21:38:11.331Z: \+2.00 days, the limit is 1.5"
    )
    with pytest.raises(EphemerisError, match=message):
        ephemeris.state_ecef(micius.epoch_tai_ns + 2 * DAY_NS)
    with pytest.raises(EphemerisError, match=r"-2.00 days"):
        ephemeris.state_ecef(micius.epoch_tai_ns - 2 * DAY_NS)


def test_decayed_satellite_has_no_position() -> None:
    tle = parse_tle(*DECAYING)
    ephemeris = SatelliteEphemeris(tle, 0.0, 1.0)
    with pytest.raises(EphemerisError, match=r"SGP4 has no position of 28872 3600.000 s from"):
        ephemeris.state_ecef(tle.epoch_tai_ns + 3600 * SECOND_NS)


def track(radius_m: float, course_deg: float = 60.0, latitude_deg: float = 35.66) -> Track:
    return Track(
        latitude_deg=latitude_deg,
        longitude_deg=139.68,
        altitude_m=20_000.0,
        speed_m_s=25.0,
        course_deg=course_deg,
        radius_m=radius_m,
    )


def flat(ephemeris: TrackEphemeris, t_ns: int) -> tuple[np.ndarray, np.ndarray]:
    """Position and velocity in east, north, up about the centre of `track`."""
    position, velocity = ephemeris.state_ecef(t_ns)
    centre = radians(35.66), radians(139.68)
    basis = enu_basis(*centre)
    offset = np.subtract(position, ecef_from_geodetic(*centre, 20_000.0))
    return np.array(enu_from_ecef(basis, tuple(offset))), np.array(enu_from_ecef(basis, velocity))


def test_straight_track_passes_the_centre_on_its_course() -> None:
    ephemeris = TrackEphemeris(track(0.0), START_NS)
    offset, velocity = flat(ephemeris, START_NS)
    assert offset == pytest.approx(0.0, abs=1e-8)
    assert velocity == pytest.approx(25 * np.array([0.75**0.5, 0.5, 0.0]), abs=1e-9)
    offset, _ = flat(ephemeris, START_NS + 60 * SECOND_NS)
    # 1.5 km out, a sphere leaves its tangent plane by 0.18 m, and meridians close in by 0.1 m.
    assert offset == pytest.approx(1500 * np.array([0.75**0.5, 0.5, 0.0]), abs=0.2)


@pytest.mark.parametrize("course_deg", [0.0, 90.0, 200.0])
def test_circle_is_flown_clockwise_from_its_course(course_deg: float) -> None:
    radius_m = 1000.0
    ephemeris = TrackEphemeris(track(radius_m, course_deg), START_NS)
    lap_ns = round(2 * pi * radius_m / 25.0 * 1e9)
    azimuths = []
    for eighth in range(9):
        offset, velocity = flat(ephemeris, START_NS + eighth * lap_ns // 8)
        # Over 1 km, meridians close in by a part in 9000: 0.11 m and 3 mm/s.
        assert hypot(offset[0], offset[1]) == pytest.approx(radius_m, abs=0.2)
        course = course_deg + 45.0 * eighth
        flown = degrees(atan2(velocity[0], velocity[1]))
        assert remainder(flown - course, 360.0) == pytest.approx(0.0, abs=0.02)
        azimuths.append(atan2(offset[0], offset[1]))
    steps = [(b - a) % (2 * pi) for a, b in pairwise(azimuths)]
    assert steps == pytest.approx([pi / 4] * 8, abs=1e-3)


@given(
    st.floats(-80.0, 80.0), st.floats(0.0, 359.9), st.sampled_from([0.0, 500.0, 5000.0]),
    st.integers(-600, 600),
)  # fmt: skip
def test_track_velocity_is_the_derivative_of_its_position(
    latitude_deg: float, course_deg: float, radius_m: float, seconds: int
) -> None:
    ephemeris = TrackEphemeris(track(radius_m, course_deg, latitude_deg), START_NS)
    t_ns = START_NS + seconds * SECOND_NS
    _, velocity = ephemeris.state_ecef(t_ns)
    # Floats of 6e6 m resolve 1e-8 m/s over 0.25 s; the fifth derivative on 500 m adds 2e-8.
    assert velocity == pytest.approx(derivative(ephemeris, t_ns, 0.25), abs=1e-7)


def test_track_keeps_its_altitude_and_degrees() -> None:
    ephemeris = TrackEphemeris(track(0.0, course_deg=90.0), START_NS)
    latitude_rad, longitude_rad, altitude_m = ephemeris.geodetic(START_NS + 100 * SECOND_NS)
    assert (degrees(latitude_rad), altitude_m) == pytest.approx((35.66, 20_000.0))
    # Prime vertical radius at 35.66 degrees: a / sqrt(1 - e2 sin2).
    radius_m = 6_378_137.0 / (1 - 0.00669437999014 * (1 - cos(radians(35.66)) ** 2)) ** 0.5
    around_m = (radius_m + 20_000.0) * cos(radians(35.66)) * (longitude_rad - radians(139.68))
    assert around_m == pytest.approx(2500.0, abs=1e-6)


def test_no_track_at_the_pole() -> None:
    with pytest.raises(EphemerisError, match=r"89\.5 degrees"):
        TrackEphemeris(track(0.0, latitude_deg=89.5), START_NS)
