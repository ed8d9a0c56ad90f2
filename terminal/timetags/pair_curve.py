"""The curve on which pairs lie, from a first peak to all coincidences.

The window about the peak is halved until it is as narrow as the pairs' jitter; a parabola is fitted
to the pairs by maximum likelihood, and goes on to twice the span, until it holds all of it.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from terminal.timetags import mixture as mx
from terminal.timetags.mixture import Array, Mixture
from terminal.timetags.pair_search import Candidate

MOST_DRIFT_PER_S = 5e-7
_SHARPEST_S = 50e-12
"""Windows below this are narrower than any detector's jitter."""
_STILL_SHARE = 0.75
"""Of the pairs that some wider window surely held, that a narrower one must hold."""
_GROWS_SHARE = 0.7
"""Of the pairs that a longer span should have, that it must ..."""
_MOST_WIDER = 1.5
"""... and jitter over that before: else the clocks no longer follow the curve."""
_REACH = 6.0
"""Standard deviations of jitter and prediction on either side that a fit reads."""
_FIT_WINDOWS = 8.0
"""The same of a first fit, as a full width: windows may be too narrow by half."""
_ITERATIONS = 60
_SETTLED = 1e-3
"""Standard errors, below which a fit has come to rest."""
_ROOM = 1 << 16


class Curve(NamedTuple):
    """t_b = t_a + offset + rate x + drift / 2 x^2, x = t_a - time, for x within span about 0."""

    offset_s: float
    rate: float
    drift_per_s: float
    time_s: float
    span_s: float
    window_s: float
    """Full width in which the pairs lie."""
    pairs: float = 0.0
    """Accidentals discounted."""


class Fit(NamedTuple):
    """A curve by maximum likelihood."""

    curve: Curve
    mixture: Mixture
    """Of the coincidences that were read: share of pairs, and their jitter."""
    width_s: float
    """In which these lie."""
    coincidences: int
    covariance: Array
    """(3, 3), of offset (s), rate, drift (1/s)."""
    seconds: float
    """From the first to the last pair, about."""

    def at(self, time_s: float) -> tuple[Array, Array]:
        """Offset, rate and drift there, and their standard errors: (3,), (3,)."""
        x = time_s - self.curve.time_s
        turn = np.array([[1.0, x, 0.5 * x * x], [0.0, 1.0, x], [0.0, 0.0, 1.0]])
        here = turn @ [self.curve.offset_s, self.curve.rate, self.curve.drift_per_s]
        return here, np.sqrt(np.diag(turn @ self.covariance @ turn.T))


class Near(NamedTuple):
    """The curve beside clicks of both sides, A in its span and B within reach: (n,), (n,), (m,)."""

    x: Array
    """Times of A's clicks from the curve's."""
    expected_s: Array
    """Where the curve has their partners."""
    b_s: Array


def grown(a_s: Array, b_s: Array, found: Candidate) -> Fit | None:
    """The longest curve that goes through the peak and follows the pairs; None: there are none.

    a_s, b_s: (n,), (m,), ascending.
    """
    fit = _fitted(a_s, b_s, _sharpened(a_s, b_s, found))
    # The first one's jitter may be cut off by the window.
    fit = _fitted(a_s, b_s, fit.curve, fit) if fit else None
    if fit is None:
        return None
    begin = max(float(a_s[0]), float(b_s[0]) - fit.curve.offset_s)
    end = min(float(a_s[-1]), float(b_s[-1]) - fit.curve.offset_s)
    longest = 2.0 * max(fit.curve.time_s - begin, end - fit.curve.time_s)
    while fit.curve.span_s < longest:
        span = min(2.0 * fit.curve.span_s, longest)
        longer = _fitted(a_s, b_s, fit.curve._replace(span_s=span), fit)
        if longer is None or longer.mixture.sigma_s > _MOST_WIDER * fit.mixture.sigma_s:
            return fit
        more = _clicks(a_s, longer.curve, begin, end) / max(_clicks(a_s, fit.curve, begin, end), 1)
        if longer.curve.pairs < _GROWS_SHARE * more * fit.curve.pairs:
            return fit
        fit = longer
    return fit


def _clicks(a_s: Array, curve: Curve, begin_s: float, end_s: float) -> int:
    ends = np.clip([-0.5 * curve.span_s, 0.5 * curve.span_s], begin_s - curve.time_s, None)
    ends = np.minimum(curve.time_s + ends, end_s)
    return int(np.diff(np.searchsorted(a_s, ends))[0])


def near_curve(a_s: Array, b_s: Array, curve: Curve, half_s: float) -> Near:
    """All clicks that may be within half_s of the curve."""
    low, high = np.searchsorted(a_s, curve.time_s + 0.5 * curve.span_s * np.array([-1.0, 1.0]))
    a = a_s[low:high]
    x = a - curve.time_s
    expected = a + (curve.offset_s + x * (curve.rate + 0.5 * curve.drift_per_s * x))
    ends = [expected[0] - half_s, expected[-1] + half_s] if x.size else [0.0, 0.0]
    first, last = np.searchsorted(b_s, ends)
    return Near(x, expected, b_s[first:last])


def coincidences(near: Near, half_s: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Indices of A's and of B's clicks, (p,) each, that are within half_s of the curve."""
    from terminal.timetags import kernels

    of_a, of_b = [], []
    at, room = (0, 0), _ROOM
    while at[0] < near.x.size:
        part_a, part_b = np.empty((2, room), np.int64)
        i, j, found = kernels.coincidences(near.expected_s, near.b_s, half_s, at, part_a, part_b)
        at = (i, j)
        of_a.append(part_a[:found])
        of_b.append(part_b[:found])
        room *= 2
    if not of_a:
        none = np.empty(0, np.int64)
        return none, none
    return np.concatenate(of_a), np.concatenate(of_b)


def _sharpened(a_s: Array, b_s: Array, found: Candidate) -> Curve:
    """The narrowest window about the peak that holds the pairs."""
    curve = Curve(
        found.offset_s, found.rate, 0.0, found.time_s, found.span_s, 2.0 * found.bin_s, 0.0
    )
    curve = _best_of(a_s, b_s, curve, found.bin_s)
    sure = 0.0
    while curve.window_s > _SHARPEST_S:
        by_chance = _accidentals(a_s, b_s, curve) * curve.window_s
        sure = max(sure, curve.pairs - 2.0 * math.sqrt(by_chance))
        sharper = _best_of(a_s, b_s, curve, 0.5 * curve.window_s)
        if sharper.pairs < _STILL_SHARE * sure:
            break
        curve = sharper
    return curve


def _best_of(a_s: Array, b_s: Array, curve: Curve, window_s: float) -> Curve:
    """The fullest window of this width near the curve."""
    from terminal.timetags import pair_kernels

    bin_s = 0.5 * window_s
    steps = math.ceil(curve.window_s / bin_s)
    rate_step = bin_s / curve.span_s
    drift_step = 8.0 * bin_s / curve.span_s**2
    drifts = min(steps, round(MOST_DRIFT_PER_S / drift_step))
    # A quarter of the window more on either side: the best of the steps before is not exact.
    half_bins = math.ceil(0.75 * curve.window_s / bin_s)
    counts = np.empty((2 * steps + 1, 2 * drifts + 1, 2 * half_bins), np.int64)
    near = near_curve(a_s, b_s, curve, half_bins * bin_s)
    pair_kernels.count_turned(*near, rate_step, 0.5 * drift_step, bin_s, counts)
    accidentals = _accidentals(a_s, b_s, curve) * window_s
    both = counts[:, :, :-1] + counts[:, :, 1:]
    r, d, place = np.unravel_index(int(np.argmax(both)), both.shape)
    return curve._replace(
        offset_s=curve.offset_s + (int(place) + 1 - half_bins) * bin_s,
        rate=curve.rate + (int(r) - steps) * rate_step,
        drift_per_s=curve.drift_per_s + (int(d) - drifts) * drift_step,
        window_s=window_s,
        pairs=float(both[r, d, place]) - accidentals,
    )


def _accidentals(a_s: Array, b_s: Array, curve: Curve) -> float:
    """Accidental coincidences in the span per second of window, from the mean rates."""
    ends = curve.time_s + 0.5 * curve.span_s * np.array([-1.0, 1.0])
    clicks = int(np.diff(np.searchsorted(a_s, ends))[0])
    return clicks * b_s.size / max(float(b_s[-1] - b_s[0]), 1e-12)


def _fitted(a_s: Array, b_s: Array, curve: Curve, known: Fit | None = None) -> Fit | None:
    """By expectation and maximisation, from the curve's window, or from a fit to a shorter span.

    Drift is small beforehand: normal, with a standard deviation of MOST_DRIFT_PER_S.
    """
    from terminal.timetags import pair_kernels

    scale = 0.5 * curve.span_s
    reach = 0.25 * curve.window_s
    if known is not None:
        ends = [known.at(curve.time_s + sign * scale)[1][0] for sign in (-1.0, 1.0)]
        reach = math.hypot(known.mixture.sigma_s, max(ends))
    width = 2.0 * _REACH * reach if known else _FIT_WINDOWS * curve.window_s
    near = near_curve(a_s, b_s, curve, 0.5 * width)
    of_a, of_b = coincidences(near, 0.5 * width)
    n = of_a.size
    if n < 3:
        return None
    u = near.x[of_a] / scale
    rest = near.b_s[of_b] - near.expected_s[of_a]
    to_drift = 2.0 / scale**2
    prior = (to_drift / MOST_DRIFT_PER_S) ** 2
    step = np.zeros(3)
    accidentals = _accidentals(a_s, b_s, curve) * width
    mixture = Mixture(mx.bounded(1.0 - accidentals / n), reach)
    at = np.arange(3)
    for _ in range(_ITERATIONS):
        sums = pair_kernels.fit_sums(u, rest, step, *mixture, width)
        variance = mixture.sigma_s**2
        gram = sums[at[:, None] + at]
        pull = sums[5:8].copy()
        pull[2] -= prior * variance * (step[2] + curve.drift_per_s / to_drift)
        stiff = gram + np.diag([0.0, 0.0, prior * variance])
        if np.linalg.cond(stiff) > 1e12:
            return None
        move = np.linalg.solve(stiff, pull)
        step += move
        square = float(sums[8] - 2.0 * move @ sums[5:8] + move @ gram @ move)
        sigma = max(math.sqrt(max(square, 0.0) / max(float(sums[0]), 1.0)), 1e-12)
        moved = max(float(np.max(np.abs(move))), abs(sigma - mixture.sigma_s))
        mixture = Mixture(mx.bounded(float(sums[0]) / n), sigma)
        if moved * math.sqrt(max(float(sums[0]), 1.0)) < _SETTLED * sigma:
            break
    fisher = n * mx.information(mixture, width) / max(float(sums[0]), 1e-300) * gram
    fisher[2, 2] += prior
    to_units = np.array([1.0, 1.0 / scale, to_drift])
    covariance = np.linalg.inv(fisher) * np.outer(to_units, to_units)
    change = step * to_units
    fitted = curve._replace(
        offset_s=curve.offset_s + float(change[0]),
        rate=curve.rate + float(change[1]),
        drift_per_s=curve.drift_per_s + float(change[2]),
        window_s=4.0 * mixture.sigma_s,
        pairs=float(sums[0]),
    )
    return Fit(fitted, mixture, width, n, covariance, scale * float(np.ptp(u)))
