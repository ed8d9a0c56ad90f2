"""Hysteresis, slew rate, stop and rounding of a mirror's drive."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from config.fine_truth import MirrorTruth
from sim_devices.mirror_drive import DAC_LIMIT, MirrorDrive, PlayOperators, drive_of

RATE_HZ = 5000.0
RAD_PER_COUNT = 1e-3 / DAC_LIMIT


def truth(**values: Any) -> MirrorTruth:
    return MirrorTruth(resonance_hz=1500.0, damping=0.7, delay_samples=1, **values)


def drive(**values: Any) -> MirrorDrive:
    return MirrorDrive(truth(**values), RAD_PER_COUNT, RATE_HZ)


def sweep(axis: PlayOperators, *turns: float, steps: int = 2000) -> list[NDArray[np.float64]]:
    """Where the axis stands on each straight way from turn to turn."""
    return [
        np.array([axis.step(u) for u in np.linspace(a, b, steps + 1)]) for a, b in pairwise(turns)
    ]


@pytest.mark.parametrize("width", [0.01, 0.05, 0.2])
def test_the_loop_over_the_full_stroke_is_as_wide_as_asked(width: float) -> None:
    _, up, down = sweep(PlayOperators(width, 1.0), 1.0, -1.0, 1.0, -1.0)
    middle = len(up) // 2
    assert (down[middle] - up[middle]) / 2.0 == pytest.approx(width, rel=1e-9)
    # Symmetric about the centre, as of a material that has no preferred direction.
    assert up + down == pytest.approx(np.zeros(len(up)), abs=1e-9)


def test_hysteresis_closes_its_loops_and_forgets_smaller_ones() -> None:
    """Wiping-out: a minor loop leaves no trace (Madelung's rules)."""
    plain, looped = PlayOperators(0.1, 1.0), PlayOperators(0.1, 1.0)
    sweep(plain, 0.0, -1.0, 0.8)
    sweep(looped, 0.0, -1.0, 0.2, -0.3, 0.2, 0.8)
    assert looped.step(0.8) == plain.step(0.8)
    _, up, down, again = sweep(PlayOperators(0.1, 1.0), 0.0, -0.5, 0.5, -0.5, 0.5)
    assert again == pytest.approx(up, abs=1e-12)
    assert down[-1] == pytest.approx(up[0], abs=1e-12)


def test_hysteresis_does_not_depend_on_how_fast_it_is_swept() -> None:
    fast = sweep(PlayOperators(0.1, 1.0), 0.0, 1.0, -1.0, steps=10)
    slow = sweep(PlayOperators(0.1, 1.0), 0.0, 1.0, -1.0, steps=1000)
    assert fast[1] == pytest.approx(slow[1][::100], abs=1e-12)


@given(st.lists(st.floats(-1.0, 1.0), min_size=1, max_size=30), st.floats(0.0, 0.3))
@settings(max_examples=50)
def test_hysteresis_stays_near_its_input(drives: list[float], width: float) -> None:
    axis = PlayOperators(width, 1.0)
    for u in drives:
        # No play lags by more than its radius, at most half the stroke; weights sum to 3 widths.
        assert abs(axis.step(u) - u) <= 1.5 * width + 1e-9


def test_slew_rate_is_that_of_the_amplifier() -> None:
    # 1 rad/s at 5 kHz: 200 urad a scan.
    made = drive(max_rate_rad_s=1.0)
    x_rad = [made.angles(20_000, -1000)[0] * RAD_PER_COUNT for _ in range(6)]
    due = [min(200e-6 * k, 20_000 * RAD_PER_COUNT) for k in range(1, 7)]
    assert x_rad == pytest.approx(due)
    assert made.angles(20_000, -1000)[1] == -1000
    back_rad = made.angles(-20_000, -1000)[0] * RAD_PER_COUNT
    assert back_rad == pytest.approx(20_000 * RAD_PER_COUNT - 200e-6)


def test_the_stop_holds_on_both_sides() -> None:
    made = drive(reach=0.5)
    assert made.angles(32767, -32767) == pytest.approx((0.5 * DAC_LIMIT, -0.5 * DAC_LIMIT))
    assert made.angles(100, -100) == (100, -100)


def test_a_converter_of_fewer_bits_rounds() -> None:
    made = drive(dac_step_counts=16)
    for counts in (-100, -9, -7, 0, 7, 9, 1000):
        x, _ = made.angles(counts, 0)
        assert x % 16 == 0
        assert abs(x - counts) <= 8


@pytest.mark.parametrize(
    ("field", "value"),
    [("reach", 0.9), ("max_rate_rad_s", 5.0), ("hysteresis", 0.02), ("dac_step_counts", 16)],
)
def test_a_mirror_without_imperfections_has_no_drive_to_pay_for(field: str, value: float) -> None:
    assert drive_of(truth(gain=(1.1, 1.0), rotation_rad=0.1), RAD_PER_COUNT, RATE_HZ) is None
    assert drive_of(truth(**{field: value}), RAD_PER_COUNT, RATE_HZ) is not None
