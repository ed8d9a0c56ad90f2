"""The wave plate's way through the planned pass, for a plate whose travel has ends."""

from math import cos, radians, sin

import numpy as np

from config.errors import InputError
from config.mission import Mission
from config.terminal import TerminalConfig
from terminal.control.plate_target import Course, choose_branch, unwrapped
from terminal.control.polarization_path import path_of
from terminal.geometry import body
from terminal.geometry.earth import enu_basis, enu_from_ecef
from terminal.geometry.ephemeris import TrackEphemeris
from terminal.geometry.gimbal_frame import joints_toward
from terminal.geometry.quaternion import from_rotation_vector, rotate
from terminal.geometry.time_scales import SECOND_NS
from terminal.geometry.vector import Vec
from terminal.guidance_plan import planned_pass
from terminal.mission_ephemeris import partner_ephemeris
from terminal.plan_sight import frame_rad
from terminal.plan_view import View

_BASE_UP: Vec = (0.0, 0.0, -1.0)


def planned_course(mission: Mission, config: TerminalConfig, start_tai_ns: int) -> Course:
    """Encoder angles from the start until the window ends; none for a plate without ends.

    Raises InputError for a travel that leaves out some frame angles.
    """
    plate = config.polarization.plate
    if plate.least_rad is None or plate.most_rad is None:
        return Course()
    path = path_of(config.polarization)
    own = TrackEphemeris(mission.track, start_tai_ns)
    partner = partner_ephemeris(mission, start_tai_ns)
    view = View(own, partner, reference_axis=mission.partner.reference_axis)
    mounting = from_rotation_vector(config.mounting.rotation_vector_rad)
    flown = planned_pass(mission, config, start_tai_ns)
    course_rad, times, axes = radians(mission.track.course_deg), [], []
    for time_s, los in zip(flown.times_s.tolist(), flown.los, strict=True):
        t_ns = start_tai_ns + round(time_s * SECOND_NS)
        basis = enu_basis(*own.geodetic(t_ns)[:2])
        velocity = enu_from_ecef(basis, own.state_ecef(t_ns)[1])
        course_rad = body.course_rad(velocity, course_rad)
        los_enu = _enu(rotate(mounting, tuple(los.tolist())), course_rad)
        up_enu = _enu(rotate(mounting, _BASE_UP), course_rad)
        angle_rad = frame_rad(view, t_ns, los_enu, up_enu)
        if angle_rad is None:
            continue
        joints = joints_toward(tuple(los.tolist()))
        train = path.train(joints.yaw_rad, joints.pitch_rad)
        aim = path.aim(train, 0.0, config.polarization.phase_rad, False)
        times.append(time_s)
        axes.append(aim.axis_for(angle_rad))
    if not times:
        return Course()
    encoder = unwrapped(np.array(axes)) + plate.zero_rad
    try:
        turns = choose_branch(encoder, plate.least_rad, plate.most_rad)
    except ValueError as error:
        raise InputError(f"terminal.polarization.plate: least_rad, most_rad: {error}") from error
    return Course(tuple(times), tuple((encoder + 0.5 * np.pi * turns).tolist()))


def _enu(v_body: Vec, course_rad: float) -> Vec:
    """Of a level body on its course: forward, right, down."""
    forward, right, down = v_body
    c, s = cos(course_rad), sin(course_rad)
    return s * forward + c * right, c * forward - s * right, -down
