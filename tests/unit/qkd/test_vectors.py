"""The finite-key length against published-code vectors, where they are at hand."""

import json
from pathlib import Path

import numpy as np
import pytest

from terminal.finite_key_answers import answer
from terminal.finite_key_cases import read_cases
from terminal.qkd.expected import Receiver, expected_counts
from terminal.qkd.finite_key import KeyParameters, key_length

VECTORS = Path(__file__).resolve().parents[3].parent / "shared" / "vectors" / "finite_key.json"


def _load():
    if not VECTORS.exists():
        return {}, []
    data = json.loads(VECTORS.read_text())
    return data["losses"], data["cases"]


LOSSES, ALL = _load()
CASES = [case for case in ALL if not case["optimise"]]


@pytest.mark.skipif(not CASES, reason="no vectors on this machine")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_key_length_matches_vector(case):
    loss, source = LOSSES[case["loss"]], case["source"]
    used = np.abs(np.array(loss["time_s"])) <= case["half_window_s"]
    transmittance = np.array(loss["transmittance"])[used] * 10 ** (-case["extra_loss_db"] / 10)
    intensities = tuple(source["intensities"])
    probabilities = tuple(source["intensity_probabilities"])
    counts = expected_counts(
        transmittance,
        source["pulse_rate_hz"] * case["passes"],
        intensities,
        probabilities,
        source["basis_x_probability"],
        Receiver(**case["receiver"]),
    )
    params = KeyParameters(
        intensities,
        probabilities,
        case["security"]["secrecy"],
        case["security"]["correctness"],
        case["error_correction"]["efficiency"],
        case["error_correction"]["model"],
        case["bound"],
        "published",
    )
    estimate = key_length(counts, params)
    for name, value in case["expect"].items():
        # The vectors hold 1e-10 where a bound was cut at zero.
        assert getattr(estimate, name) == pytest.approx(value, rel=1e-9, abs=1e-9), name


@pytest.mark.skipif(not ALL, reason="no vectors on this machine")
def test_the_command_meets_every_vector():
    cases, warnings = read_cases(VECTORS)
    assert warnings == []
    for case, told in zip(cases, ALL, strict=True):
        found = answer(case)
        if told["optimise"]:
            # Somebody else's optimum may be passed by a little, not by as much as a wrong formula.
            share = found["secret_key_bits"] / told["expect"]["secret_key_bits"]
            assert 0.9999 <= share <= 1.01, case.id
        else:
            for name, value in told["expect"].items():
                assert found[name] == pytest.approx(value, rel=1e-9, abs=1e-9), (case.id, name)
