"""The terminal's beam expander: whichever device moves it, and the beam that it truly makes."""

from typing import Protocol

import numpy as np

from config.scenario import Scenario
from sim_devices.emulator import Emulator
from sim_devices.expander_ell20 import Ell20Emulator
from sim_devices.expander_ld4i import Ld4iEmulator
from sim_devices.randomness import stream

EMULATORS: dict[str, type[Ell20Emulator] | type[Ld4iEmulator]] = {
    "expander_ell20": Ell20Emulator,
    "expander_ld4i": Ld4iEmulator,
}


class ExpanderEmulator(Emulator, Protocol):
    """A stage, or a tunable lens."""

    stuck: bool
    silent: bool

    @property
    def position(self) -> float:
        """True, in the unit of the device, at the last advance."""

    def advance(self, t_ns: int) -> None: ...


class TrueExpander:
    """Its curve is that of the calibration, wrong by a factor that nobody on board knows."""

    def __init__(
        self,
        emulator: ExpanderEmulator,
        calibration: tuple[tuple[float, float], ...],
        factor: float,
    ) -> None:
        self.emulator = emulator
        self._position, self._angle = (
            np.array(column) for column in zip(*calibration, strict=True)
        )
        self._factor = factor
        self._at, self._is = np.nan, 0.0

    @classmethod
    def of(cls, scenario: Scenario, seed: int) -> "TrueExpander | None":
        """That of the scenario's terminal; None where it has none."""
        config = scenario.terminal.divergence
        if config is None:
            return None
        driver = scenario.terminal.devices["expander"].driver
        error = scenario.world.expander.calibration_error
        factor = 1.0 + error * float(stream(seed, "expander").normal())
        # A driver that nobody knows is refused where drivers are built.
        emulator = EMULATORS.get(driver, Ell20Emulator)()
        return cls(emulator, config.calibration, max(factor, 0.1))

    def divergence_rad(self, t_ns: int) -> float:
        """True 1/e^2 full angle of the beam."""
        self.emulator.advance(t_ns)
        position = self.emulator.position
        # It stands still nearly always.
        if position != self._at:
            self._at = position
            self._is = self._factor * float(np.interp(position, self._position, self._angle))
        return self._is
