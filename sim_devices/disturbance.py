"""Line-of-sight jitter that a stabilised gimbal leaves: spectra by name, exact samples, and bound.

Each spectrum is a sum of white-noise-driven linear modes, so that its sampled form is exact and
the least error that any controller can reach follows from a Riccati equation of the true model.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import block_diag, expm, solve_discrete_are
from scipy.signal import lfilter

Array = NDArray[np.float64]


class Mode(NamedTuple):
    """Contribution of `rms_rad`: first order (corner_hz) where damping is 0, else second order."""

    rms_rad: float
    corner_hz: float
    damping: float = 0.0


LINE_DAMPING = 1e-3
"""A rotor line as a resonance this narrow: its phase wanders within about a second."""

SPECTRA: dict[str, tuple[Mode, ...]] = {
    # ESA/SILEX: 160 / (1 + (f / 1 Hz)^2) urad^2/Hz one-sided = variance 80 pi urad^2, corner 1 Hz.
    "esa_silex": (Mode(math.sqrt(80.0 * math.pi) * 1e-6, 1.0),),
    # What a drone's gimbal leaves (assumed): sway, structure, rotor lines at 90 Hz and twice that.
    "drone": (
        Mode(200e-6, 3.0, 0.7),
        Mode(50e-6, 12.0, 0.7),
        Mode(10e-6, 90.0, LINE_DAMPING),
        Mode(10e-6, 180.0, LINE_DAMPING),
    ),
}


class SampledModel(NamedTuple):
    """x[k+1] = a x[k] + w, cov w = q, angle = c x; stationary covariance p."""

    a: Array
    q: Array
    c: Array
    p: Array


def sampled(spectrum: str, rate_hz: float) -> SampledModel:
    """The spectrum's exact discrete model at a rate, one axis."""
    blocks_a, blocks_c, blocks_p = [], [], []
    for mode in SPECTRA[spectrum]:
        w = 2.0 * math.pi * mode.corner_hz
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
    q, r = model.q / scale**2, np.array([[(noise_rad / scale) ** 2]])
    predicted = solve_discrete_are(a.T, c.T, q, r)
    gain = predicted @ c.T / (c @ predicted @ c.T + r)
    error = predicted - gain @ c @ predicted
    for _ in range(delay_samples):
        error = a @ error @ a.T + q
    return scale * math.sqrt((c @ error @ c.T).item())


class JitterSource:
    """Endless exact samples of one axis, in blocks."""

    def __init__(self, model: SampledModel, rng: np.random.Generator) -> None:
        self._rng = rng
        eigenvalues, v = np.linalg.eig(model.a)
        self._poles = eigenvalues
        inverse = np.linalg.inv(v)
        self._out = model.c @ v
        # Cholesky of a covariance that is singular to rounding for fast sampling: by eigenvectors.
        values, vectors = np.linalg.eigh(model.q)
        self._into = inverse @ (vectors * np.sqrt(np.clip(values, 0.0, None)))
        self._state = inverse @ (np.sqrt(np.diag(model.p)) * rng.normal(size=len(model.a)))

    def take(self, n: int) -> Array:
        """(n,) rad, the next samples."""
        drive = self._into @ self._rng.normal(size=(len(self._poles), n))
        total = np.zeros(n, complex)
        for i, pole in enumerate(self._poles):
            z, final = lfilter([1.0], [1.0, -pole], drive[i], zi=[pole * self._state[i]])
            total += self._out[i] * z
            self._state[i] = final[0] / pole if pole != 0 else 0.0
        return np.asarray(total.real)
