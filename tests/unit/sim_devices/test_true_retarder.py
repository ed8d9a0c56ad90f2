"""The liquid crystal of the world, and the polarimeter: what they show, and when."""

import math
from typing import Any

import numpy as np
import pytest
from msgspec import structs

from config.loader import load_scenario
from config.polarization import Retarder
from config.scenario import Scenario
from config.terminal import Device
from drivers.quad_iio import IioQuad
from sim_devices.carrier import Carrier
from sim_devices.emulator import InProcessTransport, SimClock
from sim_devices.polarimeter import TruePolarimeter
from sim_devices.receiver_optics import OpticsView, ReceiverOptics
from sim_devices.retarder import TrueRetarder
from sim_devices.retarder_lcc25 import Lcc25Emulator

CALIBRATION = ((1.0, 3.0), (2.0, 2.0), (10.0, 0.5))
SETTLE_S = 0.2


def driven(box: Lcc25Emulator, drive_v: float) -> None:
    box.receive(f"mode=1\renable=1\rvolt1={drive_v}\r".encode(), 0)


def at(seconds: float) -> int:
    return round(seconds * 1e9)


@pytest.mark.parametrize(
    ("drive_v", "due_rad"), [(0.0, 3.0), (1.5, 2.5), (2.0, 2.0), (6.0, 1.25), (25.0, 0.5)]
)
def test_it_settles_where_the_calibration_says_times_the_factor(
    drive_v: float, due_rad: float
) -> None:
    box = Lcc25Emulator()
    cell = TrueRetarder(box, CALIBRATION, SETTLE_S, 1.1)
    driven(box, drive_v)
    assert cell.retardance_rad(at(100.0)) == pytest.approx(1.1 * due_rad, rel=1e-9)


def test_it_goes_there_exponentially_and_is_settled_to_a_percent() -> None:
    box = Lcc25Emulator()
    cell = TrueRetarder(box, CALIBRATION, SETTLE_S, 1.0)
    start_rad = cell.retardance_rad(at(1.0))
    assert start_rad == 3.0
    driven(box, 2.0)
    steps = [cell.retardance_rad(at(1.0 + 0.01 * k)) for k in range(1, 21)]
    # A constant share of what is left in each step, however the time is cut.
    left = (np.array([start_rad, *steps]) - 2.0) / 1.0
    assert left[1:] / left[:-1] == pytest.approx(np.full(20, left[1]), rel=1e-9)
    assert left[-1] == pytest.approx(0.01, abs=0.005)


def test_an_output_that_is_off_lets_it_relax() -> None:
    box = Lcc25Emulator()
    cell = TrueRetarder(box, CALIBRATION, SETTLE_S, 1.0)
    driven(box, 10.0)
    assert cell.retardance_rad(at(10.0)) == pytest.approx(0.5)
    box.receive(b"enable=0\r", 0)
    assert cell.retardance_rad(at(20.0)) == pytest.approx(3.0)


def with_parts(**polarization: Any) -> Scenario:
    loaded = load_scenario("leo_haps_downlink")
    terminal, world = loaded.terminal, loaded.world
    devices = {
        **terminal.devices,
        "retarder": Device(driver="retarder_lcc25", url="inproc:"),
        "polarimeter": Device(driver="quad_iio", url="inproc:", options={"rate_hz": 10}),
    }
    optics = structs.replace(
        terminal.polarization, retarder=Retarder(axis_rad=0.0, calibration=CALIBRATION)
    )
    truth = structs.replace(world.polarization, **polarization)
    return structs.replace(
        loaded,
        terminal=structs.replace(terminal, devices=devices, polarization=optics),
        world=structs.replace(world, polarization=truth),
    )


def test_the_factor_is_drawn_from_its_sigma_and_its_own_stream() -> None:
    scenario = with_parts(retarder_error=0.05)
    factors = [Carrier(scenario, seed).draws.retarder_factor for seed in range(200)]
    # Of 200 draws: the error of the mean is 7 % of sigma, of the spread 5 %.
    assert np.mean(factors) == pytest.approx(1.0, abs=0.3 * 0.05)
    assert np.std(factors) == pytest.approx(0.05, rel=0.2)
    plain = Carrier(load_scenario("leo_haps_downlink"), 7).draws
    assert plain.retarder_factor == 1.0
    assert Carrier(scenario, 7).draws.plate.offset_rad == plain.plate.offset_rad


def test_a_terminal_without_one_has_none() -> None:
    scenario = load_scenario("leo_haps_downlink")
    assert TrueRetarder.of(scenario, 1.0) is None
    assert TruePolarimeter.of(scenario, 1) is None
    assert TrueRetarder.of(with_parts(), 1.0) is not None


class TestPolarimeter:
    def _readings(self, gain: float, n: int = 400, **truth: Any) -> Any:
        """(n, 4) counts through the driver, of a view in which H arrives at 0.3 rad."""
        scenario = with_parts(retardance_rad=0.0, **truth)
        meter = TruePolarimeter.of(scenario, 3)
        assert meter is not None
        optics = ReceiverOptics(scenario.world.polarization, 0.7)
        clock = SimClock(0)
        driver = IioQuad(InProcessTransport(meter.emulator, clock), rate_hz=10)
        rows, lost = [], 0
        for i in range(10 * n):
            clock.t_ns = i * 10_000_000
            meter.step(i, clock.t_ns, gain, OpticsView(0.3, 0.0), optics)
            scan = driver.poll(clock.t_ns)
            if scan is not None:
                rows.append((scan.a, scan.b, scan.c, scan.d))
                lost += scan.lost
        assert lost == 0
        return np.array(rows, float)

    def test_it_shows_the_beacons_angle_at_the_loops_rate(self) -> None:
        seen = self._readings(
            1.0, beacon_polarization=0.8, polarimeter_counts=8000.0, polarimeter_noise_counts=3.0
        )
        # The driver finds where scans begin with the first two.
        assert len(seen) == 399
        a, b, c, d = seen.mean(axis=0)
        # Behind a plate at 0 light at 0.3 rad stands at -0.3, and D at -45 degrees.
        angle_rad = 0.5 * math.atan2(c - d, a - b)
        assert angle_rad == pytest.approx(0.3, abs=4e-4)
        assert math.hypot(a - b, c - d) / (a + b) == pytest.approx(0.8, abs=2e-3)
        assert a + b == pytest.approx(4000.0, rel=1e-3)
        assert seen.std(axis=0) == pytest.approx(np.full(4, 3.0), rel=0.15)

    def test_without_light_noise_is_left(self) -> None:
        seen = self._readings(0.0, polarimeter_counts=8000.0, polarimeter_noise_counts=3.0)
        assert np.abs(seen.mean(axis=0)).max() < 1.0

    def test_too_much_light_is_cut_at_the_converters_end(self) -> None:
        seen = self._readings(1.0, n=5, polarimeter_counts=1e9, beacon_polarization=1.0)
        assert seen.max() == 32767
