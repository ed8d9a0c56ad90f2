"""What a measured response must be like before it is flown by; each refusal says what to do."""

from math import sqrt

import numpy as np
from numpy.typing import NDArray

from config.terminal import MOST_MIRROR_DELAY
from terminal.control.identification.fit import Model, Target
from terminal.control.identification.impulse import Impulse
from terminal.control.identification.refusal import IdentificationError
from terminal.control.identification.stages import GainChange, gain_change

Array = NDArray[np.float64]

MOST_TAIL = 0.05
"""Rms of the last quarter of an impulse response over that of the whole, noise taken out."""
MOST_MISFIT = 0.03
"""Of the impulse response: a loop by such a model knows its mirror as well as a true one's gain
to 3 %."""
MOST_GAIN_CHANGE = 0.03
MOST_RESONANCE_SPREAD = 0.05
MOST_SIGMA = 0.02
"""Of a matrix element, over the gain."""
LEAST_ANGLE_RAD = 0.3
"""Between the directions in which the mirror's two axes move the light."""
SURE_SIGMA = 5.0
SURE_DELAY_CHI2 = 30.0
"""By which the next best delay has to fit worse."""
_MOST_UNIT_SIGMA = 0.05
"""Of each element of the impulse response: noise beyond this hides a mirror that moves."""


def check_motion(impulse: Impulse, amplitude_rad: float) -> None:
    """Refuses noise in which no mirror shows, and an axis of the mirror that does not move."""
    lags = impulse.response.shape[2]
    elements = np.arange(impulse.response.size).reshape(2, 2, lags)
    noise = " and ".join(f"{1e6 * r:.2g}" for r in impulse.residual_rad)
    for mirror, name in enumerate("xy"):
        # Of the one element that a mirror which follows at once has, in the better direction.
        variances = np.diag(impulse.covariance)[elements[:, mirror]]
        sigma = float(np.sqrt(variances.min(axis=0).max()))
        if sigma > _MOST_UNIT_SIGMA:
            raise IdentificationError(
                f"too noisy: the gain would be known to {sigma:.0%} (1 sigma) for commands of "
                f"{1e6 * amplitude_rad:.3g} urad in {noise} urad of noise (x, y): take a larger "
                "--amplitude-share or --duration-s, or quieten the bench"
            )
        these = elements[:, mirror].ravel()
        response = impulse.response[:, mirror].ravel()
        if not _stands_out(response, impulse.covariance[np.ix_(these, these)]):
            seen = 1e6 * amplitude_rad * float(np.linalg.norm(response))
            raise IdentificationError(
                f"no motion: the light moves by {seen:.2g} urad, which is noise, for commands of "
                f"{1e6 * amplitude_rad:.3g} urad in the mirror's {name}: check that axis' "
                "amplifier, cable and DAC channel"
            )


def tail_share(impulse: Impulse) -> float:
    """Rms of the last quarter of the response over that of all; 0 where it may be noise."""
    lags = impulse.response.shape[2]
    last = np.broadcast_to(np.arange(lags) >= lags - lags // 4, impulse.response.shape).ravel()
    tail, covariance = impulse.response.ravel()[last], impulse.covariance[np.ix_(last, last)]
    if not _stands_out(tail, covariance):
        return 0.0
    square = float(tail @ tail - np.trace(covariance))
    return sqrt(max(square, 0.0) / float(np.sum(impulse.response**2)))


def check_tail(impulse: Impulse) -> None:
    """Refuses a mirror that moves on for longer than the response is measured."""
    share = tail_share(impulse)
    if share > MOST_TAIL:
        raise IdentificationError(
            f"the mirror still moves after {impulse.response.shape[2]} scans: {share:.0%} of its "
            "impulse response is in the last quarter of that: damp it, or run the loop at a lower "
            "rate"
        )


def check_linear(
    impulse: Impulse, command_rad: Array, motion_rad: Array, half_end: int
) -> GainChange:
    """Refuses an answer that does not grow as the command does."""
    found = gain_change(impulse, command_rad, motion_rad, half_end)
    for name, change, sigma in zip("xy", found.change, found.sigma, strict=True):
        if abs(change) > max(MOST_GAIN_CHANGE, SURE_SIGMA * sigma):
            raise IdentificationError(
                f"not linear: the gain of the mirror's {name} changes by {change:+.1%} "
                f"(1 sigma {sigma:.1%}) from half amplitude to full: use a smaller "
                "--amplitude-share, and check slew rate, hysteresis and the spot's size"
            )
    return found


def check_delay(chi2: list[float]) -> None:
    """Refuses a delay at the end of the search, and two that fit alike. chi2: from delay 1 on."""
    order = np.argsort(chi2)
    best, second = int(order[0]) + 1, int(order[1]) + 1
    if best == MOST_MIRROR_DELAY:
        raise IdentificationError(
            f"the delay is {MOST_MIRROR_DELAY} scans or more, the end of the search: shorten the "
            "path from scan to mirror, or lower the rate"
        )
    worse = chi2[second - 1] - chi2[best - 1]
    if worse < SURE_DELAY_CHI2:
        raise IdentificationError(
            f"too noisy: delays of {best} and {second} scans fit alike (chi2 differs by "
            f"{worse:.0f}, {SURE_DELAY_CHI2:.0f} wanted): take a larger --amplitude-share or "
            "--duration-s"
        )


def check_resonances(axes: tuple[Model, ...], rate_hz: float) -> None:
    """Refuses two axes that ring at different frequencies: the loop has one model for both."""
    x, y = axes
    spread = abs(float(np.log(x.resonance / y.resonance)))
    sigma = np.hypot(
        x.covariance[-2, -2] ** 0.5 / x.resonance, y.covariance[-2, -2] ** 0.5 / y.resonance
    )
    if spread > max(MOST_RESONANCE_SPREAD, SURE_SIGMA * float(sigma)):
        raise IdentificationError(
            f"the axes differ: x resonates at {x.resonance * rate_hz:.0f} Hz, y at "
            f"{y.resonance * rate_hz:.0f} Hz (1 sigma {float(sigma):.1%}), over "
            f"{MOST_RESONANCE_SPREAD:.0%}, and the loop has one model for both: tune the "
            "amplifiers alike"
        )


def check_fit(target: Target, model: Model, freedom: int) -> float:
    """What the model surely leaves beside noise, over the response (rms, each part weighed by how
    well it is measured); 0: it may all be noise. Refuses much of it."""
    if model.chi2 < freedom + SURE_SIGMA * (2.0 * freedom) ** 0.5:
        return 0.0
    response2 = float(target.value @ target.value) - model.chi2
    left = sqrt((model.chi2 - freedom) / max(response2, 1.0))
    if left > MOST_MISFIT:
        raise IdentificationError(
            f"the fit leaves more than noise: chi2 per degree of freedom is "
            f"{model.chi2 / freedom:.1f}, and {left:.1%} of the impulse response is not that of "
            "one resonance behind whole scans of delay: look for a second resonance, a filter, or "
            "a delay of part of a scan"
        )
    return left


def check_axes(matrix: Array) -> None:
    """Refuses axes that move the light along nearly one line."""
    lengths = np.linalg.norm(matrix, axis=0)
    sine = abs(float(np.linalg.det(matrix))) / float(lengths[0] * lengths[1])
    if sine < np.sin(LEAST_ANGLE_RAD):
        raise IdentificationError(
            f"the axes are not independent: the mirror's x and y move the light along lines "
            f"{np.degrees(np.arcsin(min(sine, 1.0))):.1f} degrees apart, and "
            f"{np.degrees(LEAST_ANGLE_RAD):.0f} are wanted: check the wiring of both channels"
        )


def check_sigma(matrix: Array, covariance: Array) -> None:
    """Refuses a matrix that is not known well enough."""
    gain = float(np.linalg.norm(matrix, axis=0).min())
    sigma = float(np.sqrt(np.diag(covariance)[:4].max())) / gain
    if sigma > MOST_SIGMA:
        raise IdentificationError(
            f"too noisy: the matrix is known to {sigma:.1%} of the gain (1 sigma), and "
            f"{MOST_SIGMA:.0%} are wanted: measure {(sigma / MOST_SIGMA) ** 2:.1f} times as long "
            "(--duration-s), or take a larger --amplitude-share"
        )


def _stands_out(response: Array, covariance: Array) -> bool:
    """Whether it is more than noise."""
    n = len(response)
    chi2 = float(response @ np.linalg.solve(covariance, response))
    return chi2 > n + SURE_SIGMA * sqrt(2.0 * n)
