"""Polarisation optics in Stokes vectors against Jones matrices, and against the terminal's sign."""

import cmath
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from sim_devices.polarization_optics import (
    CHANNEL_ANGLES_RAD,
    STATE_ANGLES_RAD,
    channel_probability,
    left_of_frame,
    retarded,
    turned,
)
from terminal.control.frame_estimate import estimate_frame
from terminal.control.frame_model import Analyser, Exposure

Array = NDArray[np.float64]
H, V, D, A = range(4)
angles = st.floats(-7.0, 7.0)
shares = st.floats(0.01, 0.99)


def frame_error_rad(psi: float, plate: float) -> float:
    """Behind a half-wave plate alone."""
    return left_of_frame(retarded(plate, math.pi) @ turned(psi)).frame_rad


def linear(angle_rad: float) -> NDArray[np.complex128]:
    """Jones vector of linear polarisation."""
    return np.array([math.cos(angle_rad), math.sin(angle_rad)], complex)


def retarder(axis_rad: float, phase_rad: float) -> NDArray[np.complex128]:
    """Jones matrix: this phase between the components along and across the axis."""
    c, s = math.cos(axis_rad), math.sin(axis_rad)
    turn = np.array([[c, -s], [s, c]])
    return turn @ np.diag([1.0, cmath.exp(1j * phase_rad)]) @ turn.T


def jones_probability(psi: float, plate: float, phase: float, error: float, p_x: float) -> Array:
    out = np.empty((4, 4))
    for state, angle in enumerate(STATE_ANGLES_RAD):
        field = retarder(plate, math.pi) @ retarder(0.0, phase) @ linear(angle + psi)
        for channel, axis in enumerate(CHANNEL_ANGLES_RAD):
            ideal = abs(np.vdot(linear(axis), field)) ** 2
            share = p_x if channel < 2 else 1 - p_x
            out[state, channel] = share * (ideal * (1 - error) + (1 - ideal) * error)
    return out


@settings(deadline=None)
@given(angles, angles, angles, st.floats(0.0, 0.5), shares)
def test_agrees_with_jones_calculus(
    psi: float, plate: float, phase: float, error: float, p_x: float
) -> None:
    ours = channel_probability(psi, plate, phase, error, p_x)
    assert ours == pytest.approx(jones_probability(psi, plate, phase, error, p_x), abs=1e-13)


@settings(deadline=None)
@given(angles, angles, angles, st.floats(0.0, 0.5), shares)
def test_every_photon_goes_somewhere(
    psi: float, plate: float, phase: float, error: float, p_x: float
) -> None:
    matrix = channel_probability(psi, plate, phase, error, p_x)
    assert np.all(matrix >= -1e-15)
    assert matrix[:, :2].sum(axis=1) == pytest.approx(np.full(4, p_x), abs=1e-14)
    assert matrix[:, 2:].sum(axis=1) == pytest.approx(np.full(4, 1 - p_x), abs=1e-14)


@settings(deadline=None)
@given(angles)
def test_malus(psi: float) -> None:
    # With the plate at 0 light at psi leaves at -psi.
    right = channel_probability(psi, 0.0, 0.0, 0.0, 0.5)[H] * 2
    assert right[H] == pytest.approx(math.cos(psi) ** 2, abs=1e-13)
    assert right[V] == pytest.approx(math.sin(psi) ** 2, abs=1e-13)
    assert right[D] == pytest.approx(math.cos(psi - math.pi / 4) ** 2, abs=1e-13)


@settings(deadline=None)
@given(angles)
def test_a_plate_at_half_the_frame_angle_gives_every_state_its_channel(psi: float) -> None:
    matrix = channel_probability(psi, psi / 2, 0.0, 0.0, 0.5) * 2
    for basis in (slice(0, 2), slice(2, 4)):
        assert matrix[basis, basis] == pytest.approx(np.eye(2), abs=1e-13)
    assert matrix[:2, 2:] == pytest.approx(np.full((2, 2), 0.5), abs=1e-13)
    assert matrix[2:, :2] == pytest.approx(np.full((2, 2), 0.5), abs=1e-13)
    assert frame_error_rad(psi, psi / 2) == pytest.approx(0.0, abs=1e-15)


@settings(deadline=None)
@given(angles, angles)
def test_plate_error_counts_double_and_alike_in_both_bases(psi: float, plate: float) -> None:
    matrix = channel_probability(psi, plate, 0.0, 0.0, 0.5) * 2
    wrong = math.sin(frame_error_rad(psi, plate)) ** 2
    assert math.sin(psi - 2 * plate) ** 2 == pytest.approx(wrong, abs=1e-12)
    for sent, other in ((H, V), (V, H), (D, A), (A, D)):
        assert matrix[sent, other] == pytest.approx(wrong, abs=1e-12)


@given(st.floats(0.0, math.pi))
def test_retardance_shows_only_at_45_degrees_to_its_axis(phase: float) -> None:
    aligned = channel_probability(0.0, 0.0, phase, 0.0, 0.5) * 2
    assert aligned[H, V] == pytest.approx(0.0, abs=1e-15)
    assert aligned[D, A] == pytest.approx(math.sin(phase / 2) ** 2, abs=1e-14)
    diagonal = channel_probability(math.pi / 4, math.pi / 8, phase, 0.0, 0.5) * 2
    assert diagonal[H, V] == pytest.approx(math.sin(phase / 2) ** 2, abs=1e-14)
    assert diagonal[D, A] == pytest.approx(0.0, abs=1e-14)


def test_intrinsic_error_is_the_error_rate_of_perfect_alignment() -> None:
    matrix = channel_probability(0.3, 0.15, 0.0, 0.005, 0.7)
    assert matrix[H, V] / matrix[H, :2].sum() == pytest.approx(0.005, abs=1e-14)
    assert matrix[A, D] / matrix[A, 2:].sum() == pytest.approx(0.005, abs=1e-14)


@settings(deadline=None)
@given(angles, st.floats(-0.75, 0.75), st.floats(1e-3, 0.1), st.floats(0.1, 0.9))
def test_the_terminal_sees_the_frame_error_with_its_sign(
    psi: float, left: float, error: float, p_x: float
) -> None:
    # By the plate that the terminal believes in, the rotation that it sees is off by what is left.
    plate = (psi - left) / 2
    sent = np.array([p_x, p_x, 1 - p_x, 1 - p_x]) / 2
    counts = 1e9 * (sent[:, None] * channel_probability(psi, plate, 0.0, error, p_x))
    analyser = Analyser((p_x, p_x, 1 - p_x, 1 - p_x))
    seen = estimate_frame([Exposure(counts, np.zeros((4, 4)), plate)], analyser)
    assert frame_error_rad(psi, plate) == pytest.approx(left, abs=1e-12)
    assert math.remainder(seen.rotation_rad - 2 * plate - left, math.pi) == pytest.approx(
        0.0, abs=1e-5
    )


def test_small_positive_error_turns_h_toward_d() -> None:
    matrix = channel_probability(0.1, 0.0, 0.0, 0.0, 0.5)
    assert frame_error_rad(0.1, 0.0) == pytest.approx(0.1)
    assert matrix[H, D] > matrix[H, A]
    assert matrix[D, V] > matrix[D, H]


@given(angles, angles)
def test_frame_error_is_in_half_a_turn(psi: float, plate: float) -> None:
    left = frame_error_rad(psi, plate)
    assert abs(left) <= math.pi / 2
    assert math.sin(left - (psi - 2 * plate)) == pytest.approx(0.0, abs=1e-13)
