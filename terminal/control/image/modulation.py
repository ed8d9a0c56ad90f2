"""Whether a spot's power carries the tone that the beacon is agreed to have, over uneven frames."""

import math
from typing import NamedTuple

import numpy as np

TOLERANCE = 0.5
"""The measured depth may be off by this share of the agreed one: half way to no tone at all."""

WORST_CONDITION = 1e6
"""Sums from frames that do not resolve the tone (all at one phase) say nothing."""


class Tone(NamedTuple):
    """Sums of a least-squares fit of power = mean + c cos(2 pi f t) + s sin(2 pi f t)."""

    frames: int = 0
    cos: float = 0.0
    sin: float = 0.0
    cos_cos: float = 0.0
    cos_sin: float = 0.0
    power: float = 0.0
    power_cos: float = 0.0
    power_sin: float = 0.0


def add(tone: Tone, modulation_hz: float, t_ns: int, power: float) -> Tone:
    """One more frame, its exposure centred on t_ns. Power in any unit, the same for all frames."""
    period_ns = 1e9 / modulation_hz
    phase = 2.0 * math.pi * math.fmod(t_ns, period_ns) / period_ns
    c, s = math.cos(phase), math.sin(phase)
    return Tone(
        tone.frames + 1,
        tone.cos + c,
        tone.sin + s,
        tone.cos_cos + c * c,
        tone.cos_sin + c * s,
        tone.power + power,
        tone.power_cos + power * c,
        tone.power_sin + power * s,
    )


def depth(tone: Tone) -> float:
    """Amplitude over mean power; 0 where the frames can't tell.

    For n frames and a relative noise q of each, its 1-sigma is about q sqrt(2 / n).
    """
    if tone.frames < 3:
        return 0.0
    sin_sin = tone.frames - tone.cos_cos
    normal = np.array(
        [
            [tone.frames, tone.cos, tone.sin],
            [tone.cos, tone.cos_cos, tone.cos_sin],
            [tone.sin, tone.cos_sin, sin_sin],
        ]
    )
    if not np.linalg.cond(normal) < WORST_CONDITION:
        return 0.0
    mean, c, s = np.linalg.solve(normal, [tone.power, tone.power_cos, tone.power_sin]).tolist()
    return math.hypot(c, s) / mean if mean > 0.0 else 0.0


def carries(tone: Tone, agreed_depth: float) -> bool:
    """Whether the tone is there as deep as agreed."""
    return abs(depth(tone) - agreed_depth) <= TOLERANCE * agreed_depth
