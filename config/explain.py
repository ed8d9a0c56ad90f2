"""msgspec's complaints in the user's terms: the exact key, what was found there, what was meant."""

import difflib
import re
from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec import inspect

from config.ranges import unit_hint
from config.yaml_strict import KeyPath, key_text, shown

_COMPLAINT = re.compile(
    r"(?P<what>.*?)(?: - at (?P<key>`key` in )?`\$(?P<path>[^`]*)`)?", re.DOTALL
)
_STEP = re.compile(r"\.(\w+)|\[(\d+)\]|(\[\.\.\.\])")
_FIELD = re.compile(r"Object (?P<how>missing required|contains unknown) field `(?P<name>.*)`")
_WORDS = {
    "float": "number",
    "int": "whole number",
    "str": "text",
    "array": "list",
    "object": "mapping",
}
_CHOICE = re.compile(r"Invalid (enum )?value .*", re.DOTALL)


def explain(error: msgspec.ValidationError, data: Any, kind: type) -> tuple[KeyPath, str]:
    """The path of the offending key and one line on it, for `convert(data, kind)` that failed.

    data: dicts, lists and scalars with names for keys.
    """
    what, in_key, path = _located(str(error), data, kind)
    field = _FIELD.fullmatch(what)
    if field and field["how"] == "missing required":
        return (*path, field["name"]), "missing: this key is required"
    if field:
        known = _keys(_type_at(kind, data, path))
        return (*path, field["name"]), "unknown key" + meant(field["name"], known)
    found = path[-1] if in_key else _at(data, path)
    if _CHOICE.fullmatch(what):
        return path, f"{shown(found)} is not known" + meant(found, _choices(kind, data, path))
    expected = re.sub(
        r"\w+", lambda word: _WORDS.get(word[0], word[0]), what.partition(", got ")[0]
    )
    expected = expected[:1].lower() + expected[1:].replace("`", "")
    return path, f"{expected}, found {shown(found)}" + unit_hint(key_text(path), found)


def _located(complaint: str, data: Any, kind: type) -> tuple[str, bool, KeyPath]:
    """(what is wrong, whether with a key itself, full path): msgspec itself names no dict keys."""
    match = _COMPLAINT.fullmatch(complaint)
    assert match is not None  # the first group takes anything
    path: list[str | int] = []
    for name, index, _ in _STEP.findall(match["path"] or ""):
        if name or index:
            path.append(name if name else int(index))
        else:
            key, data = _culprit(complaint, data, kind, path)
            path.append(key)
    if match["key"]:
        key, data = _culprit(complaint, data, kind, path)
        path.append(key)
    return match["what"], bool(match["key"]), tuple(path)


def _culprit(complaint: str, data: Any, kind: type, path: list[str | int]) -> tuple[str, Any]:
    """The entry of the dict at `path` that draws this complaint, and the data with it alone."""
    for key, value in _at(data, path).items():
        alone = _replaced(data, path, {key: value})
        try:
            msgspec.convert(alone, kind)
        except msgspec.ValidationError as error:
            if str(error) == complaint:
                return key, alone
    raise AssertionError(f"no entry draws the complaint {complaint}")


def _replaced(data: Any, path: list[str | int], value: Any) -> Any:
    """A copy of data, as deep as needed, with another value at `path`."""
    if not path:
        return value
    head, rest = path[0], path[1:]
    copy = data.copy()
    copy[head] = _replaced(data[head], rest, value)
    return copy


def _at(data: Any, path: Iterable[str | int]) -> Any:
    for key in path:
        data = data[key]
    return data


def _type_at(kind: type, data: Any, path: KeyPath) -> inspect.Type | None:
    """The type that the value at `path` should have; of several tagged structs, the one it says."""
    node: inspect.Type | None = _tagged(inspect.type_info(kind), data)
    for key in path:
        data = data[key]
        if isinstance(node, inspect.StructType):
            node = next((f.type for f in node.fields if f.encode_name == key), None)
        elif isinstance(node, inspect.DictType):
            node = node.value_type
        elif isinstance(node, inspect.VarTupleType):
            node = node.item_type
        else:
            return None
        node = _tagged(node, data)
    return node


def _tagged(node: inspect.Type | None, data: Any) -> inspect.Type | None:
    if isinstance(node, inspect.UnionType) and isinstance(data, dict):
        for option in node.types:
            if not isinstance(option, inspect.StructType) or option.tag_field is None:
                continue
            if data.get(option.tag_field) == option.tag:
                return option
    return node


def _keys(node: inspect.Type | None) -> list[str]:
    if not isinstance(node, inspect.StructType):
        return []
    tag = [node.tag_field] if node.tag_field else []
    return tag + [field.encode_name for field in node.fields]


def _choices(kind: type, data: Any, path: KeyPath) -> list[str]:
    """Values allowed at `path`: of a literal, or tags of the structs that may stand there."""
    node = _type_at(kind, data, path)
    if isinstance(node, inspect.LiteralType):
        return [str(value) for value in node.values]
    parent = _type_at(kind, data, path[:-1])
    options = parent.types if isinstance(parent, inspect.UnionType) else ()
    return [str(option.tag) for option in options if isinstance(option, inspect.StructType)]


def meant(wrong: object, known: list[str]) -> str:
    """The end of a message on a name that is not among the known ones."""
    near = difflib.get_close_matches(str(wrong)[:100], known, n=1)
    if near:
        return f": did you mean {near[0]}?"
    return f": known are {', '.join(known)}" if known else ""
