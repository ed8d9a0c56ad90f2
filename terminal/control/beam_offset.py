"""How far the mean of the sent beam stands beside the receiver, learnt from what it counts.

Nothing on board sees where the sent beam lands. The receiver's counts do, against the width in
force: an offset costs a narrow beam far more than a wide one, haze costs both alike. The belief is
a grid over the offset's size and over the logarithm of an unknown gain (air, optics, detectors);
Bayes' rule takes in each report, and between reports both may wander.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

OFFSETS = 28
LEAST_OFFSET, MOST_OFFSET = 0.2, 30.0
"""Ends of the grid over the offset, in units of its prior 1-sigma."""
SURPRISE_SHARE, SURPRISE_FACTOR = 0.1, 6.0
"""[?] Prior probability that the aim is worse than told, and by how much."""
GAINS = 49
GAIN_STEP = 0.15
"""Of the natural logarithm, 0.65 dB; the grid reaches 3.6 either way, 16 dB."""
GAIN_SIGMA = 0.8
"""[?] Prior, 3.5 dB: clear air or haze, and optics that have aged."""
GAIN_WANDER = 0.03
"""[?] Of the logarithm per square-root second: 4 dB in a minute at 3 sigma."""
OFFSET_WANDER = 0.1
"""Fitted, on seeds 100 to 123 of `benchmarks.divergence`: probability per second of a step to
either side along the grid, which changes the offset by a fifth."""
COUNT_SIGMA = 0.08
"""[?] Relative, of a second's counts about their mean, were there no jitter: scintillation."""
MOST_SPREAD = 1.0
"""Of the relative variance. With more of it a mean of rare flashes would explain any darkness."""
LEAST_LOG = -12.0
"""No report, however odd, rules anything out further than this."""


class Belief(NamedTuple):
    """Probability of each (offset, log gain); sums to 1."""

    offset_rad: Array
    """(OFFSETS,), rising."""
    weight: Array
    """(OFFSETS, GAINS)."""

    def of_offset(self) -> Array:
        """(OFFSETS,) probabilities, whatever the gain."""
        return np.asarray(self.weight.sum(axis=1))

    def mean_square_rad2(self) -> float:
        """Mean square of the offset."""
        return float(self.of_offset() @ self.offset_rad**2)


def log_gains() -> Array:
    """(GAINS,) natural logarithms of the gain's grid."""
    return np.asarray((np.arange(GAINS) - GAINS // 2) * GAIN_STEP, dtype=np.float64)


def prior(offset_sigma_rad: float) -> Belief:
    """Before any report: offsets of that 1-sigma per axis, and some chance of far more."""
    offset = offset_sigma_rad * np.geomspace(LEAST_OFFSET, MOST_OFFSET, OFFSETS)

    def rayleigh(sigma_rad: float) -> Array:
        # On a logarithmic grid a density over the offset is to be multiplied by the offset.
        square = (offset / sigma_rad) ** 2
        weight = square * np.exp(-0.5 * square)
        return np.asarray(weight / weight.sum())

    surprise = rayleigh(SURPRISE_FACTOR * offset_sigma_rad)
    sized = (1 - SURPRISE_SHARE) * rayleigh(offset_sigma_rad) + SURPRISE_SHARE * surprise
    gain = np.exp(-0.5 * (log_gains() / GAIN_SIGMA) ** 2)
    return Belief(offset, np.outer(sized, gain / gain.sum()))


def wandered(belief: Belief, seconds: float) -> Belief:
    """After so many seconds without a report."""
    weight = belief.weight
    share = min(OFFSET_WANDER * seconds, 0.5)
    weight = _stepped(_stepped(weight, share).T, 0.5 * seconds * (GAIN_WANDER / GAIN_STEP) ** 2).T
    return belief._replace(weight=weight)


def _stepped(weight: Array, share: float) -> Array:
    """`share` of each row moves to each of its neighbours; at the ends it stays."""
    share = min(share, 0.25)
    padded = np.concatenate([weight[:1], weight, weight[-1:]])
    return np.asarray((1 - 2 * share) * weight + share * (padded[:-2] + padded[2:]))


def informed(
    belief: Belief,
    counted: float,
    signal_expected: Array,
    spread_squared: Array,
    noise_expected: float,
) -> Belief:
    """After a report.

    Log-normal: light that fades deeply is often far under its mean and seldom far over it.

    Args:
        counted: clicks.
        signal_expected: (OFFSETS,) mean signal clicks at gain 1 for each offset of the grid.
        spread_squared: (OFFSETS,) relative variance of the signal about that mean.
        noise_expected: clicks by background and dark counts.
    """
    signal = signal_expected[:, np.newaxis] * np.exp(log_gains())
    mean = signal + noise_expected + 0.5
    fading = np.minimum(spread_squared[:, np.newaxis], MOST_SPREAD) + COUNT_SIGMA**2
    variance = np.log1p(fading * (signal / mean) ** 2 + 1.0 / mean)
    away = math.log(counted + 0.5) - np.log(mean) + 0.5 * variance
    log = -0.5 * (away**2 / variance + np.log(variance))
    weight = belief.weight * np.exp(np.maximum(log - log.max(), LEAST_LOG))
    return belief._replace(weight=weight / weight.sum())


class Choice(NamedTuple):
    """What a belief makes of the widths to choose from."""

    best: int
    """Index of the width with the greatest expected counts."""
    score: Array
    """(n,) expected counts of each width, relative to the best."""
    unsure: float
    """How much more would be expected of who knew the offset: share of the best score."""
    telling: int
    """Index of the width whose counts beside those of the best tell most about the offset, among
    those that cost little."""


LEAST_TELLING = 0.7
"""A width with less than this share of the best's score is too dear to learn from."""


def choose(belief: Belief, share: Array) -> Choice:
    """share: (n, OFFSETS) mean share of the light, of each width for each offset."""
    gain = belief.weight @ np.exp(log_gains())
    score = share @ gain
    best = int(np.argmax(score))
    top = float(score[best])
    ideal = float(share.max(axis=0) @ gain)
    probability = belief.of_offset()
    log = np.log(np.maximum(share, 1e-300))
    contrast = log - log[best]
    mean = contrast @ probability
    spread = np.sqrt(np.maximum(contrast**2 @ probability - mean**2, 0.0))
    telling = int(np.argmax(np.where(score >= LEAST_TELLING * top, spread, -1.0)))
    return Choice(best, score / top, ideal / top - 1.0, telling)


def offset_rad(belief: Belief) -> float:
    """Root mean square of the believed offset."""
    return math.sqrt(belief.mean_square_rad2())
