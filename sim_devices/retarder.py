"""The terminal's variable retarder: its controller, and the liquid crystal that answers to it."""

import math
from typing import Protocol

import numpy as np

from config.scenario import Scenario
from sim_devices.emulator import Emulator
from sim_devices.retarder_lcc25 import Lcc25Emulator

TIMES_TO_SETTLE = 5.0
"""Time constants in what its maker calls settled: 1 % is left."""


class RetarderEmulator(Emulator, Protocol):
    """A controller with a liquid crystal on its output."""

    @property
    def drive_v(self) -> float:
        """V rms on the cell."""


class TrueRetarder:
    """Its curve is that of the calibration, wrong by a factor that nobody on board knows; it goes
    to a new value exponentially."""

    def __init__(
        self,
        emulator: RetarderEmulator,
        calibration: tuple[tuple[float, float], ...],
        settle_s: float,
        factor: float,
    ) -> None:
        self.emulator = emulator
        self._drive_v, self._rad = (np.array(column) for column in zip(*calibration, strict=True))
        self._time_s = settle_s / TIMES_TO_SETTLE
        self._factor = factor
        self._at_v, self._to_rad = math.nan, 0.0
        self._is_rad: float | None = None
        self._t_ns = 0

    @classmethod
    def of(cls, scenario: Scenario, factor: float) -> "TrueRetarder | None":
        """That of the scenario's terminal; None where it has none."""
        config = scenario.terminal.polarization.retarder
        if config is None or "retarder" not in scenario.terminal.devices:
            return None
        return cls(Lcc25Emulator(), config.calibration, config.settle_s, factor)

    def retardance_rad(self, t_ns: int) -> float:
        """True retardance now; times must not fall."""
        drive_v = self.emulator.drive_v
        if drive_v != self._at_v:
            self._at_v = drive_v
            self._to_rad = self._factor * float(np.interp(drive_v, self._drive_v, self._rad))
        if self._is_rad is None:
            self._is_rad = self._to_rad
        left = math.exp(-(t_ns - self._t_ns) * 1e-9 / self._time_s)
        self._is_rad = self._to_rad + (self._is_rad - self._to_rad) * left
        self._t_ns = t_ns
        return self._is_rad
