"""Linear light on a bench, put in before the wave plate, and the clicks that it makes.

A lamp of constant brightness behind a polariser stands where the telescope's light would come in:
the phase of mirrors before the plate is not in it. What `intrinsic_qber` says is taken to be the
sender's, and is not in it either.
"""

import math
from collections.abc import Callable

import msgspec
import numpy as np
from numpy.typing import NDArray

from config.scenario import Scenario
from config.world import PolarizationTruth
from sim_devices.detectors import Detectors
from sim_devices.randomness import stream
from sim_devices.receiver_optics import OpticsView, PlateErrors, ReceiverOptics

PHOTONS_HZ = 40_000.0
"""Clicks a second of both bases together, were all detectors as good as the best."""
_GUARD_S = 1e-6
"""Clicks this near to the end wait for the next call: the detectors may yet put one before them."""


class CalibrationLight:
    """sim_devices.tagger_a1.ClickSource of a bench.

    `angle_rad` is where the polariser is set, from H toward the image's up; None: the light is off.
    """

    def __init__(
        self,
        scenario: Scenario,
        seed: int,
        polariser_sigma_rad: float,
        turned_rad: Callable[[], float],
        start_ns: int,
    ) -> None:
        """turned_rad: how far the plate's encoder has turned; asked at each call.

        polariser_sigma_rad: of what the polariser's scale is off its marks, which is drawn.
        """
        world = scenario.world
        truth = world.polarization
        self.angle_rad: float | None = None
        self.plate = PlateErrors.drawn(truth, seed)
        self._optics = ReceiverOptics(
            _without_sender(truth), scenario.mission.source.basis_x_probability, plate=self.plate
        )
        self.polariser_off_rad = polariser_sigma_rad * float(
            stream(seed, "bench_polariser").normal()
        )
        self._rng = stream(seed, "bench_photons")
        self._detectors = Detectors(world.detectors, stream(seed, "bench_detectors"))
        self._dark_hz = world.detectors.dark_rate_hz
        self._turned_rad, self._start_ns, self._end_s = turned_rad, start_ns, 0.0

    def take(self, t_ns: int) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
        """(time_ps since the start, sorted; channel) of clicks since the last call."""
        begin_s, self._end_s = self._end_s, (t_ns - self._start_ns) * 1e-9
        rates_hz = self._rates_hz() + self._dark_hz
        counts = self._rng.poisson(rates_hz * (self._end_s - begin_s))
        channel = np.repeat(np.arange(4, dtype=np.uint8), counts)
        time_s = self._rng.uniform(begin_s, self._end_s, len(channel))
        no_slot = np.full(len(channel), -1, np.int64)
        time_s, channel, _ = self._detectors.clicks(
            time_s, channel, no_slot, self._end_s - _GUARD_S
        )
        return np.rint(time_s * 1e12).astype(np.int64), channel

    def _rates_hz(self) -> NDArray[np.float64]:
        if self.angle_rad is None:
            return np.zeros(4)
        double = 2.0 * (self.angle_rad + self.polariser_off_rad)
        sent = np.array([1.0, math.cos(double), math.sin(double), 0.0])
        view = OpticsView(0.0, self.plate.axis_rad(self._turned_rad()))
        return np.asarray(PHOTONS_HZ * self._optics.stokes_to_channels(view) @ sent)


def _without_sender(truth: PolarizationTruth) -> PolarizationTruth:
    return msgspec.structs.replace(truth, retardance_rad=0.0, intrinsic_qber=0.0)
