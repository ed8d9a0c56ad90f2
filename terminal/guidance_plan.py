"""The way through the pass, planned before it: on planned tracks, for a body that flies level."""

from math import cos, radians, sin
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from config.mission import FixedWindow, Mission
from config.terminal import TerminalConfig
from terminal.control.guidance.keyhole_plan import KeyholePlan, plan_keyhole
from terminal.control.guidance.settings import GuidanceSettings, make_settings
from terminal.control.guidance.sway_loss import SwayLoss, middle_of, sway_loss
from terminal.geometry import body
from terminal.geometry.earth import enu_basis, enu_from_ecef
from terminal.geometry.ephemeris import Ephemeris, EphemerisError, TrackEphemeris
from terminal.geometry.light_time import solve
from terminal.geometry.quaternion import conjugate, from_rotation_vector, rotate
from terminal.geometry.time_scales import SECOND_NS
from terminal.geometry.vector import Vec
from terminal.mission_ephemeris import partner_ephemeris
from terminal.mounting_file import flown_mounting
from terminal.plan_view import Place

Array = NDArray[np.float64]

STEP_S = 1.0
LONGEST_S = 1800.0
"""No low orbit stands longer over the horizon."""


class PlannedPass(NamedTuple):
    """What the gimbal will have to do, in its base as it is planned to stand."""

    times_s: Array
    """(n,), since the start of the window."""
    los: Array
    """(n, 3) unit vectors in the gimbal's base: forward, right, down."""
    turn_rad_s: Array
    """(n,) rate at which that base turns about its down axis."""


def planned_pass(mission: Mission, config: TerminalConfig, start_tai_ns: int) -> PlannedPass:
    """From the start until the window ends; at least three times."""
    window, lowest_rad, last_s = mission.window, config.keep_out.horizon_rad, LONGEST_S
    if isinstance(window, FixedWindow):
        last_s = window.duration_s
    else:
        lowest_rad = max(lowest_rad, radians(window.min_elevation_deg))
    return flown_pass(
        TrackEphemeris(mission.track, start_tai_ns),
        partner_ephemeris(mission, start_tai_ns),
        config,
        start_tai_ns,
        last_s,
        lowest_rad,
        radians(mission.track.course_deg),
    )


def flown_pass(
    own: Place,
    partner: Ephemeris,
    config: TerminalConfig,
    start_tai_ns: int,
    last_s: float,
    lowest_rad: float,
    course_rad: float = 0.0,
) -> PlannedPass:
    """From the start until the partner sinks under an elevation or `last_s` is over, seen from a
    level body on its course; `course_rad` is that of one that stands still."""
    mounting = conjugate(from_rotation_vector(config.mounting.rotation_vector_rad))
    times, rows, courses = [], [], []
    for k in range(max(int(last_s / STEP_S), 2) + 1):
        t_ns = start_tai_ns + round(k * STEP_S * SECOND_NS)
        place = own.geodetic(t_ns)
        position, velocity = own.state_ecef(t_ns)
        try:
            los = solve(t_ns, position, velocity, *place[:2], partner).los_enu
        except EphemerisError:
            break
        if k > 2 and los[2] < sin(lowest_rad):
            break
        course_rad = body.course_rad(enu_from_ecef(enu_basis(*place[:2]), velocity), course_rad)
        times.append(k * STEP_S)
        rows.append(rotate(mounting, _body(los, course_rad)))
        courses.append(course_rad)
    turned = np.unwrap(courses)
    turn = np.gradient(turned, STEP_S) if len(times) > 1 else np.zeros(len(times))
    return PlannedPass(np.array(times), np.array(rows), np.asarray(turn))


def _body(v_enu: Vec, course_rad: float) -> Vec:
    """Forward, right, down of a level body on its course."""
    east, north, up = v_enu
    c, s = cos(course_rad), sin(course_rad)
    return c * north + s * east, c * east - s * north, -up


def keyhole_plan(mission: Mission, config: TerminalConfig, start_tai_ns: int) -> KeyholePlan | None:
    """The way through the keyhole that costs least; None for a pass too short to plan."""
    return way_through(planned_pass(mission, config, start_tai_ns), config)


def way_through(flown: PlannedPass, config: TerminalConfig) -> KeyholePlan | None:
    """The same for any pass; an error counts as loss of link where the mirror cannot reach it."""
    if len(flown.times_s) < 3:
        return None
    return plan_keyhole(
        flown.times_s,
        flown.los,
        config.gimbal,
        config.optics.mirror_stroke_rad,
        flown.turn_rad_s,
    )


def loss_on_sway(flown: PlannedPass, plan: KeyholePlan, config: TerminalConfig) -> SwayLoss | None:
    """Of the chosen way, on the sway that is expected; None where none is.

    The sway is that of the gimbal's base about its planned attitude, whichever way it is mounted.
    """
    sway = config.expected_sway
    if sway.sigma_rad == 0.0:
        return None
    middle = middle_of(flown.times_s, flown.los, flown.turn_rad_s, config.gimbal, sway)
    if middle is None:
        level_s = plan.chosen.loss_s or 0.0
        return SwayLoss(level_s, level_s)
    return sway_loss(middle, config.gimbal, plan.course, plan.tolerance_rad, sway)


def slew_s(plan: KeyholePlan | None, config: TerminalConfig) -> float:
    """Time of POINT: yaw from 0 to the pass' first one at full rate, and the loop's settling."""
    first_rad = abs(plan.yaw_rad[0]) if plan else 0.0
    gimbal = config.gimbal
    return (
        first_rad / gimbal.max_rate_rad_s
        + gimbal.max_rate_rad_s / gimbal.max_acceleration_rad_s2
        + 1.0 / config.coarse.position_gain_per_s
    )


def flight_settings(
    mission: Mission, config: TerminalConfig, start_tai_ns: int
) -> GuidanceSettings:
    """What the guidance loop flies by. Raises InputError for a calibration that cannot be used."""
    position, _ = TrackEphemeris(mission.track, start_tai_ns).state_ecef(start_tai_ns)
    plan = keyhole_plan(mission, config, start_tai_ns)
    mounting = flown_mounting(config, start_tai_ns)
    return make_settings(config, plan, start_tai_ns, position, mounting.model if mounting else None)
