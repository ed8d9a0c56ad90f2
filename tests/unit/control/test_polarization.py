"""Rotation from counts by Malus' law, and the plate loop on a plate with a hidden offset."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from config.loader import load_scenario
from terminal.control.polarization import (
    PLATE_MAX_AGE_S,
    PolarizationState,
    rotation_from_counts,
    step,
)
from terminal.quantum_messages import PolarizationCommand, PolarizationSample

CONFIG = load_scenario("leo_haps_downlink").terminal
ANGLES_RAD = np.radians([0.0, 90.0, 45.0, 135.0])
"""H V D A, of the states sent and of the detectors."""
START_NS = 10**18
DT_S = 0.1


def expected_counts(
    rotation_rad: float, clicks: float, visibility: float = 0.97
) -> NDArray[np.float64]:
    """counts[4 * sent + detector] by Malus' law: a field turned by the rotation passes an analyser
    with cos^2 of the angle between them; the key basis is sent and measured 7 times out of 10."""
    between = ANGLES_RAD[:, None] + rotation_rad - ANGLES_RAD[None, :]
    passed = 0.5 * (1.0 + visibility * np.cos(2.0 * between))
    basis = np.array([0.35, 0.35, 0.15, 0.15])
    return np.asarray(clicks * basis[:, None] * 2.0 * basis[None, :] * passed).ravel()


@pytest.mark.parametrize("degrees", [-89.0, -60.0, -22.5, -3.0, 0.0, 0.1, 10.0, 45.0, 80.0])
def test_rotation_of_exact_counts(degrees: float) -> None:
    seen = rotation_from_counts(expected_counts(math.radians(degrees), 1e9))
    assert seen is not None
    assert math.degrees(seen.rotation_rad) == pytest.approx(degrees, abs=1e-9)


def test_positive_is_from_h_toward_d() -> None:
    """H sent, D clicks more than A."""
    counts = np.zeros(16)
    counts[[0, 2, 3]] = 100.0, 60.0, 40.0
    seen = rotation_from_counts(counts)
    assert seen is not None
    assert seen.rotation_rad > 0.0


@pytest.mark.parametrize("degrees", [0.0, -5.0, 30.0, 70.0])
@pytest.mark.parametrize("clicks", [300.0, 5000.0])
def test_scatter_is_as_wide_as_it_says(degrees: float, clicks: float) -> None:
    """A standard deviation of 1000 draws is good to 2.2 %; at 300 clicks the first order of the
    error's propagation is itself good to some 5 %."""
    rng = np.random.default_rng(1)
    rotation = math.radians(degrees)
    drawn = [
        rotation_from_counts(rng.poisson(expected_counts(rotation, clicks)).astype(float))
        for _ in range(1000)
    ]
    off = np.array([math.remainder(s.rotation_rad - rotation, math.pi) for s in drawn if s])
    sigma = float(np.mean([s.sigma_rad for s in drawn if s]))
    assert len(off) == 1000
    assert float(off.std()) == pytest.approx(sigma, rel=0.1)
    assert abs(off.mean()) < 4.0 * sigma / math.sqrt(1000)


def test_detectors_of_different_efficiency_do_not_turn_the_frame() -> None:
    """What D sees too much of H, it sees too much of V as well."""
    counts = expected_counts(0.0, 1e6).reshape(4, 4) * np.array([1.0, 0.9, 0.8, 1.0])
    seen = rotation_from_counts(counts.ravel())
    assert seen is not None
    assert abs(seen.rotation_rad) < 1e-12


@pytest.mark.parametrize("only", [[], [0], [2], [0, 1, 10]])
def test_too_few_counts_are_no_rotation(only: list[int]) -> None:
    counts = np.zeros(16)
    counts[only] = 5.0
    assert rotation_from_counts(counts) is None


class Plate:
    """A plate that turns at constant speed, its axis off its encoder; photons by Malus' law."""

    def __init__(self, frame_rad: float = 0.6, offset_rad: float = math.radians(2.0)) -> None:
        self.frame_rad, self.offset_rad = frame_rad, offset_rad
        self.angle_rad = self.target_rad = 0.0
        self.speed_rad_s = math.radians(180.0)
        self.stuck = self.silent = False
        self.clicks_per_s = 5000.0
        self.counts = np.zeros(16)
        self.state = PolarizationState()
        self.command = PolarizationCommand()
        self.t_ns = self.plate_t_ns = START_NS
        self.moves = 0
        self.rng = np.random.default_rng(3)

    @property
    def error_rad(self) -> float:
        """What is left of the frame's rotation behind the plate."""
        return math.remainder(self.frame_rad - 2.0 * (self.angle_rad + self.offset_rad), math.pi)

    def run(self, seconds: float, frame_rate_rad_s: float = 0.0) -> None:
        for _ in range(round(seconds / DT_S)):
            self.frame_rad += frame_rate_rad_s * DT_S
            away = math.remainder(self.target_rad - self.angle_rad, 2.0 * math.pi)
            reach = 0.0 if self.stuck else self.speed_rad_s * DT_S
            self.angle_rad += max(-reach, min(reach, away))
            clicks = self.clicks_per_s * DT_S
            self.counts = self.counts + self.rng.poisson(expected_counts(self.error_rad, clicks))
            self.t_ns += round(DT_S * 1e9)
            if not self.silent:
                self.plate_t_ns = self.t_ns
            sample = PolarizationSample(
                self.t_ns,
                1,
                # Known to half a turn, as an axis is.
                math.remainder(self.frame_rad, math.pi),
                self.plate_t_ns,
                self.angle_rad % (2.0 * math.pi),
                int(abs(away) > reach and not self.stuck),
                self.counts,
            )
            self.state, self.command = step(CONFIG, self.state, sample, DT_S)
            if self.command.move and not self.silent:
                self.target_rad = self.command.plate_target_rad
                self.moves += 1


@pytest.mark.parametrize("offset_deg", [-5.0, 2.0, 20.0])
def test_trim_finds_a_hidden_offset(offset_deg: float) -> None:
    plate = Plate(offset_rad=math.radians(offset_deg))
    plate.run(20.0)
    # Converged, the filter's steady state: sqrt(drift x measurement variance), 0.15 degrees here,
    # and half of the deadband.
    assert abs(math.degrees(plate.error_rad)) < 0.6
    expected = math.remainder(-2.0 * plate.offset_rad, math.pi)
    assert plate.command.trim_rad == pytest.approx(expected, abs=math.radians(0.7))
    assert math.degrees(plate.command.trim_sigma_rad) < 0.3


def test_a_turning_frame_is_followed_over_its_whole_circle() -> None:
    plate = Plate()
    plate.run(10.0)
    worst = 0.0
    for _ in range(400):
        plate.run(DT_S, math.radians(1.0))
        worst = max(worst, abs(plate.error_rad))
    # 40 degrees at 1 degree/s: two ticks of lag are 0.2 degrees, the rest is trim noise.
    assert math.degrees(worst) < 1.0
    # 0.06 degrees of deadband: at every tick at most.
    assert plate.moves <= 520


def test_a_plate_at_rest_within_its_deadband_is_left_alone() -> None:
    plate = Plate(offset_rad=0.0)
    plate.clicks_per_s = 0.0
    plate.run(5.0)
    moves = plate.moves
    plate.run(5.0, frame_rate_rad_s=2e-5)
    assert plate.moves == moves


def test_a_stuck_plate_does_not_spoil_the_trim() -> None:
    """The clicks then show where the plate stands, which is known, and not what is unknown."""
    plate = Plate()
    plate.run(20.0)
    trim = plate.command.trim_rad
    plate.stuck = True
    plate.run(30.0, math.radians(0.5))
    assert abs(math.degrees(plate.error_rad)) > 10.0
    assert plate.command.trim_rad == pytest.approx(trim, abs=math.radians(0.3))
    plate.stuck = False
    plate.run(1.0)
    assert abs(math.degrees(plate.error_rad)) < 1.0


def test_a_silent_plate_stops_the_trim_and_an_unknown_one_is_not_moved() -> None:
    plate = Plate()
    plate.run(20.0)
    plate.silent = True
    plate.run(PLATE_MAX_AGE_S + 0.2)
    trim = plate.command.trim_rad
    # Turned by hand meanwhile.
    plate.offset_rad += math.radians(10.0)
    plate.run(10.0)
    assert plate.command.trim_rad == trim
    unknown = Plate()
    unknown.silent, unknown.plate_t_ns = True, 0
    unknown.run(5.0)
    assert not unknown.command.move
    assert unknown.command.trim_rad == 0.0


def test_a_busy_plate_is_not_told_to_move_again() -> None:
    counts = np.zeros(16)
    sample = PolarizationSample(START_NS, 1, 0.5, START_NS, 0.0, 1, counts)
    assert not step(CONFIG, PolarizationState(), sample, DT_S)[1].move
    assert step(CONFIG, PolarizationState(), sample._replace(plate_moving=0), DT_S)[1].move


def test_without_prediction_the_last_target_stands() -> None:
    plate = Plate()
    plate.run(5.0)
    sample = PolarizationSample(plate.t_ns, 0, 0.0, plate.t_ns, 0.0, 0, plate.counts)
    state, command = step(CONFIG, plate.state, sample, DT_S)
    assert command.plate_target_rad == plate.command.plate_target_rad
    assert not command.move
    assert state.trim_rad == command.trim_rad == plate.command.trim_rad


@settings(deadline=None)
@given(st.floats(-2.0, 2.0), st.floats(0.0, 6.28), st.floats(-2.0, 2.0))
def test_the_plate_takes_the_nearest_of_its_equivalent_angles(
    frame_rad: float, plate_rad: float, trim_rad: float
) -> None:
    """Never more than 45 degrees away, and always one that undoes the rotation."""
    sample = PolarizationSample(START_NS, 1, frame_rad, START_NS, plate_rad, 0, np.zeros(16))
    state = PolarizationState(trim_rad=trim_rad)
    _, command = step(CONFIG, state, sample, DT_S)
    target = command.plate_target_rad
    assert 0.0 <= target <= 2.0 * math.pi
    assert abs(math.remainder(target - plate_rad, 2.0 * math.pi)) <= math.pi / 4 + 1e-12
    left = math.remainder(frame_rad + trim_rad - 2.0 * target, math.pi)
    assert left == pytest.approx(0.0, abs=1e-12)
