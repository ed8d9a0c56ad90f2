"""Reads the file of `qsky finite-key`, and refuses what cannot be: names the case and the key."""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, get_args

import msgspec
import numpy as np
from msgspec import Struct

from config.errors import InputError
from config.explain import explain, meant
from config.yaml_strict import key_text, shown
from terminal.finite_key_format import Asked, CountsAsked, LossTable, PassAsked
from terminal.qkd.decoy_bounds import KeyRules
from terminal.qkd.expected import Link, Receiver, detection_probability
from terminal.qkd.finite_key import (
    KeyParameters,
    SiftedCounts,
    check_counts,
    check_intensities,
)
from terminal.qkd.protocol_domain import Domain, check_domain

SLOT_S = 1.0
Kind = TypeVar("Kind", bound=Struct)


class FixedCase(NamedTuple):
    """What a pass gives with these parameters."""

    id: str
    passes: int
    link: Link
    params: KeyParameters
    basis_x_probability: float


class FreeCase(NamedTuple):
    """What it gives with the best ones."""

    id: str
    passes: int
    link: Link
    rules: KeyRules
    domain: Domain


class CountedCase(NamedTuple):
    """What counts give."""

    id: str
    passes: int
    counts: SiftedCounts
    params: KeyParameters


Case = FixedCase | FreeCase | CountedCase


def read_cases(path: Path) -> tuple[list[Case], list[str]]:
    """The cases of a file, all of them checked, and warnings of what in it is not used.

    Raises:
        InputError: no such file, or one that does not hold this; names the case and the key.
    """
    data = _read(path)
    losses = data.get("losses", {})
    if not isinstance(losses, dict) or not isinstance(data.get("cases"), list):
        raise InputError(
            f"{path}: must hold `cases`, a list, and `losses`, a mapping of names to time_s and "
            "transmittance"
        )
    if not data["cases"]:
        raise InputError(f"{path}: cases: must not be empty")
    tables = {name: _table(path, name, value) for name, value in losses.items()}
    cases: dict[str, Case] = {}
    warnings: list[str] = []
    for k, value in enumerate(data["cases"]):
        name = value.get("id") if isinstance(value, dict) else None
        where = f"{path}: case {name}" if isinstance(name, str) and name else f"{path}: cases[{k}]"
        try:
            case, asked = _case(value, tables)
        except ValueError as error:
            raise InputError(f"{where}: {error}") from error
        if case.id in cases:
            raise InputError(f"{where}: id: there is another case of this id")
        cases[case.id] = case
        warnings += [f"{where}: {key}: unknown key, not used" for key in _unknown(value, asked)]
    return list(cases.values()), warnings


def _read(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(
            path.read_text(encoding="utf-8"), object_pairs_hook=_once, parse_constant=_no_number
        )
    except OSError as error:
        raise InputError(f"{path}: cannot read: {error.strerror}") from error
    except RecursionError as error:
        raise InputError(f"{path}: is nested too deeply") from error
    except ValueError as error:
        raise InputError(f"{path}: is no JSON that can be read: {error}") from error
    if not isinstance(data, dict):
        raise InputError(f"{path}: must hold one mapping, with `losses` and `cases`")
    return data


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"key {shown(twice)} stands twice in one mapping")
    return found


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no number")


def _table(path: Path, name: str, value: Any) -> LossTable:
    where = f"{path}: losses.{name}"
    try:
        table = _convert(value, LossTable)
        time_s, transmittance = np.array(table.time_s), np.array(table.transmittance)
        if not time_s.size or time_s.size != transmittance.size:
            raise ValueError("time_s: must be as long as transmittance, and not empty")
        if not np.all(np.abs(time_s) < 1e9):
            raise ValueError("time_s: must be finite")
        if time_s.size > 1 and np.diff(np.sort(time_s)).min() < SLOT_S * (1.0 - 1e-6):
            raise ValueError("time_s: slots of 1 s overlap")
        if not np.all((transmittance >= 0) & (transmittance <= 1)):
            raise ValueError("transmittance: must lie in 0 to 1")
    except ValueError as error:
        raise InputError(f"{where}: {error}") from error
    return table


def _convert(value: Any, kind: type[Kind]) -> Kind:
    if not isinstance(value, dict):
        raise ValueError(f"must be a mapping, found {shown(value)}")
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        key, problem = explain(error, value, kind)
        raise ValueError(f"{key_text(key)}: {problem}") from error


def _case(value: Any, tables: dict[str, LossTable]) -> tuple[Case, type[Asked]]:
    """Raises ValueError naming the key."""
    if isinstance(value, dict) and "counts" in value:
        return _counted(_convert(value, CountsAsked)), CountsAsked
    asked = _convert(value, PassAsked)
    link = _link(asked, tables)
    return (_free(asked, link) if asked.optimise else _fixed(asked, link)), PassAsked


def _link(asked: PassAsked, tables: dict[str, LossTable]) -> Link:
    if asked.loss not in tables:
        raise ValueError(f"loss: no {shown(asked.loss)} among losses{meant(asked.loss, [*tables])}")
    table = tables[asked.loss]
    used = np.abs(np.array(table.time_s)) <= asked.half_window_s
    if not used.any():
        raise ValueError(
            f"half_window_s: no slot of {asked.loss} lies within {asked.half_window_s}"
        )
    transmittance = np.array(table.transmittance)[used] * 10.0 ** (-0.1 * asked.extra_loss_db)
    pulses = _given(asked, "pulse_rate_hz") * SLOT_S * asked.passes
    receiver = Receiver(*msgspec.structs.astuple(asked.receiver))
    return Link(transmittance, np.full(transmittance.shape, pulses), receiver)


def _fixed(asked: PassAsked, link: Link) -> FixedCase:
    params = _parameters(asked)._replace(vacuum="published")
    _check_light(link, params.intensities[0])
    return FixedCase(asked.id, asked.passes, link, params, _given(asked, "basis_x_probability"))


def _free(asked: PassAsked, link: Link) -> FreeCase:
    if asked.bounds is None:
        raise ValueError("bounds: missing: an optimised case needs ranges to choose from")
    bounds = asked.bounds
    domain = Domain(bounds.intensities, bounds.intensity_probabilities, bounds.basis_x_probability)
    try:
        check_domain(domain)
    except ValueError as error:
        raise ValueError(f"bounds.{error}") from error
    _check_light(link, domain.intensities[0][1])
    return FreeCase(asked.id, asked.passes, link, _rules(asked), domain)


def _check_light(link: Link, most_intensity: float) -> None:
    brightest = max(link.transmittance)
    if detection_probability(brightest, most_intensity, link.receiver) > 1.0:
        raise ValueError(
            "receiver.afterpulse_probability: more clicks than pulses: the channel model does not "
            "hold for so much light"
        )


def _counted(asked: CountsAsked) -> CountedCase:
    counts = SiftedCounts(*msgspec.structs.astuple(asked.counts)[:4])
    detected = asked.counts.detected
    try:
        check_counts(counts)
        if detected is not None and not sum(counts.x) + sum(counts.z) <= detected < math.inf:
            raise ValueError(
                f"detected: {sum(counts.x) + sum(counts.z):g} sifted of {detected:g} detected"
            )
    except ValueError as error:
        raise ValueError(f"counts.{error}") from error
    return CountedCase(asked.id, asked.passes, counts, _parameters(asked))


def _parameters(asked: Asked) -> KeyParameters:
    intensities = _given(asked, "intensities")
    probabilities = _given(asked, "intensity_probabilities")
    params = KeyParameters(intensities, probabilities, *_rules(asked))
    try:
        check_intensities(params)
    except ValueError as error:
        # The file's name of the key.
        text = str(error).replace("probabilities:", "intensity_probabilities:", 1)
        raise ValueError(f"source.{text}") from error
    return params


def _rules(asked: Asked) -> KeyRules:
    return KeyRules(
        asked.security.secrecy,
        asked.security.correctness,
        asked.error_correction.efficiency,
        asked.error_correction.model,
        asked.bound,
    )


def _given(asked: Asked, name: str) -> Any:
    value = getattr(asked.source, name)
    if value is None:
        raise ValueError(f"source.{name}: missing: this key is required")
    return value


def _unknown(value: dict[str, Any], kind: type[Struct], under: str = "") -> Iterator[str]:
    fields = {field.name: field.type for field in msgspec.structs.fields(kind)}
    for name, inside in value.items():
        if name not in fields:
            yield under + shown(name)[1:-1]
        elif isinstance(inside, dict):
            inner = [t for t in (fields[name], *get_args(fields[name])) if _is_struct(t)]
            for found in inner:
                yield from _unknown(inside, found, f"{under}{name}.")


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Struct)
