"""Columns made ready for a figure: no drawing."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

BINS = 400
"""Most points of a line: more than a screen shows."""


class Span(NamedTuple):
    """A stay in a mode, seconds since the start of the window."""

    mode: str
    start_s: float
    end_s: float


class Course(NamedTuple):
    """What all figures over time share."""

    duration_s: float
    modes: tuple[Span, ...]


def binned(
    t_s: Array, value: Array, duration_s: float, *, rms: bool = False
) -> tuple[Array, Array]:
    """(centres s, mean or root mean square) in equal bins; NaN where a bin has no finite value.

    Values too large to square leave a gap as well.
    """
    good = np.isfinite(value) & np.isfinite(t_s) & (t_s >= 0) & (t_s < duration_s)
    typical_s = float(np.median(np.diff(t_s))) if len(t_s) > 1 else duration_s
    bins = max(1, min(BINS, int(duration_s / max(typical_s, 1e-3))))
    index = np.minimum((t_s[good] * (bins / duration_s)).astype(np.int64), bins - 1)
    count = np.bincount(index, minlength=bins)
    total = np.bincount(index, value[good] ** 2 if rms else value[good], bins)
    mean = np.where((count > 0) & np.isfinite(total), total / np.maximum(count, 1), np.nan)
    centres = (np.arange(bins) + 0.5) * (duration_s / bins)
    return np.asarray(centres, np.float64), np.asarray(np.sqrt(mean) if rms else mean, np.float64)


def true_spans(t_s: Array, flag: Array) -> list[tuple[float, float]]:
    """(start, length) s of every stretch where the flag is set."""
    if len(t_s) < 2:
        return []
    on = np.concatenate([[0], flag > 0, [0]]).astype(np.int8)
    edges = np.flatnonzero(np.diff(on))
    end_s = np.append(t_s, t_s[-1])
    return [(float(t_s[a]), float(end_s[b] - t_s[a])) for a, b in edges.reshape(-1, 2).tolist()]


def mode_at(t_s: Array, course: Course, mode: str) -> Array:
    """(n,) 1 where the mode held, else 0."""
    inside = np.zeros(len(t_s))
    for span in course.modes:
        if span.mode == mode:
            inside[(t_s >= span.start_s) & (t_s <= span.end_s)] = 1
    return inside


def windowed_qber(t_s: Array, counts: Array, window_s: float) -> tuple[Array, Array, Array]:
    """(centre s, error rate, its 1-sigma) of the disclosed key-basis clicks in windows of time.

    counts: (n, 4, 4) so far, [sent state, channel] in the order H V D A. The sigma is binomial,
    of (errors + 1) / (clicks + 2), so that no error in a few clicks is not taken for certainty.
    """
    if len(t_s) < 2:
        return np.empty(0), np.empty(0), np.empty(0)
    edges_s = np.arange(t_s[0], t_s[-1] + window_s, window_s)
    at = np.minimum(np.searchsorted(t_s, edges_s), len(t_s) - 1)
    new = np.diff(counts[at], axis=0)
    wrong = new[:, 0, 1] + new[:, 1, 0]
    total = new[:, :2, :2].sum(axis=(1, 2))
    keep = total > 0
    p = (wrong + 1) / (total + 2)
    sigma = np.sqrt(p * (1 - p) / np.maximum(total, 1))
    centre_s = (edges_s[:-1] + edges_s[1:]) / 2
    return centre_s[keep], (wrong / np.maximum(total, 1))[keep], sigma[keep]


def continuous(angle_rad: Array) -> Array:
    """The angle of an axis without its jumps of half a turn; NaN stays."""
    answer = angle_rad.copy()
    good = np.isfinite(answer)
    answer[good] = np.unwrap(answer[good], period=math.pi)
    return answer


def beside(angle_rad: Array, reference_rad: Array) -> Array:
    """Both of an axis: the angle moved by the half turns that bring it next to the reference."""
    if not (np.isfinite(angle_rad).any() and np.isfinite(reference_rad).any()):
        return angle_rad
    apart = float(np.nanmedian(reference_rad)) - float(np.nanmedian(angle_rad))
    return angle_rad + round(apart / math.pi) * math.pi
