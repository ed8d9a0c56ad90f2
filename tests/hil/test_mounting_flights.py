"""A pass calibrates the mounting, and the next one starts nearer: `qsky mounting` between two."""

from pathlib import Path

import numpy as np
import pytest
from flights import Flown, qsky, scenario_text
from msgspec.structs import replace
from scipy.stats import chi2

import sim_devices.carrier
from config.loader import load_scenario
from config.scenario import Scenario
from hil.flight import fly, window_of
from sim_devices.randomness import stream
from terminal.geometry.gimbal_frame import Joints
from terminal.mode import Mode
from terminal.mounting_file import load_mounting
from terminal.telemetry.reader import Recording

SEEDS = (1, 2, 3, 4)
SIGMA_RAD = 5.0e-3
"""Of the survey, and of the world's mounting."""
CHI2_8 = chi2(2 * len(SEEDS)).interval(0.999)
"""Of the sum over the seeds of (offset / sigma)^2, two axes each, if the claimed sigma is true."""


def scenario(start_utc: str, calibration: Path | None = None) -> Scenario:
    """The drone and a platform that tells where it is; a slow mirror loop, which has no part."""
    base = load_scenario("haps_laps_downlink")
    mission, terminal, world = base.mission, base.terminal, base.world
    quad = terminal.devices["quad"]
    devices = {
        **terminal.devices,
        "quad": replace(quad, options={**quad.options, "rate_hz": 500}),
    }
    mounting = replace(
        terminal.mounting,
        sigma_rad=SIGMA_RAD,
        calibration=str(calibration) if calibration else None,
    )
    return replace(
        base,
        mission=replace(
            mission,
            window=replace(mission.window, start_utc=start_utc),  # type: ignore[type-var]
            partner=replace(mission.partner, sigma_m=10.0),
        ),
        terminal=replace(
            terminal,
            devices=devices,
            rates=replace(terminal.rates, fine_hz=500),
            mounting=mounting,
        ),
        world=replace(world, gimbal=replace(world.gimbal, mounting_error_rad=SIGMA_RAD)),
    )


def flown(folder: Path, what: Scenario, duration_s: float, seed: int) -> Flown:
    summary = fly(what, seed, window_of(what, duration_s), folder, lambda progress: None)
    return Flown(folder, summary, Recording(folder / "pass.mcap"))


def at_acquire(flight: Flown) -> tuple[float, float]:
    """(true offset of the partner from the boresight, sigma claimed), rad, as ACQUIRE begins."""
    modes, truth = flight.columns("modes"), flight.columns("truth")
    pointing = flight.columns("pointing")
    t_ns = modes["t_ns"][np.argmax(modes["mode"] == Mode.ACQUIRE)]
    i = np.searchsorted(truth["t_ns"], t_ns)
    offset = np.hypot(truth["coarse_error_x_rad"][i], truth["coarse_error_y_rad"][i])
    return float(offset), float(pointing["sigma_rad"][np.searchsorted(pointing["t_ns"], t_ns)])


def calibrated(folder: Path, seed: int) -> Path:
    """The calibration from a first flight, by the command."""
    flown(folder, scenario("2016-12-19T15:00:00Z"), 30.0, seed)
    out = folder / "cal.yaml"
    done = qsky("mounting", str(folder / "pass.mcap"), "--out", str(out))
    assert done.returncode == 0, done.stderr
    return out


@pytest.fixture(scope="module")
def calibration(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return calibrated(tmp_path_factory.mktemp("first"), SEEDS[0])


def test_the_next_flight_starts_as_near_as_it_claims(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An hour later, with the same mounting, but another attitude error of the navigation unit."""
    later, plain, better = "2016-12-19T16:00:00Z", [], []
    for seed in SEEDS:
        folder = tmp_path / str(seed)
        folder.mkdir()
        file = calibrated(folder, seed)
        with monkeypatch.context() as patch:
            patch.setattr(
                sim_devices.carrier,
                "stream",
                lambda seed, name: stream(seed + 100 * (name == "navigation"), name),
            )
            plain.append(at_acquire(flown(folder / "plain", scenario(later), 3.5, seed)))
            again = flown(folder / "calibrated", scenario(later, file), 3.5, seed)
            better.append(at_acquire(again))
        coarse = again.columns("coarse")
        stands = Joints(coarse["yaw_rad"][-1], coarse["pitch_rad"][-1])
        start_ns = int(Recording(again.folder / "pass.mcap").metadata["start_tai_ns"])
        assert load_mounting(file, start_ns).sky_sigma_rad(stands) < 0.6 * SIGMA_RAD
        assert better[-1][1] < plain[-1][1]
    for flights in (plain, better):
        offset, sigma = np.array(flights).T
        assert CHI2_8[0] < np.sum((offset / sigma) ** 2) < CHI2_8[1]


@pytest.mark.parametrize(
    ("broken", "named"),
    [
        (lambda text: text[: len(text) // 2], ""),
        (lambda text: text.replace("kind:", "kinds:"), "kind"),
        (lambda text: text.replace("rotation_x_rad: ", "rotation_x_rad: 9"), "rotation_x_rad"),
        (None, "no such"),
    ],
    ids=["cut off", "wrong key", "out of range", "missing"],
)
def test_a_broken_calibration_ends_a_run_in_one_line(
    calibration: Path, tmp_path: Path, broken, named: str
) -> None:
    file = tmp_path / "cal.yaml"
    if broken:
        file.write_text(broken(calibration.read_text()))
    text = scenario_text("haps_laps_search").replace(
        "terminal:\n", f"terminal:\n  mounting: {{calibration: {file}}}\n"
    )
    (tmp_path / "s.yaml").write_text(text)
    out = str(tmp_path / "out")
    done = qsky("run", str(tmp_path / "s.yaml"), "--out", out, "--duration-s", "2")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1, done.stderr
    assert str(file) in done.stderr
    assert named in done.stderr.lower()
    assert not (tmp_path / "out").exists()
