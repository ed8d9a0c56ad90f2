"""Four photodiodes on the partner's beacon behind the wave plate, read like a quad cell."""

import numpy as np

from config.scenario import Scenario
from sim_devices.carrier import GRID_HZ
from sim_devices.quad_iio import IioQuadEmulator
from sim_devices.randomness import stream
from sim_devices.receiver_optics import OpticsView, ReceiverOptics

MOST_COUNTS = 32767


class TruePolarimeter:
    """Channels a, b, c, d are H V D A: ideal analysers, equal diodes, Gaussian noise.

    One reading a tick of the polarisation loop, each of the light at its instant.
    """

    def __init__(
        self,
        polarization: float,
        sum_counts: float,
        noise_counts: float,
        rate_hz: int,
        rng: np.random.Generator,
    ) -> None:
        """polarization: degree of linear polarisation along the sender's H axis. rate_hz: of
        readings, GRID_HZ at most."""
        self.emulator = IioQuadEmulator()
        self._polarization, self._sum_counts = polarization, sum_counts
        self._noise_counts, self._rate_hz, self._rng = noise_counts, rate_hz, rng

    @classmethod
    def of(cls, scenario: Scenario, seed: int) -> "TruePolarimeter | None":
        """That of the scenario's terminal; None where it has none."""
        terminal, truth = scenario.terminal, scenario.world.polarization
        if "polarimeter" not in terminal.devices:
            return None
        return cls(
            truth.beacon_polarization,
            truth.polarimeter_counts,
            truth.polarimeter_noise_counts,
            terminal.rates.polarization_hz,
            stream(seed, "polarimeter"),
        )

    def step(
        self, index: int, t_ns: int, gain: float, view: OpticsView, optics: ReceiverOptics
    ) -> None:
        """Grid step `index`. gain: power of the beacon over that at its reference range."""
        if index * self._rate_hz // GRID_HZ == (index - 1) * self._rate_hz // GRID_HZ:
            return
        light = gain * self._sum_counts * optics.polarimeter_shares(view, self._polarization)
        noisy = np.rint(light + self._noise_counts * self._rng.normal(size=4))
        a, b, c, d = np.clip(noisy, -MOST_COUNTS, MOST_COUNTS).astype(int).tolist()
        self.emulator.push(t_ns, a, b, c, d)
