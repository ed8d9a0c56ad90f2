"""Files of plate scans: read back as written, and refused by name where no bench made them."""

import math
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.errors import InputError
from terminal.analyser_scan import AnalyserScan, read_scan, write_scan
from terminal.geometry.time_scales import tai_ns_from_utc

TURN_RAD = np.radians(np.arange(0.0, 360.0, 15.0))
AXES_RAD = np.radians([0.0, 90.0, -45.0, 45.0])


def scan(**changes: Any) -> AnalyserScan:
    """Of a perfect plate and perfect channels: Malus' law behind a reflection."""
    plate, sent = np.tile(TURN_RAD, 2), np.repeat([0.0, 0.5 * math.pi], len(TURN_RAD))
    turned = 2.0 * plate - sent
    counts = 10.0 + np.rint(5000.0 * np.cos(turned[:, None] - AXES_RAD) ** 2)
    # Nothing that is counted repeats itself so well.
    counts += np.arange(len(plate))[:, None]
    made = AnalyserScan(
        plate_rad=plate,
        sent_rad=sent,
        counts=counts,
        background=np.array([480.0, 470.0, 485.0, 490.0]),
        background_s=24.0,
        exposure_s=0.5,
        dead_time_s=45e-9,
        basis_x_probability=0.5,
        sent_sigma_rad=1e-3,
        waveplate="waveplate_ell14",
        tagger="tagger_a1",
        source="real",
        measured_tai_ns=tai_ns_from_utc("2016-12-19T15:00:00Z"),
    )
    return made._replace(**changes)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "scan.npz"
    write_scan(path, scan())
    told, made = read_scan(path), scan()
    for name, value in made._asdict().items():
        assert np.array_equal(getattr(told, name), value), name


def test_dead_time_is_given_back_to_the_counts() -> None:
    """A detector that sees r photons a second clicks r / (1 + r tau) times a second."""
    rate_hz = np.array([0.0, 1e3, 1e4, 2e5])
    tau_s, time_s = 45e-9, 0.5
    seen = scan(
        counts=np.tile(rate_hz / (1.0 + rate_hz * tau_s) * time_s, (48, 1)),
        background=rate_hz / (1.0 + rate_hz * tau_s) * 24.0,
        dead_time_s=tau_s,
    ).for_fit()
    assert seen.counts == pytest.approx(np.tile(rate_hz * time_s, (48, 1)))
    assert seen.background == pytest.approx(rate_hz * time_s)
    assert seen.background_sigma[0] > 0.0


def refused(path: Path, **changes: Any) -> str:
    write_scan(path, scan(**changes))
    with pytest.raises(InputError) as refusal:
        read_scan(path)
    said = str(refusal.value)
    assert said.startswith(f"{path}: ")
    assert "\n" not in said
    return said


def spoilt(value: float) -> Any:
    counts = scan().counts.copy()
    counts[7, 2] = value
    return counts


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"counts": spoilt(math.nan)}, "counts: is not finite at 7"),
        ({"counts": spoilt(-1.0)}, "counts: are negative"),
        ({"counts": scan().counts[:40]}, "counts: has shape (40, 4), and 48 plate angles"),
        ({"counts": scan().counts[:, :3]}, "counts: has shape (48, 3)"),
        ({"counts": scan().counts.astype(str)}, "counts: must be numbers along 2 axes"),
        ({"background": np.array([1.0, 2.0])}, "background: has shape (2,)"),
        ({"background": np.array([1.0, 2.0, 3.0, math.inf])}, "background: is not finite at 3"),
        ({"plate_rad": np.full(48, 0.3)}, "plate_rad: the plate stood still at 17.19 deg in all"),
        ({"plate_rad": np.zeros((0,))}, "sent_rad: has shape (48,), and 0 plate angles"),
        ({"plate_rad": np.tile(TURN_RAD[:12], 4)}, "plate_rad: only 12 angles of the plate"),
        ({"sent_rad": np.full(48, math.nan)}, "sent_rad: is not finite at 0"),
        ({"exposure_s": 0.0}, "exposure_s: must be 1e-06 to 100000, got 0"),
        ({"exposure_s": math.nan}, "exposure_s: must be"),
        ({"exposure_s": np.array([0.5, 0.5])}, "exposure_s: must be one number"),
        ({"basis_x_probability": 1.0}, "basis_x_probability: must be"),
        ({"dead_time_s": 2e-5}, "counts: channel H is dead for 20 % of an exposure"),
        ({"counts": np.minimum(scan().counts, 4095.0)}, "shows its largest, 4095, in"),
        ({"waveplate": "Plate 7"}, "waveplate: 'Plate 7' is no driver's name"),
        ({"source": "guessed"}, "source: must be emulated or real"),
    ],
)
def test_refuses_what_no_bench_counts(tmp_path: Path, changes: dict[str, Any], says: str) -> None:
    assert says in refused(tmp_path / "scan.npz", **changes)


def test_no_exposures_at_all(tmp_path: Path) -> None:
    nothing = {"plate_rad": np.zeros(0), "sent_rad": np.zeros(0), "counts": np.zeros((0, 4))}
    assert "in all 0 exposures" in refused(tmp_path / "scan.npz", **nothing)


def test_a_missing_key_a_bad_date_and_a_cut_file_are_named(tmp_path: Path) -> None:
    path = tmp_path / "scan.npz"
    write_scan(path, scan())
    whole = path.read_bytes()
    held = dict(np.load(path))
    for spoil, says in (
        ({k: v for k, v in held.items() if k != "sent_rad"}, "sent_rad: missing; there must be"),
        ({**held, "measured_utc": "yesterday"}, "measured_utc: 'yesterday' is not a UTC time"),
        ({**held, "plate_rad": np.array([{}], object)}, "is cut off, or no .npz"),
    ):
        np.savez(path, **spoil)
        with pytest.raises(InputError) as refusal:
            read_scan(path)
        assert says in str(refusal.value)
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="is cut off"):
        read_scan(path)
    with pytest.raises(InputError, match="cannot read"):
        read_scan(tmp_path / "none.npz")


@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=200), at=st.integers(0, 6000))
def test_any_damage_is_an_input_error_or_nothing(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, at: int
) -> None:
    path = tmp_path_factory.mktemp("d") / "scan.npz"
    write_scan(path, scan())
    whole = path.read_bytes()
    path.write_bytes(whole[:at] + data + whole[at + len(data) :])
    with suppress(InputError):
        read_scan(path)
