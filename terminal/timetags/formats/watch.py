"""What the clicks of a file tell of its soundness."""

import numpy as np
from numpy.typing import NDArray

from terminal.timetags.formats.blocks import Defect, Times
from terminal.timetags.formats.falls import falls

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
        self.counts = [0] * channels
        """Clicks by channel."""
        self.clicks = 0
        """Of all channels, those left out too."""
        self.largest_step_back_ps = 0
        self.ended = False
        self._before_ps: int | None = None
        self._steps_back = 0
        self._first_step_back = 0
        self._first_stray = 0
        self._strays = 0

    def see(self, time_ps: Times, channel: NDArray[np.uint8], is_taken: NDArray[np.bool_]) -> None:
        """time_ps: of all clicks of a block; channel: of those that are taken."""
        if not time_ps.size:
            return
        for number in range(len(self.counts)):
            self.counts[number] += int(np.count_nonzero(channel == number))
        if channel.size < time_ps.size:
            if not self._strays:
                self._first_stray = self.clicks + int(np.argmin(is_taken))
            self._strays += time_ps.size - channel.size
        before_ps = int(time_ps[0]) if self._before_ps is None else self._before_ps
        back = falls(time_ps, before_ps, 0)
        if back.size:
            earlier_ps = np.where(back, time_ps[back - 1], before_ps)
            depth_ps = earlier_ps - time_ps[back]
            self.largest_step_back_ps = max(self.largest_step_back_ps, int(depth_ps.max()))
            defects = back[depth_ps > self._disorder_ps]
            if defects.size and not self._steps_back:
                self._first_step_back = self.clicks + int(defects[0])
            self._steps_back += defects.size
        self._before_ps = int(time_ps[-1])
        self.clicks += time_ps.size

    def defects(self, detectors: int) -> list[Defect]:
        """detectors: how many channels should click: four, or 0 if that is not known."""
        found: list[Defect] = []
        if self._steps_back:
            text = (
                f"click {self._first_step_back}: time goes back, {self._steps_back} times in the "
                f"file, by {self.largest_step_back_ps} ps at most"
            )
            found.append(Defect("time_back", self._first_step_back, text))
        if self._strays:
            text = f"click {self._first_stray}: {self._strays} clicks of other channels: left out"
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
