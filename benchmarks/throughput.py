"""`python -m benchmarks.throughput`: tags a second of one core, from the file to sifted bits.

Each kernel stands beside a plain numba loop that does the same, timed in turn with it, PTU decoding
beside ptufile on the same file. Judge the ratios; tags a second are this machine's of this moment.
All in processor time, one thread, numba's compiling apart.
"""

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any, NamedTuple

import numpy as np
import ptufile
from numba import njit

from benchmarks import click_files
from benchmarks.click_files import SLOT_S, Clicks

ROUNDS = 9
LEAST_FOLD, LEAST_COINCIDENCES, LEAST_PTU, LEAST_MTAGS = 1.5, 1.0, 1.5, 20.0
MOST_GROWTH = 1.15
_ONE_THREAD = dict.fromkeys(("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
_SHORT_S = 2.0
_PTU_CLICKS = 8_000_000


class Row(NamedTuple):
    """One claim."""

    what: str
    figure: str
    bound: str
    holds: bool | None
    """None: nothing was promised."""


@njit(nogil=True, error_model="numpy")
def plain_fold(time_ps: Any, period_ps: float, counts: Any) -> None:
    """What one would write: phase of each click, one histogram."""
    bins = counts.size
    per_turn = 1.0 / period_ps
    for i in range(time_ps.size):
        turns = time_ps[i] * per_turn
        counts[int((turns - math.floor(turns)) * bins)] += 1


@njit(nogil=True, error_model="numpy")
def plain_coincidences(a: Any, b: Any, half: int, of_a: Any, of_b: Any) -> int:
    """Two pointers."""
    j = found = 0
    for i in range(a.size):
        while j < b.size and b[j] < a[i] - half:
            j += 1
        k = j
        while k < b.size and b[k] <= a[i] + half:
            of_a[found], of_b[found] = i, k
            found += 1
            k += 1
    return found


def compare(
    ours: Callable[[], object], other: Callable[[], object], tags: int
) -> tuple[float, ...]:
    """(ratio of speeds, our and the other's Mtags/s): medians of runs in turn."""
    ours()
    other()
    ratios, own = [], []
    for _ in range(ROUNDS):
        times = []
        for work in (ours, other):
            start = process_time()
            work()
            times.append(process_time() - start)
        own.append(times[0])
        ratios.append(times[1] / times[0])
    ratio = median(ratios)
    return ratio, tags / median(own) * 1e-6, tags / median(own) * 1e-6 / ratio


def ratio_row(what: str, figures: tuple[float, ...], least: float) -> Row:
    ratio, ours, other = figures
    text = f"{ratio:.2f} ({ours:.0f} against {other:.0f} Mtags/s)"
    return Row(what, text, f">= {least}", ratio >= least)


def kernel_rows(clicks: Clicks) -> Iterator[Row]:
    from terminal.timetags import kernels

    t = clicks.time_ps[:2_000_000] - clicks.time_ps[0]
    bins = 997  # No whole number of ps, or each tenth click would lie on an edge.
    folded, plain = np.zeros((4, bins), np.int64), np.zeros(bins, np.int64)
    figures = compare(
        lambda: kernels.add_fold(t, 0, 0.0, 1e-12 / SLOT_S, folded),
        lambda: plain_fold(t, SLOT_S * 1e12, plain),
        t.size,
    )
    # Rounding may put a click beside the edge of the slot into either of its ends.
    assert np.sum(np.abs(np.sum(folded, axis=0) - plain)) < 1e-3 * np.sum(plain)
    yield ratio_row("fold and histogram / plain loop", figures, LEAST_FOLD)

    rng = np.random.default_rng(3)
    pairs = t[rng.random(t.size) < 0.2]
    alone = rng.integers(0, t[-1], t.size)
    b = np.sort(np.concatenate([pairs + rng.integers(-300, 300, pairs.size), alone]))
    of_a, of_b = np.empty((2, t.size + b.size), np.int64)
    found = [0, 0]

    def ours() -> None:
        found[0] = kernels.coincidences(t, b, 500, (0, 0), of_a, of_b)[2]

    def other() -> None:
        found[1] = plain_coincidences(t, b, 500, of_a, of_b)

    figures = compare(ours, other, t.size + b.size)
    assert found[0] == found[1]
    yield ratio_row("coincidences / plain loop", figures, LEAST_COINCIDENCES)


def ptu_rows(folder: Path, clicks: Clicks) -> Iterator[Row]:
    from terminal.timetags.formats import open_tags
    from terminal.timetags.formats.ptu import PtuFile

    part = Clicks(
        clicks.time_ps[:_PTU_CLICKS],
        clicks.channel[:_PTU_CLICKS],
        clicks.slot[:_PTU_CLICKS],
        clicks.pattern,
    )
    for name in ("T2", "T3"):
        path = folder / f"{name}.ptu"
        if name == "T2":
            records = click_files.write_t2(path, part)
        else:
            records = click_files.write_t3(path, part, 10_000, 1)

        def referee(path: Path = path) -> None:
            with ptufile.PtuFile(path) as file:
                file.decode_records()

        def decoded(path: Path = path) -> int:
            return sum(block.time_ps.size for block in PtuFile(path).read(1 << 20))

        def checked(path: Path = path) -> int:
            tags = open_tags(path, channels=(0, 1, 2, 3))
            return sum(block.time_ps.size for block in tags.blocks())

        times = np.concatenate([block.time_ps for block in PtuFile(path).read(1 << 20)])
        assert np.array_equal(times, part.time_ps)
        figures = compare(decoded, referee, records)
        yield ratio_row(f"PTU {name}, {records * 1e-6:.1f} M records / ptufile", figures, LEAST_PTU)
        ratio, ours, other = compare(checked, referee, records)
        text = f"{ratio:.2f} ({ours:.0f} against {other:.0f} Mtags/s)"
        yield Row(f"  with channels and all checks ({name})", text, "", None)


def chain(path: Path, pattern: Path) -> dict[str, float]:
    """Decode, track, slot and sift a file; processor time of each, what came out, peak memory."""
    from terminal.clock_input import TagStream, read_pattern
    from terminal.timetags import kernels
    from terminal.timetags.file_recovery import recover

    public = read_pattern(pattern)
    start = process_time()
    stream = TagStream(path, [0, 1, 2, 3] if path.suffix == ".ptu" else None)
    opened = process_time()
    recovery = recover(stream.blocks, public, SLOT_S)
    found = process_time()
    counts, accepted = np.zeros((4, 16), np.int64), 0
    for block in stream.blocks():
        clicks = recovery.assign(block.time_ps, block.channel)
        bit = np.empty(block.time_ps.size, np.uint8)
        kernels.sift(clicks.slot, block.channel, clicks.accepted, public.state, counts, bit)
        accepted += int(np.count_nonzero(clicks.accepted))
    end = process_time()
    peak_mb = _peak_mb()
    table = np.sum(counts, axis=0).reshape(4, 4)
    right = float(np.trace(table))
    sifted = right + float(table[[0, 1, 2, 3], [1, 0, 3, 2]].sum())
    truth = np.load(path.with_name(f"{path.stem}.truth.npy"), mmap_mode="r")
    wrong = sure = 0
    for block in stream.blocks():
        slot = recovery.assign(block.time_ps, block.channel).slot
        true = truth[block.index]
        sure += int(np.count_nonzero(slot >= 0))
        wrong += int(np.count_nonzero((slot != true) & (slot >= 0) & (true >= 0)))
    return {
        "mtags": recovery.clicks / (end - start) * 1e-6,
        "first_pass": opened - start,
        "recover": found - opened,
        "assign": end - found,
        "clicks": recovery.clicks,
        "sure": sure / max(recovery.clicks, 1),
        "wrong": wrong,
        "accepted": accepted,
        "qber": 1.0 - right / max(sifted, 1.0),
        "peak_mb": peak_mb,
    }


def _peak_mb() -> float:
    """Of this program; getrusage would tell that of the one which started it, if larger."""
    status = Path("/proc/self/status").read_text()
    return float(status.split("VmHWM:")[1].split()[0]) / 1024


def in_own_process(path: Path) -> dict[str, float]:
    """`chain` in one thread."""
    arguments = [sys.executable, "-m", "benchmarks.throughput", "--chain", str(path)]
    done = subprocess.run(
        arguments,
        env={**os.environ, **_ONE_THREAD},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    answer: dict[str, float] = json.loads(done.stdout)
    return answer


def chain_rows(folder: Path, rate_hz: float, duration_s: float) -> Iterator[Row]:
    from terminal.timetags.formats import write_npz

    short = click_files.make_clicks(rate_hz, _SHORT_S)
    np.savez(folder / "pattern.npz", state=short.pattern)
    for name, made in (("short", short), ("long", click_files.make_clicks(rate_hz, duration_s))):
        np.save(folder / f"{name}.truth.npy", made.slot)
        write_npz(folder / f"{name}.npz", made.time_ps, made.channel)
        click_files.write_t2(folder / f"{name}.ptu", made)
    del short, made
    in_own_process(folder / "short.npz")  # Compiles what no one has compiled yet.
    for suffix in (".npz", ".ptu"):
        little = in_own_process(folder / f"short{suffix}")
        much = in_own_process(folder / f"long{suffix}")
        parts = "+".join(f"{much[k]:.2f}" for k in ("first_pass", "recover", "assign"))
        text = f"{much['mtags']:.1f} Mtags/s ({much['clicks'] * 1e-6:.0f} M clicks, {parts} s)"
        yield Row(
            f"decode, track, slot, sift {suffix}",
            text,
            f">= {LEAST_MTAGS:g}",
            much["mtags"] >= LEAST_MTAGS,
        )
        sure = much["sure"]
        text = f"{much['wrong']:.0f}; {100 * sure:.2f} % sure; QBER {100 * much['qber']:.2f} %"
        yield Row("  wrong slots of signal clicks", text, "0", much["wrong"] == 0 and sure > 0.99)
        growth = much["peak_mb"] / little["peak_mb"]
        ratio = much["clicks"] / little["clicks"]
        text = f"{little['peak_mb']:.0f} -> {much['peak_mb']:.0f} MB for {ratio:.0f} x the clicks"
        yield Row("  peak memory", text, f"<= x {MOST_GROWTH}", growth <= MOST_GROWTH)


def rows(folder: Path, rate_hz: float, duration_s: float) -> Iterator[Row]:
    """All of them."""
    clicks = click_files.make_clicks(rate_hz, _PTU_CLICKS / rate_hz * 1.01)
    yield from kernel_rows(clicks)
    yield from ptu_rows(folder, clicks)
    del clicks
    yield from chain_rows(folder, rate_hz, duration_s)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.throughput", description=__doc__)
    parser.add_argument("--rate-hz", type=float, default=5e6)
    parser.add_argument("--duration-s", type=float, default=20.0)
    parser.add_argument("--chain", metavar="FILE", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.chain:
        # Importing numba and loading what it compiled is no part of the chain.
        chain(options.chain.with_stem("short"), options.chain.with_name("pattern.npz"))
        print(json.dumps(chain(options.chain, options.chain.with_name("pattern.npz"))))
        return
    all_hold = True
    with tempfile.TemporaryDirectory(prefix="qsky-throughput-") as folder:
        for row in rows(Path(folder), options.rate_hz, options.duration_s):
            verdict = {True: "holds", False: "FAILS", None: ""}[row.holds]
            print(f"{row.what:42} {row.figure:48} {row.bound:10} {verdict}", flush=True)
            all_hold &= row.holds is not False
    print(f"load of this machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} CPUs")
    sys.exit(not all_hold)


if __name__ == "__main__":
    main()
