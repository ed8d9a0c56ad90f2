"""`qsky calibrate-analyser` on emulated benches against their truth; what a refusal leaves."""

import json
import math
import re
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import numpy as np
import pytest
from msgspec.structs import replace
from scipy.stats import chi2
from typer.testing import CliRunner

from config.errors import InputError, RunError
from config.loader import load_scenario
from config.scenario import Scenario
from hil.analyser_bench import Plan, open_bench, scan
from hil.analyser_report import answer_of, true_values
from sim_devices.calibration_light import CalibrationLight
from terminal import cli
from terminal.analyser_file import calibration_of, load_analyser, with_calibrated_analyser
from terminal.analyser_scan import AnalyserScan, read_scan, write_scan
from terminal.control.plate_calibration import (
    PlateCalibration,
    PlateCalibrationError,
    calibrate_plate,
)
from terminal.window import resolve_window

ROOT = Path(__file__).resolve().parents[3]
BASE = load_scenario("leo_haps_downlink")
ENTRY = EntryPoint("calibrate-analyser", "hil.analyser_command:calibrate_analyser", cli.GROUP)
OTHER = EntryPoint("replay", "terminal.commands:replay", cli.GROUP)
QUICK = ("--angles", 16, "--exposure-s", 0.1)
PLAN = Plan(angles=24, exposure_s=0.2, sent_sigma_rad=1e-3, dead_time_s=45e-9)

FLAWS = """\
based_on: leo_haps_downlink
name: bench
description: a plate and an analyser with flaws
mission:
  window: {kind: fixed, start_utc: 2016-12-19T15:18:00Z, duration_s: 300.0}
world:
  polarization:
    plate_scale: 1.0e-3
    plate_retardance_error_rad: 0.1
    plate_wedge: 0.02
    channel_efficiency: [1.0, 0.9, 0.8, 0.95]
    channel_leak: [0.005, 0.007, 0.003, 0.01]
"""


def run(*arguments: object) -> tuple[int, str, BaseException | None]:
    command = ["calibrate-analyser", *map(str, arguments)]
    result = CliRunner(env={"COLUMNS": "100"}).invoke(cli.build([ENTRY, OTHER]), command)
    return result.exit_code, result.output, result.exception


@pytest.fixture(scope="module")
def bench_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bench") / "bench.yaml"
    path.write_text(FLAWS)
    return path


def with_fault(bench_file: Path, kind: str) -> Path:
    """From the 20th second on, for good."""
    path = bench_file.with_name(f"{kind}.yaml")
    fault = f"  faults:\n    - {{kind: {kind}, at_s: 20.0, duration_s: 1.0e+4}}\n"
    path.write_text(FLAWS + fault)
    return path


def scanned(
    scenario: Scenario, seed: int, plan: Plan = PLAN
) -> tuple[AnalyserScan, CalibrationLight]:
    def nobody(what: str) -> None:
        raise AssertionError(what)

    bench = open_bench(scenario, seed, plan, nobody)
    assert bench.light is not None
    return scan(bench, scenario, plan), bench.light


@pytest.fixture(scope="module")
def benches(bench_file: Path) -> list[tuple[AnalyserScan, CalibrationLight]]:
    """Of six worlds."""
    scenario = load_scenario(str(bench_file))
    return [scanned(scenario, seed) for seed in range(6)]


def test_the_truth_lies_within_the_sigmas(
    bench_file: Path, benches: list[tuple[AnalyserScan, CalibrationLight]]
) -> None:
    """All nine parameters that do not hang on the light's brightness, with their correlations."""
    polarization = load_scenario(str(bench_file)).world.polarization
    chosen = [0, 1, 2, 3, 8, 9, 10, 11, 12]
    total, fits, degrees = 0.0, 0.0, 0
    for made, light in benches:
        found = calibrate_plate(made.for_fit())
        truth = true_values(polarization, light.plate)
        leaks = [truth[f"leak_{channel}"] for channel in "hvda"]
        names = ("zero_rad", "unturned_share", "wedge_cosine", "wedge_sine")
        true = np.array([*(truth[name] for name in names), *leaks, truth["scale"]])
        error = np.array([*found[:4], *found.leak, found.scale]) - true
        covariance = found.covariance[np.ix_(chosen, chosen)]
        total += float(error @ np.linalg.solve(covariance, error))
        fits, degrees = fits + found.chi2, degrees + found.degrees_of_freedom
    low, high = chi2(len(chosen) * len(benches)).interval(0.9999)
    assert low < total < high
    # Afterpulses come in pairs with their clicks: 0.5 % of them scatter the counts by 1.5 % more.
    low, high = chi2(degrees).interval(0.9999)
    assert low < fits / 1.015 < high


def test_no_exposure_stands_where_the_encoder_begins_anew(
    benches: list[tuple[AnalyserScan, CalibrationLight]],
) -> None:
    """There a pulse less is a turn more, and a plate off its scale stands elsewhere by it."""
    for made, _ in benches:
        assert np.abs(np.remainder(made.plate_rad + math.pi, 2.0 * math.pi) - math.pi).min() > 0.1


def test_efficiencies_and_their_sigmas(
    benches: list[tuple[AnalyserScan, CalibrationLight]],
) -> None:
    """Against the struct of the truth."""
    true = np.array([1.0, 0.9, 0.8, 0.95])
    off = []
    for made, _ in benches:
        answer = answer_of(calibration_of(calibrate_plate(made.for_fit()), made, 30.0), None)
        sigma = [answer["sigma"][f"efficiency_{channel}"] for channel in "hvda"]
        off.append((np.array(answer["efficiency"]) - true / true.mean()) / sigma)
    assert np.mean(off, axis=0) == pytest.approx(0.0, abs=4.0 / math.sqrt(6.0))
    assert np.abs(off).max() < 4.5


def test_a_polariser_off_its_marks_moves_the_zero_by_half_and_nothing_else() -> None:
    """It is drawn with the sigma that was told, here of 100 mrad: far over all noise."""
    for seed in range(3):
        (made, _), (turned, light) = (
            scanned(BASE, seed, PLAN._replace(sent_sigma_rad=sigma_rad)) for sigma_rad in (0.0, 0.1)
        )
        straight, off = calibrate_plate(made.for_fit()), calibrate_plate(turned.for_fit())
        noise_rad = math.sqrt(2.0 * straight.covariance[0, 0])
        moved_rad = off.zero_rad - straight.zero_rad
        assert moved_rad == pytest.approx(0.5 * light.polariser_off_rad, abs=4.0 * noise_rad)
        assert abs(moved_rad) > 4.0 * noise_rad
        assert off.covariance[0, 0] == pytest.approx(straight.covariance[0, 0] + 0.05**2, rel=0.01)
        for one, other, sigma in zip(straight.leak, off.leak, _sigma(straight)[8:12], strict=True):
            assert one == pytest.approx(other, abs=6.0 * sigma)


def _sigma(found: PlateCalibration) -> Any:
    return np.sqrt(np.diag(found.covariance))


def test_the_command_writes_what_a_terminal_flies_by(bench_file: Path, tmp_path: Path) -> None:
    out, plot, kept = (tmp_path / name for name in ("plate.yaml", "plate.png", "scan.npz"))
    code, text, error = run(
        bench_file, "--out", out, *QUICK, "--plot", plot, "--scan-out", kept, "--json", "-"
    )
    assert code == 0, error
    answer = json.loads(text)
    scenario = load_scenario(str(bench_file))
    start_ns = resolve_window(scenario.mission).start_tai_ns
    named = replace(scenario.terminal.polarization, calibration=str(out))
    config = replace(scenario.terminal, polarization=named)
    flown = with_calibrated_analyser(config, scenario.mission, start_ns).polarization
    assert list(flown.channels.efficiency) == answer["efficiency"]
    assert flown.plate.zero_rad == answer["zero_rad"]
    assert flown.plate.zero_sigma_rad == answer["sigma"]["zero_rad"]
    assert answer["truth"]["leak_a"] == 0.01
    assert answer["source"] == "emulated"
    assert plot.read_bytes().startswith(b"\x89PNG")
    # The same seed gives the same file, and so does the scan that was kept; people get a table.
    for source in (bench_file, kept):
        code, text, error = run(source, "--out", tmp_path / "again.yaml", *QUICK)
        assert code == 0, error
        assert (tmp_path / "again.yaml").read_bytes() == out.read_bytes()
        for name in ("plate zero", "unturned light", "wedge, sine", "efficiency D", "leak A"):
            assert name in text
        assert ("truth" in text) == (source == bench_file)
    with pytest.raises(InputError, match="future"):
        load_analyser(out, config, scenario.mission, start_ns - 86_400 * 10**9)


def test_the_page_shows_what_the_command_answers(tmp_path: Path) -> None:
    page = (ROOT / "docs/calibration.md").read_text()
    section = page[page.index("## The plate and the analyser") :]
    (scenario,) = re.findall(r"^```yaml\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    (shown,) = re.findall(r"^```text\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    file = tmp_path / "laboratory.yaml"
    file.write_text(scenario)
    code, text, error = run(file, "--out", tmp_path / "analyser.yaml")
    assert code == 0, error
    assert [line.split() for line in text.splitlines()] == [
        line.split() for line in shown.splitlines()
    ]


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("plate_stuck", r"the plate stands at .* and was sent to .* \(GS02: mechanical time-out\)"),
        ("tagger_silent", "the tagger has told no click for 2 s"),
    ],
)
def test_a_bench_that_fails_says_so_and_writes_nothing(
    bench_file: Path, tmp_path: Path, kind: str, says: str
) -> None:
    _, _, error = run(with_fault(bench_file, kind), "--out", tmp_path / "plate.yaml", *QUICK)
    assert isinstance(error, RunError)
    assert "no calibration: " in str(error)
    with pytest.raises(RunError, match=says):
        raise error
    assert list(tmp_path.iterdir()) == []


def test_too_much_light_is_saturation(bench_file: Path, tmp_path: Path) -> None:
    """Detectors that are dead for 5 us after a click, and 28,000 clicks a second at the most."""
    _, _, error = run(bench_file, "--out", tmp_path / "a.yaml", *QUICK, "--dead-time-ns", 5000)
    assert isinstance(error, InputError)
    assert re.search("channel H is dead for 1[0-4] % of an exposure", str(error))
    assert list(tmp_path.iterdir()) == []


def test_a_bad_or_unfit_scan_writes_nothing(bench_file: Path, tmp_path: Path) -> None:
    made, _ = scanned(load_scenario(str(bench_file)), 1)
    path, out = tmp_path / "scan.npz", tmp_path / "plate.yaml"
    negative, swapped = made.counts.copy(), made.counts[:, [0, 1, 3, 2]]
    negative[3, 1] = -1.0
    half = made.sent_rad == 0.0
    for spoilt, kind, says in (
        (made._replace(counts=negative), InputError, "counts: are negative"),
        (made._replace(counts=swapped), RunError, "labels are swapped"),
        (
            made._replace(
                plate_rad=made.plate_rad[half],
                sent_rad=made.sent_rad[half],
                counts=made.counts[half],
            ),
            RunError,
            "with two orthogonal states sent",
        ),
    ):
        write_scan(path, spoilt)
        _, _, error = run(path, "--out", out)
        assert isinstance(error, kind), error
        assert says in str(error)
        assert str(error).startswith(f"{path}: ")
        assert not out.exists()
    path.write_bytes(path.read_bytes()[:500])
    _, _, error = run(path, "--out", out)
    assert isinstance(error, InputError)
    assert "cut off" in str(error)


def test_real_devices_ask_for_the_light_and_are_closed(
    bench_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the emulated ones behind a bench that says it is real."""
    asked: list[str] = []
    scenario = load_scenario(str(bench_file))
    emulated = open_bench(scenario, 1, PLAN._replace(angles=16, exposure_s=0.1), print)
    plate, tagger = emulated.devices.plate, emulated.devices.tagger
    devices = {
        role: replace(scenario.terminal.devices[role], url="serial:/dev/none")
        for role in ("waveplate", "tagger")
    }
    real = replace(
        scenario,
        terminal=replace(scenario.terminal, devices={**scenario.terminal.devices, **devices}),
    )
    monkeypatch.setattr("hil.analyser_bench._built", lambda *_: (plate, tagger))
    bench = open_bench(real, 1, PLAN, asked.append)
    assert (bench.source, bench.light) == ("real", None)
    bench.set_light(None)
    bench.set_light(0.5 * math.pi)
    assert asked == [
        "take the light away, and leave everything else as it is",
        "give linear light at 90 deg from H toward up",
    ]


def test_a_plate_that_does_not_answer_is_named() -> None:
    bench = open_bench(BASE, 1, PLAN, print)
    silent = MagicMock()
    silent.poll.return_value = None
    silent.health.last_error = "no answer to 'in' in time"
    mute = bench._replace(devices=bench.devices._replace(plate=silent))
    with pytest.raises(
        PlateCalibrationError, match=r"has not answered for 6 s \(no answer to 'in'"
    ):
        scan(mute, BASE, PLAN)


def test_a_bench_is_all_emulated_or_all_real() -> None:
    plate = replace(BASE.terminal.devices["waveplate"], url="serial:/dev/none")
    devices = {**BASE.terminal.devices, "waveplate": plate}
    mixed = replace(BASE, terminal=replace(BASE.terminal, devices=devices))
    with pytest.raises(InputError, match=r"tagger\.url: is inproc, and that of waveplate is not"):
        open_bench(mixed, 1, PLAN, print)


@pytest.mark.parametrize(
    ("extra", "says"),
    [
        (["--exposure-s", "nan"], "--exposure-s: must be"),
        (["--angles", "15"], "--angles: must be 16 to 720"),
        (["--sent-sigma-mrad", "-1"], "--sent-sigma-mrad"),
        (["--dead-time-ns", "nan"], "--dead-time-ns"),
        (["--valid-days", "0"], "--valid-days"),
        (["--plot", "plate.foo"], "--plot: plate.foo: must end in one of"),
        (["--plot", "nowhere/plate.png"], "--plot: no folder"),
        (["--scan-out", "scan.npy"], "--scan-out: scan.npy: must end in .npz"),
        (["--json", "."], "--json: .: is a folder"),
    ],
)
def test_bad_options_are_refused_before_anything_is_moved(
    bench_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    extra: list[str],
    says: str,
) -> None:
    monkeypatch.setattr("hil.analyser_bench.open_bench", MagicMock(side_effect=AssertionError))
    _, _, error = run(bench_file, "--out", tmp_path / "plate.yaml", *extra)
    assert isinstance(error, InputError)
    assert says in str(error)
    assert list(tmp_path.iterdir()) == []


def test_nothing_read_is_overwritten_and_no_file_twice(tmp_path: Path) -> None:
    kept, scenario = tmp_path / "scan.npz", tmp_path / "bench.yaml"
    write_scan(kept, scanned(BASE, 1, PLAN._replace(angles=16, exposure_s=0.05))[0])
    scenario.write_text(FLAWS)
    out, link = tmp_path / "plate.yaml", tmp_path / "link.yaml"
    link.symlink_to(scenario)
    for arguments, says in (
        ((kept, "--out", kept), "--out: .*scan.npz: cannot write: it is an input"),
        ((scenario, "--out", scenario), "--out: .*bench.yaml: cannot write: it is an input"),
        ((scenario, "--out", link), "--out: .*link.yaml: cannot write: it is an input"),
        ((kept, "--out", out, "--json", out), "--json: .*plate.yaml: .*--out writes it too"),
    ):
        before = {path: path.read_bytes() for path in (kept, scenario)}
        _, _, error = run(*arguments)
        assert isinstance(error, InputError), error
        with pytest.raises(InputError, match=says):
            raise error
        assert {path: path.read_bytes() for path in before} == before
    assert not out.exists()


def test_a_recorded_scan_is_not_recorded_again(tmp_path: Path) -> None:
    made, _ = scanned(BASE, 1, PLAN._replace(angles=16, exposure_s=0.05))
    path = tmp_path / "scan.npz"
    write_scan(path, made)
    assert read_scan(path).waveplate == "waveplate_ell14"
    _, _, error = run(path, "--out", tmp_path / "plate.yaml", "--scan-out", tmp_path / "b.npz")
    assert isinstance(error, InputError)
    assert "--scan-out: the scan is recorded already" in str(error)
