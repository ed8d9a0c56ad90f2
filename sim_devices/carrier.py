"""What carries the terminal, and its constant unknown errors: path, attitude, mounting.

All of it follows from scenario and seed, so an emulator in another process has the same carrier.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from config.scenario import Scenario
from sim_devices.attitude import BodyAttitude
from sim_devices.gimbal_mechanics import GimbalMechanics
from sim_devices.navigation_source import NavigationSource
from sim_devices.randomness import stream
from sim_devices.receiver_optics import PlateErrors
from sim_devices.track import TruePath

Array = NDArray[np.float64]

GRID_HZ = 100
"""Rate of the slow physics; the fine loop's rate must be a multiple."""

ARM_STEP_S = 1e-3
"""Of the difference that gives the velocity of the lever arm's end."""

PARKED_YAW_RAD, PARKED_PITCH_RAD = 0.0, 0.3


class Draws(NamedTuple):
    """The constant errors of this world, drawn once."""

    mounting_rad: Array
    gyro_bias_rad_s: tuple[float, float]
    boresight_rad: tuple[float, float]
    plate: PlateErrors
    retarder_factor: float
    """True retardance over that of the calibration."""
    reference_rad: float
    clock_offset_s: float
    oscillator_offset: float
    channel_delay_s: tuple[float, float, float, float]
    track_m: tuple[float, float, float]
    time_bias_s: float


def _draw(scenario: Scenario, seed: int) -> Draws:
    """Each from a stream of its own, so that one scenario's errors stay when another is added."""
    w = scenario.world

    def normal(name: str, sigma: float, n: int = 1) -> list[float]:
        return [float(v) for v in sigma * stream(seed, name).normal(size=n)]

    gyro = normal("gyro_bias", w.gimbal.gyro_bias_rad_s, 2)
    boresight = normal("boresight", w.beacon.boresight_error_rad, 2)
    calibrated_x, calibrated_y = scenario.terminal.optics.boresight_rad
    track = normal("track", w.platform.track_error_m, 3)
    h, v, d, a = normal("channel_delay", w.detectors.channel_delay_s, 4)
    return Draws(
        mounting_rad=np.array(normal("mounting", w.gimbal.mounting_error_rad, 3)),
        gyro_bias_rad_s=(gyro[0], gyro[1]),
        # The terminal knows it as calibrated.
        boresight_rad=(calibrated_x + boresight[0], calibrated_y + boresight[1]),
        plate=PlateErrors.drawn(w.polarization, seed),
        retarder_factor=1.0 + normal("retarder", w.polarization.retarder_error)[0],
        reference_rad=normal("reference", w.partner.reference_axis_error_rad)[0],
        clock_offset_s=normal("sender_clock", w.partner.clock_offset_s)[0],
        oscillator_offset=normal("oscillator_offset", w.detectors.oscillator_offset)[0],
        channel_delay_s=(h, v, d, a),
        track_m=(track[0], track[1], track[2]),
        time_bias_s=normal("time_bias", w.partner.time_bias_s)[0],
    )


def _rotation(rotation_vector_rad: Array) -> Array:
    """(3, 3) matrix of a rotation vector (Rodrigues)."""
    angle = float(np.linalg.norm(rotation_vector_rad))
    if angle == 0.0:
        return np.eye(3)
    x, y, z = rotation_vector_rad / angle
    k = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.asarray(np.eye(3) + math.sin(angle) * k + (1 - math.cos(angle)) * k @ k)


def _matrix(q: tuple[float, float, float, float]) -> Array:
    """(3, 3) a <- b of a unit quaternion q_a_from_b, scalar first."""
    w, x, y, z = q
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )


class Carrier:
    """The terminal's platform in this world."""

    def __init__(self, scenario: Scenario, seed: int) -> None:
        self.scenario, self._seed = scenario, seed
        platform = scenario.world.platform
        self.draws = _draw(scenario, seed)
        self.path = TruePath(scenario.mission.track, self.draws.track_m)
        self.attitude = BodyAttitude(
            platform.sway_rad, platform.sway_period_s, self.path.course_rad, stream(seed, "sway")
        )
        surveyed = _rotation(np.array(scenario.terminal.mounting.rotation_vector_rad))
        self._arm_m = np.array(scenario.terminal.mounting.lever_arm_m)
        self._gimbal_from_body = (surveyed @ _rotation(self.draws.mounting_rad)).T
        self._rows_gimbal_from_body = self._gimbal_from_body.tolist()

    def position_ecef_m(self, t_s: Array) -> Array:
        """(n, 3) of the gimbal's centre: the navigation unit's place and the lever arm."""
        reference_m = self.path.position_ecef_m(t_s)
        return reference_m + self._arm_ecef_m(t_s) if np.any(self._arm_m) else reference_m

    def velocity_ecef_m_s(self, t_s: Array) -> Array:
        """(n, 3) of the gimbal's centre, relative to the turning Earth."""
        reference_m_s = self.path.velocity_ecef_m_s(t_s)
        if not np.any(self._arm_m):
            return reference_m_s
        moved_m = self._arm_ecef_m(t_s + ARM_STEP_S) - self._arm_ecef_m(t_s - ARM_STEP_S)
        return reference_m_s + moved_m / (2.0 * ARM_STEP_S)

    def _arm_ecef_m(self, t_s: Array) -> Array:
        """(n, 3) from the navigation unit to the gimbal's centre."""
        arm_ned = [_matrix(self.attitude.q_ned_from_body(t)) @ self._arm_m for t in t_s.tolist()]
        return np.asarray(np.einsum("nij,ni->nj", self.path.ned_axes(t_s), np.array(arm_ned)))

    def gimbal_from_ned(self, t_s: Array) -> Array:
        """(n, 3, 3) into the gimbal's true base: body attitude, then the true mounting."""
        return np.array(
            [
                self._gimbal_from_body @ _matrix(self.attitude.q_ned_from_body(t)).T
                for t in t_s.tolist()
            ]
        )

    def base_rate_rad_s(self, t_s: float) -> tuple[float, float, float]:
        """Angular rate of the gimbal's base in its own axes, against the local level."""
        p, q, r = self.attitude.rate_body_rad_s(t_s)
        x, y, z = self._rows_gimbal_from_body
        return (
            x[0] * p + x[1] * q + x[2] * r,
            y[0] * p + y[1] * q + y[2] * r,
            z[0] * p + z[1] * q + z[2] * r,
        )

    def gimbal_mechanics(self, start_tai_ns: int) -> GimbalMechanics:
        """The gimbal on this carrier, parked."""
        return GimbalMechanics(
            self.scenario.world.gimbal,
            self.base_rate_rad_s,
            1.0 / GRID_HZ,
            start_tai_ns,
            self.draws.gyro_bias_rad_s,
            PARKED_YAW_RAD,
            PARKED_PITCH_RAD,
        )

    def navigation_source(self, start_tai_ns: int) -> NavigationSource:
        """What this carrier's navigation unit reports."""
        return NavigationSource(
            self.scenario.world.navigation,
            self.path,
            self.attitude,
            start_tai_ns,
            stream(self._seed, "navigation"),
            self.scenario.world.faults,
        )
