"""Files of time tags at high rates, with their truth: a pulsed source on a straight fly-by.

PTU files are written after PicoQuant's published format (MultiHarp records), not by any code of
the product.
"""

import math
import struct
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

C_M_S = 299_792_458.0
SLOT_S = 10e-9
JITTER_S = 212e-12
SIGNAL_SHARE = 0.8
ERROR_RATE = 0.02
PATTERN_SLOTS = 1 << 20
PUBLIC_SHARE = 0.5
START_PS = 1_000_000_000_000
FIRST_SLOT = 345_678
_CLOSEST_M, _SPEED_M_S = 600e3, 7500.0
_CHUNK_S = 0.25

T2_RECORDS, T3_RECORDS = 0x00010207, 0x00010307
_T2_WRAP, _T3_WRAP = 1 << 25, 1 << 10
_INTEGER, _FLOAT, _EMPTY = 0x10000008, 0x20000008, 0xFFFF0008


class Clicks(NamedTuple):
    """In the order of time."""

    time_ps: NDArray[np.int64]
    channel: NDArray[np.uint8]
    """0..3 = H V D A."""
    slot: NDArray[np.int32]
    """Pattern index of the pulse it comes from; -1: background."""
    pattern: NDArray[np.uint8]


def make_clicks(rate_hz: float, duration_s: float, seed: int = 1) -> Clicks:
    """rate_hz: of all clicks. Closest to the receiver midway."""
    rng = np.random.default_rng(seed)
    pattern = rng.integers(0, 4, PATTERN_SLOTS).astype(np.uint8)
    secret = rng.random(PATTERN_SLOTS) >= PUBLIC_SHARE
    sent = pattern.copy()
    pattern[secret] = 255
    parts = []
    for k in range(math.ceil(duration_s / _CHUNK_S)):
        begin, end = k * _CHUNK_S, min((k + 1) * _CHUNK_S, duration_s)
        n = int(rng.poisson(rate_hz * (end - begin)))
        at = np.sort(rng.uniform(begin, end, n))
        count = np.rint(_sent_s(at, duration_s) / SLOT_S)
        is_signal = rng.random(n) < SIGNAL_SHARE
        pulse = _arrival_s(count * SLOT_S, duration_s) + JITTER_S * rng.standard_normal(n)
        # Within the chunk: this moves a few clicks at its ends by less than a nanosecond.
        at = np.clip(np.where(is_signal, pulse, at), begin, end - 1e-12)
        slot = ((FIRST_SLOT + count.astype(np.int64)) % PATTERN_SLOTS).astype(np.int32)
        state, basis = sent[slot], rng.integers(0, 2, n, dtype=np.uint8)
        bit = np.where(state >> 1 == basis, state & 1, rng.integers(0, 2, n, dtype=np.uint8))
        bit = bit ^ (rng.random(n) < ERROR_RATE)
        noise = rng.integers(0, 4, n, dtype=np.uint8)
        channel = np.where(is_signal, 2 * basis + bit, noise).astype(np.uint8)
        order = np.argsort(at, kind="stable")
        time_ps = START_PS + np.rint(at[order] * 1e12).astype(np.int64)
        parts.append((time_ps, channel[order], np.where(is_signal, slot, -1)[order]))
    time_ps, channel, slots = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Clicks(time_ps, channel, slots.astype(np.int32), pattern)


def _arrival_s(sent_s: NDArray[np.float64], duration_s: float) -> NDArray[np.float64]:
    middle = 0.5 * duration_s
    far = np.hypot(_CLOSEST_M, _SPEED_M_S * middle)
    return np.asarray(sent_s + (np.hypot(_CLOSEST_M, _SPEED_M_S * (sent_s - middle)) - far) / C_M_S)


def _sent_s(arrival_s: NDArray[np.float64], duration_s: float) -> NDArray[np.float64]:
    sent = arrival_s.copy()
    for _ in range(4):  # Each gains five digits.
        sent += arrival_s - _arrival_s(sent, duration_s)
    return sent


def write_t2(path: Path, clicks: Clicks) -> int:
    """Records written; units of 1 ps."""
    wraps, count = np.divmod(clicks.time_ps, _T2_WRAP)
    return _write(path, T2_RECORDS, wraps, count, clicks.channel, 1e-12, 1e-12)


def write_t3(path: Path, clicks: Clicks, sync_ps: int, delay_ps: int) -> int:
    """Records written; times rounded down to delay_ps after the last sync."""
    sync, rest = np.divmod(clicks.time_ps, sync_ps)
    wraps, count = np.divmod(sync, _T3_WRAP)
    content = count | rest // delay_ps << 10
    return _write(
        path, T3_RECORDS, wraps, content, clicks.channel, sync_ps * 1e-12, delay_ps * 1e-12
    )


def _write(
    path: Path,
    kind: int,
    wraps: NDArray[np.int64],
    content: NDArray[np.int64],
    channel: NDArray[np.uint8],
    global_s: float,
    resolution_s: float,
) -> int:
    """An overflow record, with its count, wherever the number of wraps grows."""
    added = np.diff(wraps, prepend=0)
    most = _T2_WRAP - 1 if kind == T2_RECORDS else _T3_WRAP - 1
    # The first gap may need several.
    leading = divmod(int(added[0]), most)
    added[0] = leading[1]
    place = np.arange(added.size) + np.cumsum(added > 0)
    words = np.empty(added.size + int(np.count_nonzero(added)), dtype="<u4")
    words[place] = channel.astype(np.int64) << 25 | content
    words[place[added > 0] - 1] = 0xFE000000 | added[added > 0]
    words = np.concatenate([np.full(leading[0], 0xFE000000 | most, dtype="<u4"), words])
    mode = 2 if kind == T2_RECORDS else 3
    header = (
        b"PQTTTR\0\x001.0.00\0\0"
        + _tag("Measurement_Mode", _INTEGER, mode)
        + _tag("MeasDesc_GlobalResolution", _FLOAT, global_s)
        + _tag("MeasDesc_Resolution", _FLOAT, resolution_s)
        + _tag("TTResultFormat_TTTRRecType", _INTEGER, kind)
        + _tag("TTResultFormat_BitsPerRecord", _INTEGER, 32)
        + _tag("TTResult_NumberOfRecords", _INTEGER, words.size)
        + _tag("Header_End", _EMPTY, 0)
    )
    with path.open("wb") as file:
        file.write(header)
        words.tofile(file)
    return int(words.size)


def _tag(name: str, kind: int, value: float) -> bytes:
    packed = struct.pack("<d", value) if kind == _FLOAT else struct.pack("<q", int(value))
    return struct.pack("<32siI", name.encode(), -1, kind) + packed
