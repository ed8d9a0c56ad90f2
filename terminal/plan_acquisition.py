"""The search of a plan in figures. What computes them brings scipy, and is imported when asked."""

from math import degrees

from msgspec import Struct

from config.mission import Mission
from config.terminal import TerminalConfig
from terminal.control.guidance.keyhole_plan import KeyholePlan
from terminal.geometry.time_scales import SECOND_NS, utc_text
from terminal.guidance_plan import slew_s

TURNS = 6
"""Of a search by two, three to each."""


class AcquisitionPlan(Struct, frozen=True):
    """The search in figures."""

    role: str
    """alone, or what a search by two begins with: scan, stare."""
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
    """A search that takes longer counts as failed: the first cover and a pull-in, by two three
    turns each, or the window."""
    turn_s: float | None
    """Of a search by two: until the other one scans."""
    in_field_probability: float | None
    """Of a search by two: that the partner is in our camera's field while we stare."""
    first_cover_probability: float
    """Of being confirmed in the first cover; by two, of success in the first turn."""
    probability: float
    """Of a centred beacon."""
    expected_s: float
    """Mean time that a search takes, one that fails counted with `limit_s`."""
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
    from terminal.mutual_planning import share_in_field
    from terminal.search_planning import planned_field, prediction, search_over

    after_s = slew_s(keyhole, config)
    p = prediction(mission, config, start_tai_ns, after_s, attitude_sigma_rad)
    field = planned_field(mission, config, start_tai_ns, after_s, attitude_sigma_rad)
    cover_s, a = field.scan.covers_s[0], config.acquisition
    alone = a.role == "alone"
    turn_s = None if alone else min(cover_s, a.stare_s)
    longest_s = cover_s + LONGEST_S if turn_s is None else TURNS * (turn_s + a.return_s)
    limit_s = min(longest_s, max(window_s - after_s, 1.0))
    plan = search_over(field, config, limit_s)
    axes = field.uncertainty.axes()
    camera, limits = camera_geometry(config), settings_of(mission, config).limits
    return AcquisitionPlan(
        role=a.role,
        slew_s=after_s,
        begins_utc=utc_text(start_tai_ns + round(after_s * SECOND_NS)),
        sigma_urad=p.sigma_rad * 1e6,
        along_sigma_s=p.along_sigma_s,
        sigma_major_urad=axes.major_rad * 1e6,
        sigma_minor_urad=axes.minor_rad * 1e6,
        angle_deg=degrees(axes.angle_rad),
        field_of_view_urad=min(camera.columns, camera.rows) * camera.pixel_rad * 1e6,
        pattern=a.pattern,
        spacing_urad=limits.spacing_rad * 1e6,
        speed_mrad_s=limits.speed_rad_s * 1e3,
        covers_s=list(field.scan.covers_s),
        limit_s=limit_s,
        turn_s=turn_s,
        in_field_probability=None if alone else share_in_field(field.uncertainty, config),
        first_cover_probability=plan.first_cover_probability,
        probability=plan.time.probability,
        expected_s=plan.time.expected_s,
        median_s=plan.time.median_s,
        p95_s=plan.time.p95_s,
    )


def search_warnings(plan: AcquisitionPlan, config: TerminalConfig) -> list[str]:
    """What makes a planned search by two go wrong, as far as one of them can tell."""
    cover_s, stare_s = plan.covers_s[0], config.acquisition.stare_s
    if plan.role == "alone" or cover_s <= stare_s:
        return []
    warning = (
        f"acquisition.stare_s: a cover takes {cover_s:.1f} s, and a partner as patient as we are "
        f"begins to scan after {stare_s:g} s, so both scan at once: let both stare for longer than "
        "a cover of the other"
    )
    return [warning]
