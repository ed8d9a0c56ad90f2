"""From scans of the position detector to angles, and whether the light allows any."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import erfinv

from terminal.control.identification.refusal import IdentificationError

Array = NDArray[np.float64]

ADC_END = 32767
EDGE_SHARE = 0.9
"""Difference of two halves over their sum from where on a quad cell tells a direction only."""
_MOST_SPOILT = 0.01
_LEAST_SEEN = 0.5
_MOST_REPEATED = 0.9
_SLOPE = 2.0 * (2.0 / np.pi) ** 0.5


class Detector(NamedTuple):
    """What a scan means."""

    spot_rad: float
    """1/e^2 half angle of the spot."""
    min_sum_counts: int
    linear: bool
    """A lateral-effect detector with the slope that a quad cell has in its middle."""
    background_counts: float
    """Sum of the four channels without the light. It is taken off their sum, as in flight: left in,
    it would lower the gain by its share."""

    def light_counts(self, whole: Array) -> Array:
        """(n,) what the channels (n, 4) show of the light."""
        return np.asarray(whole.sum(axis=1) - self.background_counts)


class Scans(NamedTuple):
    """What was measured, scan by scan."""

    counts: NDArray[np.int64]
    """(n, 4), quadrants a, b, c, d: upper right, upper left, lower left, lower right."""
    seen: NDArray[np.bool_]
    """(n,) False: the scan was lost."""
    command_counts: NDArray[np.int64]
    """(n, 2), in force from right after each scan."""


def angles(scans: Scans, detector: Detector, moving_from: int) -> Array:
    """(n, 2) rad, x right and y up: where the light stands; NaN where there is no scan.

    moving_from: scan from which on the mirror is moved.

    Raises:
        IdentificationError: too many scans lost, too little light, a detector that is saturated or
            stuck, or light off its middle.
    """
    if scans.seen.mean() < _LEAST_SEEN:
        raise IdentificationError(
            f"{1.0 - scans.seen.mean():.0%} of the scans are lost: check the detector's rate and "
            "what else this machine does"
        )
    whole = scans.counts[scans.seen].astype(np.float64)
    light = detector.light_counts(whole)
    dark = light < detector.min_sum_counts
    if dark.mean() > _MOST_SPOILT:
        raise IdentificationError(
            f"too little light: {np.median(light):.0f} counts in the median over the background of "
            f"{detector.background_counts:.0f}, {dark.mean():.0%} of the scans under "
            f"fine.min_sum_counts {detector.min_sum_counts}: more light, or put it on the detector"
        )
    saturated = (np.abs(whole) >= ADC_END).any(axis=1)
    if saturated.mean() > _MOST_SPOILT:
        raise IdentificationError(
            f"the detector is saturated: {saturated.mean():.0%} of the scans have a channel at "
            f"{ADC_END} counts: less light, or less gain"
        )
    moved = scans.counts[moving_from:][scans.seen[moving_from:]]
    repeated = (np.diff(moved, axis=0) == 0).all(axis=1)
    if len(repeated) and repeated.mean() > _MOST_REPEATED:
        raise IdentificationError(
            f"the detector is stuck: {repeated.mean():.0%} of its scans repeat the last, though"
            " the mirror is moved: check its trigger and buffer, or the mirror's amplifier"
        )
    a, b, c, d = whole.T
    share = (
        np.stack([a + d - b - c, a + b - c - d], axis=1) / np.where(dark, np.nan, light)[:, None]
    )
    outside = (np.abs(share) > EDGE_SHARE).any(axis=1)
    if outside.mean() > _MOST_SPOILT:
        raise IdentificationError(
            f"the light leaves the detector's middle in {outside.mean():.0%} of the scans: centre "
            "the spot, or use a smaller --amplitude-share"
        )
    share[outside | saturated] = np.nan
    spots = share / _SLOPE if detector.linear else erfinv(share) / 2.0**0.5
    angle = np.full((len(scans.seen), 2), np.nan)
    angle[scans.seen] = detector.spot_rad * spots
    return angle
