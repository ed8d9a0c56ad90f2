"""Packed ticks: round trip of every message, and data that end too early."""

import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from terminal.codec import TickCodec, layout
from terminal.messages import MESSAGES, Message, PointAheadCommand, PointAheadSample

_BITS = {"q": 64, "h": 16}
_UNSIGNED_BITS = {"I": 32, "H": 16, "B": 8}


def _values(code: str) -> st.SearchStrategy[Any]:
    if code in _BITS:
        bits = _BITS[code]
        return st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    if code in _UNSIGNED_BITS:
        return st.integers(0, 2 ** _UNSIGNED_BITS[code] - 1)
    if code == "d":
        return st.floats()
    if code == "f":
        return st.floats(width=32)
    dtype = np.dtype(code)
    elements = st.floats(width=64) if dtype.kind == "f" else None
    return arrays(dtype, st.integers(0, 20), elements=elements)


def _records(kind: type) -> st.SearchStrategy[Any]:
    return st.builds(lambda *values: kind(*values), *(_values(code) for _, code in layout(kind)))


def _ticks(message: Message) -> st.SearchStrategy[tuple[int, Any, Any]]:
    return st.tuples(st.integers(0, 2**32 - 1), _records(message.sample), _records(message.command))


def _assert_same(one: Any, other: Any) -> None:
    assert type(one) is type(other)
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("message", MESSAGES.values(), ids=MESSAGES.keys())
@given(data=st.data())
def test_round_trip(message: Message, data: st.DataObject) -> None:
    codec = TickCodec(message)
    seq, sample, command = data.draw(_ticks(message))
    packed = codec.pack(seq, sample, command)
    behind = b"\x00" * 3
    seq_again, sample_again, command_again, offset = codec.unpack_from(
        behind + packed + behind, len(behind)
    )
    assert seq_again == seq
    assert offset == len(behind) + len(packed)
    _assert_same(sample_again, sample)
    _assert_same(command_again, command)
    assert codec.pack(seq, sample_again, command_again) == packed


@pytest.mark.parametrize("message", MESSAGES.values(), ids=MESSAGES.keys())
@given(data=st.data())
def test_every_truncation_is_refused(message: Message, data: st.DataObject) -> None:
    codec = TickCodec(message)
    packed = codec.pack(*data.draw(_ticks(message)))
    cut = data.draw(st.integers(0, len(packed) - 1))
    with pytest.raises(ValueError, match=f"message {message.name}: cut off"):
        codec.unpack_from(packed[:cut], 0)


@pytest.mark.parametrize("message", MESSAGES.values(), ids=MESSAGES.keys())
@given(data=st.binary(max_size=400))
def test_any_bytes_give_a_tick_or_a_value_error(message: Message, data: bytes) -> None:
    codec = TickCodec(message)
    try:
        *_, offset = codec.unpack_from(data, 0)
    except ValueError:
        return
    assert 0 < offset <= len(data)


def test_bytes_on_disk_are_little_endian_without_padding() -> None:
    packed = TickCodec(MESSAGES["point_ahead"]).pack(
        7,
        PointAheadSample(1_000_000_007, 1, 0.5, -0.25, 2.0),
        PointAheadCommand(-2, 513, -0.5, 0.125, 1),
    )
    assert packed == bytes.fromhex(
        "0700000007ca9a3b0000000001000000000000e03f000000000000d0bf0000000000000040"
        "feff0102000000000000e0bf000000000000c03f01"
    )


def test_arrays_follow_the_scalars_with_their_counts() -> None:
    message = MESSAGES["camera"]
    sample = message.sample(*range(1, 9), *[0.5] * 9, np.array([8, 9], np.uint8))
    packed = TickCodec(message).pack(0, sample, message.command())
    assert packed.endswith(struct.pack("<I", 2) + bytes((8, 9)))


def test_value_outside_of_its_field_is_refused() -> None:
    codec = TickCodec(MESSAGES["point_ahead"])
    with pytest.raises(struct.error):
        codec.pack(0, PointAheadSample(0, 1, 0.0, 0.0, 0.0), PointAheadCommand(40_000, 0))
