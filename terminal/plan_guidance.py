"""The way through the keyhole as the plan shows it: what there was to choose from, and why."""

from math import degrees

from msgspec import Struct

from terminal.control.guidance.keyhole_plan import Candidate, KeyholePlan
from terminal.geometry.time_scales import SECOND_NS, utc_text
from terminal.plan_link import Outage


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
    """Loss of link that is planned."""
    max_yaw_rate_deg_s: float


def guidance_plan(plan: KeyholePlan, start_tai_ns: int) -> GuidancePlan:
    """start_tai_ns: where the plan's times are 0."""
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
    )


def keyhole_outages(plan: KeyholePlan, after_s: float = 0.0) -> list[Outage]:
    """The planned loss, taken to lie about the closest approach, `after_s` later than in the
    plan."""
    loss_s = plan.chosen.loss_s or 0.0
    if loss_s == 0.0:
        return []
    middle_s = plan.closest_s + after_s
    return [Outage(middle_s - 0.5 * loss_s, middle_s + 0.5 * loss_s)]


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
