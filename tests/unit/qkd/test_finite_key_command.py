"""`qsky finite-key`: its answers, and files that are wrong: one line with the case and the key."""

import copy
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.errors import InputError
from terminal.finite_key_answers import answer
from terminal.finite_key_cases import read_cases
from terminal.qkd.expected import Receiver, expected_counts
from terminal.qkd.finite_key import KeyParameters, SiftedCounts, key_length

Run = Callable[..., tuple[int, str, str]]

TIME_S = [float(t) for t in range(-40, 41)]
LOSS = {"time_s": TIME_S, "transmittance": [1e-3 / (1 + (t / 30) ** 2) for t in TIME_S]}
FIXED: dict[str, Any] = {
    "id": "fixed",
    "loss": "pass",
    "half_window_s": 20,
    "extra_loss_db": 1.5,
    "source": {
        "pulse_rate_hz": 1e8,
        "intensities": [0.7, 0.15, 0.0],
        "intensity_probabilities": [0.7, 0.2, 0.1],
        "basis_x_probability": 0.8,
    },
    "receiver": {
        "extraneous_count_probability": 5e-7,
        "afterpulse_probability": 1e-3,
        "intrinsic_qber": 0.005,
    },
    "passes": 3,
    "security": {"secrecy": 1e-9, "correctness": 1e-15},
    "error_correction": {"model": "one_way_finite", "efficiency": 1.16},
    "bound": "chernoff",
    "optimise": False,
}
FREE: dict[str, Any] = {
    **FIXED,
    "id": "free",
    "source": {"pulse_rate_hz": 1e8},
    "optimise": True,
    "bounds": {
        "basis_x_probability": [0.3, 1.0],
        "intensity_probabilities": [[0.6, 0.9999], [0, 0.4]],
        "intensities": [[0.3, 1.0], [0.001, 0.5], [0.0, 0.0]],
    },
}
COUNTED: dict[str, Any] = {
    **{name: FIXED[name] for name in ("source", "security", "error_correction", "bound")},
    "id": "counted",
    "counts": {
        "x": [8e5, 6e4, 3e3],
        "z": [9e4, 7e3, 350],
        "x_errors": 8e3,
        "z_errors": [900, 80, 20],
        "detected": 1e6,
    },
}
GONE = object()


def changed(case: dict[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    case = copy.deepcopy(case)
    inner: Any = case
    for key in path[:-1]:
        inner = inner[key]
    if value is GONE:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    return case


def write(folder: Path, *cases: Any, losses: Any = None) -> Path:
    path = folder / "cases.json"
    path.write_text(json.dumps({"losses": losses or {"pass": LOSS}, "cases": cases}))
    return path


def refusal(path: Path) -> str:
    with pytest.raises(InputError) as refused:
        read_cases(path)
    text = str(refused.value)
    assert text.startswith(f"{path}: ")
    assert "\n" not in text
    return text.removeprefix(f"{path}: ")


def test_all_kinds_are_answered_in_order(qsky: Run, tmp_path: Path) -> None:
    code, out, err = qsky("finite-key", str(write(tmp_path, FREE, COUNTED, FIXED)), "--json", "-")
    assert (code, err) == (0, "")
    answers = json.loads(out)
    assert [a["id"] for a in answers] == ["free", "counted", "fixed"]
    assert all(a["secret_key_bits"] > 0 for a in answers)
    assert answers[0]["secret_key_bits"] > answers[2]["secret_key_bits"]
    assert set(answers[0]["parameters"]) == {
        "intensities",
        "intensity_probabilities",
        "basis_x_probability",
    }


def test_a_window_of_d_is_its_2_d_plus_1_slots_and_keys_are_per_pass(tmp_path: Path) -> None:
    (case,), _ = read_cases(write(tmp_path, FIXED))
    found = answer(case)
    eta = [
        v * 10**-0.15 for t, v in zip(TIME_S, LOSS["transmittance"], strict=True) if abs(t) <= 20
    ]
    assert len(eta) == 41
    mu, p = (0.7, 0.15, 0.0), (0.7, 0.2, 0.1)
    counts = expected_counts(eta, 3e8, mu, p, 0.8, Receiver(5e-7, 1e-3, 0.005))
    key = key_length(counts, KeyParameters(mu, p, 1e-9, 1e-15, 1.16))
    assert found["sifted_x"] == pytest.approx(key.sifted_x, rel=1e-12)
    assert found["secret_key_bits"] == pytest.approx(key.secret_key_bits / 3, rel=1e-12)


def test_counts_are_taken_as_they_are(tmp_path: Path) -> None:
    (case,), _ = read_cases(write(tmp_path, COUNTED))
    counts = SiftedCounts((8e5, 6e4, 3e3), (9e4, 7e3, 350), 8e3, (900, 80, 20))
    params = KeyParameters((0.7, 0.15, 0.0), (0.7, 0.2, 0.1), 1e-9, 1e-15, 1.16)
    assert answer(case)["secret_key_bits"] == key_length(counts, params).secret_key_bits


def test_the_table_names_every_case(qsky: Run, tmp_path: Path) -> None:
    dark = {**FIXED, "id": "dark", "extra_loss_db": 60}
    code, out, err = qsky("finite-key", str(write(tmp_path, FREE, COUNTED, dark)))
    assert (code, err) == (0, "")
    assert all(name in out for name in ("free", "counted", "dark: no key"))


@pytest.mark.parametrize(
    ("path", "value", "flag"),
    [
        (("source", "basis_x_probability"), 1.0, "check basis empty"),
        (("source", "basis_x_probability"), 0.0, "key basis empty"),
        (("extra_loss_db",), 60, "no key"),
    ],
)
def test_what_leaves_no_key_is_flagged(tmp_path, path, value, flag) -> None:
    (case,), _ = read_cases(write(tmp_path, changed(FIXED, path, value)))
    found = answer(case)
    assert found["secret_key_bits"] == 0
    assert flag in found["flags"]


def test_more_errors_than_a_coin_are_flagged(tmp_path) -> None:
    (case,), _ = read_cases(write(tmp_path, changed(COUNTED, ("counts", "x_errors"), 5e5)))
    assert "error rate above one half" in answer(case)["flags"]


def test_light_in_the_vacuum_pulses_shows_the_strict_key(tmp_path) -> None:
    """Lim et al. 2014, eq. 2, against the published code."""
    noisy = changed(FIXED, ("receiver", "extraneous_count_probability"), 1e-5)
    lit = changed(noisy, ("source", "intensities", 2), 0.01)
    (case,), _ = read_cases(write(tmp_path, lit))
    found = answer(case)
    assert 0 < found["strict_key_bits"] < found["secret_key_bits"]
    assert "published vacuum bound overstates the key" in found["flags"]


BAD = [
    (FIXED, ("source", "intensities"), GONE, "source.intensities"),
    (FIXED, ("source", "intensities"), [0.2, 0.15, 0.1], "source.intensities"),
    (FIXED, ("source", "intensities", 1), "0.15", "source.intensities[1]"),
    (FIXED, ("source", "intensities"), [0.7, 0.15], "source.intensities"),
    (FIXED, ("source", "intensity_probabilities", 0), 0.9, "source.intensity_probabilities"),
    (FIXED, ("source", "basis_x_probability"), 1.1, "source.basis_x_probability"),
    (FIXED, ("source", "pulse_rate_hz"), 1e300, "source.pulse_rate_hz"),
    (FIXED, ("source", "pulse_rate_hz"), 10**400, "source.pulse_rate_hz"),
    (FIXED, ("source",), GONE, "source"),
    (FIXED, ("source",), [], "source"),
    (FIXED, ("receiver", "intrinsic_qber"), 0.51, "receiver.intrinsic_qber"),
    (FIXED, ("receiver", "extraneous_count_probability"), -1e-9, "receiver.extraneous_count_"),
    (FIXED, ("receiver", "afterpulse_probability"), True, "receiver.afterpulse_probability"),
    (FIXED, ("security", "secrecy"), 0, "security.secrecy"),
    (FIXED, ("security", "correctness"), 1, "security.correctness"),
    (FIXED, ("error_correction", "efficiency"), 0.9, "error_correction.efficiency"),
    (FIXED, ("error_correction", "model"), "cascade", "error_correction.model"),
    (FIXED, ("bound",), "chernov", "bound"),
    (FIXED, ("passes",), 0, "passes"),
    (FIXED, ("passes",), 1.5, "passes"),
    (FIXED, ("loss",), "pas", "loss"),
    (FIXED, ("half_window_s",), -1, "half_window_s"),
    (FIXED, ("extra_loss_db",), -3, "extra_loss_db"),
    (FIXED, ("extra_loss_db",), GONE, "extra_loss_db"),
    (FREE, ("bounds",), GONE, "bounds"),
    (FREE, ("bounds", "intensities", 0), [0.9, 0.3], "bounds.intensities[0]"),
    (FREE, ("bounds", "intensities", 2), [0.6, 0.7], "bounds.intensities[1]"),
    (FREE, ("bounds", "basis_x_probability"), [1.0, 1.0], "bounds.basis_x_probability"),
    (COUNTED, ("counts", "detected"), 9e5, "counts.detected"),
    (COUNTED, ("counts", "x_errors"), 9e5, "counts.x_errors"),
    (COUNTED, ("counts", "z_errors", 1), 7001, "counts.z_errors[1]"),
    (COUNTED, ("counts", "z", 0), -1, "counts.z"),
]


@pytest.mark.parametrize(
    ("case", "path", "value", "key"),
    BAD,
    ids=[f"{b[0]['id']} {b[3]} {i}" for i, b in enumerate(BAD)],
)
def test_a_case_that_cannot_be_is_refused_by_name(tmp_path, case, path, value, key) -> None:
    wrong = changed(case, path, value)
    assert refusal(write(tmp_path, FIXED | {"id": "good"}, wrong)).startswith(
        f"case {case['id']}: {key}"
    )


@pytest.mark.parametrize(
    ("column", "values", "key"),
    [
        ("time_s", [0.0, 0.5], "losses.pass: time_s"),
        ("time_s", [0.0], "losses.pass: time_s"),
        ("transmittance", [0.1, 1.1], "losses.pass: transmittance"),
        ("transmittance", [0.1, "x"], "losses.pass: transmittance[1]"),
    ],
)
def test_a_table_that_cannot_be_is_refused_by_name(tmp_path, column, values, key) -> None:
    table = {"time_s": [0.0, 1.0], "transmittance": [1e-3, 1e-3], column: values}
    assert refusal(write(tmp_path, FIXED, losses={"pass": table})).startswith(key)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is no JSON"),
        ("{", "is no JSON"),
        ("[]", "must hold"),
        ('{"losses": {}}', "must hold"),
        ('{"losses": {}, "cases": []}', "cases: must not be empty"),
        ('{"losses": {}, "cases": [3]}', "cases[0]: must be a mapping"),
        ('{"losses": {}, "cases": [{"id": NaN}]}', "is no JSON that can be read: NaN"),
        ('{"losses": {}, "losses": {}, "cases": []}', "is no JSON that can be read: key 'losses'"),
        ("[" * 100_000, "is nested too deeply"),
    ],
)
def test_a_file_that_is_none_is_refused(tmp_path, text, said) -> None:
    path = tmp_path / "cases.json"
    path.write_text(text)
    assert refusal(path).startswith(said)


def test_bytes_folders_and_nothing_are_refused(tmp_path) -> None:
    path = tmp_path / "cases.json"
    path.write_bytes(b"\xff\xfe\x00")
    assert refusal(path).startswith("is no JSON")
    assert refusal(tmp_path).startswith("cannot read")
    assert refusal(tmp_path / "none.json").startswith("cannot read")


def test_ids_are_told_apart(tmp_path) -> None:
    assert refusal(write(tmp_path, FIXED, FREE, FIXED)).startswith("case fixed: id:")
    assert refusal(write(tmp_path, FIXED, changed(FIXED, ("id",), GONE))).startswith("cases[1]: id")


def test_bad_input_leaves_nothing_behind(qsky: Run, tmp_path: Path) -> None:
    out = tmp_path / "answers.json"
    path = write(tmp_path, FIXED, changed(FREE, ("loss",), "none"))
    code, _, err = qsky("finite-key", str(path), "--json", str(out))
    assert code == 2
    assert err.count("\n") == 1
    assert "case free: loss" in err
    assert not out.exists()


def test_an_unknown_key_is_warned_of(qsky: Run, tmp_path: Path) -> None:
    odd = changed(FIXED, ("receiver", "dead_time_s"), 1e-8)
    code, _, err = qsky("finite-key", str(write(tmp_path, odd)))
    assert code == 0
    assert "case fixed: receiver.dead_time_s: unknown key" in err


LEAVES = [
    (name, path)
    for name in ("fixed", "free", "counted")
    for path in (
        ("id",), ("passes",), ("loss",), ("half_window_s",), ("extra_loss_db",), ("bound",),
        ("source",), ("source", "pulse_rate_hz"), ("source", "intensities"),
        ("source", "basis_x_probability"), ("receiver",), ("receiver", "intrinsic_qber"),
        ("security", "secrecy"), ("error_correction", "efficiency"), ("counts",), ("bounds",),
        ("counts", "x"), ("counts", "z_errors"), ("bounds", "intensities"),
    )
]  # fmt: skip
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
    | st.sampled_from([0, 0.5, 1, 1e-300, 1e300, 10**400]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)  # fmt: skip


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.sampled_from(LEAVES), ANYTHING)
def test_anything_is_answered_or_refused(tmp_path: Path, leaf: Any, value: Any) -> None:
    name, path = leaf
    case = {"fixed": FIXED, "free": FREE, "counted": COUNTED}[name]
    try:
        wrong = changed(case, path, value)
    except KeyError:
        return
    file = write(tmp_path, wrong)
    try:
        (read,), _ = read_cases(file)
    except InputError:
        refusal(file)
        return
    found = answer(read)
    assert all(math.isfinite(v) for v in found.values() if isinstance(v, float))
    assert found["secret_key_bits"] >= 0
