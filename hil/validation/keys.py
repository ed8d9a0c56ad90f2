"""Detection rates and finite keys that are published, or that the published code gives."""

import math
from collections.abc import Callable
from functools import cache

import numpy as np
from scipy.optimize import brentq

from hil.validation.check import Check, Printed, Tolerance
from terminal.optics.background import gate_probability
from terminal.qkd.expected import Receiver, detection_probability, expected_counts
from terminal.qkd.finite_key import KeyEstimate, KeyParameters, SiftedCounts, key_length

TITLE = "Finite key"
ABOUT = """\
Signals as in SatQuMA's file: intensities 0.7921, 0.1707, 0 sent with 0.7501, 0.1749, 0.075; key
basis 0.7611; secrecy 1e-9, correctness 1e-15. Constant channel: 61 slots of 1 s at 100 MHz through
35 dB, p_ec 5e-7, p_ap 1e-3, 0.5 % of intrinsic errors; what that code gives once its leakage is in
base 2, and printed nowhere. Published pass: a row of
out_Pec_0_QBERI_0_1.0GHz.csv, which comes with SatQuMA 1.1 (38.97 dB, 200 s): 1 GHz, p_ec 1e-8,
0.1 %. The file does not tell the channel: taken as constant, with the file's sifted bits n_X."""
_LIM = "Lim et al., Phys. Rev. A 89, 022307 (2014)"
_SIDHU = "Sidhu et al., npj Quantum Inf. 8, 18 (2022)"
_CODE = "SatQuMA 2.0, its leakage in base 2"
_FILE = "SatQuMA 1.1, file of results"
_ROUNDING = "1e-9 relative: rounding"
_SUMMED = "1e-4 relative, eta mu: the file tells of the channel its sum alone"
_LOGARITHM = (
    "there the one-way bound alone, with natural logarithms though it is in bits, which gives the "
    "printed number; here in base 2, and at least 1.16 times Shannon's"
)

_INTENSITIES = (0.7921, 0.1707, 0.0)
_PROBABILITIES = (0.7501, 0.1749, 0.075)
_P_X = 0.7611
_RULES = KeyParameters(
    _INTENSITIES, _PROBABILITIES, 1e-9, 1e-15, 1.16, "one_way_finite", "chernoff", "published"
)

# The constant channel: 61 s at 100 MHz through 1e-3 and 5 dB.
_CONSTANT: tuple[tuple[str, str, str, Callable[[KeyEstimate], float]], ...] = (
    ("secret key", "157276.883239", "bit", lambda k: k.secret_key_bits),
    ("error rate", "0.00798866879202", "", lambda k: k.qber_x),
    ("phase error", "0.0372306224206", "", lambda k: k.phase_error_x),
    ("single-photon counts", "273974.021230", "", lambda k: k.single_photon_x),
    ("leakage", "54630.9120991", "bit", lambda k: k.leakage_ec_bits),
)
# A published pass: 401 s at 1 GHz, from its sum n_X on.
_PASS_SIFTED = 7586362.918456222
_PASS_SECONDS = 401
_PASS: tuple[tuple[str, str, str, Callable[[KeyEstimate], float], str], ...] = (
    ("sifted in the check basis", "747450.55783", "", lambda k: k.sifted_z, ""),
    ("error rate", "0.00180458089", "", lambda k: k.qber_x, ""),
    ("vacuum counts", "1555.9974958", "", lambda k: k.vacuum_x, ""),
    ("single-photon counts", "3166116.7367", "", lambda k: k.single_photon_x, ""),
    ("phase error", "0.0057522516957", "", lambda k: k.phase_error_x, ""),
    ("leakage", "150393.23757", "bit", lambda k: k.leakage_ec_bits, _LOGARITHM),
    ("secret key", "2855294.1479", "bit", lambda k: k.secret_key_bits, "by the leakage"),
)


def checks() -> list[Check]:
    return [
        Check(
            "detections a pulse: mu 0.5 over 100 km of 0.2 dB/km, 10 %, dark 6e-7",
            _LIM,
            Printed("5.011e-4"),
            "",
            lambda: float(detection_probability(0.1 * 10 ** (-2.0), 0.5, Receiver(6e-7, 0.0, 0.0))),
        ),
        Check(
            "500 counts/s in a gate of 1 ns",
            _SIDHU,
            Printed("5e-7"),
            "",
            lambda: gate_probability(500.0, 1e-9),
        ),
        *(
            _near(
                f"constant channel: {what}", _CODE, printed, unit, pick, 1e-9, _ROUNDING, _constant
            )
            for what, printed, unit, pick in _CONSTANT
        ),
        *(
            _near(
                f"published pass: {what}",
                _FILE,
                printed,
                unit,
                pick,
                1e-4,
                _SUMMED,
                _published_pass,
                note,
            )
            for what, printed, unit, pick, note in _PASS
        ),
    ]


def _near(
    what: str,
    where: str,
    printed: str,
    unit: str,
    pick: Callable[[KeyEstimate], float],
    relative: float,
    licence: str,
    estimate: Callable[[], KeyEstimate],
    note: str = "",
) -> Check:
    tolerance = Tolerance(licence, relative * abs(float(printed)))
    return Check(
        what, where, Printed(printed), unit, lambda: pick(estimate()), tolerance, note=note
    )


def _counts(transmittance: float, seconds: int, rate_hz: float, receiver: Receiver) -> SiftedCounts:
    eta = np.full(seconds, transmittance)
    return expected_counts(eta, rate_hz, _INTENSITIES, _PROBABILITIES, _P_X, receiver)


@cache
def _constant() -> KeyEstimate:
    return key_length(_counts(10 ** (-3.5), 61, 1e8, Receiver(5e-7, 1e-3, 0.005)), _RULES)


@cache
def _published_pass() -> KeyEstimate:
    """Of a constant channel with the published n_X: at 39 dB eta mu is 1e-4, so that counts and
    errors depend on the sum of eta alone but for such a share."""
    receiver = Receiver(1e-8, 1e-3, 0.001)

    def counts(log_eta: float) -> SiftedCounts:
        return _counts(math.exp(log_eta), _PASS_SECONDS, 1e9, receiver)

    log_eta = brentq(lambda x: sum(counts(x).x) / _PASS_SIFTED - 1.0, -16.0, -5.0, xtol=1e-13)
    return key_length(counts(log_eta), _RULES)
