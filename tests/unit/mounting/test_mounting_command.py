"""`qsky mounting` as typed, and what a flight makes of the file."""

import json
from datetime import UTC, datetime
from hashlib import sha256
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mounting_record import START_NS, write_pass
from typer.testing import CliRunner

from config.errors import InputError, RunError
from terminal import cli
from terminal.control.mounting.model import MountingParameters
from terminal.geometry.gimbal_frame import Joints
from terminal.geometry.time_scales import DAY_NS, SECOND_NS
from terminal.mounting_file import load_mounting

ENTRY = EntryPoint("mounting", "terminal.mounting_command:mounting", cli.GROUP)
OTHER = EntryPoint("replay", "terminal.commands:replay", cli.GROUP)
CROOKED = MountingParameters(
    3e-3, -2e-3, 4e-3, pitch_index_rad=2e-3, non_orthogonality_rad=5e-4, collimation_rad=1e-3
)
ATTITUDE_RAD = (1.5e-3, -1e-3, 2e-3)


@pytest.fixture(scope="module")
def flown(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("flown") / "pass.mcap"
    write_pass(path, CROOKED, attitude_rad=ATTITUDE_RAD, noise_rad=100e-6)
    return path


def run(*arguments: object) -> tuple[int, str, BaseException | None]:
    result = CliRunner().invoke(cli.build([ENTRY, OTHER]), ["mounting", *map(str, arguments)])
    return result.exit_code, result.output, result.exception


@pytest.fixture(scope="module")
def answer(flown: Path) -> dict[str, Any]:
    out = flown.with_name("mounting.yaml")
    code, text, _ = run(flown, "--out", out, "--json", "-")
    assert code == 0, text
    answer: dict[str, Any] = json.loads(text)
    return answer


def test_terms_come_out_within_their_uncertainty(answer: dict[str, Any]) -> None:
    error = np.array(list(answer["terms"].values())) - np.array(CROOKED)
    assert np.abs(error / list(answer["sigma"].values())).max() < 3.0
    # The attitude error is in the rotation, so the rotation is no better known.
    assert answer["attitude_sigma_rad"] == 2e-3
    assert min(answer["sigma"][f"rotation_{axis}_rad"] for axis in "xyz") > 1.4e-3
    assert "flexure_rad" in answer["undetermined"]


def test_says_where_it_comes_from(flown: Path, answer: dict[str, Any]) -> None:
    assert answer["device"] == "gimbal_sbgc32"
    assert answer["source"] == "pass.mcap"
    assert answer["source_sha256"] == sha256(flown.read_bytes()).hexdigest()
    measured = datetime.fromisoformat(answer["measured_utc"])
    assert abs(measured - datetime(2016, 12, 19, 15, 19, 40, tzinfo=UTC)).total_seconds() < 1.0
    valid = datetime.fromisoformat(answer["valid_until_utc"]) - measured
    # Thirty days of atomic time; at the end of 2016 there was a leap second.
    assert valid.total_seconds() == 30 * 86400 - 1


def test_the_table_names_every_term(flown: Path) -> None:
    code, text, _ = run(flown, "--out", flown.with_name("again.yaml"), "--noise-urad", 150)
    assert code == 0
    for name in (*(field.removesuffix("_rad") for field in CROOKED._fields), "not determined"):
        assert name in text


def test_a_flight_reads_it(flown: Path, answer: dict[str, Any]) -> None:
    path = flown.with_name("mounting.yaml")
    loaded = load_mounting(path, START_NS + 200 * SECOND_NS, (0.0, 0.0, 0.0))
    assert dict(loaded.model.parameters._asdict()) == answer["terms"]
    assert loaded.covariance.tolist() == answer["covariance"]
    assert 1e-3 < loaded.sky_sigma_rad(Joints(0.4, 0.9)) < 4e-3
    with pytest.raises(InputError, match="future"):
        load_mounting(path, START_NS)
    with pytest.raises(InputError, match="calibrate anew"):
        load_mounting(path, START_NS + 31 * DAY_NS)
    with pytest.raises(InputError, match=r"mounting\.rotation_vector_rad"):
        load_mounting(path, START_NS + DAY_NS, (0.0, 0.0, 0.1))


@pytest.mark.parametrize(
    ("extra", "says"),
    [
        (["--noise-urad", "0"], "--noise-urad"),
        (["--valid-days", "nan"], "--valid-days"),
        (["--attitude-mrad", "-1"], "--attitude-mrad"),
    ],
)
def test_refuses_bad_options(flown: Path, extra: list[str], says: str) -> None:
    out = flown.with_name("refused.yaml")
    _, _, error = run(flown, "--out", out, *extra)
    assert isinstance(error, InputError)
    assert says in str(error)
    assert not out.exists()


def test_refuses_a_unit_that_claims_to_be_perfect(tmp_path: Path) -> None:
    write_pass(tmp_path / "pass.mcap", CROOKED, claimed_rad=0.0, duration_s=40.0)
    _, _, error = run(tmp_path / "pass.mcap", "--out", tmp_path / "out.yaml")
    assert isinstance(error, InputError)
    assert "--attitude-mrad" in str(error)


def test_a_fit_that_fails_writes_nothing(flown: Path) -> None:
    out = flown.with_name("none.yaml")
    _, _, error = run(flown, "--out", out, "--noise-urad", 2, "--attitude-mrad", 0.05)
    assert isinstance(error, RunError)
    assert "no calibration" in str(error)
    assert not out.exists()


def test_refuses_metadata_of_another_version(tmp_path: Path) -> None:
    write_pass(tmp_path / "pass.mcap", CROOKED, duration_s=1.0, terminal=b'{"devices": 3}')
    _, _, error = run(tmp_path / "pass.mcap", "--out", tmp_path / "out.yaml")
    assert isinstance(error, InputError)
    assert "no terminal of this version" in str(error)


def test_refuses_times_before_there_was_a_time(tmp_path: Path) -> None:
    write_pass(tmp_path / "pass.mcap", CROOKED, duration_s=40.0, start_ns=10 * SECOND_NS)
    _, _, error = run(tmp_path / "pass.mcap", "--out", tmp_path / "out.yaml")
    assert isinstance(error, InputError)
    assert "no usable time" in str(error)
