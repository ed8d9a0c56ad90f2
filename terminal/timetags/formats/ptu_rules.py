"""What the loops over PicoQuant records go by: where bits stand, which kinds are channels."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from terminal.timetags.formats.blocks import BAD, SYNC

NO_CLICK = -2
PICO_SPECIAL = 15


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
