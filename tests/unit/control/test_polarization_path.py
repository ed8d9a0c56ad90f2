"""The known path against the simulated world's optics, which share no line with it."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from polarization_bench import TRUTH, with_optics

from config.polarization import Retarder
from sim_devices.polarization_optics import left_of_frame, retarded, turned
from sim_devices.receiver_optics import OpticsView, ReceiverOptics
from terminal.control.polarization_path import path_of
from terminal.geometry.gimbal_frame import Joints, image_axes

SILVER = (0.038, 5.645)
CELL = Retarder(axis_rad=0.2, calibration=((0.0, 0.0), (10.0, 6.0)))
ANGLES = st.floats(-1.5, 1.5)


@given(ANGLES, st.floats(0.05, 1.5), st.floats(0.0, 6.0))
def test_mirrors_and_retarder_are_those_of_the_world(
    yaw: float, pitch: float, retardance: float
) -> None:
    config = with_optics(path="coude", fold_index=SILVER, retarder=CELL)
    truth = replace(TRUTH, fold_index=SILVER)
    axes = image_axes(Joints(yaw, pitch))
    view = OpticsView(0.0, 0.0, retardance, (axes.boresight, axes.right, axes.up))
    optics = ReceiverOptics(truth, 0.5, config)
    true = optics.before_plate(view, optics.path(view))
    path = path_of(config)
    ours = path.known(path.train(yaw, pitch), retardance)
    assert ours == pytest.approx(true / true[0, 0], abs=1e-9)


@given(ANGLES, ANGLES, st.floats(-0.6, 0.6), st.floats(0.1, 1.4), st.booleans())
def test_no_plate_angle_leaves_less(
    frame: float, yaw: float, phase: float, pitch: float, metal: bool
) -> None:
    """Of the mean contrast of both bases, by trial of angles beside it."""
    index = SILVER if metal else None
    config = with_optics(path="coude", fold_index=index)
    path = path_of(config)
    aim = path.aim(path.train(yaw, pitch), 0.0, phase, False)
    axes = image_axes(Joints(yaw, pitch))
    truth = replace(TRUTH, fold_index=index, retardance_rad=phase)
    optics = ReceiverOptics(truth, 0.5, config)

    def contrast(plate_rad: float) -> float:
        view = OpticsView(frame, plate_rad, 0.0, (axes.boresight, axes.right, axes.up))
        left = left_of_frame(optics.whole(view))
        return left.contrast_x + left.contrast_z

    best = contrast(aim.axis_for(frame))
    assert all(contrast(aim.axis_for(frame) + off) <= best + 1e-3 for off in (-0.1, 0.1, 0.7))
    # Metal also weakens one polarisation by some per cent, which no plate undoes.
    assert 1.0 - 0.5 * best == pytest.approx(2.0 * aim.error_rate, abs=5e-3)
    assert aim.frame_for(aim.axis_for(frame)) == pytest.approx(frame)


@given(ANGLES, st.floats(-0.5, 0.5))
def test_a_mirror_too_few_turns_the_plate_the_other_way(frame: float, phase: float) -> None:
    """A mirror across H, and the detector called D at +45 degrees."""
    aim = path_of(with_optics()).aim(np.eye(2, dtype=complex), 0.0, phase, True)
    mirror = np.diag([1.0, 1.0, -1.0, -1.0])
    plate = retarded(aim.axis_for(frame), math.pi)
    whole = mirror @ plate @ retarded(0.0, phase) @ mirror @ turned(frame)
    assert left_of_frame(whole).frame_rad == pytest.approx(0.0, abs=1e-9)


def test_the_best_retardance_undoes_a_phase_on_its_axis() -> None:
    path = path_of(with_optics(retarder=replace(CELL, axis_rad=0.0)))
    train = path.train(0.0, 0.0)
    assert path.best_retardance_rad(train, 0.3) == pytest.approx(0.3)
    assert path.aim(train, 0.3, 0.3, False).left_rad == pytest.approx(0.0, abs=1e-9)
    with pytest.raises(ValueError, match="no retarder"):
        path_of(with_optics()).best_retardance_rad(train, 0.3)
