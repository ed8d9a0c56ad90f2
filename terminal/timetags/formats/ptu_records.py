"""PicoQuant's TTTR records, 32 bits each: counts and channels of the clicks in them.

Source: the record formats that PicoQuant publishes with its demo code.

HydraHarp, TimeHarp 260, MultiHarp, PicoHarp 330: bit 31 special, 6 bits channel, 25 bits time (T2)
or 15 bits delay and 10 bits sync count (T3). Special with channel 63: the count overflowed, as
often as the count says, 0 being once (always once in HydraHarp's version 1); channel 1..15:
markers; channel 0 in T2: a click of the sync input.

PicoHarp 300: 4 bits channel, 28 bits time (T2) or 12 bits delay and 16 bits sync count (T3);
channel 15 is special: an overflow if the markers (the lowest 4 bits in T2, the delay in T3) are 0;
in T3 its inputs count from 1, and channel 0 does not occur.

Channels are numbered as in the records (input 1 is 0), like in ptufile, which however takes
HydraHarp's sync input for input 1.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from terminal.timetags.formats.blocks import SYNC, Times
from terminal.timetags.formats.falls import falls

NO_CLICK = -2
BAD = -3
HYDRA_OVERFLOW = 127
PICO_SPECIAL = 15

Words = NDArray[np.uint32]


class Layout(NamedTuple):
    """What the bits of a record mean."""

    is_t3: bool
    kind_shift: int
    """The bits from here tell special records and channels apart."""
    count_bits: int
    """Width of the time (T2) or the sync count (T3)."""
    delay_bits: int
    """Above the count; 0 in T2."""
    wrap: int
    """What an overflow adds to the count."""
    marker_bits: int
    """PicoHarp: a special record without any of these is an overflow; 0: it is one by its kind."""
    overflows_counted: bool

    def channels(self) -> NDArray[np.int8]:
        """Channel by kind of record; SYNC, NO_CLICK or BAD for the special ones."""
        if self.marker_bits:
            inputs = [BAD, *range(PICO_SPECIAL - 1)] if self.is_t3 else [*range(PICO_SPECIAL)]
            return np.array([*inputs, NO_CLICK], dtype=np.int8)
        sync = BAD if self.is_t3 else SYNC
        special = [sync, *[NO_CLICK] * 15, *[BAD] * 47, NO_CLICK]
        return np.array([*range(64), *special], dtype=np.int8)


_PICO_T2 = Layout(False, 28, 28, 0, 210698240, 0xF, False)
_PICO_T3 = Layout(True, 28, 16, 12, 1 << 16, 0xFFF << 16, False)
_HYDRA1_T2 = Layout(False, 25, 25, 0, 33552000, 0, False)
_HYDRA1_T3 = Layout(True, 25, 10, 15, 1 << 10, 0, False)
_HYDRA2_T2 = Layout(False, 25, 25, 0, 1 << 25, 0, True)
_HYDRA2_T3 = Layout(True, 25, 10, 15, 1 << 10, 0, True)

LAYOUTS = {
    0x00010203: _PICO_T2,
    0x00010303: _PICO_T3,
    0x00010204: _HYDRA1_T2,
    0x00010304: _HYDRA1_T3,
    0x01010204: _HYDRA2_T2,
    0x01010304: _HYDRA2_T3,
    0x00010205: _HYDRA2_T2,  # TimeHarp 260 N
    0x00010305: _HYDRA2_T3,
    0x00010206: _HYDRA2_T2,  # TimeHarp 260 P
    0x00010306: _HYDRA2_T3,
    0x00010207: _HYDRA2_T2,  # MultiHarp, PicoHarp 330
    0x00010307: _HYDRA2_T3,
}
"""By the header's TTResultFormat_TTTRRecType."""


class Clicks(NamedTuple):
    """Clicks of some records."""

    counts: Times
    """Time (T2) or sync periods (T3) since the start, overflows added."""
    delay: NDArray[np.uint16] | None
    """T3: since the sync, in units of the header's resolution."""
    channel: NDArray[np.int8]
    bad: NDArray[np.int64]
    """Records that are of no known kind."""
    lost: NDArray[np.int64]
    """Clicks before which an overflow must have been lost: the count fell by nearly a wrap."""


class Decoder:
    """Clicks of records in a row; carries what overflowed from call to call."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._channels = layout.channels()
        self._carried = 0
        """Overflows so far, those found lost included."""
        self._before = 0
        """Count of the last click."""

    def fitting(self, words: Words, most_wraps: int) -> int:
        """How many of the next records come before the overflows exceed so many wraps."""
        place, wraps = self._overflows(words, self._kinds(words))
        within = int(np.searchsorted(np.cumsum(wraps), most_wraps - self._carried, side="right"))
        return int(place[within]) if within < place.size else words.size

    def decode(self, words: Words) -> Clicks:
        """The clicks of the next records, in their order.

        A sound count only grows, so a fall by more than three quarters of a wrap shows that an
        overflow was lost. One is put in; where more were lost, times stay early by whole wraps.
        One wrong bit in a count makes half a wrap at most.
        """
        layout = self._layout
        kinds = self._kinds(words)
        channel = self._channels.take(kinds)
        place, wraps = self._overflows(words, kinds)
        total = np.cumsum(np.concatenate(([self._carried], wraps)))
        length = np.diff(place, prepend=0, append=words.size)
        count = (words & np.uint32((1 << layout.count_bits) - 1)).astype(np.int64)
        count += np.repeat(total * layout.wrap, length)
        self._carried = int(total[-1])
        bad = np.flatnonzero(channel == BAD)
        delay = None
        if layout.is_t3:
            delay = ((words >> layout.count_bits) & ((1 << layout.delay_bits) - 1)).astype(
                np.uint16
            )
        # By index: a mask costs three times as much where overflows are many.
        clicks = np.flatnonzero(channel >= SYNC)
        if clicks.size < words.size:
            count, channel = count.take(clicks), channel.take(clicks)
            delay = delay.take(clicks) if delay is not None else None
        lost = falls(count, self._before, layout.wrap * 3 // 4)
        if lost.size:
            count += layout.wrap * np.searchsorted(lost, np.arange(count.size), side="right")
            self._carried += lost.size
        if count.size:
            self._before = int(count[-1])
        return Clicks(count, delay, channel, bad, lost)

    def _kinds(self, words: Words) -> NDArray[np.uint8]:
        return (words >> self._layout.kind_shift).astype(np.uint8)

    def _overflows(self, words: Words, kinds: NDArray[np.uint8]) -> tuple[Times, Times]:
        """(places among the words, how often each is to be added)."""
        layout = self._layout
        if layout.marker_bits:
            special = np.flatnonzero(kinds == PICO_SPECIAL)
            place = special[(words[special] & layout.marker_bits) == 0]
        else:
            place = np.flatnonzero(kinds == HYDRA_OVERFLOW)
        if not layout.overflows_counted:
            return place, np.ones(place.size, dtype=np.int64)
        counted = words[place] & ((1 << layout.count_bits) - 1)
        return place, np.maximum(counted, 1).astype(np.int64)
