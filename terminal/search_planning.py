"""The search as the flight will make it, planned: over which field, how likely, how long.

Prediction, field, scan and limits come from the very steps that fly, fed with a fix on the planned
track; what is added is how frames, confirmation and pull-in follow each other in time.
"""

from math import cos, radians, sin
from typing import NamedTuple

from config.mission import Mission
from config.terminal import TerminalConfig
from terminal.control.image.beacon import camera_geometry
from terminal.control.pointing import PointingState, Predictor
from terminal.control.search.acquire import SearchState, frames_to_confirm, settings_of
from terminal.control.search.acquire import step as search_step
from terminal.control.search.confirmation import Looks
from terminal.control.search.footprint import SquareField
from terminal.control.search.pull_in import PullIn
from terminal.control.search.scan import Scan
from terminal.control.search.search_plan import SearchPlan, plan_search
from terminal.control.search.uncertainty import Uncertainty
from terminal.geometry.body import course_rad
from terminal.geometry.earth import enu_basis, enu_from_ecef
from terminal.geometry.ephemeris import TrackEphemeris
from terminal.geometry.gimbal_frame import image_axes, joints_toward
from terminal.geometry.time_scales import SECOND_NS
from terminal.geometry.vector import Vec, dot
from terminal.guidance_plan import keyhole_plan, slew_s
from terminal.mission_ephemeris import partner_ephemeris
from terminal.mode import Mode
from terminal.mutual_planning import plan_by_two
from terminal.pass_mounting import mounting_sigma
from terminal.plan_assumptions import ATTITUDE_SIGMA_RAD, POSITION_SIGMA_M
from terminal.pointing_messages import AcquisitionSample, PointingCommand, PointingSample


class PlannedField(NamedTuple):
    """What a search begins with."""

    after_s: float
    """Since the start of the window."""
    uncertainty: Uncertainty
    scan: Scan


def planned_search(
    mission: Mission,
    config: TerminalConfig,
    start_tai_ns: int,
    *,
    after_s: float | None = None,
    attitude_sigma_rad: float = ATTITUDE_SIGMA_RAD,
    limit_s: float | None = None,
) -> SearchPlan:
    """The distribution of the time from the first ACQUIRE to the first TRACK.

    ACQUIRE begins with the scan in the middle. Frames follow each other at the camera's rate, in
    any phase to that. A spot is the beacon from its `confirm_frames`th frame on; a beacon inside
    the image is in every frame. A frame is answered at the camera loop's next tick, one period
    after its exposure began; modes and gimbal follow in the same tick.

    Args:
        start_tai_ns: of the window, where the planned tracks begin.
        after_s: from there until ACQUIRE; None: the slew from joints at 0.
        attitude_sigma_rad: what the navigation unit will state, 1-sigma per axis.
        limit_s: a search that takes longer has failed; None: when all covers are over.

    Raises:
        ValueError: a field of view or a beam too small to plan with.
        InputError: ephemeris or calibration cannot be used.
        EphemerisError: no position of the partner then.
    """
    if after_s is None:
        after_s = slew_s(keyhole_plan(mission, config, start_tai_ns), config)
    field = planned_field(mission, config, start_tai_ns, after_s, attitude_sigma_rad)
    return search_over(field, config, limit_s)


def prediction(
    mission: Mission,
    config: TerminalConfig,
    start_tai_ns: int,
    after_s: float,
    attitude_sigma_rad: float,
) -> PointingCommand:
    """What the flight will predict there, level on its planned track. Raises as planned_search."""
    t_ns = start_tai_ns + round(after_s * SECOND_NS)
    own = TrackEphemeris(mission.track, start_tai_ns)
    latitude_rad, longitude_rad, altitude_m = own.geodetic(t_ns)
    basis = enu_basis(latitude_rad, longitude_rad)
    velocity = enu_from_ecef(basis, own.state_ecef(t_ns)[1])
    east, north, up = velocity
    course = course_rad(velocity, standing_rad=radians(mission.track.course_deg))
    sample = PointingSample(
        t_ns,
        t_ns,
        latitude_rad,
        longitude_rad,
        altitude_m,
        north,
        east,
        -up,
        cos(0.5 * course),
        0.0,
        0.0,
        sin(0.5 * course),
        attitude_sigma_rad,
        POSITION_SIGMA_M,
    )
    predictor = Predictor(
        mission,
        config,
        start_tai_ns,
        partner_ephemeris(mission, start_tai_ns),
        mounting_sigma(mission, config, start_tai_ns),
    )
    return predictor.step(PointingState(), sample, 1.0 / config.rates.pointing_hz)[1]


def planned_field(
    mission: Mission,
    config: TerminalConfig,
    start_tai_ns: int,
    after_s: float,
    attitude_sigma_rad: float,
) -> PlannedField:
    """Field and scan of the first search, made by the step that flies. Raises as planned_search."""
    p = prediction(mission, config, start_tai_ns, after_s, attitude_sigma_rad)
    los: Vec = (p.los_x, p.los_y, p.los_z)
    rate: Vec = (p.los_rate_x, p.los_rate_y, p.los_rate_z)
    axes = image_axes(joints_toward(los))
    t_ns = start_tai_ns + round(after_s * SECOND_NS)
    sample = AcquisitionSample(
        t_ns=t_ns,
        mode=Mode.ACQUIRE,
        sigma_rad=p.sigma_rad,
        along_sigma_s=p.along_sigma_s,
        los_rate_x_rad_s=dot(rate, axes.right),
        los_rate_y_rad_s=dot(rate, axes.up),
        camera_confirmed=0,
        camera_frame_t_ns=0,
        note=0,
        note_t_ns=0,
    )
    dt_s = 1.0 / config.rates.acquisition_hz
    state, _ = search_step(settings_of(mission, config), SearchState(), sample, dt_s)
    assert state.scan is not None
    return PlannedField(after_s, state.field, state.scan)


def search_over(
    field: PlannedField, config: TerminalConfig, limit_s: float | None = None
) -> SearchPlan:
    """The plan for a field that is known. Raises ValueError as `planned_search`."""
    over_s = field.scan.duration_s if limit_s is None else limit_s
    seeing, loop = looks(config), pull_in(config)
    if config.acquisition.role != "alone":
        return plan_by_two(field.uncertainty, field.scan, config, seeing, seeing, loop, over_s)
    camera = camera_geometry(config)
    return plan_search(
        field.uncertainty,
        field.scan,
        SquareField(min(camera.columns, camera.rows) * camera.pixel_rad),
        seeing,
        loop,
        over_s,
    )


def looks(config: TerminalConfig) -> Looks:
    """The camera, and how its frames become a confirmed beacon."""
    a, rate_hz = config.acquisition, config.rates.camera_hz
    # A frame that is exposed from one tick on has come at the next.
    latency_s = 1.0 / rate_hz - 0.5 * a.beacon.search_exposure_s
    return Looks(float(rate_hz), frames_to_confirm(a), 1.0, latency_s)


def pull_in(config: TerminalConfig) -> PullIn:
    """The coarse loop on the camera."""
    return PullIn(
        config.coarse.beacon_gain_per_s,
        config.gimbal.max_rate_rad_s,
        config.coarse.handover_rad,
    )
