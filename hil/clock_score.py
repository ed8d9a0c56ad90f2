"""The recovered clock's own figures, each beside the truth where the world knows it."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from config.scenario import Scenario
from sim_devices.detectors import NO_DELAY
from sim_devices.light import BlockTruth
from terminal.quantum_messages import TimingCommand
from terminal.timetags.recovery import LOCKED

_DETECTORS = "HVDA"


class ClockScore:
    """Follows the timing loop of one flight."""

    def __init__(self, scenario: Scenario, channel_delay_s: Sequence[float] = NO_DELAY) -> None:
        """channel_delay_s: of the terminal's detectors H V D A, in truth."""
        self._true_delay_s = np.array(channel_delay_s)
        self._delay_s: NDArray[np.float64] | None = None
        """As last told by the terminal."""
        self._gate_s: list[float] = []
        self._source = scenario.mission.source
        self._detectors = scenario.world.detectors
        self.locked_s = 0.0
        self._timing_rms_s: list[float] = []
        self._background_hz: list[float] = []
        self._true_background: list[tuple[float, float]] = []
        """(clicks expected, seconds) of each block in locked ticks."""
        self._allan: tuple[list[float], list[float]] = [], []
        self._audits_failed = self._relocks = 0
        self._without_pulses = self._off_pattern = 0
        """Bits of all ticks so far."""

    def tick(self, command: TimingCommand, blocks: list[BlockTruth]) -> None:
        """One tick of the timing loop, and what the world has sent meanwhile."""
        self._audits_failed = command.audits_failed
        self._relocks = command.relocks
        self._without_pulses |= command.detectors_without_pulses
        self._off_pattern |= command.detectors_off_pattern
        if command.status != LOCKED:
            return
        self._timing_rms_s.append(command.timing_rms_s)
        self._gate_s.append(command.gate_half_width_s)
        self._delay_s = command.channel_delays_s
        deviations = command.allan_deviation_1s, command.allan_deviation_10s
        for known, value in zip(self._allan, deviations, strict=True):
            if value > 0.0:
                known.append(value)
        if command.background_hz > 0.0:
            self._background_hz.append(command.background_hz)
        for block in blocks:
            seconds = block.end_s - block.start_s
            self.locked_s += seconds
            self._true_background.append((self._background(block) * seconds, seconds))

    def _background(self, block: BlockTruth) -> float:
        """1/s: sky, dark counts, and the afterpulses of all clicks, which fall anywhere in later
        slots."""
        probabilities = self._source.intensity_probabilities
        mean = sum(p * d for p, d in zip(probabilities, block.click_probability, strict=True))
        if self._source.pairs:
            # One photon is absorbed in proportion: some per mille are not worth a model.
            share = self._source.pairs.mean_pairs_per_slot / self._source.intensities[0]
            mean = share * block.click_probability[0]
        public = self._source.public_share
        mean = (1.0 - public) * mean + public * block.click_probability[0]
        signal_hz = mean * block.slots / (block.end_s - block.start_s)
        noise_hz = block.background_hz + 4.0 * self._detectors.dark_rate_hz
        return noise_hz + self._detectors.afterpulse_probability * (noise_hz + signal_hz)

    def true_delays_ps(self) -> list[float]:
        """Of H V D A about their mean, in which each counts as its signal clicks do."""
        p_x = self._source.basis_x_probability
        mean_s = np.array([p_x, p_x, 1.0 - p_x, 1.0 - p_x]) @ self._true_delay_s / 2.0
        return [1e12 * float(delay_s - mean_s) for delay_s in self._true_delay_s]

    def _delay_error_ps(self) -> float | None:
        """Rms of what the terminal left in, its mean apart, which belongs to the phase."""
        if self._delay_s is None:
            return None
        return 1e12 * float(np.std(self._delay_s - self._true_delay_s))

    def _true_allan(self, tau_s: float) -> float:
        """Of our oscillator: white FM falls as tau^(-1/2), random-walk FM grows as (tau/3)^(1/2)
        (IEEE Std 1139)."""
        white, walk = (
            self._detectors.oscillator_white_fm,
            self._detectors.oscillator_random_walk_fm,
        )
        return math.sqrt(white**2 / tau_s + walk**2 * tau_s / 3.0)

    def timing_rms_ps(self) -> float | None:
        """Mean over the locked time of the terminal's own figure."""
        return 1e12 * float(np.mean(self._timing_rms_s)) if self._timing_rms_s else None

    def summary(self) -> dict[str, Any]:
        """The part of summary.json; None where nothing is known."""
        clicks, seconds = np.array(self._true_background).reshape(-1, 2).sum(axis=0).tolist()
        one, ten = self._allan
        found = self._delay_s
        flown = self.locked_s > 0.0
        return {
            "locked_s": self.locked_s,
            "timing_rms_ps": self.timing_rms_ps(),
            "gate_half_width_ps": 1e12 * float(np.mean(self._gate_s)) if flown else None,
            "channel_delays_ps": None if found is None else (1e12 * found).tolist(),
            "channel_delays_true_ps": self.true_delays_ps() if flown else None,
            "channel_delay_error_ps_rms": self._delay_error_ps(),
            "background_hz": float(np.mean(self._background_hz)) if self._background_hz else None,
            "background_true_hz": clicks / seconds if seconds > 0.0 else None,
            "allan_deviation_1s": _rms(one),
            "allan_deviation_1s_oscillator": self._true_allan(1.0) if flown else None,
            "allan_deviation_10s": _rms(ten),
            "allan_deviation_10s_oscillator": self._true_allan(10.0) if flown else None,
            "audits_failed": self._audits_failed,
            "relocks": self._relocks,
            "detectors_without_pulses": _names(self._without_pulses),
            "detectors_off_pattern": _names(self._off_pattern),
        }


def _rms(values: list[float]) -> float | None:
    return float(np.sqrt(np.mean(np.square(values)))) if values else None


def _names(bits: int) -> list[str]:
    return [name for k, name in enumerate(_DETECTORS) if bits >> k & 1]
