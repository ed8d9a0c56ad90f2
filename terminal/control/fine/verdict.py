"""What a probe of the mirror says: all is as calibrated, or what is not."""

from typing import NamedTuple

from terminal.control.fine.events import FineEvent
from terminal.control.fine.state import CANDIDATES, LoopState
from terminal.control.mirror_response import Matrix

_LEAST_SCANS = 100
_SURE_SIGMA = 6.0
"""An answer counts that stands so far out of what disturbance and noise make."""
_LEAST_ANSWER, _MOST_CROSS = 0.25, 0.5
_MATRIX_OFF = 0.45
"""Largest difference to the calibrated matrix, elements in units of its gain."""
_TINY = 1e-300

MOST_LATE_SAMPLES, MOST_GAIN = 2, 1.6
"""Of a mirror that answers otherwise than calibrated, what the integrator of `fine.gain` bears."""


class Heard(NamedTuple):
    """How the mirror answers, in units of what it should do."""

    matrix: Matrix
    """Detector axis by probed axis; the unit matrix where all is well."""
    sigma: Matrix
    """1 sigma of its elements."""
    delay_samples: int
    """At which that fits best."""


def heard(loop: LoopState) -> Heard | None:
    """The least-squares answer at the delay that explains most; None: too few scans.

    In plain floats: it runs within a tick, once a probe.
    """
    s = loop[0]
    scans = int(s["scans"])
    if scans < _LEAST_SCANS:
        return None
    asked, answer, power = s["asked"].tolist(), s["answer"].tolist(), s["heard"].tolist()

    def explained(candidate: int) -> float:
        total = 0.0
        for axis in (0, 1):
            square = answer[0][axis][candidate] ** 2 + answer[1][axis][candidate] ** 2
            total += square / (asked[axis][candidate] or _TINY)
        return total

    best = max(range(CANDIDATES), key=explained)
    weight = [asked[axis][best] or _TINY for axis in (0, 1)]
    # Residual = disturbance - mirror.
    rows = [[-answer[seen][axis][best] / weight[axis] for axis in (0, 1)] for seen in (0, 1)]
    left = [
        max(power[seen] - sum(rows[seen][i] ** 2 * weight[i] for i in (0, 1)), 0.0) / scans
        for seen in (0, 1)
    ]
    sigmas = [[(left[seen] / weight[axis]) ** 0.5 for axis in (0, 1)] for seen in (0, 1)]
    return Heard(_matrix(rows), _matrix(sigmas), best + 1)


def _matrix(rows: list[list[float]]) -> Matrix:
    (a, b), (c, d) = rows
    return (a, b), (c, d)


def verdict(found: Heard, delay_samples: int) -> FineEvent | None:
    """0: as calibrated, with that delay. None: too much noise to tell."""
    (xx, xy), (yx, yy) = found.matrix
    (s_xx, s_xy), (s_yx, s_yy) = ((_SURE_SIGMA * x, _SURE_SIGMA * y) for x, y in found.sigma)
    if max(s_xx, s_xy, s_yx, s_yy) > 1.0:
        return None
    moves_x = abs(xx) > max(s_xx, _LEAST_ANSWER) or abs(yx) > max(s_yx, _LEAST_ANSWER)
    moves_y = abs(xy) > max(s_xy, _LEAST_ANSWER) or abs(yy) > max(s_yy, _LEAST_ANSWER)
    if not (moves_x and moves_y):
        return FineEvent.MIRROR_STUCK
    crossed = min(abs(xy), abs(yx))
    if crossed > min(abs(xx), abs(yy)) and crossed > _MOST_CROSS:
        return FineEvent.AXES_SWAPPED
    if min(xx, yy) < -_LEAST_ANSWER:
        return FineEvent.SIGN_FLIPPED
    if found.delay_samples != delay_samples:
        return FineEvent.DELAY_WRONG
    off = ((xx - 1.0, s_xx), (xy, s_xy), (yx, s_yx), (yy - 1.0, s_yy))
    if any(abs(d) > max(_MATRIX_OFF, s) for d, s in off):
        return FineEvent.RESPONSE_OFF
    return FineEvent(0)


def bearable(found: Heard, delay_samples: int) -> bool:
    """Whether the fallback's gain is still stable with the answer that was heard."""
    (xx, xy), (yx, yy) = found.matrix
    largest = max(abs(xx) + abs(xy), abs(yx) + abs(yy))
    return found.delay_samples - delay_samples <= MOST_LATE_SAMPLES and largest <= MOST_GAIN
