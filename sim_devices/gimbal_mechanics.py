"""The stabilised gimbal on its moving base, on the world's slow grid.

Rate commands are inertial: the gimbal's own gyros hold the payload still in space, so the joints
turn against the base. Joint angles are relative to the base's true (not surveyed) mounting.
Rates are inertial up to the gyro bias, in which the Earth's rotation (73 urad/s) is included.
"""

import math
from collections.abc import Callable

from config.world import GimbalTruth


class GimbalMechanics:
    """Joint kinematics with first-order rate lag; one grid step ahead, so that the fast plant can
    interpolate between where the joints are and where they will be.

    base_rate_rad_s: angular rate of the base in its own axes, by seconds since the start.
    """

    def __init__(
        self,
        truth: GimbalTruth,
        base_rate_rad_s: Callable[[float], tuple[float, float, float]],
        step_s: float,
        start_tai_ns: int,
        gyro_bias_rad_s: tuple[float, float],
        yaw_rad: float,
        pitch_rad: float,
    ) -> None:
        self._truth = truth
        self._base_rate_rad_s = base_rate_rad_s
        self._step_s = step_s
        self._step_ns = round(step_s * 1e9)
        self._start_tai_ns = start_tai_ns
        self._bias = gyro_bias_rad_s
        self._index = 0
        self._command = (0.0, 0.0)
        self._rate = (0.0, 0.0)
        self._motors = False
        self.stuck = False
        self._now = (yaw_rad, pitch_rad)
        self._next = (yaw_rad, pitch_rad)
        self.yaw_rad, self.pitch_rad = yaw_rad, pitch_rad
        self.yaw_rate_rad_s = self.pitch_rate_rad_s = 0.0

    @property
    def joint_rates_rad_s(self) -> tuple[float, float]:
        """(yaw, pitch) rates of the joints against the base, over the present grid step."""
        return (
            (self._next[0] - self._now[0]) / self._step_s,
            (self._next[1] - self._now[1]) / self._step_s,
        )

    def command_rate(self, yaw_rad_s: float, pitch_rad_s: float) -> None:
        """Inertial rates about the yaw and the pitch axis."""
        limit = self._truth.max_rate_rad_s
        self._command = (
            max(-limit, min(limit, yaw_rad_s)),
            max(-limit, min(limit, pitch_rad_s)),
        )

    def motors(self, on: bool) -> None:
        self._motors = on

    def advance(self, t_ns: int) -> None:
        """Set the readable joint angles to those at `t_ns`."""
        # In whole nanoseconds: rounding must not reach the next grid point too early.
        elapsed_ns = t_ns - self._start_tai_ns
        self.joints_at(-(-elapsed_ns // self._step_ns))
        fraction = elapsed_ns / self._step_ns - (self._index - 1)
        self.yaw_rad = self._now[0] + fraction * (self._next[0] - self._now[0])
        self.pitch_rad = self._now[1] + fraction * (self._next[1] - self._now[1])
        self.yaw_rate_rad_s, self.pitch_rate_rad_s = self._rate

    def joints_at(self, index: int) -> tuple[float, float]:
        """(yaw, pitch) at grid point `index`; steps there if it is not reached yet."""
        while self._index < index:
            self._step()
        return self._next if index == self._index else self._now

    def _step(self) -> None:
        dt = self._step_s
        self._now = self._next
        mid_s = (self._index + 0.5) * dt
        self._index += 1
        if self.stuck or not self._motors:
            self._rate = (0.0, 0.0)
            return
        lag = 1.0 - math.exp(-dt / self._truth.rate_lag_s)
        reach = self._truth.max_acceleration_rad_s2 * dt
        rates = []
        for command, rate in zip(self._command, self._rate, strict=True):
            change = (command - rate) * lag
            rates.append(rate + max(-reach, min(reach, change)))
        yaw_rate = 0.5 * (self._rate[0] + rates[0]) + self._bias[0]
        pitch_rate = 0.5 * (self._rate[1] + rates[1]) + self._bias[1]
        self._rate = (rates[0], rates[1])
        # The base turns under the payload: its rate about the pitch axis and about the axis that
        # is up in the image has to be turned away by the joints.
        yaw, pitch = self._now
        p, q, r = self._base_rate_rad_s(mid_s)
        cy, sy, cp, sp = math.cos(yaw), math.sin(yaw), math.cos(pitch), math.sin(pitch)
        # d(los)/dt = w x los for a base that turns at w; its parts along up and right.
        los = (cp * cy, cp * sy, -sp)
        moved = (q * los[2] - r * los[1], r * los[0] - p * los[2], p * los[1] - q * los[0])
        base_right = -sy * moved[0] + cy * moved[1]
        base_up = -sp * cy * moved[0] - sp * sy * moved[1] - cp * moved[2]
        cos_pitch = max(cp, 0.02)
        self._next = (
            yaw + (yaw_rate - base_right / cos_pitch) * dt,
            pitch + (pitch_rate - base_up) * dt,
        )
