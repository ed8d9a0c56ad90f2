"""The search of a plan in figures. What computes them brings scipy, and is imported when asked."""

from math import degrees

from msgspec import Struct

from config.mission import Mission
from config.terminal import TerminalConfig
from terminal.control.guidance.keyhole_plan import KeyholePlan
from terminal.geometry.time_scales import SECOND_NS, utc_text
from terminal.guidance_plan import slew_s


class AcquisitionPlan(Struct, frozen=True):
    """The search in figures."""

    slew_s: float
    """Until it begins, from joints at 0."""
    begins_utc: str
    sigma_urad: float
    """1-sigma per axis of attitude, mounting, and the partner's place across its path."""
    along_sigma_s: float
    """1-sigma of when the partner passes a place of its path."""
    sigma_major_urad: float
    sigma_minor_urad: float
    angle_deg: float
    """Of the major axis, from right toward up in the image."""
    field_of_view_urad: float
    """The camera's shorter side."""
    pattern: str
    spacing_urad: float
    speed_mrad_s: float
    covers_s: list[float]
    """When each cover is over."""
    limit_s: float
    """A search that takes longer counts as failed: the first cover and a pull-in, or the window."""
    first_cover_probability: float
    """Of being confirmed in the first cover."""
    probability: float
    """Of a centred beacon."""
    median_s: float
    """From the start of the search to the centred beacon, as the next."""
    p95_s: float


def acquisition_plan(
    mission: Mission,
    config: TerminalConfig,
    start_tai_ns: int,
    keyhole: KeyholePlan | None,
    attitude_sigma_rad: float,
    window_s: float,
) -> AcquisitionPlan:
    """The search in figures, after a slew by this way. Raises as `planned_search`."""
    from terminal.control.image.beacon import camera_geometry
    from terminal.control.search.acquire import settings_of
    from terminal.control.search.pull_in import LONGEST_S
    from terminal.search_planning import planned_field, prediction, search_over

    after_s = slew_s(keyhole, config)
    p = prediction(mission, config, start_tai_ns, after_s, attitude_sigma_rad)
    field = planned_field(mission, config, start_tai_ns, after_s, attitude_sigma_rad)
    limit_s = min(field.scan.covers_s[0] + LONGEST_S, max(window_s - after_s, 1.0))
    plan = search_over(field, config, limit_s)
    axes = field.uncertainty.axes()
    camera, limits = camera_geometry(config), settings_of(mission, config).limits
    return AcquisitionPlan(
        slew_s=after_s,
        begins_utc=utc_text(start_tai_ns + round(after_s * SECOND_NS)),
        sigma_urad=p.sigma_rad * 1e6,
        along_sigma_s=p.along_sigma_s,
        sigma_major_urad=axes.major_rad * 1e6,
        sigma_minor_urad=axes.minor_rad * 1e6,
        angle_deg=degrees(axes.angle_rad),
        field_of_view_urad=min(camera.columns, camera.rows) * camera.pixel_rad * 1e6,
        pattern=config.acquisition.pattern,
        spacing_urad=limits.spacing_rad * 1e6,
        speed_mrad_s=limits.speed_rad_s * 1e3,
        covers_s=list(field.scan.covers_s),
        limit_s=limit_s,
        first_cover_probability=plan.first_cover_probability,
        probability=plan.time.probability,
        median_s=plan.time.median_s,
        p95_s=plan.time.p95_s,
    )
