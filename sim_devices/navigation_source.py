"""What the navigation unit reports: the truth with its errors."""

import math

import numpy as np

from config.world import Fault, NavigationError
from sim_devices.attitude import BodyAttitude
from sim_devices.navigation_vectornav import NavMeasurement
from sim_devices.track import TruePath

Quaternion = tuple[float, float, float, float]
EARTH_RADIUS_M = 6_371_000.0
"""Of a sphere: good enough for errors."""


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
    """Constant biases, an attitude that drifts as a random walk, and white noise on each sample.

    Faults whose kind begins with `navigation_` come at their time, but silence is the emulator's.
    """

    def __init__(
        self,
        error: NavigationError,
        path: TruePath,
        attitude: BodyAttitude,
        start_tai_ns: int,
        rng: np.random.Generator,
        faults: tuple[Fault, ...] = (),
    ) -> None:
        self._faults = faults
        self._thawed: NavMeasurement | None = None
        self._error = error
        self._path = path
        self._attitude = attitude
        self._start_tai_ns = start_tai_ns
        self._rng = rng
        self._position_bias_m: list[float] = (rng.normal(size=3) * error.position_bias_m).tolist()
        self._attitude_error_rad: list[float] = (
            rng.normal(size=3) * error.attitude_bias_rad
        ).tolist()
        self._last_s = 0.0

    def measure(self, t_ns: int) -> NavMeasurement:
        """The unit's solution for time t."""
        t_s = (t_ns - self._start_tai_ns) * 1e-9
        kinds = {f.kind for f in self._faults if f.at_s <= t_s < f.at_s + f.duration_s}
        overconfident = "navigation_overconfident" in kinds
        told = self._solve(t_ns, t_s, self._error.overconfident_noise if overconfident else 1.0)
        if overconfident:
            told = told._replace(
                attitude_sigma_rad=told.attitude_sigma_rad / self._error.overconfidence,
                position_sigma_m=told.position_sigma_m / self._error.overconfidence,
            )
        if "navigation_jump" in kinds:
            turn = self._error.jump_rad
            told = told._replace(
                latitude_rad=told.latitude_rad + self._error.jump_m / EARTH_RADIUS_M,
                q_ned_from_body=small_rotation(told.q_ned_from_body, turn, turn, turn),
            )
        if "navigation_freeze" not in kinds or self._thawed is None:
            self._thawed = told
        told = self._thawed
        if "navigation_time_back" in kinds:
            t_ns -= round(self._error.time_back_s * 1e9)
        return told._replace(t_ns=t_ns)

    def _solve(self, t_ns: int, t_s: float, noisier: float) -> NavMeasurement:
        """Truth, biases and noise."""
        e, rng = self._error, self._rng
        step_s = max(0.0, t_s - self._last_s)
        self._last_s = t_s
        drift = e.attitude_drift_rad_per_sqrt_s * math.sqrt(step_s)
        draws: list[float] = rng.normal(size=12).tolist()
        self._attitude_error_rad = [
            error + drift * draw
            for error, draw in zip(self._attitude_error_rad, draws[:3], strict=True)
        ]
        rx, ry, rz = (
            error + noisier * e.attitude_noise_rad * draw
            for error, draw in zip(self._attitude_error_rad, draws[3:6], strict=True)
        )
        latitude, longitude, altitude = self._path.geodetic(t_s)
        north, east, up = (
            bias + noisier * e.position_noise_m * draw
            for bias, draw in zip(self._position_bias_m, draws[6:9], strict=True)
        )
        vn, ve, vd = self._path.velocity_ned_m_s(t_s)
        noise_m_s = noisier * e.velocity_noise_m_s
        return NavMeasurement(
            t_ns=t_ns,
            latitude_rad=latitude + north / EARTH_RADIUS_M,
            longitude_rad=longitude + east / (EARTH_RADIUS_M * math.cos(latitude)),
            altitude_m=altitude + up,
            velocity_ned_m_s=(
                vn + noise_m_s * draws[9],
                ve + noise_m_s * draws[10],
                vd + noise_m_s * draws[11],
            ),
            q_ned_from_body=small_rotation(self._attitude.q_ned_from_body(t_s), rx, ry, rz),
            attitude_sigma_rad=e.attitude_bias_rad,
            position_sigma_m=e.position_bias_m,
        )
