"""What a row says of rates, limits, polarisation and errors, against skyfield and closed forms."""

from math import atan2, cos, degrees, hypot, pi, radians, remainder, sin

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from skyfield.api import EarthSatellite, wgs84

from benchmarks.plan_referee import Referee, without_ut1
from config.loader import load_scenario
from config.terminal import GimbalRange, KeepOut
from terminal.control.partner_errors import PartnerErrors, partner_errors
from terminal.geometry.earth import Geodetic, enu_basis, enu_from_ecef
from terminal.geometry.ephemeris import EphemerisError, SatelliteEphemeris, TrackEphemeris
from terminal.geometry.moon import moon_direction_ecef
from terminal.geometry.time_scales import DAY_NS, SECOND_NS, tai_ns_from_utc
from terminal.geometry.tle import parse_tle
from terminal.geometry.vector import Vec, add, scale, unit
from terminal.plan import plan_rows
from terminal.plan_regard import Limit, keyhole_radius_deg, margins, violated
from terminal.plan_view import Standing, View

LINES = (
    "1 41731U 16051A   16353.90152003  .00000364  00000-0  17957-4 0  9993",
    "2 41731  97.3699 267.4500 0013200 178.5836 246.0824 15.23915303 19063",
)
TLE = parse_tle(*LINES)
EPHEMERIS = SatelliteEphemeris(TLE, 0.0, 2.0)
TOKYO = (35.66, 139.68, 20.0)
UNDER_THE_WAY = (36.584, 135.2, 20.0)
DAY_NS_START = tai_ns_from_utc("2016-12-19T02:10:30Z")
ZENITH_NS = tai_ns_from_utc("2016-12-19T15:18:55Z")


def view_from(site: tuple[float, float, float], **changes: object) -> View:
    place = Geodetic(radians(site[0]), radians(site[1]), site[2])
    return View(Standing(place), EPHEMERIS)._replace(**changes)


def azimuth_elevation(enu: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.array([atan2(enu[0], enu[1]), atan2(enu[2], hypot(enu[0], enu[1]))])


@pytest.mark.parametrize(
    ("site", "t_ns"),
    [
        (TOKYO, DAY_NS_START + 60 * SECOND_NS),
        (TOKYO, DAY_NS_START + 231 * SECOND_NS),
        (UNDER_THE_WAY, ZENITH_NS - 3 * SECOND_NS),
        (UNDER_THE_WAY, ZENITH_NS + 40 * SECOND_NS),
    ],
)
def test_rates_are_the_derivatives_of_skyfields_angles(
    site: tuple[float, float, float], t_ns: int
) -> None:
    """Five-point stencils: their steps of 0.1 s leave some 1e-6 of the rate near the zenith."""
    referee, h_s = Referee(LINES, site, without_ut1(t_ns)), 0.1
    angles = np.unwrap(
        [
            azimuth_elevation(referee.seen(t_ns + round(k * h_s * SECOND_NS)).los_enu)
            for k in (-2, -1, 0, 1, 2)
        ],
        axis=0,
    )
    rate = (angles.T @ [1.0, -8.0, 0.0, 8.0, -1.0]) / (12.0 * h_s)
    acceleration = (angles.T @ [-1.0, 16.0, -30.0, 16.0, -1.0]) / (12.0 * h_s**2)
    (row,) = plan_rows(view_from(site), [t_ns])
    assert radians(row.azimuth_rate_deg_s) == pytest.approx(rate[0], rel=1e-4)
    assert radians(row.elevation_rate_deg_s) == pytest.approx(rate[1], rel=1e-4, abs=1e-7)
    assert radians(row.azimuth_acceleration_deg_s2) == pytest.approx(
        acceleration[0], rel=1e-3, abs=1e-6
    )
    assert radians(row.elevation_acceleration_deg_s2) == pytest.approx(
        acceleration[1], rel=1e-3, abs=1e-6
    )
    sky = hypot(rate[0] * cos(angles[2][1]), rate[1])
    assert radians(row.sky_rate_deg_s) == pytest.approx(sky, rel=1e-4)


class _Ends:
    """An ephemeris that knows nothing outside of a span."""

    def __init__(self, first_ns: int, last_ns: int) -> None:
        self._span = first_ns, last_ns

    def state_ecef(self, t_ns: int) -> tuple[Vec, Vec]:
        if not self._span[0] <= t_ns <= self._span[1]:
            raise EphemerisError("ends")
        return EPHEMERIS.state_ecef(t_ns)


def test_rates_where_an_ephemeris_begins_and_ends() -> None:
    """A parabola from one side errs by some h^2 / 3 of the third derivative."""
    t_ns, light_ns = DAY_NS_START, SECOND_NS // 50
    (whole,) = plan_rows(view_from(TOKYO), [t_ns])
    for span in ((t_ns - light_ns, t_ns + SECOND_NS), (t_ns - SECOND_NS, t_ns + light_ns)):
        (row,) = plan_rows(view_from(TOKYO, partner=_Ends(*span)), [t_ns])
        assert row.azimuth_rate_deg_s == pytest.approx(whole.azimuth_rate_deg_s, rel=1e-3)
        assert row.elevation_rate_deg_s == pytest.approx(whole.elevation_rate_deg_s, rel=1e-4)
        assert row.range_rate_m_s == whole.range_rate_m_s
    with pytest.raises(EphemerisError):
        plan_rows(view_from(TOKYO, partner=_Ends(t_ns - light_ns, t_ns + light_ns)), [t_ns])


def test_a_partner_in_the_very_zenith_asks_no_azimuth() -> None:
    """Straight up over the equator the direction has no azimuth; nothing divides by zero."""

    class Overhead:
        def state_ecef(self, t_ns: int) -> tuple[Vec, Vec]:
            return (7e6, 0.0, 0.0), (0.0, 0.0, 0.0)

    (row,) = plan_rows(View(Standing(Geodetic(0.0, 0.0, 0.0)), Overhead()), [ZENITH_NS])
    assert row.elevation_deg == pytest.approx(90.0, abs=0.01)
    assert np.isfinite(row.azimuth_rate_deg_s)


def test_moon_separation_is_that_of_its_two_angles() -> None:
    for row in plan_rows(view_from(TOKYO), range(ZENITH_NS, ZENITH_NS + 10**11, 2 * 10**10)):
        a, b = radians(row.elevation_deg), radians(row.moon_elevation_deg)
        between = radians(row.azimuth_deg - row.moon_azimuth_deg)
        cosine = sin(a) * sin(b) + cos(a) * cos(b) * cos(between)
        assert cos(radians(row.moon_separation_deg)) == pytest.approx(cosine, abs=1e-12)


def test_polarisation_is_the_orbit_normal_seen_in_the_mount() -> None:
    """The normal from skyfield's inertial state, turned into the site's level by skyfield."""
    timescale = without_ut1(ZENITH_NS)
    satellite = EarthSatellite(*LINES, "", timescale)
    site = wgs84.latlon(*TOKYO)
    for offset_s in (-120, -40, 0, 60):
        t_ns = ZENITH_NS + offset_s * SECOND_NS
        days, rest_ns = divmod(t_ns, DAY_NS)
        time = timescale.tai_jd(2440587.5 + days, rest_ns / 86_400e9)
        at = satellite.at(time)
        normal = np.cross(at.position.m, at.velocity.m_per_s)
        axis = site.rotation_at(time)[[1, 0, 2]] @ (normal / np.linalg.norm(normal))
        (row,) = plan_rows(view_from(TOKYO), [t_ns])
        azimuth, elevation = radians(row.azimuth_deg), radians(row.elevation_deg)
        right = np.array([cos(azimuth), -sin(azimuth), 0.0])
        up = np.array(
            [-sin(elevation) * sin(azimuth), -sin(elevation) * cos(azimuth), cos(elevation)]
        )
        angle = atan2(axis @ up, axis @ right)
        assert row.polarization_frame_deg is not None
        # The sign of an axis means nothing. SGP4's own velocity, which skyfield takes, departs from
        # the derivative of its position, which we take, by up to 4.5 cm/s of 7.6 km/s.
        off = remainder(radians(row.polarization_frame_deg) - angle, pi)
        assert off == pytest.approx(0.0, abs=0.045 / 7600.0)


def test_ephemeris_sigma_grows_with_age_and_shows_from_the_side() -> None:
    errors = PartnerErrors(300.0, 1000.0, 500.0, TLE.epoch_tai_ns)
    assert errors.along_at_m(TLE.epoch_tai_ns - 2 * DAY_NS) == 2000.0
    (row,) = plan_rows(view_from(TOKYO, errors=errors), [ZENITH_NS])
    assert row.ephemeris_sigma_m == pytest.approx(
        1000.0 + 500.0 * (ZENITH_NS - TLE.epoch_tai_ns) / DAY_NS
    )
    # Displace the satellite along its path by that much, and look again.
    seen = plan_rows(view_from(TOKYO), [ZENITH_NS])[0]

    class Moved:
        def state_ecef(self, t_ns: int) -> tuple[Vec, Vec]:
            there, moving = EPHEMERIS.state_ecef(t_ns)
            x, y, _ = there
            stars = moving[0] - 7.292115e-5 * y, moving[1] + 7.292115e-5 * x, moving[2]
            assert row.ephemeris_sigma_m is not None
            return add(there, scale(row.ephemeris_sigma_m, unit(stars))), moving

    moved = plan_rows(view_from(TOKYO, partner=Moved()), [ZENITH_NS])[0]
    a, b = radians(seen.elevation_deg), radians(moved.elevation_deg)
    aside = radians(moved.azimuth_deg - seen.azimuth_deg) * cos(a)
    # A shift of 1.4 km in 650 km: second-order terms are 2e-3 of it.
    assert row.ephemeris_sigma_urad == pytest.approx(hypot(aside, b - a) * 1e6, rel=5e-3)
    assert plan_rows(view_from(TOKYO), [ZENITH_NS])[0].ephemeris_sigma_m is None


def test_a_precise_file_is_worth_what_the_mission_says_and_does_not_age() -> None:
    mission = load_scenario("leo_haps_downlink").mission
    partner = msgspec.structs.replace(mission.partner, ephemeris="any.oem", sigma_m=(2.0, 9.0, 4.0))
    errors = partner_errors(msgspec.structs.replace(mission, partner=partner))
    assert errors.beside_m == 4.0
    assert {errors.along_at_m(t_ns) for t_ns in (0, ZENITH_NS)} == {9.0}


def test_a_platform_errs_alike_in_all_directions() -> None:
    mission = load_scenario("haps_laps_downlink").mission
    errors = partner_errors(mission)
    start_ns = tai_ns_from_utc("2016-12-19T15:00:00Z")
    assert not hasattr(mission.partner, "tle")
    view = View(
        TrackEphemeris(mission.track, start_ns),
        TrackEphemeris(mission.partner.track, start_ns),  # type: ignore[union-attr]
        reference_axis="vertical",
        errors=errors,
    )
    (row,) = plan_rows(view, [start_ns])
    # Its own reports are good to 10 m: 0.4 mrad.
    assert row.ephemeris_sigma_urad == pytest.approx(10.0 / row.range_m * 1e6, rel=1e-9)
    # A vertical reference is seen upright, whatever the direction: 0.1 degree of Earth between.
    assert row.polarization_frame_deg is not None
    assert abs(row.polarization_frame_deg) == pytest.approx(90.0, abs=0.2)


@given(st.floats(0.05, 3.0), st.floats(5.0, 60.0))
def test_keyhole_is_where_a_great_circle_asks_for_the_limit(
    rate_deg_s: float, limit_deg_s: float
) -> None:
    """On a great circle that passes the axis at theta, the azimuth turns by rate / sin(theta)."""
    theta = radians(keyhole_radius_deg(limit_deg_s, rate_deg_s))
    step = 1e-5
    at = np.array([sin(theta), 0.0, cos(theta)])
    later = cos(step) * at + sin(step) * np.array([0.0, 1.0, 0.0])
    azimuth_rate = atan2(later[1], later[0]) / step * rate_deg_s
    assert azimuth_rate == pytest.approx(limit_deg_s, rel=1e-4)


def test_limits_one_by_one() -> None:
    gimbal = GimbalRange(pitch_max_rad=1.2, max_rate_rad_s=0.5, max_acceleration_rad_s2=2.0)
    keep_out = KeepOut(sun_rad=0.3, sun_avoid_rad=0.1, moon_rad=0.01, horizon_rad=0.2)
    fine = (0.6, 0.0, 0.0, 1.0, 1.0)
    for place, value, limits in (
        (0, 0.19, [Limit.HORIZON]),
        (0, 1.3, [Limit.PITCH]),
        (1, -0.6, [Limit.KEYHOLE]),
        (2, 2.1, [Limit.KEYHOLE]),
        (3, 0.2, [Limit.SUN_KEEP_OUT]),
        (3, 0.05, [Limit.SUN_AVOIDANCE, Limit.SUN_KEEP_OUT]),
        (4, 0.009, [Limit.MOON]),
        (0, 0.6, []),
    ):
        numbers = [*fine]
        numbers[place] = value
        assert violated(margins(gimbal, keep_out, *numbers)) == limits
    hidden = margins(gimbal, keep_out, 0.1, 9.0, 9.0, 0.0, 0.0)
    assert violated(hidden) == [Limit.HORIZON]


def test_the_daytime_pass_is_flagged_inside_the_keep_out_and_nowhere_else() -> None:
    rows = plan_rows(view_from(TOKYO), range(DAY_NS_START, DAY_NS_START + 480 * 10**9, 10**9))
    for row in rows:
        assert (Limit.SUN_KEEP_OUT in row.field_of_regard) == (
            row.sun_separation_deg < degrees(KeepOut().sun_rad)
        )
        assert Limit.SUN_AVOIDANCE not in row.field_of_regard


def test_the_zenith_pass_runs_through_the_keyhole() -> None:
    rows = plan_rows(
        view_from(UNDER_THE_WAY),
        range(ZENITH_NS - 10**10, ZENITH_NS + 10**10, 10**8),
    )
    nearest = max(rows, key=lambda row: row.elevation_deg)
    assert nearest.field_of_regard == [Limit.KEYHOLE]
    radius_deg = keyhole_radius_deg(degrees(GimbalRange().max_rate_rad_s), nearest.sky_rate_deg_s)
    assert 90.0 - nearest.elevation_deg < radius_deg


def test_the_moon_in_the_way_is_flagged() -> None:
    """A partner on the line to the Moon."""
    site = Geodetic(radians(35.0), radians(139.0), 0.0)
    own = Standing(site)
    t_ns = next(
        t
        for t in range(ZENITH_NS, ZENITH_NS + DAY_NS, 3600 * SECOND_NS)
        if enu_from_ecef(enu_basis(*site[:2]), moon_direction_ecef(t, own.state_ecef(t)[0]))[2]
        > 0.5
    )

    class Beside:
        def state_ecef(self, at_ns: int) -> tuple[Vec, Vec]:
            here = own.state_ecef(t_ns)[0]
            return add(here, scale(1e6, moon_direction_ecef(t_ns, here))), (0.0, 0.0, 0.0)

    (row,) = plan_rows(View(own, Beside()), [t_ns])
    assert row.moon_separation_deg < 0.1
    assert row.field_of_regard == [Limit.MOON]
