"""`python -m benchmarks.pair_fpfind --seeds N`: two streams of a pair source put on one time scale,
beside what fpfind makes of the same files.

fpfind runs with the settings that its hints and tests name for such streams: `-q -R` to hold the
offset, `--df` as the step of its frequency scan (`-P`) that is right (which spares it the steps
before that one), `-S0 -s1` at large frequency offsets. It is given the offsets it can hold.
"""

import argparse
import math
import sys
import tempfile
import warnings
from pathlib import Path
from time import process_time
from typing import NamedTuple

import numpy as np
from fpfind.fpfind import fpfind
from fpfind.lib import logging as fpfind_logging
from fpfind.lib.constants import MAX_FCORR
from fpfind.lib.parse_timestamps import read_a1
from fpfind.lib.utils import normalize_timestamps

from benchmarks import pair_limits
from benchmarks.pair_streams import Pairs, PairStream, make
from terminal.clock_input import TagStream
from terminal.timetags.formats.a1 import write_a1
from terminal.timetags.pairs import find_pairs

_WRONG_PS = 1e5
"""Offsets further from the truth, anywhere that was searched, help nobody."""


class Settings(NamedTuple):
    """fpfind's: -q -R -S -s, whether its frequency scan's right step is given, --max-dt."""

    order: int = 22
    bin_ns: int = 128
    threshold: float = 6.0
    separation: float = 6.0
    scan_step: float = 0.0

    @property
    def span_s(self) -> float:
        """Of the file that fpfind wants to read."""
        return (self.separation + 2.0) * float(self.bin_ns << self.order) * 1e-9

    def __str__(self) -> str:
        step = " --df" if self.scan_step else ""
        liberal = f" -S{self.threshold:g} -s{self.separation:g}" if self.separation != 6.0 else ""
        return f"-q{self.order} -R{self.bin_ns}{liberal}{step}"


class Row(NamedTuple):
    """Streams of one kind, rates in 1/s and the same on both sides unless b_hz says other."""

    pair_hz: float
    a_hz: float
    ppm: float
    settings: Settings = Settings()
    b_hz: float = 0.0
    offset_s: float = 0.2
    drift_per_s: float = 0.0
    jitter_s: float = 0.7e-9

    def stream(self) -> PairStream:
        return PairStream(
            self.pair_hz,
            self.a_hz,
            self.b_hz or self.a_hz,
            self.settings.span_s,
            self.offset_s,
            self.ppm,
            self.drift_per_s,
            self.jitter_s,
        )


_STEP = Settings(scan_step=1e-7)
ROWS = (
    Row(1e3, 1e4, 1.0),
    Row(1e3, 1e4, 1.0, Settings(23, 64)),
    Row(1e4, 1e5, 1.0),
    Row(1e4, 1e5, 1.0, jitter_s=0.5e-9),
    Row(1e4, 1e5, 1.0, jitter_s=1e-9, drift_per_s=1e-8),
    Row(1e4, 2e4, 1.0, b_hz=5e5),
    Row(5e4, 5e5, 1.0),
    Row(1e4, 1e5, 10.0),
    Row(1e3, 1e4, 50.0, _STEP),
    Row(1e4, 1e5, 50.0, _STEP),
    Row(5e4, 5e5, 50.0, _STEP),
    Row(1e4, 1e5, 50.0, Settings(threshold=0.0, separation=1.0)),
    Row(2e4, 1e5, 100.0, Settings(threshold=0.0, separation=1.0)),
    Row(1e3, 1e5, 20.0, _STEP),
    Row(5e4, 5e5, 9.0, Settings(19, 16, scan_step=1e-6), offset_s=4e-3),
    Row(5e4, 1e5, 9.0, Settings(20, 8, scan_step=1e-6), offset_s=4e-3),
    Row(1e4, 1e5, 1.0, Settings(22, 512), offset_s=1.0),
)
_DEFAULT = Settings(26, 16)
DEFAULT_ROWS = (
    Row(1e3, 1e4, 1.0, _DEFAULT),
    Row(1e4, 1e5, 1.0, _DEFAULT),
    Row(1e4, 1e5, 1.0, _DEFAULT, drift_per_s=1e-8),
    Row(1e4, 1e5, 50.0, _DEFAULT._replace(scan_step=1e-7)),
)
"""2^26 bins take some 6 GB and minutes: only when asked for."""


class Judged(NamedTuple):
    """One answer."""

    found: bool
    right: bool = False
    offset_ps: float = 0.0
    """Errors, of the offset at the common start, and of the rate."""
    rate: float = 0.0
    cpu_s: float = 0.0


def judged_ours(pairs: Pairs, row: Row, a: Path, b: Path) -> Judged:
    """`find_pairs` on the two files; reading is not timed."""
    clicks_a, clicks_b = (TagStream(file, "all").all_times() for file in (a, b))
    start = process_time()
    lock = find_pairs(clicks_a, clicks_b, row.offset_s, max(row.ppm, 20.0) * 1e-6)
    cpu_s = process_time() - start
    if not lock.locked:
        return Judged(False, cpu_s=cpu_s)
    begin_ps = max(int(clicks_a[0]), int(clicks_b[0]))
    x = (begin_ps - lock.reference_time_ps) * 1e-12
    rate = lock.frequency_offset + lock.drift_per_s * x
    offset_ps = lock.offset_ps + 1e12 * x * (lock.frequency_offset + 0.5 * lock.drift_per_s * x)
    true_ps, true_rate = pairs.truth(begin_ps)
    return _judged(offset_ps - true_ps, rate - true_rate, row, cpu_s)


def judged_fpfind(pairs: Pairs, row: Row, a: Path, b: Path) -> Judged:
    """The steps of its command on the two files; reading is not timed."""
    settings = row.settings
    clicks_a, clicks_b = read_a1(a)[0], read_a1(b)[0]
    begin_ps = max(int(pairs.a_ps[0]), int(pairs.b_ps[0]))
    bins, window_ns = 1 << settings.order, float(settings.bin_ns << settings.order)
    known = 0.0
    if settings.scan_step:
        known = settings.scan_step * round(pairs.rate / settings.scan_step)
    # It warns of windows that are longer than what is left of the file.
    warnings.simplefilter("ignore", UserWarning)
    start = process_time()
    early, late = normalize_timestamps(clicks_a, clicks_b)
    try:
        offset_ns, rate = fpfind(
            early,
            late,
            num_wraps=1,
            num_bins=bins,
            resolution=settings.bin_ns,
            target_resolution=1,
            threshold=settings.threshold,
            max_dt=row.offset_s * 1e9,
            max_df=MAX_FCORR,
            df_target=1e-10,
            separation_duration=settings.separation * window_ns,
            convergence_rate=np.e,
            precompensations=[known],
        )
    except ValueError:
        return Judged(False, cpu_s=process_time() - start)
    cpu_s = process_time() - start
    # What it finds is the mean rate between the middles of its two windows.
    middle_ps = begin_ps + round(500.0 * (settings.separation + 1.0) * window_ns)
    true_ps, _ = pairs.truth(begin_ps)
    return _judged(
        1e3 * float(offset_ns) - true_ps, float(rate) - pairs.truth(middle_ps)[1], row, cpu_s
    )


def _judged(offset_ps: float, rate: float, row: Row, cpu_s: float) -> Judged:
    worst_ps = max(abs(offset_ps), abs(offset_ps + 1e12 * rate * row.settings.span_s))
    return Judged(True, worst_ps < _WRONG_PS, offset_ps, rate, cpu_s)


class Sum(NamedTuple):
    """Of the answers of one row."""

    right: int
    wrong: int
    offset_ps: float
    rate: float
    """Errors, rms of the right ones."""
    cpu_s: float
    """Mean."""


def summed(answers: list[Judged]) -> Sum:
    right = [one for one in answers if one.right]
    wrong = sum(one.found for one in answers) - len(right)
    cpu_s = sum(one.cpu_s for one in answers) / len(answers)
    if not right:
        return Sum(0, wrong, math.nan, math.nan, cpu_s)
    offset, rate = (
        math.sqrt(sum(v * v for v in values) / len(right))
        for values in ([one.offset_ps for one in right], [one.rate for one in right])
    )
    return Sum(len(right), wrong, offset, rate, cpu_s)


def compare(row: Row, seeds: int, folder: Path) -> bool:
    """Prints the row; True if ours is nowhere behind."""
    ours, other = [], []
    files = (folder / "a.a1", folder / "b.a1")
    for seed in range(seeds):
        pairs = make(row.stream(), np.random.default_rng(seed))
        for file, times in zip(files, (pairs.a_ps, pairs.b_ps), strict=True):
            write_a1(file, times, np.zeros(times.size, np.uint8))
        ours.append(judged_ours(pairs, row, *files))
        other.append(judged_fpfind(pairs, row, *files))
    us, them = summed(ours), summed(other)
    verdicts = {
        "wrong lock": us.wrong > 0,
        "fewer found": us.right < them.right,
        # NaN, where one of them found nothing, is no defeat.
        "less exact": us.offset_ps > them.offset_ps or us.rate > them.rate,
        "slower": us.cpu_s > them.cpu_s,
    }
    bad = [name for name, failed in verdicts.items() if failed]
    drift = f" {row.drift_per_s:g}/s" if row.drift_per_s else ""
    print(
        f"{row.pair_hz / 1e3:3g}k of {row.a_hz / 1e3:g}k, {(row.b_hz or row.a_hz) / 1e3:g}k"
        f" +-{row.ppm:g} ppm{drift} +-{row.offset_s:g} s {row.jitter_s * 1e9:g} ns".ljust(52)
        + f"{row.settings!s:22}{us.right:3}/{seeds}{us.wrong:3}{them.right:5}/{seeds}{them.wrong:3}"
        f"{us.offset_ps:9.1f}{them.offset_ps:9.1f}{us.rate:10.1e}{them.rate:10.1e}"
        f"{us.cpu_s:7.2f}{them.cpu_s:7.2f}{them.cpu_s / us.cpu_s:7.1f}"
        f"  {', '.join(bad) or 'holds'}",
        flush=True,
    )
    return not bad


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.pair_fpfind", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--seeds", type=int, default=3, help="streams of each kind")
    parser.add_argument("--rows", default="", help="only these of the comparison: 0,3,...")
    parser.add_argument(
        "--default", action="store_true", help="fpfind's default -q26 -R16 instead; takes 6 GB"
    )
    options = parser.parse_args()
    fpfind_logging.set_verbosity(fpfind_logging.get_logger("fpfind")[0], -1)
    rows = DEFAULT_ROWS if options.default else ROWS
    chosen = [int(n) for n in options.rows.split(",")] if options.rows else range(len(rows))
    warm = make(PairStream(1e4, 2e4, 2e4, 0.2, 1e-2), np.random.default_rng(0))
    find_pairs(warm.a_ps, warm.b_ps, 1e-2)
    print(
        f"{'pairs of clicks A, B':52}{'fpfind':22}{'right wrong':>8}{'fpfind':>9}{'ps rms':>10}"
        f"{'fpfind':>9}{'rate rms':>10}{'fpfind':>10}{'CPU s':>7}{'fpfind':>7}{'ratio':>7}"
    )
    with tempfile.TemporaryDirectory(prefix="qsky-pairs-") as folder:
        held = [compare(rows[n], options.seeds, Path(folder)) for n in chosen]
    good = all(held)
    if not options.rows and not options.default:
        good &= pair_limits.show()
    sys.exit(not good)


if __name__ == "__main__":
    main()
