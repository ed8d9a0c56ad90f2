"""The attitude filter: its gains against the Riccati equation, its work against a true motion."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.linalg import solve_discrete_are
from scipy.spatial.transform import Rotation

from sim_devices.attitude import BodyAttitude
from terminal.control import attitude
from terminal.control.attitude import AttitudeState

RATE_HZ = 50
STEP_NS = 10**9 // RATE_HZ
LATE_S = 0.02
"""A fix is seen one tick after it was taken."""


def quaternion(rotation: Rotation) -> tuple[float, float, float, float]:
    w, x, y, z = rotation.as_quat(scalar_first=True).tolist()
    return w, x, y, z


def rotation(q: tuple[float, float, float, float]) -> Rotation:
    return Rotation.from_quat(q, scalar_first=True)


def filtered(fixes: list[Rotation]) -> AttitudeState:
    state = attitude.start(0, quaternion(fixes[0]))
    for k, fix in enumerate(fixes[1:], 1):
        state = attitude.update(state, k * STEP_NS, quaternion(fix))
    return state


@pytest.mark.parametrize("rate", [(0.0, 0.0, 0.0), (0.3, -0.2, 1.5), (0.0, 6.0, 0.0)])
def test_a_steady_turn_is_followed_to_rounding(rate: tuple[float, float, float]) -> None:
    start = Rotation.from_euler("ZYX", [2.0, 0.3, -1.0])
    fixes = [start * Rotation.from_rotvec(np.array(rate) * k / RATE_HZ) for k in range(100)]
    state = filtered(fixes)
    assert state.rate_body_rad_s == pytest.approx(rate, abs=1e-9)
    for ahead_s in (-0.1, 0.0, 0.3):
        true = start * Rotation.from_rotvec(np.array(rate) * (99 / RATE_HZ + ahead_s))
        assert (true.inv() * rotation(attitude.at(state, ahead_s))).magnitude() < 1e-9


@pytest.mark.parametrize("alpha", [0.2, 0.4, 0.7, 0.9])
def test_gains_and_drift_are_those_of_the_steady_kalman_filter(alpha: float) -> None:
    """For noise of power 1 and innovations of power 1 / (1 - alpha), which is what a Kalman filter
    of two states has whose acceleration is white from step to step."""
    surprise = 1.0 / (1.0 - alpha)
    found, beta = attitude._gains(1.0, surprise, 10**6)
    assert found == pytest.approx(alpha)
    acceleration = beta * math.sqrt(surprise)
    forward = np.array([[1.0, 1.0], [0.0, 1.0]])
    by = np.array([[0.5], [1.0]]) * acceleration
    seen = np.array([[1.0, 0.0]])
    before = solve_discrete_are(forward.T, seen.T, by @ by.T, np.eye(1))
    gain = before @ seen.T / (before[0, 0] + 1.0)
    assert gain[:, 0] == pytest.approx([alpha, beta], rel=1e-6)
    after = before - gain @ seen @ before
    state = attitude.start(0, (1.0, 0.0, 0.0, 0.0))._replace(
        fixes=10**6, step_s=1.0, noise_rad2=1.0, surprise_rad2=surprise
    )
    steps = 3.0
    expected = after[1, 1] * steps**2 + (0.5 * acceleration * steps**2) ** 2
    assert attitude.drift_rad(state, steps) ** 2 == pytest.approx(expected, rel=1e-6)


def errors_rad(
    sway_rad: float, period_s: float, turn_rad_s: float, noise_rad: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Per axis, (n, 3): of the last fix as it came, of the filter, and what the filter claims."""
    rng = np.random.default_rng(7)
    body = BodyAttitude(sway_rad, period_s, lambda t: 0.3 + turn_rad_s * t, rng)
    state: AttitudeState | None = None
    late, ahead, claimed = [], [], []
    for k in range(30 * RATE_HZ):
        noise = Rotation.from_rotvec(noise_rad * rng.normal(size=3))
        fix = quaternion(rotation(body.q_ned_from_body(k / RATE_HZ)) * noise)
        if state is None:
            state = attitude.start(0, fix)
        else:
            state = attitude.update(state, k * STEP_NS, fix)
        if k < RATE_HZ:
            continue
        inverse = rotation(body.q_ned_from_body(k / RATE_HZ + LATE_S)).inv()
        late.append((inverse * rotation(fix)).as_rotvec())
        ahead.append((inverse * rotation(attitude.at(state, LATE_S))).as_rotvec())
        claimed.append(math.hypot(attitude.noise_rad(state), attitude.drift_rad(state, LATE_S)))
    return np.array(late), np.array(ahead), np.array(claimed)


def rms(errors: NDArray[np.float64]) -> float:
    return float(np.sqrt(np.mean(np.square(errors))))


@pytest.mark.parametrize(
    ("sway_rad", "period_s", "turn_rad_s", "at_most"),
    [
        # A platform in a turn: as good as the fixes' own noise of 50 urad would be without delay,
        # and better, since it can be smoothed.
        (8e-3, 25.0, 8.3e-3, 0.30),
        # A drone: what is left is the acceleration over the 20 ms, and the noise of the rate.
        (30e-3, 4.0, 0.0, 0.15),
        (30e-3, 1.0, 0.0, 0.15),
        # At 3 Hz and more, 20 ms are a quarter of a radian of the motion: half of it stays.
        (8e-3, 0.3, 0.0, 0.50),
    ],
)
def test_latency_is_made_up_for(
    sway_rad: float, period_s: float, turn_rad_s: float, at_most: float
) -> None:
    """Measured (urad rms per axis, before and after): 114 and 29, 605 and 79, 2400 and 335, 2110
    and 940."""
    late, ahead, claimed = errors_rad(sway_rad, period_s, turn_rad_s, 50e-6)
    assert rms(ahead) < at_most * rms(late)
    # What it claims is what it is off, within its 5 sigma.
    assert (np.abs(ahead) < 5.0 * claimed[:, None]).all()


@pytest.mark.parametrize("noise_rad", [50e-6, 500e-6])
def test_noise_is_measured_and_smoothed(noise_rad: float) -> None:
    rng = np.random.default_rng(3)
    fixes = [Rotation.from_rotvec(noise_rad * rng.normal(size=3)) for _ in range(1500)]
    measured, off = [], []
    state = attitude.start(0, quaternion(fixes[0]))
    for k, fix in enumerate(fixes[1:], 1):
        state = attitude.update(state, k * STEP_NS, quaternion(fix))
        if k > 100:
            measured.append(state.noise_rad2)
            off.append(rotation(state.q_ned_from_body).as_rotvec())
    assert math.sqrt(np.mean(measured)) == pytest.approx(noise_rad, rel=0.1)
    # At the least alpha a filter leaves sqrt(alpha) of the noise in its steady state.
    assert rms(np.array(off)) < 0.7 * noise_rad


def test_after_a_gap_the_old_rate_does_not_count() -> None:
    turning = [Rotation.from_rotvec([0.0, 0.0, 0.02 * k]) for k in range(50)]
    state = filtered(turning)
    there = Rotation.from_rotvec([0.1, 0.2, 0.3])
    state = attitude.update(state, state.t_ns + 10**9, quaternion(there))
    assert rotation(state.q_ned_from_body).as_rotvec() == pytest.approx([0.1, 0.2, 0.3])
    assert state.rate_body_rad_s == (0.0, 0.0, 0.0)
    assert attitude.drift_rad(state, 0.1) == pytest.approx(0.1 * attitude.UNKNOWN_RATE_RAD_S)
