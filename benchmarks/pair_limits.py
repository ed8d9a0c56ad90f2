"""What pair streams are enough for a lock, and what comes of those that should not lock."""

import numpy as np

from benchmarks.pair_streams import Pairs, PairStream, make
from terminal.timetags.pairs import PairLock, find_pairs

_WRONG_PS = 1e5
_NOISE_STREAMS = 200
_FEW = (8, 12, 16, 20, 24, 47)
_FEW_SEEDS = 10


def show() -> bool:
    """Prints all; False if there was a wrong lock."""
    return all([few(_FEW_SEEDS), noise(_NOISE_STREAMS), odd()])


def few(seeds: int) -> bool:
    """How many pairs it takes."""
    print(
        "\nPairs in 0.2 s, as many clicks alone on either side, +-10 ms, +-20 ppm: locked (wrong)"
    )
    good = True
    for count in _FEW:
        stream = PairStream(count / 0.2, 2 * count / 0.2, 2 * count / 0.2, 0.2, 1e-2, 20.0)
        right = wrong = 0
        for seed in range(seeds):
            pairs = make(stream, np.random.default_rng(seed))
            lock = find_pairs(pairs.a_ps, pairs.b_ps, 1e-2, 20e-6)
            good = lock.locked and _is_right(lock, pairs)
            right, wrong = right + good, wrong + (lock.locked and not good)
        good &= wrong == 0
        print(f"{count:6} {right:6}/{seeds} ({wrong})", flush=True)
    return good


def _is_right(lock: PairLock, pairs: Pairs) -> bool:
    true_ps, _ = pairs.truth(lock.reference_time_ps)
    return abs(lock.offset_ps - true_ps) < _WRONG_PS


def noise(streams: int) -> bool:
    """Prints how many unrelated streams lock; every other one has pulses, which cluster."""
    locks = 0
    for seed in range(streams):
        rng = np.random.default_rng(seed)
        a, b = (np.sort(rng.integers(0, 20_000_000_000, 4000)) for _ in range(2))
        if seed % 2:
            a, b = (np.sort(t // 10_000 * 10_000 + rng.integers(0, 500, t.size)) for t in (a, b))
        locks += find_pairs(a, b, 5e-3, 2e-6).locked
    print(f"\nUnrelated streams, 4000 clicks in 20 ms, half of them pulsed: {locks}/{streams} lock")
    return locks == 0


_ODD = PairStream(1e4, 1e5, 1e5, 4.0)
ODD = {
    "burst of 10^5 on one side": _ODD._replace(burst=10**5),
    "one side dark for half of it": _ODD._replace(dark_s=(1.0, 3.0)),
    "one side a tenth as long": _ODD._replace(b_span_s=0.4),
    "no pairs, and a burst": _ODD._replace(pair_hz=0.0, burst=10**5, span_s=0.2),
    "one side dark": _ODD._replace(dark_s=(-1.0, 9.0)),
    "no common pairs": _ODD._replace(pair_hz=0.0, span_s=0.2),
}


def odd() -> bool:
    """Prints what comes of streams that are not as they should be."""
    good = True
    print()
    for name, stream in ODD.items():
        pairs = make(stream, np.random.default_rng(0))
        lock = find_pairs(pairs.a_ps, pairs.b_ps, 0.2, 20e-6)
        wrong = lock.locked and not (stream.pair_hz and _is_right(lock, pairs))
        good &= not wrong
        answer = "wrong lock" if wrong else "lock" if lock.locked else "no lock"
        print(f"{name:32}{answer}, {lock.seconds_used:.2f} s used", flush=True)
    return good
