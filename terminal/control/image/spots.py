"""Spots that the optics can have made of a point of light, told by their shape alone.

Hot pixels are too small, glints too large or too long. Stars pass: only their motion or the
beacon's modulation tells them apart.
"""

from terminal.control.image.centroid import Spot

SMALLEST = 0.35
"""Least width over that of the point spread. A faint spot of which only the summit stands out
still shows 0.6; the two pixels of a hot pair show their noise only."""

LARGEST = 1.7
"""Most length over that of the point spread: moments of a faint spot are off by 0.2, smear within
one exposure adds another 0.2, the pixel 0.03."""

LARGEST_SATURATED = 3.0
"""The same for a clipped spot: a Gaussian 10,000 times over full scale lights a disc of radius
5.5 sigma at a background noise of 1 % of full scale, whose standard deviation is half that."""

MOST_ELONGATED = 1.8
"""Most length over width."""


def has_beacon_shape(spot: Spot, psf_sigma_pixels: float) -> bool:
    """Whether a point of light may look like this.

    Args:
        psf_sigma_pixels: standard deviation of the optics' point spread.
    """
    largest = LARGEST_SATURATED if spot.saturated else LARGEST
    return (
        spot.minor_pixels > SMALLEST * psf_sigma_pixels
        and spot.major_pixels < largest * psf_sigma_pixels
        and spot.major_pixels < MOST_ELONGATED * spot.minor_pixels
    )
