"""What the photons of a planned pass will do: loss, clicks, sifted bits, secret key.

Only means, from what the mission agrees on, what the terminal is made of, and what is assumed.
"""

from itertools import pairwise
from math import degrees, hypot, inf, log10, radians, sin, sqrt
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from msgspec import Struct

from config.mission import Mission, SatellitePartner
from config.terminal import TerminalConfig
from terminal.plan_assumptions import Assumed
from terminal.plan_receiver import (
    BasisErrors,
    Receiving,
    clicks_per_second,
    receiving_end,
    summed_counts,
)
from terminal.plan_row import PlanRow, RowLink

if TYPE_CHECKING:
    from terminal.control.beam_width import Sent
    from terminal.plan_protocol import PlannedProtocol

LEAST_SINE = 1e-3
"""The plane-parallel air mass 1 / sin(elevation) has no meaning at the horizon: it stops here."""


class LinkPlan(Struct, frozen=True):
    """What the whole pass is worth."""

    from_s: float
    """Since the start of the plan: slew and the median search are over."""
    usable_s: float
    """From there: in sight, shutter open, and not lost in a keyhole."""
    best_loss_db: float
    detected: float
    """Clicks in the gate."""
    sifted_bits: float
    disclosed_bits: float
    """Bits of the key basis that are given away to estimate the errors."""
    qber: float
    secret_key_bits: float
    best_protocol: "PlannedProtocol | None"
    """None where the link never stands."""
    divergence_policy: str
    """best: control chooses the width; fixed: the mission's."""
    wider_from_offset_urad: float | None
    """A standing offset of the sent beam over this asks control for more than the least width:
    w^2 + 4 sigma^2 = 2 b^2. None without control."""
    largest_phase_deg: float
    """Of all rows, what no half-wave plate undoes ..."""
    largest_plate_error: float
    """... what a plate alone leaves by it ..."""
    largest_polarization_error: float
    """... and what the terminal leaves."""


class Outage(NamedTuple):
    """A time without link, seconds since the start of the plan."""

    from_s: float
    to_s: float


def with_link(
    rows: list[PlanRow],
    times_s: list[float],
    outages: list[Outage],
    mission: Mission,
    config: TerminalConfig,
    assumed: Assumed,
    from_s: float,
) -> tuple[list[PlanRow], LinkPlan]:
    """The rows with their link, and what the pass is worth.

    times_s: of the rows, since the start of the plan, ascending. Each row stands for the time that
    is nearer to it than to its neighbours, but for `outages`, which may overlap.
    """
    from terminal.plan_polarization import polarization_left
    from terminal.plan_protocol import best_protocol
    from terminal.qkd.finite_key import key_length, key_parameters

    receiving = receiving_end(mission, config, assumed)
    control = _control(mission, config)
    apart = _merged([Outage(-inf, from_s), *outages])
    seconds = _seconds(times_s, apart)
    kept = 1.0 - mission.security.disclosed_x_share
    done, each_s, errors = [], [], []
    detected = sifted = 0.0
    for row, time_s, stands_s in zip(rows, times_s, seconds, strict=True):
        width_rad = _width_rad(row, mission, config, control, assumed)
        budget = _budget(row, width_rad, mission, receiving, assumed)
        left = polarization_left(config.polarization, row)
        wrong = BasisErrors.of(assumed, left.error_x, left.error_z)
        rate_hz, counts_s = clicks_per_second(
            budget.transmittance, mission, receiving, assumed, wrong
        )
        each_s.append(counts_s)
        errors.append(wrong)
        detected += rate_hz * stands_s
        sifted += kept * stands_s * sum(counts_s.x)
        stands = not any(o.from_s <= time_s < o.to_s for o in apart)
        link = msgspec.structs.replace(
            budget,
            detected_rate_hz=rate_hz if stands else 0.0,
            sifted_bits=sifted,
            phase_deg=degrees(left.phase_rad),
            plate_error=left.plate_error,
            polarization_error=0.5 * (left.error_x + left.error_z),
        )
        done.append(msgspec.structs.replace(row, link=link))
    counts = summed_counts(each_s, seconds, kept)
    key = key_length(counts, key_parameters(mission.source, mission.security))
    links = [row.link for row in done if row.link]
    transmittance = [link.transmittance for link in links]
    return done, LinkPlan(
        from_s=from_s,
        usable_s=sum(seconds),
        best_loss_db=min(link.loss_db for link in links),
        detected=detected,
        sifted_bits=key.sifted_x,
        disclosed_bits=key.sifted_x * mission.security.disclosed_x_share / kept,
        qber=key.qber_x,
        secret_key_bits=key.secret_key_bits,
        best_protocol=best_protocol(transmittance, errors, seconds, mission, receiving, assumed),
        divergence_policy="best" if control else "fixed",
        wider_from_offset_urad=(
            1e6 * sqrt(control.narrowest_rad**2 / 8.0 + 2.0 * assumed.jitter_rad**2)
            if control
            else None
        ),
        largest_phase_deg=max(link.phase_deg for link in links),
        largest_plate_error=max(link.plate_error for link in links),
        largest_polarization_error=max(link.polarization_error for link in links),
    )


def without_counts(rows: list[PlanRow]) -> list[PlanRow]:
    """The rows with no clicks that could make a key."""
    return [
        msgspec.structs.replace(
            row, link=msgspec.structs.replace(row.link, detected_rate_hz=0.0, sifted_bits=0.0)
        )
        if row.link
        else row
        for row in rows
    ]


def _control(mission: Mission, config: TerminalConfig) -> "Sent | None":
    """What divergence control has to choose from; None where the width is the mission's."""
    if config.divergence is None or mission.receiver is None or config.divergence.policy == "fixed":
        return None
    from terminal.control.beam_width import Sent
    from terminal.control.expander import curve_of

    limits_rad = curve_of(config.divergence).limits_rad
    return Sent(mission.source.wavelength_m, mission.receiver.aperture_m, *limits_rad)


def _width_rad(
    row: PlanRow,
    mission: Mission,
    config: TerminalConfig,
    control: "Sent | None",
    assumed: Assumed,
) -> float:
    """1/e^2 full angle. An offset of which only its sigma is known adds to the jitter."""
    if control is None or config.divergence is None:
        return mission.beam.full_divergence_rad
    from terminal.control.beam_width import best_rad

    error_rad = hypot(assumed.jitter_rad, config.divergence.offset_sigma_rad)
    return best_rad(control, row.range_m, error_rad)


def _budget(
    row: PlanRow, width_rad: float, mission: Mission, receiving: Receiving, assumed: Assumed
) -> RowLink:
    from terminal.optics.beam import beam_radius_m, collected_fraction, mean_collected_fraction

    radius_m = beam_radius_m(row.range_m, width_rad, mission.source.wavelength_m)
    held = float(collected_fraction(receiving.aperture_m, radius_m))
    collected = float(
        mean_collected_fraction(receiving.aperture_m, radius_m, row.range_m, assumed.jitter_rad)
    )
    air_mass = 1.0
    if isinstance(mission.partner, SatellitePartner):
        air_mass = 1.0 / max(sin(radians(row.elevation_deg)), LEAST_SINE)
    air_db = _db(assumed.zenith_transmittance) * air_mass
    optics_db, detector_db = _db(receiving.transmittance), _db(receiving.detector_efficiency)
    loss_db = _db(collected) + air_db + optics_db + detector_db
    return RowLink(
        geometric_db=_db(held),
        pointing_db=_db(collected) - _db(held),
        atmosphere_db=air_db,
        optics_db=optics_db,
        detector_db=detector_db,
        loss_db=loss_db,
        transmittance=10.0 ** (-0.1 * loss_db),
        detected_rate_hz=0.0,
        sifted_bits=0.0,
        divergence_urad=1e6 * width_rad,
    )


def _db(transmittance: float) -> float:
    return -10.0 * log10(transmittance) if transmittance < 1.0 else 0.0


def _seconds(times_s: list[float], outages: list[Outage]) -> list[float]:
    """For how long of the time that a row stands for the link does. outages: apart."""
    edges = [0.5 * (a + b) for a, b in pairwise(times_s)]
    edges = [times_s[0], *edges, times_s[-1]]
    return [
        high - low - sum(max(0.0, min(high, o.to_s) - max(low, o.from_s)) for o in outages)
        for low, high in pairwise(edges)
    ]


def _merged(outages: list[Outage]) -> list[Outage]:
    """The same times, none of them twice."""
    apart: list[Outage] = []
    for outage in sorted(outages):
        if apart and outage.from_s <= apart[-1].to_s:
            apart[-1] = Outage(apart[-1].from_s, max(apart[-1].to_s, outage.to_s))
        else:
            apart.append(outage)
    return apart
