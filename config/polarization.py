"""The receiver's polarisation optics: what stands before the detectors, and how it is tuned."""

import math
from typing import Annotated, Literal

from msgspec import Meta

from config.fields import Count, NonNegative, Positive, Spec

Four = tuple[float, float, float, float]
Leak = Annotated[float, Meta(ge=0, lt=1)]


class Plate(Spec, frozen=True):
    """The half-wave plate, as calibrated; without a calibration as its maker says."""

    zero_rad: float = 0.0
    """Encoder angle at which its axis stands along H."""
    retardance_rad: Annotated[float, Meta(gt=0, lt=2 * math.pi)] = math.pi
    retardance_sigma_rad: Positive = 0.03
    """1-sigma of that: a two-hundredth of a wave."""
    zero_sigma_rad: Positive = math.radians(3.0)
    """1-sigma of the zero: what the loop has to find."""
    scale_sigma: Positive = 1e-3
    """1-sigma of degrees turned over degrees told, minus 1."""
    rate_rad_s: Positive = math.radians(430.0)
    """Of a move."""
    settle_s: NonNegative = 0.1
    """From the end of a move until the light is steady."""
    least_rad: float | None = None
    most_rad: float | None = None
    """Ends of its travel by the encoder; None: it goes round without end."""


class Channels(Spec, frozen=True):
    """The four detectors H V D A, as calibrated."""

    efficiency: tuple[Positive, Positive, Positive, Positive] = (1.0, 1.0, 1.0, 1.0)
    """Relative to each other, within each basis as between both, the splitter's share aside."""
    leak: tuple[Leak, Leak, Leak, Leak] = (0.0, 0.0, 0.0, 0.0)
    """One over the extinction ratio."""


class Retarder(Spec, frozen=True):
    """A variable retarder in front of the half-wave plate (device `retarder`)."""

    axis_rad: float
    """Of its slow axis, in the image from right toward up: along the fold mirrors' s or p."""
    calibration: Annotated[tuple[tuple[NonNegative, float], ...], Meta(min_length=2)]
    """(drive in V, retardance in rad): drives rising, retardances falling or rising."""
    settle_s: Positive = 0.2
    """From a new drive until the light is steady."""
    deadband_rad: Positive = 5.0e-3


class Polarization(Spec, frozen=True):
    """Half-wave plate from geometry, trimmed from the quantum states."""

    trim_window_s: Positive
    trim_min_clicks: Count
    deadband_rad: Positive
    """Plate moves smaller than this are not worth the disturbance."""
    plate: Plate = Plate()
    channels: Channels = Channels()
    calibration: str | None = None
    """File of a measured plate and channels; it replaces both above."""
    path: Literal["on_gimbal", "coude"] = "on_gimbal"
    """Where the analyser stands: behind the boresight, or at the foot of a gimbal of two axes,
    behind a mirror on its elevation and one on its azimuth axis, which turn the frame."""
    fold_index: tuple[NonNegative, NonNegative] | None = None
    """Refractive index n, k of the mirrors of `coude`; None: ideal ones."""
    phase_axis_rad: float = 0.0
    """Axis of the phase between s and p of the optics on the gimbal, in the image from right toward
    up ..."""
    phase_rad: float = 0.0
    """... and that phase as far as it is known: linear light along the axis leads."""
    phase_sigma_rad: NonNegative = 0.3
    retarder: Retarder | None = None
    """None: a phase is seen, and stays."""
    reference_sigma_rad: Positive = math.radians(1.0)
    """1-sigma of what both ends' attitudes and axes leave of the predicted frame angle."""
    turns_rad: Annotated[tuple[float, ...], Meta(min_length=1, max_length=16)] = (0.0,)
    """Angles by which the analyser is turned on from the sender's frame on purpose, from right
    toward up, one after the other: a link of entangled pairs measures its correlations so."""
    turn_every_s: Positive = 5.0
