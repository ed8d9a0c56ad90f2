"""Line-of-sight jitter that a stabilised gimbal leaves: exact samples of a spectrum, and bound.

Each spectrum is a sum of white-noise-driven linear modes, so that its sampled form is exact and
the least error that any controller can reach follows from a Riccati equation of the true model.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import block_diag, expm, solve_discrete_are
from scipy.signal import lfilter

from sim_devices.spectra import DISTURBANCES, Mode

Array = NDArray[np.float64]


SPECTRA: dict[str, tuple[Mode, ...]] = {name: d.modes for name, d in DISTURBANCES.items()}


class SampledModel(NamedTuple):
    """x[k+1] = a x[k] + w, cov w = q, angle = c x; stationary covariance p."""

    a: Array
    q: Array
    c: Array
    p: Array


def sampled(spectrum: str, rate_hz: float, rotor_speed: float = 1.0) -> SampledModel:
    """The spectrum's exact discrete model at a rate, one axis.

    rotor_speed: relative to the one for which the spectrum is given.
    """
    blocks_a, blocks_c, blocks_p = [], [], []
    for mode in SPECTRA[spectrum]:
        w = 2.0 * math.pi * mode.corner_hz * (rotor_speed if mode.of_rotor else 1.0)
        if mode.damping == 0.0:
            a = np.array([[-w]])
            p = np.array([[mode.rms_rad**2]])
        else:
            a = np.array([[0.0, 1.0], [-w * w, -2.0 * mode.damping * w]])
            # Stationary: position and velocity uncorrelated, velocity variance w^2 times its own.
            p = np.diag([mode.rms_rad**2, (w * mode.rms_rad) ** 2])
        blocks_a.append(expm(a / rate_hz))
        blocks_p.append(p)
        blocks_c.append(np.array([1.0] + [0.0] * (len(a) - 1)))
    a_d, p_all = block_diag(*blocks_a), block_diag(*blocks_p)
    return SampledModel(a_d, p_all - a_d @ p_all @ a_d.T, np.concatenate(blocks_c), p_all)


def residual_bound_rad(model: SampledModel, delay_samples: int, noise_rad: float) -> float:
    """Least rms of angle[k] - u[k - delay] for a u chosen from noisy readings up to its own tick.

    The minimum-variance command is the prediction `delay` samples ahead by the Kalman filter of
    the true model, so the bound is that prediction's error.
    """
    scale = math.sqrt(float(model.c @ model.p @ model.c))
    a, c = model.a, model.c[None, :]
    # Without any noise the equation is singular: a millionth of the jitter's rms stands for none.
    q, r = model.q / scale**2, np.array([[max(noise_rad / scale, 1e-6) ** 2]])
    predicted = solve_discrete_are(a.T, c.T, q, r)
    gain = predicted @ c.T / (c @ predicted @ c.T + r)
    error = predicted - gain @ c @ predicted
    for _ in range(delay_samples):
        error = a @ error @ a.T + q
    return scale * math.sqrt((c @ error @ c.T).item())


def spectrum_bound_rad(
    spectrum: str, rate_hz: float, delay_samples: int, noise_rad: float
) -> float:
    """`residual_bound_rad` of a spectrum by name, rms over the speeds of its rotor.

    The controller that it stands for knows each speed, and when it changes. What comes from
    events is left out: they are independent of the rest, so that no controller does better with
    them than without.
    """
    rotor = DISTURBANCES[spectrum].rotor
    bounds = [
        residual_bound_rad(sampled(spectrum, rate_hz, speed), delay_samples, noise_rad)
        for speed in (rotor.speeds if rotor else (1.0,))
    ]
    return math.sqrt(sum(bound * bound for bound in bounds) / len(bounds))


class _Modal(NamedTuple):
    """A sampled model in the coordinates in which its modes do not mix, (m,) and (m, m)."""

    poles: Array
    out: Array
    into: Array
    from_state: Array
    to_state: Array


def _modal(model: SampledModel) -> _Modal:
    poles, v = np.linalg.eig(model.a)
    inverse = np.linalg.inv(v)
    # Cholesky of a covariance that is singular to rounding for fast sampling: by eigenvectors.
    values, vectors = np.linalg.eigh(model.q)
    into = inverse @ (vectors * np.sqrt(np.clip(values, 0.0, None)))
    return _Modal(poles, model.c @ v, into, inverse, v)


class JitterSource:
    """Endless exact samples of one axis, in blocks."""

    def __init__(self, model: SampledModel, rng: np.random.Generator) -> None:
        self._rng = rng
        self._modal = _modal(model)
        start = np.sqrt(np.diag(model.p)) * rng.normal(size=len(model.a))
        self._state = self._modal.from_state @ start

    def change(self, model: SampledModel) -> None:
        """Another model with the same states from the next sample on: angles and rates go on."""
        state = self._modal.to_state @ self._state
        self._modal = _modal(model)
        self._state = self._modal.from_state @ state

    def take(self, n: int) -> Array:
        """(n,) rad, the next samples."""
        modal = self._modal
        drive = modal.into @ self._rng.normal(size=(len(modal.poles), n))
        total = np.zeros(n, complex)
        for i, pole in enumerate(modal.poles):
            z, final = lfilter([1.0], [1.0, -pole], drive[i], zi=[pole * self._state[i]])
            total += modal.out[i] * z
            self._state[i] = final[0] / pole if pole != 0 else 0.0
        return np.asarray(total.real)
