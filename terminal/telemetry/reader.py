"""Reads a recording back, also one that was cut off or damaged: what is whole counts."""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import zstandard
from mcap.exceptions import McapError
from mcap.records import Channel, Chunk, McapRecord, Metadata, Schema
from mcap.records import Message as Record
from mcap.stream_reader import StreamReader, breakup_chunk
from numpy.typing import NDArray

from config.errors import InputError
from terminal.codec import TickCodec
from terminal.messages import Message
from terminal.telemetry.layout import MESSAGE_ENCODING, SCHEMA_ENCODING, decode_layout, scalar_dtype
from terminal.telemetry.recorder import METADATA

# What the parsers raise on bytes that are no MCAP; a nonsense length is a memory or overflow error.
_DAMAGE = (
    McapError,
    struct.error,
    ValueError,
    OverflowError,
    MemoryError,
    zstandard.ZstdError,
)


class Recording:
    """One recording, read into memory as blocks of packed ticks."""

    def __init__(self, path: Path) -> None:
        """Raises InputError where the file cannot be read or is no recording."""
        self.path = path
        self.metadata: dict[str, str] = {}
        self.truncated = False
        """The file ends before its end."""
        self.damaged_chunks = 0
        """Chunks that are there but whose checksum or content is wrong; they are left out."""
        self.summary: list[tuple[int, bytes]] = []
        """(t_ns, JSON) of the summary channel."""
        self._recognised = False
        self._schemas: dict[int, Schema] = {}
        self._channels: dict[int, Channel] = {}
        self._messages: dict[str, Message] = {}
        self._blocks: dict[str, list[bytes]] = {}
        try:
            with path.open("rb") as file:
                self._read(file)
        except OSError as error:
            raise InputError(f"{path}: cannot read the recording: {error.strerror}") from error
        if not self._recognised:
            raise InputError(f"{path}: not a recording of qsky, or cut off in its first bytes")

    def messages(self) -> dict[str, Message]:
        """Recorded messages by name, with the layout they were recorded in."""
        return dict(self._messages)

    def blocks(self, name: str) -> Iterator[bytes]:
        """Packed ticks of one message, as they were joined for the recording; none if unknown."""
        yield from self._blocks.get(name, ())

    def ticks(self, name: str) -> Iterator[tuple[int, Any, Any]]:
        """(seq, sample, command) of one message in order; nothing for an unknown name.

        Raises:
            InputError: a block does not hold whole ticks.
        """
        if name not in self._messages:
            return
        codec = TickCodec(self._messages[name])
        for block in self._blocks[name]:
            offset = 0
            while offset < len(block):
                try:
                    seq, sample, command, offset = codec.unpack_from(block, offset)
                except ValueError as error:
                    raise self._bad(error) from error
                yield seq, sample, command

    def columns(self, name: str) -> dict[str, NDArray[Any]]:
        """All scalars of one message, each (ticks,), by field name; arrays are left out.

        `seq` is the sequence number. A field of the command that shares its name with one of the
        sample is called `command_<name>`.

        Raises:
            InputError: no such message in the recording, or a block does not hold whole ticks.
        """
        if name not in self._messages:
            known = ", ".join(self._messages)
            raise InputError(f"{self.path}: no message {name!r}; recorded: {known}")
        message = self._messages[name]
        codec = TickCodec(message)
        blocks = self._blocks[name]
        try:
            dtype = scalar_dtype(message)
            # Arrays lie between the scalars of one tick and the next: they have to be cut out.
            data = b"".join(blocks if codec.size else (_scalars(codec, b) for b in blocks))
            records = np.frombuffer(data, dtype)
        except ValueError as error:
            raise self._bad(error) from error
        return {field: records[field].copy() for field in dtype.names or ()}

    def _bad(self, error: Exception) -> InputError:
        return InputError(f"{self.path}: damaged: {error}")

    def _read(self, file: BinaryIO) -> None:
        size = file.seek(0, 2)
        file.seek(0)
        reader = StreamReader(file, emit_chunks=True, record_size_limit=size)
        try:
            for record in reader.records:
                if isinstance(record, Chunk):
                    self._take_chunk(record)
                else:
                    self._take(record)
        except _DAMAGE:
            self.truncated = True

    def _take_chunk(self, chunk: Chunk) -> None:
        try:
            records = breakup_chunk(chunk, validate_crc=True)
        except _DAMAGE:
            self.damaged_chunks += 1
            return
        for record in records:
            self._take(record)

    def _take(self, record: McapRecord) -> None:
        if isinstance(record, Metadata) and record.name == METADATA:
            self.metadata = record.metadata
            self._recognised = True
        elif isinstance(record, Schema):
            self._schemas[record.id] = record
        elif isinstance(record, Channel):
            self._take_channel(record)
        elif isinstance(record, Record) and record.channel_id in self._channels:
            channel = self._channels[record.channel_id]
            if channel.message_encoding == MESSAGE_ENCODING:
                self._blocks[channel.topic[1:]].append(record.data)
            else:
                self.summary.append((record.log_time, record.data))

    def _take_channel(self, channel: Channel) -> None:
        if channel.id in self._channels:
            # The index at the end of the file repeats all channels.
            return
        schema = self._schemas.get(channel.schema_id)
        if channel.message_encoding == MESSAGE_ENCODING:
            if schema is None or schema.encoding != SCHEMA_ENCODING:
                raise InputError(f"{self.path}: channel {channel.topic}: no layout")
            name = channel.topic[1:]
            if name in self._messages:
                raise InputError(f"{self.path}: channel {channel.topic}: twice in the recording")
            try:
                self._messages[name] = decode_layout(name, schema.data)
            except (ValueError, TypeError) as error:
                raise InputError(f"{self.path}: channel {channel.topic}: {error}") from error
            self._blocks[name] = []
        elif channel.topic != "/summary":
            return
        self._channels[channel.id] = channel


def _scalars(codec: TickCodec, block: bytes) -> bytes:
    """The block without its arrays. Raises ValueError where it ends inside a tick."""
    parts = []
    offset = 0
    while offset < len(block):
        parts.append(block[offset : offset + codec.struct.size])
        *_, offset = codec.unpack_from(block, offset)
    return b"".join(parts)
