"""The fast side of the world: the plant, and the two devices through which the fine loop meets it.

All that moves on every tick, and nothing else, so that it can run beside the fine loop in another
process than the rest of the world.
"""

from collections.abc import Set as AbstractSet
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from config.scenario import Scenario
from sim_devices.disturbance_sources import jitter_source
from sim_devices.fast_plant import FastPlant
from sim_devices.fine_faults import LOOP_DELAY_SAMPLES, SENSOR_FAULTS, CountsFault, counts_fault
from sim_devices.mirror_iio import IioMirrorEmulator
from sim_devices.position_sensor import PositionSensor
from sim_devices.quad_iio import IioQuadEmulator
from sim_devices.randomness import stream

Array = NDArray[np.float64]
Point = tuple[float, float]

FAST_FAULTS = tuple(sorted(SENSOR_FAULTS | {"mirror_stuck", "loop_delay"}))
"""Kinds of faults that break something on this side."""


class Plant(Protocol):
    """What the slow world tells the plant, and asks it; here or in another process."""

    @property
    def sum_counts(self) -> float: ...

    @sum_counts.setter
    def sum_counts(self, value: float) -> None: ...

    @property
    def seen_rad(self) -> Point: ...

    def segment(self, start: Point, end: Point, ticks: int) -> None: ...

    def take_residual(self) -> tuple[Array, Array]: ...


class Fast(Protocol):
    """What the slow world needs of its fast side."""

    @property
    def plant(self) -> Plant: ...

    def apply_faults(self, broken: AbstractSet[str]) -> None: ...

    def tick(self, t_ns: int) -> None: ...


class FastSide:
    """Mirror, jitter and spot with the quad cell's and the mirror's wires."""

    def __init__(self, scenario: Scenario, seed: int, boresight_rad: Point, fine_hz: int) -> None:
        """boresight_rad: true place of the gimbal's axis on the cell, x right, y up."""
        optics, truth = scenario.terminal.optics, scenario.world
        residual = truth.platform.residual
        self.sensor = PositionSensor(
            truth.quad, optics.quad_spot_rad, truth.beacon.quad_noise_counts
        )
        self.plant = FastPlant(
            optics,
            self.sensor,
            truth.mirror,
            (jitter_source(residual, fine_hz, seed, 0), jitter_source(residual, fine_hz, seed, 1)),
            boresight_rad,
            fine_hz,
            stream(seed, "quad_noise"),
        )
        self.quad, self.mirror = IioQuadEmulator(), IioMirrorEmulator()
        self._sensor_broken: set[str] = set()
        self._counts_fault: CountsFault | None = None

    def apply_faults(self, broken: AbstractSet[str]) -> None:
        """All that is broken from now on, by kind; what does not break anything here is passed
        over."""
        # Anew only where it changes: a sensor that is stuck keeps what it showed.
        sensor_broken = {kind for kind in broken if kind in SENSOR_FAULTS}
        if sensor_broken != self._sensor_broken:
            self._sensor_broken = sensor_broken
            self._counts_fault = counts_fault(sensor_broken)
        self.plant.hold_mirror("mirror_stuck" in broken)
        more = LOOP_DELAY_SAMPLES if "loop_delay" in broken else 0
        self.plant.delay_more(more, (self.mirror.x_counts, self.mirror.y_counts))

    def tick(self, t_ns: int) -> None:
        """One scan period: the mirror moves, the quad cell is read."""
        mirror = self.mirror
        counts = self.plant.tick(mirror.x_counts, mirror.y_counts)
        if self._counts_fault is not None:
            shown = self._counts_fault(counts)
            if shown is None:
                return
            counts = shown
        self.quad.push(t_ns, *counts)
