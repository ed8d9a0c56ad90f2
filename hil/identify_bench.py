"""The mirror and the position detector of a scenario on a bench, emulated or real."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from config.scenario import Scenario
from drivers.protocols import Mirror, QuadDetector
from drivers.registry import build
from drivers.transport import InProcess
from hil.bench_devices import emulated
from sim_devices.disturbance_sources import Source, jitter_source
from sim_devices.emulator import InProcessTransport, SimClock
from sim_devices.fast_plant import FastPlant
from sim_devices.mirror_iio import IioMirrorEmulator
from sim_devices.position_sensor import PositionSensor
from sim_devices.quad_iio import IioQuadEmulator
from sim_devices.randomness import stream
from terminal.control.identification.refusal import IdentificationError
from terminal.geometry.time_scales import SECOND_NS, tai_ns_from_posix_ns
from terminal.realtime import Pacer, prepare
from terminal.response_measurement import measure_background
from terminal.window import resolve_window

Array = NDArray[np.float64]

ROLES = "quad", "mirror"


class Bench(NamedTuple):
    """Two devices and the time they live in."""

    quad: QuadDetector
    mirror: Mirror
    advance: Callable[[], int]
    """Waits for the next scan period and gives the time (TAI, ns)."""
    source: Literal["emulated", "real"]
    noise_rad: float | None
    """Of a reading, where it is known."""
    switch_light: Callable[[bool], None] | None
    """None: the light is not ours."""

    def background_counts(self, rate_hz: float) -> float:
        """Sum of the detector's four channels without the light, measured in the dark.

        Raises:
            IdentificationError: no scans, or a light that is not ours to switch off; says what the
                channels sum to.
        """
        if self.switch_light is None:
            shown = measure_background(self.quad, self.advance, rate_hz)
            raise IdentificationError(
                "the background is not known, and nobody here can turn the light off: the "
                f"detector's four channels sum to {shown:.0f} counts now; cover the light, measure "
                "so again, and give what they sum to then as --background-counts"
            )
        self.switch_light(False)
        try:
            return measure_background(self.quad, self.advance, rate_hz)
        finally:
            self.switch_light(True)

    def close(self) -> None:
        """Close both, whatever becomes of the other."""
        with ExitStack() as stack:
            stack.callback(self.quad.close)
            stack.callback(self.mirror.close)


class _Still:
    """No disturbance."""

    def take(self, n: int) -> Array:
        return np.zeros(n)


def open_bench(scenario: Scenario, seed: int, lead_s: float, disturbed: bool) -> Bench:
    """The scenario's devices: `inproc:` ones are emulated in lock-step, others are opened and
    paced by the wall clock.

    lead_s: so long before the scenario's window an emulated bench begins.

    disturbed: the light moves as the scenario says, else it stands still; means nothing to real
    devices.

    Raises:
        InputError: one device emulated and the other real, or a driver, URL or option that does
            not exist.
        DeviceError: a port that cannot be opened.
    """
    if emulated(scenario, ROLES, "an emulated detector sees no real mirror"):
        return _emulated(scenario, seed, lead_s, disturbed)
    prepare()
    quad, mirror = _built(scenario, {})
    pacer = Pacer(scenario.terminal.rates.fine_hz)

    def advance() -> int:
        pacer.wait()
        pacer.lateness_ns.clear()
        return tai_ns_from_posix_ns(time.time_ns())

    return Bench(quad, mirror, advance, "real", None, None)


def _emulated(scenario: Scenario, seed: int, lead_s: float, disturbed: bool) -> Bench:
    """Under the beacon at its reference range, its spot where the boresight's error puts it."""
    optics, truth = scenario.terminal.optics, scenario.world
    rate_hz = scenario.terminal.rates.fine_hz
    sensor = PositionSensor(truth.quad, optics.quad_spot_rad, truth.beacon.quad_noise_counts)
    still: Source = _Still()
    jitter = (still, still)
    if disturbed:
        residual = truth.platform.residual
        jitter = (
            jitter_source(residual, rate_hz, seed, 0),
            jitter_source(residual, rate_hz, seed, 1),
        )
    x, y = (stream(seed, "bench_spot").normal(size=2) * truth.beacon.boresight_error_rad).tolist()
    noise = stream(seed, "bench_noise")
    plant = FastPlant(optics, sensor, truth.mirror, jitter, (x, y), rate_hz, noise)
    plant.sum_counts = lit_counts = truth.beacon.quad_sum_counts
    start_tai_ns = resolve_window(scenario.mission).start_tai_ns - round(lead_s * SECOND_NS)
    clock, period_ns = SimClock(start_tai_ns), round(SECOND_NS / rate_hz)
    quad_wire, mirror_wire = IioQuadEmulator(), IioMirrorEmulator()

    def advance() -> int:
        clock.t_ns += period_ns
        counts = plant.tick(mirror_wire.x_counts, mirror_wire.y_counts)
        quad_wire.push(clock.t_ns, *counts)
        return clock.t_ns

    def switch_light(on: bool) -> None:
        plant.sum_counts = lit_counts if on else 0.0

    quad, mirror = _built(
        scenario,
        {
            "quad": InProcessTransport(quad_wire, clock),
            "mirror": InProcessTransport(mirror_wire, clock),
        },
    )
    return Bench(quad, mirror, advance, "emulated", sensor.noise_rad(lit_counts), switch_light)


def _built(scenario: Scenario, in_process: InProcess) -> tuple[QuadDetector, Mirror]:
    """Whatever is raised, what was opened before is closed."""
    devices = scenario.terminal.devices
    quad: QuadDetector = build("quad", devices["quad"], in_process)
    try:
        mirror: Mirror = build("mirror", devices["mirror"], in_process)
    except Exception:
        quad.close()
        raise
    return quad, mirror
