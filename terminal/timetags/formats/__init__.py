"""Files of time tags: S-Fifteen a1, PicoQuant PTU, qutools quTAG, Swabian .ttbin, and .npz."""

from terminal.timetags.formats.a1 import write_a1
from terminal.timetags.formats.blocks import Defect, TagBlock, TagFormatError
from terminal.timetags.formats.npz import write_npz
from terminal.timetags.formats.order import TimeOrder, lateness_ps, time_order
from terminal.timetags.formats.tag_file import TagFile, open_tags

__all__ = [
    "Defect",
    "TagBlock",
    "TagFile",
    "TagFormatError",
    "TimeOrder",
    "lateness_ps",
    "open_tags",
    "time_order",
    "write_a1",
    "write_npz",
]
