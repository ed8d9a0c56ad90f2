"""What the link loop counted, by track quality and by intensity, for summary.json."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from terminal.quantum_messages import LinkCommand

QUALITIES = ("off", "poor", "good")
BASES = ("x", "z")
INTENSITIES = ("signal", "decoy", "vacuum")
_ROWS = ("x_kept", "z", "z_errors", "x_disclosed", "x_errors")
"""Of LinkCommand.sifted_by_quality."""


def counts_by_quality(link: LinkCommand) -> dict[str, dict[str, Any]]:
    """{quality: {key_slots, detected, sifted, disclosed, errors, and per intensity what of it}}.

    Counts per intensity are [signal, decoy, vacuum]; errors are those among the disclosed bits.
    Of what is off nothing is announced, and so nothing sifted.
    """
    sifted = np.concatenate(
        [np.zeros((1, 5, 3), np.int64), link.sifted_by_quality.reshape(2, 5, 3)]
    )
    answer: dict[str, dict[str, Any]] = {}
    for name, slots, detected, counts in zip(
        QUALITIES,
        link.slots_by_quality.tolist(),
        link.detected_by_quality.tolist(),
        sifted,
        strict=True,
    ):
        rows = dict(zip(_ROWS, counts.tolist(), strict=True))
        disclosed = sum(rows["x_disclosed"]) + sum(rows["z"])
        answer[name] = {
            "key_slots": slots,
            "detected": detected,
            "sifted": sum(rows["x_kept"]) + disclosed,
            "disclosed": disclosed,
            "errors": sum(rows["x_errors"]) + sum(rows["z_errors"]),
            **rows,
        }
    return answer


def gains_by_basis(link: LinkCommand) -> dict[str, dict[str, dict[str, float | None]]]:
    """{basis: {intensity: {gain, gain_sigma, error_rate, error_rate_sigma}}}; None: not known."""
    columns = {
        "gain": link.gain,
        "gain_sigma": link.gain_sigma,
        "error_rate": link.error_rate,
        "error_rate_sigma": link.error_rate_sigma,
    }
    return {
        basis: {
            intensity: {name: _known(values, 3 * i + k) for name, values in columns.items()}
            for k, intensity in enumerate(INTENSITIES)
        }
        for i, basis in enumerate(BASES)
    }


def _known(values: NDArray[np.float64], index: int) -> float | None:
    value = float(values[index])
    return value if math.isfinite(value) else None
