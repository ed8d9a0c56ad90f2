"""`qsky disturbance`: the file of `qsky track`, its bound, and refusals in one line."""

import json
import math
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path

import numpy as np
import pytest

from sim_devices.disturbance import sampled
from sim_devices.spectra import DISTURBANCES
from terminal import cli
from terminal.track_file import read_recording

Run = Callable[..., tuple[int, str, str]]
COMMAND = EntryPoint("disturbance", "sim_devices.disturbance_command:disturbance", cli.GROUP)


@pytest.fixture
def run(qsky: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setattr(cli, "entry_points", lambda group: [COMMAND])
    return lambda *arguments: qsky("disturbance", *arguments)


def test_every_disturbance_is_listed_in_one_line(run: Run) -> None:
    code, out, _ = run("--list")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == list(DISTURBANCES)


def test_the_file_is_what_track_reads(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "esa.npz"
    arguments = ["esa_silex", "--out", str(path), "--noise-urad", "1.5811388300841898"]
    code, out, _ = run(*arguments, "--duration-s", "4", "--delay-samples", "5", "--json", "-")
    assert code == 0
    read = read_recording(path)
    assert read.angle_rad.shape == read.noise_rad.shape == (20_000, 2)
    assert (read.rate_hz, read.delay_samples) == (5000.0, 5)
    # N = 1e-3 urad^2/Hz at 5 kHz, printed in the literature's closed form: 2.026 urad at D = 5.
    assert read.bound_urad_rms == pytest.approx([2.026, 2.026], abs=5e-4)
    assert read.noise_rad.std(axis=0) == pytest.approx(np.full(2, 1.5811e-6), rel=0.03)
    assert abs(np.corrcoef(read.noise_rad.T)[0, 1]) < 0.05
    answer = json.loads(out)
    assert answer["bound_urad_rms"] == read.bound_urad_rms.tolist()
    rms_urad = 1e6 * np.sqrt(np.mean(read.angle_rad**2, axis=0))
    assert answer["angle_urad_rms"] == pytest.approx(rms_urad.tolist())


def test_no_controller_that_knows_the_model_beats_the_bound(run: Run, tmp_path: Path) -> None:
    path, delay, noise_urad = tmp_path / "micius.npz", 3, 0.3
    options = ["--delay-samples", str(delay), "--noise-urad", str(noise_urad)]
    assert run("micius", "--out", str(path), *options)[0] == 0
    read = read_recording(path)
    assert read.bound_urad_rms is not None
    # Kalman predictor, its gain by iterating the filter itself.
    model = sampled("micius", read.rate_hz)
    p, r = model.p, (noise_urad * 1e-6) ** 2
    for _ in range(3000):
        k = p @ model.c / (model.c @ p @ model.c + r)
        p = model.a @ (p - np.outer(k, model.c @ p)) @ model.a.T + model.q
    ahead = model.c @ np.linalg.matrix_power(model.a, delay)
    state, told = np.zeros(len(model.a)), []
    for reading in read.angle_rad[:, 0] + read.noise_rad[:, 0]:
        state = model.a @ state
        state = state + k * (reading - model.c @ state)
        told.append(ahead @ state)
    left = read.angle_rad[delay:, 0] - np.array(told)[:-delay]
    rms_urad = 1e6 * math.sqrt(np.mean(left[2000:] ** 2))
    assert rms_urad == pytest.approx(read.bound_urad_rms[0], rel=0.03)


def test_the_same_seed_gives_the_same_file(run: Run, tmp_path: Path) -> None:
    files = []
    for i, seed in enumerate((1, 1, 2)):
        path = tmp_path / f"{i}.npz"
        assert run("drone", "--out", str(path), "--duration-s", "1", "--seed", str(seed))[0] == 0
        files.append(path.read_bytes())
    assert files[0] == files[1] != files[2]


def test_gaps_are_nan_on_both_axes(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "gaps.npz"
    assert run("esa_gaps", "--out", str(path))[0] == 0
    missing = np.isnan(read_recording(path).noise_rad)
    assert np.array_equal(missing[:, 0], missing[:, 1])
    assert 0 < missing.mean() < 0.1


@pytest.mark.parametrize("name", sorted(DISTURBANCES))
@pytest.mark.parametrize("noise_urad", ["0", "0.2", "50"])
def test_every_one_has_a_bound_under_its_own_rms(
    run: Run, tmp_path: Path, name: str, noise_urad: str
) -> None:
    path = tmp_path / "any.npz"
    short = ["--rate-hz", "1000", "--duration-s", "0.01", "--noise-urad", noise_urad]
    assert run(name, "--out", str(path), *short)[0] == 0
    bound = read_recording(path).bound_urad_rms
    assert bound is not None
    model = sampled(name, 1000.0)
    assert 0.0 < bound[0] <= 1e6 * math.sqrt(float(model.c @ model.p @ model.c)) * (1 + 1e-9)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "which disturbance?"),
        (["drone"], "--out"),
        (["dron", "--out", "x.npz"], "drone"),
        (["drone", "--out", "x.npz", "--rate-hz", "0"], "--rate-hz"),
        (["drone", "--out", "x.npz", "--rate-hz", "nan"], "--rate-hz"),
        (["drone", "--out", "x.npz", "--noise-urad", "-1"], "--noise-urad"),
        (["drone", "--out", "x.npz", "--duration-s", "1e5"], "--duration-s"),
        (["drone", "--out", "x.npz", "--duration-s", "0"], "--duration-s"),
        (["drone", "--out", "x.npz", "--delay-samples", "0"], "--delay-samples"),
        (["drone", "--out", "no/such/folder/x.npz"], "cannot write"),
        (["drone", "--out", "."], "cannot write"),
    ],
)
def test_refusals(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = run(*arguments)
    assert code == 2
    assert told in err
    assert len(err.splitlines()) == 1
    assert "Traceback" not in out + err
    assert list(tmp_path.iterdir()) == []
