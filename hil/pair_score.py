"""Two recordings of one pair source: what they share, beside what the model expects of them."""

import math
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from config.mission import Pairs
from config.scenario import Scenario
from hil.outputs import TAGS
from hil.pair_expected import (
    Course,
    Expected,
    expected_pairs,
    left_out,
    model_chsh,
    model_fidelity,
    sought,
)
from hil.pair_tags import by_time
from terminal.optics.fidelity import fidelity, poissonian_fidelity
from terminal.qkd.entanglement import (
    BASIS_ANGLES_RAD,
    CHSH_TURN_RAD,
    NEAR_RAD,
    Correlation,
    Table,
    accidentals,
    chsh,
    coincidences,
    correlation,
    lone,
    shared,
    tables,
)
from terminal.telemetry.pair_clicks import Found, Ticks, find_clicks
from terminal.telemetry.reader import Recording
from terminal.timetags.formats.npz import write_npz

LAG_PERIODS = tuple(k for k in range(-20, 21) if k)
"""Lags of accidental coincidences, in periods of the public pattern: pair slots fall on pair
slots."""
BASES = "XZ"
OF_STATE = (
    "visibility",
    "visibility_sigma",
    "visibility_model",
    "fidelity",
    "fidelity_sigma",
    "fidelity_model",
    "fidelity_at_least",
    "fidelity_at_least_sigma",
    "arms",
)


class End(NamedTuple):
    """One terminal's flight."""

    found: Found
    truth: dict[str, NDArray[Any]]
    """Columns of the message `truth`."""

    @classmethod
    def of(cls, folder: Path) -> "End":
        """Raises InputError where the recording cannot be used."""
        recording = Recording(folder / "pass.mcap")
        return cls(find_clicks(recording), recording.columns("truth"))


def entanglement(scenario: Scenario, first_folder: Path, second_folder: Path) -> dict[str, Any]:
    """The summary's `entanglement`, from the recordings in both folders; the time tags of either
    are put beside them. Raises InputError where they cannot be read or written."""
    first, second = End.of(first_folder), End.of(second_folder)
    for folder, end in ((first_folder, first), (second_folder, second)):
        write_npz(folder / TAGS, *end.found.tags)
    alone = lone(first.found.pairs), lone(second.found.pairs)
    found = coincidences(*alone)
    period = scenario.mission.source.pattern_length
    chance = accidentals(*alone, [k * period for k in LAG_PERIODS])
    measured = tables(found)
    model = {turn: _expected(scenario, first, second, turn) for turn in measured}
    answer: dict[str, Any] = {
        "clicks": [len(a.slot) for a in alone],
        "coincidences": len(found.slot),
        "coincidences_model": sum(float(m.coincidences.sum()) for m in model.values()),
        "accidentals": chance.value,
        "accidentals_sigma": chance.sigma,
        "accidentals_model": sum(float(m.accidentals.sum()) for m in model.values()),
    }
    answer |= _state(_pairs(scenario), measured, model) | _bell(measured, model)
    answer["correlations"] = [
        row for turn in measured for row in _rows(turn, measured[turn], model[turn])
    ]
    answer["tables"] = [
        {"turn_rad": turn, "counts": table.tolist()} for turn, table in measured.items()
    ]
    answer["time_tags"] = by_time(first.found, second.found)
    answer["model_leaves_out"] = left_out(scenario)
    return answer


def _state(
    pairs: Pairs, measured: dict[float, Table], model: dict[float, Expected]
) -> dict[str, Any]:
    """From the spans in which the analysers stood alike; None where there were none."""
    parallel = min(measured, key=abs, default=None)
    known = None
    if parallel is not None and abs(parallel) < NEAR_RAD:
        known = shared(measured[parallel])
    if known is None or parallel is None:
        return dict.fromkeys(OF_STATE)
    expected = model[parallel]

    def pair(h_v: float | None, d_a: float | None) -> dict[str, float | None]:
        return {"h_v": h_v, "d_a": d_a}

    return {
        "visibility": pair(known.visibility_h_v.value, known.visibility_d_a.value),
        "visibility_sigma": pair(known.visibility_h_v.sigma, known.visibility_d_a.sigma),
        "visibility_model": pair(*(_known(float(expected.correlation[i, i])) for i in range(2))),
        "fidelity": known.fidelity.value,
        "fidelity_sigma": known.fidelity.sigma,
        "fidelity_model": _known(model_fidelity(expected)),
        "fidelity_at_least": known.least_fidelity.value,
        "fidelity_at_least_sigma": known.least_fidelity.sigma,
        "arms": _arms(pairs, expected),
    }


def _arms(pairs: Pairs, expected: Expected) -> dict[str, Any] | None:
    """Fidelity of the pairs where they arrive, flawless receivers: of this source, and of one that
    gives a pair when asked and counts no other slot. None without a slot that counted."""
    first, second = expected.arms
    if not (first.transmittance and second.transmittance):
        return None
    return {
        "transmittance": [first.transmittance, second.transmittance],
        "background": [first.background, second.background],
        "fidelity": poissonian_fidelity(pairs.mean_pairs_per_slot, first, second, pairs.fidelity),
        "fidelity_when_asked": fidelity(first, second, pairs.fidelity),
    }


def _bell(measured: dict[float, Table], model: dict[float, Expected]) -> dict[str, Any]:
    """From the spans in which the first was turned by 22.5 degrees; None where there were none."""
    s = chsh(measured)
    turned = [turn for turn in measured if abs(abs(turn) - CHSH_TURN_RAD) <= NEAR_RAD]
    return {
        "chsh_s": s.value if s else None,
        "chsh_sigma": s.sigma if s else None,
        "chsh_s_model": _known(model_chsh(model[turned[0]], turned[0])) if s else None,
    }


def _pairs(scenario: Scenario) -> Pairs:
    pairs = scenario.mission.source.pairs
    assert pairs is not None, "recordings of pairs come from a scenario with pairs"
    return pairs


def _known(value: float) -> float | None:
    """None where the model has no slot in which both ends counted."""
    return value if math.isfinite(value) else None


def _rows(turn_rad: float, table: Table, model: Expected) -> list[dict[str, Any]]:
    def row(a: int, b: int, e: Correlation) -> dict[str, Any]:
        return {
            "turn_rad": turn_rad,
            "angle_rad": turn_rad + BASIS_ANGLES_RAD[a] - BASIS_ANGLES_RAD[b],
            "first": BASES[a],
            "second": BASES[b],
            "value": e.value,
            "sigma": e.sigma,
            "coincidences": e.coincidences,
            "model": _known(float(model.correlation[a, b])),
            "coincidences_model": float(model.coincidences[a, b]),
        }

    return [row(a, b, correlation(table, a, b)) for a in range(2) for b in range(2)]


def _expected(scenario: Scenario, first: End, second: End, turn_rad: float) -> Expected:
    """Of the ticks in which the first analyser was turned by so much against the second."""
    a, b = first.found.ticks, second.found.ticks
    _, i, j = np.intersect1d(a.t_ns, b.t_ns, return_indices=True)
    there = np.abs(a.turn_rad[i] - b.turn_rad[j] - turn_rad) < NEAR_RAD
    i, j = i[there], j[there]
    return expected_pairs(
        scenario.mission,
        _pairs(scenario),
        scenario.terminal.optics,
        scenario.world,
        _course(scenario, first, a, i),
        _course(scenario, second, b, j),
        np.minimum(a.pair_slots[i], b.pair_slots[j]).astype(np.float64),
    )


def _course(scenario: Scenario, end: End, ticks: Ticks, chosen: NDArray[np.int64]) -> Course:
    """The truth of these ticks, each at the record nearest to its middle."""
    truth = end.truth
    length_ns = int(np.median(np.diff(ticks.t_ns))) if len(ticks.t_ns) > 1 else 0
    at = np.searchsorted(truth["t_ns"], ticks.t_ns[chosen] - length_ns // 2)
    at = np.minimum(at, len(truth["t_ns"]) - 1)
    return Course(
        ticks.gate_half_width_s[chosen],
        truth["range_m"][at],
        truth["elevation_rad"][at],
        sought(
            truth["frame_angle_rad"][at],
            truth["plate_rad"][at].astype(np.float64),
            scenario.world.polarization.retardance_rad,
        ),
    )
