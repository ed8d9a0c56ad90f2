"""Finite-key length of decoy-state BB84 from counts: what a flight says while it goes on.

The formulas are those of `decoy_bounds`; here are one set of plain numbers, and what may be asked.
"""

from typing import NamedTuple

import numpy as np

from config.mission import Security, Source
from terminal.qkd.decoy_bounds import Bound, Counts, KeyBounds, KeyRules, VacuumBound, bound_key
from terminal.qkd.leakage import Leakage

Triple = tuple[float, float, float]
"""One number per intensity: signal, decoy, vacuum."""


MOST_INTENSITY = 20.0
"""Photons of a weak pulse."""
LEAST_PROBABILITY = 1e-9
_APART = 1e-12
"""Between intensities: the bounds divide by their differences."""
_MOST_COUNTS = 1e30
_MOST_EFFICIENCY = 100.0


class SiftedCounts(NamedTuple):
    """Clicks in slots where both ends took the same basis, key slots only.

    Expectations need not be whole.
    """

    x: Triple
    """Key basis, per intensity."""
    z: Triple
    """Check basis, per intensity."""
    x_errors: float
    """Wrong bits among all of x, over all intensities."""
    z_errors: Triple
    """Wrong bits among z, per intensity."""


class KeyParameters(NamedTuple):
    """What the two ends agreed on."""

    intensities: Triple
    """Mean photon numbers mu1 > mu2 + mu3, mu2 > mu3 >= 0."""
    probabilities: Triple
    """Of the intensities; sum 1."""
    secrecy: float
    """Failure probability eps_s."""
    correctness: float
    """Failure probability eps_c."""
    efficiency: float
    """Error correction leaks this many times the Shannon limit; at least 1."""
    leakage: Leakage = "one_way_finite"
    bound: Bound = "chernoff"
    vacuum: VacuumBound = "strict"

    @property
    def rules(self) -> KeyRules:
        """All but what is sent."""
        return KeyRules(*self[2:])


class KeyEstimate(NamedTuple):
    """What the counts are worth."""

    secret_key_bits: float
    """At least 0."""
    unclipped_key_bits: float
    """The same before it is cut at 0: what an optimiser should climb."""
    qber_x: float
    """1/2 without any count."""
    phase_error_x: float
    """Upper bound, at most 1/2."""
    single_photon_x: float
    vacuum_x: float
    """Lower bounds on the key-basis counts that came from one and from no photon."""
    leakage_ec_bits: float
    sifted_x: float
    sifted_z: float


def key_parameters(source: Source, security: Security) -> KeyParameters:
    """The parameters that a mission agreed on: Chernoff bounds, finite one-way leakage."""
    return KeyParameters(
        source.intensities,
        source.intensity_probabilities,
        security.secrecy,
        security.correctness,
        security.error_correction_efficiency,
    )


def key_length(counts: SiftedCounts, params: KeyParameters) -> KeyEstimate:
    """Secret bits that can be distilled from `counts`.

    Any possible counts, zeros included, give a finite answer. Raises ValueError naming the field
    for counts or parameters that cannot be.
    """
    check_counts(counts)
    check_parameters(params)
    return estimate_of(
        bound_key(
            Counts(*(np.array(field, dtype=np.float64) for field in counts)),
            np.array(params.intensities),
            np.array(params.probabilities),
            params.rules,
        )
    )


def estimate_of(bounds: KeyBounds) -> KeyEstimate:
    """The bounds of one set of parameters, arrays of one number each, as plain numbers."""
    unclipped, *others = (float(field) for field in bounds)
    return KeyEstimate(max(unclipped, 0.0), unclipped, *others)


def check_counts(counts: SiftedCounts) -> None:
    """Raises ValueError naming the field: negative, not finite, or more errors than counts."""
    fields = {"x": counts.x, "z": counts.z, "z_errors": counts.z_errors}
    for name, values in {**fields, "x_errors": (counts.x_errors,)}.items():
        if not all(0 <= v <= _MOST_COUNTS for v in values):
            raise ValueError(f"{name}: counts must be 0 to {_MOST_COUNTS:g}, got {values}")
    if counts.x_errors > sum(counts.x):
        raise ValueError(f"x_errors: {counts.x_errors} errors in {sum(counts.x)} counts")
    for k, (errors, count) in enumerate(zip(counts.z_errors, counts.z, strict=True)):
        if errors > count:
            raise ValueError(f"z_errors[{k}]: {errors} errors in {count} counts")


def check_parameters(params: KeyParameters) -> None:
    """Raises ValueError naming the field if the decoy bounds do not hold for `params`."""
    check_intensities(params)
    check_rules(params.rules)


def check_intensities(params: KeyParameters) -> None:
    """The part of `check_parameters` about what is sent."""
    mu1, mu2, mu3 = params.intensities
    apart = mu3 >= 0 and mu2 - mu3 > _APART and mu1 - mu2 - mu3 > _APART
    if not (apart and mu1 <= MOST_INTENSITY):
        raise ValueError(
            f"intensities: need mu1 > mu2 + mu3, mu2 > mu3 >= 0 and mu1 <= {MOST_INTENSITY:g}, "
            f"got {params.intensities}"
        )
    p = params.probabilities
    if not all(v >= LEAST_PROBABILITY for v in p) or abs(sum(p) - 1) > 1e-6:
        raise ValueError(f"probabilities: need three numbers over 0 with sum 1, got {p}")


def check_rules(rules: KeyRules) -> None:
    """The part of `check_parameters` about what is proven."""
    for name, value in (("secrecy", rules.secrecy), ("correctness", rules.correctness)):
        if not 0 < value < 1:
            raise ValueError(f"{name}: need a number between 0 and 1, got {value}")
    if not 1 <= rules.efficiency <= _MOST_EFFICIENCY:
        raise ValueError(f"efficiency: need 1 to {_MOST_EFFICIENCY:g}, got {rules.efficiency}")
