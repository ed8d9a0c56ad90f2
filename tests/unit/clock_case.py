"""Files of a known click stream in every format, and `qsky clock ...` run as typed."""

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from terminal.timetags.formats import write_a1, write_npz

SLOT_PS = 10_000
SLOTS = 1 << 16
PTU_T2 = 0x01010204
"""HydraHarp 2, T2: 25 bits of time."""
WRAP = 1 << 25

Run = Callable[..., tuple[int, str, str]]
Times = NDArray[np.int64]
Channels = NDArray[np.uint8]


def answer(run: Run, *arguments: str) -> dict[str, Any]:
    code, out, err = run(*arguments, "--json", "-")
    assert code == 0, err
    found: dict[str, Any] = json.loads(out)
    return found


class Case:
    """A stream with a constant offset of 12 ppm, 20 % background, and its files."""

    ppm = 12.0
    first_slot = 4321

    def __init__(self, folder: Path, seed: int = 5, n: int = 3000, span_s: float = 1.5) -> None:
        rng = np.random.default_rng(seed)
        self.state = rng.integers(0, 4, SLOTS).astype(np.uint8)
        self.period_ps = SLOT_PS * (1.0 + self.ppm * 1e-6)
        slot = np.sort(rng.integers(0, int(span_s * 1e12 / self.period_ps), n))
        background = rng.random(n) < 0.2
        sent = self.state[(self.first_slot + slot) % SLOTS]
        basis = rng.integers(0, 2, n)
        bit = np.where(basis == sent // 2, sent % 2, rng.integers(0, 2, n))
        time = slot * self.period_ps + 212.0 * rng.standard_normal(n)
        time = np.where(background, rng.uniform(0.0, span_s * 1e12, n), time)
        self.channel = np.where(background, rng.integers(0, 4, n), 2 * basis + bit).astype(np.uint8)
        # None before zero, which no card can write.
        self.time_ps = np.maximum(np.rint(time).astype(np.int64), 0)
        order = np.argsort(self.time_ps, kind="stable")
        self.time_ps, self.channel = self.time_ps[order], self.channel[order]
        self.is_signal = ~background[order]
        nearest = np.rint(self.time_ps / self.period_ps).astype(np.int64)
        self.slot = (self.first_slot + nearest) % SLOTS
        self.folder = folder
        self.tags, self.pattern = folder / "tags.npz", folder / "pattern.npz"
        self.slots = folder / "slots.npy"
        np.savez(self.tags, time_ps=self.time_ps, channel=self.channel)
        np.savez(self.pattern, state=self.state)

    def write(self, tag_format: str, time_ps: Times, channel: Channels) -> None:
        """Other tags instead, in one of WRITERS' formats."""
        self.tags = self.folder / f"tags.{tag_format}"
        WRITERS[tag_format](self.tags, time_ps, channel)

    def arguments(self, *more: str) -> list[str]:
        pattern = ["--pattern", str(self.pattern), "--slot-ps", str(SLOT_PS)]
        return ["clock", "recover", str(self.tags), *pattern, *more]

    def recovered(self, run: Run) -> tuple[dict[str, Any], Times]:
        """The answer and the slots."""
        found = answer(run, *self.arguments("--slots", str(self.slots)))
        return found, np.load(self.slots)


def write_ptu(path: Path, time_ps: Times, channel: Channels, lost: int | None = None) -> None:
    """T2 of 1 ps; of the overflow records the one numbered `lost` is left out."""

    def tag(name: str, kind: int, value: bytes) -> bytes:
        return struct.pack("<32siI8s", name.encode(), -1, kind, value)

    turns = time_ps // WRAP
    steps = np.diff(turns, prepend=0)
    overflows = 0xFE000000 | steps
    clicks = channel.astype(np.int64) << 25 | time_ps % WRAP
    words = np.column_stack([overflows, clicks]).ravel()
    words = words[np.column_stack([steps > 0, np.ones(steps.size, bool)]).ravel()]
    if lost is not None:
        words = np.delete(words, np.flatnonzero(words >= 0xFE000000)[lost])
    path.write_bytes(
        b"PQTTTR\0\x001.0.00\0\0"
        + tag("MeasDesc_GlobalResolution", 0x20000008, struct.pack("<d", 1e-12))
        + tag("MeasDesc_Resolution", 0x20000008, struct.pack("<d", 1e-12))
        + tag("TTResultFormat_TTTRRecType", 0x10000008, struct.pack("<q", PTU_T2))
        + tag("TTResult_NumberOfRecords", 0x10000008, struct.pack("<q", words.size))
        + tag("Header_End", 0xFFFF0008, bytes(8))
        + words.astype("<u4").tobytes()
    )


def write_qutag(path: Path, time_ps: Times, channel: Channels) -> None:
    rows = np.zeros(time_ps.size, np.dtype([("time_ps", "<u8"), ("channel", "<u2")]))
    rows["time_ps"], rows["channel"] = time_ps, channel
    path.write_bytes(b"\x87\xb3\x91\xfa".ljust(40, b"\0") + rows.tobytes())


WRITERS: dict[str, Callable[[Path, Times, Channels], None]] = {
    "npz": write_npz,
    "a1": write_a1,
    "ptu": write_ptu,
    "qutag": write_qutag,
}
