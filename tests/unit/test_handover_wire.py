"""Frames of the hand-over: what goes in comes out, and nothing else is taken for a message."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from terminal.handover.wire import STREAMS, WireError, decode, encode

names = st.text(min_size=1, max_size=10)
some_arrays = st.dictionaries(
    names,
    st.sampled_from(["<i8", "|u1", ">i8"]).flatmap(
        lambda dtype: arrays(dtype, array_shapes(min_side=0, max_dims=3, max_side=5))
    ),
    max_size=4,
)


@given(st.sampled_from(STREAMS), some_arrays, st.dictionaries(names, st.integers() | names))
def test_a_message_comes_out_as_it_went_in(stream, arrays, header) -> None:
    told = decode(encode(stream, {"own": header}, arrays))
    assert (told.stream, told.header["own"]) == (stream, header)
    assert list(told.arrays) == list(arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(told.arrays[name], array)
        assert told.arrays[name].dtype.str in ("<i8", "|u1")


def test_bytes_are_those_of_the_page() -> None:
    """By hand: little-endian int64, then uint8."""
    frames = encode("raw", {}, {"slot": np.array([1, -2]), "channel": np.array([3], np.uint8)})
    assert frames[0] == b"raw"
    assert json.loads(frames[1])["arrays"] == [
        {"name": "slot", "dtype": "<i8", "shape": [2]},
        {"name": "channel", "dtype": "|u1", "shape": [1]},
    ]
    assert frames[2] == bytes([1, *7 * [0], 0xFE, *7 * [0xFF]])
    assert frames[3] == b"\x03"


def test_what_is_no_number_is_null() -> None:
    told = decode(encode("estimate", {"gain": [[float("nan"), 1.0], [float("inf"), 2.0]]}, {}))
    assert told.header["gain"] == [[None, 1.0], [None, 2.0]]


def test_a_dtype_that_is_not_in_the_format_is_our_own_mistake() -> None:
    with pytest.raises(ValueError, match="slot: dtype <f8"):
        encode("raw", {}, {"slot": np.zeros(3)})
    with pytest.raises(ValueError, match="stream"):
        encode("key", {}, {})


@given(st.lists(st.binary(max_size=80), max_size=5))
def test_garbage_is_refused(frames) -> None:
    with pytest.raises(WireError):
        decode(frames)


@given(st.data())
def test_a_message_that_was_tampered_with_is_refused_or_another_message(data) -> None:
    frames = encode("sifted", {}, {"slot": np.arange(3), "state": np.zeros(3, np.uint8)})
    k = data.draw(st.integers(0, len(frames) - 1))
    at = data.draw(st.integers(0, len(frames[k])))
    frames[k] = frames[k][:at] + data.draw(st.binary(max_size=3)) + frames[k][at + 1 :]
    try:
        told = decode(frames)
    except WireError:
        return
    assert told.stream == "sifted"
    assert all(len(a) == 3 for a in told.arrays.values())


@pytest.mark.parametrize(
    "described",
    [
        {"name": "slot", "dtype": "<f8", "shape": [1]},
        {"name": "slot", "dtype": "|O", "shape": [1]},
        {"name": "slot", "dtype": "<i8", "shape": [2]},
        {"name": "slot", "dtype": "<i8", "shape": [-1, -1]},
        {"name": "slot", "dtype": "<i8", "shape": [True]},
        {"name": "slot", "dtype": "<i8", "shape": 1},
        {"name": 7, "dtype": "<i8", "shape": [1]},
        {"dtype": "<i8", "shape": [1]},
        "slot",
    ],
)
def test_an_array_that_cannot_be_is_refused(described) -> None:
    frames = encode("raw", {}, {"slot": np.array([1])})
    header = json.loads(frames[1])
    header["arrays"] = [described]
    with pytest.raises(WireError):
        decode([frames[0], json.dumps(header).encode(), frames[2]])


def test_another_version_is_refused() -> None:
    frames = encode("raw", {}, {})
    frames[1] = frames[1].replace(b'"version":1', b'"version":2')
    with pytest.raises(WireError, match="version"):
        decode(frames)
