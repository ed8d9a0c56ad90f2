"""The rate at which click times fold best, near a known one."""

import math
from typing import NamedTuple

import numpy as np

from terminal.timetags.mixture import Array

SEARCH = 25e-6
"""Half width, relative."""
_FALSE_ALARM = 1e-9
_POWER = 80.0
"""To be reached before the rate is followed from there: predicts half a span on to 0.1 turns."""
_FEWEST = 64
_OVERSAMPLING = 8
_PADDING = 4
_MOST_BINS = 1 << 23


class FoundRate(NamedTuple):
    """Result of the search."""

    significant: bool
    false_alarm_probability: float
    """Over all rates and spans tried."""
    frequency_hz: float = 0.0
    sigma_hz: float = 0.0
    turns: float = 0.0
    """Phase at time_s, the middle of the clicks."""
    time_s: float = 0.0
    share: float = 0.0
    """Modulus of the mean phasor."""


def search_rate(t_s: Array, near_hz: float) -> FoundRate:
    """t_s: (n,), ascending, from 0. Spans grow until a rate stands out.

    Power over n, Z = |sum exp(2 pi i f t)|^2 / n, is Exp(1) distributed for clicks at random, so
    the probability of a false one is M exp(-Z) over M trial rates.
    """
    n, attempts = _FEWEST, 0
    best = FoundRate(False, 1.0)
    while t_s.size >= _FEWEST:
        n = min(n, t_s.size)
        part = t_s[:n]
        span = float(part[-1] - part[0])
        if span > 0.0:
            if _bins(span, near_hz) > _MOST_BINS:
                break
            attempts += 1
            found = _strongest(part, near_hz, span, attempts * (attempts + 1))
            if found.significant or not best.significant:
                best = found
            if found.significant and found.share**2 * n >= _POWER:
                break
        if n == t_s.size:
            break
        n *= 2
    return best


def _half_width_hz(span_s: float, near_hz: float) -> float:
    return max(SEARCH * near_hz, 2.0 / span_s)


def _bins(span_s: float, near_hz: float) -> int:
    return math.ceil(span_s * _OVERSAMPLING * _half_width_hz(span_s, near_hz)) + 1


def _strongest(t_s: Array, near_hz: float, span_s: float, trials: int) -> FoundRate:
    """The best rate for these clicks; trials: factor for the attempts made."""
    half_width = _half_width_hz(span_s, near_hz)
    bin_s = 1.0 / (_OVERSAMPLING * half_width)
    index = ((t_s - t_s[0]) / bin_s).astype(np.int64)
    turns = t_s * near_hz
    phasor = np.exp(2j * math.pi * (turns - np.rint(turns)))
    binned = np.bincount(index, phasor.real) + 1j * np.bincount(index, phasor.imag)
    size = 1 << (_PADDING * binned.size - 1).bit_length()
    power = np.square(np.abs(np.fft.fft(binned, size))) / t_s.size
    trial_hz = np.fft.fftfreq(size, bin_s)
    inside = np.abs(trial_hz) <= half_width
    power[~inside] = 0.0
    peak = int(np.argmax(power))
    left, top, right = power[peak - 1], float(power[peak]), power[(peak + 1) % size]
    curve = float(left - 2.0 * top + right)
    vertex = 0.5 * float(left - right) / curve if curve < 0.0 else 0.0
    # Clicks of rate F leave the phasor of near - F, which is where the transform peaks.
    hz = near_hz - float(trial_hz[peak]) - min(max(vertex, -0.5), 0.5) / (size * bin_s)
    along = t_s * hz
    folded = complex(np.sum(np.exp(2j * math.pi * (along - np.rint(along)))))
    top = abs(folded) ** 2 / t_s.size
    log_probability = math.log(trials * np.count_nonzero(inside)) - top
    probability = math.exp(min(0.0, log_probability))
    return FoundRate(
        significant=probability < _FALSE_ALARM,
        false_alarm_probability=probability,
        frequency_hz=hz,
        # Phase of a sum of n unit phasors: 1 / (8 pi^2 Z) turns^2; slope over an even span: 12/T^2.
        sigma_hz=math.sqrt(12.0 / (8.0 * math.pi**2 * max(top, 1e-9))) / span_s,
        turns=math.atan2(folded.imag, folded.real) / (2.0 * math.pi),
        time_s=float(np.mean(t_s)),
        share=math.sqrt(top / t_s.size),
    )
