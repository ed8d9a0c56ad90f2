"""YAML without surprises: every value is what it plainly looks like, or it is refused.

Values follow the core schema of YAML 1.2 (yaml.org/spec/1.2.2, section 10.3), where 1e-3 is a
number, dates are text, and only true and false are booleans. What YAML 1.1 readers take for
something else (on, 012, 1_000, 12:30) is refused with a hint instead of being read either way.
Refused too, as a file from outside may be hostile: aliases, tags, directives, duplicate keys, more
than one document, deep nesting, large files, and characters that no terminal should be sent.

The document is built from the parser's events, so none of PyYAML's constructors ever runs.
"""

import re
import reprlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from config.errors import InputError

MAX_BYTES = 1_000_000
MAX_DEPTH = 30

KeyPath = tuple[str | int, ...]

_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_UNPRINTABLE = re.compile(r"[^\n\t\x20-\x7e\xa0-\ud7ff\ue000-\U0010ffff]")
_EXPONENT = r"([eE][-+]?[0-9]+)?"
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)" + _EXPONENT)
_EXACT = {"true": True, "false": False, "null": None, "~": None}
_AMBIGUOUS = (
    (re.compile(""), "has no value: give one, or leave the key out"),
    (
        re.compile(r"y|yes|n|no|on|off|true|false|null", re.IGNORECASE),
        "means different things to different YAML readers: write true, false or null, or quote it",
    ),
    (
        re.compile(r"[-+]?[0-9.][0-9.]*_[0-9_.]*" + _EXPONENT),
        "is a number to some YAML readers only: write it without underscores",
    ),
    (
        re.compile(r"[-+]?0([0-9]+(\.[0-9]*)?" + _EXPONENT + "|[xob][0-9a-fA-F_]+)"),
        "is octal or decimal as the reader likes: write it in decimal, with no leading zero",
    ),
    (
        re.compile(r"[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?"),
        "is a number to base 60 to some YAML readers: quote it, or write it in decimal",
    ),
    (re.compile(r"[-+]?\.(inf|nan)", re.IGNORECASE), "is no finite number"),
)


class Place(NamedTuple):
    """Where a value stands."""

    file: str
    line: int
    """From 1; 0 where a line makes no sense."""


class ConfigError(InputError):
    """A configuration that cannot be used: `FILE:LINE: KEY: what is wrong`."""

    def __init__(self, place: Place, key: str, problem: str) -> None:
        self.place, self.key, self.problem = place, key, problem
        where = f"{place.file}:{place.line}" if place.line else place.file
        super().__init__(": ".join(part for part in (where, key, problem) if part))


class Document(NamedTuple):
    """What a file says: plain dicts, lists and scalars, and where each of them stands."""

    value: dict[str, Any]
    places: dict[KeyPath, Place]


def key_text(path: KeyPath) -> str:
    """("a", "b", 1) as `a.b[1]`."""
    return "".join(f"[{k}]" if isinstance(k, int) else f".{k}" for k in path).removeprefix(".")


def shown(value: object) -> str:
    """A value from outside, quoted and cut to a length that suits a message."""
    return reprlib.repr(value)


def read_yaml(path: Path) -> Document:
    """Read a file.

    Raises:
        ConfigError: a file that cannot be read, or content that `parse_yaml` refuses.
    """
    nowhere = Place(str(path), 0)
    try:
        # Asked first, since opening a named pipe would wait for its writer.
        if path.exists() and not path.is_file():
            raise ConfigError(nowhere, "", "is no regular file")
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError(nowhere, "", f"cannot be read: {error.strerror}") from error
    except ValueError as error:  # a null character in the path
        raise ConfigError(Place(repr(str(path)), 0), "", "is no file name") from error
    if len(data) > MAX_BYTES:
        raise ConfigError(nowhere, "", f"is larger than {MAX_BYTES} bytes")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(Place(str(path), line), "", "is not UTF-8 text") from error
    return parse_yaml(text, str(path))


def parse_yaml(text: str, file: str) -> Document:
    """Parse one document, a mapping at its top; `file` is the name for messages.

    Raises:
        ConfigError: broken or ambiguous YAML, or one of the things this reader refuses.
    """
    builder = _Builder(file, iter(yaml.parse(text, Loader=yaml.SafeLoader)))
    try:
        return builder.document()
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        problem = f"character U+{ord(text[error.position]):04X} is not allowed"
        raise ConfigError(Place(file, line), "", problem) from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 0
        raise ConfigError(Place(file, line), "", f"broken YAML: {error.problem}") from error
    except (ValueError, OverflowError) as error:
        # PyYAML converts "\UFFFFFFFF" and the version in a %YAML directive unchecked.
        raise ConfigError(Place(file, 0), "", f"broken YAML: {error}") from error


class _Builder:
    """Builds the value from the parser's events."""

    def __init__(self, file: str, events: Iterator[yaml.Event]) -> None:
        self._file = file
        self._events = events
        self._places: dict[KeyPath, Place] = {}

    def document(self) -> Document:
        next(self._events)  # start of the stream
        event = next(self._events)
        if not isinstance(event, yaml.DocumentStartEvent):
            raise self._refused(event, (), "is empty")
        if event.version or event.tags:
            raise self._refused(event, (), "directives (%) are not allowed")
        event = next(self._events)
        value = self._value(event, ())
        if not isinstance(value, dict):
            raise self._refused(event, (), "must be a mapping of keys to values")
        next(self._events)  # end of the document
        event = next(self._events)
        if not isinstance(event, yaml.StreamEndEvent):
            raise self._refused(event, (), "more than one document in the file")
        return Document(value, self._places)

    def _value(self, event: yaml.Event, path: KeyPath) -> Any:
        if not isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent):
            raise self._refused(event, path, "aliases (*) are not allowed: write the value out")
        if event.tag is not None:
            raise self._refused(event, path, "tags (!) are not allowed")
        if len(path) > MAX_DEPTH:
            raise self._refused(event, path[:3], f"nested more than {MAX_DEPTH} deep")
        self._places[path] = self._place(event)
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, path)
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(path)
        return self._sequence(path)

    def _mapping(self, path: KeyPath) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent) or event.tag is not None:
                raise self._refused(event, path, "a key must be a plain name")
            key: str = event.value
            if not _KEY.fullmatch(key):
                raise self._refused(event, path, f"a key must be a plain name, not {shown(key)}")
            if key in mapping:
                first = self._places[(*path, key)].line
                raise self._refused(event, (*path, key), f"duplicate key, first in line {first}")
            mapping[key] = self._value(next(self._events), (*path, key))
        return mapping

    def _sequence(self, path: KeyPath) -> list[Any]:
        sequence: list[Any] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            sequence.append(self._value(event, (*path, len(sequence))))
        return sequence

    def _scalar(self, event: yaml.ScalarEvent, path: KeyPath) -> str | int | float | bool | None:
        text: str = event.value
        if _UNPRINTABLE.search(text):
            raise self._refused(event, path, "control characters are not allowed")
        if event.style is not None:
            return text
        if text in _EXACT:
            return _EXACT[text]
        if _INTEGER.fullmatch(text):
            if len(text) > 20 or not -(2**63) <= int(text) < 2**63:
                raise self._refused(event, path, f"{shown(text)} does not fit 64 bits")
            return int(text)
        if _FLOAT.fullmatch(text):
            number = float(text)
            if abs(number) == float("inf"):
                raise self._refused(event, path, f"{shown(text)} is too large")
            return number
        for pattern, hint in _AMBIGUOUS:
            if pattern.fullmatch(text):
                raise self._refused(event, path, f"{shown(text)} {hint}" if text else hint)
        return text

    def _refused(self, event: yaml.Event, path: KeyPath, problem: str) -> ConfigError:
        return ConfigError(self._place(event), key_text(path), problem)

    def _place(self, event: yaml.Event) -> Place:
        mark = event.start_mark
        return Place(self._file, mark.line + 1 if mark else 0)
