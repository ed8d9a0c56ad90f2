"""The mirror model that fits a measured impulse response, and how well it is known.

Model: a 2 x 2 matrix times one pulse response: a second-order resonance under a held command
(zero-order hold, as in `terminal.control.mirror_response`) behind whole scans of delay. For each
delay and resonance the matrix follows by linear least squares (variable projection: Golub and
Pereyra, SIAM J. Numer. Anal. 10, 1973, 413); the resonance is found from a grid on.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular
from scipy.optimize import least_squares

from config.terminal import MOST_MIRROR_DELAY
from terminal.control.identification.impulse import Impulse

Array = NDArray[np.float64]

FAST = 2.0, 1.0
"""Resonance over the scan rate, and damping, of a mirror that is there within a scan."""
_GRID = tuple(
    (resonance, damping)
    for resonance in np.geomspace(0.01, 1.2, 48).tolist()
    for damping in (0.02, 0.07, 0.25, 0.7, 1.5)
)
_STARTS, _STARTS_A_DELAY, _APART = 12, 3, np.log(1.3)
"""Places on the grid from which the fit is refined, and how far apart two of one delay are in the
logarithm of the resonance: of a weakly damped one, neighbours may lie in different valleys."""
_LEAST, _MOST = (np.log(1e-3), np.log(3e-3)), (np.log(4.0), np.log(9.0))
"""Logarithms of resonance over rate, and of damping."""
_STEP = 1e-5
"""Of these logarithms, for derivatives."""


class Model(NamedTuple):
    """A fitted response; frequencies in units of the scan rate."""

    matrix: Array
    """Detector by mirror axes."""
    resonance: float
    damping: float
    delay: int
    chi2: float
    covariance: Array
    """Of the elements of the matrix in C order, resonance, damping."""


class Target:
    """A measured response, whitened by its covariance."""

    def __init__(self, response: Array, covariance: Array) -> None:
        """response: (detector axes, mirror axes, lags). covariance: of its elements in C order."""
        self.detectors, self.mirrors, self.lags = response.shape
        root = np.linalg.cholesky(covariance)
        self._white = np.asarray(solve_triangular(root, np.eye(len(root)), lower=True))
        self.value = self._white @ response.ravel()
        self._blocks = self._white.reshape(len(root), -1, self.lags)

    def columns(self, pulse: Array) -> Array:
        """Whitened response to each element of the matrix, (elements of the response, matrix)."""
        return np.asarray(self._blocks @ pulse)

    def projected(self, pulse: Array) -> tuple[Array, Array]:
        """(matrix elements that fit best, what is left)."""
        columns = self.columns(pulse)
        solved = np.linalg.lstsq(columns, self.value, rcond=None)[0]
        elements = np.asarray(solved, np.float64)
        return elements, self.value - columns @ elements

    def chi2(self, pulses: Array) -> Array:
        """(k,) of many pulses (k, lags), each with the matrix that fits it best."""
        n = self.detectors * self.mirrors
        inverse = (self._white.T @ self._white).reshape(n, self.lags, n, self.lags)
        normal = np.empty((len(pulses), n, n))
        for a in range(n):
            for b in range(a, n):
                normal[:, a, b] = np.sum((pulses @ inverse[a, :, b]) * pulses, axis=1)
                normal[:, b, a] = normal[:, a, b]
        right = pulses @ (self._white.T @ self.value).reshape(n, self.lags).T
        explained = np.sum(np.linalg.solve(normal, right[:, :, None])[:, :, 0] * right, axis=1)
        return np.asarray(self.value @ self.value - explained)


def pulse_response(resonance: float, damping: float, delay: int, lags: int) -> Array:
    """(lags,) at lags 1, 2, ...: place of a mirror after a command of 1 that lasts one scan.

    resonance: over the scan rate.
    """
    after = np.maximum(np.arange(lags + 1) - (delay - 1), 0)
    w = 2.0 * np.pi * resonance
    # Two poles that coincide are moved apart by what no double can tell.
    square = complex(damping * damping - 1.0) or 1e-12
    half = w * np.sqrt(square)
    p, q = -damping * w + half, -damping * w - half
    step = 1.0 - ((p * np.exp(q * after) - q * np.exp(p * after)) / (p - q)).real
    return np.asarray(np.diff(step))


def fit_at(target: Target, delay: int, resonance: float, damping: float) -> tuple[float, Array]:
    """The best resonance and damping from a start on: (chi2, their logarithms)."""

    def left(logs: Array) -> Array:
        resonance, damping = np.exp(logs)
        return target.projected(pulse_response(resonance, damping, delay, target.lags))[1]

    start = np.log([resonance, damping])
    found = least_squares(left, start, bounds=(_LEAST, _MOST), xtol=1e-9, ftol=1e-9, gtol=1e-9)
    return 2.0 * float(found.cost), np.asarray(found.x)


def best_by_delay(target: Target) -> list[tuple[float, Array]]:
    """For delays from 1 on: the least chi2, and logarithms of resonance and damping there."""
    delays = range(1, MOST_MIRROR_DELAY + 1)
    at_once = np.stack([pulse_response(*place, 1, target.lags) for place in _GRID])
    later = [np.pad(at_once, ((0, 0), (d - 1, 0)))[:, : target.lags] for d in delays]
    chi2 = target.chi2(np.concatenate(later)).reshape(len(delays), len(_GRID))
    places = chi2.argmin(axis=1)
    found = [(float(row[i]), np.log(_GRID[i])) for row, i in zip(chi2, places, strict=True)]
    refined = set()
    for delay, place in _starts(chi2):
        refined.add(delay)
        found[delay - 1] = min(found[delay - 1], fit_at(target, delay, *place), key=_chi2)
    # What is near in delay is near in resonance too.
    while True:
        best = int(np.argmin([each[0] for each in found])) + 1
        near = {best - 1, best + 1} & set(delays) - refined
        if not near:
            return found
        refined |= near
        resonance, damping = np.exp(found[best - 1][1]).tolist()
        for delay in near:
            fitted = fit_at(target, delay, resonance, damping)
            found[delay - 1] = min(found[delay - 1], fitted, key=_chi2)


def _starts(chi2: Array) -> list[tuple[int, tuple[float, float]]]:
    """The best places of the grid (delay, then resonance and damping), apart from each other."""
    chosen: list[tuple[int, tuple[float, float]]] = []
    for flat in np.argsort(chi2, axis=None):
        delay, place = int(flat) // len(_GRID) + 1, _GRID[int(flat) % len(_GRID)]
        same = [other for at, other in chosen if at == delay]
        apart = all(abs(np.log(place[0] / other[0])) > _APART for other in same)
        if apart and len(same) < _STARTS_A_DELAY:
            chosen.append((delay, place))
            if len(chosen) == _STARTS:
                break
    return chosen


def _chi2(fitted: tuple[float, Array]) -> float:
    return fitted[0]


def with_covariance(target: Target, delay: int, logs: Array) -> Model:
    """The model at a delay, and resonance and damping that fit best."""
    resonance, damping = np.exp(logs).tolist()
    elements, left = target.projected(pulse_response(resonance, damping, delay, target.lags))

    def columns(at: Array) -> Array:
        resonance, damping = np.exp(at).tolist()
        return target.columns(pulse_response(resonance, damping, delay, target.lags))

    slopes = [
        (columns(logs + step) - columns(logs - step)) @ elements / (2.0 * _STEP)
        for step in _STEP * np.eye(2)
    ]
    jacobian = np.column_stack([columns(logs), *slopes])
    covariance = np.linalg.pinv(jacobian.T @ jacobian, hermitian=True)
    units = np.concatenate([np.ones(len(elements)), [resonance, damping]])
    covariance *= units * units[:, None]
    matrix = elements.reshape(target.detectors, target.mirrors)
    return Model(matrix, resonance, damping, delay, float(left @ left), covariance)


def as_fast(target: Target, delay: int) -> Model:
    """The model of a mirror that is there within a scan; resonance and damping are set, and their
    sigma is as large as they are."""
    pulse = pulse_response(*FAST, delay, target.lags)
    elements, left = target.projected(pulse)
    columns = target.columns(pulse)
    covariance = np.diag([1.0, 1.0, 1.0, 1.0, FAST[0] ** 2, FAST[1] ** 2])
    covariance[:4, :4] = np.linalg.inv(columns.T @ columns)
    return Model(elements.reshape(2, 2), *FAST, delay, float(left @ left), covariance)


def axis_model(impulse: Impulse, model: Model, mirror: int) -> Model:
    """The same for one axis of the mirror alone, at the delay and from the resonance of both on."""
    lags = impulse.response.shape[2]
    elements = np.arange(impulse.response.size).reshape(2, 2, lags)[:, mirror].ravel()
    response = impulse.response[:, mirror : mirror + 1]
    target = Target(response, impulse.covariance[np.ix_(elements, elements)])
    _, logs = fit_at(target, model.delay, model.resonance, model.damping)
    return with_covariance(target, model.delay, logs)
