"""The whole answer of `qsky plan`: rows, and what they come to."""

from collections.abc import Callable, Sequence
from math import degrees
from typing import NamedTuple, TypeVar

from msgspec import Struct

from config.errors import InputError
from config.terminal import TerminalConfig
from terminal.geometry.earth import Geodetic
from terminal.geometry.ephemeris import EphemerisError, TrackEphemeris
from terminal.geometry.refraction import Refraction, RefractionError
from terminal.geometry.time_scales import SECOND_NS
from terminal.guidance_plan import LONGEST_S, flown_pass, keyhole_plan, slew_s, way_through
from terminal.mission_ephemeris import partner_ephemeris
from terminal.plan import PlanRow, plan_rows
from terminal.plan_acquisition import AcquisitionPlan, acquisition_plan
from terminal.plan_assumptions import Assumption, Given, assume
from terminal.plan_guidance import GuidancePlan, guidance_plan, keyhole_outages
from terminal.plan_input import Prediction
from terminal.plan_link import LinkPlan, with_link
from terminal.plan_mission import Planned
from terminal.plan_regard import Limit, Violation, violations
from terminal.plan_view import Standing, View, partner_errors

T = TypeVar("T")

SETTLING_S = 1.0
"""[?] From the centred beacon to the open shutter: hand-over to the mirror, and its settling."""


class KeepOutDeg(Struct, frozen=True):
    """The circles and the rate that `violations` are held against."""

    sun: float
    sun_avoidance: float
    moon: float
    horizon: float
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
    keep_out_deg: KeepOutDeg
    violations: list[Violation]
    guidance: GuidancePlan | None
    """Of the highest pass in the plan; None where there is none."""
    acquisition: AcquisitionPlan | None
    """None without a mission, and for a partner that searches too."""
    link: LinkPlan | None
    assumptions: list[Assumption]
    rows: list[PlanRow]


def answer_for_site(
    given: Prediction,
    times_ns: Sequence[int],
    profile: str,
    config: TerminalConfig,
    refraction: Refraction | None,
) -> PlanAnswer:
    """For a terminal at rest, its base level and to the north. Raises InputError."""
    own = Standing(given.site)
    view = View(own, given.ephemeris, config.gimbal, config.keep_out, refraction=refraction)
    rows = _refusing(lambda: plan_rows(view, times_ns))
    guidance = None
    span = _highest_pass(rows)
    if span is not None:
        start_ns = times_ns[span.first]
        last_s = min(LONGEST_S, (times_ns[span.last] - start_ns) / SECOND_NS)
        lowest_rad = config.keep_out.horizon_rad
        flown = flown_pass(own, given.ephemeris, config, start_ns, last_s, lowest_rad)
        keyhole = way_through(flown, config)
        guidance = guidance_plan(keyhole, start_ns) if keyhole else None
    return PlanAnswer(
        given.satellite,
        given.interpolation_error_m,
        given.warnings,
        None,
        profile,
        _keep_out(config),
        violations(rows),
        guidance,
        None,
        None,
        [],
        rows,
    )


def answer_for_mission(
    planned: Planned,
    times_ns: Sequence[int],
    profile: str | None,
    make_refraction: Callable[[Geodetic], Refraction],
    given: Given,
) -> PlanAnswer:
    """For a scenario's own mission: with its search, and what its link is worth.

    make_refraction: asked where the mission has any. Raises InputError.
    """
    _, mission, config, window = planned
    start_ns = window.start_tai_ns
    own = _refusing(lambda: TrackEphemeris(mission.track, start_ns))
    view = View(
        own,
        partner_ephemeris(mission, start_ns),
        config.gimbal,
        config.keep_out,
        mission.partner.reference_axis,
        make_refraction(own.geodetic(start_ns)) if mission.refraction else None,
        partner_errors(mission),
    )
    rows = _refusing(lambda: plan_rows(view, times_ns))
    keyhole = _refusing(lambda: keyhole_plan(mission, config, start_ns))
    day = rows[len(rows) // 2].sun_elevation_deg > 0.0
    assumed, assumptions = assume(given, mission, config, day)

    acquisition, warnings = None, []
    try:
        acquisition = acquisition_plan(
            mission, config, start_ns, keyhole, assumed.attitude_sigma_rad, window.duration_s
        )
    except ValueError as error:
        warnings.append(f"no search is planned: {error}")
    search_s = acquisition.median_s if acquisition else 0.0
    rows, link = with_link(
        rows,
        [(t_ns - start_ns) / SECOND_NS for t_ns in times_ns],
        keyhole_outages(keyhole) if keyhole else [],
        mission,
        config,
        assumed,
        slew_s(keyhole, config) + search_s + SETTLING_S,
    )
    return PlanAnswer(
        mission.partner.name,
        None,
        warnings,
        planned.scenario,
        profile,
        _keep_out(config),
        violations(rows),
        guidance_plan(keyhole, start_ns) if keyhole else None,
        acquisition,
        link,
        assumptions,
        rows,
    )


class _Span(NamedTuple):
    """First and last row of a pass."""

    first: int
    last: int


def _highest_pass(rows: Sequence[PlanRow]) -> _Span | None:
    """The rows in sight about the highest of them."""
    highest = max(range(len(rows)), key=lambda i: rows[i].elevation_deg)
    if Limit.HORIZON in rows[highest].field_of_regard:
        return None
    first = last = highest
    while first > 0 and Limit.HORIZON not in rows[first - 1].field_of_regard:
        first -= 1
    while last < len(rows) - 1 and Limit.HORIZON not in rows[last + 1].field_of_regard:
        last += 1
    return _Span(first, last)


def _keep_out(config: TerminalConfig) -> KeepOutDeg:
    k = config.keep_out
    return KeepOutDeg(
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
