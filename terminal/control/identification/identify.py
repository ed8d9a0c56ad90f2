"""From scans of a mirror that was moved to the response to fly by, or to why there is none."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from config.terminal import MOST_MIRROR_DELAY
from terminal.control.identification.checks import (
    check_axes,
    check_delay,
    check_fit,
    check_linear,
    check_motion,
    check_resonances,
    check_sigma,
    check_tail,
    tail_share,
)
from terminal.control.identification.excitation import Excitation
from terminal.control.identification.fit import (
    Model,
    Target,
    as_fast,
    axis_model,
    best_by_delay,
    pulse_response,
    with_covariance,
)
from terminal.control.identification.impulse import Impulse, measured_impulse
from terminal.control.identification.reading import Detector, Scans, angles
from terminal.control.mirror_response import MirrorResponse

Array = NDArray[np.float64]

LAGS = (40, 80, 160, 320)
"""Of the impulse response: more where the mirror still moves at the end."""
_STILL_MOVES = 0.01
_SURE_LOG_RESONANCE = 0.3
"""1 sigma of its logarithm: a resonance that is known no better is none."""
_NO_WORSE_CHI2 = 20.0


class Identified(NamedTuple):
    """A response that was measured."""

    response: MirrorResponse
    covariance: Array
    """(6, 6): matrix elements xx, xy, yx, yy, resonance in Hz, damping."""
    determined: bool
    """False: the mirror is too fast to show resonance and damping, which were set."""
    impulse: Impulse
    model: Model
    degrees_of_freedom: int
    misfit: float
    """What the model surely leaves of the impulse response beside noise, over it (rms)."""
    axis_resonance_hz: tuple[float, float]
    """Of each axis of the mirror alone."""
    gain_change: tuple[float, float]
    """Of each axis from half amplitude to full."""


def identify(
    scans: Scans, excitation: Excitation, detector: Detector, counts_per_rad: float, rate_hz: float
) -> Identified:
    """The response that explains the scans, and its uncertainty.

    Raises:
        IdentificationError: says why there is none to fly by, and what to do.
    """
    angle_rad = angles(scans, detector, excitation.rest_end)
    command_rad = scans.command_counts / counts_per_rad
    # The detector shows light minus mirror.
    motion_rad = -angle_rad
    impulse, target, model, determined = _fitted(command_rad, motion_rad, excitation.amplitude_rad)
    change = check_linear(impulse, command_rad, motion_rad, excitation.half_end)
    if determined:
        axes = tuple(axis_model(impulse, model, mirror) for mirror in range(2))
        check_resonances(axes, rate_hz)
    freedom = len(target.value) - (6 if determined else 4)
    left = check_fit(target, model, freedom)
    # A model that is good enough to fly by, though noise alone leaves less, is known less well.
    inflation = max(1.0, model.chi2 / freedom) if left > 0.0 else 1.0
    hz = np.array([1.0, 1.0, 1.0, 1.0, rate_hz, 1.0])
    covariance = inflation * model.covariance * hz * hz[:, None]
    check_axes(model.matrix)
    check_sigma(model.matrix, covariance)
    (a, b), (c, d) = model.matrix.tolist()
    response = MirrorResponse(
        ((a, b), (c, d)), model.resonance * rate_hz, model.damping, model.delay
    )
    alone = (axes[0].resonance, axes[1].resonance) if determined else (model.resonance,) * 2
    return Identified(
        response,
        covariance,
        determined,
        impulse,
        model,
        freedom,
        left,
        (alone[0] * rate_hz, alone[1] * rate_hz),
        change.change,
    )


def _fitted(
    command_rad: Array, motion_rad: Array, amplitude_rad: float
) -> tuple[Impulse, Target, Model, bool]:
    """Impulse response, the same as the fit's target, model, and whether its resonance shows."""
    for lags in LAGS:
        impulse = measured_impulse(command_rad, motion_rad, lags)
        last = lags == LAGS[-1]
        if tail_share(impulse) > _STILL_MOVES and not last:
            continue
        check_motion(impulse, amplitude_rad)
        check_tail(impulse)
        target = Target(impulse.response, impulse.covariance)
        model, determined = _model(target)
        # Noise may hide that it moves on, where the model shows it.
        if last or _beyond(model, lags) < _STILL_MOVES:
            break
    return impulse, target, model, determined


def _beyond(model: Model, lags: int) -> float:
    """Rms of the model's response after so many scans over that of all."""
    pulse = pulse_response(model.resonance, model.damping, model.delay, 4 * lags)
    return float(np.linalg.norm(pulse[lags:]) / np.linalg.norm(pulse))


def _model(target: Target) -> tuple[Model, bool]:
    """The model that fits best, and whether its resonance shows.

    Raises:
        IdentificationError: a delay that is at the end of the search or not sure.
    """
    tried = best_by_delay(target)
    check_delay([chi2 for chi2, _ in tried])
    best = int(np.argmin([chi2 for chi2, _ in tried]))
    model = with_covariance(target, best + 1, tried[best][1])
    unsure = model.covariance[4, 4] ** 0.5 > _SURE_LOG_RESONANCE * model.resonance
    if unsure or model.resonance > 0.5:
        # One that answers late within a scan looks like a fast one a scan later.
        near = range(max(model.delay - 1, 1), min(model.delay + 1, MOST_MIRROR_DELAY) + 1)
        fast = min((as_fast(target, delay) for delay in near), key=lambda each: each.chi2)
        if fast.chi2 - model.chi2 < _NO_WORSE_CHI2:
            return fast, False
    return model, True
