"""Where the gimbal stood, or the partner was predicted, when a frame was exposed."""

import math

from terminal.geometry.vector import Vec

LONGEST_REACH_S = 0.1
"""Outside of its two newest samples a motion is prolonged no further than this."""


class Motion:
    """Three numbers that move, known at times: joint angles (yaw, pitch, roll) or a direction."""

    def __init__(self, start: Vec, *, angles: bool) -> None:
        """angles: go the short way round from one sample to the next, in rad."""
        self._angles = angles
        self._t_ns = self._older_t_ns = 0
        self._value = self._older = start

    def follow(self, t_ns: int, value: Vec) -> None:
        """The next sample. One that is no newer than the last is that one given again."""
        if t_ns > self._t_ns:
            self._older_t_ns, self._older = self._t_ns, self._value
            self._t_ns, self._value = t_ns, value

    @property
    def newest(self) -> Vec:
        return self._value

    def at(self, t_ns: int) -> Vec:
        """On the straight line through the two newest samples."""
        span_s = (self._t_ns - self._older_t_ns) * 1e-9
        if span_s <= 0.0:
            return self._value
        after_s = (t_ns - self._t_ns) * 1e-9
        reach_s = max(-span_s - LONGEST_REACH_S, min(LONGEST_REACH_S, after_s))
        x, y, z = (
            b + reach_s / span_s * self._change(a, b)
            for a, b in zip(self._older, self._value, strict=True)
        )
        return x, y, z

    def _change(self, older: float, newer: float) -> float:
        return math.remainder(newer - older, 2.0 * math.pi) if self._angles else newer - older
