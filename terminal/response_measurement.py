"""Moves the mirror and reads the position detector: the measurement behind `qsky identify`."""

from collections.abc import Callable

import numpy as np

from drivers.protocols import Mirror, QuadDetector
from terminal.control.identification.excitation import Excitation
from terminal.control.identification.reading import EDGE_SHARE, Detector, Scans
from terminal.control.identification.refusal import IdentificationError

SILENT_S = 0.2
"""Without a scan for so long, the measurement ends."""
DARK_S = 0.5
"""Of scans over which the background is averaged."""
_MOST_OUTSIDE = 20
"""Scans in a row with the light at the detector's edge."""


def measure(
    quad: QuadDetector,
    mirror: Mirror,
    advance: Callable[[], int],
    excitation: Excitation,
    detector: Detector,
    rate_hz: float,
) -> Scans:
    """Give the mirror one command a scan and keep what the detector showed.

    advance: waits for the next scan and gives the time (TAI, ns).

    Scans count by the detector's sequence numbers, so that lost ones shift nothing. Whatever is
    raised, the mirror is sent back to its centre.

    Raises:
        IdentificationError: no scans, or light that runs off the detector.
    """
    commands = excitation.counts.tolist()
    n = len(commands)
    counts, seen = np.zeros((n, 4), np.int64), np.zeros(n, bool)
    sent = np.zeros((n, 2), np.int64)
    patience = _patience(rate_hz)
    k, silent, outside = -1, 0, 0
    first: int | None = None
    t_ns = 0
    try:
        while True:
            t_ns = advance()
            scan = quad.poll(t_ns)
            first = scan.seq if scan and first is None else first
            if scan is None or first is None or scan.seq - first <= k:
                silent += 1
                if silent > patience:
                    raise _silence(k + 1)
                continue
            silent = 0
            before, k = k, scan.seq - first
            # What was sent last held over scans that were lost.
            sent[before + 1 : k] = sent[before] if before >= 0 else 0
            if k >= n:
                return Scans(counts, seen, sent)
            counts[k], seen[k] = (scan.a, scan.b, scan.c, scan.d), True
            outside = outside + 1 if _at_edge(counts[k].tolist(), detector) else 0
            if outside > _MOST_OUTSIDE:
                raise IdentificationError(
                    f"the light has stood at the detector's edge for {outside} scans in a row, "
                    f"{k / rate_hz:.3g} s from the start: centre the spot, or use a smaller "
                    "--amplitude-share"
                )
            x_counts, y_counts = sent[k] = commands[k]
            mirror.command(x_counts, y_counts, t_ns)
    finally:
        mirror.command(0, 0, t_ns)


def measure_background(quad: QuadDetector, advance: Callable[[], int], rate_hz: float) -> float:
    """Mean sum of the four channels over `DARK_S` of scans: the background's, if the light is off.

    advance: as of `measure`. The mirror is left where it is.

    Raises:
        IdentificationError: no scans.
    """
    wanted, patience = max(1, round(DARK_S * rate_hz)), _patience(rate_hz)
    sums: dict[int, int] = {}
    silent = 0
    while len(sums) < wanted:
        scan = quad.poll(advance())
        if scan is None or scan.seq in sums:
            silent += 1
            if silent > patience:
                raise _silence(len(sums))
            continue
        silent = 0
        sums[scan.seq] = scan.a + scan.b + scan.c + scan.d
    return sum(sums.values()) / len(sums)


def _patience(rate_hz: float) -> int:
    """Periods without a scan."""
    return max(2, round(SILENT_S * rate_hz))


def _silence(scans: int) -> IdentificationError:
    return IdentificationError(
        f"the detector has given no scan for {SILENT_S:g} s, {scans} before that: "
        "check its URL, rate and buffer"
    )


def _at_edge(scan: list[int], detector: Detector) -> bool:
    a, b, c, d = scan
    light = a + b + c + d - detector.background_counts
    edge = EDGE_SHARE * light
    return light >= detector.min_sum_counts and (
        abs(a + d - b - c) > edge or abs(a + b - c - d) > edge
    )
