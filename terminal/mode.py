"""The modes of a link."""

from enum import IntEnum


class Mode(IntEnum):
    """What the terminal is doing; `terminal.modes` has the one table of all moves between them."""

    STANDBY = 0
    POINT = 1
    ACQUIRE = 2
    TRACK = 3
    LINK = 4
    LOST = 5
    SAFE = 6
