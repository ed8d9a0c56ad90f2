"""The impulse response from commands to the light's motion, by generalised least squares.

What else moves the light (disturbance, drift, noise) is taken for autoregressive. Its filter is
found from what a first fit leaves, and commands and readings pass through it before the second, so
that the rest is white and the covariance honest (Ljung, System Identification, 2nd ed., sections
7.3 and 10.2; Cochrane and Orcutt, J. Am. Stat. Assoc. 44, 1949, 32).
"""

from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy.signal import lfilter

from terminal.control.identification.refusal import IdentificationError

Array = NDArray[np.float64]

ORDER = 64
"""Past scans in the filter that whitens: 13 ms at 5 kHz."""
_ROUNDS = 2
_ROWS_EACH = 4
"""Scans wanted for each number to be found."""


class Whitener(NamedTuple):
    """From a disturbance to what its past does not foretell: n[k] - sum a[i] n[k-1-i] - level."""

    a: Array
    level_rad: float

    def reading(self, n_rad: Array) -> Array:
        """(n,) rad; NaN where a scan or one of those before it is missing."""
        return n_rad - _before(n_rad, len(self.a), np.nan) @ self.a - self.level_rad

    def command(self, u: Array) -> Array:
        """(n, ...) the same of something that was 0 before."""
        return np.asarray(lfilter(np.concatenate([[1.0], -self.a]), [1.0], u, axis=0))


class Impulse(NamedTuple):
    """The measured response."""

    response: Array
    """(2, 2, lags) detector axis, mirror axis, lag from 1 on: detector rad per commanded rad."""
    covariance: Array
    """Of its elements in C order, square."""
    whiteners: tuple[Whitener, Whitener]
    """Of the detector's axes."""
    residual_rad: tuple[float, float]
    """Rms of what is left, white."""
    rows: int
    """Scans used."""


def measured_impulse(command_rad: Array, motion_rad: Array, lags: int) -> Impulse:
    """command_rad: (n, 2), in force from right after each scan, nothing before. motion_rad: (n, 2)
    of the mirror as the detector shows it, disturbance added; NaN: no scan.

    Raises:
        IdentificationError: too few scans in a row.
    """
    axes = [_Axis.of(command_rad, motion_rad[:, i], lags) for i in range(2)]
    x, y = axes
    both = np.isfinite(x.left) & np.isfinite(y.left)
    shared = float(np.mean(x.left[both] * y.left[both]))
    across = x.covariance @ (x.design[both].T @ y.design[both]) @ y.covariance
    across *= shared / (x.variance * y.variance)
    return Impulse(
        np.stack([axis.response.reshape(2, lags) for axis in axes]),
        np.block([[x.covariance, across], [across.T, y.covariance]]),
        (x.whitener, y.whitener),
        (x.variance**0.5, y.variance**0.5),
        int(both.sum()),
    )


class _Axis(NamedTuple):
    """The fit to one axis of the detector."""

    response: Array
    covariance: Array
    variance: float
    whitener: Whitener
    design: Array
    left: Array
    """(n,) NaN: not used."""

    @classmethod
    def of(cls, command_rad: Array, motion_rad: Array, lags: int) -> "_Axis":
        design = _design(command_rad, lags)
        # From scan to scan, which takes drift and slow disturbance out of the first fit.
        response, _ = _solved(
            np.diff(design, axis=0, prepend=0.0), np.diff(motion_rad, prepend=np.nan)
        )
        for _ in range(_ROUNDS):
            whitener = _whitener(motion_rad - design @ response)
            white = _design(whitener.command(command_rad), lags)
            reading = whitener.reading(motion_rad)
            response, inverse = _solved(white, reading)
        left = reading - white @ response
        found = 2 * lags + len(whitener.a) + 1
        variance = float(np.nansum(left**2) / (np.isfinite(left).sum() - found))
        return cls(response, variance * inverse, variance, whitener, white, left)


def _before(values: Array, count: int, start: float) -> Array:
    """(n, count): the values 1, 2, ... places before each."""
    padded = np.concatenate([np.full(count, start), values[:-1]])
    return sliding_window_view(padded, count)[:, ::-1]


def _design(command: Array, lags: int) -> Array:
    """(n, 2 lags): past commands of x, then of y."""
    return np.concatenate([_before(command[:, i], lags, 0.0) for i in range(2)], axis=1)


def _solved(design: Array, values: Array) -> tuple[Array, Array]:
    """Least squares over rows with a value, and the inverse of the normal matrix.

    Raises IdentificationError where there are too few.
    """
    rows = np.isfinite(values)
    if rows.sum() < _ROWS_EACH * design.shape[1]:
        raise IdentificationError(
            f"{rows.sum()} scans with all of their past are too few for {design.shape[1]} numbers: "
            "measure longer, or see why scans are lost"
        )
    used = design[rows]
    try:
        inverse = np.linalg.inv(used.T @ used)
    except np.linalg.LinAlgError as error:
        raise IdentificationError("the mirror was not moved along both axes") from error
    return inverse @ (used.T @ values[rows]), np.asarray(inverse, np.float64)


def _whitener(noise_rad: Array) -> Whitener:
    past = np.concatenate([_before(noise_rad, ORDER, np.nan), np.ones((len(noise_rad), 1))], axis=1)
    whole = np.isfinite(past).all(axis=1)
    # Angles in units of their size, so that the constant is no smaller than the rest.
    scale = float(np.nanstd(noise_rad)) or 1.0
    past[:, :-1] /= scale
    weights, _ = _solved(past, np.where(whole, noise_rad / scale, np.nan))
    return Whitener(weights[:-1], float(weights[-1]) * scale)
