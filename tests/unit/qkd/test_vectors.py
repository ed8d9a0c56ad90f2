"""The finite-key length against published-code vectors, where they are at hand."""

import json
from pathlib import Path

import numpy as np
import pytest

from terminal.qkd.expected import Receiver, expected_counts
from terminal.qkd.finite_key import KeyParameters, key_length

VECTORS = Path(__file__).resolve().parents[3].parent / "shared" / "vectors" / "finite_key.json"


def _load():
    if not VECTORS.exists():
        return {}, []
    data = json.loads(VECTORS.read_text())
    return data["losses"], [case for case in data["cases"] if not case["optimise"]]


LOSSES, CASES = _load()


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
