"""Whether the slots given in flight fit the pattern: those of all clicks, and of each detector.

A clock in wrong slots shows nothing of the states sent. So does one detector that answers over half
a slot later than the others, in slots of its own that are wrong while all together still fit.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from terminal.fields import NO_COUNTS
from terminal.timetags.channel_delays import CHANNELS
from terminal.timetags.frame import CHECKED_CLICKS, LEAST_AGREEMENT, agreement
from terminal.timetags.mixture import Array

_DETECTOR_SIGNAL = 400.0
"""n q^2 of a detector's n public clicks, a share q of them signal. Half of its clicks are of the
other basis, so right slots agree by n q^2 (1 - 2e)^2 / 4: 64 at an error rate e of a tenth, whose
root errs by 0.7; that of the least agreement is 6 of these below."""
_NONE_OFF = np.zeros(CHANNELS, np.bool_)


class SlotChecks(NamedTuple):
    """Public clicks since the slots were last held against the pattern, 4 * sent state + channel.

    Without pulses in a detector's clicks nothing can be told of its slots: its check waits.
    """

    counts: Array = NO_COUNTS
    detector_counts: Array = NO_COUNTS
    off_pattern: NDArray[np.bool_] = _NONE_OFF
    """(4,), detectors whose slots did not fit the pattern when last checked, or whose light shows
    no linear polarisation."""

    def after(self, counts: Array, signal_share: Array) -> tuple["SlotChecks", bool]:
        """With more public clicks, (16,), and whether the slots of all together still fit.

        signal_share: (4,), expected among these clicks of each detector.
        """
        total = self.counts + counts
        if np.sum(total) >= CHECKED_CLICKS:
            if agreement(total) < LEAST_AGREEMENT:
                return SlotChecks(), False
            total = NO_COUNTS
        columns = (self.detector_counts + counts).reshape(CHANNELS, CHANNELS)
        due = columns.sum(axis=0) * np.square(signal_share) >= _DETECTOR_SIGNAL
        off = self.off_pattern
        if np.any(due):
            off = off.copy()
            for c in np.flatnonzero(due).tolist():
                alone = np.where(np.arange(CHANNELS) == c, columns, 0.0)
                off[c] = agreement(alone.ravel()) < LEAST_AGREEMENT
            columns = np.where(due, 0.0, columns)
        return SlotChecks(total, columns.ravel(), off), True
