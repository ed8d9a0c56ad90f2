"""Fidelity of a photon pair that is sent down two lossy arms with background light.

Each arm of transmittance eta gets with probability n a background photon of random polarisation in
the gate. A pair counts if each end has exactly one photon; n << 1 (order n is kept). Source: the
arm's coefficients were derived by expanding loss and mixing to first order in n, in the manner of
the background model of satellite links by Khatri et al., npj Quantum Inf. 7, 4 (2021).

That is a source that gives a pair when asked. `poissonian_fidelity` is for one whose slots hold a
Poissonian number of pairs: most hold none, and background counts in these too.
"""

import math
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


def poissonian_fidelity(
    mean_pairs: float, first: Arm, second: Arm, source_fidelity: float = 1.0
) -> float:
    """With the Bell state that was meant, of slots in which both ends have exactly one photon.

    Pairs of which both photons arrive, those of which one does, and the background of either end
    are independent Poisson numbers of mean mu eta1 eta2, mu eta1 (1 - eta2), ..., n1, n2. One
    photon at each end is either a pair or two photons without a partner, which share nothing:

        F = (f c + u1 u2 / 4) / (c + u1 u2),
        c = mu eta1 eta2, u1 = mu eta1 (1 - eta2) + n1, u2 likewise

    to all orders in mu, eta and n. Light that meets at the detector without interference, as
    here, is what background in many modes does.

    Raises ValueError for numbers that cannot be, or where nothing comes through.
    """
    if not 0 <= source_fidelity <= 1:
        raise ValueError(f"source_fidelity: need 0 to 1, got {source_fidelity}")
    share = paired_share(mean_pairs, first, second)
    return source_fidelity * share + (1 - share) / 4


def paired_share(mean_pairs: float, first: Arm, second: Arm) -> float:
    """Of the slots with one photon at each end, those in which the two are a pair.

    Raises ValueError as `poissonian_fidelity`.
    """
    if not 0 < mean_pairs < math.inf:
        raise ValueError(f"mean_pairs: need a positive number, got {mean_pairs}")
    for arm in (first, second):
        if not (0 <= arm.transmittance <= 1 and 0 <= arm.background < math.inf):
            raise ValueError(f"need a transmittance in [0, 1] and a background, got {arm}")
    eta1, eta2 = first.transmittance, second.transmittance
    pairs = mean_pairs * eta1 * eta2
    alone = (mean_pairs * eta1 * (1 - eta2) + first.background) * (
        mean_pairs * eta2 * (1 - eta1) + second.background
    )
    if pairs + alone <= 0:
        raise ValueError("nothing comes through: no light and no background in an arm")
    return pairs / (pairs + alone)


def _coefficients(arm: Arm) -> tuple[float, float, float]:
    """(x, y, z): right population, flipped population, coherence of what one end accepts."""
    eta, n = arm
    if not (0 <= eta <= 1 and 0 <= n < 0.5):
        raise ValueError(f"need a transmittance in [0, 1] and a background under 0.5, got {arm}")
    right = (1 - n) * eta + n / 2 * ((1 - 2 * eta) ** 2 + eta**2)
    flipped = n / 2 * (1 - eta) ** 2
    coherence = (1 - n) * eta - n * eta * (1 - 2 * eta)
    return right, flipped, coherence
