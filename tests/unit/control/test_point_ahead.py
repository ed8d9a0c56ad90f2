"""Aiming ahead by a mirror or by a tracking point: in both, the beam leaves where it should."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.terminal import MIRROR_DAC_COUNTS
from terminal.control.point_ahead import Settings, step
from terminal.messages import PointAheadCommand, PointAheadSample

STROKE_RAD = 200e-6
ahead_angles = st.floats(-60e-6, 60e-6)


def settings(by_mirror: bool, receives: bool) -> Settings:
    return Settings(by_mirror, receives, STROKE_RAD, 75e-6)


def leaves_rad(command: PointAheadCommand) -> tuple[float, float]:
    """Where the beam leaves beside the beacon, the beacon held where it shall stand."""
    per_count = STROKE_RAD / MIRROR_DAC_COUNTS
    return (
        command.x_counts * per_count - command.aim_x_rad,
        command.y_counts * per_count - command.aim_y_rad,
    )


@given(ahead_angles, ahead_angles, st.floats(-10e-6, 10e-6), st.booleans(), st.booleans())
def test_the_beam_leaves_ahead(
    x_rad: float, y_rad: float, offset_rad: float, by_mirror: bool, receives: bool
) -> None:
    sample = PointAheadSample(0, 1, x_rad, y_rad, offset_rad)
    _, command = step(settings(by_mirror, receives), None, sample, 0.1)
    half_count_rad = 0.5 * STROKE_RAD / MIRROR_DAC_COUNTS
    assert leaves_rad(command) == pytest.approx((x_rad, y_rad), abs=1.01 * half_count_rad)


@given(ahead_angles, st.floats(-10e-6, 10e-6))
def test_a_receiver_with_a_mirror_looks_at_the_signal(y_rad: float, offset_rad: float) -> None:
    sample = PointAheadSample(0, 1, 0.0, y_rad, offset_rad)
    _, command = step(settings(True, True), None, sample, 0.1)
    # The boresight stands beside the beacon by minus the aim.
    assert (command.aim_x_rad, -command.aim_y_rad) == (0.0, offset_rad)


@pytest.mark.parametrize("by_mirror", [True, False])
def test_each_stays_within_its_reach(by_mirror: bool) -> None:
    _, command = step(settings(by_mirror, True), None, PointAheadSample(0, 1, 1.0, -1.0, 1.0), 0.1)
    assert max(abs(command.x_counts), abs(command.y_counts)) <= MIRROR_DAC_COUNTS
    assert max(abs(command.aim_x_rad), abs(command.aim_y_rad)) <= 75e-6


def test_without_a_prediction_all_is_centred() -> None:
    sample = PointAheadSample(0, 0, 1e-5, 1e-5, 1e-6)
    assert step(settings(False, True), None, sample, 0.1)[1] == PointAheadCommand()
