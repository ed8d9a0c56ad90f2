"""The window of a mission, against skyfield, and one clear line for each mission that has none."""

from typing import Any

import pytest
from msgspec.structs import replace
from skyfield.api import EarthSatellite, load, wgs84

from config.errors import InputError
from config.loader import load_scenario
from config.mission import FixedWindow, Mission, PlatformPartner
from terminal.geometry.time_scales import DAY_NS, SECOND_NS, tai_ns_from_utc, utc_text
from terminal.geometry.tle import parse_tle
from terminal.window import Window, resolve_window

MISSION = load_scenario("leo_haps_downlink").mission
# From the verification set of AIAA 2006-6753: an orbit that decays within an hour of its epoch.
DECAYING = (
    "1 28872U 05037B   05333.02012661  .25992681  00000-0  24476-3 0  1534",
    "2 28872  96.4736 157.9986 0303955 244.0492 110.6523 16.46015938 10708",
)


def mission(window: dict[str, Any] | None = None, partner: dict[str, Any] | None = None) -> Mission:
    """The demo's mission with fields of its window and partner replaced."""
    return replace(
        MISSION,
        window=replace(MISSION.window, **(window or {})),
        partner=replace(MISSION.partner, **(partner or {})),
    )


def fixed(start_utc: str, duration_s: float, **partner: Any) -> Mission:
    window = FixedWindow(start_utc=start_utc, duration_s=duration_s)
    return replace(MISSION, window=window, partner=replace(MISSION.partner, **partner))


def test_the_demo_flies_the_night_pass() -> None:
    window = resolve_window(MISSION)
    timescale = load.timescale(builtin=True)
    look = EarthSatellite(*MISSION.partner.tle, "", timescale) - wgs84.latlon(
        MISSION.track.latitude_deg, MISSION.track.longitude_deg, MISSION.track.altitude_m
    )

    def elevation_deg(t_ns: int) -> float:
        second = (t_ns - tai_ns_from_utc("2016-12-19T00:00:00Z")) * 1e-9
        at = timescale.utc(2016, 12, 19, 0, 0, second)
        return float(look.at(at).altaz()[0].degrees)

    assert window.end_tai_ns - window.start_tai_ns == 252 * SECOND_NS
    assert window.start_tai_ns % SECOND_NS == window.end_tai_ns % SECOND_NS == 0
    # Inside of the pass over 20 degrees, and no whole second more would be.
    for edge_ns, outside_ns in (
        (window.start_tai_ns, window.start_tai_ns - SECOND_NS),
        (window.end_tai_ns, window.end_tai_ns + SECOND_NS),
    ):
        assert elevation_deg(edge_ns) >= 20.0 > elevation_deg(outside_ns)
    top_ns = max(range(window.start_tai_ns, window.end_tai_ns, SECOND_NS), key=elevation_deg)
    assert utc_text(top_ns).startswith("2016-12-19T15:18:56")
    assert elevation_deg(top_ns) == pytest.approx(46.04, abs=0.01)


def test_by_day_too_there_is_a_higher_or_equal_pass() -> None:
    night, any_time = resolve_window(MISSION), resolve_window(mission({"sun_below_deg": None}))
    assert any_time.duration_s >= night.duration_s


def test_a_fixed_window_is_taken_as_it_is() -> None:
    start = "2016-12-19T15:17:00.25Z"
    window = resolve_window(fixed(start, 60.5))
    start_ns = tai_ns_from_utc(start)
    assert window == Window(start_ns, start_ns + 60_500_000_000)
    assert window.duration_s == pytest.approx(60.5)


WRONG_SUM = (MISSION.partner.tle[0][:-1] + "4", MISSION.partner.tle[1])
PLATFORM = PlatformPartner(name="balloon", track=MISSION.track)


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        (mission(partner={"tle": WRONG_SUM}), "partner.tle: .*column 69: checksum is 4, expected"),
        (mission(partner={"tle": ("", "")}), "partner.tle: .*0 columns"),
        (mission({"search_start_utc": "2016-12-26T00:00:00Z"}), "days from .* use newer elements"),
        (fixed("2016-12-19T15:17:00Z", 60.0, useful_days=0.5), "useful_days"),
        (mission({"min_elevation_deg": 80.0}), "no pass over 80 degrees from .* widen search_days"),
        (mission({"sun_below_deg": -80.0}), r"no pass over 20 degrees by night \(of [1-9]"),
        (mission({"search_start_utc": "yesterday"}), "search_start_utc: 'yesterday' is not a UTC"),
        (mission({"search_start_utc": "2016-12-18T25:00:00Z"}), "search_start_utc: .*time of day"),
        (fixed("1969-07-20T20:17:40Z", 60.0), "start_utc: .*1972"),
        (fixed("2016-12-19T15:17:00+09:00", 60.0), "start_utc: .*is not a UTC time"),
        (mission({"search_days": 1e-15}), "ends where it starts"),
        (fixed("2016-12-19T15:17:00Z", 1e-12), "ends where it starts"),
        (replace(MISSION, partner=PLATFORM), "best_pass needs a partner of kind satellite"),
    ],
)
def test_one_clear_line_for_what_cannot_be_flown(wrong: Mission, complaint: str) -> None:
    with pytest.raises(InputError, match=f"^mission.*{complaint}") as caught:
        resolve_window(wrong)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["best_pass", "fixed"])
def test_an_orbit_that_has_decayed(kind: str) -> None:
    tle = parse_tle(*DECAYING)
    start = utc_text(tle.epoch_tai_ns)
    window: dict[str, Any] = {"search_start_utc": start, "search_days": 1.0}
    gone = (
        mission(window, {"tle": DECAYING})
        if kind == "best_pass"
        else fixed(start, 7200.0, tle=DECAYING)
    )
    with pytest.raises(InputError, match=r"partner.tle: SGP4 has no position of 28872"):
        resolve_window(gone)


def test_elements_must_outlast_the_window_by_what_the_prediction_looks_ahead() -> None:
    """Light time and rates ask for times a little beyond the end: not to fail in flight."""
    epoch_ns = parse_tle(*MISSION.partner.tle).epoch_tai_ns
    start = utc_text(epoch_ns + DAY_NS - 600 * SECOND_NS)
    assert resolve_window(fixed(start, 590.0, useful_days=1.0)).duration_s == 590.0
    with pytest.raises(InputError, match="useful_days"):
        resolve_window(fixed(start, 599.5, useful_days=1.0))


def test_a_pass_too_short_to_hold_a_second_is_none() -> None:
    """Just under the culmination of the only night pass: over it for half a second."""
    near = {"search_start_utc": "2016-12-19T15:10:00Z", "search_days": 0.01}
    low, high = 46.0, 46.1
    for _ in range(40):
        middle = 0.5 * (low + high)
        try:
            shorter = mission({**near, "min_elevation_deg": middle})
            assert resolve_window(shorter).duration_s > 0.99
            low = middle
        except InputError:
            high = middle
    # Skyfield has the culmination at 46.038 degrees.
    assert 46.03 < low < 46.04
    with pytest.raises(InputError, match="no pass over"):
        resolve_window(mission({**near, "min_elevation_deg": high}))
