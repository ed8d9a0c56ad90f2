"""The layout of a message as it stands in a recording, so that a recording explains itself.

A JSON list, one entry per field in the order of `terminal.codec.layout`: its name, its code (a
struct letter for a scalar, a numpy dtype for an array) and whether it is part of the sample or of
the command. A tick is: sequence number (uint32), all scalars packed little-endian without padding,
then each array as a count (uint32) and its elements.
"""

from typing import Annotated, Any, Literal, NamedTuple

import msgspec
import numpy as np

from terminal.codec import layout
from terminal.messages import MESSAGES, Message

SCHEMA_ENCODING = "qsky.layout"
MESSAGE_ENCODING = "qsky.ticks"

_SCALARS = frozenset("bBhHiIqQfd")
_ARRAYS = frozenset({"|u1", "<u4", "<i8", "<f8"})


class _Field(msgspec.Struct, frozen=True):
    name: str
    code: str
    part: Literal["sample", "command"]


def encode_layout(message: Message) -> bytes:
    """The layout of a message as JSON."""
    fields = [_Field(name, code, "sample") for name, code in layout(message.sample)]
    fields += [_Field(name, code, "command") for name, code in layout(message.command)]
    return msgspec.json.encode(fields)


def decode_layout(name: str, data: bytes) -> Message:
    """The message that a layout describes: of `terminal.messages` where it is the same.

    Raises:
        ValueError: not a layout that a tick can have.
    """
    known = MESSAGES.get(name)
    if known is not None and encode_layout(known) == data:
        return known
    fields = msgspec.json.decode(data, type=list[_Field])
    for field in fields:
        if field.code not in _SCALARS | _ARRAYS:
            raise ValueError(f"{name}.{field.name}: unknown code {field.code!r}")
    sample = [field for field in fields if field.part == "sample"]
    command = [field for field in fields if field.part == "command"]
    if sample + command != fields:
        raise ValueError(f"{name}: a field of the sample stands behind the command")
    return Message(name, _named_tuple("Sample", sample), _named_tuple("Command", command), 1)


def _named_tuple(kind: str, fields: list[_Field]) -> type:
    # The functional form of NamedTuple is not for types that only a file knows, says mypy.
    make: Any = NamedTuple
    made: type = make(kind, [(field.name, Annotated[Any, field.code]) for field in fields])
    return made


def scalar_dtype(message: Message) -> np.dtype[np.void]:
    """Sequence number and scalars of a tick as they lie in memory, as one numpy record.

    Keys are the names of the fields; a field of the command that shares its name with one of the
    sample is called `command_<name>`.
    """
    names, codes = ["seq"], ["<I"]
    for name, code in layout(message.sample):
        if len(code) == 1:
            names.append(name)
            codes.append("<" + code)
    for name, code in layout(message.command):
        if len(code) == 1:
            names.append(f"command_{name}" if name in message.sample._fields else name)  # type: ignore[attr-defined]
            codes.append("<" + code)
    return np.dtype(list(zip(names, codes, strict=True)))
