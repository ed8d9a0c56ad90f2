"""The width of a sent beam that brings most light, and so most key, to the receiver.

The counts of a pass are added up before they become a key, so of the errors' distribution only the
mean transmittance counts, and the key grows with it: more light in a slot adds right bits and
leaves the wrong ones of background and dark counts as they are. How the light fades about its mean
(Farid-Hranilovic) is of no effect on the choice, and neither is the background.

For a small aperture far away the mean goes as exp(-2 b^2 / W^2) / W^2, W^2 = w^2 + 4 sigma^2, with
w the beam's half angle, sigma its jitter per axis and b the standing offset of its mean; that is
greatest at W^2 = 2 b^2. So w^2 = 2 b^2 - 4 sigma^2: jitter about a true aim never asks for a wider
beam, a standing offset does.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from terminal.optics.beam import beam_radius_m, mean_offset_fraction

Array = NDArray[np.float64]

STEP = 1.04
"""Between neighbouring widths to choose from. At the best one a step off costs under 0.1 %."""


class Sent(NamedTuple):
    """What does not change during a pass."""

    wavelength_m: float
    aperture_m: float
    """Of the receiver."""
    narrowest_rad: float
    """Limits of the 1/e^2 full angle."""
    widest_rad: float


def widths_rad(sent: Sent) -> Array:
    """(n,) 1/e^2 full angles to choose from, rising, evenly apart on a logarithmic scale."""
    n = 1 + math.ceil(math.log(sent.widest_rad / sent.narrowest_rad) / math.log(STEP))
    return np.geomspace(sent.narrowest_rad, sent.widest_rad, max(n, 2))


def mean_share(
    sent: Sent,
    full_divergence_rad: ArrayLike,
    range_m: ArrayLike,
    jitter_rad: ArrayLike,
    offset_rad: ArrayLike = 0.0,
) -> Array:
    """Mean share of the sent light in the receiver's aperture; broadcast shape, near field too."""
    radius_m = beam_radius_m(range_m, full_divergence_rad, sent.wavelength_m)
    return mean_offset_fraction(sent.aperture_m, radius_m, range_m, jitter_rad, offset_rad)


def fading_squared(
    full_divergence_rad: ArrayLike, jitter_rad: ArrayLike, offset_rad: ArrayLike
) -> Array:
    """Relative variance of the light about its mean share, from one independent error to the next.

    The square of a Gaussian beam's light is that of a beam narrower by sqrt 2, so both moments are
    closed; without offset this is 1 / (g (g + 2)), g = w^2 / (4 sigma^2), as of the power law of
    Farid and Hranilovic. At most 1e6.
    """
    w2 = (np.asarray(full_divergence_rad, dtype=np.float64) / 2) ** 2
    v2 = 4 * np.asarray(jitter_rad, dtype=np.float64) ** 2
    b2 = 2 * np.asarray(offset_rad, dtype=np.float64) ** 2
    log_mean = np.log(w2 / (w2 + v2)) - b2 / (w2 + v2)
    log_square = np.log(w2 / (w2 + 2 * v2)) - 2 * b2 / (w2 + 2 * v2)
    return np.asarray(np.expm1(np.minimum(log_square - 2 * log_mean, 13.8)))


def best_rad(sent: Sent, range_m: float, jitter_rad: float, offset_rad: float = 0.0) -> float:
    """1/e^2 full angle, of those to choose from, with the greatest mean share."""
    widths = widths_rad(sent)
    return float(widths[np.argmax(mean_share(sent, widths, range_m, jitter_rad, offset_rad))])
