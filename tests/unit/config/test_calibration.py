"""Calibration files: what is written is read back, and what is wrong is refused by name."""

import os
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.calibration import (
    MountingCalibration,
    MountingTerms,
    read_calibration,
    write_calibration,
)
from config.errors import InputError

NOW = datetime(2016, 12, 20, tzinfo=UTC)
TERMS = MountingTerms.__struct_fields__


def calibration(**changes: Any) -> MountingCalibration:
    content: dict[str, Any] = {
        "kind": "mounting",
        "device": "gimbal_sbgc32",
        "measured_utc": "2016-12-19T15:18:51.250Z",
        "valid_until_utc": "2017-01-18T15:18:51.250Z",
        "survey_rotation_vector_rad": (0.0, 0.0, 0.1),
        "sightings": 120,
        "rejected": 3,
        "residual_rad_rms": 1.5e-4,
        "chi2": 231.5,
        "degrees_of_freedom": 240,
        "attitude_sigma_rad": 2e-3,
        "terms": MountingTerms(**{name: 1e-3 / (i + 1) for i, name in enumerate(TERMS)}),
        "undetermined": ("flexure_rad",),
        "covariance": tuple(
            tuple(1e-6 if i == j else 1e-7 + 1e-9 * i * j for j in range(9)) for i in range(9)
        ),
        "source": "pass.mcap",
        "source_sha256": "0f" * 32,
    }
    return MountingCalibration(**{**content, **changes})


def put(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "mounting.yaml"
    write_calibration(path, calibration())
    return path


def test_what_is_written_is_read_back(file: Path) -> None:
    assert read_calibration(file, NOW) == calibration()


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-0.1, 0.1), min_size=9, max_size=9))
def test_every_float_comes_back_bit_for_bit(
    tmp_path_factory: pytest.TempPathFactory, values: list[float]
) -> None:
    path = tmp_path_factory.mktemp("c") / "mounting.yaml"
    written = calibration(terms=MountingTerms(**dict(zip(TERMS, values, strict=True))))
    write_calibration(path, written)
    assert msgspec.json.encode(read_calibration(path, NOW)) == msgspec.json.encode(written)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("sightings: 120", "sightings: 120\nstars: 7", "stars: unknown key"),
        ("yaw_scale", "yaw_skale", "did you mean yaw_scale"),
        ("chi2: 231.5", "chi2: .nan", "no finite number"),
        ("chi2: 231.5", "chi2: 1e999", "too large"),
        ("rotation_x_rad: 0.001", "rotation_x_rad: 0.5", "rotation_x_rad"),
        ('"mounting"', '"mirror"', "kind"),
        ("0f0f", "0g0f", "source_sha256"),
        ("2016-12-19T15:18:51.250Z", "2016-12-21T00:00:00Z", "measured_utc: lies in the future"),
        ("2016-12-19T15:18:51.250Z", "yesterday", "'yesterday' is no UTC time"),
        ("2016-12-19T15:18:51.250Z", "2016-12-19T15:18:51", "is no UTC time"),
        ("2016-12-19T15:18:51.250Z", "2016-12-19T15:18:51+09:00", "is no UTC time"),
        ("2017-01-18T15:18:51.250Z", "2016-12-19T23:00:00Z", "calibrate anew"),
        ("2017-01-18T15:18:51.250Z", "2016-12-19T15:00:00Z", "is not after measured_utc"),
        ('["flexure_rad"]', '["flexure"]', "is no term"),
        ("  - [", "  - [0.1, ", "9 rows of 9"),
        ("  - [", "  - [-", "variance that is not positive"),
        ("[1e-6,1e-7,", "[1e-6,1.1e-7,", "covariance: is not symmetric"),
        ("[1e-6,1e-7,", "[1e-6,1.1e-6,", "correlation over 1"),
    ],
)
def test_refuses_what_is_wrong(file: Path, old: str, new: str, says: str) -> None:
    put(file, old, new)
    with pytest.raises(InputError) as refused:
        read_calibration(file, NOW)
    assert says in str(refused.value)
    assert "mounting.yaml" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_refuses_a_covariance_that_is_not_positive_definite(tmp_path: Path) -> None:
    # Correlations of -0.5 between all of nine terms: no nine numbers can have them.
    rows = tuple(tuple(1e-6 if i == j else -5e-7 for j in range(9)) for i in range(9))
    write_calibration(tmp_path / "a.yaml", calibration(covariance=rows))
    with pytest.raises(InputError, match="not positive definite"):
        read_calibration(tmp_path / "a.yaml", NOW)


def test_is_good_up_to_its_last_second(file: Path) -> None:
    end = datetime(2017, 1, 18, 15, 18, 51, 250_000, tzinfo=UTC)
    assert read_calibration(file, end) == calibration()
    with pytest.raises(InputError, match="is over"):
        read_calibration(file, end + timedelta(microseconds=1))


def test_a_failed_write_leaves_the_old_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match="No space left"):
        write_calibration(file, calibration(sightings=5))
    monkeypatch.undo()
    assert read_calibration(file, NOW) == calibration()
    assert [path.name for path in file.parent.iterdir()] == [file.name]


@settings(max_examples=100, deadline=None)
@given(data=st.binary(max_size=300), at=st.integers(0, 2000))
def test_any_damage_is_an_input_error_or_nothing(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, at: int
) -> None:
    path = tmp_path_factory.mktemp("d") / "mounting.yaml"
    write_calibration(path, calibration())
    whole = path.read_bytes()
    path.write_bytes(whole[:at] + data + whole[at + len(data) :])
    with suppress(InputError):
        read_calibration(path, NOW)
