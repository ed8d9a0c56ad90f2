"""Plans and passes against skyfield, and against their own definitions."""

from collections.abc import Iterable
from itertools import pairwise
from math import cos, degrees, hypot, pi, radians, remainder, sin, sqrt
from pathlib import Path

import astropy_iers_data
import numpy as np
import pytest
from numpy.typing import NDArray
from skyfield.timelib import Timescale

from benchmarks.plan_referee import C, Referee, with_iers, without_ut1
from terminal.geometry.earth import (
    Geodetic,
    ecef_from_geodetic,
    geodetic_from_ecef,
    inertial_velocity,
)
from terminal.geometry.eop import EopTable
from terminal.geometry.ephemeris import EphemerisError, SatelliteEphemeris
from terminal.geometry.refraction import Refraction
from terminal.geometry.time_scales import DAY_NS, SECOND_NS, tai_ns_from_utc
from terminal.geometry.tle import parse_tle
from terminal.plan import exact_utc
from terminal.plan import plan_rows as rows_of_view
from terminal.plan_passes import pass_rows
from terminal.plan_row import PlanRow
from terminal.plan_view import Standing, View

Lines = tuple[str, str]
FINALS = Path(astropy_iers_data.IERS_A_FILE)

LEO = (
    "1 41731U 16051A   16353.90152003  .00000364  00000-0  17957-4 0  9993",
    "2 41731  97.3699 267.4500 0013200 178.5836 246.0824 15.23915303 19063",
)
# From the verification set of AIAA 2006-6753: NAVSTAR 53, and a geostationary satellite.
MEO = (
    "1 28129U 03058A   06175.57071136 -.00000104  00000-0  10000-3 0   459",
    "2 28129  54.7298 324.8098 0048506 266.2640  93.1663  2.00562768 18443",
)
GEO = (
    "1 28626U 05008A   06176.46683397 -.00000205  00000-0  10000-3 0  2190",
    "2 28626   0.0019 286.9433 0000335  13.7918  55.6504  1.00270176  4891",
)
SATELLITES = {"LEO": LEO, "MEO": MEO, "GEO": GEO}

# Minutes after the epoch; the LEO is then over latitudes 1, 81, 36 and -60 degrees.
MINUTES = {"LEO": (30, 8, 87, 46), "MEO": (0, 190, 400), "GEO": (0, 700)}

TOKYO = Geodetic(radians(35.66), radians(139.68), 20.0)
START_NS = tai_ns_from_utc("2016-12-19T15:16:00Z")


@pytest.fixture(scope="module")
def iers_time() -> Timescale:
    return with_iers(FINALS)


@pytest.fixture(scope="module")
def iers_table() -> EopTable:
    return EopTable.load(FINALS)


def plan_rows(
    ephemeris: SatelliteEphemeris,
    site: Geodetic,
    times_ns: Iterable[int],
    refraction: Refraction | None = None,
) -> list[PlanRow]:
    """Seen from a site at rest."""
    return rows_of_view(View(Standing(site), ephemeris, refraction=refraction), times_ns)


def direction(row: PlanRow) -> NDArray[np.float64]:
    azimuth, elevation = radians(row.azimuth_deg), radians(row.elevation_deg)
    level = cos(elevation)
    return np.array([level * sin(azimuth), level * cos(azimuth), sin(elevation)])


def sites_about(ephemeris: SatelliteEphemeris, t_ns: int) -> list[tuple[float, float, float]]:
    """Sites (degrees, degrees, m) that see the satellite overhead, high, and low."""
    under = geodetic_from_ecef(ephemeris.state_ecef(t_ns)[0])
    sites = []
    for away_deg, bearing in ((0.0, 0.0), (0.02, 1.0), (9.0, 2.5), (16.0, 5.0)):
        latitude = min(89.0, max(-89.0, degrees(under.latitude_rad) + away_deg * cos(bearing)))
        east = away_deg * sin(bearing) / cos(radians(latitude))
        longitude = remainder(degrees(under.longitude_rad) + east, 360.0)
        sites.append((latitude, longitude, 300.0))
    return sites


def assert_row_is_that_of_skyfield(
    row: PlanRow, referee: Referee, t_ns: int, los_urad: float, range_m: float
) -> None:
    """Within the given bounds for the direction and the range."""
    theirs = referee.seen(t_ns)
    assert np.linalg.norm(direction(row) - theirs.los_enu) * 1e6 < los_urad
    assert row.range_m == pytest.approx(theirs.range_m, abs=range_m)
    assert row.range_rate_m_s == pytest.approx(referee.range_rate_m_s(t_ns), abs=1e-4)
    azimuth = radians(row.azimuth_deg)
    right = np.array([cos(azimuth), -sin(azimuth), 0.0])
    up = np.cross(right, direction(row))
    ahead_urad = (theirs.launch_enu - theirs.los_enu) * 1e6
    # A chord differs from its angle by a part in 1e9 here.
    assert row.point_ahead_cross_elevation_urad == pytest.approx(ahead_urad @ right, abs=1e-4)
    assert row.point_ahead_elevation_urad == pytest.approx(ahead_urad @ up, abs=1e-4)
    assert row.point_ahead_urad == pytest.approx(np.linalg.norm(ahead_urad), abs=1e-4)


@pytest.mark.parametrize("orbit", SATELLITES)
def test_plan_is_that_of_skyfield(orbit: str) -> None:
    """UT1 = UTC. Asked for: 0.5 urad, 5 cm, 1 mm/s, 0.05 urad of point-ahead."""
    lines = SATELLITES[orbit]
    tle = parse_tle(*lines)
    timescale = without_ut1(tle.epoch_tai_ns)
    ephemeris = SatelliteEphemeris(tle, 0.0, 2.0)
    for minutes in MINUTES[orbit]:
        t_ns = tle.epoch_tai_ns + minutes * 60 * SECOND_NS
        for site in sites_about(ephemeris, t_ns):
            place = Geodetic(radians(site[0]), radians(site[1]), site[2])
            (row,) = plan_rows(ephemeris, place, [t_ns])
            # Rounding alone: 1e-9 of a second, and 1e-16 of a day in skyfield.
            assert_row_is_that_of_skyfield(
                row, Referee(lines, site, timescale), t_ns, los_urad=1e-4, range_m=1e-4
            )


@pytest.mark.parametrize("orbit", SATELLITES)
def test_plan_with_earth_orientation_is_that_of_skyfield(
    orbit: str, iers_time: Timescale, iers_table: EopTable
) -> None:
    lines = SATELLITES[orbit]
    tle = parse_tle(*lines)
    ephemeris = SatelliteEphemeris(tle, iers_table, 2.0)
    for minutes in MINUTES[orbit][:2]:
        t_ns = tle.epoch_tai_ns + minutes * 60 * SECOND_NS
        for site in sites_about(ephemeris, t_ns)[1:]:
            place = Geodetic(radians(site[0]), radians(site[1]), site[2])
            (row,) = plan_rows(ephemeris, place, [t_ns])
            # Skyfield keeps UT1 to 0.1 us (0.05 mm on the equator, 0.1 nrad from LEO) and has the
            # terrestrial origin s' = 4e-11 rad, which we leave out (0.3 mm).
            assert_row_is_that_of_skyfield(
                row, Referee(lines, site, iers_time), t_ns, los_urad=2e-3, range_m=2e-3
            )


@pytest.mark.parametrize("orbit", SATELLITES)
def test_definitions_hold(orbit: str) -> None:
    tle = parse_tle(*SATELLITES[orbit])
    ephemeris = SatelliteEphemeris(tle, 0.0, 2.0)
    site = Geodetic(radians(-33.92), radians(18.42), 100.0)
    position = ecef_from_geodetic(*site)
    own = hypot(*inertial_velocity(position, (0.0, 0.0, 0.0))) / C
    times = [tle.epoch_tai_ns + k * SECOND_NS // 2 for k in range(7000, 7005)]
    rows = plan_rows(ephemeris, site, times)
    r = [row.range_m for row in rows]
    row = rows[2]
    assert row.range_m == pytest.approx(C * row.light_time_s, rel=1e-15)
    slope = (8.0 * (r[3] - r[1]) - (r[4] - r[0])) / 6.0
    assert row.range_rate_m_s == pytest.approx(slope, abs=2e-4)
    # Between two crests received, range / c later than sent, lie 1 - (range rate) / c as many
    # seconds at the sender, where moving clocks go slow.
    sent_ns = times[2] - round(row.light_time_s * 1e9)
    sender = hypot(*inertial_velocity(*ephemeris.state_ecef(sent_ns))) / C
    dilation = sqrt((1.0 - sender**2) / (1.0 - own**2))
    shift = dilation * (1.0 - row.range_rate_m_s / C) - 1.0
    assert row.doppler == pytest.approx(shift, abs=1e-15)
    total = hypot(row.point_ahead_elevation_urad, row.point_ahead_cross_elevation_urad)
    assert row.point_ahead_urad == pytest.approx(total, abs=1e-6)


def test_azimuth_grows_through_east_and_cross_elevation_with_it() -> None:
    """The demo pass comes from the north, culminates in the west and leaves to the south-west."""
    ephemeris = SatelliteEphemeris(parse_tle(*LEO), 0.0, 2.0)
    times = [START_NS + k * 20 * SECOND_NS for k in range(20)]
    rows = plan_rows(ephemeris, TOKYO, times)
    assert rows[0].azimuth_deg == pytest.approx(356.5, abs=0.1)
    assert rows[-1].azimuth_deg == pytest.approx(210.6, abs=0.1)
    for before, after in pairwise(rows):
        # The satellite goes on the way that it has come.
        turning = remainder(after.azimuth_deg - before.azimuth_deg, 360.0)
        assert turning * after.point_ahead_cross_elevation_urad > 0.0
    climbing = [row.point_ahead_elevation_urad > 0.0 for row in rows]
    assert climbing == sorted(climbing, reverse=True)


def test_daytime_pass_comes_within_11_degrees_of_the_sun() -> None:
    ephemeris = SatelliteEphemeris(parse_tle(*LEO), 0.0, 2.0)
    start_ns = tai_ns_from_utc("2016-12-19T02:10:00Z")
    rows = plan_rows(ephemeris, TOKYO, range(start_ns, start_ns + 600 * SECOND_NS, SECOND_NS))
    assert max(row.elevation_deg for row in rows) == pytest.approx(79.7, abs=0.2)
    assert min(row.sun_separation_deg for row in rows) == pytest.approx(10.9, abs=0.1)
    # Separation by the rule of cosines, from the four angles.
    for row in rows[::60]:
        a, b = radians(row.elevation_deg), radians(row.sun_elevation_deg)
        between = radians(row.azimuth_deg - row.sun_azimuth_deg)
        cosine = sin(a) * sin(b) + cos(a) * cos(b) * cos(between)
        assert cos(radians(row.sun_separation_deg)) == pytest.approx(cosine, abs=1e-12)


def test_refraction_lifts_both_directions() -> None:
    ephemeris = SatelliteEphemeris(parse_tle(*LEO), 0.0, 2.0)
    refraction = Refraction(TOKYO.altitude_m, 6_371_000.0, 810e-9)
    times = range(START_NS, START_NS + 380 * SECOND_NS, 20 * SECOND_NS)  # over 10 degrees
    plain = plan_rows(ephemeris, TOKYO, times)
    bent = plan_rows(ephemeris, TOKYO, times, refraction)
    for a, b in zip(plain, bent, strict=True):
        lift = radians(b.elevation_deg - a.elevation_deg)
        # Flat air would lift by (n - 1) / tan(elevation); round air by a little less, and less
        # still for a partner as near as this.
        flat = 2.75e-4 / np.tan(radians(a.elevation_deg))
        assert 0.9 * flat < lift < flat
        assert b.azimuth_deg == pytest.approx(a.azimuth_deg, abs=1e-10)
        assert (b.range_m, b.doppler, b.sun_separation_deg) == (
            a.range_m,
            a.doppler,
            a.sun_separation_deg,
        )
        # Refraction squeezes angles in elevation: by n - 1 at the zenith, by more lower down.
        squeezed = b.point_ahead_elevation_urad / a.point_ahead_elevation_urad
        assert 0.98 < squeezed < 1.0 - 2.6e-4


def test_refraction_leaves_what_is_under_the_horizon() -> None:
    ephemeris = SatelliteEphemeris(parse_tle(*LEO), 0.0, 2.0)
    refraction = Refraction(TOKYO.altitude_m, 6_371_000.0, 810e-9)
    t_ns = START_NS + 1800 * SECOND_NS
    assert plan_rows(ephemeris, TOKYO, [t_ns], refraction) == plan_rows(ephemeris, TOKYO, [t_ns])


def test_an_ephemeris_that_ends_is_said() -> None:
    ephemeris = SatelliteEphemeris(parse_tle(*LEO), 0.0, 0.5)
    with pytest.raises(EphemerisError, match=r"limit is 0.5"):
        plan_rows(ephemeris, TOKYO, [START_NS])


def test_exact_utc() -> None:
    assert exact_utc(START_NS) == "2016-12-19T15:16:00.000Z"
    assert exact_utc(START_NS + 1_000_000) == "2016-12-19T15:16:00.001Z"
    assert exact_utc(START_NS + 1) == "2016-12-19T15:16:00.000000001Z"
    assert tai_ns_from_utc(exact_utc(START_NS + 333_333_333)) == START_NS + 333_333_333


def test_passes_agree_with_the_plan() -> None:
    ephemeris = SatelliteEphemeris(parse_tle(*LEO), 0.0, 2.0)
    start_ns = tai_ns_from_utc("2016-12-18T22:00:00Z")
    found = pass_rows(ephemeris, TOKYO, start_ns, start_ns + DAY_NS, radians(10.0))
    assert [row.night for row in found] == [False, True]
    assert [row.sunlit for row in found] == [True, False]
    for one in found:
        times = [tai_ns_from_utc(t) for t in (one.rise_utc, one.culmination_utc, one.set_utc)]
        rise, top, end = plan_rows(ephemeris, TOKYO, times)
        # Light time and aberration turn the sky by up to 50 urad; texts are rounded to 0.5 ms.
        assert rise.elevation_deg == pytest.approx(10.0, abs=3e-3)
        assert end.elevation_deg == pytest.approx(10.0, abs=3e-3)
        assert top.elevation_deg == pytest.approx(one.max_elevation_deg, abs=3e-3)
        assert top.range_m == pytest.approx(one.culmination_range_m, abs=1.0)
        assert one.duration_s == pytest.approx((times[2] - times[0]) * 1e-9, abs=1.1e-3)
        assert one.culmination_azimuth_deg == pytest.approx(top.azimuth_deg, abs=1e-2)
        assert one.sun_elevation_deg == pytest.approx(top.sun_elevation_deg, abs=1e-4)
    # The daytime pass, at 0.01 degree of the plan by seconds.
    assert found[0].min_sun_separation_deg == pytest.approx(10.9, abs=0.1)


def test_a_satellite_that_never_sets_is_one_pass() -> None:
    tle = parse_tle(*GEO)
    ephemeris = SatelliteEphemeris(tle, 0.0, 2.0)
    under = geodetic_from_ecef(ephemeris.state_ecef(tle.epoch_tai_ns)[0])
    site = Geodetic(pi / 6, under.longitude_rad, 0.0)
    (found,) = pass_rows(ephemeris, site, tle.epoch_tai_ns, tle.epoch_tai_ns + DAY_NS, 0.2)
    assert found.duration_s == 86_400.0
