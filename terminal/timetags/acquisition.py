"""Frequency, phase and slot number out of a few thousand single photons, with no other help.

1. Frequency: fold the clicks at every frequency of the search range at once (FFT of the phasors
   exp(2 pi i u / T), summed into bins short against the inverse search range).
2. Phase: maximum likelihood of phase and frequency under a Gaussian on uniform background.
3. Slot number: correlate the clicks near slot centres with the public pattern, by FFT. Whether the
   best shift is chance is bounded rigorously; above the limit there is no lock.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from terminal.timetags import mixture as mx
from terminal.timetags.mixture import Array, Mixture
from terminal.timetags.pattern import PublicPattern

MIN_CLICKS = 30
_FREQUENCY_FALSE_ALARM = 1e-3
"""Only saves useless work: what a false frequency leads to must still pass the slot test."""
_OVERSAMPLING = 8
"""Bins per inverse search half width: 3 % loss at the edge of the range."""
_PADDING = 4
"""Trial frequencies per inverse span: 5 % loss halfway between two."""
_FIT_ITERATIONS = 20
_EPOCH_DOUBT_S = 5e-6
"""Sender's clock and predicted delay may be off by this much [?] ..."""
_RATE_DOUBT = 1e-7
"""... plus the time since the start times this: the frequency has changed meanwhile [?]."""
_GATE_SIGMA = 2.5


class Lock(NamedTuple):
    """Result of one attempt. The signal of slot s is centred at
    u = s T + phase_s + frequency_offset (u - time_s)."""

    locked: bool
    false_lock_probability: float
    """Bound on the probability that clicks without the pattern would look as good."""
    clicks_used: int
    frequency_offset: float = 0.0
    """Slot period seen over nominal, minus 1."""
    frequency_sigma: float = 0.0
    phase_s: float = 0.0
    phase_sigma_s: float = 0.0
    time_s: float = 0.0
    """Mean time of the clicks, where phase and frequency are uncorrelated."""
    span_s: float = 0.0
    slot_of_first: int = 0
    """Absolute slot number of the first click given."""
    mixture: Mixture = Mixture(0.5, 0.0)


def acquire(
    u_s: Array,
    channel: NDArray[np.uint8],
    pattern: PublicPattern,
    slot_period_s: float,
    search_ppm: float,
    false_lock_probability: float,
) -> Lock:
    """Tries to lock.

    u_s: (n,), click times by the own clock from the start of the slot count, minus predicted delay.
    channel: (n,), 0..3 = H V D A. The pattern gives the slot modulo its length; own clock and
    predicted delay must tell its repetitions apart, else there is no lock.
    """
    n = int(u_s.size)
    span = float(np.ptp(u_s)) if n else 0.0
    if n < MIN_CLICKS or span <= 0.0:
        return Lock(False, 1.0, n)
    doubt_s = _EPOCH_DOUBT_S + _RATE_DOUBT * abs(float(np.mean(u_s)))
    if doubt_s > 0.5 * pattern.length * slot_period_s:
        return Lock(False, 1.0, n)
    frequency = _fold(u_s, span, slot_period_s, search_ppm * 1e-6)
    if frequency is None:
        return Lock(False, 1.0, n)
    line = _fit_line(u_s, slot_period_s, frequency)
    signal = np.abs(line.offset_s) < _GATE_SIGMA * line.mixture.sigma_s
    slot, channel_in_gate = line.slot[signal], channel[signal]

    in_hv = float(np.count_nonzero(channel_in_gate < 2))
    in_da = channel_in_gate.size - in_hv
    matched = in_hv * pattern.share_by_basis[0] + in_da * pattern.share_by_basis[1]
    if pattern.length * chance(matched, matched) > false_lock_probability:
        return Lock(False, 1.0, n)  # Not even clicks free of error could prove the slot yet.
    score = pattern.scores(slot, channel_in_gate)
    best = int(np.argmax(score))
    mean = float(np.mean(score, dtype=np.float64))
    variance = float(np.var(score, dtype=np.float64))
    probability = min(1.0, pattern.length * chance(float(score[best]) - mean, variance))

    # The pattern gives the shift modulo its length, the predicted delay gives the rest.
    mid = line.time_s
    expected_slot = mid / (1.0 + line.frequency_offset) / slot_period_s
    expected_shift = expected_slot - (mid - line.phase_s) / slot_period_s
    shift = best + pattern.length * round((expected_shift - best) / pattern.length)
    return Lock(
        locked=probability <= false_lock_probability,
        false_lock_probability=probability,
        clicks_used=n,
        frequency_offset=line.frequency_offset,
        frequency_sigma=line.frequency_sigma,
        phase_s=line.phase_s - shift * slot_period_s,
        phase_sigma_s=line.phase_sigma_s,
        time_s=mid,
        span_s=span,
        slot_of_first=int(line.slot[0]) + shift,
        mixture=line.mixture,
    )


def chance(score: float, variance: float) -> float:
    """Bound on the probability that a wrong shift reaches this score.

    A wrong shift scores +1 or -1 with equal probability on the clicks that meet a public slot of
    their own basis. With `variance` such clicks expected, ln E[exp(h S)] <= variance (cosh h - 1),
    and Chernoff's bound exp(-x asinh(x/v) + sqrt(x^2 + v^2) - v) follows. It tends to exp(-z^2/2),
    but holds where few clicks make the tail heavier than a Gaussian's.
    """
    if score <= 0.0 or variance <= 0.0:
        return 1.0
    x, v = score, variance
    return math.exp(math.hypot(x, v) - v - x * math.asinh(x / v))


def _fold(u_s: Array, span_s: float, slot_period_s: float, search: float) -> float | None:
    """Frequency offset with the strongest folding, None if noise alone could give it.

    Power over n is Exp(1) distributed for noise: P = M exp(-Z) over M trial frequencies.
    """
    half_width_hz = max(search / slot_period_s, 2.0 / span_s)
    bin_s = 1.0 / (_OVERSAMPLING * half_width_hz)
    index = ((u_s - np.min(u_s)) / bin_s).astype(np.int64)
    bins = int(np.max(index)) + 1
    turns = u_s / slot_period_s
    phasor = np.exp(2j * math.pi * (turns - np.rint(turns)))
    binned = np.bincount(index, phasor.real, bins) + 1j * np.bincount(index, phasor.imag, bins)
    size = 1 << (_PADDING * bins - 1).bit_length()
    power = np.square(np.abs(np.fft.fft(binned, size))) / u_s.size
    trial_hz = np.fft.fftfreq(size, bin_s)
    power[np.abs(trial_hz) > half_width_hz] = 0.0
    best = int(np.argmax(power))
    trials = np.count_nonzero(power)
    if trials * math.exp(-power[best]) > _FREQUENCY_FALSE_ALARM:
        return None
    left, peak, right = power[best - 1], power[best], power[(best + 1) % size]
    vertex = 0.5 * (left - right) / (left - 2.0 * peak + right)
    return float(trial_hz[best] + vertex / (size * bin_s)) * slot_period_s


class _Line(NamedTuple):
    """u = slot T + phase + frequency offset (u - time) + offset."""

    slot: NDArray[np.int64]
    offset_s: Array
    phase_s: float
    frequency_offset: float
    phase_sigma_s: float
    frequency_sigma: float
    time_s: float
    mixture: Mixture


def _fit_line(u_s: Array, slot_period_s: float, frequency_offset: float) -> _Line:
    """Maximum likelihood of phase and frequency (Fisher scoring), fraction and jitter (EM)."""
    n = u_s.size
    mid = float(np.mean(u_s))
    t = u_s - mid
    spread = float(np.dot(t, t))
    straight = u_s - frequency_offset * t
    phase = mx.circular_mean(mx.wrap(straight, slot_period_s), slot_period_s)
    slot = np.rint((straight - phase) / slot_period_s)
    residual = straight - phase - slot * slot_period_s
    centre, slope = 0.0, 0.0
    mixture = Mixture(0.5, slot_period_s / 10.0)
    for _ in range(_FIT_ITERATIONS):
        offset = mx.wrap(residual - centre - slope * t, slot_period_s)
        weight = mx.responsibility(offset, mixture, slot_period_s)
        gain = 1.0 / (mixture.sigma_s**2 * mx.information(mixture, slot_period_s))
        centre += gain * float(np.dot(weight, offset)) / n
        slope += gain * float(np.dot(weight, offset * t)) / spread
        total = max(float(np.sum(weight)), 1.0)
        sigma = math.sqrt(float(np.dot(weight, offset * offset)) / total)
        mixture = Mixture(mx.bounded(total / n), max(sigma, slot_period_s / 200.0))
    straight = u_s - (frequency_offset + slope) * t - phase - centre
    slot = np.rint(straight / slot_period_s)
    j = mx.information(mixture, slot_period_s)
    return _Line(
        slot=slot.astype(np.int64),
        offset_s=straight - slot * slot_period_s,
        phase_s=phase + centre,
        frequency_offset=frequency_offset + slope,
        phase_sigma_s=1.0 / math.sqrt(n * j),
        frequency_sigma=1.0 / math.sqrt(spread * j),
        time_s=mid,
        mixture=mixture,
    )
