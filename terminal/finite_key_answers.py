"""What `qsky finite-key` answers to one case."""

from collections.abc import Iterator
from math import isfinite
from typing import Any

from terminal.finite_key_cases import Case, CountedCase, FixedCase, FreeCase
from terminal.qkd.expected import key_over
from terminal.qkd.finite_key import KeyEstimate, key_length
from terminal.qkd.optimise import optimise

Answer = dict[str, Any]


def answer(case: Case) -> Answer:
    """Key bits are per pass; counts and leakage are of all passes together.

    A fixed pass takes the vacuum bound as published, so that it can be compared; with light in the
    vacuum pulses that overstates the key, and `strict_key_bits` tells what can be had.
    """
    longer_pass: float | None = None
    p_x: float | None = None
    strict: KeyEstimate | None = None
    if isinstance(case, CountedCase):
        mu, p = case.params.intensities, case.params.probabilities
        key = key_length(case.counts, case.params)
    elif isinstance(case, FixedCase):
        mu, p, p_x = case.params.intensities, case.params.probabilities, case.basis_x_probability
        rules = case.params.rules
        key = key_over(case.link, mu, p, p_x, rules)
        if mu[2] > 0.0:
            strict = key_over(case.link, mu, p, p_x, rules._replace(vacuum="strict"))
    else:
        mu, p, p_x, key, longer = optimise(case.link, case.domain, case.rules)
        longer_pass = longer if isfinite(longer) else None
    return {
        "id": case.id,
        "secret_key_bits": key.secret_key_bits / case.passes,
        "strict_key_bits": (strict or key).secret_key_bits / case.passes,
        "qber_x": key.qber_x,
        "phase_error_x": key.phase_error_x,
        "sifted_x": key.sifted_x,
        "sifted_z": key.sifted_z,
        "leakage_ec_bits": key.leakage_ec_bits,
        "single_photon_x": key.single_photon_x,
        "vacuum_x": key.vacuum_x,
        "unclipped_key_bits": key.unclipped_key_bits / case.passes,
        "parameters": {
            "intensities": mu,
            "intensity_probabilities": p,
            "basis_x_probability": p_x,
        },
        "optimised": isinstance(case, FreeCase),
        "longer_pass": longer_pass,
        "flags": list(_flags(key, strict or key)),
    }


def _flags(key: KeyEstimate, strict: KeyEstimate) -> Iterator[str]:
    """Why there is no key, and what can hardly be meant."""
    if key.sifted_x <= 0:
        yield "key basis empty"
    if key.sifted_z <= 0:
        yield "check basis empty"
    if key.sifted_x > 0 and key.qber_x > 0.5:
        yield "error rate above one half"
    if key.phase_error_x >= 0.5:
        yield "phase error unbounded"
    if key.secret_key_bits <= 0:
        yield "no key"
    if strict.secret_key_bits < key.secret_key_bits - 1.0:
        yield "published vacuum bound overstates the key"
