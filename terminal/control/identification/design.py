"""What follows from a mirror's response: the steering law, how it rings, the integrator's gain."""

from math import log
from typing import NamedTuple

import numpy as np

from terminal.control.mirror_response import MirrorResponse, Steering, steering

_SHARE = 0.4
_MORE_DELAY = 2
"""The integrator steers where the mirror does not answer as calibrated: its gain is this share of
where it rings with so many scans more of delay."""
_SETTLED = 0.01


class Design(NamedTuple):
    """A controller for one response at one rate."""

    steering: Steering
    ringing: float
    """Largest pole of mirror and steering together, by which a jump's rest shrinks each scan."""
    settling_samples: float
    """Until a hundredth of a jump is left, delay included."""
    delay_s: float
    """From a scan to the first one that its command changes."""
    integrator_gain: float
    """For `fine.gain`."""
    integrator_gain_limit: float
    """With this gain the plain integrator rings without end."""


def design(response: MirrorResponse, rate_hz: float) -> Design:
    """The controller for a response."""
    law = steering(response.resonance_hz, response.damping, rate_hz)
    feedback = law.pull * np.array([law.a11, law.a12])
    free = np.array([[law.a11, law.a12], [law.a21, law.a22]])
    poles = np.linalg.eigvals(free - np.outer([law.b1, law.b2], feedback))
    ringing = float(np.abs(poles).max())
    scans = log(_SETTLED) / log(min(max(ringing, 1e-6), 1.0 - 1e-9))
    return Design(
        law,
        ringing,
        response.delay_samples + scans,
        response.delay_samples / rate_hz,
        _SHARE * gain_limit(law, response.delay_samples + _MORE_DELAY),
        gain_limit(law, response.delay_samples),
    )


def gain_limit(law: Steering, delay_samples: int) -> float:
    """Largest gain of u[k] = u[k-1] + gain e[k] on a mirror that is steered without a model, e in
    units of the command. Found by bisection of the closed loop's largest pole."""
    mirror = [1.0, -(law.a11 + law.a22), law.a11 * law.a22 - law.a12 * law.a21]
    open_loop = np.polymul([1.0, -1.0], mirror)
    answer = np.array([law.b1, law.a12 * law.b2 - law.a22 * law.b1])

    def rings(gain: float) -> bool:
        # (1 - 1/z)(mirror) + gain z^-delay (answer) = 0, times the highest power of z.
        closed = np.concatenate([open_loop, np.zeros(max(delay_samples - 2, 0))])
        closed[delay_samples : delay_samples + 2] += gain * answer
        return bool(np.abs(np.roots(closed)).max() >= 1.0)

    low, high = 0.0, 4.0
    for _ in range(40):
        middle = 0.5 * (low + high)
        low, high = (low, middle) if rings(middle) else (middle, high)
    return low
