"""What the navigation unit reports: the truth with its errors."""

import math

import numpy as np

from config.world import NavigationError
from sim_devices.attitude import BodyAttitude
from sim_devices.navigation_vectornav import NavMeasurement
from sim_devices.track import TruePath

Quaternion = tuple[float, float, float, float]


def small_rotation(q: Quaternion, rx: float, ry: float, rz: float) -> Quaternion:
    """q followed by a small rotation (rad) about its own axes, to second order, normalised."""
    w, x, y, z = q
    a, b, c = 0.5 * rx, 0.5 * ry, 0.5 * rz
    s = 1.0 - 0.5 * (a * a + b * b + c * c)
    out = (
        w * s - x * a - y * b - z * c,
        w * a + x * s + y * c - z * b,
        w * b - x * c + y * s + z * a,
        w * c + x * b - y * a + z * s,
    )
    norm = math.sqrt(sum(v * v for v in out))
    return out[0] / norm, out[1] / norm, out[2] / norm, out[3] / norm


class NavigationSource:
    """Constant biases, an attitude that drifts as a random walk, and white noise on each sample."""

    def __init__(
        self,
        error: NavigationError,
        path: TruePath,
        attitude: BodyAttitude,
        start_tai_ns: int,
        rng: np.random.Generator,
    ) -> None:
        self._error = error
        self._path = path
        self._attitude = attitude
        self._start_tai_ns = start_tai_ns
        self._rng = rng
        self._position_bias_m = rng.normal(size=3) * error.position_bias_m
        self._attitude_error_rad = rng.normal(size=3) * error.attitude_bias_rad
        self._last_s = 0.0

    def measure(self, t_ns: int) -> NavMeasurement:
        """The unit's solution for time t."""
        e, rng = self._error, self._rng
        t_s = (t_ns - self._start_tai_ns) * 1e-9
        step_s = max(0.0, t_s - self._last_s)
        self._last_s = t_s
        drift = e.attitude_drift_rad_per_sqrt_s * math.sqrt(step_s)
        self._attitude_error_rad = self._attitude_error_rad + drift * rng.normal(size=3)
        rotation = self._attitude_error_rad + e.attitude_noise_rad * rng.normal(size=3)
        latitude, longitude, altitude = self._path.geodetic(t_s)
        north, east, up = self._position_bias_m + e.position_noise_m * rng.normal(size=3)
        radius = 6_371_000.0
        noise = e.velocity_noise_m_s * rng.normal(size=3)
        velocity = self._path.velocity_ned_m_s(t_s)
        return NavMeasurement(
            t_ns=t_ns,
            latitude_rad=latitude + north / radius,
            longitude_rad=longitude + east / (radius * math.cos(latitude)),
            altitude_m=altitude + up,
            velocity_ned_m_s=(
                velocity[0] + float(noise[0]),
                velocity[1] + float(noise[1]),
                velocity[2] + float(noise[2]),
            ),
            q_ned_from_body=small_rotation(
                self._attitude.q_ned_from_body(t_s), *(float(v) for v in rotation)
            ),
            attitude_sigma_rad=e.attitude_bias_rad,
            position_sigma_m=e.position_bias_m,
        )
