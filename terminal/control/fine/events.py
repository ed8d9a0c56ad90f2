"""What can be wrong with the mirror loop, and how its command says so."""

from enum import IntFlag


class FineEvent(IntFlag):
    """Bits of `FineCommand.events`."""

    SENSOR_STUCK = 1
    """The same scan again and again."""
    SENSOR_SATURATED = 2
    """A quadrant at the end of its range."""
    MIRROR_STUCK = 4
    """What the mirror is told does not show."""
    AXES_SWAPPED = 8
    SIGN_FLIPPED = 16
    DELAY_WRONG = 32
    """The mirror answers other scans than the calibration says."""
    RESPONSE_OFF = 64
    """By another matrix than the calibration's."""
    INTEGRATOR = 128
    """The plain integrator steers, without a model."""
    PROBING = 256
    """The mirror's answer is being measured."""


LOOP_OPEN = FineEvent.MIRROR_STUCK | FineEvent.AXES_SWAPPED | FineEvent.SIGN_FLIPPED
"""With these no feedback is safe: the mirror goes to its centre."""
