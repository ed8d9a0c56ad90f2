"""What a plan says of limits and extremes: the same for any step, and that of very fine rows."""

import json
from math import acos, cos, degrees, pi, radians, sin, sqrt
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer import Typer
from typer.testing import CliRunner

from config.terminal import GimbalRange, KeepOut
from terminal.geometry.earth import Geodetic
from terminal.geometry.ephemeris import SatelliteEphemeris
from terminal.geometry.passes import find_passes
from terminal.geometry.time_scales import DAY_NS, SECOND_NS, tai_ns_from_utc
from terminal.geometry.tle import parse_tle
from terminal.plan import plan_rows
from terminal.plan_commands import plan
from terminal.plan_crossings import spans_below, turning_ns
from terminal.plan_regard import Limit
from terminal.plan_row import PlanRow
from terminal.plan_sky import Sky, survey, violations
from terminal.plan_view import Standing, View

LINES = (
    "1 41731U 16051A   16353.90152003  .00000364  00000-0  17957-4 0  9993",
    "2 41731  97.3699 267.4500 0013200 178.5836 246.0824 15.23915303 19063",
)
EPHEMERIS = SatelliteEphemeris(parse_tle(*LINES), 0.0, 2.0)
TOKYO = Geodetic(radians(35.66), radians(139.68), 20.0)
UNDER_THE_WAY = Geodetic(radians(36.584), radians(135.2), 20.0)
DAY_START = tai_ns_from_utc("2016-12-19T02:11:00Z")
NIGHT_START = tai_ns_from_utc("2016-12-19T15:18:25Z")

APP = Typer()
APP.command()(plan)


def said(folder: Path, step_s: float, scenario: str) -> dict[str, Any]:
    out = folder / "plan.json"
    arguments = ["--scenario", scenario, "--step-s", str(step_s), "--json", str(out)]
    assert CliRunner().invoke(APP, arguments, catch_exceptions=False).exit_code == 0
    return dict(json.loads(out.read_text()))


@pytest.mark.parametrize("scenario", ["leo_haps_daytime", "leo_laps_zenith"])
def test_no_step_hides_anything(scenario: str, tmp_path: Path) -> None:
    fine = said(tmp_path, 1.0, scenario)
    assert fine["violations"]
    for step_s in (10.0, 40.0, 200.0):
        coarse = said(tmp_path, step_s, scenario)
        for key in ("violations", "extremes", "guidance", "limits"):
            assert coarse[key] == fine[key]


def rows_of(view: View, start_ns: int, seconds: int, step_ns: int) -> list[PlanRow]:
    return plan_rows(view, range(start_ns, start_ns + seconds * SECOND_NS + 1, step_ns))


def flagged_s(rows: list[PlanRow], limit: Limit, step_s: float) -> tuple[float, float]:
    """Of the first and the last row that violates a limit."""
    at = [k * step_s for k, row in enumerate(rows) if limit in row.field_of_regard]
    return at[0], at[-1]


def found_s(sky: Sky, limit: Limit, start_ns: int) -> tuple[float, float]:
    (way,) = [way for broken, way in sky.broken if broken is limit]
    return (way[0].t_ns - start_ns) / SECOND_NS, (way[-1].t_ns - start_ns) / SECOND_NS


@pytest.mark.parametrize(
    ("site", "start_ns", "seconds", "step_ns", "limit"),
    [
        (TOKYO, DAY_START, 180, SECOND_NS // 5, Limit.SUN_KEEP_OUT),
        (UNDER_THE_WAY, NIGHT_START, 60, SECOND_NS // 20, Limit.KEYHOLE),
    ],
)
def test_spans_and_extremes_are_those_of_fine_rows(
    site: Geodetic, start_ns: int, seconds: int, step_ns: int, limit: Limit
) -> None:
    view = View(Standing(site), EPHEMERIS)
    rows = rows_of(view, start_ns, seconds, step_ns)
    sky = survey(view, start_ns, start_ns + seconds * SECOND_NS)
    step_s = step_ns / SECOND_NS
    first_s, last_s = flagged_s(rows, limit, step_s)
    from_s, to_s = found_s(sky, limit, start_ns)
    assert first_s - step_s - 0.01 < from_s < first_s + 0.01
    assert last_s - 0.01 < to_s < last_s + step_s + 0.01
    assert [found.limit for found in violations(sky)] == [limit]
    extremes = sky.extremes
    assert extremes is not None
    # Each turns like a parabola between two rows.
    assert extremes.sun.separation_deg == pytest.approx(
        min(row.sun_separation_deg for row in rows), abs=1e-3
    )
    assert extremes.moon.separation_deg == pytest.approx(
        min(row.moon_separation_deg for row in rows), abs=0.02
    )
    assert extremes.max_elevation_deg == pytest.approx(
        max(row.elevation_deg for row in rows), abs=0.02
    )
    fastest = max(abs(row.azimuth_rate_deg_s) for row in rows)
    assert extremes.max_azimuth_rate_deg_s == pytest.approx(fastest, rel=0.01)
    hardest = max(abs(row.azimuth_acceleration_deg_s2) for row in rows)
    assert extremes.max_azimuth_acceleration_deg_s2 == pytest.approx(hardest, rel=0.02)
    frame = np.radians([row.polarization_frame_deg or 0.0 for row in rows])
    turn_deg = np.degrees(np.ptp(np.unwrap(frame, period=pi)))
    assert extremes.polarization_turn_deg == pytest.approx(turn_deg, abs=0.2)


def test_a_keep_out_that_is_grazed_is_found() -> None:
    """By 0.003 deg: the chord of that circle is 0.5 deg long, as long as a step."""
    view = View(Standing(TOKYO), EPHEMERIS)
    span = DAY_START, DAY_START + 180 * SECOND_NS
    extremes = survey(view, *span).extremes
    assert extremes is not None
    nearest_rad = radians(extremes.sun.separation_deg)
    for more_deg, grazed in ((-0.003, False), (0.003, True)):
        keep_out = KeepOut(sun_rad=nearest_rad + radians(more_deg))
        found = violations(survey(view._replace(keep_out=keep_out), *span))
        assert [one.limit for one in found] == [Limit.SUN_KEEP_OUT] * grazed
        # Near its least the separation of a straight way is that of a right-angled triangle.
        for one in found:
            half_rad = acos(cos(keep_out.sun_rad) / cos(nearest_rad))
            assert one.duration_s == pytest.approx(2 * half_rad / radians(0.29), rel=0.5)


def test_every_stay_of_a_day_is_that_of_the_search_for_passes() -> None:
    """Light time and aberration shift the elevation by up to 50 urad: 0.02 s at least."""
    lowest_rad = radians(5.0)
    view = View(Standing(TOKYO), EPHEMERIS, keep_out=KeepOut(horizon_rad=lowest_rad))
    start_ns = tai_ns_from_utc("2016-12-18T22:00:00Z")
    sky = survey(view, start_ns, start_ns + DAY_NS)
    passes = find_passes(EPHEMERIS, *TOKYO, start_ns, start_ns + DAY_NS, lowest_rad)
    assert len(sky.courses) == len(passes) >= 3
    for course, one in zip(sky.courses, passes, strict=True):
        assert course[0].t_ns == pytest.approx(one.rise_tai_ns, abs=SECOND_NS // 5)
        assert course[-1].t_ns == pytest.approx(one.set_tai_ns, abs=SECOND_NS // 5)
    highest = max(range(len(passes)), key=lambda i: passes[i].max_elevation_rad)
    assert sky.highest == highest


def test_pitch_and_the_horizon_of_a_terminal() -> None:
    """A gimbal that does not look up to the culmination."""
    gimbal = GimbalRange(pitch_max_rad=radians(40.0))
    view = View(Standing(TOKYO), EPHEMERIS, gimbal, KeepOut(horizon_rad=radians(20.0)))
    start_ns = tai_ns_from_utc("2016-12-19T15:15:00Z")
    sky = survey(view, start_ns, start_ns + 480 * SECOND_NS)
    ((limit, way),) = sky.broken
    assert limit is Limit.PITCH
    assert degrees(way[0].elevation_rad) == pytest.approx(40.0, abs=0.01)
    assert degrees(way[-1].elevation_rad) == pytest.approx(40.0, abs=0.01)
    (course,) = sky.courses
    assert degrees(course[0].elevation_rad) == pytest.approx(20.0, abs=0.01)
    assert degrees(course[-1].elevation_rad) == pytest.approx(20.0, abs=0.01)


def test_what_is_drawn_is_fine_near_the_zenith() -> None:
    view = View(Standing(UNDER_THE_WAY), EPHEMERIS)
    (course,) = survey(view, NIGHT_START, NIGHT_START + 60 * SECOND_NS).courses
    up = np.array([[cos(e) * sin(a), cos(e) * cos(a), sin(e)] for _, a, e, *_ in course])
    apart_deg = np.degrees(np.arccos(np.clip(np.sum(up[1:] * up[:-1], axis=1), -1.0, 1.0)))
    from_zenith_deg = 90.0 - np.degrees([look.elevation_rad for look in course])
    assert from_zenith_deg.min() < 1.0
    assert np.all(apart_deg < np.minimum(0.21 * from_zenith_deg[:-1], 0.51))


@given(st.floats(0.01, 0.99), st.floats(0.0, 2 * pi), st.integers(5, 40))
def test_spans_under_zero_are_those_of_a_cosine(level: float, phase: float, knots: int) -> None:
    """With 5 knots a turn, and from as early in the turn as you like."""

    def value(t_ns: int) -> float:
        return cos(t_ns / SECOND_NS + phase) + level

    n = 2 * knots + 1
    times = [round(k * 4 * pi / (n - 1) * SECOND_NS) for k in range(n)]
    spans = spans_below([(t, value(t)) for t in times], value)
    under_s = sum(to_ns - from_ns for from_ns, to_ns in spans) / SECOND_NS
    # Two turns, in each of which it is under 0 for 2 acos(level).
    assert under_s == pytest.approx(4 * acos(level), abs=0.02 * len(spans) + 1e-6)
    for from_ns, to_ns in spans:
        assert value((from_ns + to_ns) // 2) <= 0.0


@given(st.floats(-3.0, 3.0), st.floats(0.1, 5.0), st.floats(0.1, 5.0))
def test_a_turn_is_found(at_s: float, before_s: float, after_s: float) -> None:
    def value(t_ns: int) -> float:
        return sqrt(1.0 + (t_ns / SECOND_NS - at_s) ** 2)

    ends = round((at_s - before_s) * SECOND_NS), round((at_s + after_s) * SECOND_NS)
    assert turning_ns(value, *ends) / SECOND_NS == pytest.approx(at_s, abs=0.011)
