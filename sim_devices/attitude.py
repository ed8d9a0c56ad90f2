"""The true attitude of the carrier's body: it heads along its course and sways about it.

Roll, pitch and yaw are sums of three sinusoids whose periods never repeat together, so that the
motion looks irregular and still is a formula: attitude and rate at any time, in any order, without
integration. A bank in turns and a trim of pitch are left out.

Body axes are forward, right, down; angles are yaw, pitch, roll in this order (3-2-1) from the local
level frame north, east, down.
"""

from collections.abc import Callable
from math import cos, pi, sin, sqrt

import numpy as np

# Periods over the nominal one: their ratios are irrational. The shares of the amplitude sum to 1.
_PERIOD_FACTORS = (1.0, (1.0 + sqrt(5.0)) / 2.0, 1.0 / sqrt(3.0))
_AMPLITUDE_SHARES = (0.5, 0.3, 0.2)


class _Sway:
    """One angle: a sum of sinusoids with random phases, never beyond the amplitude."""

    def __init__(self, amplitude_rad: float, period_s: float, rng: np.random.Generator) -> None:
        phases: list[float] = rng.uniform(0.0, 2.0 * pi, size=len(_PERIOD_FACTORS)).tolist()
        self._terms = tuple(
            (amplitude_rad * share, 2.0 * pi / (period_s * factor), phase)
            for share, factor, phase in zip(_AMPLITUDE_SHARES, _PERIOD_FACTORS, phases, strict=True)
        )

    def angle_and_rate(self, t_s: float) -> tuple[float, float]:
        """rad, rad/s."""
        angle = rate = 0.0
        for amplitude, omega, phase in self._terms:
            argument = omega * t_s + phase
            angle += amplitude * sin(argument)
            rate += amplitude * omega * cos(argument)
        return angle, rate


class BodyAttitude:
    """True attitude against the local level frame, at seconds since the start of the window."""

    def __init__(
        self,
        sway_rad: float,
        sway_period_s: float,
        course_rad: Callable[[float], float],
        rng: np.random.Generator,
    ) -> None:
        """
        Args:
            sway_rad: amplitude of roll and of pitch; yaw has twice that.
            sway_period_s: about which the periods of the sway lie.
            course_rad: course at a time, from north through east, linear in time and not wrapped:
                straight flight or a steady turn.
            rng: gives the nine phases.
        """
        self._roll = _Sway(sway_rad, sway_period_s, rng)
        self._pitch = _Sway(sway_rad, sway_period_s, rng)
        self._yaw = _Sway(2.0 * sway_rad, sway_period_s, rng)
        self._course_at_start_rad = course_rad(0.0)
        self._turn_rate_rad_s = course_rad(1.0) - self._course_at_start_rad

    def yaw_pitch_roll_rad(self, t_s: float) -> tuple[float, float, float]:
        """Yaw is not wrapped."""
        yaw = self._course_at_start_rad + self._turn_rate_rad_s * t_s
        return (
            yaw + self._yaw.angle_and_rate(t_s)[0],
            self._pitch.angle_and_rate(t_s)[0],
            self._roll.angle_and_rate(t_s)[0],
        )

    def q_ned_from_body(self, t_s: float) -> tuple[float, float, float, float]:
        """Unit quaternion (w, x, y, z) that turns body components into NED components.

        Product of the quaternions of yaw, pitch and roll (Diebel, Representing Attitude, 2006).
        """
        yaw, pitch, roll = self.yaw_pitch_roll_rad(t_s)
        cy, sy = cos(0.5 * yaw), sin(0.5 * yaw)
        cp, sp = cos(0.5 * pitch), sin(0.5 * pitch)
        cr, sr = cos(0.5 * roll), sin(0.5 * roll)
        return (
            cy * cp * cr + sy * sp * sr,
            cy * cp * sr - sy * sp * cr,
            cy * sp * cr + sy * cp * sr,
            sy * cp * cr - cy * sp * sr,
        )

    def rate_body_rad_s(self, t_s: float) -> tuple[float, float, float]:
        """(p, q, r): angular rate relative to the local level frame, in body axes.

        Kinematics of yaw, pitch and roll (Diebel 2006).
        """
        roll, roll_rate = self._roll.angle_and_rate(t_s)
        pitch, pitch_rate = self._pitch.angle_and_rate(t_s)
        yaw_rate = self._turn_rate_rad_s + self._yaw.angle_and_rate(t_s)[1]
        cos_pitch, cos_roll, sin_roll = cos(pitch), cos(roll), sin(roll)
        return (
            roll_rate - yaw_rate * sin(pitch),
            pitch_rate * cos_roll + yaw_rate * cos_pitch * sin_roll,
            -pitch_rate * sin_roll + yaw_rate * cos_pitch * cos_roll,
        )
