"""Polarisation elements as Jones and Mueller matrices.

Conventions. Looking toward the source, x is right (H) and y is up (V): x, y and the direction of
travel are right-handed, and angles grow from H toward D, at +45 degrees. Fields go with
exp(-i omega t), so a factor exp(+i delta) is a delay by delta. Stokes vectors are
(S0, S1, S2, S3) = (|x|^2 + |y|^2, |x|^2 - |y|^2, 2 Re x* y, 2 Im x* y): S3 > 0 where the field
turns from x toward y, as IAU has it. On the Poincare sphere a rotator by psi turns by 2 psi about
S3, and a retarder turns right-handed by its retardance about its axis. Elements in a row multiply
from the right: the first that light meets stands last.
Source: Goldstein, Polarized Light, 3rd ed..
"""

import math

import numpy as np
from numpy.typing import NDArray

Jones = NDArray[np.complex128]
Real = NDArray[np.float64]

# Stokes parameter k is the expectation of this matrix.
_PAULI = np.array(
    [
        [[1, 0], [0, 1]],
        [[1, 0], [0, -1]],
        [[0, 1], [1, 0]],
        [[0, -1j], [1j, 0]],
    ],
    complex,
)


def rotator(angle_rad: float) -> Jones:
    """(2, 2) Turns linear polarisation at t to t + angle."""
    c, s = math.cos(angle_rad), math.sin(angle_rad)
    return np.array([[c, -s], [s, c]], complex)


def retarder(axis_rad: float, retardance_rad: float) -> Jones:
    """(2, 2) Delays what stands across the (fast) axis by the retardance."""
    phase = np.diag([1.0, np.exp(1j * retardance_rad)])
    return np.asarray(rotator(axis_rad) @ phase @ rotator(-axis_rad))


def half_wave_plate(axis_rad: float, error_rad: float = 0.0) -> Jones:
    """(2, 2) Sends linear polarisation at t to 2 axis - t; `error_rad` is retardance minus pi."""
    return retarder(axis_rad, math.pi + error_rad)


def quarter_wave_plate(axis_rad: float, error_rad: float = 0.0) -> Jones:
    """(2, 2) `error_rad` is retardance minus pi / 2."""
    return retarder(axis_rad, 0.5 * math.pi + error_rad)


def diattenuator(axis_rad: float, along: float, across: float) -> Jones:
    """(2, 2) Lets these shares of the power pass, along the axis and across it.

    Raises ValueError for shares outside 0 to 1.
    """
    if not (0.0 <= along <= 1.0 and 0.0 <= across <= 1.0):
        raise ValueError(f"transmittances must be within 0 to 1, not {along} and {across}")
    passed = np.diag(np.sqrt([along, across])).astype(complex)
    return np.asarray(rotator(axis_rad) @ passed @ rotator(-axis_rad))


def stokes(field: Jones) -> Real:
    """(4,) of a Jones vector (2,)."""
    return np.asarray(np.einsum("i,kij,j->k", field.conj(), _PAULI, field).real)


def linear_stokes(angle_rad: float) -> Real:
    """(4,) Fully polarised along the angle, of unit power."""
    return np.array([1.0, math.cos(2.0 * angle_rad), math.sin(2.0 * angle_rad), 0.0])


def mueller(jones: Jones) -> Real:
    """(4, 4) M_kl = tr(sigma_k J sigma_l J^dagger) / 2."""
    return np.asarray(
        0.5 * np.einsum("kij,jm,lmn,in->kl", _PAULI, jones, _PAULI, jones.conj()).real
    )


def unitary_part(jones: Jones) -> Jones:
    """(2, 2) The retarder and rotator in J = U P, P >= 0 a diattenuator.

    Raises ValueError for a perfect polariser, which leaves it open.
    """
    left, passed, right = np.linalg.svd(jones)
    if not passed[1] > 1e-9 * passed[0]:
        raise ValueError("a perfect polariser has no retardance")
    return np.asarray(left @ right)


def sphere_rotation(jones: Jones) -> Real:
    """(3, 3) What the unitary part does to (S1, S2, S3). Raises ValueError as above."""
    return mueller(unitary_part(jones))[1:, 1:]


def diattenuation(jones: Jones) -> float:
    """(most - least) / (most + least) of the power passed, over all states; 0 to 1."""
    most, least = np.linalg.svd(jones, compute_uv=False) ** 2
    if most == 0.0:
        raise ValueError("an opaque element has no diattenuation")
    return float((most - least) / (most + least))


def analyser_rows(axes_rad: Real, efficiency: Real, leak: Real) -> Real:
    """(n, 4) Stokes parameters to click probability, for n linear analyser channels.

    efficiency: (n,) of a photon along the channel's axis: detector, and share of the beam splitter.
    leak: (n,) clicks of a photon across the axis over those of one along it: one over the
    extinction ratio.
    """
    even, odd = 0.5 * efficiency * (1.0 + leak), 0.5 * efficiency * (1.0 - leak)
    zero = np.zeros_like(even)
    return np.stack([even, odd * np.cos(2.0 * axes_rad), odd * np.sin(2.0 * axes_rad), zero], 1)
