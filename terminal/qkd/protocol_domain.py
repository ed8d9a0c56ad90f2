"""What a sender may choose, as points of a cube in which the key is a smooth, rounded hill."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from terminal.qkd.finite_key import MOST_INTENSITY

Array = NDArray[np.float64]
Range = tuple[float, float]

LEAST = 1e-6
"""Of any probability, and of any intensity but the vacuum's, where its range begins at 0."""

_APART = 1e-9
"""Relative distance kept from mu1 = mu2 + mu3 and from mu2 = mu3, where the bounds divide by 0."""


class Protocol(NamedTuple):
    """Choices of the sender, for many sets at once."""

    intensities: Array
    """(..., 3): mu1 > mu2 + mu3, mu2 > mu3 >= 0."""
    probabilities: Array
    """(..., 3): of the intensities; sum 1."""
    basis_x_probability: Array
    """(...): of both ends."""


class Domain(NamedTuple):
    """Ranges, ends included; both ends the same: not free."""

    intensities: tuple[Range, Range, Range]
    probabilities: tuple[Range, Range]
    """Of signal and decoy; the vacuum has what they leave."""
    basis_x_probability: Range

    @property
    def ranges(self) -> tuple[Range, ...]:
        """In the order of the cube's axes: mu3, mu1, mu2, p1, p2, p_X."""
        mu1, mu2, mu3 = self.intensities
        return (mu3, mu1, mu2, *self.probabilities, self.basis_x_probability)

    @property
    def free(self) -> tuple[int, ...]:
        """The axes along which there is anything to choose."""
        return tuple(i for i, (low, high) in enumerate(self.ranges) if high > low)


def check_domain(domain: Domain) -> None:
    """Raises ValueError naming the field: no range, or ranges that leave nothing to choose from."""
    for k, values in enumerate(domain.intensities):
        _check_range(f"intensities[{k}]", values, MOST_INTENSITY)
    for k, values in enumerate(domain.probabilities):
        name = f"intensity_probabilities[{k}]"
        _check_range(name, values, 1.0)
        if values[1] < LEAST:
            raise ValueError(f"{name}: must reach {LEAST:g}")
    _check_range("basis_x_probability", domain.basis_x_probability, 1.0)
    (_, high1), (low2, high2), (low3, _) = domain.intensities
    low2 = max(low2, LEAST)
    apart = 1.0 + 5.0 * _APART
    if high2 < max(low2, low3 * apart):
        raise ValueError("intensities[1]: none is over the least of intensities[2]")
    if high1 < (max(low2, low3) + low3) * apart:
        raise ValueError("intensities[0]: none is over the least sum of the other two")
    if sum(max(low, LEAST) for low, _ in domain.probabilities) > 1.0 - LEAST:
        raise ValueError("intensity_probabilities: their least leave nothing for the vacuum")
    low, high = domain.basis_x_probability
    if high < LEAST or low > 1.0 - LEAST:
        raise ValueError("basis_x_probability: leaves one basis empty")


def _check_range(name: str, values: Range, most: float) -> None:
    low, high = values
    if not 0.0 <= low <= high <= most:
        raise ValueError(f"{name}: need 0 <= least <= most <= {most:g}, got {low:g} and {high:g}")


def protocol_at(place: Array, domain: Domain) -> Protocol:
    """What the points (..., axes that are free) of the unit cube stand for.

    Intensities run on a scale of logarithms, probabilities on one of log odds: the best lie near
    the ends, and there the key changes with ratios. Each range gives way to those before it, so
    that every point of the cube is a protocol.
    """
    axes = [np.zeros(place.shape[:-1])] * len(domain.ranges)
    for k, axis in enumerate(domain.free):
        axes[axis] = place[..., k]
    (low1, high1), (low2, high2), (low3, high3) = domain.intensities
    low2 = max(low2, LEAST)
    high3 = min(high3, (1.0 - 3.0 * _APART) * min(high2, 0.5 * high1, high1 - low2))
    mu3 = low3 + axes[0] * max(high3 - low3, 0.0)
    over3 = np.maximum(low2, mu3 * (1.0 + _APART))
    mu1 = _log_scale(axes[1], np.maximum(low1, (over3 + mu3) * (1.0 + _APART)), high1)
    mu2 = _log_scale(axes[2], over3, np.minimum(high2, (mu1 - mu3) * (1.0 - 0.5 * _APART)))
    odds1, odds2 = domain.probabilities
    least_p2 = max(odds2[0], LEAST)
    p1 = _odds_scale(axes[3], max(odds1[0], LEAST), min(odds1[1], 1.0 - least_p2 - LEAST))
    rest = 1.0 - p1
    share = _odds_scale(axes[4], least_p2 / rest, np.minimum(odds2[1], rest - LEAST) / rest)
    p2 = share * rest
    low, high = domain.basis_x_probability
    p_x = _odds_scale(axes[5], max(low, LEAST), min(high, 1.0 - LEAST))
    return Protocol(
        np.stack(np.broadcast_arrays(mu1, mu2, mu3), axis=-1),
        np.stack(np.broadcast_arrays(p1, p2, rest - p2), axis=-1),
        np.asarray(p_x),
    )


def _log_scale(axis: Array, low: Array | float, high: Array | float) -> Array:
    low = np.minimum(low, high)
    value: Array = low * (np.asarray(high) / low) ** axis
    return value


def _odds_scale(axis: Array, low: Array | float, high: Array | float) -> Array:
    start, end = _log_odds(np.minimum(low, high)), _log_odds(high)
    inside = 1.0 / (1.0 + np.exp(-(start + axis * (end - start))))
    value: Array = np.clip(inside, low, high)
    return value


def _log_odds(p: Array | float) -> Array:
    odds: Array = np.log(p) - np.log1p(-np.minimum(p, 1.0 - 0.1 * LEAST))
    return odds
