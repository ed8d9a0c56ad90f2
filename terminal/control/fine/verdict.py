"""What a probe of the mirror says: all is as calibrated, or what is not."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from terminal.control.fine.events import FineEvent
from terminal.control.fine.state import LoopState

Array = NDArray[np.float64]

_LEAST_SCANS = 100
_SURE_SIGMA = 6.0
"""An answer counts that stands so far out of what disturbance and noise make."""
_LEAST_ANSWER, _MOST_CROSS = 0.25, 0.5
_MATRIX_OFF = 0.45
"""Largest difference to the calibrated matrix, elements in units of its gain."""


class Heard(NamedTuple):
    """How the mirror answers, in units of what it should do."""

    matrix: Array
    """(2, 2), detector axis by probed axis; the unit matrix where all is well."""
    sigma: Array
    """(2, 2), 1 sigma of its elements."""
    delay_samples: int
    """At which that fits best."""


def heard(loop: LoopState) -> Heard | None:
    """The least-squares answer at the delay that explains most; None: too few scans."""
    s = loop[0]
    if s["scans"] < _LEAST_SCANS:
        return None
    asked, answer, power = s["asked"], s["answer"], s["heard"]
    # Residual = disturbance - mirror.
    gains = -answer / np.maximum(asked, 1e-300)
    explained = np.sum(answer**2 / np.maximum(asked, 1e-300), axis=(0, 1))
    best = int(np.argmax(explained))
    matrix = gains[:, :, best]
    left = np.maximum(power - np.sum(matrix**2 * asked[:, best], axis=1), 0.0)
    sigma = np.sqrt(left[:, None] / s["scans"] / np.maximum(asked[:, best], 1e-300))
    return Heard(matrix, sigma, best + 1)


def verdict(loop: LoopState) -> FineEvent | None:
    """0: as calibrated. None: too little light to tell, or too much noise."""
    found = heard(loop)
    if found is None:
        return None
    m, sure = found.matrix, _SURE_SIGMA * found.sigma
    if (sure > 1.0).any():
        return None
    if not (np.abs(m) > np.maximum(sure, _LEAST_ANSWER)).any(axis=0).all():
        return FineEvent.MIRROR_STUCK
    straight, crossed = np.abs(np.diag(m)).min(), min(abs(m[0, 1]), abs(m[1, 0]))
    if crossed > straight and crossed > _MOST_CROSS:
        return FineEvent.AXES_SWAPPED
    if (np.diag(m) < -_LEAST_ANSWER).any():
        return FineEvent.SIGN_FLIPPED
    if found.delay_samples != int(loop[0]["delay"]):
        return FineEvent.DELAY_WRONG
    if (np.abs(m - np.eye(2)) > np.maximum(_MATRIX_OFF, sure)).any():
        return FineEvent.RESPONSE_OFF
    return FineEvent(0)
