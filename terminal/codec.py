"""Ticks as bytes: one little-endian packed struct, then each array as a count and its elements.

The layout follows from the annotations in `terminal.messages`; nothing else says it.
"""

import struct
from typing import Any, get_type_hints

import numpy as np

from terminal.messages import Message

_COUNT = struct.Struct("<I")


def layout(kind: type) -> list[tuple[str, str]]:
    """(field, code) of a Sample or Command: a struct letter for a scalar, a dtype for an array."""
    hints = get_type_hints(kind, include_extras=True)
    return [(name, hints[name].__metadata__[0]) for name in kind._fields]  # type: ignore[attr-defined]


class TickCodec:
    """Packs and unpacks (seq, Sample, Command) of one message."""

    def __init__(self, message: Message) -> None:
        self.message = message
        self._sample_fields = layout(message.sample)
        fields = self._sample_fields + layout(message.command)
        self._scalars = [i for i, (_, code) in enumerate(fields) if len(code) == 1]
        self._arrays = [i for i, (_, code) in enumerate(fields) if len(code) > 1]
        self._dtypes = [np.dtype(fields[i][1]) for i in self._arrays]
        self._fields = len(fields)
        self.struct = struct.Struct("<I" + "".join(fields[i][1] for i in self._scalars))
        self.size = self.struct.size if not self._arrays else None
        """Bytes of a tick where it has no arrays."""
        self._pack_scalars = self.struct.pack

    def pack(self, seq: int, sample: Any, command: Any) -> bytes:
        """One tick. Raises struct.error if a value does not fit its field."""
        if not self._arrays:
            return self._pack_scalars(seq, *sample, *command)
        values = (*sample, *command)
        parts = [self.struct.pack(seq, *(values[i] for i in self._scalars))]
        for i, dtype in zip(self._arrays, self._dtypes, strict=True):
            array = np.ascontiguousarray(values[i], dtype=dtype)
            parts += (_COUNT.pack(array.size), array.tobytes())
        return b"".join(parts)

    def unpack_from(self, data: bytes, offset: int) -> tuple[int, Any, Any, int]:
        """(seq, Sample, Command, offset behind it).

        Raises:
            ValueError: the data end inside a tick.
        """
        try:
            seq, *scalars = self.struct.unpack_from(data, offset)
            offset += self.struct.size
            values: list[Any] = [None] * self._fields
            for i, value in zip(self._scalars, scalars, strict=True):
                values[i] = value
            for i, dtype in zip(self._arrays, self._dtypes, strict=True):
                (count,) = _COUNT.unpack_from(data, offset)
                offset += _COUNT.size
                values[i] = np.frombuffer(data, dtype, count, offset)
                offset += count * dtype.itemsize
        except (struct.error, ValueError) as error:
            raise ValueError(f"message {self.message.name}: cut off at byte {offset}") from error
        n = len(self._sample_fields)
        return seq, self.message.sample(*values[:n]), self.message.command(*values[n:]), offset
