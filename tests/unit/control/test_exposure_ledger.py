"""Counts and the ticks they belong to."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from terminal.control.exposure_ledger import (
    Ledger,
    News,
    Stand,
    booked,
    exposures,
    shortened,
    used,
)
from terminal.control.polarization_flags import PolarizationFlag

TICK = 100_000_000
ZERO = np.zeros(16)


def stand(plate_rad: float = 0.0, frame_rad: float = 0.0) -> Stand:
    return Stand(frame_rad, plate_rad, np.eye(4))


def news(
    k: int, public: np.ndarray = ZERO, disclosed: np.ndarray = ZERO, span: tuple[int, int] = (0, 0)
) -> News:
    """Of tick k; spans in ticks."""
    return News(
        k * TICK, (k + 1) * TICK, public, disclosed, span[0] * TICK, span[1] * TICK, ZERO, ZERO
    )


def test_disclosed_counts_go_to_the_ticks_of_their_photons() -> None:
    ledger = Ledger()
    for k in range(5):
        ledger, _ = booked(ledger, news(k), stand(0.1 * k), 1e6)
    ledger, _ = booked(ledger, news(5, disclosed=np.full(16, 8.0), span=(1, 3)), stand(0.5), 1e6)
    assert [e.counts.sum() for e in ledger.entries] == [0.0, 64.0, 64.0, 0.0, 0.0, 0.0]
    assert ledger.clicks == 128.0
    shown = exposures(ledger, math.pi)
    assert sorted(e.plate_rad for e in shown) == [pytest.approx(0.1), pytest.approx(0.2)]


def test_counts_of_moving_optics_are_left_out() -> None:
    ledger, _ = booked(Ledger(), news(0, public=np.ones(16)), None, 1e6)
    ledger, _ = booked(ledger, news(1, np.full(16, 3.0), np.ones(16), (0, 1)), stand(), 1e6)
    # Only what was clicked in tick 1.
    assert ledger.clicks == 32.0


def test_counts_already_used_come_in_late_alone() -> None:
    ledger, _ = booked(Ledger(), news(0, public=np.ones(16)), stand(), 1e6)
    ledger = used(ledger, 0)
    assert ledger.clicks == 0.0
    ledger, _ = booked(ledger, news(1, np.ones(16), np.full(16, 2.0), (0, 1)), stand(), 1e6)
    assert ledger.clicks == 32.0
    assert used(ledger, 3 * TICK).entries == ()
    assert shortened(ledger, TICK).clicks == 0.0


@pytest.mark.parametrize("value", [-1.0, math.nan, math.inf, 1e7])
def test_impossible_totals_are_refused_and_later_ones_taken(value: float) -> None:
    ledger, _ = booked(Ledger(), news(0, public=np.full(16, 10.0)), stand(), 1e6)
    bad = np.full(16, 10.0)
    bad[3] = value
    ledger, flags = booked(ledger, news(1, public=bad), stand(), 1e6)
    assert flags == PolarizationFlag.IMPOSSIBLE_COUNTS
    assert ledger.clicks == 160.0
    good = bad + 1.0 if math.isfinite(value) and value > 0 else np.full(16, 11.0)
    ledger, flags = booked(ledger, news(2, public=good), stand(), 1e6)
    assert not flags
    assert ledger.clicks == 176.0


def test_a_short_array_is_refused() -> None:
    assert booked(Ledger(), news(0, public=np.ones(4)), stand(), 1e6)[1]


@given(
    st.lists(
        st.tuples(st.floats(-0.003, 0.003), st.floats(-0.02, 0.02), st.integers(1, 50)),
        min_size=1,
        max_size=12,
    )
)
def test_ticks_alike_are_one_exposure_with_their_mean(
    ticks: list[tuple[float, float, int]],
) -> None:
    """The frame behind the plate, which counts show to first order, is their weighted mean."""
    ledger, total = Ledger(), np.zeros(16)
    for k, (residual, frame, n) in enumerate(ticks):
        total = total + n
        place = stand(0.5 * (frame - residual), frame)
        ledger, _ = booked(ledger, news(k, public=total), place, 1e6)
    (shown,) = exposures(ledger, math.pi)
    weights = np.array([n for _, _, n in ticks], float)
    mean = float(np.average([r for r, _, _ in ticks], weights=weights))
    assert shown.frame_rad - 2.0 * shown.plate_rad == pytest.approx(mean, abs=1e-12)
    assert shown.counts.sum() == pytest.approx(16.0 * weights.sum())
