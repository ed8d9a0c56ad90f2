"""What the navigation unit reports: the statistics of its errors against the truth."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs
from scipy.spatial.transform import Rotation

from config.mission import Track
from config.world import NavigationError
from sim_devices.attitude import BodyAttitude
from sim_devices.navigation_source import NavigationSource, small_rotation
from sim_devices.track import TruePath

START_NS = 1_700_000_000_000_000_000
PATH = TruePath(Track(35.66, 139.68, 20_000.0, 25.0, 90.0, 3000.0))
ATTITUDE = BodyAttitude(8e-3, 25.0, PATH.course_rad, np.random.default_rng(1))
PERFECT = NavigationError(
    position_bias_m=0.0,
    position_noise_m=0.0,
    velocity_noise_m_s=0.0,
    attitude_bias_rad=0.0,
    attitude_drift_rad_per_sqrt_s=0.0,
    attitude_noise_rad=0.0,
    latency_s=0.0,
)


def source(seed: int = 1, **errors: float) -> NavigationSource:
    return NavigationSource(
        structs.replace(PERFECT, **errors), PATH, ATTITUDE, START_NS, np.random.default_rng(seed)
    )


def attitude_error_rad(unit: NavigationSource, t_s: float) -> np.ndarray:
    """Rotation vector from the true to the reported attitude, in body axes."""
    told = unit.measure(START_NS + round(t_s * 1e9))
    true = Rotation.from_quat(ATTITUDE.q_ned_from_body(t_s), scalar_first=True)
    return (true.inv() * Rotation.from_quat(told.q_ned_from_body, scalar_first=True)).as_rotvec()


def position_error_m(unit: NavigationSource, t_s: float) -> np.ndarray:
    """(north, east, down)."""
    told = unit.measure(START_NS + round(t_s * 1e9))
    place = TruePath(
        Track(
            math.degrees(told.latitude_rad), math.degrees(told.longitude_rad), told.altitude_m,
            0.0, 0.0, 0.0,
        )
    )  # fmt: skip
    at, zero = np.array([t_s]), np.zeros(1)
    off = place.position_ecef_m(zero)[0] - PATH.position_ecef_m(at)[0]
    return PATH.ned_axes(at)[0] @ off


def test_a_perfect_unit_tells_the_truth() -> None:
    unit = source()
    for t_s in (0.0, 1.25, 77.0):
        told = unit.measure(START_NS + round(t_s * 1e9))
        assert told.t_ns == START_NS + round(t_s * 1e9)
        assert (told.latitude_rad, told.longitude_rad, told.altitude_m) == PATH.geodetic(t_s)
        assert told.velocity_ned_m_s == PATH.velocity_ned_m_s(t_s)
        assert told.q_ned_from_body == pytest.approx(ATTITUDE.q_ned_from_body(t_s), abs=1e-15)


@settings(deadline=None)
@given(st.tuples(*[st.floats(-0.02, 0.02)] * 3), st.integers(0, 2**32))
def test_small_rotations_are_about_the_bodys_own_axes(
    turn: tuple[float, float, float], seed: int
) -> None:
    q = Rotation.random(random_state=np.random.default_rng(seed))
    w, x, y, z = q.as_quat(scalar_first=True).tolist()
    turned = Rotation.from_quat(small_rotation((w, x, y, z), *turn), scalar_first=True)
    # Second order: the third is (angle / 2)^3 / 3 twice over, and comes to 4e-6 at most here.
    expected = q * Rotation.from_rotvec(turn)
    assert (expected.inv() * turned).magnitude() < math.hypot(*turn) ** 3 / 6 + 1e-14


def test_biases_are_constant_and_of_their_size() -> None:
    biases = []
    for seed in range(300):
        unit = source(seed, position_bias_m=2.0, attitude_bias_rad=2e-3)
        first = [*position_error_m(unit, 0.0), *attitude_error_rad(unit, 0.5)]
        again = [*position_error_m(unit, 50.0), *attitude_error_rad(unit, 50.5)]
        # A spherical Earth stretches a bias by up to 0.5 %, and not by the same everywhere.
        assert again[:3] == pytest.approx(first[:3], abs=1e-3)
        assert again[3:] == pytest.approx(first[3:], abs=1e-8)
        biases.append(first)
    rms = np.sqrt(np.mean(np.square(biases), axis=0))
    # 300 draws: 4 % scatter each.
    assert rms == pytest.approx([2.0] * 3 + [2e-3] * 3, rel=0.17)


def test_noise_is_white_and_of_its_size() -> None:
    unit = source(position_noise_m=0.3, velocity_noise_m_s=0.03, attitude_noise_rad=50e-6)
    n = 2000
    position = np.array([position_error_m(unit, 0.02 * i) for i in range(n)])
    attitude = np.array([attitude_error_rad(unit, 50.0 + 0.02 * i) for i in range(n)])
    velocity = np.array(
        [
            np.subtract(
                unit.measure(START_NS + round((100.0 + 0.02 * i) * 1e9)).velocity_ned_m_s,
                PATH.velocity_ned_m_s(100.0 + 0.02 * i),
            )
            for i in range(n)
        ]
    )
    for errors, sigma in ((position, 0.3), (velocity, 0.03), (attitude, 50e-6)):
        # 2000 samples: the width to 1.6 %, the mean to 2.2 %, a correlation to 2.2 %.
        assert errors.std(axis=0) == pytest.approx(np.full(3, sigma), rel=0.07)
        assert np.abs(errors.mean(axis=0)).max() < 0.1 * sigma
        for axis in errors.T:
            assert abs(np.corrcoef(axis[1:], axis[:-1])[0, 1]) < 0.1


def test_attitude_drifts_as_a_random_walk() -> None:
    drift = 5e-6
    ends = []
    for seed in range(300):
        unit = source(seed, attitude_drift_rad_per_sqrt_s=drift)
        # The step between samples does not matter.
        for t_s in (0.02, 0.04, 1.0, 2.0, 16.0):
            end = attitude_error_rad(unit, t_s)
        ends.append(end)
    rms = np.sqrt(np.mean(np.square(ends)))
    assert rms == pytest.approx(drift * 4.0, rel=0.1)
