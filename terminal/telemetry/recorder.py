"""The recording of a flight: an MCAP file of packed ticks, written as the flight goes.

One channel `/<name>` for each message, blocks of its packed ticks as MCAP messages; a channel
`/summary` in JSON for people's viewers. Nothing in the file depends on anything but what is
written: device time only, no clock, no path. Format: MCAP specification, https://mcap.dev/spec.
"""

import os
import stat
import struct
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
from mcap.well_known import MessageEncoding, SchemaEncoding
from mcap.writer import Writer

from config.errors import InputError, RunError
from terminal.messages import MESSAGES, Message
from terminal.telemetry.layout import MESSAGE_ENCODING, SCHEMA_ENCODING, encode_layout

PROFILE = "qsky"
LIBRARY = "qsky"
METADATA = "qsky"
"""Name of the metadata record."""

MAX_HELD_NS = 500_000_000
"""A flush writes ticks older than this even if their block is not full."""

_T_NS = struct.Struct("<q")
_SEQ_BYTES = 4


class Recorder:
    """Writes one recording. The file is readable as far as it was flushed, whatever happens."""

    def __init__(
        self,
        path: Path,
        *,
        metadata: dict[str, str],
        messages: Iterable[Message] = MESSAGES.values(),
    ) -> None:
        """Creates (or overwrites) the file: call it once all inputs are known to be good.

        Only its owner may read it: the raw key is in it.

        Raises:
            InputError: the file cannot be created.
        """
        self._path = path
        self._messages: dict[str, Message] = {}
        self._channels: dict[str, int] = {}
        self._blocks: dict[str, int] = {}
        self._held: dict[str, list[bytes]] = {}
        self._summary_blocks = 0
        try:
            self._file = os.fdopen(_private(path), "wb")
        except OSError as error:
            raise InputError(f"{path}: cannot create the recording: {error.strerror}") from error
        with self._disk():
            self._writer = Writer(self._file)
            self._writer.start(profile=PROFILE, library=LIBRARY)
            self._writer.add_metadata(METADATA, metadata)
            for message in messages:
                self.add_layout(message)
            self._file.flush()

    def add_layout(self, message: Message) -> None:
        """A further message. The first field of its sample is t_ns.

        Raises:
            RunError: the disk refuses.
        """
        with self._disk():
            schema = self._writer.register_schema(
                name=f"qsky.{message.name}", encoding=SCHEMA_ENCODING, data=encode_layout(message)
            )
            self._channels[message.name] = self._writer.register_channel(
                topic=f"/{message.name}", message_encoding=MESSAGE_ENCODING, schema_id=schema
            )
        self._messages[message.name] = message
        self._blocks[message.name] = 0
        self._held[message.name] = []

    def write_ticks(self, name: str, packed: list[bytes]) -> None:
        """Ticks as `terminal.codec.TickCodec` packs them, in their order.

        Raises:
            RunError: the disk refuses.
        """
        block = self._messages[name].block
        held = self._held[name]
        held += packed
        full = len(held) - len(held) % block
        for start in range(0, full, block):
            self._write_block(name, held[start : start + block])
        del held[:full]

    def summary(self, t_ns: int, values: dict[str, Any]) -> None:
        """The state of the flight for a viewer: the same keys each time.

        Raises:
            RunError: the disk refuses.
        """
        with self._disk():
            if "/summary" not in self._channels:
                schema = self._writer.register_schema(
                    name="qsky.summary",
                    encoding=SchemaEncoding.JSONSchema,
                    data=msgspec.json.encode(_json_schema(values)),
                )
                self._channels["/summary"] = self._writer.register_channel(
                    topic="/summary", message_encoding=MessageEncoding.JSON, schema_id=schema
                )
            self._add("/summary", t_ns, self._summary_blocks, msgspec.json.encode(values))
        self._summary_blocks += 1

    def flush(self, t_ns: int) -> None:
        """Hand all but the newest half second of ticks to the operating system.

        Raises:
            RunError: the disk refuses.
        """
        for name, held in self._held.items():
            if held and t_ns - _first_t_ns(held) > MAX_HELD_NS:
                self._write_block(name, held)
                held.clear()
        with self._disk():
            self._writer.flush()  # type: ignore[no-untyped-call]

    def close(self) -> None:
        """Write what is left and the index; a second call does nothing.

        Raises:
            RunError: the disk refuses.
        """
        if self._file.closed:
            return
        for name, held in self._held.items():
            if held:
                self._write_block(name, held)
                held.clear()
        with self._disk():
            self._writer.finish()  # type: ignore[no-untyped-call]
            self._file.close()

    def _write_block(self, name: str, ticks: list[bytes]) -> None:
        with self._disk():
            self._add(name, _first_t_ns(ticks), self._blocks[name], b"".join(ticks))
        self._blocks[name] += 1

    def _add(self, channel: str, t_ns: int, sequence: int, data: bytes) -> None:
        self._writer.add_message(
            channel_id=self._channels[channel],
            log_time=t_ns,
            publish_time=t_ns,
            sequence=sequence,
            data=data,
        )

    @contextmanager
    def _disk(self) -> Iterator[None]:
        if self._file.closed:
            raise RunError(f"{self._path}: the recording has been closed")
        try:
            yield
        except OSError as error:
            # Closing tries to write once more; the error that matters is the first one.
            with suppress(OSError):
                self._file.close()
            raise RunError(f"{self._path}: cannot write the recording: {error.strerror}") from error


def _first_t_ns(ticks: list[bytes]) -> int:
    (t_ns,) = _T_NS.unpack_from(ticks[0], _SEQ_BYTES)
    return int(t_ns)


def _json_schema(values: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": {key: _type_of(value) for key, value in values.items()}}


def _type_of(value: Any) -> dict[str, Any]:
    if isinstance(value, dict):
        return _json_schema(value)
    if isinstance(value, list | tuple):
        return {"type": "array", "items": _type_of(value[0]) if value else {}}
    # bool is an int, so it is asked first.
    for kind, name in ((bool, "boolean"), (int, "number"), (float, "number"), (str, "string")):
        if isinstance(value, kind):
            return {"type": name}
    return {}


def _private(path: Path) -> int:
    """The handle of an empty file there."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    # A file that was there before would keep its mode; a device shall.
    if stat.S_ISREG(os.fstat(handle).st_mode):
        os.fchmod(handle, 0o600)
    return handle
