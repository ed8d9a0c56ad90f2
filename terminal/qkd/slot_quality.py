"""Track quality by slot number: for clicks, which come a little late, and for the slots sent."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from config.pattern import NOT_PUBLIC
from terminal.fields import NO_I64S, NO_U8S
from terminal.qkd.track_quality import OFF, QUALITIES

Slots = NDArray[np.int64]


class KeySlots:
    """Counts the slots that are not public; the pattern repeats after its length."""

    def __init__(self, pattern: NDArray[np.uint8]) -> None:
        """pattern: (length,), as `config.pattern.public_pattern` gives it."""
        self._before = np.concatenate([[0], np.cumsum(pattern == NOT_PUBLIC)])
        self._length = len(pattern)

    def before(self, slot: Slots) -> Slots:
        """Key slots among 0 .. slot - 1, shape of `slot`, which is not negative."""
        whole, rest = np.divmod(slot, self._length)
        return np.asarray(whole * self._before[-1] + self._before[rest])


class SlotQuality(NamedTuple):
    """State: span k reaches from the end of span k - 1 up to, but without, `end_slot[k]`."""

    begin_slot: int = 0
    """Of the first span."""
    end_slot: Slots = NO_I64S
    """(n,), ascending."""
    quality: NDArray[np.uint8] = NO_U8S
    """(n,)"""

    @property
    def last_end(self) -> int:
        """Up to here all is known."""
        return int(self.end_slot[-1]) if len(self.end_slot) else self.begin_slot

    def of(self, slot: Slots) -> NDArray[np.uint8]:
        """Quality of slots, shape of `slot`; off where it is not known, or no longer."""
        k = np.searchsorted(self.end_slot, slot, side="right")
        known = np.append(self.quality, np.uint8(OFF))[k]
        return np.where(slot >= self.begin_slot, known, np.uint8(OFF))

    def extended(
        self, end_slot: Slots, quality: NDArray[np.uint8], keep_slots: int
    ) -> "SlotQuality":
        """With spans (m,) joined on; those that end `keep_slots` before the last are forgotten.

        An end that lies before the one before it, as after a prediction that jumped, makes an empty
        span: no slot is judged twice.
        """
        ends = np.maximum.accumulate(np.append(self.last_end, end_slot))[1:]
        ends, qualities = np.append(self.end_slot, ends), np.append(self.quality, quality)
        old = int(np.searchsorted(ends, (ends[-1] if len(ends) else 0) - keep_slots))
        begin = int(ends[old - 1]) if old else self.begin_slot
        return SlotQuality(begin, ends[old:], qualities[old:])

    def key_slots_after(self, slot: int, key_slots: KeySlots) -> Slots:
        """Key slots from `slot` on to the end of what is known, (QUALITIES,) by quality."""
        ends = np.maximum(np.append(self.begin_slot, self.end_slot), slot)
        counted = np.diff(key_slots.before(np.maximum(ends, 0)))
        return np.bincount(self.quality, counted, QUALITIES).astype(np.int64)
