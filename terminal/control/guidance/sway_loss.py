"""What a base that sways makes of a planned way: the loss of link over many sways, flown through.

No plan knows the sway of the day. So some are drawn, of the size and period that are expected, and
the pass' middle is flown through with each by the steps that guide the flight.
"""

from math import acos, atan2, pi
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from config.terminal import ExpectedSway, GimbalRange
from terminal.control.guidance.base_motion import (
    carried_yaw,
    course_on,
    watched_sway2,
)
from terminal.control.guidance.keep_out import separation_rad
from terminal.control.guidance.keyhole import Course, YawState, follow
from terminal.control.guidance.keyhole_plan import refined
from terminal.geometry.gimbal_frame import image_axes
from terminal.geometry.vector import Vec

Floats = NDArray[np.float64]

SWAYS = 100
QUANTILE = 0.95
STEP_S = 0.1
TONES = 5
"""Of each angle: enough for a motion that never repeats, and nearly normal."""
OCTAVE = 2.0
"""Tones lie from half the expected period to twice of it."""
REACH_SIGMAS = 4.0
"""So far a sway may move the yaw axis."""
LONGEST_S = 20.0
"""To either side of the closest approach."""
SLOWEST_RAD_S = 1e-4
SEED = 1
"""A plan that is made again says the same."""


class SwayLoss(NamedTuple):
    """Of link, on the expected sway."""

    mean_s: float
    quantile_s: float
    """Of `QUANTILE` of the sways, none loses more."""


class Middle(NamedTuple):
    """The part of a pass in which yaw may be too slow, in the base as it is planned to stand."""

    times_s: Floats
    """(n,), STEP_S apart."""
    los: Floats
    """(n, 3) unit vectors."""
    rates: Floats
    """(n, 3) their change per second with that base standing still."""


def middle_of(
    times_s: Floats,
    los: Floats,
    turn_rad_s: float | Floats,
    gimbal: GimbalRange,
    sway: ExpectedSway,
) -> Middle | None:
    """Of a pass as `plan_keyhole` takes it. None where no sway brings yaw to its limit: the cone
    about the yaw axis, in which the partner's rate over its distance is too much for yaw, stays
    off the path."""
    fine_s, aims, rates = refined(times_s, los, turn_rad_s)
    closest = int(np.argmin(aims[:, 2]))
    speed_rad_s = max(float(np.linalg.norm(rates[closest])), SLOWEST_RAD_S)
    reach_rad = speed_rad_s / gimbal.max_rate_rad_s + REACH_SIGMAS * sway.sigma_rad
    if acos(min(1.0, -float(aims[closest, 2]))) > reach_rad:
        return None
    # While the partner is within reach, and half a turn of yaw more.
    half_s = min(LONGEST_S, reach_rad / speed_rad_s + pi / gimbal.max_rate_rad_s)
    middle_s = float(fine_s[closest])
    first_s, last_s = max(middle_s - half_s, fine_s[0]), min(middle_s + half_s, fine_s[-1])
    grid_s = np.arange(first_s, last_s, STEP_S)
    seen, moving = (
        np.column_stack([np.interp(grid_s, fine_s, column) for column in table.T])
        for table in (aims, rates)
    )
    return Middle(grid_s, seen / np.linalg.norm(seen, axis=1, keepdims=True), moving)


def sway_loss(
    middle: Middle, gimbal: GimbalRange, course: Course, tolerance_rad: float, sway: ExpectedSway
) -> SwayLoss:
    """Time for which the pointing error is over the tolerance, over the sways that are drawn."""
    rng = np.random.default_rng(SEED)
    losses = [
        flown_loss_s(middle, gimbal, course, tolerance_rad, draw_sway(sway, middle.times_s, rng))
        for _ in range(SWAYS)
    ]
    return SwayLoss(float(np.mean(losses)), float(np.quantile(losses, QUANTILE, method="higher")))


def draw_sway(sway: ExpectedSway, times_s: Floats, rng: np.random.Generator) -> Floats:
    """(n, 3, 3) base from level: yaw, pitch and roll are normal, of some tones each."""
    sigma_rad = sway.sigma_rad * np.array([[2.0], [1.0], [1.0]])
    rate = 2.0 * pi / (sway.period_s * OCTAVE ** rng.uniform(-1.0, 1.0, (3, TONES)))
    size = rng.rayleigh(sigma_rad / TONES**0.5, (3, TONES))
    phase = rng.uniform(0.0, 2.0 * pi, (3, TONES))
    tones = size * np.cos(rate * times_s[:, None, None] + phase)
    return base_from_level(*tones.sum(axis=2).T)


def base_from_level(yaw_rad: Floats, pitch_rad: Floats, roll_rad: Floats) -> Floats:
    """(n, 3, 3) for angles (n,), turned in this order: Rx(roll)' Ry(pitch)' Rz(yaw)'."""
    cy, sy, cp, sp = np.cos(yaw_rad), np.sin(yaw_rad), np.cos(pitch_rad), np.sin(pitch_rad)
    cr, sr = np.cos(roll_rad), np.sin(roll_rad)
    rows = (
        (cy * cp, sy * cp, -sp),
        (cy * sp * sr - sy * cr, sy * sp * sr + cy * cr, cp * sr),
        (cy * sp * cr + sy * sr, sy * sp * cr - cy * sr, cp * cr),
    )
    return np.moveaxis(np.array(rows), 2, 0)


def flown_loss_s(
    middle: Middle, gimbal: GimbalRange, course: Course, tolerance_rad: float, base: Floats
) -> float:
    """The same for one motion of the base ((n, 3, 3) from the planned one, n >= 2), as if the cable
    had no end."""
    endless = msgspec.structs.replace(gimbal, yaw_min_rad=-1e9, yaw_max_rad=1e9)
    los, rates, held = (
        np.einsum("nij,nj->ni", base[first:], table)
        for first, table in ((0, middle.los), (0, middle.rates), (1, middle.los[:-1]))
    )
    # 3 - trace is the square of a small angle.
    traces = np.einsum("nij,nij->n", base[1:], base[:-1])
    turned_rad = np.sqrt(np.maximum(3.0 - traces, 0.0)).tolist()
    aims: list[Vec] = [(x, y, z) for x, y, z in los.tolist()]
    yaw_rad = atan2(aims[0][1], aims[0][0])
    state, sway2, lost = YawState(yaw_rad, 0.0, yaw_rad), 0.0, 0
    for before, aim, rate, moved, turned in zip(
        aims, aims[1:], rates[1:].tolist(), held.tolist(), turned_rad, strict=False
    ):
        state = carried_yaw(endless, state, before, moved)
        sway2 = watched_sway2(sway2, turned, STEP_S)
        on = course_on(course, sway2, rate)
        state, joints, _ = follow(endless, on, state, aim, rate, STEP_S)
        lost += separation_rad(image_axes(joints).boresight, aim) > tolerance_rad
    return lost * STEP_S
