"""Aiming ahead by a mirror or by a tracking point: in both, the beam leaves where it should."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.terminal import MIRROR_DAC_COUNTS
from terminal.control.point_ahead import Settings, step
from terminal.messages import PointAheadCommand, PointAheadSample

STROKE_RAD = 200e-6
ahead_angles = st.floats(-60e-6, 60e-6)


# A tracking point for a receiver is refused with the scenario.
ways = st.sampled_from([(True, True), (True, False), (False, False)])


def settings(by_mirror: bool, receives: bool) -> Settings:
    return Settings(by_mirror, receives, STROKE_RAD, 75e-6)


def leaves_rad(command: PointAheadCommand) -> tuple[float, float]:
    """Where the beam leaves beside the beacon, the beacon held where it shall stand."""
    per_count = STROKE_RAD / MIRROR_DAC_COUNTS
    return (
        command.x_counts * per_count - command.aim_x_rad,
        command.y_counts * per_count - command.aim_y_rad,
    )


@given(ahead_angles, ahead_angles, st.floats(-10e-6, 10e-6), ways)
def test_the_beam_leaves_ahead(
    x_rad: float, y_rad: float, offset_rad: float, way: tuple[bool, bool]
) -> None:
    sample = PointAheadSample(0, 1, x_rad, y_rad, offset_rad)
    _, command = step(settings(*way), None, sample, 0.1)
    assert not command.limited
    half_count_rad = 0.5 * STROKE_RAD / MIRROR_DAC_COUNTS
    assert leaves_rad(command) == pytest.approx((x_rad, y_rad), abs=1.01 * half_count_rad)


@given(ahead_angles, st.floats(-10e-6, 10e-6))
def test_a_receiver_with_a_mirror_looks_at_the_signal(y_rad: float, offset_rad: float) -> None:
    sample = PointAheadSample(0, 1, 0.0, y_rad, offset_rad)
    _, command = step(settings(True, True), None, sample, 0.1)
    # The boresight stands beside the beacon by minus the aim.
    assert (command.aim_x_rad, -command.aim_y_rad) == (0.0, offset_rad)


@given(ahead_angles, ways)
def test_the_calibrated_boresight_moves_where_the_beacon_is_held(
    y_rad: float, way: tuple[bool, bool]
) -> None:
    """By as much, whatever aims ahead, and before the partner's place is known, too."""
    held = 3e-6, -2e-6
    for sample in (PointAheadSample(0, 1, 0.0, y_rad, 1e-6), PointAheadSample(0, 0, 0.0, 0.0, 0.0)):
        _, plain = step(settings(*way), None, sample, 0.1)
        _, moved = step(settings(*way)._replace(boresight_rad=held), None, sample, 0.1)
        shift = moved.aim_x_rad - plain.aim_x_rad, moved.aim_y_rad - plain.aim_y_rad
        assert shift == pytest.approx(held, abs=1e-12)
        assert (moved.x_counts, moved.y_counts) == (plain.x_counts, plain.y_counts)


@pytest.mark.parametrize("way", [(True, True), (True, False), (False, False)])
def test_each_stays_within_its_reach_and_says_so(way: tuple[bool, bool]) -> None:
    for reach_rad, limited in ((0.0, 0), (70e-6, 0), (1.0, 1)):
        sample = PointAheadSample(0, 1, reach_rad, -reach_rad, reach_rad)
        _, command = step(settings(*way), None, sample, 0.1)
        assert command.limited == limited
        assert max(abs(command.x_counts), abs(command.y_counts)) <= MIRROR_DAC_COUNTS
        assert max(abs(command.aim_x_rad), abs(command.aim_y_rad)) <= 75e-6


@pytest.mark.parametrize(
    "sample",
    [
        PointAheadSample(0, 1, 0.0, 1.01 * STROKE_RAD, 0.0),
        PointAheadSample(0, 1, -1.01 * STROKE_RAD, 0.0, 0.0),
        PointAheadSample(0, 1, 0.0, 0.0, 76e-6),
    ],
)
def test_one_axis_or_the_aim_alone_counts_as_limited(sample: PointAheadSample) -> None:
    assert step(settings(True, True), None, sample, 0.1)[1].limited == 1


def test_without_a_prediction_all_is_centred() -> None:
    sample = PointAheadSample(0, 0, 1e-5, 1e-5, 1e-6)
    assert step(settings(False, False), None, sample, 0.1)[1] == PointAheadCommand()
