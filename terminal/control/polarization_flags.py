"""What the polarisation loop says of its inputs and of itself."""

from enum import IntFlag

from terminal.control.frame_estimate import Flag


class PolarizationFlag(IntFlag):
    """Recorded with each command; the first eight are those of the newest estimate."""

    IMPOSSIBLE_COUNTS = int(Flag.IMPOSSIBLE_COUNTS)
    """Falling, negative, no numbers, or more than there are slots: not used."""
    TOO_FEW = int(Flag.TOO_FEW)
    EMPTY_BASIS = int(Flag.EMPTY_BASIS)
    NO_FIT = int(Flag.NO_FIT)
    PHASE_SIGN_UNSEEN = int(Flag.PHASE_SIGN_UNSEEN)
    MIRRORED = int(Flag.MIRRORED)
    BAD_FIT = int(Flag.BAD_FIT)
    AMBIGUOUS = int(Flag.AMBIGUOUS)
    FRAME_FAR = 1 << 8
    """Counts show a rotation that geometry and calibration had all but excluded."""
    STATES_SWAPPED_D_A = 1 << 9
    """Detectors D and A have changed places: their names are exchanged (`swapped`)."""
    STATES_SWAPPED_H_V = 1 << 10
    """Received states stand a quarter turn from where they should: the trim holds it."""
    MIRROR_MISSING = 1 << 11
    """The frame turns against its prediction: a mirror too few or too many before the plate."""
    NO_PREDICTION = 1 << 12
    PLATE_SILENT = 1 << 13
    PLATE_STUCK = 1 << 14
    """It rests elsewhere than where it was sent: it is asked again every few seconds only."""
    TRAVEL_END = 1 << 15
    """The plate stands at the end of its travel, and may not unwrap in LINK."""
    RETARDER_SILENT = 1 << 16
    DITHERING = 1 << 17
    """The retarder is moved to and fro on purpose: the phase is not known well enough."""
    POLARIMETER_BAD = 1 << 18
    """A reading that is dark, saturated, or of light without polarisation: not used."""
    BEACON_USED = 1 << 19
    """The trim rests on the beacon's polarisation, as too few photons were counted yet."""
    NAMES_TRIED = 1 << 20
    """No clock is found: states may be exchanged, and one naming after the other is tried."""
