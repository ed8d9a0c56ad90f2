"""The fast plant: mirror against scipy's step response, quad cell against the normal law."""

import math
from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import step
from scipy.stats import norm

from config.fine_truth import MirrorTruth, QuadTruth
from config.loader import load_scenario
from sim_devices.disturbance import JitterSource, sampled
from sim_devices.disturbance_sources import Source
from sim_devices.fast_plant import BLOCK, FastPlant
from sim_devices.position_sensor import ADC_LIMIT, CELL_SPOTS, PositionSensor

OPTICS = load_scenario("leo_haps_downlink").terminal.optics
RATE_HZ = 5000.0
IDEAL = QuadTruth()


class Constant:
    """A jitter that stands still."""

    def __init__(self, value_rad: float = 0.0) -> None:
        self._value_rad = value_rad

    def take(self, n: int) -> NDArray[np.float64]:
        return np.full(n, self._value_rad)


class Jitter:
    """Numbers its samples."""

    def __init__(self) -> None:
        self._next = 0

    def take(self, n: int) -> NDArray[np.float64]:
        first, self._next = self._next, self._next + n
        return np.arange(first, self._next, dtype=np.float64)


def plant(
    *,
    noise_counts: float = 1e-9,
    boresight_rad: tuple[float, float] = (0.0, 0.0),
    jitter: tuple[object, object] = (Constant(), Constant()),
    quad: QuadTruth = IDEAL,
    **mirror: Any,
) -> FastPlant:
    truth = {"resonance_hz": 1500.0, "damping": 0.7, "delay_samples": 1, **mirror}
    return FastPlant(
        OPTICS,
        PositionSensor(quad, OPTICS.quad_spot_rad, noise_counts),
        MirrorTruth(**truth),
        cast(tuple[Source, Source], jitter),
        boresight_rad,
        RATE_HZ,
        np.random.default_rng(1),
    )


@pytest.mark.parametrize("resonance_hz", [300.0, 1500.0])
@pytest.mark.parametrize("damping", [0.02, 0.7, 1.0, 1.5])
def test_mirror_has_the_step_response_of_its_resonance(resonance_hz: float, damping: float) -> None:
    mirror = plant(resonance_hz=resonance_hz, damping=damping)
    x, y = [], []
    for _ in range(60):
        mirror.tick(10_000, -20_000)
        x.append(mirror.mirror_rad[0])
        y.append(mirror.mirror_rad[1])
    w = 2 * math.pi * resonance_hz
    t = np.arange(61) / RATE_HZ
    _, response = step(([w * w], [1.0, 2 * damping * w, w * w]), T=t)
    stroke = OPTICS.mirror_stroke_rad / 32767
    assert x == pytest.approx(10_000 * stroke * response[1:], abs=1e-12)
    assert y == pytest.approx(-20_000 * stroke * response[1:], abs=1e-12)


@pytest.mark.parametrize("delay", [1, 2, 4])
@pytest.mark.parametrize("before", [1, 2, BLOCK - 1])
def test_a_command_first_shows_after_the_delay(delay: int, before: int) -> None:
    mirror = plant(delay_samples=delay)
    # Read at one scan, decide, and be on the DAC before the next.
    for _ in range(before):
        mirror.tick(0, 0)
    moved = []
    for _ in range(10):
        mirror.tick(1000, 0)
        moved.append(mirror.mirror_rad[0] != 0.0)
    assert moved == [False] * (delay - 1) + [True] * (11 - delay)


def test_mirror_moves_the_spot_the_other_way() -> None:
    system = plant(jitter=(Constant(50e-6), Constant(-20e-6)))
    stroke = OPTICS.mirror_stroke_rad / 32767
    for _ in range(200):
        system.tick(1000, 500)
    x, y = system.take_residual()
    assert (len(x), len(y)) == (200, 200)
    assert x[-1] == pytest.approx(50e-6 - 1000 * stroke, abs=1e-12)
    assert y[-1] == pytest.approx(-20e-6 - 500 * stroke, abs=1e-12)
    assert system.seen_rad == (50e-6, -20e-6)


def test_residuals_are_given_once_and_none_is_lost() -> None:
    system = plant(jitter=(Jitter(), Jitter()))
    given = []
    for ticks in (1, 50, BLOCK - 60, 100, 2 * BLOCK + 3):
        for _ in range(ticks):
            system.tick(0, 0)
        x, y = system.take_residual()
        assert x.tolist() == y.tolist()
        given += x.tolist()
    assert given == list(range(3 * BLOCK + 94))


@pytest.mark.parametrize("x_rad", [0.0, 30e-6, -100e-6, 280e-6])
@pytest.mark.parametrize("y_rad", [0.0, -50e-6])
def test_quadrants_are_the_integrals_of_a_gaussian_spot(x_rad: float, y_rad: float) -> None:
    boresight = (7e-6, -3e-6)
    cell = plant(jitter=(Constant(x_rad), Constant(y_rad)), boresight_rad=boresight)
    cell.sum_counts = 30_000.0
    # 1/e^2 half angle = two standard deviations.
    sigma = OPTICS.quad_spot_rad / 2
    right = norm.cdf((x_rad + boresight[0]) / sigma)
    above = norm.cdf((y_rad + boresight[1]) / sigma)
    due = 30_000 * np.array(
        [right * above, (1 - right) * above, (1 - right) * (1 - above), right * (1 - above)]
    )
    # Whole counts, rounded.
    assert np.array(cell.tick(0, 0)) == pytest.approx(due, abs=0.501)


def test_a_beacon_beside_the_cell_gives_no_light() -> None:
    edge_rad = CELL_SPOTS * OPTICS.quad_spot_rad
    for off_rad, is_seen in ((0.99 * edge_rad, True), (1.01 * edge_rad, False), (0.1, False)):
        cell = plant(jitter=(Constant(0.0), Constant(-off_rad)))
        cell.sum_counts = 8000.0
        assert any(cell.tick(0, 0)) is is_seen


def test_slope_in_the_middle_is_that_of_the_literature() -> None:
    # 1.596 / w, from the error function; a fiftieth of w off, the cubic term is 3e-4.
    w = OPTICS.quad_spot_rad
    cell = plant(jitter=(Constant(0.02 * w), Constant()))
    cell.sum_counts = 32_000.0
    a, b, c, d = cell.tick(0, 0)
    assert (a + d - b - c) / (a + b + c + d) == pytest.approx(0.02 * 1.596, rel=0.004)


def test_noise_is_white_on_each_channel() -> None:
    cell = plant(noise_counts=8.0)
    cell.sum_counts = 8000.0
    counts = np.array([cell.tick(0, 0) for _ in range(2 * BLOCK + 7)], float)
    # Rounding adds a twelfth to the variance; 10,000 samples give the width to 0.7 %.
    assert counts.std(axis=0) == pytest.approx(np.full(4, math.sqrt(64 + 1 / 12)), rel=0.035)
    correlation = np.corrcoef(counts.T)
    assert np.abs(correlation - np.eye(4)).max() < 0.05
    assert np.abs(np.corrcoef(counts[1:, 0], counts[:-1, 0])[0, 1]) < 0.05


@pytest.mark.parametrize("total", [32_700.0, 32_767.0, 40_000.0, 1e6])
def test_the_adc_saturates(total: float) -> None:
    cell = plant(noise_counts=200.0, jitter=(Constant(205e-6), Constant(205e-6)))
    cell.sum_counts = total
    counts = np.array([cell.tick(0, 0) for _ in range(500)])
    assert counts.max() == ADC_LIMIT
    assert counts.min() > -ADC_LIMIT


def test_noise_alone_saturates_too() -> None:
    cell = plant(noise_counts=30_000.0)
    counts = np.array([cell.tick(0, 0) for _ in range(500)])
    assert (counts.max(), counts.min()) == (ADC_LIMIT, -ADC_LIMIT)


def test_the_gimbals_error_goes_linearly_over_a_segment() -> None:
    system = plant()
    system.segment((1e-3, 0.0), (2e-3, -1e-3), 50)
    for i in range(50):
        system.tick(0, 0)
        share = (i + 1) / 50
        due = (1e-3 + 1e-3 * share, -1e-3 * share)
        assert system.seen_rad == pytest.approx(due, abs=1e-15)


def test_jitter_is_taken_in_order() -> None:
    model = sampled("drone", RATE_HZ)
    sources = [JitterSource(model, np.random.default_rng(i)) for i in (1, 2, 1, 2)]
    system = plant(jitter=(sources[0], sources[1]))
    seen = []
    for _ in range(BLOCK + 10):
        system.tick(0, 0)
        seen.append(system.seen_rad)
    x, y = (
        np.concatenate([source.take(BLOCK), source.take(BLOCK)])[: BLOCK + 10]
        for source in sources[2:]
    )
    assert np.array(seen).T.tolist() == [x.tolist(), y.tolist()]


def settled(system: FastPlant, x_counts: int, y_counts: int) -> NDArray[np.float64]:
    """Where the mirror comes to rest under a command, rad."""
    for _ in range(200):
        system.tick(x_counts, y_counts)
    return np.array(system.mirror_rad)


def test_a_mirror_turned_in_its_mount_moves_along_its_own_axes() -> None:
    stroke = OPTICS.mirror_stroke_rad / 32767
    x = settled(plant(rotation_rad=0.1), 1000, 0)
    y = settled(plant(rotation_rad=0.1), 0, 1000)
    # Counter-clockwise: its x axis leans toward our y.
    assert x == pytest.approx(1000 * stroke * np.array([math.cos(0.1), math.sin(0.1)]), rel=1e-9)
    assert y == pytest.approx(1000 * stroke * np.array([-math.sin(0.1), math.cos(0.1)]), rel=1e-9)


def test_gains_and_cross_coupling_are_those_of_each_axis() -> None:
    stroke = OPTICS.mirror_stroke_rad / 32767
    system = plant(gain=(1.1, 0.9), cross_coupling=(0.02, -0.03))
    assert settled(system, 1000, 0) == pytest.approx(1000 * stroke * np.array([1.1, 0.02]))
    assert settled(system, 0, 1000) == pytest.approx(1000 * stroke * np.array([-0.03, 0.9]))


def test_a_stuck_mirror_stays_and_comes_back() -> None:
    system = plant()
    before = settled(system, 1000, -2000)
    system.hold_mirror(True)
    assert settled(system, -5000, 5000).tolist() == before.tolist()
    system.hold_mirror(False)
    stroke = OPTICS.mirror_stroke_rad / 32767
    assert settled(system, -5000, 5000) == pytest.approx(5000 * stroke * np.array([-1.0, 1.0]))


@pytest.mark.parametrize("delay", [1, 2, 4])
def test_more_delay_comes_and_goes_without_an_old_command_coming_back(delay: int) -> None:
    # A resonance far above the rate: each scan shows the command that acts.
    system = plant(delay_samples=delay, resonance_hz=50_000.0, damping=1.0)
    stroke = OPTICS.mirror_stroke_rad / 32767
    acting = []
    for k in range(1, 31):
        if k == 11:
            system.delay_more(2, (k - 1, 0))
        if k == 21:
            system.delay_more(0, (k - 1, 0))
        system.tick(k, 0)
        acting.append(round(system.mirror_rad[0] / stroke))
    late = delay - 1
    assert acting[late:10] == list(range(1, 11 - late))
    assert acting[12:20] == list(range(11 - late, 19 - late))
    assert acting[20:] == list(range(21 - late, 31 - late))
    assert acting == sorted(acting)
