"""Which of a file's channels are H V D A."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from terminal.timetags.formats.blocks import SYNC, Defect, TagFormatError

DETECTORS = 4
MOST_CHANNELS = 255
NUMBERS = 1 << 15
"""No device's number is larger."""
STRAY_SHARE = 0.01
"""Channels beyond four with fewer of all clicks than this are single wrong bits, not detectors."""

Channels = Sequence[int] | Literal["all"] | None


class Wiring(NamedTuple):
    """The device's numbers of the channels that become 0, 1, 2, ..."""

    numbers: tuple[int, ...]
    defects: list[Defect]


def wire(found: Mapping[int, int], asked: Channels, path: Path) -> Wiring:
    """found: clicks by the device's numbers. asked: numbers of H V D A in this order; "all": every
    channel in ascending order, however many; None: the four of the file in ascending order.

    Raises:
        TagFormatError: more than four channels, and none asked for.
        ValueError: what is asked for are not one to four different numbers.
    """
    ascending = sorted(found)
    if asked == "all":
        return Wiring(tuple(ascending[:MOST_CHANNELS]), [])
    if asked is not None:
        numbers = tuple(int(number) for number in asked)
        is_number = all(-NUMBERS <= number < NUMBERS for number in numbers)
        if not 0 < len(numbers) <= DETECTORS or len(set(numbers)) < len(numbers) or not is_number:
            raise ValueError("channels: one to four different numbers, of H V D A in this order")
        return Wiring(numbers, [])
    defects: list[Defect] = []
    if SYNC in found and len(found) == DETECTORS + 1:
        ascending.remove(SYNC)
        text = f"click 0: {found[SYNC]} clicks of the sync input beside four channels: left out"
        defects.append(Defect("sync_ignored", 0, text))
    if len(ascending) > DETECTORS:
        busiest = sorted(ascending, key=lambda number: found[number], reverse=True)
        stray = sum(found[number] for number in busiest[DETECTORS:])
        if stray > STRAY_SHARE * sum(found.values()):
            listed = ", ".join(str(number) for number in ascending)
            raise TagFormatError(
                path, 0, f"has channels {listed}", "say which are H V D A (channels)"
            )
        ascending = sorted(busiest[:DETECTORS])
    if 0 < len(ascending) < DETECTORS:
        listed = ", ".join(str(number) for number in ascending)
        names = " ".join("HVDA"[: len(ascending)])
        text = f"click 0: only channels {listed}, taken for {names}: say which they are (channels)"
        defects.append(Defect("few_channels", 0, text))
    return Wiring(tuple(ascending), defects)
