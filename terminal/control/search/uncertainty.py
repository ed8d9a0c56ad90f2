"""Field of uncertainty: where, in the image about the predicted direction, the partner may stand.

A two-dimensional normal distribution with its mean at the prediction. Image: x right, y up, rad on
the sky.
"""

import math
from typing import NamedTuple


class PrincipalAxes(NamedTuple):
    """1-sigma of the two independent directions, and where the wider one points."""

    major_rad: float
    minor_rad: float
    angle_rad: float
    """Of the major axis, from x toward y, in (-pi/2, pi/2]."""


class Uncertainty(NamedTuple):
    """Covariance of the partner's place in the image, rad^2."""

    xx: float
    xy: float
    yy: float

    def axes(self) -> PrincipalAxes:
        """Eigenvalues and eigenvector of the symmetric 2 x 2 matrix."""
        mean, half = 0.5 * (self.xx + self.yy), 0.5 * (self.xx - self.yy)
        spread = math.hypot(half, self.xy)
        major = mean + spread
        # The determinant over the larger eigenvalue: their difference would cancel.
        minor = max(self.xx * self.yy - self.xy * self.xy, 0.0) / major if major > 0.0 else 0.0
        angle = 0.5 * math.atan2(self.xy, half) if spread > 0.0 else 0.0
        return PrincipalAxes(math.sqrt(major), math.sqrt(minor), angle)


def predicted_uncertainty(
    sigma_rad: float, along_sigma_s: float, rate_x_rad_s: float, rate_y_rad_s: float
) -> Uncertainty:
    """sigma^2 I + along_sigma^2 rate rate^T.

    sigma_rad: per axis, of all that has no direction (attitude, mounting, across the path).
    along_sigma_s: of the time at which the partner passes a place of its path.
    rate_x_rad_s, rate_y_rad_s: of the line of sight in the image.
    """
    time2 = along_sigma_s * along_sigma_s
    return Uncertainty(
        sigma_rad * sigma_rad + time2 * rate_x_rad_s * rate_x_rad_s,
        time2 * rate_x_rad_s * rate_y_rad_s,
        sigma_rad * sigma_rad + time2 * rate_y_rad_s * rate_y_rad_s,
    )


def uncertainty_after_loss(
    before: Uncertainty,
    elapsed_s: float,
    tracking_sigma_rad: float,
    drift_rad_per_sqrt_s: float,
    rate_sigma_rad_s: float,
) -> Uncertainty:
    """Where a partner may stand that was tracked `elapsed_s` ago.

    The variance starts at the tracking error's, and grows as a random walk of the attitude and as
    an error of the predicted rate times time; along each principal axis of the uncertainty before
    the first sighting it ends there, since the prediction has not become worse.
    """
    drift = drift_rad_per_sqrt_s * math.sqrt(elapsed_s)
    sigma = math.hypot(tracking_sigma_rad, drift, rate_sigma_rad_s * elapsed_s)
    axes = before.axes()
    major, minor = min(axes.major_rad, sigma) ** 2, min(axes.minor_rad, sigma) ** 2
    c, s = math.cos(axes.angle_rad), math.sin(axes.angle_rad)
    return Uncertainty(
        major * c * c + minor * s * s, (major - minor) * c * s, major * s * s + minor * c * c
    )


def covering_sigmas(probability: float) -> float:
    """Radius, in sigmas, of the ellipse that holds this share: Rayleigh, sqrt(-2 ln(1 - P)).

    Raises ValueError outside [0, 1).
    """
    if not 0.0 <= probability < 1.0:
        raise ValueError(f"probability: {probability} is not in [0, 1)")
    return math.sqrt(-2.0 * math.log1p(-probability))
