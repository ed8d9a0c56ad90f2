"""The whole answer of `qsky plan`: rows, and what they come to."""

from collections.abc import Callable, Sequence
from math import degrees
from typing import NamedTuple, TypeVar

from msgspec import Struct

from config.errors import InputError
from config.terminal import TerminalConfig
from terminal.control.partner_errors import partner_errors
from terminal.geometry.earth import Geodetic
from terminal.geometry.ephemeris import EphemerisError, TrackEphemeris
from terminal.geometry.refraction import Refraction, RefractionError
from terminal.geometry.time_scales import SECOND_NS
from terminal.guidance_plan import (
    LONGEST_S,
    flown_pass,
    loss_on_sway,
    planned_pass,
    slew_s,
    way_through,
)
from terminal.mission_ephemeris import orientation_warnings, partner_ephemeris
from terminal.plan import plan_rows
from terminal.plan_acquisition import AcquisitionPlan, acquisition_plan, search_warnings
from terminal.plan_assumptions import Assumption, Given, assume
from terminal.plan_guidance import GuidancePlan, guidance_plan, keyhole_outages
from terminal.plan_input import Prediction
from terminal.plan_link import LinkPlan, Outage, with_link, without_counts
from terminal.plan_mission import Planned
from terminal.plan_regard import SHUT, Violation
from terminal.plan_row import PlanRow
from terminal.plan_sight import sun_enu
from terminal.plan_sky import Extremes, Sky, survey, violations
from terminal.plan_view import Standing, View

T = TypeVar("T")

SETTLING_S = 1.0
"""[?] From the centred beacon to the open shutter: hand-over to the mirror, and its settling."""


class Limits(Struct, frozen=True):
    """What `violations` are held against."""

    sun_deg: float
    sun_avoidance_deg: float
    moon_deg: float
    horizon_deg: float
    yaw_rate_deg_s: float


class PlanAnswer(Struct, frozen=True):
    """As it goes to JSON."""

    satellite: int | str
    """Catalogue number of elements, name in a precise ephemeris or of a mission's partner."""
    interpolation_error_m: float | None
    warnings: list[str]
    scenario: str | None
    terminal: str | None
    """The profile whose limits are meant; None: those of the scenario."""
    limits: Limits
    violations: list[Violation]
    extremes: Extremes | None
    """None where the partner is never in sight."""
    guidance: GuidancePlan | None
    """Of the highest pass in the plan; None where there is none."""
    acquisition: AcquisitionPlan | None
    """None without a mission."""
    link: LinkPlan | None
    assumptions: list[Assumption]
    rows: list[PlanRow]


class Answered(NamedTuple):
    """What is said, and the way over the sky that is drawn."""

    answer: PlanAnswer
    sky: Sky


def answer_for_site(
    given: Prediction,
    times_ns: Sequence[int],
    profile: str,
    config: TerminalConfig,
    refraction: Refraction | None,
) -> Answered:
    """For a terminal at rest, its base level and to the north. Raises InputError."""
    own = Standing(given.site)
    view = View(own, given.ephemeris, config.gimbal, config.keep_out, refraction=refraction)
    rows = _refusing(lambda: plan_rows(view, times_ns))
    sky = _refusing(lambda: survey(view, given.start_tai_ns, given.end_tai_ns))
    guidance = None
    if sky.highest is not None:
        course = sky.courses[sky.highest]
        start_ns = course[0].t_ns
        last_s = min(LONGEST_S, (course[-1].t_ns - start_ns) / SECOND_NS)
        lowest_rad = config.keep_out.horizon_rad
        flown = flown_pass(own, given.ephemeris, config, start_ns, last_s, lowest_rad)
        keyhole = way_through(flown, config)
        if keyhole:
            loss = loss_on_sway(flown, keyhole, config)
            guidance = guidance_plan(keyhole, start_ns, loss, config)
    answer = PlanAnswer(
        given.satellite,
        given.interpolation_error_m,
        given.warnings,
        None,
        profile,
        _limits(config),
        violations(sky),
        sky.extremes,
        guidance,
        None,
        None,
        [],
        rows,
    )
    return Answered(answer, sky)


def answer_for_mission(
    planned: Planned,
    times_ns: Sequence[int],
    profile: str | None,
    make_refraction: Callable[[Geodetic], tuple[Refraction, Refraction]],
    given: Given,
) -> Answered:
    """For a scenario's own mission: with its search, and what its link is worth.

    make_refraction: asked where the mission has any; of the light that arrives, and that leaves.
    Raises InputError.
    """
    _, mission, config, window = planned
    start_ns = window.start_tai_ns
    own = _refusing(lambda: TrackEphemeris(mission.track, start_ns))
    arrives = leaves = None
    if mission.refraction:
        arrives, leaves = make_refraction(own.geodetic(start_ns))
    view = View(
        own,
        partner_ephemeris(mission, start_ns),
        config.gimbal,
        config.keep_out,
        mission.partner.reference_axis,
        arrives,
        partner_errors(mission),
        leaves,
    )
    rows = _refusing(lambda: plan_rows(view, times_ns))
    sky = _refusing(lambda: survey(view, *window))
    flown = _refusing(lambda: planned_pass(mission, config, start_ns))
    keyhole = way_through(flown, config)
    loss = loss_on_sway(flown, keyhole, config) if keyhole else None
    day = sun_enu(view, sum(window) // 2)[2] > 0.0
    assumed, assumptions = assume(given, mission, config, day)

    acquisition, warnings = None, orientation_warnings(mission, *window)
    try:
        acquisition = acquisition_plan(
            mission, config, start_ns, keyhole, assumed.attitude_sigma_rad, window.duration_s
        )
        warnings += search_warnings(acquisition, config)
    except ValueError as error:
        warnings.append(f"no search is planned: {error}")
    search_s = acquisition.median_s if acquisition else 0.0
    rows, key = with_link(
        rows,
        [(t_ns - start_ns) / SECOND_NS for t_ns in times_ns],
        [*_shut(sky, *window), *(keyhole_outages(keyhole, loss, config) if keyhole else [])],
        mission,
        config,
        assumed,
        slew_s(keyhole, config) + search_s + SETTLING_S,
    )
    link: LinkPlan | None = key
    if mission.source.pairs:
        rows, link = without_counts(rows), None
        warnings.append("a source of entangled pairs makes no key: only its losses are planned")
    answer = PlanAnswer(
        mission.partner.name,
        None,
        warnings,
        planned.scenario,
        profile,
        _limits(config),
        violations(sky),
        sky.extremes,
        guidance_plan(keyhole, start_ns, loss, config) if keyhole else None,
        acquisition,
        link,
        assumptions,
        rows,
    )
    return Answered(answer, sky)


def _shut(sky: Sky, start_ns: int, end_ns: int) -> list[Outage]:
    """When the link cannot stand, wherever the gimbal gets to."""
    stays = [(course[0].t_ns, course[-1].t_ns) for course in sky.courses]
    edges_ns = [start_ns, *(t_ns for stay in stays for t_ns in stay), end_ns]
    away = list(zip(edges_ns[::2], edges_ns[1::2], strict=True))
    shut = [(way[0].t_ns, way[-1].t_ns) for limit, way in sky.broken if limit in SHUT]
    return [
        Outage((from_ns - start_ns) / SECOND_NS, (to_ns - start_ns) / SECOND_NS)
        for from_ns, to_ns in away + shut
        if to_ns > from_ns
    ]


def _limits(config: TerminalConfig) -> Limits:
    k = config.keep_out
    return Limits(
        degrees(k.sun_rad),
        degrees(k.sun_avoid_rad),
        degrees(k.moon_rad),
        degrees(k.horizon_rad),
        degrees(config.gimbal.max_rate_rad_s),
    )


def _refusing(compute: Callable[[], T]) -> T:
    """What geometry refuses is bad input here."""
    try:
        return compute()
    except (EphemerisError, RefractionError) as error:
        raise InputError(str(error)) from error
