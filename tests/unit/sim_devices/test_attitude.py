"""True attitude: scipy's rotations and finite differences are the referees."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from sim_devices.attitude import BodyAttitude


def attitude(sway_rad: float = 0.05, turn_rate_rad_s: float = 0.02, seed: int = 1) -> BodyAttitude:
    return BodyAttitude(
        sway_rad, 6.0, lambda t_s: 1.2 + turn_rate_rad_s * t_s, np.random.default_rng(seed)
    )


def rotation(body: BodyAttitude, t_s: float) -> Rotation:
    return Rotation.from_quat(body.q_ned_from_body(t_s), scalar_first=True)


cases = st.builds(
    attitude, st.floats(0, 0.5), st.floats(-0.5, 0.5), st.integers(min_value=0, max_value=2**32)
)
times = st.floats(-10, 1000)


@settings(deadline=None)
@given(cases, times)
def test_quaternion_is_yaw_then_pitch_then_roll(body: BodyAttitude, t_s: float) -> None:
    q = body.q_ned_from_body(t_s)
    assert math.hypot(*q) == pytest.approx(1.0, abs=1e-15)
    expected = Rotation.from_euler("ZYX", body.yaw_pitch_roll_rad(t_s))
    assert (rotation(body, t_s) * expected.inv()).magnitude() < 1e-14


@settings(deadline=None)
@given(cases, times)
def test_rate_is_the_derivative_of_the_attitude(body: BodyAttitude, t_s: float) -> None:
    # Body rate: rotation vector from the attitude just before to the one just after, in body axes.
    def difference(h: float) -> np.ndarray:
        turn = rotation(body, t_s - h).inv() * rotation(body, t_s + h)
        return turn.as_rotvec() / (2.0 * h)

    h = 1e-3
    # Richardson's extrapolation takes out the error of order h^2 and leaves 1e-11. The phases of
    # up to 3000 rad are rounded to 2.3e-13, which over h is 2.3e-10 for a yaw of up to 1 rad.
    derivative = (4.0 * difference(h) - difference(2.0 * h)) / 3.0
    assert body.rate_body_rad_s(t_s) == pytest.approx(derivative, abs=1e-9)


def test_axes_and_signs() -> None:
    still = BodyAttitude(0.0, 5.0, lambda t_s: math.radians(90.0), np.random.default_rng(1))
    forward, right, down = rotation(still, 3.0).as_matrix().T
    # Heading east: forward is east, right is south, down stays down.
    assert forward == pytest.approx([0, 1, 0], abs=1e-15)
    assert right == pytest.approx([-1, 0, 0], abs=1e-15)
    assert down == pytest.approx([0, 0, 1], abs=1e-15)
    assert still.rate_body_rad_s(3.0) == (0.0, 0.0, 0.0)


def test_without_sway_it_turns_with_the_course_about_down() -> None:
    body = attitude(sway_rad=0.0, turn_rate_rad_s=0.3)
    assert body.rate_body_rad_s(7.0) == pytest.approx((0.0, 0.0, 0.3), abs=1e-15)
    assert body.yaw_pitch_roll_rad(7.0) == pytest.approx((1.2 + 0.3 * 7.0, 0.0, 0.0), abs=1e-14)


def test_sway_fills_its_amplitude_and_never_exceeds_it() -> None:
    body = attitude(sway_rad=0.05, turn_rate_rad_s=0.0)
    angles = np.array([body.yaw_pitch_roll_rad(t) for t in np.arange(0.0, 2000.0, 0.05).tolist()])
    swing = np.abs(angles - [1.2, 0.0, 0.0])
    bound = np.array([0.1, 0.05, 0.05])
    assert np.all(swing.max(axis=0) <= bound)
    # Three incommensurate phases come close to any combination in 300 periods.
    assert np.all(swing.max(axis=0) > 0.97 * bound)
    # Mean square of sinusoids with shares 0.5, 0.3, 0.2 of the amplitude: (0.25 + 0.09 + 0.04) / 2.
    rms = np.sqrt(np.mean(swing**2, axis=0))
    assert rms == pytest.approx(bound * math.sqrt(0.19), rel=0.01)


def test_the_seed_decides() -> None:
    assert attitude(seed=3).q_ned_from_body(5.0) == attitude(seed=3).q_ned_from_body(5.0)
    assert attitude(seed=3).q_ned_from_body(5.0) != attitude(seed=4).q_ned_from_body(5.0)
    assert all(type(v) is float for v in attitude().q_ned_from_body(5.0))
    assert all(type(v) is float for v in attitude().rate_body_rad_s(5.0))
