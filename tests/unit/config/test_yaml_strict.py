"""The YAML reader: judged by the YAML 1.2 core schema, by JSON, and by abuse."""

import contextlib
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.errors import InputError
from config.yaml_strict import MAX_BYTES, ConfigError, parse_yaml, read_yaml


@pytest.mark.parametrize(
    ("text", "value"),
    [
        # YAML 1.2.2, section 10.3.2 (core schema), as far as it is accepted here.
        ("true", True),
        ("false", False),
        ("null", None),
        ("~", None),
        ("0", 0),
        ("-19", -19),
        ("+12", 12),
        ("0.", 0.0),
        ("-0.0", -0.0),
        (".5", 0.5),
        ("+12e03", 12000.0),
        ("-2E+05", -200000.0),
        ("1e-3", 1e-3),
        ("1.5e-9", 1.5e-9),
        ("9223372036854775807", 2**63 - 1),
        # Text, though YAML 1.1 makes a date of it.
        ("2016-12-19", "2016-12-19"),
        ("2016-12-19T15:18:00Z", "2016-12-19T15:18:00Z"),
        ("1 41731U 16051A   16353.9", "1 41731U 16051A   16353.9"),
        ("tcp://10.0.0.1:80", "tcp://10.0.0.1:80"),
        ('"on"', "on"),
        ("'012'", "012"),
        ('"1e-3"', "1e-3"),
        ("µm", "µm"),
    ],
)
def test_plain_values(text: str, value: object) -> None:
    got = parse_yaml(f"key: {text}\n", "f.yaml").value["key"]
    assert got == value
    assert type(got) is type(value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("on", "true, false or null"),
        ("Off", "true, false or null"),
        ("yes", "true, false or null"),
        ("NO", "true, false or null"),
        ("y", "true, false or null"),
        ("n", "true, false or null"),
        ("True", "true, false or null"),
        ("NULL", "true, false or null"),
        ("", "no value"),
        ("1_000", "without underscores"),
        ("1_000.5e3", "without underscores"),
        ("012", "leading zero"),
        ("-00", "leading zero"),
        ("01.5", "leading zero"),
        ("0o17", "in decimal"),
        ("0x1F", "in decimal"),
        ("0b11", "in decimal"),
        ("12:30", "base 60"),
        ("12:30:45.5", "base 60"),
        (".inf", "no finite number"),
        ("-.INF", "no finite number"),
        (".nan", "no finite number"),
        ("1e999", "too large"),
        ("9223372036854775808", "64 bits"),
        ("9" * 5000, "64 bits"),
        ("!!python/object:os.system x", "tags"),
        ("!!float 3", "tags"),
        ("! x", "tags"),
        ("&a 3\nother: *a", "aliases"),
        (r'"\e[31m"', "control characters"),
        (r'"\uD800"', "control characters"),
        (r'"\x00"', "control characters"),
    ],
)
def test_refused_values_name_file_line_and_key(text: str, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_yaml(f"first: 1\nouter:\n  - list: [1, 2]\n  - inner: {text}\n", "some/f.yaml")
    message = str(caught.value)
    if "other" in text:
        assert message.startswith("some/f.yaml:5: other: ")
    else:
        assert message.startswith("some/f.yaml:4: outer[1].inner: ")
    assert says in message
    assert len(message) < 250
    assert message.isprintable()


@pytest.mark.parametrize(
    ("text", "where", "says"),
    [
        ("a: 1\nb:\n  c: 1\n  c: 2\n", "f.yaml:4: b.c: ", "duplicate key, first in line 3"),
        ("a: 1\n1: 2\n", "f.yaml:2: ", "plain name, not '1'"),
        ("a: 1\n? [x]\n: 2\n", "f.yaml:2: ", "plain name"),
        ("base: {}\nb:\n  <<: {x: 1}\n", "f.yaml:3: b: ", "plain name, not '<<'"),
        (f"{'k' * 65}: 1\n", "f.yaml:1: ", "plain name"),
        ("!!str a: 1\n", "f.yaml:1: ", "plain name"),
        ("a: 1\n---\nb: 2\n", "f.yaml:2: ", "more than one document"),
        ("", "f.yaml:1: ", "is empty"),
        ("# nothing\n", "f.yaml:2: ", "is empty"),
        ("- 1\n", "f.yaml:1: ", "mapping"),
        ("just words\n", "f.yaml:1: ", "mapping"),
        ("%YAML 1.1\n---\na: 1\n", "f.yaml:1: ", "directives"),
        ("%TAG ! tag:x,2000:\n---\na: 1\n", "f.yaml:1: ", "directives"),
        (f"%YAML 1.{'9' * 5000}\n---\na: 1\n", "f.yaml: ", "broken YAML"),
        ('a: "\\UFFFFFFFF"\n', "f.yaml: ", "broken YAML"),
        ("a: 1\nb: [1, 2\nc: 3\n", "f.yaml:3: ", "broken YAML"),
        ("a:\n\tb: 1\n", "f.yaml:2: ", "broken YAML"),
        ("a: 1\nb: \x07\n", "f.yaml:2: ", "U+0007"),
        ("a: " + "[" * 40 + "]" * 40, "f.yaml:1: a[0][0]: ", "deep"),
        ("a: " + "[" * 100_000, "f.yaml:1: a[0][0]: ", "deep"),
        ("a: " + "{b: " * 40, "f.yaml:1: a.b.b: ", "deep"),
    ],
)
def test_refused_documents(text: str, where: str, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_yaml(text, "f.yaml")
    assert str(caught.value).startswith(where)
    assert says in str(caught.value)


def test_places_of_all_values() -> None:
    document = parse_yaml("a: 1\nb:\n  c: [1,\n    2]\n", "f.yaml")
    assert {path: place.line for path, place in document.places.items()} == {
        (): 1,
        ("a",): 1,
        ("b",): 3,
        ("b", "c"): 3,
        ("b", "c", 0): 3,
        ("b", "c", 1): 4,
    }


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    def message(path: Path) -> str:
        with pytest.raises(InputError) as caught:
            read_yaml(path)
        assert str(path) in str(caught.value)
        return str(caught.value)

    assert "No such file" in message(tmp_path / "absent.yaml")
    assert "regular file" in message(tmp_path)
    assert "regular file" in message(Path("/dev/zero"))
    big = tmp_path / "big.yaml"
    big.write_text("# " + "x" * MAX_BYTES)
    assert "larger than" in message(big)
    latin = tmp_path / "latin.yaml"
    latin.write_bytes("a: 1\nb: µm\n".encode("latin-1"))
    assert f"{latin}:2: is not UTF-8" in message(latin)


unhurried = settings(deadline=None)
"""A busy machine is no failure."""

scalars = (
    st.booleans()
    | st.none()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(min_codepoint=32, max_codepoint=126))
)
keys = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,9}", fullmatch=True)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4)
)


@unhurried
@given(st.dictionaries(keys, values, max_size=5))
def test_reads_json_as_json(data: dict[str, object]) -> None:
    # YAML 1.2 is a superset of JSON: Python's own writer is the judge, down to the last bit.
    assert parse_yaml(json.dumps(data), "f.yaml").value == data


@unhurried
@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(ConfigError):
        parse_yaml(text, "f.yaml")


@unhurried
@given(st.text(alphabet="ab01.:-_[]{},&*!|>%@#?'\"\\ \n\tex", max_size=60))
def test_any_yaml_like_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(ConfigError):
        parse_yaml(text, "f.yaml")
