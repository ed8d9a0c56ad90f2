"""The answer of `qsky plan` for people: the table of rows, and under it what they come to."""

from collections.abc import Iterator
from math import isfinite

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from terminal.plan_acquisition import AcquisitionPlan
from terminal.plan_answer import Limits, PlanAnswer
from terminal.plan_assumptions import Assumption
from terminal.plan_guidance import GuidancePlan
from terminal.plan_link import LinkPlan
from terminal.plan_regard import Limit, Violation
from terminal.plan_tables import FLAGS, plan_table, short_utc, tenth_utc


def report(answer: PlanAnswer) -> RenderableType:
    """All sections that the answer has."""
    return Group(plan_table(answer.rows, answer.extremes), *_sections(answer))


def _sections(answer: PlanAnswer) -> Iterator[RenderableType]:
    yield _section("Field of regard", _regard(answer))
    if answer.guidance:
        yield _section("Guidance", _guidance(answer.guidance))
        yield _ways(answer.guidance)
    if answer.acquisition:
        yield _section("Acquisition", _acquisition(answer.acquisition))
    if answer.link:
        yield _section("Link", _link(answer.link))
        yield _budget(answer)
    if answer.assumptions:
        yield _section("Assumed", _assumed(answer.assumptions))


def _section(title: str, lines: list[str]) -> Text:
    text = Text(f"{title}\n", style="bold")
    for line in lines:
        text.append(f"  {line}\n", style="not bold")
    return text


def _regard(answer: PlanAnswer) -> list[str]:
    whose = f"profile {answer.terminal}" if answer.terminal else f"scenario {answer.scenario}"
    extremes = answer.extremes
    if extremes is None:
        return [f"the partner is never in sight ({whose})"]
    lines = [f"Limits of {whose}."]
    lines += [_violation(found, answer.limits) for found in answer.violations]
    if not answer.violations:
        lines.append("No limit is violated.")
    lines.append(
        f"Azimuth mount: up to {extremes.max_azimuth_rate_deg_s:.2f} deg/s at "
        f"{extremes.max_azimuth_rate_utc[11:21]} (limit {answer.limits.yaw_rate_deg_s:.1f}), "
        f"{extremes.max_azimuth_acceleration_deg_s2:.3f} deg/s2"
    )
    turn_deg, turn_deg_s = extremes.polarization_turn_deg, extremes.max_polarization_rate_deg_s
    if turn_deg is not None and turn_deg_s is not None:
        lines.append(
            f"Polarisation frame: turns by {turn_deg:.1f} deg over the pass, at most "
            f"{turn_deg_s:.2f} deg/s"
        )
    up = (row for row in answer.rows if Limit.HORIZON not in row.field_of_regard)
    sigmas = [row.ephemeris_sigma_urad for row in up if row.ephemeris_sigma_urad is not None]
    if sigmas:
        lines.append(f"Ephemeris: up to {max(sigmas):.0f} urad, 1 sigma")
    moon = extremes.moon
    lines.append(f"Moon: nearest {moon.separation_deg:.1f} deg at {tenth_utc(moon.utc)}")
    return lines


def _violation(found: Violation, limits: Limits) -> str:
    says = {
        Limit.PITCH: "out of the pitch axis' range",
        Limit.KEYHOLE: "yaw would have to turn faster than it can",
        Limit.SUN_AVOIDANCE: f"within {limits.sun_avoidance_deg:.1f} deg of the Sun: the gimbal "
        "stays away",
        Limit.SUN_KEEP_OUT: f"within {limits.sun_deg:.1f} deg of the Sun: the shutter is shut",
        Limit.MOON: f"within {limits.moon_deg:.1f} deg of the Moon: the shutter is shut",
    }
    span = f"{found.from_utc[11:21]} to {found.to_utc[11:21]}"
    return f"{FLAGS[found.limit]}  {span}  {says[found.limit]}"


def _guidance(g: GuidancePlan) -> list[str]:
    low, high, first = g.yaw_from_deg, g.yaw_to_deg, g.yaw_start_deg
    lines = [
        f"Nearest to the yaw axis: {g.closest_deg:.2f} deg at {short_utc(g.closest_utc)}",
        f"Chosen: {g.chosen} ({g.why})",
        f"Yaw: {low:.0f} to {high:.0f} deg, first {first:.0f}; {g.max_yaw_rate_deg_s:.2f} deg/s",
        f"Planned loss of link, level: {g.loss_s:.2f} s (error over {g.tolerance_urad:.0f} urad)",
    ]
    sway = g.on_sway
    if sway:
        lines.append(
            f"  on {sway.sigma_mrad:.1f} mrad of sway: {100 * sway.quantile:.0f} % lose at most "
            f"{sway.quantile_loss_s:.1f} s, mean {sway.mean_loss_s:.1f} s"
        )
    if g.loss_s or (sway and sway.quantile_loss_s):
        lines.append(f"  LINK stands again {g.relink_s:.1f} s after it")
    return lines


def _ways(g: GuidancePlan) -> Table:
    table = Table(box=SIMPLE_HEAD)
    table.add_column("way", no_wrap=True)
    for heading in ("loss\ns", "error\nurad", "yaw\ndeg/s", "roll\ndeg"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("")
    for way in g.ways:
        numbers = way.loss_s, way.max_error_urad, way.max_yaw_rate_deg_s, way.max_roll_deg
        shown = (
            "" if number is None else f"{number:.{digits}f}"
            for number, digits in zip(numbers, (2, 0, 2, 1), strict=True)
        )
        note = "chosen" if way.name == g.chosen else way.why
        table.add_row(way.name, *shown, note, style=None if way.possible else "dim")
    return table


def _acquisition(a: AcquisitionPlan) -> list[str]:
    major, minor, round_ = (
        1e-3 * urad for urad in (a.sigma_major_urad, a.sigma_minor_urad, a.sigma_urad)
    )
    first, all_ = 100.0 * a.first_cover_probability, 100.0 * a.probability
    cover = f"First cover: {a.covers_s[0]:.1f} s, finds it with {first:.2f} %"
    if a.turn_s is not None and a.in_field_probability is not None:
        inside = 100.0 * a.in_field_probability
        cover = (
            f"By two, we {a.role} first: turns of {a.turn_s:.1f} s, the first with {first:.2f} %"
        )
        cover += f"\n    the partner as we are, and in our camera's field with {inside:.1f} %"
    late = f"95 % within {a.p95_s:.2f} s" if isfinite(a.p95_s) else "95 % are not reached"
    return [
        f"Begins {a.slew_s:.1f} s after the start, at {short_utc(a.begins_utc)}",
        f"Field of uncertainty, 1 sigma: {major:.2f} x {minor:.2f} mrad, at {a.angle_deg:.0f} deg",
        f"  {round_:.2f} mrad whatever the direction, {a.along_sigma_s:.2f} s along the path",
        f"Scan: {a.pattern}, {1e-3 * a.spacing_urad:.2f} mrad apart, {a.speed_mrad_s:.1f} mrad/s",
        cover,
        f"Centred beacon: {all_:.2f} % within {a.limit_s:.1f} s",
        f"  mean {a.expected_s:.2f} s, median {a.median_s:.2f} s, {late}",
    ]


def _link(link: LinkPlan) -> list[str]:
    return [
        f"Stands {link.usable_s:.1f} s, from {link.from_s:.1f} s after the start on",
        f"Detected {link.detected:,.0f}, errors {100.0 * link.qber:.2f} %",
        f"Sifted {link.sifted_bits:,.0f} bits, and {link.disclosed_bits:,.0f} disclosed",
        f"Expected secret key: {link.secret_key_bits:,.0f} bits",
        *_protocol(link),
        *_divergence(link),
        *_polarization(link),
    ]


def _protocol(link: LinkPlan) -> list[str]:
    best = link.best_protocol
    if best is None or best.secret_key_bits <= link.secret_key_bits:
        return []
    mu = ", ".join(f"{v:.3g}" for v in best.intensities)
    p = ", ".join(f"{v:.3g}" for v in best.intensity_probabilities)
    return [
        f"  {best.secret_key_bits:,.0f} bits with the best protocol for these bases:",
        f"    {mu} photons, sent with {p}",
    ]


def _divergence(link: LinkPlan) -> list[str]:
    if link.wider_from_offset_urad is None:
        return []
    off = f"{link.wider_from_offset_urad:.1f} urad"
    return [f"Divergence control: the least width; more for a beam over {off} off"]


def _polarization(link: LinkPlan) -> list[str]:
    deg, plate, left = (
        link.largest_phase_deg,
        100.0 * link.largest_plate_error,
        100.0 * link.largest_polarization_error,
    )
    lines = [f"Polarisation: a half-wave plate leaves up to {deg:.1f} deg of phase"]
    if deg > 0.0:
        lines.append(
            f"  by that phase up to {plate:.2f} % of errors; by all of the optics {left:.2f} %"
        )
    return lines


def _budget(answer: PlanAnswer) -> Table:
    """Where the light goes, at a few times."""
    table = Table(box=SIMPLE_HEAD, caption="losses in dB", padding=(0, 1, 0, 0))
    table.add_column("UTC", no_wrap=True)
    for heading in (
        "width\nurad",
        "beam",
        "jitter",
        "air",
        "optics",
        "det.",
        "all",
        "clicks\n1/s",
        "sifted\nkbit",
    ):
        table.add_column(heading, justify="right", no_wrap=True)
    rows = [row for row in answer.rows if row.link]
    every = max(1, -(-len(rows) // 12))
    for row in rows[::every]:
        link = row.link
        assert link is not None
        losses = (
            link.geometric_db,
            link.pointing_db,
            link.atmosphere_db,
            link.optics_db,
            link.detector_db,
            link.loss_db,
        )
        table.add_row(
            row.utc[11:19],
            f"{link.divergence_urad:.1f}",
            *(f"{loss:.1f}" for loss in losses),
            f"{link.detected_rate_hz:,.0f}",
            f"{link.sifted_bits * 1e-3:,.1f}",
        )
    return table


def _assumed(assumptions: list[Assumption]) -> list[str]:
    lines = [
        f"{a.what}: {a.value:.3g} {a.unit}".rstrip()
        + f" ({a.why}{f'; {a.option}' if a.option else ''})"
        for a in assumptions
        if a.value is not None
    ]
    left_out = [a.what for a in assumptions if a.value is None]
    return [*lines, f"left out: {', '.join(left_out)}"]
