"""Two streams of a photon-pair source between two free clocks, with their truth; no code of the
product."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_FWHM = math.sqrt(8.0 * math.log(2.0))
_A1_UNIT_PS = 1000.0 / 256.0
_START_PS = 100 * 10**12
"""Reading of A's clock at the first click, about: a1 times are not negative."""

Times = NDArray[np.int64]


class PairStream(NamedTuple):
    """What one kind of stream is; rates per second, on both sides of all clicks."""

    pair_hz: float
    a_hz: float
    b_hz: float
    span_s: float
    most_offset_s: float = 0.2
    most_ppm: float = 1.0
    drift_per_s: float = 0.0
    jitter_s: float = 0.7e-9
    """Full width at half maximum of the difference."""
    dark_s: tuple[float, float] = (0.0, 0.0)
    """Seconds between which B has no clicks."""
    burst: int = 0
    """Clicks of B within a microsecond, in the middle."""
    b_span_s: float | None = None
    """None: that of A."""


class Pairs(NamedTuple):
    """Clicks and truth: t_b = t_a + offset + rate x + drift / 2 x^2, x = t_a - start."""

    a_ps: Times
    b_ps: Times
    offset_ps: float
    rate: float
    drift_per_s: float

    def truth(self, a_ps: int) -> tuple[float, float]:
        """Offset, ps, and rate at that reading of A's clock."""
        x = (a_ps - _START_PS) * 1e-12
        later_ps = 1e12 * x * (self.rate + 0.5 * self.drift_per_s * x)
        return self.offset_ps + later_ps, self.rate + self.drift_per_s * x


def make(stream: PairStream, rng: np.random.Generator) -> Pairs:
    """Offset and rate are uniform in their ranges; both clocks read about the same at the start of
    both records, so pairs beyond the ends of one are missing in the other."""
    offset = float(rng.uniform(-1.0, 1.0)) * stream.most_offset_s
    rate = float(rng.uniform(-1.0, 1.0)) * stream.most_ppm * 1e-6
    # Beyond the ends too: what one side sees first, the other has seen before its record began.
    begin, end = -1.1 * stream.most_offset_s, stream.span_s + 1.1 * stream.most_offset_s
    common = rng.uniform(begin, end, rng.poisson(stream.pair_hz * (end - begin)))
    sigma = stream.jitter_s / _FWHM / math.sqrt(2.0)
    read = []
    for rate_hz in (stream.a_hz, stream.b_hz):
        alone = rng.poisson(max(rate_hz - stream.pair_hz, 0.0) * (end - begin))
        jittered = common + sigma * rng.standard_normal(common.size)
        read.append(np.concatenate([jittered, rng.uniform(begin, end, alone)]))
    a, b = read
    b += offset + b * (rate + 0.5 * stream.drift_per_s * b)
    b = b[~((b >= stream.dark_s[0]) & (b < stream.dark_s[1]))]
    b = np.append(b, 0.5 * stream.span_s + rng.uniform(0.0, 1e-6, stream.burst))
    b_span_s = stream.span_s if stream.b_span_s is None else stream.b_span_s
    a_ps, b_ps = (_as_read(times, span) for times, span in ((a, stream.span_s), (b, b_span_s)))
    return Pairs(a_ps, b_ps, 1e12 * offset, rate, stream.drift_per_s)


def _as_read(t_s: NDArray[np.float64], span_s: float) -> Times:
    inside = np.sort(t_s[(t_s >= 0.0) & (t_s < span_s)])
    units = np.rint(inside * 1e12 / _A1_UNIT_PS)
    return _START_PS + np.rint(units * _A1_UNIT_PS).astype(np.int64)
