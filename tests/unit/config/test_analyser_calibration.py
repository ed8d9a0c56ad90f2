"""Files of plate and channels: read back as written, and refused by name where they do not fit."""

import math
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from config.analyser_calibration import (
    PARAMETERS,
    AnalyserCalibration,
    read_analyser,
    write_analyser,
)
from config.errors import InputError
from config.loader import load_scenario
from config.polarization import Channels, Plate
from config.terminal import TerminalConfig
from terminal.analyser_file import load_analyser, with_calibrated_analyser
from terminal.geometry.time_scales import tai_ns_from_utc
from terminal.loops import polarization

SCENARIO = load_scenario("leo_haps_downlink")
CONFIG, MISSION = SCENARIO.terminal, SCENARIO.mission
NOW = datetime(2016, 12, 19, 15, 30, tzinfo=UTC)
NOW_TAI_NS = tai_ns_from_utc("2016-12-19T15:30:00Z")
SIGMA = np.array([5e-4, 4e-4, 1e-3, 1e-3, 20, 20, 10, 10, 3e-4, 4e-4, 5e-4, 5e-4, 1e-4])


def calibration(**changes: Any) -> AnalyserCalibration:
    content: dict[str, Any] = {
        "kind": "analyser",
        "waveplate": "waveplate_ell14",
        "tagger": "tagger_a1",
        "source": "emulated",
        "measured_utc": "2016-12-19T15:00:00.000Z",
        "valid_until_utc": "2017-01-18T15:00:00.000Z",
        "exposures": 96,
        "exposure_s": 0.5,
        "dead_time_s": 45e-9,
        "basis_x_probability": 0.7,
        "sent_sigma_rad": 1e-3,
        "zero_rad": -0.04,
        # sin^2 of half of 6 degrees.
        "unturned_share": 0.0027390523158633,
        "retardance_rad": math.pi + math.radians(6.0),
        "scale": 3e-4,
        "wedge": (0.01, -0.02),
        # 0.7 and 0.3 of 10000, times 1.1, 0.9, 1.05, 0.95.
        "flux": (7700.0, 6300.0, 3150.0, 2850.0),
        "efficiency": (1.1, 0.9, 1.05, 0.95),
        "leak": (0.005, 0.007, -0.0001, 0.004),
        "undetermined": (),
        "covariance": tuple(map(tuple, np.diag(SIGMA**2).tolist())),
        "chi2": 370.0,
        "degrees_of_freedom": 371,
        "residual": 0.0,
    }
    return AnalyserCalibration(**{**content, **changes})


def put(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "analyser.yaml"
    write_analyser(path, calibration())
    return path


def named(path: Path) -> TerminalConfig:
    return replace(CONFIG, polarization=replace(CONFIG.polarization, calibration=str(path)))


def test_what_is_written_is_read_back(file: Path) -> None:
    assert read_analyser(file, NOW) == calibration()
    assert load_analyser(file, CONFIG, MISSION, NOW_TAI_NS) == calibration()


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("exposures: 96", "exposures: 96\nexposurez: 2", "did you mean exposures?"),
        ("zero_rad: -0.04", "zero_rad: .nan", "zero_rad"),
        ("zero_rad: -0.04", "zero_rad: 2.0", "zero_rad"),
        ("flux: [7700.0", "flux: [0.0", "flux[0]"),
        ("leak: [0.005,", "leak: [1.0,", "leak[0]"),
        ("leak: [0.005,", "leak: [", "leak"),
        ('"analyser"', '"mounting"', "kind"),
        ("retardance_rad: 3", "retardance_rad: 2", "retardance_rad"),
        ("basis_x_probability: 0.7", "basis_x_probability: 1.0", "basis_x_probability"),
        ("2016-12-19T15:00:00.000Z", "2016-12-20T00:00:00Z", "lies in the future"),
        ("2017-01-18T15:00:00.000Z", "2016-12-19T15:20:00Z", "calibrate anew"),
        ("undetermined: []", 'undetermined: ["zero_rad"]', "'zero_rad' is never set"),
        ("  - [2.5", "  - [-2.5", "variance that is not positive"),
        ("  - [2.5", "  - [0.0,2.5", "13 rows of 13 numbers, one for each parameter"),
    ],
)
def test_refuses_what_is_wrong(file: Path, old: str, new: str, says: str) -> None:
    put(file, old, new)
    with pytest.raises(InputError) as refused:
        read_analyser(file, NOW)
    assert says in str(refused.value)
    assert "analyser.yaml" in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"waveplate": "plate_other"}, "waveplate: plate_other is not this terminal's"),
        ({"tagger": "tagger_other"}, "tagger: tagger_other is not this terminal's tagger_a1"),
        ({"basis_x_probability": 0.5}, "0.5 is not mission.source.basis_x_probability 0.7"),
        ({"efficiency": (1.0, 1.0, 1.0, 1.0)}, "efficiency: does not follow"),
        ({"retardance_rad": 3.2}, "retardance_rad: does not follow"),
        ({"undetermined": ("retardance_rad",)}, "retardance_rad: does not follow"),
    ],
)
def test_refuses_that_of_another_bench(tmp_path: Path, changes: dict[str, Any], says: str) -> None:
    path = tmp_path / "analyser.yaml"
    write_analyser(path, calibration(**changes))
    with pytest.raises(InputError) as refused:
        with_calibrated_analyser(named(path), MISSION, NOW_TAI_NS)
    assert says in str(refused.value)
    assert "analyser.yaml" in str(refused.value)


def test_real_devices_refuse_that_of_emulated_ones(file: Path) -> None:
    plate = replace(CONFIG.devices["waveplate"], url="serial:/dev/ttyUSB0")
    real = replace(CONFIG, devices={**CONFIG.devices, "waveplate": plate})
    with pytest.raises(InputError, match="source: is of emulated devices"):
        load_analyser(file, real, MISSION, NOW_TAI_NS)
    write_analyser(file, calibration(source="real"))
    assert load_analyser(file, real, MISSION, NOW_TAI_NS).source == "real"


def test_the_file_takes_the_place_of_plate_and_channels(file: Path) -> None:
    told = CONFIG.polarization.plate
    flown = with_calibrated_analyser(named(file), MISSION, NOW_TAI_NS).polarization
    plate, channels = flown.plate, flown.channels
    assert plate.zero_rad == -0.04
    assert math.degrees(plate.retardance_rad) == pytest.approx(186.0)
    assert plate.zero_sigma_rad == pytest.approx(5e-4)
    # What the plate is off its scale is not corrected, so it counts with its sigma: 3 and 1 e-4.
    assert plate.scale_sigma == pytest.approx(math.sqrt(10.0) * 1e-4)
    assert channels == Channels(efficiency=(1.1, 0.9, 1.05, 0.95), leak=(0.005, 0.007, 0.0, 0.004))
    # The mount's own figures stay.
    assert (plate.rate_rad_s, plate.settle_s) == (told.rate_rad_s, told.settle_s)
    # Without a file, what is configured.
    assert with_calibrated_analyser(CONFIG, MISSION, NOW_TAI_NS) is CONFIG
    with pytest.raises(InputError, match="none"):
        polarization.make(MISSION, named(file.with_name("none")), NOW_TAI_NS)
    with pytest.raises(InputError, match="none"):
        with_calibrated_analyser(named(file.with_name("none")), MISSION, NOW_TAI_NS)


def test_in_an_uplink_the_channels_are_the_partners(file: Path) -> None:
    uplink = load_scenario("leo_haps_uplink")
    optics = uplink.terminal.polarization
    config = replace(uplink.terminal, polarization=replace(optics, calibration=str(file)))
    flown = with_calibrated_analyser(config, uplink.mission, NOW_TAI_NS).polarization
    assert flown.plate.zero_rad == -0.04
    assert flown.channels == optics.channels


def test_a_plate_that_shows_no_error_is_half_a_wave(tmp_path: Path) -> None:
    path = tmp_path / "analyser.yaml"
    kept = {"unturned_share": -1e-4, "retardance_rad": math.pi}
    write_analyser(path, calibration(undetermined=("retardance_rad",), **kept))
    flown = with_calibrated_analyser(named(path), MISSION, NOW_TAI_NS)
    assert flown.polarization.plate.retardance_rad == Plate().retardance_rad == math.pi


def test_the_covariance_is_named_as_the_fit_orders_it(file: Path) -> None:
    loaded = msgspec.to_builtins(read_analyser(file, NOW))
    for i, name in enumerate(PARAMETERS[4:8]):
        assert name == f"flux_{'hvda'[i]}"
        assert loaded["covariance"][4 + i][4 + i] == pytest.approx(SIGMA[4 + i] ** 2)
    assert (PARAMETERS[0], PARAMETERS[-1]) == ("zero_rad", "scale")


@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=200), at=st.integers(0, 2000))
def test_any_damage_is_an_input_error_or_nothing(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, at: int
) -> None:
    path = tmp_path_factory.mktemp("d") / "analyser.yaml"
    write_analyser(path, calibration())
    whole = path.read_bytes()
    path.write_bytes(whole[:at] + data + whole[at + len(data) :])
    with suppress(InputError):
        load_analyser(path, CONFIG, MISSION, NOW_TAI_NS)
