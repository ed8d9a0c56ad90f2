"""Plates that undo a given polarisation error, and what they leave.

An error is a rotation R of the Poincare sphere. For the linear states H V D A and channels in their
plane only its upper left block counts. With Euler angles about S3, S1, S3 that block is
Rot(alpha) diag(1, cos beta) Rot(gamma). A half-wave plate adds to alpha alone, and reflects.
"""

import math
from typing import NamedTuple

from terminal.optics.polarization import Jones, sphere_rotation


class HalfWaveLimit(NamedTuple):
    """Best that a half-wave plate alone can do behind an error."""

    plate_rad: float
    """Its axis, in (-pi/4, pi/4]."""
    swapped: bool
    """The plate reflects, so D and A change places; not so behind an odd number of mirrors."""
    retardance_rad: float
    """The part it can't correct, beta or what beta lacks to pi: 0 to pi / 2 where the better way
    was left open, else 0 to pi."""
    error_h_v: float
    """Error rate left in the basis H V."""
    error_d_a: float
    """The same in D A. The mean of both is sin^2(retardance / 2) / 2, and no angle gives less."""


def half_wave_limit(error: Jones, swapped: bool | None = None) -> HalfWaveLimit:
    """The plate's angle with the least mean error rate of both bases, equally weighted.

    Behind the plate the block is F(4a) A, F a reflection. Against D = diag(1, -1), the mean
    contrast is tr(D F A) / 2 = (1 + cos beta) / 2 at best; against the identity,
    (1 - cos beta) / 2. swapped: whether D and A shall change places; None: whichever leaves less.

    Raises ValueError for a perfect polariser.
    """
    r = sphere_rotation(error)
    if swapped is None:
        swapped = bool(r[2, 2] >= 0.0)
    if swapped:
        four_a = math.atan2(r[1, 0] - r[0, 1], r[0, 0] + r[1, 1])
    else:
        four_a = math.atan2(r[0, 1] + r[1, 0], r[0, 0] - r[1, 1])
    c, s = math.cos(four_a), math.sin(four_a)
    contrast_h = float(c * r[0, 0] + s * r[1, 0])
    contrast_d = float(s * r[0, 1] - c * r[1, 1]) * (-1.0 if swapped else 1.0)
    # From the sine as well: the cosine alone loses half of the digits near 1.
    left = math.atan2(math.hypot(r[0, 2], r[1, 2]), r[2, 2] if swapped else -r[2, 2])
    return HalfWaveLimit(
        0.25 * four_a, swapped, left, 0.5 * (1.0 - contrast_h), 0.5 * (1.0 - contrast_d)
    )


def best_retarder(error: Jones, axis_rad: float = 0.25 * math.pi) -> float:
    """Retardance, rad, of the retarder on this axis behind which a half-wave plate errs least.

    It turns r = R S3 about its axis u and brings it as near to S3 as it can: what is left has
    sin(retardance) = |u . r|. A phase about the axis itself is undone whole; of one about an axis
    at 45 degrees to it, nothing is. Raises ValueError for a perfect polariser.
    """
    r = sphere_rotation(error)[:, 2]
    across = math.cos(2.0 * axis_rad) * r[1] - math.sin(2.0 * axis_rad) * r[0]
    return math.atan2(across, r[2])


class QuarterHalfQuarter(NamedTuple):
    """Axes in the order in which light meets the plates."""

    first_quarter_rad: float
    half_rad: float
    second_quarter_rad: float


def quarter_half_quarter(error: Jones) -> QuarterHalfQuarter:
    """Angles with which the set undoes the error whole, up to a common phase and diattenuation.

    Q(c) H(b) Q(a) turns the sphere by Rz(2c) Ry(2a + 2c - 4b) Rz(-2a), about S3, S2, S3: any
    rotation at all, by its Euler angles.
    Source: Simon and Mukunda, Phys. Lett. A 143, 165 (1990).

    Raises ValueError for a perfect polariser.
    """
    wanted = sphere_rotation(error).T
    tilt = math.atan2(math.hypot(wanted[0, 2], wanted[1, 2]), wanted[2, 2])
    # Without tilt the two turns about S3 fall together, and any split of them will do.
    last = math.atan2(wanted[1, 2], wanted[0, 2])
    # With the last turn and the tilt taken off, a turn about S3 is left.
    cl, sl = math.cos(last), math.sin(last)
    middle = cl * wanted[1] - sl * wanted[0]
    first = math.atan2(middle[0], middle[1])
    return QuarterHalfQuarter(-0.5 * first, 0.25 * (last - first - tilt), 0.5 * last)
