"""The sky plot draws stretches from crossing to crossing, and labels beside the way."""

from math import hypot, radians

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.projections.polar import PolarAxes
from matplotlib.text import Annotation

from terminal.geometry.earth import Geodetic
from terminal.geometry.ephemeris import SatelliteEphemeris
from terminal.geometry.time_scales import SECOND_NS, tai_ns_from_utc
from terminal.geometry.tle import parse_tle
from terminal.plan_plot import _times, _way
from terminal.plan_sky import Sky, survey
from terminal.plan_view import Standing, View

LINES = (
    "1 41731U 16051A   16353.90152003  .00000364  00000-0  17957-4 0  9993",
    "2 41731  97.3699 267.4500 0013200 178.5836 246.0824 15.23915303 19063",
)
UNDER_THE_WAY = Geodetic(radians(36.584), radians(135.2), 20.0)


def seen(start_utc: str, seconds: int) -> Sky:
    view = View(Standing(UNDER_THE_WAY), SatelliteEphemeris(parse_tle(*LINES), 0.0, 2.0))
    start_ns = tai_ns_from_utc(start_utc)
    return survey(view, start_ns, start_ns + seconds * SECOND_NS)


@pytest.fixture
def axes() -> PolarAxes:
    figure = Figure()
    polar = PolarAxes(figure, (0.1, 0.1, 0.8, 0.8))
    figure.add_axes(polar)
    return polar


def test_the_keyhole_is_drawn_on_both_sides_of_the_zenith_alike(axes: PolarAxes) -> None:
    """The partner asks for the limit at one distance from the zenith, on its way in and out; the
    start of 25 s before is no round step from there."""
    _way(axes, seen("2016-12-19T15:18:25.3Z", 60))
    (line,) = [line for line in axes.lines if line.get_label() == "keyhole"]
    from_zenith_deg = np.asarray(line.get_ydata(), float)
    assert from_zenith_deg[0] == pytest.approx(from_zenith_deg[-1], rel=0.03)
    assert from_zenith_deg.argmin() == pytest.approx(len(from_zenith_deg) / 2, abs=2)
    # Under it the whole way is drawn in one piece.
    (whole,) = [line for line in axes.lines if line.get_label() == "partner"]
    assert len(np.asarray(whole.get_xdata())) > 50


def test_every_label_lies_beside_its_point(axes: PolarAxes) -> None:
    """The last mark too, which is where the way ends."""
    _times(axes, seen("2016-12-19T15:18:00Z", 60))
    labels = [child for child in axes.get_children() if isinstance(child, Annotation)]
    assert [label.get_text() for label in labels][-1] == "15:19:00"
    assert len(labels) == 7
    for label in labels:
        assert hypot(*label.get_position()) == pytest.approx(15.0)
