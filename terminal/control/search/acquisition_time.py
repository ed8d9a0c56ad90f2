"""Distribution of the time that an acquisition takes, and what a sample of it should look like."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv

Array = NDArray[np.float64]


class TimeDistribution(NamedTuple):
    """Of the time from the start of a search to its success, up to a limit."""

    t_s: Array
    """Ascending from 0 to the limit; the distribution is linear between."""
    cdf: Array
    """P(T <= t); it ends under 1 by what does not succeed within the limit."""

    @property
    def probability(self) -> float:
        """Of success within the limit."""
        return float(self.cdf[-1])

    def probability_within(self, t_s: float) -> float:
        """P(T <= t)."""
        return float(np.interp(t_s, self.t_s, self.cdf))

    def quantile_s(self, share: float) -> float:
        """Time within which this share of all searches succeeds; inf if it is not reached."""
        if share > self.cdf[-1]:
            return math.inf
        at = int(np.searchsorted(self.cdf, share))
        if at == 0:
            return 0.0
        low, high = float(self.cdf[at - 1]), float(self.cdf[at])
        step_s = float(self.t_s[at] - self.t_s[at - 1])
        return float(self.t_s[at - 1]) + step_s * (share - low) / (high - low)

    @property
    def median_s(self) -> float:
        return self.quantile_s(0.5)

    @property
    def p95_s(self) -> float:
        return self.quantile_s(0.95)

    @property
    def expected_s(self) -> float:
        """Mean time spent, failures counted with the limit: the integral of 1 - F."""
        return float(np.trapezoid(1.0 - self.cdf, self.t_s))


class TimeInterval(NamedTuple):
    """From and to."""

    low_s: float
    high_s: float


def quantile_interval(
    time: TimeDistribution, share: float, draws: int, confidence: float = 0.99
) -> TimeInterval:
    """Where the `share` quantile of so many searches falls with probability `confidence`.

    The r-th smallest of n draws lies at a share of the distribution that is Beta(r, n - r + 1)
    distributed (David and Nagaraja, Order Statistics, 2003). A search that failed is a draw of inf.
    Definitions of a sample's quantile differ by less than from one to the other of the two order
    statistics about (n - 1) share + 1: the lower end belongs to the lower one, the upper end to
    the upper one, so it holds for all of them, numpy's among them.
    """
    place = (draws - 1) * share + 1.0
    low, high = math.floor(place), math.ceil(place)
    tail = 0.5 * (1.0 - confidence)
    return TimeInterval(
        time.quantile_s(float(betaincinv(low, draws - low + 1, tail))),
        time.quantile_s(float(betaincinv(high, draws - high + 1, 1.0 - tail))),
    )
