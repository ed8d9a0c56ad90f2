"""A message of the hand-over as frames: topic, JSON header, one frame for each array.

docs/key-handover.md has it byte for byte.
"""

import json
import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

FORMAT = "qsky-handover"
VERSION = 1
STREAMS = ("begin", "raw", "sifted", "estimate", "end")
DTYPES = ("<i8", "|u1")

Header = dict[str, Any]
Arrays = dict[str, NDArray[Any]]

LONGEST_HEADER = 1 << 20
MOST_ARRAYS = 64


class WireError(ValueError):
    """Frames that are no message of this format."""


class Message(NamedTuple):
    """What a reader gets."""

    stream: str
    header: Header
    arrays: Arrays


def encode(stream: str, header: Header, arrays: Arrays) -> list[bytes]:
    """Frames of a message. Numbers that are not finite become null in the header.

    Raises ValueError for a stream or a dtype that the format does not have.
    """
    if stream not in STREAMS:
        raise ValueError(f"stream: {stream!r} is none of {', '.join(STREAMS)}")
    described, data = [], []
    for name, array in arrays.items():
        dtype = array.dtype.newbyteorder("<").str
        if dtype not in DTYPES:
            raise ValueError(f"{name}: dtype {dtype} is none of {', '.join(DTYPES)}")
        described.append({"name": name, "dtype": dtype, "shape": list(array.shape)})
        data.append(np.ascontiguousarray(array, dtype).tobytes())
    whole = {"format": FORMAT, "version": VERSION, "stream": stream, **header, "arrays": described}
    text = json.dumps(_finite(whole), allow_nan=False, separators=(",", ":"))
    return [stream.encode(), text.encode(), *data]


def decode(frames: list[bytes]) -> Message:
    """The message. Raises WireError for frames that are none of this format and version."""
    if len(frames) < 2 or len(frames[1]) > LONGEST_HEADER:
        raise WireError(f"{len(frames)} frames, or too long a header: no message")
    try:
        header = json.loads(frames[1])
        stream, described = frames[0].decode(), header.pop("arrays")
        told = header["format"], header["version"], header["stream"]
    except (ValueError, TypeError, AttributeError, LookupError, RecursionError) as error:
        raise WireError(f"header: {error}") from error
    if told != (FORMAT, VERSION, stream) or stream not in STREAMS:
        raise WireError(f"format, version and stream: {told!r} is not what this reads")
    if not isinstance(described, list) or len(described) != len(frames) - 2:
        raise WireError("arrays: not one frame for each")
    if len(described) > MOST_ARRAYS:
        raise WireError(f"arrays: {len(described)} of them")
    arrays = dict(_array(d, frame) for d, frame in zip(described, frames[2:], strict=True))
    if len(arrays) < len(described):
        raise WireError("arrays: a name stands twice")
    return Message(stream, header, arrays)


def _array(described: Any, data: bytes) -> tuple[str, NDArray[Any]]:
    try:
        name, dtype, shape = described["name"], described["dtype"], described["shape"]
    except (TypeError, LookupError) as error:
        raise WireError(f"arrays: {described!r} lacks name, dtype or shape") from error
    good = isinstance(shape, list) and all(type(n) is int and n >= 0 for n in shape)
    if not isinstance(name, str) or dtype not in DTYPES or not good or len(shape) > 4:
        raise WireError(f"arrays: {described!r} is no array of this format")
    if math.prod(shape) * np.dtype(dtype).itemsize != len(data):
        raise WireError(f"{name}: {len(data)} bytes are no {dtype} of shape {shape}")
    return name, np.frombuffer(data, dtype).reshape(shape)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(v) for key, v in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
