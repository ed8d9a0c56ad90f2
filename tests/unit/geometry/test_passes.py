"""Passes against skyfield's own idea of where the satellite stands."""

from math import atan2, degrees, radians

import pytest
from known_elements import GEOSTATIONARY, MICIUS
from skyfield.api import EarthSatellite, wgs84
from skyfield.timelib import Timescale

from terminal.geometry.ephemeris import EphemerisError, SatelliteEphemeris
from terminal.geometry.passes import find_passes
from terminal.geometry.sun import sun_elevation_rad
from terminal.geometry.time_scales import DAY_NS, SECOND_NS, tai_ns_from_utc, utc_julian_date
from terminal.geometry.tle import Tle, parse_tle

LATITUDE_RAD, LONGITUDE_RAD, ALTITUDE_M = radians(35.66), radians(139.68), 20_000.0
SITE = (LATITUDE_RAD, LONGITUDE_RAD, ALTITUDE_M)
START_NS = tai_ns_from_utc("2016-12-18T22:00:00Z")
DUT1_S = -0.396


class SkyfieldElevation:
    """Elevation in degrees of the demo satellite over the demo site."""

    def __init__(self, timescale: Timescale) -> None:
        self._timescale = timescale
        self._from_site = EarthSatellite(*MICIUS, "", timescale) - wgs84.latlon(
            35.66, 139.68, ALTITUDE_M
        )

    def __call__(self, t_ns: int) -> float:
        day, fraction = utc_julian_date(t_ns)
        time = self._timescale.utc(1970, 1, 1 + day - 2440587.5, 24 * fraction)
        return float(self._from_site.at(time).altaz()[0].degrees)


def test_demo_pass(micius: Tle) -> None:
    ephemeris = SatelliteEphemeris(micius, DUT1_S, 2.0)
    passes = find_passes(ephemeris, *SITE, START_NS, START_NS + DAY_NS, radians(20.0))
    at_night = [
        p
        for p in passes
        if sun_elevation_rad(p.culmination_tai_ns, LATITUDE_RAD, LONGITUDE_RAD) < radians(-12.0)
    ]
    assert len(at_night) == 1
    (demo,) = at_night
    # Skyfield 1.55, EarthSatellite.find_events: 46.038 degrees at 15:18:55.954; its rise at
    # 15:16:49.1 and set at 15:21:02.0 are good to 0.2 s.
    assert degrees(demo.max_elevation_rad) == pytest.approx(46.038, abs=1e-3)
    top_ns = tai_ns_from_utc("2016-12-19T15:18:55.954Z")
    assert abs(demo.culmination_tai_ns - top_ns) < 0.05 * SECOND_NS
    assert (demo.set_tai_ns - demo.rise_tai_ns) * 1e-9 == pytest.approx(252.9, abs=0.3)


def test_passes_of_a_day_are_those_of_skyfield(micius: Tle, timescale: Timescale) -> None:
    ephemeris = SatelliteEphemeris(micius, DUT1_S, 2.0)
    passes = find_passes(ephemeris, *SITE, START_NS, START_NS + DAY_NS, radians(5.0))
    elevation_deg = SkyfieldElevation(timescale)
    satellite = EarthSatellite(*MICIUS, "", timescale)
    site = wgs84.latlon(35.66, 139.68, ALTITUDE_M)
    span = timescale.utc(2016, 12, 18, 22), timescale.utc(2016, 12, 19, 22)
    _, events = satellite.find_events(site, *span, altitude_degrees=5.0)
    assert len(passes) == list(events).count(1) == 3
    for found in passes:
        # Elevation moves by 0.02 to 0.05 deg/s at 5 degrees: 1 ms is up to 5e-5 degrees.
        assert elevation_deg(found.rise_tai_ns) == pytest.approx(5.0, abs=5e-5)
        assert elevation_deg(found.set_tai_ns) == pytest.approx(5.0, abs=5e-5)
        top_deg = elevation_deg(found.culmination_tai_ns)
        assert top_deg == pytest.approx(degrees(found.max_elevation_rad), abs=5e-5)
        assert top_deg > elevation_deg(found.culmination_tai_ns - SECOND_NS)
        assert top_deg > elevation_deg(found.culmination_tai_ns + SECOND_NS)


def test_shortest_pass_is_found(micius: Tle) -> None:
    ephemeris = SatelliteEphemeris(micius, DUT1_S, 2.0)
    span = START_NS, START_NS + DAY_NS
    best = max(find_passes(ephemeris, *SITE, *span, 0.2), key=lambda p: p.max_elevation_rad)
    (short,) = find_passes(ephemeris, *SITE, *span, best.max_elevation_rad - 1e-6)
    assert short.rise_tai_ns < best.culmination_tai_ns < short.set_tai_ns
    assert short.set_tai_ns - short.rise_tai_ns < SECOND_NS
    assert find_passes(ephemeris, *SITE, *span, best.max_elevation_rad + 1e-6) == []


def test_span_cuts_a_pass_short(micius: Tle) -> None:
    ephemeris = SatelliteEphemeris(micius, DUT1_S, 2.0)
    whole = find_passes(ephemeris, *SITE, START_NS, START_NS + DAY_NS, radians(20.0))[-1]
    start_ns, end_ns = whole.rise_tai_ns + 7 * SECOND_NS, whole.rise_tai_ns + 20 * SECOND_NS
    (cut,) = find_passes(ephemeris, *SITE, start_ns, end_ns, radians(20.0))
    assert (cut.rise_tai_ns, cut.culmination_tai_ns, cut.set_tai_ns) == (start_ns, end_ns, end_ns)


def test_geostationary_satellite_never_sets() -> None:
    tle = parse_tle(*GEOSTATIONARY)
    ephemeris = SatelliteEphemeris(tle, 0.0, 1.0)
    span = tle.epoch_tai_ns, tle.epoch_tai_ns + DAY_NS // 2
    x, y, _ = ephemeris.state_ecef(tle.epoch_tai_ns)[0]
    (found,) = find_passes(ephemeris, 0.3, atan2(y, x), 0.0, *span, radians(30.0))
    assert (found.rise_tai_ns, found.set_tai_ns) == span


def test_impossible_spans_are_refused(micius: Tle) -> None:
    ephemeris = SatelliteEphemeris(micius, DUT1_S, 1.0)
    with pytest.raises(ValueError, match="ends before"):
        find_passes(ephemeris, *SITE, START_NS, START_NS, 0.2)
    with pytest.raises(EphemerisError, match="limit is 1"):
        find_passes(ephemeris, *SITE, START_NS, START_NS + 3 * DAY_NS, 0.2)
