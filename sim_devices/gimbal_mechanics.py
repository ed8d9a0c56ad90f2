"""The stabilised gimbal on its moving base, on the world's slow grid.

Rate commands are inertial: the gimbal's own gyros hold the payload still in space, so the joints
turn against the base. Joint angles are relative to the base's true (not surveyed) mounting: yaw,
roll, pitch from the base outward. Rates are inertial up to the gyro bias, in which the Earth's
rotation (73 urad/s) is included.
"""

import math
from collections.abc import Callable

from config.world import GimbalTruth
from sim_devices.optical_axes import Vec, axes

SMALLEST_LEVER = 0.02
"""The board gives up multiplying the yaw rate nearer than this to where yaw moves nothing."""


class GimbalMechanics:
    """Joint kinematics with first-order rate lag; one grid step ahead, so that the fast plant can
    interpolate between where the joints are and where they will be.

    base_rate_rad_s: angular rate of the base in its own axes, by seconds since the start.
    gyro_bias_rad_s: about yaw and pitch axis; roll_bias_rad_s: about the roll axis.
    """

    def __init__(
        self,
        truth: GimbalTruth,
        base_rate_rad_s: Callable[[float], Vec],
        step_s: float,
        start_tai_ns: int,
        gyro_bias_rad_s: tuple[float, float],
        yaw_rad: float,
        pitch_rad: float,
        roll_bias_rad_s: float = 0.0,
    ) -> None:
        self._truth = truth
        self._base_rate_rad_s = base_rate_rad_s
        self._step_s = step_s
        self._step_ns = round(step_s * 1e9)
        self._start_tai_ns = start_tai_ns
        # Triples are of yaw, pitch, roll.
        self._bias = (*gyro_bias_rad_s, roll_bias_rad_s)
        self._stops = (
            (-truth.yaw_limit_rad, truth.yaw_limit_rad),
            (truth.pitch_min_rad, truth.pitch_max_rad),
            (-truth.roll_limit_rad, truth.roll_limit_rad),
        )
        self._index = 0
        self._command = (0.0, 0.0, 0.0)
        self._drives_roll = False
        self._rate = (0.0, 0.0, 0.0)
        self._motors = False
        self.stuck = False
        self._now = (yaw_rad, pitch_rad, 0.0)
        self._next = self._now
        self.yaw_rad, self.pitch_rad, self.roll_rad = self._now
        self.yaw_rate_rad_s = self.pitch_rate_rad_s = self.roll_rate_rad_s = 0.0

    @property
    def joint_rates_rad_s(self) -> tuple[float, float, float]:
        """(yaw, pitch, roll) rates of the joints against the base, over the present grid step."""
        yaw, pitch, roll = (
            (after - before) / self._step_s
            for before, after in zip(self._now, self._next, strict=True)
        )
        return yaw, pitch, roll

    def command_rate(
        self, yaw_rad_s: float, pitch_rad_s: float, roll_rad_s: float | None = None
    ) -> None:
        """Inertial rates about the axes. Roll None: the roll joint is not driven, and stands."""
        limit = self._truth.max_rate_rad_s
        self._drives_roll = roll_rad_s is not None
        self._command = (
            max(-limit, min(limit, yaw_rad_s)),
            max(-limit, min(limit, pitch_rad_s)),
            max(-limit, min(limit, roll_rad_s or 0.0)),
        )

    def motors(self, on: bool) -> None:
        self._motors = on

    def advance(self, t_ns: int) -> None:
        """Set the readable joint angles to those at `t_ns`."""
        # In whole nanoseconds: rounding must not reach the next grid point too early.
        elapsed_ns = t_ns - self._start_tai_ns
        self.joints_at(-(-elapsed_ns // self._step_ns))
        fraction = elapsed_ns / self._step_ns - (self._index - 1)
        self.yaw_rad, self.pitch_rad, self.roll_rad = (
            before + fraction * (after - before)
            for before, after in zip(self._now, self._next, strict=True)
        )
        self.yaw_rate_rad_s, self.pitch_rate_rad_s, self.roll_rate_rad_s = self._rate

    def joints_at(self, index: int) -> tuple[float, float, float]:
        """(yaw, pitch, roll) at grid point `index`; steps there if it is not reached yet."""
        while self._index < index:
            self._step()
        return self._next if index == self._index else self._now

    def _step(self) -> None:
        dt = self._step_s
        self._now = self._next
        mid_s = (self._index + 0.5) * dt
        self._index += 1
        if self.stuck or not self._motors:
            self._rate = (0.0, 0.0, 0.0)
            return
        lag = 1.0 - math.exp(-dt / self._truth.rate_lag_s)
        reach = self._truth.max_acceleration_rad_s2 * dt
        base = self._base_rate_rad_s(mid_s)
        turn = _payload_turn if self._drives_roll else _boresight_turn
        carried = turn(base, self._now)
        rates, joints = [0.0, 0.0, 0.0], list(self._now)
        for axis in range(3 if self._drives_roll else 2):
            rate = self._rate[axis]
            change = (self._command[axis] - rate) * lag
            after = rate + max(-reach, min(reach, change))
            inertial = 0.5 * (rate + after) + self._bias[axis]
            free = joints[axis] + (inertial - carried[axis]) * dt
            low, high = self._stops[axis]
            joints[axis] = max(low, min(high, free))
            # At a stop the axis comes to rest, and starts from rest when it is sent away.
            rates[axis] = after if joints[axis] == free else 0.0
        self._rate = (rates[0], rates[1], rates[2])
        self._next = (joints[0], joints[1], joints[2])


def _payload_turn(base: Vec, joints: Vec) -> Vec:
    """Rates of (yaw, pitch, roll) with which a base that turns at `base` carries the payload.

    The joints turn it about z by yaw, about the yawed x by roll, about the rolled y by pitch: with
    the base's rate (a, b, c) in the yawed axes, those three directions make
    (a, b, c) = yaw z + roll x + pitch (cos(roll) y + sin(roll) z).
    """
    yaw, _, roll = joints
    cy, sy = math.cos(yaw), math.sin(yaw)
    a, b, c = cy * base[0] + sy * base[1], cy * base[1] - sy * base[0], base[2]
    pitch_rate = b / math.cos(roll)
    return c - pitch_rate * math.sin(roll), pitch_rate, a


def _boresight_turn(base: Vec, joints: Vec) -> Vec:
    """The same for a boresight that yaw and pitch alone hold; what turns the image is left."""
    _, pitch, roll = joints
    los, right, up = axes(*joints)
    p, q, r = base
    # d(los)/dt = w x los for a base that turns at w; its parts along up and right.
    moved = (q * los[2] - r * los[1], r * los[0] - p * los[2], p * los[1] - q * los[0])
    base_right = right[0] * moved[0] + right[1] * moved[1] + right[2] * moved[2]
    base_up = up[0] * moved[0] + up[1] * moved[1] + up[2] * moved[2]
    lever = math.cos(pitch) * math.cos(roll)
    yaw_rate = base_right / math.copysign(max(abs(lever), SMALLEST_LEVER), lever)
    return yaw_rate, base_up - math.sin(roll) * yaw_rate, 0.0
