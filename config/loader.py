"""Scenarios from YAML files: read, convert to typed structs, check, or say what is wrong."""

import re
from pathlib import Path
from typing import Any

import msgspec

from config.explain import explain, meant
from config.scenario import Scenario
from config.validation import find_problems
from config.yaml_strict import ConfigError, Document, KeyPath, Place, key_text, read_yaml, shown

__all__ = ["ConfigError", "load_scenario", "scenario_names"]

SCENARIOS = Path(__file__).parent / "scenarios"
PROFILES = Path(__file__).parent / "profiles"

_NAME = re.compile(r"[a-z][a-z0-9_]*")


def scenario_names() -> list[str]:
    """Names of the scenarios that come with the package."""
    return _names(SCENARIOS)


def load_scenario(name_or_path: str) -> Scenario:
    """Read a scenario from a file, or one that comes with the package by its name.

    A bare name that comes with the package is meant before a file called the same. Where the file
    says `terminal: NAME`, the terminal is read from the package's profile of that name. Where it
    says `based_on: NAME`, all that it leaves out is taken from that scenario.

    Raises:
        ConfigError: no such scenario, or one that cannot be used; says file, line and key.
    """
    document = _with_base(read_yaml(_scenario_path(name_or_path)), ())
    try:
        scenario = msgspec.convert(document.value, Scenario)
    except msgspec.ValidationError as error:
        path, problem = explain(error, document.value, Scenario)
        raise _error(document, path, problem) from error
    for found in find_problems(scenario):
        raise _error(document, _path(found.key), found.text)
    return scenario


def _names(folder: Path) -> list[str]:
    return sorted(path.stem for path in folder.glob("*.yaml"))


def _scenario_path(name_or_path: str) -> Path:
    if name_or_path in scenario_names():
        return SCENARIOS / f"{name_or_path}.yaml"
    path = Path(name_or_path)
    if _NAME.fullmatch(name_or_path) and not path.exists():
        raise ConfigError(
            Place(name_or_path, 0),
            "",
            "no such file, and no scenario of this name" + meant(name_or_path, scenario_names()),
        )
    return path


def _with_base(scenario: Document, above: tuple[str, ...]) -> Document:
    """The document laid over the scenario that it is based on; `above`: what is based on it."""
    whole_terminal = isinstance(scenario.value.get("terminal"), str)
    scenario = _with_profile(scenario)
    name = scenario.value.get("based_on")
    if name is None:
        return scenario
    if not isinstance(name, str) or name not in scenario_names():
        raise _error(
            scenario,
            ("based_on",),
            f"no scenario {shown(name)}" + meant(str(name), scenario_names()),
        )
    if name in above:
        raise _error(scenario, ("based_on",), f"goes round in a circle: {name} is based on itself")
    base = _with_base(read_yaml(SCENARIOS / f"{name}.yaml"), (*above, name))
    own = {key: value for key, value in scenario.value.items() if key != "based_on"}
    value = _laid_over(base.value, own)
    if whole_terminal:  # a profile leaves nothing open
        value["terminal"] = own["terminal"]
    return Document(value, {**base.places, **scenario.places})


def _laid_over(base: Any, own: Any) -> Any:
    """`own`, and from `base` what it leaves out; mappings of another kind and lists are whole."""
    if not (isinstance(base, dict) and isinstance(own, dict)):
        return own
    if own.get("kind", base.get("kind")) != base.get("kind"):
        return own
    return {**base, **{key: _laid_over(base.get(key), value) for key, value in own.items()}}


def _with_profile(scenario: Document) -> Document:
    """The document with `terminal: NAME` replaced by the profile; places then name its file."""
    name = scenario.value.get("terminal")
    if not isinstance(name, str):
        return scenario
    if name not in _names(PROFILES):
        raise _error(
            scenario,
            ("terminal",),
            f"no profile {shown(name)}" + meant(name, _names(PROFILES)),
        )
    profile = read_yaml(PROFILES / f"{name}.yaml")
    places = {("terminal", *path): place for path, place in profile.places.items()}
    return Document({**scenario.value, "terminal": profile.value}, {**scenario.places, **places})


def _path(key: str) -> KeyPath:
    return tuple(int(i) if i else name for name, i in re.findall(r"(\w+)|\[(\d+)\]", key))


def _error(document: Document, path: KeyPath, problem: str) -> ConfigError:
    """The error at a path, or at the nearest place above it that stands in a file."""
    known = next(path[:n] for n in range(len(path), -1, -1) if path[:n] in document.places)
    return ConfigError(document.places[known], key_text(path), problem)
