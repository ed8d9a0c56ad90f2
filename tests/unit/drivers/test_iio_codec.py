"""IIO scans in drivers and emulators, each by itself, and whatever may arrive in their place."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from drivers.mirror_iio import IioMirror
from drivers.protocols import QuadScan
from drivers.quad_iio import BACKLOG_BYTES, IioQuad
from sim_devices.mirror_iio import IioMirrorEmulator
from sim_devices.quad_iio import IioQuadEmulator

T0_NS = 1_800_000_000 * 10**9
PERIOD_NS = 200_000
BY_HAND = bytes.fromhex("01 00 fe ff ff 7f 00 80 88 77 66 55 44 33 22 11")
"""a = 1, b = -2, c = 32767, d = -32768, stamp 0x1122334455667788."""
STAMP_NS = 0x1122334455667788


class Wire:
    """Gives one item a read, then nothing; keeps what is written."""

    def __init__(self, *arriving: bytes) -> None:
        self.arriving = list(arriving)
        self.written = b""

    def read(self) -> bytes:
        return self.arriving.pop(0) if self.arriving else b""

    def write(self, data: bytes) -> None:
        self.written += data


def scan(t_ns: int, *counts: int) -> bytes:
    """By hand from the layout."""
    parts = [c.to_bytes(2, "little", signed=True) for c in counts]
    return b"".join(parts) + t_ns.to_bytes(8, "little", signed=True)


def stream(count: int, start_ns: int = T0_NS) -> bytes:
    """Scans numbered in their channels."""
    return b"".join(scan(start_ns + k * PERIOD_NS, k, -k, k, -k) for k in range(count))


def polls(*arriving: bytes) -> tuple[list[QuadScan], IioQuad]:
    quad = IioQuad(Wire(*arriving))
    return [s for _ in arriving if (s := quad.poll(0)) is not None], quad


def test_driver_reads_a_scan_made_by_hand():
    later = STAMP_NS + PERIOD_NS
    given_scans, _ = polls(BY_HAND, BY_HAND[:8] + later.to_bytes(8, "little"))
    assert given_scans == [(later, 0, 1, -2, 32767, -32768, 0)]


def test_emulator_sends_a_scan_made_by_hand():
    adc = IioQuadEmulator()
    adc.push(STAMP_NS, 1, -2, 32767, -32768)
    assert adc.poll(STAMP_NS) == BY_HAND
    assert adc.poll(STAMP_NS) == b""


@given(st.lists(st.integers(0, 20 * 16), max_size=8))
def test_cut_anywhere(cuts: list[int]):
    data = stream(20)
    edges = [0, *sorted(cuts), len(data)]
    given_scans, quad = polls(*[data[a:b] for a, b in pairwise(edges)])
    assert given_scans[-1][2:6] == (19, -19, 19, -19)
    assert [s.seq for s in given_scans[1:]] == [s.a - given_scans[0].a for s in given_scans[1:]]
    assert all(s.t_ns == T0_NS + s.a * PERIOD_NS for s in given_scans)
    assert quad.health == (0, 0, 0, 0, "")


@given(st.binary(max_size=100), st.integers(2, 30))
def test_good_scans_after_garbage(garbage: bytes, count: int):
    given_scans, quad = polls(garbage + stream(count), b"")
    assert given_scans[-1].t_ns == T0_NS + (count - 1) * PERIOD_NS
    assert quad.health.garbage_bytes == len(garbage)


@given(st.lists(st.binary(max_size=64), max_size=20))
def test_arbitrary_bytes_never_raise(parts: list[bytes]):
    _, quad = polls(*parts)
    assert quad.health.garbage_bytes <= sum(map(len, parts))


def test_a_flood_is_looked_at_in_part():
    """Of a megabyte of nothing only the end; of a megabyte of scans the newest is given."""
    _, quad = polls(bytes(1 << 20))
    assert quad.health.garbage_bytes > (1 << 20) - BACKLOG_BYTES
    count = (1 << 20) // 16
    many = b"".join(scan(T0_NS + k * PERIOD_NS, 7, 7, 7, 7) for k in range(count))
    given_scans, _ = polls(many[:64], many[64:])
    assert given_scans[-1].t_ns == T0_NS + (count - 1) * PERIOD_NS


@given(st.integers(-(10**6), 10**6), st.integers(-(10**6), 10**6))
def test_mirror_scan(x: int, y: int):
    wire = Wire()
    IioMirror(wire, counts_per_rad=1.0).command(x, y, 0)
    clamped = [max(-32767, min(32767, c)) for c in (x, y)]
    assert wire.written == b"".join(c.to_bytes(2, "little", signed=True) for c in clamped)


@given(st.lists(st.binary(max_size=11), max_size=10))
def test_dac_takes_any_bytes(parts: list[bytes]):
    dac = IioMirrorEmulator()
    for part in parts:
        dac.receive(part, 0)
    whole = b"".join(parts)
    whole = whole[: len(whole) // 4 * 4]
    if whole:
        assert dac.x_counts == int.from_bytes(whole[-4:-2], "little", signed=True)
        assert dac.y_counts == int.from_bytes(whole[-2:], "little", signed=True)
