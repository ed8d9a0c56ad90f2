"""Fidelity of a photon pair that is sent down two lossy arms with background light.

Each arm of transmittance eta gets with probability n a background photon of random polarisation in
the gate. A pair counts if each end has exactly one photon; n << 1 (order n is kept). Source: the
arm's coefficients were derived by expanding loss and mixing to first order in n, in the manner of
the background model of satellite links by Khatri et al., npj Quantum Inf. 7, 4 (2021).
"""

from typing import NamedTuple


class Arm(NamedTuple):
    """One of the two ways."""

    transmittance: float
    """Source to detector, in [0, 1]."""
    background: float
    """Mean photons of background in the gate, at the same place; much less than 1."""


def fidelity(first: Arm, second: Arm, source_fidelity: float = 1.0) -> float:
    """With the Bell state that was meant, of pairs that both ends accept.

    source_fidelity: of the pair that leaves, the rest shared by the three other Bell states.
    1 without loss of quality; 1/4 when the background drowns the pair in both arms.

    Raises ValueError for numbers that cannot be, or arms through which nothing comes.
    """
    if not 0 <= source_fidelity <= 1:
        raise ValueError(f"source_fidelity: need 0 to 1, got {source_fidelity}")
    x1, y1, z1 = _coefficients(first)
    x2, y2, z2 = _coefficients(second)
    accepted = (x1 + y1) * (x2 + y2)
    if accepted <= 0:
        raise ValueError("nothing comes through: no light and no background in an arm")
    same, other = x1 * x2 + y1 * y2, x1 * y2 + y1 * x2
    kept = (same + z1 * z2) / 2
    wrong = (same - z1 * z2) / 2 + other
    return (source_fidelity * kept + (1 - source_fidelity) / 3 * wrong) / accepted


def _coefficients(arm: Arm) -> tuple[float, float, float]:
    """(x, y, z): right population, flipped population, coherence of what one end accepts."""
    eta, n = arm
    if not (0 <= eta <= 1 and 0 <= n < 0.5):
        raise ValueError(f"need a transmittance in [0, 1] and a background under 0.5, got {arm}")
    right = (1 - n) * eta + n / 2 * ((1 - 2 * eta) ** 2 + eta**2)
    flipped = n / 2 * (1 - eta) ** 2
    coherence = (1 - n) * eta - n * eta * (1 - 2 * eta)
    return right, flipped, coherence
