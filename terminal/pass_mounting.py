"""How well it is known where the gimbal looks, along the pass that is planned."""

from math import ceil

from config.mission import Mission
from config.terminal import TerminalConfig
from terminal.control.guidance.joint_limits import roll_and_pitch
from terminal.control.guidance.keyhole import Strategy
from terminal.control.mounting.along_pass import SigmaAlong
from terminal.geometry.gimbal_frame import Joints
from terminal.geometry.quaternion import conjugate, from_rotation_vector, rotate
from terminal.geometry.time_scales import SECOND_NS
from terminal.geometry.vector import Vec
from terminal.guidance_plan import PlannedPass, planned_pass, way_through
from terminal.mounting_file import flown_mounting, worst_sigma_rad

PLACES = 60
"""So many along a pass: some degrees apart, while the terms act by sines of the angles."""
STILL: Vec = (0.0, 0.0, 0.0)


def mounting_sigma(mission: Mission, config: TerminalConfig, start_tai_ns: int) -> SigmaAlong:
    """1-sigma of the mounting on the sky: as surveyed, or as calibrated at the joints of the
    planned pass.

    A calibration knows the part of the sky where it was made better than the rest, and a search has
    to cover what is unknown where it looks. Without a pass that can be planned, it is the worst of
    the whole sky.

    Raises:
        InputError: ephemeris or calibration cannot be used.
        EphemerisError: no position of the partner at the start.
    """
    mounting = flown_mounting(config, start_tai_ns)
    if mounting is None:
        return SigmaAlong.steady(config.mounting.sigma_rad)
    joints = pass_joints(planned_pass(mission, config, start_tai_ns), config)
    if not joints:
        return SigmaAlong.steady(worst_sigma_rad(mounting))
    up_base = rotate(
        conjugate(from_rotation_vector(config.mounting.rotation_vector_rad)), (0.0, 0.0, -1.0)
    )
    return SigmaAlong(
        tuple(start_tai_ns + round(time_s * SECOND_NS) for time_s in joints),
        tuple(mounting.sky_sigma_rad(place, up_base) for place in joints.values()),
    )


def pass_joints(flown: PlannedPass, config: TerminalConfig) -> dict[float, Joints]:
    """Joints by the time (s) of a pass, on the way and the turn of the cable that guidance has
    planned; none for a pass too short to plan."""
    plan = way_through(flown, config)
    if plan is None:
        return {}
    with_roll = plan.course.strategy is Strategy.THIRD_AXIS
    last = len(flown.times_s) - 1
    found = {}
    for i in {*range(0, last, ceil(last / PLACES)), last}:
        x, y, z = flown.los[i].tolist()
        joints, _ = roll_and_pitch(config.gimbal, with_roll, plan.yaw_rad[i], 0.0, (x, y, z), STILL)
        found[float(flown.times_s[i])] = joints
    return dict(sorted(found.items()))
