"""Camera, wire, driver and beacon step in one loop, under a scanning gimbal and a cluttered sky."""

import math
from typing import NamedTuple

import msgspec
import numpy as np
import pytest

from config.loader import load_scenario
from config.world import BeaconTruth
from drivers.camera_mono8 import Mono8Camera
from sim_devices.beacon_scene import BeaconScene
from sim_devices.camera_mono8 import Mono8CameraEmulator
from sim_devices.emulator import InProcessTransport, SimClock
from terminal.control.image.beacon import BeaconState, camera_geometry, step
from terminal.messages import CameraCommand, CameraSample
from terminal.mode import Mode

SCENARIO = load_scenario("leo_laps_downlink")
TRUTH = SCENARIO.world.beacon
JITTER_RAD = 50e-6
ACQUISITION = SCENARIO.terminal.acquisition
CONFIG = msgspec.structs.replace(
    SCENARIO.terminal,
    acquisition=msgspec.structs.replace(
        ACQUISITION,
        confirm_frames=3,
        beacon=msgspec.structs.replace(ACQUISITION.beacon, gate_rad=4 * JITTER_RAD),
    ),
)
CAMERA = camera_geometry(CONFIG)
T0_NS = 1_800_000_000 * 10**9
FRAME_NS = 40_000_000
FRAME_S = FRAME_NS * 1e-9
LOS_RATE_RAD_S = 5e-3
SCAN_RAD_S = 20e-3
HALF_FIELD_RAD = 3.2e-3


class Seen(NamedTuple):
    command: CameraCommand
    true_x_rad: float
    true_y_rad: float
    """Of the beacon in this frame."""


class Bench:
    """A gimbal that sweeps along x at the scan's speed; the beacon waits at a place there."""

    def __init__(self, truth: BeaconTruth, seed: int, flux: float) -> None:
        rng = np.random.default_rng(seed)
        self.rng = np.random.default_rng(seed + 1)
        self.scene = BeaconScene(
            truth, CAMERA.columns, CAMERA.rows, CAMERA.pixel_rad, rng, np.random.default_rng(seed)
        )
        self.flux = flux
        self.clock = SimClock(T0_NS)
        self.device = Mono8CameraEmulator(
            self.scene, rate_hz=25, columns=CAMERA.columns, rows=CAMERA.rows
        )
        transport = InProcessTransport(self.device, self.clock)
        self.camera = Mono8Camera(
            transport, pixel_rad=CAMERA.pixel_rad, columns=CAMERA.columns, rows=CAMERA.rows
        )
        self.state = BeaconState()
        self.frames = -1
        self.camera.poll(T0_NS)  # the camera's first exposure begins

    def sweep(self, start_rad: float, frames: int, speed_rad_s: float = SCAN_RAD_S) -> list[Seen]:
        """Boresight from start_rad left of the prediction on; the beacon 1 mrad right of it."""
        return [self._frame(-start_rad + speed_rad_s * FRAME_S * k) for k in range(frames)]

    def _frame(self, boresight_rad: float) -> Seen:
        self.frames += 1
        jitter_x, jitter_y = self.rng.normal(0.0, JITTER_RAD, 2).tolist()
        x, y = 1e-3 - boresight_rad + jitter_x, jitter_y
        scene = self.scene
        scene.x_rad, scene.y_rad, scene.flux_counts = x, y, self.flux
        scene.sky_x_rad = -boresight_rad + jitter_x - LOS_RATE_RAD_S * FRAME_S * self.frames
        scene.sky_y_rad = jitter_y
        self.clock.t_ns = T0_NS + FRAME_NS * self.frames + 25_000_000
        frame = self.camera.poll(self.clock.t_ns)
        assert frame is not None
        sample = CameraSample(
            *(self.clock.t_ns, frame.t_ns, frame.seq, frame.exposure_us, frame.left, frame.top),
            *(frame.pixels.shape[1], Mode.ACQUIRE, math.atan(boresight_rad), 0.0, 0.0),
            *(1.0, 0.0, 0.0, 0.0, LOS_RATE_RAD_S, 0.0),
            frame.pixels.reshape(-1),
        )
        self.state, c = step(CONFIG, CAMERA, self.state, sample, FRAME_S)
        if c.exposure_us:
            self.camera.expose(c.exposure_us, self.clock.t_ns)
        if c.window_columns:
            window = c.window_left, c.window_top, c.window_columns, c.window_rows
            self.camera.window(*window, self.clock.t_ns)
        return Seen(c, x, y)


def cluttered(**changes: float) -> BeaconTruth:
    return msgspec.structs.replace(TRUTH, **changes)


def right(seen: Seen) -> bool:
    c = seen.command
    off = math.hypot(c.x_rad - seen.true_x_rad, c.y_rad - seen.true_y_rad)
    return bool(c.found) and off < CAMERA.pixel_rad


CLUTTER = {"false_spot_probability": 0.05, "hot_pixels": 20}


@pytest.mark.parametrize("clutter", [{}, CLUTTER, {**CLUTTER, "stars": 0.5}])
def test_the_scan_finds_the_beacon_in_passing(clutter: dict[str, float]) -> None:
    """It stands in the field for 8 frames of the sweep. At its third it is confirmed; two jitters
    of a difference off the gate, with exp(-4), cost a frame more."""
    late = 0
    for seed in range(50):
        bench = Bench(cluttered(**clutter), seed, TRUTH.camera_signal_counts)
        seen = bench.sweep(10e-3, 20)
        inside = [abs(s.true_x_rad) < HALF_FIELD_RAD for s in seen]
        first = inside.index(True)
        confirmed = [bool(s.command.confirmed) and right(s) for s in seen]
        late += not any(confirmed[first : first + 4])
    assert late <= 1


def test_nothing_is_confirmed_where_no_beacon_is() -> None:
    """5 % of false spots and 20 hot pixels, 2000 frames of scan; 0.003 are expected, by the rate
    of test_tracks."""
    bench = Bench(cluttered(**CLUTTER), 1, 0.0)
    assert not any(s.command.confirmed for _ in range(10) for s in bench.sweep(2.0, 200))


@pytest.mark.parametrize("flux", [250.0, 1e3, 1e4, 1e5, 4e5])
def test_held_over_decades_of_power_once_it_is_seen(flux: float) -> None:
    """A beacon that stands in the field is never lost, whatever exposure and window do."""
    bench = Bench(cluttered(**CLUTTER), 3, flux)
    seen = bench.sweep(0.0, 100, speed_rad_s=0.0)
    assert all(s.command.confirmed and right(s) for s in seen[5:])
    assert not any(s.command.saturated for s in seen[15:])
    assert bench.state.last.window_columns == 0
    assert bench.camera.health.bad_frames == 0
