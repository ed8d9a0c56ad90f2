"""Search for a clock's frequency and drift at once: the periodogram of the clicks, with chirp.

Folded at the right frequency and drift, the phasors exp(2 pi i t / T) of the signal add up. Their
power over n is Exp(1) distributed for clicks that know nothing of the clock, and has the mean
1 + (n - 1) (p g)^2 with a share p of signal, g = exp(-2 pi^2 sigma^2 / T^2).
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_OVERSAMPLING = 3
"""Bins per inverse half width of the search. A click is shared between the two nearest, by its
distance: 6 % loss at the edge of the range."""
_CHIRP_STEP = 4.0
"""Trial chirps, in cycles per squared span: halfway between two the phase still errs by a
quarter of a cycle from the middle to either end, 0.47 rad rms about its mean: 20 % loss."""
_ALIAS_BINS = 128
_ALIAS_PADDED = 512
_MOST_ALIAS_RATE = 6.0
_ALIAS_BENDS = np.arange(-3.0, 3.01, 0.25)
"""Slots by which an alias leaves the fit at the ends: linearly, and as a parabola."""
_OWN_LOBE = 0.5
"""In the same unit: closer cells are the fit itself."""


class Chirp(NamedTuple):
    """Where the clicks fold best: the signal of slot s is centred at
    t = s T + phase + rate (t - middle) + rate_per_s (t - middle)^2 / 2."""

    rate: float
    rate_per_s: float
    middle_s: float
    power: float
    trials: int
    """Cells looked at; noise reaches the power in any of them with less than trials exp(-power)."""

    @property
    def false_alarm_probability(self) -> float:
        return min(1.0, self.trials * math.exp(-self.power))


class _Trials(NamedTuple):
    """Rates at which clicks are folded: those of the transform of binned clicks, and one halfway
    between each two; (4 kept + 5,), ascending, two more on either side to interpolate with."""

    bins: NDArray[np.int64]
    share: Array
    """(n,): each click's bin, and what goes to the one after."""
    bin_s: float
    size: int
    """Of the transform."""
    kept: int
    """Of its rates, on either side of zero."""
    scale: NDArray[np.float32]
    """From squares to powers: mean 1 for clicks at random."""

    def power(self, phasor: NDArray[np.complex128]) -> NDArray[np.float32]:
        """In each trial, of the clicks' phasors (n,)."""
        from scipy.fft import fft  # Half of numpy's time, but slow to import.

        binned = np.zeros(self.size, dtype=np.complex64)
        np.add.at(binned, self.bins, (phasor * (1.0 - self.share)).astype(np.complex64))
        np.add.at(binned, self.bins + 1, (phasor * self.share).astype(np.complex64))
        spectrum = fft(binned)
        # Negative frequencies first.
        around = np.concatenate([spectrum[-self.kept - 1 :], spectrum[: self.kept + 2]])
        between = around[1:] - around[:-1]
        power = np.empty(self.scale.size, dtype=np.float32)
        power[::2] = np.square(around.real) + np.square(around.imag)
        power[1::2] = np.square(between.real) + np.square(between.imag)
        power *= self.scale
        return power

    def rate_hz(self, trial: float) -> float:
        return (0.5 * trial - self.kept - 1) / (self.size * self.bin_s)


def _trials(t_s: Array, half_width_hz: float) -> _Trials:
    """Up to this rate on either side of zero; t_s: (n,), of the clicks."""
    from scipy.fft import next_fast_len

    bin_s = 1.0 / (_OVERSAMPLING * half_width_hz)
    place = (t_s - t_s[0]) / bin_s
    index = place.astype(np.int64)
    size = int(next_fast_len(int(index[-1]) + 2))
    kept = math.ceil(half_width_hz * size * bin_s)
    scale = _inverse_noise(place, size, kept) / np.float32(t_s.size)
    return _Trials(index, place - index, bin_s, size, kept, scale)


def search_chirp(t_s: Array, slot_period_s: float, most_rate: float, most_drift: float) -> Chirp:
    """The strongest of all cells with |rate| and |drift| up to these limits.

    t_s: (n,), n >= 2, ascending, with a span above zero. Rate is dimensionless, drift in 1/s. The
    span should be short enough that jerk bends the phase by less than a tenth of a slot.
    """
    span = float(t_s[-1] - t_s[0])
    middle = float(t_s[0]) + 0.5 * span
    half_width_hz = (most_rate + 0.5 * most_drift * span) / slot_period_s
    trials = _trials(t_s, max(half_width_hz, 2.0 / span))
    turns = t_s / slot_period_s
    phasor = np.exp(2j * math.pi * (turns - np.rint(turns)))
    bend = math.pi / slot_period_s * np.square(t_s - middle)
    steps = math.ceil(most_drift / slot_period_s * span * span / _CHIRP_STEP)
    drifts = most_drift * np.arange(-steps, steps + 1) / max(steps, 1)

    best = Chirp(0.0, 0.0, middle, -1.0, len(drifts) * (4 * trials.kept + 1))
    for drift in drifts.tolist():
        power = trials.power(phasor * np.exp(-1j * drift * bend))
        peak = 2 + int(np.argmax(power[2:-2]))
        if power[peak] > best.power:
            rate = slot_period_s * trials.rate_hz(
                peak + _vertex(*power[peak - 1 : peak + 2].tolist())
            )
            best = best._replace(rate=rate, rate_per_s=drift, power=float(power[peak]))
    return best


def _vertex(left: float, top: float, right: float) -> float:
    """Of the parabola through three neighbours, from the middle one, half a step at most."""
    curvature = left - 2.0 * top + right
    vertex = 0.5 * (left - right) / curvature if curvature < 0.0 else 0.0
    return min(max(vertex, -0.5), 0.5)


def _inverse_noise(place: Array, size: int, kept: int) -> NDArray[np.float32]:
    """One over the mean power that a click at random has in each trial, (4 kept + 5,).

    Trials are those of the transform and, between each two, their difference over sqrt(2): halfway
    it has 8 / pi^2 of the power, 19 % loss; the worst is 25 %. place: of the clicks, in bins.
    """
    trial = 0.5 * np.arange(-2 * kept - 2, 2 * kept + 3)
    share = place - np.floor(place)
    # |(1 - u) + u exp(i w)|^2 = 1 - 2 u (1 - u) (1 - cos w), the sum over two bins.
    lost = 2.0 * float(np.mean(share * (1.0 - share)))
    noise = 1.0 - lost * (1.0 - np.cos(2.0 * math.pi / size * trial))
    # |1 - exp(i w)|^2 = 2 (1 - cos w), of what lies between.
    noise[1::2] *= 2.0 * (1.0 - float(np.mean(np.cos(2.0 * math.pi / size * place))))
    return np.asarray(1.0 / np.maximum(noise, 1e-3), dtype=np.float32)


def alias_power(t_s: Array, offset_s: Array, slot_period_s: float) -> float:
    """Power of the best fold with another frequency or drift, from the offsets of a fit, (n,).

    Where the clicks come in bursts, a clock that gains or loses whole slots from burst to burst
    folds nearly as well. The fit is not proved against it by less than the odds, which are about
    the exponential of the difference of the powers.
    """
    index = ((t_s - t_s[0]) * (_ALIAS_BINS / (t_s[-1] - t_s[0]))).astype(np.int64)
    binned = np.zeros(_ALIAS_BINS + 1, dtype=np.complex128)
    np.add.at(binned, index, np.exp(2j * math.pi / slot_period_s * offset_s))
    x = (2.0 * np.arange(_ALIAS_BINS + 1) + 1.0) / _ALIAS_BINS - 1.0
    bent = binned * np.exp(2j * math.pi * np.outer(_ALIAS_BENDS, 1.5 * x * x - 0.5))
    power = np.square(np.abs(np.fft.fft(bent, _ALIAS_PADDED, axis=1))) / t_s.size
    rates = 0.5 * _ALIAS_BINS * np.fft.fftfreq(_ALIAS_PADDED)
    distance = np.hypot(rates[None, :], _ALIAS_BENDS[:, None])
    alias = (distance >= _OWN_LOBE) & (np.abs(rates[None, :]) <= _MOST_ALIAS_RATE)
    return float(np.max(power[alias]))
