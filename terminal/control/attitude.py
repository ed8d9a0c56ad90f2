"""The body's attitude now, from fixes of a moment ago: an alpha-beta filter that tunes itself.

Fixes are noisy and late; the body turns meanwhile. The filter holds an attitude and a body rate,
predicts the next fix, and takes alpha of the difference as attitude and beta of it as rate. In its
steady state the power of these differences is noise / (1 - alpha), and beta follows from alpha
(Kalata, IEEE Trans. AES-20 (1984) 174; Bar-Shalom, Li & Kirubarajan 2001, 6.5). Both powers can be
measured: the noise in the third differences of the attitude, to which slow motion adds little. So a
calm body is smoothed and a restless one followed, and nobody has to say which it is. The first
gains are those of a straight line through all fixes so far.
"""

from math import sqrt
from typing import NamedTuple

from terminal.geometry.quaternion import (
    Quaternion,
    conjugate,
    from_rotation_vector,
    multiply,
    normalise,
    to_rotation_vector,
)
from terminal.geometry.vector import Vec, add, dot, scale, subtract

LEARNING = 0.04
"""Weight of a new fix in the measured powers: half a second at 50 Hz."""
LEAST_ALPHA = 0.15
"""The measured powers scatter: a filter that hardly listens would be slow to find out."""
MOST_ALPHA = 0.95
"""Toward alpha 1 goes beta to 2, where the rate rings."""
UNKNOWN_RATE_RAD_S = 0.5
"""1-sigma of a body rate of which nothing is known."""
LONGEST_STEP_S = 0.3
"""After so long a prediction by the old rate is worth less than the new fix."""
SAME_STEP = 0.2
"""Third differences want steps that are equal within this part."""


class AttitudeState(NamedTuple):
    """Filtered attitude at the last fix."""

    t_ns: int
    q_ned_from_body: Quaternion
    newest: Quaternion
    """The last fix as it came."""
    rate_body_rad_s: Vec = (0.0, 0.0, 0.0)
    fixes: int = 1
    """How many so far."""
    step_s: float = 0.0
    turn: Vec = (0.0, 0.0, 0.0)
    """From the fix before to the last one, and by how much that was more than the turn before."""
    turn_change: Vec = (0.0, 0.0, 0.0)
    noise_rad2: float = 0.0
    """Power of the fixes' white noise, per axis."""
    surprise_rad2: float = 0.0
    """Power of the differences to the prediction, per axis."""


def start(t_ns: int, q_ned_from_body: Quaternion) -> AttitudeState:
    """From the first fix."""
    return AttitudeState(t_ns, q_ned_from_body, q_ned_from_body)


def at(state: AttitudeState, ahead_s: float) -> Quaternion:
    """q_ned_from_body so long after (before, if negative) the last fix, at its body rate."""
    turn = from_rotation_vector(scale(ahead_s, state.rate_body_rad_s))
    return multiply(state.q_ned_from_body, turn)


def surprise(state: AttitudeState, t_ns: int, q_ned_from_body: Quaternion) -> Vec:
    """Rotation vector (rad, body axes) from the predicted attitude to that of a fix."""
    predicted = at(state, (t_ns - state.t_ns) * 1e-9)
    return to_rotation_vector(multiply(conjugate(predicted), q_ned_from_body))


def update(state: AttitudeState, t_ns: int, q_ned_from_body: Quaternion) -> AttitudeState:
    """With one more fix, younger than the last; after a long gap, from this fix alone."""
    step_s = (t_ns - state.t_ns) * 1e-9
    if step_s > LONGEST_STEP_S:
        return start(t_ns, q_ned_from_body)
    fixes = state.fixes + 1
    off = surprise(state, t_ns, q_ned_from_body)
    turn = to_rotation_vector(multiply(conjugate(state.newest), q_ned_from_body))
    turn_change = subtract(turn, state.turn)
    steady = abs(step_s - state.step_s) < SAME_STEP * state.step_s

    noise, surprised = state.noise_rad2, state.surprise_rad2
    if fixes > 3 and steady:
        # A third difference of white noise has (1 + 9 + 9 + 1) times its power; three axes.
        third = subtract(turn_change, state.turn_change)
        noise += max(LEARNING, 1.0 / (fixes - 3)) * (dot(third, third) / 60.0 - noise)
    if fixes > 2:
        surprised += max(LEARNING, 1.0 / (fixes - 2)) * (dot(off, off) / 3.0 - surprised)

    alpha, beta = _gains(noise, surprised, fixes)
    predicted = at(state, step_s)
    return AttitudeState(
        t_ns,
        normalise(multiply(predicted, from_rotation_vector(scale(alpha, off)))),
        q_ned_from_body,
        add(state.rate_body_rad_s, scale(beta / step_s, off)),
        fixes,
        step_s,
        turn,
        turn_change,
        noise,
        surprised,
    )


def _gains(noise_rad2: float, surprise_rad2: float, fixes: int) -> tuple[float, float]:
    """(alpha, beta): those of the steady state, but at first those of the straight line."""
    alpha = MOST_ALPHA
    if surprise_rad2 > 0.0:
        alpha = min(MOST_ALPHA, max(LEAST_ALPHA, 1.0 - noise_rad2 / surprise_rad2))
    beta = 2.0 * (2.0 - alpha) - 4.0 * sqrt(1.0 - alpha)
    n = float(fixes)
    line_alpha, line_beta = 2.0 * (2.0 * n - 1.0) / (n * (n + 1.0)), 6.0 / (n * (n + 1.0))
    return max(alpha, line_alpha), max(beta, line_beta)


def noise_rad(state: AttitudeState) -> float:
    """1-sigma of the fixes' white noise, per axis."""
    return sqrt(state.noise_rad2)


def drift_rad(state: AttitudeState, ahead_s: float) -> float:
    """1-sigma per axis by which the attitude is off so long after the last fix, over what the fix
    itself was off: the rate's own error, and the acceleration that the filter reckons with, as if
    that pointed one way all the time.
    """
    if state.fixes == 1:
        return UNKNOWN_RATE_RAD_S * abs(ahead_s)
    alpha, beta = _gains(state.noise_rad2, state.surprise_rad2, state.fixes)
    power = max(state.noise_rad2, state.surprise_rad2)
    steps = ahead_s / state.step_s
    # Covariance of the steady state (Bar-Shalom et al., 6.5.3), with noise / (1 - alpha) = power.
    rate2 = beta * max(0.0, alpha - 0.5 * beta) * power * steps * steps
    acceleration2 = (0.5 * beta * steps * steps) ** 2 * power
    return sqrt(rate2 + acceleration2)
