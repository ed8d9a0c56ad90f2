"""Before the pass: which way through the keyhole costs least, and on which turn of the cable.

Every way is flown through in small steps with the joint limits of the gimbal, by the same code that
flies it later.
"""

from math import acos, inf, pi
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from config.terminal import GimbalRange
from terminal.control.guidance.joint_limits import middle_turn
from terminal.control.guidance.keep_out import separation_rad
from terminal.control.guidance.keyhole import (
    Course,
    Strategy,
    YawState,
    follow,
    ramp_for_roll,
)
from terminal.geometry.gimbal_frame import image_axes
from terminal.geometry.vector import Vec

Floats = NDArray[np.float64]

STEP_S = 0.05
HIGH_SINE = 0.7
"""Sine of the elevation from which a pass is flown in steps of STEP_S."""
RAMP_SHARE = 0.99
"""Part of the rate limit that a ramp uses: the rest catches up after its start, and bears a turn of
the base."""
ROLL_SHARE = 0.25
"""Part of the roll range that a planned pass uses: the rest is for a base that sways."""
EASY_SHARE = 0.5
"""A way that needs less than this part of the rate limit counts as effortless."""
SEARCH_S = 10.0
"""The moment of a detour is searched on this much of the pass, before and after its closest."""
MOMENTS = 15
ERROR_SHARE = 0.1
"""Errors are compared in these parts of the tolerance."""


class Candidate(NamedTuple):
    """One way through, and what it costs. Numbers are None where it was not worth flying."""

    name: str
    possible: bool
    loss_s: float | None
    """Time for which the pointing error is over the tolerance."""
    max_error_rad: float | None
    max_yaw_rate_rad_s: float | None
    max_roll_rad: float | None
    why: str
    """Why it is not possible; empty where it is."""


class KeyholePlan(NamedTuple):
    course: Course
    candidates: tuple[Candidate, ...]
    """In the order of effort."""
    chosen: Candidate
    tolerance_rad: float
    closest_s: float
    """Plan time at which the line of sight is nearest to the yaw axis, and how near."""
    closest_rad: float
    times_s: tuple[float, ...]
    yaw_rad: tuple[float, ...]
    """Yaw at those times, on the turn of the cable that keeps the whole pass inside."""

    def yaw_at_rad(self, time_s: float) -> float:
        """Linear between the plan's times; its ends outside of them."""
        return float(np.interp(time_s, self.times_s, self.yaw_rad))


class _Flight(NamedTuple):
    times_s: Floats
    error_rad: Floats
    yaw_rad: Floats
    yaw_rate_rad_s: Floats
    roll_rad: Floats


def plan_keyhole(
    times_s: Floats,
    los: Floats,
    gimbal: GimbalRange,
    tolerance_rad: float,
    turn_rad_s: float | Floats = 0.0,
) -> KeyholePlan:
    """The way through with the least loss of link, then the least error, then the least effort.

    times_s (n,): increasing, some seconds apart at most. los (n,3): unit vectors toward the partner
    in the gimbal's base as planned (x forward, y right, z down). turn_rad_s: rate at which that
    base is planned to turn about its z axis, () or (n,).

    Raises ValueError for fewer than three times, times that do not increase, wrong shapes and
    vectors that are not of length one.
    """
    times_s, los = np.asarray(times_s, float), np.asarray(los, float)
    if times_s.ndim != 1 or len(times_s) < 3 or los.shape != (len(times_s), 3):
        raise ValueError("a plan needs times (n,) and lines of sight (n,3), n at least 3")
    if not np.all(np.diff(times_s) > 0.0):
        raise ValueError("the times of a plan must increase")
    if not np.all(np.abs(np.linalg.norm(los, axis=1) - 1.0) < 1e-6):
        raise ValueError("the lines of sight of a plan must be unit vectors")
    fine_s, aims, rates = refined(times_s, los, turn_rad_s)
    closest = int(np.argmin(aims[:, 2]))
    speed = float(np.linalg.norm(rates[closest]))
    behind_rad = pi + float(np.arcsin(np.clip(aims[closest:, 2].max(), -1.0, 1.0)))
    tables: dict[str, tuple[Course, Floats]] = {}
    candidates = []
    for course, why in _ways(gimbal, speed, behind_rad):
        if why:
            name = course.strategy.value
            candidates.append(Candidate(name, False, None, None, None, None, why))
            continue
        flight = _fly(gimbal, course, fine_s, aims, rates)
        if course.strategy is Strategy.DETOUR and (flight.error_rad > tolerance_rad).any():
            near = np.abs(fine_s - fine_s[closest]) < SEARCH_S
            course = _best_moment(
                gimbal, course, fine_s[near], aims[near], rates[near], tolerance_rad
            )
            flight = _fly(gimbal, course, fine_s, aims, rates)
        candidate, yaw = _judged(gimbal, course, flight, tolerance_rad)
        candidates.append(candidate)
        tables[candidate.name] = course, np.interp(times_s, fine_s, yaw)
    chosen = min(
        (candidate for candidate in candidates if candidate.name in tables),
        key=lambda candidate: _cost(candidate, gimbal, tolerance_rad),
    )
    course, yaw = tables[chosen.name]
    return KeyholePlan(
        course,
        tuple(candidates),
        chosen,
        tolerance_rad,
        float(fine_s[closest]),
        acos(min(1.0, -float(aims[closest, 2]))),
        tuple(times_s.tolist()),
        tuple(yaw.tolist()),
    )


def _ways(
    gimbal: GimbalRange, speed_rad_s: float, behind_rad: float
) -> tuple[tuple[Course, str], ...]:
    """All courses in the order of effort, each with why the gimbal can't fly it, if so.

    speed_rad_s: of the line of sight at its closest. behind_rad: the largest pitch over the
    shoulder.
    """
    ramp = RAMP_SHARE * gimbal.max_rate_rad_s
    no_roll = no_shoulder = ""
    slow = ramp
    if gimbal.roll_max_rad > 0.0:
        slow = ramp_for_roll(speed_rad_s, ROLL_SHARE * gimbal.roll_max_rad, ramp)
    else:
        no_roll = "the gimbal has no roll axis"
    if gimbal.pitch_max_rad < behind_rad:
        no_shoulder = (
            f"comes down to pitch {behind_rad:.3f} rad, the gimbal's range ends at "
            f"{gimbal.pitch_max_rad:.3f}"
        )
    return (
        (Course(), ""),
        (Course(Strategy.THIRD_AXIS, slow), no_roll),
        (Course(Strategy.DETOUR, ramp), ""),
        (Course(Strategy.OVER_THE_SHOULDER, ramp), no_shoulder),
    )


def _cost(
    candidate: Candidate, gimbal: GimbalRange, tolerance_rad: float
) -> tuple[bool, float, int, bool]:
    """Compared from the left; equal ones stand in the order of effort."""
    loss = inf if candidate.loss_s is None else candidate.loss_s
    error = candidate.max_error_rad or 0.0
    hurried = (candidate.max_yaw_rate_rad_s or 0.0) > EASY_SHARE * gimbal.max_rate_rad_s
    return (
        not candidate.possible,
        round(loss / STEP_S) * STEP_S,
        int(error / (ERROR_SHARE * tolerance_rad)),
        hurried,
    )


def refined(
    times_s: Floats, los: Floats, turn_rad_s: float | Floats
) -> tuple[Floats, Floats, Floats]:
    """Times (n,), unit vectors (n, 3) and their changes per second with the base standing still, in
    steps of STEP_S where the partner is high, as given elsewhere: cubic between the given ones."""
    slope = np.gradient(los, times_s, axis=0, edge_order=2)
    high = np.maximum(-los[:-1, 2], -los[1:, 2]) > HIGH_SINE
    parts = np.where(high, np.ceil(np.diff(times_s) / STEP_S), 1).astype(int)
    starts = np.repeat(np.cumsum(parts) - parts, parts)
    share = (np.arange(parts.sum()) - starts) / np.repeat(parts, parts)
    fine_s = np.repeat(times_s[:-1], parts) + share * np.repeat(np.diff(times_s), parts)
    fine_s = np.append(fine_s, times_s[-1])
    index = np.clip(np.searchsorted(times_s, fine_s, side="right") - 1, 0, len(times_s) - 2)
    span = (times_s[index + 1] - times_s[index])[:, None]
    u = (fine_s - times_s[index])[:, None] / span
    before, after = los[index], los[index + 1]
    slope_before, slope_after = span * slope[index], span * slope[index + 1]
    aims = (
        before * (1.0 + 2.0 * u) * (1.0 - u) ** 2
        + after * u**2 * (3.0 - 2.0 * u)
        + slope_before * u * (1.0 - u) ** 2
        - slope_after * u**2 * (1.0 - u)
    )
    aims /= np.linalg.norm(aims, axis=1, keepdims=True)
    rates = np.gradient(aims, fine_s, axis=0, edge_order=2)
    turn = np.interp(fine_s, times_s, np.broadcast_to(turn_rad_s, times_s.shape))
    # In a base that turns, what stands still moves backward.
    rates[:, 0] -= turn * aims[:, 1]
    rates[:, 1] += turn * aims[:, 0]
    return fine_s, aims, rates


def _fly(
    gimbal: GimbalRange, course: Course, times_s: Floats, aims: Floats, rates: Floats
) -> _Flight:
    """All of the pass, as if the cable had no end; it starts on the line of sight, moving along."""
    endless = msgspec.structs.replace(gimbal, yaw_min_rad=-1e9, yaw_max_rad=1e9)
    steps_s = np.diff(times_s, prepend=2.0 * times_s[0] - times_s[1])
    start = aims[0]
    yaw = float(np.arctan2(start[1], start[0]))
    state = YawState(yaw, 0.0, yaw)
    rows = []
    for aim, rate, step_s in zip(aims.tolist(), rates.tolist(), steps_s.tolist(), strict=True):
        vector: Vec = (aim[0], aim[1], aim[2])
        state, joints, _ = follow(
            endless, course, state, vector, (rate[0], rate[1], rate[2]), step_s
        )
        error = separation_rad(image_axes(joints).boresight, vector)
        rows.append((error, joints.yaw_rad, state.rate_rad_s, joints.roll_rad))
    table = np.array(rows)
    return _Flight(times_s, table[:, 0], table[:, 1], table[:, 2], table[:, 3])


def _best_moment(
    gimbal: GimbalRange,
    course: Course,
    times_s: Floats,
    aims: Floats,
    rates: Floats,
    tolerance_rad: float,
) -> Course:
    """The course with the moment of its ramp that loses least, then errs least."""
    latest_s = 0.5 * pi / course.ramp_rad_s

    def cost(tried: Course) -> tuple[int, float]:
        error_rad = _fly(gimbal, tried, times_s, aims, rates).error_rad
        return int((error_rad > tolerance_rad).sum()), float(error_rad.max())

    moments_s = np.linspace(0.0, latest_s, MOMENTS).tolist()
    return min((course._replace(late_s=late_s) for late_s in moments_s), key=cost)


def _judged(
    gimbal: GimbalRange, course: Course, flight: _Flight, tolerance_rad: float
) -> tuple[Candidate, Floats]:
    """The figures of a flight, and its yaw on the best turn of the cable: that on which it starts
    near the middle, for a sway may send it round the other side; or else that of its own middle."""
    start = float(flight.yaw_rad[0])
    least, most = float(flight.yaw_rad.min()), float(flight.yaw_rad.max())
    for ends in ((start, start), (least, most)):
        yaw = flight.yaw_rad + middle_turn(gimbal, *ends)
        outside = (yaw < gimbal.yaw_min_rad) | (yaw > gimbal.yaw_max_rad)
        if not outside.any():
            break
    available = gimbal.yaw_max_rad - gimbal.yaw_min_rad
    why = ""
    if outside.any():
        why = (
            f"turns yaw from {yaw.min():.3f} to {yaw.max():.3f} rad, the cable lets it from "
            f"{gimbal.yaw_min_rad:.3f} to {gimbal.yaw_max_rad:.3f} ({available:.3f} in all)"
        )
    steps_s = np.diff(flight.times_s, prepend=flight.times_s[0])
    lost = (flight.error_rad > tolerance_rad) | outside
    return Candidate(
        course.strategy.value,
        not why,
        float(steps_s[lost].sum()),
        float(flight.error_rad.max()),
        float(np.abs(flight.yaw_rate_rad_s).max()),
        float(np.abs(flight.roll_rad).max()),
        why,
    ), yaw
