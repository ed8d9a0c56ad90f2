"""The way through the keyhole as the plan shows it: what there was to choose from, and why."""

from math import degrees

from msgspec import Struct

from config.terminal import ExpectedSway, TerminalConfig
from terminal.control.guidance.keyhole_plan import Candidate, KeyholePlan
from terminal.control.guidance.sway_loss import QUANTILE, SWAYS, SwayLoss
from terminal.geometry.time_scales import SECOND_NS, utc_text
from terminal.plan_link import Outage

RELINK_SETTLING_S = 1.0
"""[?] Beside the hand-over: the pull-in before it and the mirror's settling after it. Flights
through the zenith took 0.9 to 1.1 s."""


class Way(Struct, frozen=True):
    """One way through. Numbers are None where it was not worth flying."""

    name: str
    possible: bool
    loss_s: float | None
    """Time for which the error is over the tolerance."""
    max_error_urad: float | None
    max_yaw_rate_deg_s: float | None
    max_roll_deg: float | None
    why: str
    """Why it is not possible; empty where it is."""


class OnSway(Struct, frozen=True):
    """Loss of link by the chosen way on a body that sways as expected."""

    sigma_mrad: float
    """1-sigma of roll and pitch."""
    period_s: float
    sways: int
    """So many were drawn and flown through."""
    mean_loss_s: float
    quantile: float
    quantile_loss_s: float
    """Of this share of the sways, none loses more."""


class GuidancePlan(Struct, frozen=True):
    """Of one pass; as the gimbal's base is planned to stand."""

    from_utc: str
    closest_utc: str
    """When the partner is nearest to the yaw axis."""
    closest_deg: float
    tolerance_urad: float
    """An error over this counts as loss of link: the mirror's reach."""
    yaw_from_deg: float
    yaw_to_deg: float
    """Least and most yaw of the chosen way, on its turn of the cable."""
    yaw_start_deg: float
    ways: list[Way]
    """In the order of effort."""
    chosen: str
    why: str
    loss_s: float
    """Loss of link that is planned for a level body."""
    max_yaw_rate_deg_s: float
    on_sway: OnSway | None
    """None where no sway is expected."""
    relink_s: float
    """From the end of a loss until LINK stands again."""


def relink_s(config: TerminalConfig) -> float:
    """A loss is one of pointing: after it the camera holds the beacon, and hands it over."""
    return config.coarse.handover_s + RELINK_SETTLING_S


def guidance_plan(
    plan: KeyholePlan, start_tai_ns: int, loss: SwayLoss | None, config: TerminalConfig
) -> GuidancePlan:
    """start_tai_ns: where the plan's times are 0. loss: on the expected sway."""
    yaw_deg = [degrees(yaw) for yaw in plan.yaw_rad]
    return GuidancePlan(
        from_utc=utc_text(start_tai_ns),
        closest_utc=utc_text(start_tai_ns + round(plan.closest_s * SECOND_NS)),
        closest_deg=degrees(plan.closest_rad),
        tolerance_urad=plan.tolerance_rad * 1e6,
        yaw_from_deg=min(yaw_deg),
        yaw_to_deg=max(yaw_deg),
        yaw_start_deg=yaw_deg[0],
        ways=[_way(candidate) for candidate in plan.candidates],
        chosen=plan.chosen.name,
        why=_why(plan),
        loss_s=plan.chosen.loss_s or 0.0,
        max_yaw_rate_deg_s=degrees(plan.chosen.max_yaw_rate_rad_s or 0.0),
        on_sway=_on_sway(loss, config.expected_sway) if loss else None,
        relink_s=relink_s(config),
    )


def _on_sway(loss: SwayLoss, sway: ExpectedSway) -> OnSway:
    return OnSway(
        sway.sigma_rad * 1e3, sway.period_s, SWAYS, loss.mean_s, QUANTILE, loss.quantile_s
    )


def keyhole_outages(
    plan: KeyholePlan, loss: SwayLoss | None, config: TerminalConfig
) -> list[Outage]:
    """The planned loss (on a sway its mean), taken to lie about the closest approach, and until the
    link stands again."""
    loss_s = loss.mean_s if loss else plan.chosen.loss_s or 0.0
    if loss_s == 0.0:
        return []
    half_s = 0.5 * loss_s
    return [Outage(plan.closest_s - half_s, plan.closest_s + half_s + relink_s(config))]


def _way(c: Candidate) -> Way:
    def deg(angle_rad: float | None) -> float | None:
        return None if angle_rad is None else degrees(angle_rad)

    return Way(
        c.name,
        c.possible,
        c.loss_s,
        None if c.max_error_rad is None else c.max_error_rad * 1e6,
        deg(c.max_yaw_rate_rad_s),
        deg(c.max_roll_rad),
        c.why,
    )


def _why(plan: KeyholePlan) -> str:
    """Why the chosen one, against the best of the others."""
    chosen = plan.chosen
    if not chosen.possible:
        return f"nothing better, though it {chosen.why}"
    loss_s = chosen.loss_s or 0.0
    others = [
        c.loss_s for c in plan.candidates if c is not chosen and c.possible and c.loss_s is not None
    ]
    if others and min(others) <= loss_s:
        tie = "no loss" if loss_s == 0.0 else f"{loss_s:.2f} s of loss"
        return f"{tie}; least error and effort of such ways"
    if others:
        return f"least loss: {loss_s:.2f} s, the next loses {min(others):.2f} s"
    return f"the only one that is possible; it loses {loss_s:.2f} s"
