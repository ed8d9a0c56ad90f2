"""A hidden Markov chain with two states: which of them, by all that was seen before and after.

Forward-backward recursion (Rabiner 1989), in log odds of the one state against the other.
"""

import math

import numpy as np

from terminal.timetags.mixture import Array

_MOST = 30.0
"""Log odds beyond are as good as certain; exponentials stay finite."""


def log_odds(ratio: Array, leave: Array, back: Array, start: float, end: float) -> Array:
    """Posterior log odds of the state, (n,).

    ratio: (n,), log likelihood ratio of what each step shows; leave, back: (n,), chance to leave
    the state, and to come back, before each step (of the first one not used); start: log odds
    before anything was seen; end: log likelihood ratio of all that comes after.
    """
    n = ratio.size
    forward, backward = np.empty(n), np.empty(n)
    values, leaves, backs = ratio.tolist(), leave.tolist(), back.tolist()
    odds = start
    for k in range(n):
        if k:
            p = 1.0 / (1.0 + math.exp(-_limited(odds)))
            ahead = p * (1.0 - leaves[k]) + (1.0 - p) * backs[k]
            odds = math.log(ahead / (1.0 - ahead))
        odds += values[k]
        forward[k] = odds
    future = end
    for k in range(n - 1, -1, -1):
        backward[k] = future
        r = math.exp(_limited(future + values[k]))
        future = math.log(((1.0 - leaves[k]) * r + leaves[k]) / (backs[k] * r + 1.0 - backs[k]))
    return forward + backward


def _limited(value: float) -> float:
    return min(max(value, -_MOST), _MOST)
