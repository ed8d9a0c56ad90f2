"""Gimbal mechanics on a base that does not move, for a gimbal emulator that stands alone."""

import math


class FreeGimbal:
    """Three independent axes: the rate follows its command with a first-order lag, within a limit.

    The base stands still, so inertial rates and joint rates are the same. Between calls the motion
    is exact: rate = c + (r - c) exp(-t/lag), angle its integral.
    """

    def __init__(self, *, rate_lag_s: float = 0.02, max_rate_rad_s: float = 0.5) -> None:
        self.yaw_rad = self.pitch_rad = self.roll_rad = 0.0
        self.yaw_rate_rad_s = self.pitch_rate_rad_s = self.roll_rate_rad_s = 0.0
        self._rate_lag_s = rate_lag_s
        self._max_rate_rad_s = max_rate_rad_s
        self._yaw_command_rad_s = self._pitch_command_rad_s = self._roll_command_rad_s = 0.0
        self._t_ns: int | None = None

    def advance(self, t_ns: int) -> None:
        """Move on to `t_ns`; a time that has passed already changes nothing."""
        if self._t_ns is None:
            self._t_ns = t_ns
        if t_ns <= self._t_ns:
            return
        dt_s = (t_ns - self._t_ns) * 1e-9
        self._t_ns = t_ns
        decay = math.exp(-dt_s / self._rate_lag_s)
        reach_s = self._rate_lag_s * (1.0 - decay)
        yaw, pitch, roll = (
            self._yaw_command_rad_s,
            self._pitch_command_rad_s,
            self._roll_command_rad_s,
        )
        yaw_excess = self.yaw_rate_rad_s - yaw
        pitch_excess = self.pitch_rate_rad_s - pitch
        roll_excess = self.roll_rate_rad_s - roll
        self.yaw_rad += yaw * dt_s + yaw_excess * reach_s
        self.pitch_rad += pitch * dt_s + pitch_excess * reach_s
        self.roll_rad += roll * dt_s + roll_excess * reach_s
        self.yaw_rate_rad_s = yaw + yaw_excess * decay
        self.pitch_rate_rad_s = pitch + pitch_excess * decay
        self.roll_rate_rad_s = roll + roll_excess * decay

    def command_rate(
        self, yaw_rad_s: float, pitch_rad_s: float, roll_rad_s: float | None = None
    ) -> None:
        """Rates to follow from now on. The board gives none but zero while its motors are off."""
        limit = self._max_rate_rad_s
        self._yaw_command_rad_s = max(-limit, min(limit, yaw_rad_s))
        self._pitch_command_rad_s = max(-limit, min(limit, pitch_rad_s))
        self._roll_command_rad_s = max(-limit, min(limit, roll_rad_s or 0.0))

    def motors(self, on: bool) -> None:
        """Off stops all axes at once."""
        if not on:
            self.command_rate(0.0, 0.0)
            self.yaw_rate_rad_s = self.pitch_rate_rad_s = self.roll_rate_rad_s = 0.0
