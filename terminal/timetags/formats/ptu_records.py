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

from terminal.timetags.formats.blocks import BAD, SYNC, Times

NO_CLICK = -2
LATEST_PS = 1 << 62
"""53 days."""
WHOLE_PS = 1e-6
"""A resolution so near to whole ps is whole: headers hold it in seconds, as a rounded float."""
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

    @property
    def first_input(self) -> int:
        """Kind of the record of channel 0."""
        return 1 if self.marker_bits and self.is_t3 else 0

    @property
    def inputs(self) -> int:
        """Kinds of records from there on that are channels in ascending order."""
        return PICO_SPECIAL - self.first_input if self.marker_bits else 64

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


class Unit(NamedTuple):
    """A unit of time as a whole number and a small rest: large counts times the unit stay exact."""

    whole_ps: int
    part_ps: float


class Rules(NamedTuple):
    """What the compiled loops go by."""

    layout: Layout
    first_input: int
    inputs: int
    """Kinds of records from first_input on that are the channels 0 ..."""
    channel_of: NDArray[np.int8]
    """By kind, of all others."""
    overflow_kind: int
    most_wraps: int
    count_ps: Unit
    delay_ps: Unit


class Clicks(NamedTuple):
    """Clicks of some records, and what was wrong with these."""

    time_ps: Times
    channel: NDArray[np.int16]
    used: int
    """Records: fewer than given where the next overflow exceeds 53 days."""
    bad: tuple[int, int]
    """(the first, how many) records of no known kind."""
    lost: tuple[int, int]
    """(the first, how many) clicks before which an overflow must have been lost: the count fell by
    nearly a wrap."""


class Decoder:
    """Clicks of records in a row; carries what overflowed from call to call.

    T3: time = sync count x sync period + delay.
    """

    def __init__(self, layout: Layout, count_ps: float, delay_ps: float) -> None:
        """count_ps: unit of the time (T2) or the sync period (T3); delay_ps: unit of the delay."""
        self._rules = Rules(
            layout,
            layout.first_input,
            layout.inputs,
            layout.channels(),
            PICO_SPECIAL if layout.marker_bits else HYDRA_OVERFLOW,
            int(LATEST_PS / (layout.wrap * count_ps)),
            unit(count_ps),
            unit(delay_ps),
        )
        self._state = np.zeros(6, dtype=np.int64)

    def decode(self, words: Words) -> Clicks:
        """The clicks of the next records, in their order.

        A sound count only grows, so a fall by more than three quarters of a wrap shows that an
        overflow was lost. One is put in; where more were lost, times stay early by whole wraps.
        One wrong bit in a count makes half a wrap at most.
        """
        from terminal.timetags.formats import ptu_kernels

        state = self._state
        state[ptu_kernels.BAD_FIRST :] = 0
        time_ps = np.empty(words.size, dtype=np.int64)
        channel = np.empty(words.size, dtype=np.int16)
        used, clicks = ptu_kernels.decode_records(words, self._rules, state, time_ps, channel)
        bad_first, bad, lost_first, lost = state[ptu_kernels.BAD_FIRST :].tolist()
        return Clicks(
            time_ps[:clicks], channel[:clicks], used, (bad_first, bad), (lost_first, lost)
        )


def unit(unit_ps: float) -> Unit:
    """Of so many ps."""
    whole = round(unit_ps)
    part = unit_ps - whole
    return Unit(whole, part if abs(part) > WHOLE_PS else 0.0)
