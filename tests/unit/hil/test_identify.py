"""`qsky identify` on emulated benches against their truth; what it leaves when it is refused."""

import json
from importlib.metadata import EntryPoint
from math import cos, sin
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import msgspec
import numpy as np
import pytest
from msgspec.structs import replace
from scipy.stats import chi2
from typer.testing import CliRunner

from config.errors import InputError, RunError
from config.loader import load_scenario
from config.mission import FixedWindow
from config.scenario import Scenario
from drivers.protocols import DeviceError, Health, QuadScan
from hil import realtime
from hil.identify_bench import Bench, open_bench
from sim_devices.endpoints import PseudoTerminal
from sim_devices.position_sensor import PositionSensor
from terminal import cli
from terminal.control.identification.excitation import MirrorLimits, excite
from terminal.control.identification.identify import identify
from terminal.control.identification.reading import Detector
from terminal.control.identification.refusal import IdentificationError
from terminal.geometry.time_scales import tai_ns_from_utc
from terminal.response_file import load_response
from terminal.response_measurement import measure
from terminal.window import resolve_window

BASE = load_scenario("leo_haps_downlink")
ENTRY = EntryPoint("identify", "hil.identify_command:identify", cli.GROUP)
OTHER = EntryPoint("replay", "terminal.commands:replay", cli.GROUP)
PER_RAD = 32.767e6
DETECTOR = Detector(150e-6, 800, False, 0.0)
LIMITS = MirrorLimits(PER_RAD, 1e-3, 20.0)


FILE = """\
based_on: leo_haps_downlink
name: bench
description: a mirror on a bench
mission:
  window: {kind: fixed, start_utc: 2016-12-19T15:18:00Z, duration_s: 300.0}
"""


def run(*arguments: object) -> tuple[int, str, BaseException | None]:
    result = CliRunner().invoke(cli.build([ENTRY, OTHER]), ["identify", *map(str, arguments)])
    return result.exit_code, result.output, result.exception


def scenario(**mirror: Any) -> Scenario:
    """The package's, in a window that needs no search, with another true mirror."""
    window = {"kind": "fixed", "start_utc": "2016-12-19T15:18:00Z", "duration_s": 300.0}
    world = replace(BASE.world, mirror=replace(BASE.world.mirror, **mirror))
    fixed = msgspec.convert(window, FixedWindow)
    return replace(BASE, world=world, mission=replace(BASE.mission, window=fixed))


def true_matrix(what: Scenario) -> Any:
    """(2, 2) from the struct of the truth: mirror, sensor's rotation, and the slope of what the
    cell shows of the light at a small amplitude, what of it spreads over the channels included."""
    m, q = what.world.mirror, what.world.quad
    drive = np.array([[m.gain[0], m.cross_coupling[1]], [m.cross_coupling[0], m.gain[1]]])
    turn = m.rotation_rad - q.rotation_rad
    turned = np.array([[cos(turn), -sin(turn)], [sin(turn), cos(turn)]]) @ drive
    light = what.world.beacon.quad_sum_counts
    gains = np.array(q.channel_gains)
    # Channels a, b, c, d of a spot in the middle that moves right by a small share.
    signs_x, signs_y = np.array([1, -1, -1, 1]), np.array([1, 1, -1, -1])
    own = 0.25 * (1.0 - 4.0 * q.cross_talk) * light * gains
    rest = q.cross_talk * light * gains
    total = float(np.sum(own + rest))
    # d(signs . counts / total) / d(share of x, y), the unequal channels' sum moving too.
    show = np.empty((2, 2))
    for i, signs in enumerate((signs_x, signs_y)):
        level = float(signs @ (own + rest)) / total
        for j, along in enumerate((signs_x, signs_y)):
            show[i, j] = float((signs - level) @ (along * own)) / total
    return show @ turned / q.spot_scale


def measured(what: Scenario, seed: int, disturbed: bool = False, duration_s: float = 1.0) -> Any:
    bench = open_bench(what, seed, 100.0, disturbed)
    moves = excite(0.05 * 150e-6, LIMITS, 5000.0, duration_s, seed)
    detector = DETECTOR._replace(background_counts=bench.background_counts(5000.0))
    scans = measure(bench.quad, bench.mirror, bench.advance, moves, detector, 5000.0)
    return identify(scans, moves, detector, PER_RAD, 5000.0)


@pytest.mark.parametrize("delay", [1, 2, 4, 6])
def test_an_emulated_mirror_is_recovered(delay: int) -> None:
    what = scenario(delay_samples=delay, rotation_rad=0.1, resonance_hz=1200.0, damping=0.5)
    found = measured(what, delay)
    assert found.response.delay_samples == delay
    truth = [*true_matrix(what).ravel(), 1200.0, 0.5]
    response = found.response
    error = np.array(
        [*np.ravel(response.matrix), response.resonance_hz, response.damping]
    ) - np.array(truth)
    assert np.abs(error / np.sqrt(np.diag(found.covariance))).max() < 4.0


@pytest.mark.parametrize("background_counts", [0.0, 800.0, 2400.0])
def test_light_that_is_no_beacon_does_not_lower_the_gain(background_counts: float) -> None:
    what = scenario()
    quad = replace(what.world.quad, background_counts=background_counts)
    what = replace(what, world=replace(what.world, quad=quad))
    found = measured(what, 1)
    error = (np.array(found.response.matrix) - true_matrix(what)).ravel()
    assert np.abs(error / np.sqrt(np.diag(found.covariance)[:4])).max() < 4.0


@pytest.mark.parametrize("disturbed", [False, True], ids=["still", "disturbed"])
def test_the_sigmas_are_honest_on_emulated_devices(disturbed: bool) -> None:
    what = scenario()
    truth = [*true_matrix(what).ravel(), 1500.0, 0.7]
    total, seeds = 0.0, range(4)
    for seed in seeds:
        found = measured(what, seed, disturbed)
        response = found.response
        error = np.array(
            [*np.ravel(response.matrix), response.resonance_hz, response.damping]
        ) - np.array(truth)
        total += float(error @ np.linalg.solve(found.covariance, error))
    low, high = chi2(6 * len(seeds)).interval(0.9999)
    assert low < total < high


def test_a_converter_of_twelve_bits_averages_out() -> None:
    """Its steps are 16 counts, 6 % of a command at half amplitude."""
    what = scenario(dac_step_counts=16)
    found = measured(what, 1)
    error = np.array(found.response.matrix) - true_matrix(what)
    assert np.abs(error).max() < 3e-3
    assert found.response.delay_samples == 2


def test_a_mirror_that_slews_too_slowly_is_refused() -> None:
    with pytest.raises(IdentificationError, match=r"not linear|more than noise|no motion"):
        measured(scenario(max_rate_rad_s=0.02), 1)


class Wire:
    """A mirror that keeps what it was told, and a detector that answers by a list."""

    health = Health()

    def __init__(self, scans: list[QuadScan | BaseException | None]) -> None:
        self.scans = iter(scans)
        self.told: list[tuple[int, int]] = []

    def poll(self, t_ns: int) -> QuadScan | None:
        scan = next(self.scans, None)
        if isinstance(scan, BaseException):
            raise scan
        return scan

    def command(self, x_counts: int, y_counts: int, t_ns: int) -> None:
        self.told.append((x_counts, y_counts))

    def close(self) -> None: ...


def scan(k: int, a: int = 2000, b: int = 2000) -> QuadScan:
    return QuadScan(k, k, a, b, b, a, 0)


def run_wire(wire: Wire) -> Any:
    moves = excite(15e-6, LIMITS, 500.0, 2.0, 1)
    return measure(wire, wire, lambda: 0, moves, DETECTOR, 500.0), moves


@pytest.mark.parametrize(
    "end",
    [KeyboardInterrupt(), DeviceError("gone"), RuntimeError()],
    ids=lambda e: type(e).__name__,
)
def test_the_mirror_ends_at_its_centre_whatever_happens(end: BaseException) -> None:
    wire = Wire([*map(scan, range(600)), end])
    with pytest.raises(type(end)):
        run_wire(wire)
    assert wire.told[-2] != (0, 0)
    assert wire.told[-1] == (0, 0)


def test_a_silent_detector_ends_it() -> None:
    wire = Wire([scan(0), scan(1)])
    with pytest.raises(IdentificationError, match=r"no scan for 0\.2 s, 2 before"):
        run_wire(wire)
    assert wire.told[-1] == (0, 0)


def bench_of(wire: Wire) -> Bench:
    return Bench(wire, wire, lambda: 0, "real", None, None)


def test_the_background_of_a_light_that_is_not_ours_has_to_be_told() -> None:
    """What the channels sum to now is said, lost and repeated scans aside; nothing is moved."""
    wire = Wire([None, *(scan(k // 2, 79, 81) for k in range(2000))])
    with pytest.raises(IdentificationError, match=r"sum to 320 counts now.*--background-counts"):
        bench_of(wire).background_counts(500.0)
    assert wire.told == []


def test_a_detector_that_falls_silent_in_the_dark_ends_it() -> None:
    wire = Wire([scan(0), scan(1), *[scan(1)] * 1000])
    with pytest.raises(IdentificationError, match=r"no scan for 0\.2 s, 2 before"):
        bench_of(wire).background_counts(500.0)


def test_light_over_much_background_has_its_edge_where_the_light_has() -> None:
    """Of 8000 counts of background and 800 of light, 740 more on the right: 0.92 of the light."""
    runaway = (scan(k, 2000 + 385, 2000 + 15) for k in range(10, 100))
    wire = Wire([*map(scan, range(10)), *runaway])
    moves = excite(15e-6, LIMITS, 500.0, 2.0, 1)
    detector = DETECTOR._replace(background_counts=8000.0)
    with pytest.raises(IdentificationError, match="edge for 21 scans"):
        measure(wire, wire, lambda: 0, moves, detector, 500.0)


def test_light_that_runs_away_ends_it() -> None:
    wire = Wire([*map(scan, range(10)), *(scan(k, 4000, 5) for k in range(10, 100))])
    with pytest.raises(IdentificationError, match="edge for 21 scans"):
        run_wire(wire)


def test_scans_count_by_their_numbers() -> None:
    """What was sent holds over lost scans; numbers that go back say nothing."""
    kept = [scan(k) for k in range(2000) if k % 7 != 3]
    kept.insert(300, scan(5))
    scans, moves = run_wire(Wire(list(kept)))
    k = np.arange(1000)
    assert (scans.seen == (k % 7 != 3)).all()
    expected = moves.counts.copy()
    expected[3::7] = expected[2::7][: len(expected[3::7])]
    assert (scans.command_counts == expected).all()


def test_a_bench_is_all_emulated_or_all_real() -> None:
    mirror = replace(BASE.terminal.devices["mirror"], url="serial:/dev/none")
    devices = {**BASE.terminal.devices, "mirror": mirror}
    mixed = replace(BASE, terminal=replace(BASE.terminal, devices=devices))
    with pytest.raises(InputError, match=r"quad\.url: is inproc, and that of mirror is not"):
        open_bench(mixed, 1, 1.0, False)


def test_real_devices_that_say_nothing_leave_the_mirror_at_its_centre(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind two pseudo-terminals, paced by the clock."""
    monkeypatch.setattr("hil.identify_bench.prepare", dict)
    quad, mirror = PseudoTerminal(tmp_path / "quad"), PseudoTerminal(tmp_path / "mirror")
    text = FILE + "terminal:\n  devices:\n"
    text += (
        f"    quad: {{driver: quad_iio, url: 'pty:{tmp_path}/quad', options: {{rate_hz: 5000}}}}\n"
    )
    text += f"    mirror: {{url: 'pty:{tmp_path}/mirror'}}\n"
    path = tmp_path / "real.yaml"
    path.write_text(text)
    _, _, error = run(path, "--out", tmp_path / "mirror.yaml", "--background-counts", 80)
    assert isinstance(error, RunError)
    assert "no scan for 0.2 s, 0 before that" in str(error)
    assert mirror.read() == bytes(4)
    assert not (tmp_path / "mirror.yaml").exists()
    quad.close()
    mirror.close()


def test_the_known_noise_is_the_sensors() -> None:
    truth = BASE.world
    sensor = PositionSensor(truth.quad, 150e-6, truth.beacon.quad_noise_counts)
    bench = open_bench(scenario(), 1, 1.0, False)
    assert bench.noise_rad == sensor.noise_rad(truth.beacon.quad_sum_counts)


@pytest.fixture(scope="module")
def bench_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bench") / "bench.yaml"
    path.write_text(FILE)
    return path


def test_the_command_writes_what_a_flight_reads(bench_file: Path, tmp_path: Path) -> None:
    out, plot = tmp_path / "mirror.yaml", tmp_path / "mirror.png"
    code, text, error = run(
        bench_file, "--out", out, "--duration-s", 1, "--plot", plot, "--json", "-"
    )
    assert code == 0, error
    answer = json.loads(text)
    config = load_scenario(str(bench_file)).terminal
    window = resolve_window(load_scenario(str(bench_file)).mission)
    loaded = load_response(out, window.start_tai_ns, config)
    assert loaded.delay_samples == answer["delay_samples"] == 2
    assert [list(row) for row in loaded.matrix] == answer["matrix"]
    # Four channels of 4 counts of noise, 2500 times: 0.16 (1 sigma).
    assert loaded.background_counts == pytest.approx(80.0, abs=0.8)
    assert answer["design"]["delay_us"] == pytest.approx(400.0)
    assert answer["design"]["disturbance"] == "esa_silex"
    assert plot.read_bytes().startswith(b"\x89PNG")
    with pytest.raises(InputError, match="future"):
        load_response(out, tai_ns_from_utc("2016-12-19T15:00:00Z"), config)
    # The same seed gives the same file, and people a table.
    code, text, error = run(bench_file, "--out", tmp_path / "again.yaml", "--duration-s", 1)
    assert code == 0, error
    assert (tmp_path / "again.yaml").read_bytes() == out.read_bytes()
    for name in ("matrix xy", "rotation", "resonance", "delay", "steering", "integrator", "bound"):
        assert name in text


def test_a_fine_loop_of_its_own_process_flies_by_it_too(
    bench_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    what = load_scenario(str(bench_file))
    out = tmp_path / "mirror.yaml"
    assert run(bench_file, "--out", out, "--duration-s", 1)[0] == 0
    fine = replace(what.terminal.fine, calibration=str(out))
    what = replace(what, terminal=replace(what.terminal, fine=fine))
    child, memory = MagicMock(), MagicMock(fds=(3, 4, 5, 6))
    monkeypatch.setattr(realtime, "FineChild", MagicMock(return_value=child))
    realtime._fine_child(what, 1, resolve_window(what.mission), memory, memory)
    sent = json.loads(child.send.call_args.args[0])["fine"]["config"]["fine"]["response"]
    loaded = load_response(out, resolve_window(what.mission).start_tai_ns, what.terminal)
    assert sent["matrix"] == [list(row) for row in loaded.matrix]


def test_a_refusal_writes_nothing(bench_file: Path, tmp_path: Path) -> None:
    dark = bench_file.with_name("dark.yaml")
    dark.write_text(FILE + "world: {beacon: {quad_sum_counts: 300.0}}\n")
    out = tmp_path / "mirror.yaml"
    _, _, error = run(dark, "--out", out, "--duration-s", 1)
    assert isinstance(error, RunError)
    assert "no calibration: too little light" in str(error)
    assert list(tmp_path.iterdir()) == []


def test_a_plot_that_fails_takes_no_measurement_away(
    bench_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise InputError("--plot: cannot write: No space left on device")

    monkeypatch.setattr("hil.identify_plot.draw", full)
    out = tmp_path / "mirror.yaml"
    plot = tmp_path / "mirror.png"
    _, text, error = run(bench_file, "--out", out, "--duration-s", 1, "--plot", plot, "--json", "-")
    assert isinstance(error, InputError)
    config = load_scenario(str(bench_file)).terminal
    window = resolve_window(load_scenario(str(bench_file)).mission)
    loaded = load_response(out, window.start_tai_ns, config)
    assert [list(row) for row in loaded.matrix] == json.loads(text)["matrix"]


@pytest.mark.parametrize(
    ("extra", "says"),
    [
        (["--duration-s", "nan"], "--duration-s"),
        (["--amplitude-share", "2"], "--amplitude-share"),
        (["--valid-days", "0"], "--valid-days"),
        (["--background-counts", "nan"], "--background-counts"),
        (["--background-counts", "2e5"], "--background-counts"),
        (["--plot", "nowhere/at/all.png"], "--plot: no folder"),
        (["--plot", "mirror.foo"], "--plot: mirror.foo: must end in one of .png .svg .pdf"),
        (["--plot", "mirror"], "--plot: mirror: must end in one of"),
        (["--plot", "."], "--plot: .: is a folder"),
        (["--json", "."], "--json: .: is a folder"),
        (["--json", "nowhere/at/all.json"], "--json: no folder"),
    ],
)
def test_bad_options_are_refused_before_anything_is_moved(
    bench_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    extra: list[str],
    says: str,
) -> None:
    monkeypatch.setattr("hil.identify_bench.open_bench", MagicMock(side_effect=AssertionError))
    _, _, error = run(bench_file, "--out", tmp_path / "mirror.yaml", *extra)
    assert isinstance(error, InputError)
    assert says in str(error)
    assert list(tmp_path.iterdir()) == []


def test_the_scenario_is_not_overwritten(tmp_path: Path) -> None:
    scenario = tmp_path / "bench.yaml"
    scenario.write_text("based_on: leo_haps_downlink\nname: bench\ndescription: a bench\n")
    before = scenario.read_text()
    _, _, error = run(scenario, "--out", scenario)
    assert isinstance(error, InputError)
    assert "bench.yaml: cannot write: it is an input of this command" in str(error)
    assert scenario.read_text() == before
