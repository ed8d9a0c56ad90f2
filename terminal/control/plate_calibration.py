"""Half-wave plate and analyser channels from a scan of plate angles with counts.

Light linear at t behind a plate with axis a and retardance G shows the channel at theta the
contrast L cos 2(t - theta) + (1 - L) cos(4a - 2t - 2 theta), L = cos^2(G / 2): Mueller's matrix of
a turned retarder, Goldstein, Polarized Light, 3rd ed. L, the share that the plate leaves unturned,
is fitted rather than the retardance, on which it depends to second order: linear light does not
show the error's sign.
A wedge makes the beam circle once a turn of the plate, so the flux goes with the first harmonic.
With one sent state L looks like a leak of the channels: orthogonal states tell them apart.
The channels' axes are taken to stand where they should, and so is the light sent: what all sent
axes are off together is half as much of the plate's zero, and no count shows it.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from terminal.control.frame_model import CHANNEL_AXES_RAD

Array = NDArray[np.float64]

MIN_CLICKS = 1000.0
WORST_FIT_SIGMA = 6.0
_IMPOSSIBLE_SIGMA = 5.0
_MOST_OFF = 0.5
"""Of wedge and scale, to either side: the most that a calibration file holds."""
_WORST_CONDITION = 1e6
_STEPS = 50
_NAMES = (
    *("plate zero", "unturned share", "wedge cosine", "wedge sine"),
    *("flux of H", "flux of V", "flux of D", "flux of A"),
    *("leak of H", "leak of V", "leak of D", "leak of A"),
    "plate scale",
)


class PlateCalibrationError(Exception):
    """A scan that shows no plate to fly by: says why, with figures, and what to do."""


class PlateScan(NamedTuple):
    """Counts of equally long exposures at constant flux."""

    plate_rad: Array
    """(n,) by the encoder, which goes round."""
    sent_rad: Array
    """(n,) angle of the linear light sent."""
    counts: Array
    """(n, 4) channels H V D A."""
    background: Array
    """(4,) expected among the counts of one exposure."""
    background_sigma: Array = np.zeros(4)
    """(4,) 1-sigma of that."""
    sent_sigma_rad: float = 0.0
    """1-sigma of what all sent angles are off together."""


class PlateCalibration(NamedTuple):
    """What the scan shows, in the order of the covariance."""

    zero_rad: float
    """Encoder angle at which the axis stands along H, in (-pi/4, pi/4]: it may be either axis."""
    unturned_share: float
    """cos^2 of half the retardance; below 0 by chance alone."""
    wedge_cosine: float
    wedge_sine: float
    """Of the flux: 1 + cosine cos a + sine sin a, a the encoder's angle."""
    flux: tuple[float, float, float, float]
    """Clicks an exposure of light along the channel's axis: relative efficiencies, splitter
    included."""
    leak: tuple[float, float, float, float]
    """One over the extinction ratio, H V D A."""
    scale: float
    """Degrees turned over degrees told, minus 1."""
    covariance: Array
    """(13, 13)"""
    chi2: float
    """Pearson's, expected to be `degrees_of_freedom`."""
    degrees_of_freedom: int

    @property
    def retardance_error_rad(self) -> float:
        """Magnitude of retardance minus pi."""
        return 2.0 * math.asin(math.sqrt(min(1.0, max(0.0, self.unturned_share))))


def calibrate_plate(scan: PlateScan) -> PlateCalibration:
    """Maximum likelihood for Poisson counts, by Fisher scoring.

    Raises:
        PlateCalibrationError: numbers that cannot be, too few clicks, a scan that leaves parameters
            undetermined, residuals far above Poisson's law, or a result that no optics have.
    """
    _check(scan)
    scan = scan._replace(plate_rad=np.mod(scan.plate_rad, 2.0 * math.pi))
    x = _start(scan)
    for _ in range(_STEPS):
        means, slopes = _model(scan, x)
        information = np.einsum("njk,njl,nj->kl", slopes, slopes, 1.0 / means)
        _check_determined(information)
        gradient = np.einsum("njk,nj->k", slopes, (scan.counts - means) / means)
        move = np.linalg.solve(information, gradient)
        # Half of the flux at most in one step: it stays positive.
        x = x + move / max(1.0, 2.0 * float(np.abs(move[4:8] / x[4:8]).max()))
        if move @ information @ move < 1e-6:
            return _judged(scan, x, _covariance(scan, x))
    raise PlateCalibrationError(
        f"the fit did not settle in {_STEPS} steps: the counts follow no plate and analyser"
    )


def expected_counts(found: PlateCalibration, scan: PlateScan) -> Array:
    """(n, 4) of the exposures of a scan; its counts are not looked at. Plate in [0, 2 pi]."""
    x = np.array([*found[:4], *found.flux, *found.leak, found.scale])
    return _model(scan, x)[0]


def _check(scan: PlateScan) -> None:
    n = len(scan.plate_rad)
    if scan.counts.shape != (n, 4) or scan.sent_rad.shape != (n,) or scan.background.shape != (4,):
        raise PlateCalibrationError(f"{n} plate angles need {n} sent angles and {n} x 4 counts")
    for name, values in (("plate angle", scan.plate_rad), ("sent angle", scan.sent_rad)):
        if not np.isfinite(values).all():
            raise PlateCalibrationError(f"a {name} is not finite")
    for name, values in (
        ("count", scan.counts),
        ("background", scan.background),
        ("sigma of the background", scan.background_sigma),
    ):
        if not (np.isfinite(values).all() and (values >= 0.0).all()):
            raise PlateCalibrationError(f"a {name} is negative or not finite")
    if 4 * n <= len(_NAMES):
        raise PlateCalibrationError(f"{n} exposures are too few for {len(_NAMES)} parameters")
    for channel, clicks in zip("HVDA", (scan.counts - scan.background).sum(axis=0), strict=True):
        if clicks < MIN_CLICKS:
            raise PlateCalibrationError(
                f"channel {channel} has {clicks:.0f} clicks beyond the background, of "
                f"{MIN_CLICKS:.0f} that are needed: expose longer, or look for a dead channel"
            )


def _start(scan: PlateScan) -> Array:
    """Zero from the phase of the fourth harmonic, fluxes from the means."""
    signal = scan.counts - scan.background
    turned = 4.0 * scan.plate_rad[:, None] - 2.0 * scan.sent_rad[:, None]
    turned = turned - 2.0 * np.array(CHANNEL_AXES_RAD)
    phase = np.angle((signal * np.exp(1j * turned)).sum())
    x = np.zeros(len(_NAMES))
    x[0], x[1], x[4:8], x[8:12] = 0.25 * phase, 0.01, 2.0 * signal.mean(axis=0), 0.01
    return x


def _model(scan: PlateScan, x: Array) -> tuple[Array, Array]:
    """(n, 4) expected counts, and their (n, 4, 13) slopes."""
    zero, share, flux, leak, scale = x[0], x[1], x[4:8], x[8:12], x[12]
    sent, axes = scan.sent_rad[:, None], np.array(CHANNEL_AXES_RAD)
    beside = 2.0 * (sent - axes)
    from_zero = scan.plate_rad[:, None] - zero
    turned = 4.0 * (1.0 + scale) * from_zero - 2.0 * (sent + axes)
    contrast = share * np.cos(beside) + (1.0 - share) * np.cos(turned)
    passed = 0.5 * (1.0 + leak) + 0.5 * (1.0 - leak) * contrast
    c, s = np.cos(scan.plate_rad)[:, None], np.sin(scan.plate_rad)[:, None]
    wedge = 1.0 + x[2] * c + x[3] * s
    by_contrast = 0.5 * (1.0 - leak) * flux * wedge
    slopes = np.zeros((*passed.shape, len(_NAMES)))
    by_axis = -by_contrast * 4.0 * (1.0 - share) * np.sin(turned)
    slopes[..., 0], slopes[..., 12] = -(1.0 + scale) * by_axis, from_zero * by_axis
    slopes[..., 1] = by_contrast * (np.cos(beside) - np.cos(turned))
    slopes[..., 2], slopes[..., 3] = c * flux * passed, s * flux * passed
    channel = np.arange(4)
    slopes[:, channel, 4 + channel] = wedge * passed
    slopes[:, channel, 8 + channel] = 0.5 * flux * wedge * (1.0 - contrast)
    # A leak below 0 by chance must not make a mean negative.
    return np.maximum(flux * wedge * passed + scan.background, 1e-3), slopes


def _covariance(scan: PlateScan, x: Array) -> Array:
    """(13, 13) by the counts' noise, and by what background and sent axes may be off."""
    # A share or leak below 0 by chance would have the dark exposures too dark, and so too certain.
    real = x.copy()
    real[[1, 8, 9, 10, 11]] = np.maximum(x[[1, 8, 9, 10, 11]], 0.0)
    means, slopes = _model(scan, real)
    covariance = np.linalg.inv(np.einsum("njk,njl,nj->kl", slopes, slopes, 1.0 / means))
    # How the result moves with the background of each channel.
    moved = -np.einsum("kl,njl,nj->jk", covariance, slopes, 1.0 / means)
    shifts = moved * scan.background_sigma[:, None]
    covariance = covariance + shifts.T @ shifts
    covariance[0, 0] += (0.5 * scan.sent_sigma_rad) ** 2
    return np.asarray(covariance)


def _check_determined(information: Array) -> None:
    scale = np.sqrt(np.diag(information))
    if (scale > 0.0).all():
        values, vectors = np.linalg.eigh(information / np.outer(scale, scale))
        if values[0] * _WORST_CONDITION > values[-1]:
            return
        loose = [_NAMES[i] for i in np.argsort(-np.abs(vectors[:, 0]))[:3]]
    else:
        loose = [name for name, s in zip(_NAMES, scale, strict=True) if not s > 0.0]
    raise PlateCalibrationError(
        f"the scan leaves {', '.join(loose)} open: scan a whole turn of the plate, with two "
        "orthogonal states sent"
    )


def _judged(scan: PlateScan, x: Array, covariance: Array) -> PlateCalibration:
    means, _ = _model(scan, x)
    chi2 = float(((scan.counts - means) ** 2 / means).sum())
    degrees = scan.counts.size - len(x)
    # Variance of Pearson's chi2 for Poisson counts of these means.
    scatter = math.sqrt(float((2.0 + 1.0 / means).sum()))
    if chi2 > degrees + WORST_FIT_SIGMA * scatter:
        worst = int(np.argmax(((scan.counts - means) ** 2 / means).sum(axis=1)))
        raise PlateCalibrationError(
            f"residuals are {math.sqrt(chi2 / degrees):.1f} times what Poisson counts allow, worst "
            f"in exposure {worst}: the flux was not constant, the plate not where its encoder "
            "says, or the light sent not linear"
        )
    sigma = np.sqrt(np.diag(covariance))
    for i in (1, 8, 9, 10, 11):
        if not -_IMPOSSIBLE_SIGMA * sigma[i] <= x[i] <= 1.0:
            raise PlateCalibrationError(
                f"{_NAMES[i]} is {x[i]:.2g} +- {sigma[i]:.1g}, which no optics have: the "
                "background is overstated, or labels are swapped"
            )
    for i in (2, 3, 12):
        if abs(x[i]) > _MOST_OFF:
            raise PlateCalibrationError(
                f"{_NAMES[i]} is {x[i]:.2g}, which no plate has: see that it cuts the beam off at "
                "no angle, and that the encoder's counts of a turn are right"
            )
    (h, v, d, a), (lh, lv, ld, la) = x[4:8].tolist(), x[8:12].tolist()
    share, wedge_c, wedge_s = x[1:4].tolist()
    scale = float(x[12])
    # The plate does the same a quarter of a true turn on.
    zero = math.remainder(x[0], 0.5 * math.pi / (1.0 + scale))
    return PlateCalibration(
        zero,
        share,
        wedge_c,
        wedge_s,
        (h, v, d, a),
        (lh, lv, ld, la),
        scale,
        covariance,
        chi2,
        degrees,
    )
