"""Gains and error rates of each intensity and basis, from counts and the number of slots sent."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from config.mission import Source
from terminal.fields import NO_GAINS
from terminal.qkd.sifting import Tally

Array = NDArray[np.float64]
_MOST_SLOTS = 1e18


class Gains(NamedTuple):
    """(2, 3) each, by basis, X and Z, and intensity: signal, decoy, vacuum; NaN where unknown."""

    gain: Array
    """Probability that a pulse sent in this basis with this intensity makes a click that is sifted:
    seen in the same basis, one click a slot."""
    gain_sigma: Array
    error_rate: Array
    """Share of wrong bits among the disclosed."""
    error_rate_sigma: Array


NO_KNOWN_GAINS = Gains(*(NO_GAINS.reshape(2, 3) for _ in range(4)))


def gains(tally: Tally, key_slots: int, source: Source, disclosed_x_share: float) -> Gains:
    """Of the counts in so many key slots.

    Which slots were sent with what is known to the sender alone, but drawn at random with the
    agreed probabilities: sifted clicks n of N key slots are binomial in N, and n / (N p) is their
    gain. 1-sigma is the standard deviation of the Beta(n + 1, N - n + 1) posterior of a flat
    prior, so it is not 0 where nothing was counted, and of the error rate likewise.

    Where a tally has disclosed key-basis bits in one number, those kept stand for all of them, by
    the agreed `disclosed_x_share`; the error rates of X are then unknown. Raises ValueError for
    fewer key slots than sifted clicks.
    """
    if not tally.sifted <= key_slots <= _MOST_SLOTS:
        raise ValueError(f"key_slots: {key_slots}, for {tally.sifted} sifted clicks")
    by_intensity = len(tally.disclosed_x) == len(tally.x)
    x, z = np.array(tally.x, np.float64), np.array(tally.z, np.float64)
    if by_intensity:
        disclosed = np.array([tally.disclosed_x, tally.z], np.float64)
        wrong = np.array([tally.errors_disclosed_x, tally.z_errors], np.float64)
        counted, share = np.array([x + disclosed[0], z]), np.ones((2, 1))
    else:
        disclosed = np.array([np.zeros(3), z])
        wrong = np.array([np.zeros(3), tally.z_errors], np.float64)
        counted, share = np.array([x, z]), np.array([[1.0 - disclosed_x_share], [1.0]])
    p_x = source.basis_x_probability
    sent = np.outer([p_x, 1.0 - p_x], source.intensity_probabilities) * share
    rate, rate_sigma = _posterior(counted, np.full((2, 3), float(key_slots)))
    return Gains(rate / sent, rate_sigma / sent, *_posterior(wrong, disclosed))


def _posterior(successes: Array, trials: Array) -> tuple[Array, Array]:
    """Share of successes and its 1-sigma, NaN where there was no trial; arrays of one shape."""
    known = trials > 0
    n = np.where(known, trials, 1.0)
    mean = (successes + 1.0) / (n + 2.0)
    sigma = np.sqrt(mean * (1.0 - mean) / (n + 3.0))
    return np.where(known, successes / n, np.nan), np.where(known, sigma, np.nan)
