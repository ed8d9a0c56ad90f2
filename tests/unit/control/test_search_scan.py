"""Spirals and rasters: no place is missed, no limit of the gimbal broken, nothing jumps."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from terminal.control.search.scan import Pattern, Scan, search_scan
from terminal.control.search.scan_limits import ScanLimits, scan_limits
from terminal.control.search.uncertainty import Uncertainty, covering_sigmas

FRAME_S, CONFIRM = 0.04, 3
SIDE_RAD = 6.4e-3
patterns = st.sampled_from(["spiral", "raster"])


def ellipse(major: float, minor: float, angle: float) -> Uncertainty:
    c, s = math.cos(angle), math.sin(angle)
    xx, yy = (major * c) ** 2 + (minor * s) ** 2, (major * s) ** 2 + (minor * c) ** 2
    return Uncertainty(xx, (major**2 - minor**2) * c * s, yy)


def limits(overlap: float = 0.3, acceleration: float = 0.5) -> ScanLimits:
    return scan_limits(SIDE_RAD, overlap, 0.0, FRAME_S, CONFIRM, acceleration)


def test_limits_by_hand() -> None:
    """A field of 5 with turns 4 apart is crossed on a chord of 3."""
    made = scan_limits(5e-3, 0.2, 0.0, 0.1, 3, 1.0)
    assert made == pytest.approx((4e-3, 3e-3, 10e-3, 1.0))
    # 3 sigma of jitter on either side take the field from 8 to 5.
    assert scan_limits(8e-3, 0.2, 0.5e-3, 0.1, 3, 1.0) == pytest.approx(made)
    for overlap, jitter in ((0.0, 0.0), (1.0, 0.0), (0.3, 1e-3)):
        with pytest.raises(ValueError):
            scan_limits(5e-3, overlap, jitter, 0.1, 3, 1.0)


@settings(max_examples=25, deadline=None)
@given(
    patterns,
    st.floats(0.5e-3, 9e-3),
    st.floats(1.0, 4.0),
    st.floats(-1.5, 1.5),
    st.floats(0.15, 0.6),
    st.floats(0.3, 20.0),
    st.floats(0.0, 1.0),
    st.integers(0, 1000),
)
def test_every_place_of_the_ellipse_is_seen_for_enough_frames(
    pattern: Pattern,
    minor: float,
    ratio: float,
    angle: float,
    overlap: float,
    acceleration: float,
    phase: float,
    seed: int,
) -> None:
    """Inside the disc that fits into the field, whatever the phase of the frames."""
    uncertainty = ellipse(ratio * minor, minor, angle)
    scan = search_scan(uncertainty, limits(overlap, acceleration), pattern=pattern, covers=1)
    rng = np.random.default_rng(seed)
    radius = 0.9999 * covering_sigmas(0.999) * np.sqrt(np.append(rng.random(400), np.ones(100)))
    around = rng.uniform(0.0, 2 * math.pi, 500)
    x, y = ratio * minor * radius * np.cos(around), minor * radius * np.sin(around)
    # Not the angle given: a circle has axes in any direction.
    angle = uncertainty.axes().angle_rad
    c, s = math.cos(angle), math.sin(angle)
    places = np.column_stack([c * x - s * y, s * x + c * y])
    if pattern == "raster":
        # Its rectangle holds as much as the ellipse, and leaves out the ellipse's tips.
        square = np.abs(np.column_stack([x / ratio, y]) / minor).max(axis=1) < 3.48
        places = places[square]
    run = np.zeros(len(places), int)
    longest = run.copy()
    for t in np.arange(phase * FRAME_S, scan.duration_s, FRAME_S):
        off = places - scan.offset(float(t))
        run = np.where(np.hypot(off[:, 0], off[:, 1]) < 0.5 * SIDE_RAD, run + 1, 0)
        longest = np.maximum(longest, run)
    assert longest.min() >= CONFIRM


@pytest.mark.parametrize("pattern", ["spiral", "raster"])
@pytest.mark.parametrize("ratio", [1.0, 1.2, 3.0])
def test_speed_and_acceleration_stay_inside_their_limits(pattern: Pattern, ratio: float) -> None:
    scan = search_scan(ellipse(ratio * 5e-3, 5e-3, 0.7), limits(), pattern=pattern, covers=2)
    dt = 2e-4
    t = np.arange(0.0, scan.duration_s, dt)
    place = np.array([scan.offset(float(x)) for x in t])
    rate = np.array([scan.rate(float(x)) for x in t])
    assert np.hypot(*rate.T).max() <= limits().speed_rad_s * 1.001
    # Between its knots the cubic may go over by what its curvature varies there.
    assert np.quantile(np.hypot(*np.diff(rate, axis=0).T) / dt, 0.999) <= 0.5 * 1.01
    assert np.hypot(*np.diff(rate, axis=0).T).max() / dt <= 0.5 * 1.25
    # The rate is the derivative of the place: differences over 2 dt, to their own order.
    slope = (place[2:] - place[:-2]) / (2.0 * dt)
    assert np.abs(slope - rate[1:-1]).max() < 0.5 * dt
    assert scan.offset(0.0) == (0.0, 0.0)
    assert scan.rate(0.0) == (0.0, 0.0)


def test_the_next_cover_is_wider_and_starts_in_the_middle() -> None:
    scan = search_scan(ellipse(5e-3, 5e-3, 0.0), limits(), covers=3, widening=1.5)
    start, reach = 0.0, []
    for end in scan.covers_s:
        assert math.hypot(*scan.offset(end)) < 1e-12
        times = np.linspace(start, end, 4000)
        reach.append(max(math.hypot(*scan.offset(float(t))) for t in times))
        start = end
    half_turn = 0.5 * limits().spacing_rad
    for k, radius in enumerate(reach):
        assert radius == pytest.approx(covering_sigmas(0.999) * 5e-3 * 1.5**k + half_turn, rel=1e-3)
    assert scan.offset(scan.duration_s + 1.0) == pytest.approx(scan.offset(1.0), abs=1e-12)


def test_no_width_is_refused() -> None:
    with pytest.raises(ValueError, match="uncertainty"):
        search_scan(Uncertainty(1e-6, 0.0, 0.0), limits())
    assert isinstance(search_scan(Uncertainty(1e-12, 0.0, 1e-12), limits()), Scan)
