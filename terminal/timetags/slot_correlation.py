"""Scores of clicks against every shift of a pattern, part by part.

Up to 2^21 slots a part is short enough for a tick of 50 ms: 15 ms by sums, 32 ms by a transform. At
2^24 either takes 0.2 to 0.4 s, as going through the scores does.

Of few clicks the pattern is added up once for each. Of many the theorem of correlation is faster:
one transform for the clicks of each basis, one back.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from terminal.timetags.pattern import SIGN, PublicPattern

_MOST_SUMS = 800
"""At 2^20 slots a sum takes 28 us, the transforms 31 ms; from 2^16 to 2^24 the ratio is the same
within a factor of two."""
_SLOTS_A_PART = 1 << 28
"""Sums of a part, times slots: 7 ms; beyond 2^21 slots there are as many as a byte holds."""
_MOST_IN_BYTE = 127


class Correlation(NamedTuple):
    """What has been computed so far; (n,) by click, or by bit of a click's weight."""

    place: NDArray[np.int64]
    """Of the pattern, up to the shift looked for."""
    channel: NDArray[np.uint8]
    weight: NDArray[np.int64]
    scores: NDArray[np.float32]
    """(length,): element `shift` is the weighted score if the true slot is slot + shift."""
    spectrum: NDArray[np.complex64] | None
    """Of the scores; None: there are few clicks."""
    parts: int = 0
    done: bool = False


def begin(
    slot: NDArray[np.int64],
    channel: NDArray[np.uint8],
    weight: NDArray[np.int64],
    pattern: PublicPattern,
) -> Correlation:
    """slot: (n,), up to an unknown shift; channel: (n,), 0..3; weight: (n,), 0 or more, some
    thousands in all."""
    index = np.mod(slot, pattern.length)
    scores = np.zeros(pattern.length, dtype=np.float32)
    if int(np.sum(np.bitwise_count(weight))) > _MOST_SUMS:
        spectrum = np.zeros(pattern.length // 2 + 1, dtype=np.complex64)
        return Correlation(index, channel, weight, scores, spectrum)
    bits = np.arange(int(np.max(weight, initial=0)).bit_length())
    bit, click = np.nonzero(weight >> bits[:, None] & 1)
    return Correlation(index[click], channel[click], 1 << bit, scores, None)


def advance(before: Correlation, pattern: PublicPattern) -> Correlation:
    """One part further."""
    if before.spectrum is None:
        return _summed(before, pattern)
    return _transformed(before, before.spectrum, pattern)


def _summed(before: Correlation, pattern: PublicPattern) -> Correlation:
    """By definition, in bytes as long as they hold the sum."""
    most = max(_SLOTS_A_PART // pattern.length, _MOST_IN_BYTE)
    part = slice(before.parts * most, (before.parts + 1) * most)
    index, channel, weight = before.place[part], before.channel[part], before.weight[part]
    scores, some = before.scores.copy(), np.empty(pattern.length, dtype=np.int8)
    for factor in np.unique(weight).tolist():
        clicks = np.flatnonzero(weight == factor)
        for first in range(0, clicks.size, _MOST_IN_BYTE):
            these = clicks[first : first + _MOST_IN_BYTE]
            some[:] = 0
            for i, c in zip(index[these].tolist(), channel[these].tolist(), strict=True):
                sign, until = pattern.sign[c >> 1], pattern.length - i
                add = np.subtract if c & 1 else np.add
                add(some[:until], sign[i:], out=some[:until])
                add(some[until:], sign[:i], out=some[until:])
            scores += some * np.float32(factor)
    done = part.stop >= before.place.size
    return before._replace(scores=scores, parts=before.parts + 1, done=done)


def _transformed(
    before: Correlation, spectrum: NDArray[np.complex64], pattern: PublicPattern
) -> Correlation:
    from scipy.fft import irfft, rfft  # A third of numpy's time, but slow to import.

    basis = before.parts
    if basis == len(SIGN):
        scores = np.asarray(irfft(spectrum, n=pattern.length), dtype=np.float32)
        return before._replace(scores=scores, done=True)
    row = np.bincount(before.place, SIGN[basis][before.channel] * before.weight, pattern.length)
    product = np.asarray(rfft(row.astype(np.float32)), dtype=np.complex64)
    np.conjugate(product, out=product)
    product *= pattern.spectra[basis]
    product += spectrum
    return before._replace(spectrum=product, parts=basis + 1)
