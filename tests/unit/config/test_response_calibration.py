"""Files of a mirror's response: read back as written, and refused by name where they do not fit."""

from contextlib import suppress
from datetime import UTC, datetime
from math import cos, sin
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from config.errors import InputError
from config.loader import load_scenario
from config.response_calibration import ResponseCalibration, read_response, write_response
from terminal.control.fine.step import initial
from terminal.geometry.time_scales import tai_ns_from_utc
from terminal.loops import fine
from terminal.response_file import load_response, with_calibrated_response

SCENARIO = load_scenario("leo_haps_downlink")
CONFIG = SCENARIO.terminal
NOW = datetime(2016, 12, 19, 15, 30, tzinfo=UTC)
NOW_TAI_NS = tai_ns_from_utc("2016-12-19T15:30:00Z")
COVARIANCE = np.diag([1e-8, 1e-8, 1e-8, 1e-8, 0.04, 1e-8]) + 1e-10


def calibration(**changes: Any) -> ResponseCalibration:
    content: dict[str, Any] = {
        "kind": "mirror_response",
        "background_counts": 80.25,
        "mirror": "mirror_iio",
        "detector": "quad_iio",
        "counts_per_rad": 32.767e6,
        "quad_spot_rad": 150e-6,
        "source": "emulated",
        "measured_utc": "2016-12-19T15:00:00.000Z",
        "valid_until_utc": "2017-01-18T15:00:00.000Z",
        "rate_hz": 5000,
        "scans": 19000,
        "amplitude_rad": 15e-6,
        # A gain of 0.9 turned by 0.3 rad: 0.9 (cos, -sin; sin, cos).
        "matrix": (
            (0.8598028403130454, -0.26596818599520566),
            (0.26596818599520566, 0.8598028403130454),
        ),
        "gain": (0.9, 0.9),
        "rotation_rad": 0.3,
        "resonance_hz": 1234.5,
        "damping": 0.61,
        "delay_samples": 3,
        "undetermined": (),
        "covariance": tuple(map(tuple, COVARIANCE.tolist())),
        "chi2": 150.0,
        "degrees_of_freedom": 154,
        "misfit": 0.0,
        "residual_rad_rms": (0.2e-6, 0.2e-6),
    }
    return ResponseCalibration(**{**content, **changes})


def put(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "mirror.yaml"
    write_response(path, calibration())
    return path


def test_what_is_written_is_read_back(file: Path) -> None:
    assert read_response(file, NOW) == calibration()
    assert load_response(file, NOW_TAI_NS, CONFIG) == calibration()


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("scans: 19000", "scans: 19000\nscanz: 2", "scanz: unknown key: did you mean scans?"),
        ("damping: 0.61", "damping: .nan", "damping"),
        ("damping: 0.61", "damping: -0.61", "damping"),
        ("delay_samples: 3", "delay_samples: 0", "delay_samples"),
        ("delay_samples: 3", "delay_samples: 3.5", "delay_samples"),
        ('"mirror_response"', '"mounting"', "kind"),
        ("2016-12-19T15:00:00.000Z", "2016-12-20T00:00:00Z", "lies in the future"),
        ("2017-01-18T15:00:00.000Z", "2016-12-19T15:20:00Z", "calibrate anew"),
        ("undetermined: []", 'undetermined: ["gain"]', "'gain' is no parameter"),
        ("  - [1.01e-8,", "  - [-1.01e-8,", "variance that is not positive"),
        ("  - [1.01e-8,", "  - [1.01e-8,0.0,", "6 rows of 6 numbers, one for each parameter"),
    ],
)
def test_refuses_what_is_wrong(file: Path, old: str, new: str, says: str) -> None:
    put(file, old, new)
    with pytest.raises(InputError) as refused:
        read_response(file, NOW)
    assert says in str(refused.value)
    assert "mirror.yaml" in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"mirror": "mirror_other"}, "mirror: mirror_other is not this terminal's mirror_iio"),
        ({"detector": "quad_other"}, "detector: quad_other"),
        ({"rate_hz": 500}, "rate_hz: 500 is not this terminal's 5000"),
        ({"counts_per_rad": 16e6}, "counts_per_rad"),
        ({"quad_spot_rad": 100e-6}, "quad_spot_rad"),
        ({"rotation_rad": 0.4}, "rotation_rad: 0.4 does not follow from its matrix"),
        ({"gain": (0.9, 0.8)}, "gain"),
        (
            {"matrix": ((1.0, 1.0), (1.0, 1.0)), "gain": (2**0.5, 2**0.5), "rotation_rad": 0.0},
            "matrix: the mirror's axes do not span the detector's",
        ),
    ],
)
def test_refuses_that_of_another_bench(tmp_path: Path, changes: dict[str, Any], says: str) -> None:
    path = tmp_path / "mirror.yaml"
    write_response(path, calibration(**changes))
    with pytest.raises(InputError) as refused:
        load_response(path, NOW_TAI_NS, CONFIG)
    assert says in str(refused.value)
    assert "mirror.yaml" in str(refused.value)


def test_real_devices_refuse_that_of_emulated_ones(tmp_path: Path, file: Path) -> None:
    mirror = replace(CONFIG.devices["mirror"], url="serial:/dev/ttyUSB0")
    real = replace(CONFIG, devices={**CONFIG.devices, "mirror": mirror})
    with pytest.raises(InputError, match="source: is of emulated devices"):
        load_response(file, NOW_TAI_NS, real)
    write_response(file, calibration(source="real"))
    assert load_response(file, NOW_TAI_NS, real).source == "real"


def test_the_loop_flies_by_the_file(file: Path) -> None:
    named = replace(CONFIG, fine=replace(CONFIG.fine, calibration=str(file)))
    state, _ = fine.make(SCENARIO.mission, named, NOW_TAI_NS)
    loop = state.loop[0]
    assert loop["delay"] == 3
    # The gain is in the detector's scale; what is left of the matrix turns by 0.3 rad.
    turn = [[cos(0.3), -sin(0.3)], [sin(0.3), cos(0.3)]]
    assert loop["from_command"] == pytest.approx(np.array(turn))
    assert with_calibrated_response(named, NOW_TAI_NS).fine.response.resonance_hz == 1234.5
    # Without a file, by what is configured.
    assert with_calibrated_response(CONFIG, NOW_TAI_NS) is CONFIG
    assert initial(CONFIG).loop[0]["delay"] == CONFIG.fine.response.delay_samples != 3
    gone = replace(CONFIG, fine=replace(CONFIG.fine, calibration=str(file.with_name("none"))))
    with pytest.raises(InputError, match="none"):
        fine.make(SCENARIO.mission, gone, NOW_TAI_NS)


def test_the_bounds_of_the_file_are_those_of_the_configuration() -> None:
    answer, kept = (
        {f.name: str(f.type) for f in msgspec.inspect.type_info(kind).fields}  # type: ignore[union-attr]
        for kind in (type(CONFIG.fine.response), ResponseCalibration)
    )
    for name in ("resonance_hz", "damping", "delay_samples"):
        assert answer[name] == kept[name]


@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=200), at=st.integers(0, 1500))
def test_any_damage_is_an_input_error_or_nothing(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, at: int
) -> None:
    path = tmp_path_factory.mktemp("d") / "mirror.yaml"
    write_response(path, calibration())
    whole = path.read_bytes()
    path.write_bytes(whole[:at] + data + whole[at + len(data) :])
    with suppress(InputError):
        load_response(path, NOW_TAI_NS, CONFIG)
