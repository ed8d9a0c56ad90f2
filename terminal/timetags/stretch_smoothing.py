"""The clock of a stretch from the phases of its knots: smoothed, with the doubt in its gaps."""

import math

import numpy as np

from terminal.timetags.clock_filter import JERK_SIGMA_PER_S2, Smoothed, likeliest_wander, smooth
from terminal.timetags.clock_following import OSCILLATOR
from terminal.timetags.knot_phases import Phases
from terminal.timetags.mixture import Array
from terminal.timetags.recovered import RecoveredStretch

_SETTLED_SHARE = 0.1
"""Of the jitter: rms step of the phases, step of the delays, of the jitter itself. Only knots of
hundreds of clicks scatter less."""
_GAP_S = 0.5
"""Longer gaps between knots get more knots, so that the doubt within them is known ..."""
_GAP_STEP_S = 0.1
_BEYOND_S = 3.0
"""... and so do the ends, as long as this."""


def is_settled(before: RecoveredStretch, after: RecoveredStretch) -> bool:
    """Whether one more round would move nothing: steps are by Newton's method, whose error is of
    the order of the last step's square."""
    phases, sigma_s = after.phases, after.phases.sigma_s
    measured = np.isfinite(phases.variance_s2)
    step_s = (phases.phase_s - before.path.phase_s(phases.t_s))[measured]
    moved = [
        math.sqrt(float(np.mean(step_s**2))) if step_s.size else 0.0,
        float(np.max(np.abs(phases.delay_s - before.phases.delay_s))),
        abs(sigma_s - before.phases.sigma_s),
    ]
    return max(moved) < _SETTLED_SHARE * sigma_s


def smoothed_stretch(stretch: RecoveredStretch, phases: Phases) -> RecoveredStretch:
    """The stretch with the phases measured about its path, and the path through them."""
    path = stretch.path
    if not np.any(np.isfinite(phases.variance_s2)):
        return stretch
    rate = np.interp(phases.t_s, path.t_s, path.clock.state[:, 1])
    wander = likeliest_wander(phases.t_s, phases.phase_s, phases.variance_s2, rate)
    t = _times(phases.t_s, *path.seconds(np.array([stretch.begin_ps, stretch.end_ps])).tolist())
    at = np.searchsorted(t, phases.t_s)
    phase, variance = np.zeros(t.size), np.full(t.size, np.inf)
    phase[at], variance[at] = phases.phase_s, phases.variance_s2
    start = float(np.interp(t[0], path.t_s, path.clock.state[:, 1]))
    smoothed = smooth(t, phase, variance, start, wander)
    # Between and beyond the clicks, a jerk that they don't show may have come or gone.
    far = _distance(t, phases.t_s[np.isfinite(phases.variance_s2)])
    smoothed.covariance[:, 0, 0] += (JERK_SIGMA_PER_S2 * far**3 / 6.0) ** 2
    smoothed.covariance[:, 0, 0] += _unseen_wander(t, smoothed, phases, wander.phase)
    return stretch._replace(path=path._replace(t_s=t, clock=smoothed), phases=phases)


def _unseen_wander(t_s: Array, smoothed: Smoothed, phases: Phases, seen: float) -> Array:
    """Variance by what an oscillator wanders beside what the clicks show of it, s^2, (n,).

    A mean over some time tau has the variance R / tau, R that of the clicks of a second; a random
    walk of density q is q tau / 12 off its mean over that time, in its middle.
    """
    measured = np.isfinite(phases.variance_s2)
    at_s, variance = phases.t_s[measured], phases.variance_s2[measured]
    spacing_s = np.gradient(at_s) if at_s.size > 1 else np.zeros(1)
    tau_s = np.interp(t_s, at_s, variance * spacing_s) / smoothed.covariance[:, 0, 0]
    return np.asarray(max(OSCILLATOR - seen, 0.0) * tau_s / 12.0)


def _distance(t_s: Array, from_s: Array) -> Array:
    """To the nearest of from_s (ascending, not empty), (n,)."""
    right = np.clip(np.searchsorted(from_s, t_s), 0, from_s.size - 1)
    left = np.maximum(right - 1, 0)
    return np.asarray(np.minimum(np.abs(t_s - from_s[left]), np.abs(t_s - from_s[right])))


def _times(knots_s: Array, begin_s: float, end_s: float) -> Array:
    """The knots, more in the gaps and beyond the ends (begin_s, end_s: no further than these)."""
    begin = max(begin_s, float(knots_s[0]) - _BEYOND_S) - 1e-9
    end = min(end_s, float(knots_s[-1]) + _BEYOND_S) + 1e-9
    more = []
    edges = np.concatenate([[begin], knots_s, [end]])
    for left, right in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        if right - left > _GAP_S:
            count = math.ceil((right - left) / _GAP_STEP_S)
            more.append(np.linspace(left, right, count + 1)[1:-1])
    return np.unique(np.concatenate([edges, *more]))
