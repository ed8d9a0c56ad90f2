"""A mirror in front of a quad cell of the tests' own, moved by an excitation: arrays, no devices.

The mirror is discretised by scipy (zero-order hold), not by the code under test.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.signal import cont2discrete, lfilter
from scipy.special import erf

from terminal.control.identification.excitation import Excitation, MirrorLimits, excite
from terminal.control.identification.identify import Identified, identify
from terminal.control.identification.reading import Detector, Scans

Array = NDArray[np.float64]

RATE_HZ = 5000.0
PER_RAD = 32.767e6
SPOT_RAD = 150e-6
LIMITS = MirrorLimits(PER_RAD, 1e-3, 20.0)
DETECTOR = Detector(SPOT_RAD, 800, False, 0.0)
MATRIX = ((0.95, 0.06), (-0.04, 1.03))


class Truth(NamedTuple):
    """What the mirror does, and the light."""

    matrix: tuple[tuple[float, float], tuple[float, float]] = MATRIX
    resonance_hz: float = 1500.0
    damping: float = 0.7
    delay: int = 2
    resonance_y_hz: float | None = None
    """None: that of x."""
    light: float = 8000.0
    noise_counts: float = 8.0
    disturbance_rad: float = 0.0
    """Rms of a first-order process with its corner at 1 Hz."""
    late: float = 0.0
    """Share of each command that comes another scan later."""
    offset_rad: float = 0.0


def moved(command_rad: Array, truth: Truth) -> Array:
    """(n, 2) rad: the mirror's place at each scan, in the detector."""
    placed = np.zeros_like(command_rad)
    for i, f_hz in enumerate((truth.resonance_hz, truth.resonance_y_hz or truth.resonance_hz)):
        w = 2.0 * np.pi * f_hz
        above, below, _ = cont2discrete(
            ([w * w], [1.0, 2.0 * truth.damping * w, w * w]), 1.0 / RATE_HZ, "zoh"
        )
        held = np.concatenate([np.zeros(truth.delay - 1), command_rad[:, i]])[: len(command_rad)]
        later = np.concatenate([[0.0], held[:-1]])
        drive = (1.0 - truth.late) * held + truth.late * later
        placed[:, i] = lfilter(above.ravel(), below, drive)
    return placed @ np.array(truth.matrix).T


def scans_of(excitation: Excitation, truth: Truth, seed: int) -> Scans:
    """What the four quadrants show."""
    rng = np.random.default_rng(seed)
    command = excitation.counts.astype(np.int64)
    pole = np.exp(-2.0 * np.pi / RATE_HZ)
    drive = truth.disturbance_rad * np.sqrt(1.0 - pole**2) * rng.normal(size=command.shape)
    light = lfilter([1.0], [1.0, -pole], drive, axis=0)
    light[:, 0] += truth.offset_rad
    x, y = erf(np.sqrt(2.0) / SPOT_RAD * (light - moved(command / PER_RAD, truth))).T
    ideal = (
        0.25
        * truth.light
        * np.stack(
            [(1 + x) * (1 + y), (1 - x) * (1 + y), (1 - x) * (1 - y), (1 + x) * (1 - y)], axis=1
        )
    )
    shown = np.rint(ideal + truth.noise_counts * rng.normal(size=ideal.shape))
    counts = np.clip(shown, -32768, 32767).astype(np.int64)
    return Scans(counts, np.ones(len(counts), bool), command)


def excitation(seed: int = 1, share: float = 0.1, duration_s: float = 1.0) -> Excitation:
    return excite(share * SPOT_RAD, LIMITS, RATE_HZ, duration_s, seed)


def identified(
    truth: Truth, seed: int = 1, share: float = 0.1, duration_s: float = 1.0
) -> Identified:
    moves = excitation(seed, share, duration_s)
    return identify(scans_of(moves, truth, seed), moves, DETECTOR, PER_RAD, RATE_HZ)
