"""summary.json of a flight: what was reached, against what the truth implies."""

import math
from typing import Any

import numpy as np

from config.scenario import Scenario
from hil.expected import Bins, Expectation, expected_key
from hil.quality_summary import counts_by_quality, gains_by_basis
from hil.score import Scorer
from sim_devices.world import World
from terminal.bus import Bus
from terminal.control.guidance.sway_loss import QUANTILE
from terminal.guidance_plan import loss_on_sway, planned_pass, way_through
from terminal.mode import Mode
from terminal.qkd.estimate_flags import EstimateFlag
from terminal.safety import Unsafe

BIN_S = 1.0
SENT_BIN_S = 0.1
"""In an uplink, whose beam may change its width from one moment to the next: a block's length."""


def _first(scorer: Scorer, mode: Mode) -> float | None:
    return next((span.start_s for span in scorer.modes if span.mode is mode), None)


def _acquisition_s(scorer: Scorer) -> float | None:
    """From the first ACQUIRE to the first TRACK."""
    start, end = _first(scorer, Mode.ACQUIRE), _first(scorer, Mode.TRACK)
    return None if start is None or end is None else end - start


def expectation(scenario: Scenario, world: World, scorer: Scorer) -> Expectation | None:
    """The analytic link model over the same gated interval; None if there was none."""
    middle_s = np.array([b.middle_s for b in scorer.link_bins])
    gated_s = np.array([b.gated_s for b in scorer.link_bins])
    gate_s = np.array([b.gate_half_width_s for b in scorer.link_bins])
    if not gated_s.sum() > 0:
        return None
    bin_s = SENT_BIN_S if scenario.mission.direction == "uplink" else BIN_S
    index = (middle_s / bin_s).astype(np.int64)
    gated = np.asarray(np.bincount(index, gated_s), np.float64)
    # The gate moves in steps of some per cent: its mean over a bin stands for it.
    gate = np.bincount(index, gate_s * gated_s) / np.where(gated > 0, gated, 1.0)
    centre_s = (np.arange(len(gated)) + 0.5) * bin_s
    points = scorer.polarization.points
    t_pol = np.array([p.t_s for p in points])
    los = world.los
    jitter_rad = scenario.world.partner.jitter_rad
    if scenario.mission.direction == "uplink":
        jitter_rad = scorer.pointing_rad()
    # The error rate goes with the contrast, so its mean over a bin is exact.
    pol_index = np.minimum((t_pol / bin_s).astype(np.int64), len(gated) - 1)
    count = np.maximum(np.bincount(pol_index, minlength=len(gated)), 1)
    contrast_x, contrast_z = (
        np.bincount(pol_index, column, len(gated)) / count
        for column in ([p.contrast_x for p in points], [p.contrast_z for p in points])
    )
    return expected_key(
        scenario.mission,
        scenario.mission.receiver or scenario.terminal.optics,
        gate,
        scenario.world,
        Bins(
            gated_s=gated,
            range_m=np.interp(centre_s, los.t_s, los.range_m),
            elevation_rad=np.interp(centre_s, los.t_s, los.elevation_rad),
            contrast_x=contrast_x,
            contrast_z=contrast_z,
            jitter_rad=np.full(len(gated), jitter_rad),
            full_divergence_rad=np.interp(centre_s, t_pol, scorer.divergences_rad),
        ),
    )


def planned_guidance(scenario: Scenario, start_tai_ns: int) -> dict[str, Any]:
    """How the pass was planned to be steered; nothing for one that is too short to plan.

    `planned_on_sway` is None where no sway is expected. Sways are flown through only near a zenith.
    """
    config = scenario.terminal
    flown = planned_pass(scenario.mission, config, start_tai_ns)
    plan = way_through(flown, config)
    loss = loss_on_sway(flown, plan, config) if plan else None
    return {
        "strategy": plan.chosen.name if plan else None,
        "planned_loss_s": plan.chosen.loss_s if plan else None,
        "planned_on_sway": loss
        and {"mean_loss_s": loss.mean_s, "quantile": QUANTILE, "quantile_loss_s": loss.quantile_s},
    }


def _urad(pair: tuple[float, float] | None) -> list[float] | None:
    return None if pair is None else [1e6 * pair[0], 1e6 * pair[1]]


def summarise(
    scenario: Scenario,
    world: World,
    scorer: Scorer,
    bus: Bus,
    seed: int,
    simulated_s: float,
    fine_hz: int,
    health: dict[str, Any],
) -> dict[str, Any]:
    """All fields that do not depend on the wall clock.

    health: by role, what each device's driver saw go wrong on the wire.
    """
    link, expected = bus.link.command, expectation(scenario, world, scorer)
    coarse = scorer.coarse.rms()
    links_s = [(s.start_s, s.end_s) for s in scorer.modes if s.mode is Mode.LINK]
    bound_urad = 1e6 * world.fine_bound_rad(fine_hz, links_s or None)
    linked_s = sum(s.end_s - s.start_s for s in scorer.modes if s.mode is Mode.LINK)
    ahead = scorer.ahead.rms()
    slots = scorer.slots
    rings = bus.rings()
    return {
        "scenario": scenario.name,
        "direction": scenario.mission.direction,
        "seed": seed,
        "simulated_s": simulated_s,
        "modes": [
            {"mode": s.mode.name, "start_s": round(s.start_s, 6), "end_s": round(s.end_s, 6)}
            for s in scorer.modes
        ],
        "acquisition_s": _acquisition_s(scorer),
        "coarse_urad_rms": _urad(coarse),
        "fine_urad_rms": _urad(scorer.fine.rms()),
        "fine_bound_urad_rms": [bound_urad, bound_urad],
        "point_ahead_error_urad_rms": None if ahead is None else 1e6 * math.hypot(*ahead),
        "point_ahead_limited_ticks": scorer.aims_limited,
        **scorer.polarization.summary(),
        "clock": {**scorer.clock.summary(), "slips": slots.slips},
        "counts": {
            "sent": round(scorer.slots_in_link),
            "detected": link.detected,
            "sifted": link.sifted,
            "disclosed": link.disclosed,
            "disclosed_key": link.disclosed_key,
        },
        "counts_by_quality": counts_by_quality(link),
        "gains": gains_by_basis(link),
        "estimate_flags": [f.name for f in EstimateFlag if f & link.estimate_flags],
        "qber": link.qber if link.disclosed_key else None,
        "qber_true": slots.qber_true(),
        "secret_key_bits": link.secret_key_bits,
        "secret_key_bits_expected": expected.secret_key_bits if expected else 0.0,
        "detected_expected": expected.detected_key if expected else 0.0,
        "announcements_expired": link.expired,
        "clicks_dropped": link.dropped,
        "tallies_late": link.tallies_late,
        "tallies_refused": link.tallies_refused,
        "device_health": health,
        "link_fraction": linked_s / simulated_s,
        "ticks": {name: ring.seq for name, ring in rings.items()},
        "lost_ticks": sum(ring.lost for ring in rings.values()),
        "safety_events": [
            {"t_s": event["t_s"], "unsafe": [u.name for u in Unsafe if u & event["unsafe"]]}
            for event in scorer.events
        ],
        "navigation_events": scorer.navigation.spans,
        "fine_events": scorer.mirror.spans,
        "polarization_events": scorer.optics.spans,
        "keep_out": scorer.keep_out.spans,
    }
