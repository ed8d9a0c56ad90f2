"""What the clicks of a file tell of its soundness."""

import numpy as np
from numpy.typing import NDArray

from terminal.timetags.formats import time_state as ts
from terminal.timetags.formats.blocks import NOT_TAKEN, Defect, Times

ENOUGH_CLICKS = 100
"""Fewer in a basis say nothing about its two detectors."""
HOT_RATIO = 3.0
DEAD_RATIO = 1 / 30
"""Of a detector's clicks over those of the other one of its basis. Both states of a basis are sent
equally often, so whatever the angle of the frames, sound detectors click nearly alike."""
TWIN = (1, 0, 3, 2)
NAMES = "HVDA"


class Watch:
    """Counts over the clicks of a file, in its order."""

    def __init__(self, channels: int, disorder_ps: int) -> None:
        """channels: how many are taken.
        disorder_ps: a step back in time by no more is the device's own.
        """
        self._disorder_ps = disorder_ps
        self._channels = channels
        self.ended = False
        self._counts = np.zeros((4, 256), dtype=np.int64)
        self._state = np.zeros(ts.SIZE, dtype=np.int64)
        self._state[ts.EARLIEST_PS], self._state[ts.LATEST_PS] = ts.MOST_TIME_PS, ts.LEAST_TIME_PS
        self.strays = 0
        """Clicks that are left out."""
        self._first_stray = 0

    def see(
        self,
        time_ps: Times,
        numbers: NDArray[np.int16],
        table: NDArray[np.uint8],
        channel: NDArray[np.uint8],
    ) -> int:
        """The next clicks; returns how many are left out.

        numbers: the device's; table: (65536,), channel by number, negative ones from the end;
        channel: (n,), to be filled, NOT_TAKEN for those that are left out.
        """
        from terminal.timetags.formats import click_kernels

        before = self.clicks
        left_out = click_kernels.watch(
            time_ps, numbers, table, self._disorder_ps, self._state, self._counts, channel
        )
        if left_out and not self.strays:
            self._first_stray = before + int(np.argmax(channel == NOT_TAKEN))
        self.strays += left_out
        return left_out

    @property
    def counts(self) -> list[int]:
        """Clicks by channel, of those that are taken."""
        counts: list[int] = np.sum(self._counts, axis=0)[: self._channels].tolist()
        return counts

    @property
    def clicks(self) -> int:
        """Of all channels, those left out too."""
        return int(self._state[ts.CLICKS])

    @property
    def largest_step_back_ps(self) -> int:
        """From one click to the next."""
        return int(self._state[ts.STEP_BACK_PS])

    @property
    def lateness_ps(self) -> int:
        """How far the latest click lies behind the latest time before it, see `order`. Of those
        that are taken, at times in range."""
        return int(self._state[ts.LATENESS_PS])

    @property
    def span_ps(self) -> int:
        """From the earliest of these to the latest; 0 where there is none."""
        return max(int(self._state[ts.LATEST_PS] - self._state[ts.EARLIEST_PS]), 0)

    @property
    def out_of_range(self) -> int:
        """Clicks that are taken, at times out of range."""
        return int(self._state[ts.OUT_OF_RANGE])

    def defects(self, detectors: int) -> list[Defect]:
        """detectors: how many channels should click: four, or 0 if that is not known."""
        found: list[Defect] = []
        steps_back, first = self._state[ts.STEPS_BACK : ts.FIRST_STEP_BACK + 1].tolist()
        if steps_back:
            text = (
                f"click {first}: time goes back, {steps_back} times in the file, by "
                f"{self.largest_step_back_ps} ps at most"
            )
            found.append(Defect("time_back", first, text))
        if self.strays:
            text = f"click {self._first_stray}: {self.strays} clicks of other channels: left out"
            found.append(Defect("stray_channel", self._first_stray, text))
        taken = sum(self.counts)
        if self.ended and not taken:
            found.append(Defect("no_clicks", 0, "click 0: there is none"))
        elif detectors == len(TWIN):
            found += self._lame_detectors(taken)
        return found

    def _lame_detectors(self, taken: int) -> list[Defect]:
        found: list[Defect] = []
        for channel, twin in enumerate(TWIN):
            own, other = self.counts[channel], self.counts[twin]
            share = f"{own / max(taken, 1):.2%} of the clicks"
            if taken >= len(TWIN) * ENOUGH_CLICKS and own + other == 0:
                text = f"click 0: channel {NAMES[channel]} is dead, like its twin"
                found.append(Defect("dead_channel", 0, text))
            elif own + other < ENOUGH_CLICKS:
                continue
            elif own < DEAD_RATIO * other:
                text = f"click 0: channel {NAMES[channel]} is dead: {share}"
                found.append(Defect("dead_channel", 0, text))
            elif other >= DEAD_RATIO * own and own > HOT_RATIO * other:
                text = f"click 0: channel {NAMES[channel]} is hot: {share}"
                found.append(Defect("hot_channel", 0, text))
        return found
