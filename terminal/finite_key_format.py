"""What stands in the file of `qsky finite-key`: {"losses": {name: LossTable}, "cases": [...]}."""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from terminal.qkd.finite_key import Triple
from terminal.qkd.protocol_domain import Range

Failure = Annotated[float, Meta(gt=0, lt=1)]
Half = Annotated[float, Meta(ge=0, le=0.5)]
Probability = Annotated[float, Meta(ge=0, le=1)]


class LossTable(Struct):
    """A pass. Each slot of time lasts one second."""

    time_s: list[float]
    transmittance: list[float]
    """Sender to click."""


class CaseSource(Struct):
    pulse_rate_hz: Annotated[float, Meta(gt=0, le=1e13)] | None = None
    intensities: Triple | None = None
    intensity_probabilities: Triple | None = None
    basis_x_probability: Probability | None = None


class CaseReceiver(Struct):
    extraneous_count_probability: Half
    afterpulse_probability: Half
    intrinsic_qber: Half


class CaseSecurity(Struct):
    secrecy: Failure
    correctness: Failure


class CaseErrorCorrection(Struct):
    model: Literal["efficiency", "one_way_finite"]
    efficiency: Annotated[float, Meta(ge=1, le=100)]


class CaseBounds(Struct):
    """Ranges that an optimised case may choose from."""

    basis_x_probability: Range
    intensity_probabilities: tuple[Range, Range]
    intensities: tuple[Range, Range, Range]


class CaseCounts(Struct):
    """What was counted in place of a pass to expect it from."""

    x: Triple
    z: Triple
    x_errors: float
    z_errors: Triple
    detected: float | None = None
    """All clicks, of which those above are a part."""


class Asked(Struct, kw_only=True):
    """What every case says."""

    id: Annotated[str, Meta(min_length=1, max_length=200)]
    source: CaseSource
    security: CaseSecurity
    error_correction: CaseErrorCorrection
    bound: Literal["chernoff", "hoeffding"]
    passes: Annotated[int, Meta(ge=1, le=1_000_000)] = 1
    expect: Any = None


class PassAsked(Asked, kw_only=True):
    loss: str
    half_window_s: Annotated[float, Meta(ge=0)]
    extra_loss_db: Annotated[float, Meta(ge=0, le=1000)]
    receiver: CaseReceiver
    optimise: bool = False
    bounds: CaseBounds | None = None


class CountsAsked(Asked, kw_only=True):
    counts: CaseCounts
