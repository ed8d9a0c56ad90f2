"""The width of the sent beam: what sets it, and how it is chosen."""

from typing import Annotated, Literal

from msgspec import Meta

from config.fields import OpenFraction, Positive, Spec


class Divergence(Spec, frozen=True):
    """Beam expander in the transmit path, and how the width of the sent beam is chosen."""

    calibration: Annotated[tuple[tuple[float, Positive], ...], Meta(min_length=2, max_length=1000)]
    """(position of the expander's stage, 1/e^2 full angle of the beam): positions rising, in metres
    of travel or dioptres of the lens; angles falling or rising, straight lines between. Its ends
    are the limits of the optics."""
    policy: Literal["best", "fixed"] = "best"
    """best: chosen all the time from what is measured. fixed: mission.beam, set once."""
    offset_sigma_rad: Positive = 1.0e-6
    """1-sigma per axis by which the sent beam's mean is expected to stand beside the partner."""
    least_gain: OpenFraction = 0.02
    """A change of width has to promise so much more counts ..."""
    hold_s: Positive = 2.0
    """... and the width before has to have been in force for so long."""
    probe_gain: OpenFraction = 0.05
    """If knowing the offset would be worth so much more, a width is tried for `hold_s` that tells
    more about it ..."""
    probe_interval_s: Positive = 15.0
    """... but not sooner than this after the trial before."""
    jitter_window_s: Positive = 5.0
    """Over which the mean square of the fine loop's error is taken."""
    coast_s: Positive = 6.0
    """So long after the link is lost the beam goes to its widest."""
    max_age_s: Positive = 1.0
    """A stage that has not told its position for so long counts as silent."""
    tolerance_rad: Positive = 1.0e-6
    """A stage that rests this far from where it was sent, as an angle of the beam, is stuck ..."""
    retry_s: Positive = 10.0
    """... and is sent again after so long."""
