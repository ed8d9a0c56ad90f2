"""What `qsky budget` says: a scenario's link when the partner is nearest, and furthest."""

import math

from msgspec import Struct

from config.mission import Mission, PlatformPartner, SatellitePartner
from config.terminal import TerminalConfig
from terminal.optics.budget import BudgetRow, Receiver, Sender, Way, budget, total_db
from terminal.optics.turbulence import HV57, AirPath, air_path
from terminal.plan_answer import PlanAnswer
from terminal.plan_assumptions import Assumed, Assumption
from terminal.plan_link import LEAST_SINE
from terminal.plan_receiver import receiving_end
from terminal.plan_row import PlanRow

LOWEST_RAD = math.radians(5.0)
"""Plane-parallel air is taken as it is at this elevation for anything lower."""
DETECTORS = 4


class Moment(Struct, frozen=True):
    """One time, and what the link loses then."""

    name: str
    utc: str
    elevation_deg: float
    loss_db: float
    rows: list[BudgetRow]


class BudgetAnswer(Struct, frozen=True):
    """As it goes to JSON."""

    scenario: str
    direction: str
    moments: list[Moment]
    assumptions: list[Assumption]


def budget_answer(
    plan: PlanAnswer, scenario: str, mission: Mission, config: TerminalConfig, assumed: Assumed
) -> BudgetAnswer:
    """Budgets at the nearest and the furthest row of the plan."""
    nearest = min(plan.rows, key=lambda row: row.range_m)
    furthest = max(plan.rows, key=lambda row: row.range_m)
    moments = [
        _moment(name, row, mission, config, assumed)
        for name, row in (("nearest", nearest), ("furthest", furthest))
    ]
    turbulence = Assumption(
        "turbulence", None, "", "Hufnagel-Valley 5/7; ground layer from the terminal down, or from "
        "sea level for one that flies; Bufton's wind, 5 m/s at the ground", ""
    )  # fmt: skip
    # The plan says that it leaves scintillation out; here it is a row.
    stated = [a for a in plan.assumptions if a.what != "scintillation"]
    return BudgetAnswer(scenario, mission.direction, moments, [*stated, turbulence])


def _moment(
    name: str, row: PlanRow, mission: Mission, config: TerminalConfig, assumed: Assumed
) -> Moment:
    assert row.link is not None
    ours_is_lower = _partner_m(mission) >= mission.track.altitude_m
    sends_from_below = (mission.direction == "uplink") == ours_is_lower
    wavelength_m = mission.source.wavelength_m
    sender = Sender(wavelength_m, row.link.divergence_urad * 1e-6, assumed.jitter_rad)
    air_mass = 1.0
    if isinstance(mission.partner, SatellitePartner):
        air_mass = 1 / max(math.sin(math.radians(row.elevation_deg)), LEAST_SINE)
    way = Way(
        row.range_m,
        _air(row, mission),
        "lower" if sends_from_below else "upper",
        assumed.zenith_transmittance,
        air_mass,
        math.radians(row.sky_rate_deg_s),
    )
    end = receiving_end(mission, config, assumed)
    optics = mission.receiver or config.optics
    receiver = Receiver(
        end.aperture_m,
        end.transmittance,
        end.detector_efficiency,
        optics.field_of_view_rad,
        optics.filter_bandwidth_m,
        end.gate_s,
        DETECTORS * assumed.dark_rate_hz,
        assumed.background_w_m2_sr_um,
    )
    rows = [*budget(sender, way, receiver), *_polarization(row)]
    return Moment(name, row.utc, row.elevation_deg, total_db(rows), rows)


def _polarization(row: PlanRow) -> list[BudgetRow]:
    assert row.link is not None
    frame_deg = math.nan if row.polarization_frame_deg is None else row.polarization_frame_deg
    return [
        BudgetRow(
            "polarisation: frame",
            frame_deg,
            "deg",
            None,
            "partner's H across the line of sight, right to up",
            "plan; followed by the plate",
        ),
        BudgetRow(
            "polarisation: phase",
            row.link.phase_deg,
            "deg",
            None,
            "between the poles of the Poincare sphere before and after",
            "given; mirrors: Born & Wolf, 14.2",
        ),
        BudgetRow(
            "errors by it, half-wave plate alone",
            100.0 * row.link.plate_error,
            "%",
            None,
            "sin^2(phase / 2) / 2, mean of both bases",
            "Mueller matrices: Goldstein 2011",
        ),
        BudgetRow(
            "errors by all polarisation optics",
            100.0 * row.link.polarization_error,
            "%",
            None,
            "wrong clicks behind mirrors, retarder and plate at their best",
            "Jones vectors: Goldstein 2011",
        ),
    ]


def _air(row: PlanRow, mission: Mission) -> AirPath:
    own_m, partner_m = mission.track.altitude_m, _partner_m(mission)
    lower_m, upper_m = sorted((own_m, partner_m))
    elevation_rad = max(abs(math.radians(row.elevation_deg)), LOWEST_RAD)
    ground_m = lower_m if mission.track.speed_m_s == 0.0 else min(lower_m, 0.0)
    air = HV57._replace(ground_m=ground_m)
    return air_path(lower_m, upper_m, math.pi / 2 - elevation_rad, air)._replace(
        length_m=row.range_m
    )


def _partner_m(mission: Mission) -> float:
    """Altitude; of a satellite any that is over all air."""
    if isinstance(mission.partner, PlatformPartner):
        return mission.partner.track.altitude_m
    return 500e3
