"""What the joints can do: rate, acceleration and the cable; roll and pitch for the yaw there is."""

from math import atan2, ceil, copysign, cos, floor, pi, remainder, sin, sqrt
from typing import NamedTuple

from config.terminal import GimbalRange
from terminal.geometry.gimbal_frame import Joints
from terminal.geometry.vector import Vec

ROLL_FROM_SINE, ROLL_FULL_SINE = 0.5, 0.7
"""Sines of the elevation between which roll takes up its part: far from the yaw axis it would only
turn the image."""

SMALLEST_COS_PITCH = 0.02
"""Nearer than this to the zenith the yaw axis can't follow, and is not asked to."""

THIRD_AXIS_COS_PITCH = 0.26
"""From 75 degrees of pitch on, the roll axis shares the motion to the side, where there is one."""


class JointRates(NamedTuple):
    """rad/s, with the base standing still."""

    yaw_rad_s: float
    pitch_rad_s: float
    roll_rad_s: float = 0.0


def clamp(value: float, low: float, high: float) -> float:
    return max(low, min(high, value))


def approach(
    gimbal: GimbalRange,
    position_rad: float,
    rate_rad_s: float,
    target_rad: float,
    target_rate_rad_s: float,
    dt_s: float,
) -> tuple[float, float]:
    """(position, rate) one tick on, on the way to a moving target, in limits of rate and
    acceleration; it brakes in time and lands without overshoot."""
    a = gimbal.max_acceleration_rad_s2
    away_rad = target_rad - target_rate_rad_s * dt_s - position_rad
    # The speed v that ends there by braking in whole ticks: v, v - a dt, ... over n + 1 of them.
    step_rad = a * dt_s * dt_s
    n = floor(0.5 * (sqrt(1.0 + 8.0 * abs(away_rad) / step_rad) - 1.0))
    closing_rad_s = copysign(abs(away_rad) / dt_s / (n + 1) + 0.5 * n * a * dt_s, away_rad)
    limit = gimbal.max_rate_rad_s
    wanted = clamp(target_rate_rad_s + closing_rad_s, -limit, limit)
    rate = clamp(wanted, rate_rad_s - a * dt_s, rate_rad_s + a * dt_s)
    return position_rad + rate * dt_s, rate


def nearest_turn(angle_rad: float, near_rad: float) -> float:
    """`angle_rad` plus whole turns, within half a turn of `near_rad`."""
    return near_rad + remainder(angle_rad - near_rad, 2.0 * pi)


def inside_cable(gimbal: GimbalRange, yaw_rad: float) -> float:
    """`yaw_rad`, or that plus the fewest whole turns which bring it inside the cable's range; where
    none does, the nearer end."""
    low, high = gimbal.yaw_min_rad, gimbal.yaw_max_rad
    turns = 0
    if yaw_rad > high:
        turns = -ceil((yaw_rad - high) / (2.0 * pi))
    elif yaw_rad < low:
        turns = ceil((low - yaw_rad) / (2.0 * pi))
    turned = yaw_rad + 2.0 * pi * turns
    return turned if low <= turned <= high else clamp(yaw_rad, low, high)


def middle_turn(gimbal: GimbalRange, least_rad: float, most_rad: float) -> float:
    """Whole turns, in rad, by which a stretch of yaw lies most nearly in the cable's middle."""
    off_rad = 0.5 * (gimbal.yaw_min_rad + gimbal.yaw_max_rad - least_rad - most_rad)
    return 2.0 * pi * floor(off_rad / (2.0 * pi) + 0.5)


def roll_and_pitch(
    gimbal: GimbalRange,
    with_roll: bool,
    yaw_rad: float,
    yaw_rate_rad_s: float,
    aim: Vec,
    aim_rate: Vec,
) -> tuple[Joints, JointRates]:
    """The joints nearest to an aim (unit vector in the base's axes) at a given yaw, and the rates.

    Seen from the yawed frame the aim is (a, b, -c): ahead, right, up. Roll turns the pitch plane
    onto it: tan r = b / c. Pitch is the best one for yaw and roll: tan p = (b sin r + c cos r) / a.
    Rates are the derivatives of just that, 0 for a joint at its limit.
    """
    cy, sy = cos(yaw_rad), sin(yaw_rad)
    a, b, c = cy * aim[0] + sy * aim[1], cy * aim[1] - sy * aim[0], -aim[2]
    a_rate = cy * aim_rate[0] + sy * aim_rate[1] + yaw_rate_rad_s * b
    b_rate = cy * aim_rate[1] - sy * aim_rate[0] - yaw_rate_rad_s * a
    c_rate = -aim_rate[2]

    roll = roll_rate = 0.0
    if with_roll and gimbal.roll_max_rad > 0.0 and c > ROLL_FROM_SINE:
        full = atan2(b, c)
        part = min(1.0, (c - ROLL_FROM_SINE) / (ROLL_FULL_SINE - ROLL_FROM_SINE))
        part_rate = 0.0 if part == 1.0 else c_rate / (ROLL_FULL_SINE - ROLL_FROM_SINE)
        roll = part * full
        roll_rate = part * (b_rate * c - b * c_rate) / (b * b + c * c) + part_rate * full
        if abs(roll) > gimbal.roll_max_rad:
            roll, roll_rate = copysign(gimbal.roll_max_rad, roll), 0.0

    cr, sr = cos(roll), sin(roll)
    m = b * sr + c * cr
    m_rate = b_rate * sr + c_rate * cr + roll_rate * (b * cr - c * sr)
    best = atan2(m, a)
    # Behind and below is nearer to the lower end of the range than to the upper one.
    best = nearest_turn(best, 0.5 * (gimbal.pitch_min_rad + gimbal.pitch_max_rad))
    pitch = clamp(best, gimbal.pitch_min_rad, gimbal.pitch_max_rad)
    reach = a * a + m * m
    moving = pitch == best and reach > 1e-12
    pitch_rate = (m_rate * a - m * a_rate) / reach if moving else 0.0
    limit = gimbal.max_rate_rad_s
    return Joints(yaw_rad, pitch, roll), JointRates(
        yaw_rate_rad_s, clamp(pitch_rate, -limit, limit), clamp(roll_rate, -limit, limit)
    )
