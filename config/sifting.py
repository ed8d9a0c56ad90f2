"""Which moments of a link count for the key."""

from config.fields import NonNegative, Spec


class Sifting(Spec, frozen=True):
    """Limits of the track quality (`terminal.qkd.track_quality`)."""

    shutter_settle_s: NonNegative = 0.05
    """[?] A shutter has moved after so long; a reading from then on has to say that it is open."""
    good_fine_rms_rad: NonNegative | None = None
    """Residual of the fine loop, both axes, up to which a moment is good; None: fine.settled_rad,
    with which LINK begins."""
