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

from terminal.timetags.formats.blocks import Times
from terminal.timetags.formats.ptu_rules import PICO_SPECIAL, Layout, Rules, Unit

LATEST_PS = 1 << 62
"""53 days."""
WHOLE_PS = 1e-6
"""A resolution so near to whole ps is whole: headers hold it in seconds, as a rounded float."""
HYDRA_OVERFLOW = 127

Words = NDArray[np.uint32]


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
