"""One world, one clock, one seed: everything the terminal touches through its devices' bytes.

`grid_step` moves the slow physics by one grid period, `fine_tick` the fast plant by one scan.
The owner of the time calls them; emulators are polled by whoever reads their transports.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from config.scenario import Scenario
from config.validation import DEVICE_ROLES
from sim_devices.beacon_scene import BeaconScene
from sim_devices.camera_mono8 import Mono8CameraEmulator
from sim_devices.carrier import GRID_HZ, Carrier, Draws
from sim_devices.emulator import Emulator, SimClock
from sim_devices.expander import TrueExpander
from sim_devices.fast_side import Fast, FastSide, Plant
from sim_devices.fine_bound import flown_bound_rad
from sim_devices.gimbal_sbgc32 import Sbgc32Emulator
from sim_devices.laser_scpi import ScpiLaserEmulator
from sim_devices.mirror_iio import IioMirrorEmulator
from sim_devices.navigation_vectornav import VectorNavEmulator
from sim_devices.optical_axes import Vec, across, drawn_errors
from sim_devices.polarimeter import TruePolarimeter
from sim_devices.polarization_optics import behind_plate_phase_rad, left_of_frame, phase_rad
from sim_devices.quantum_link import Aim, LinkTruth, QuantumLink
from sim_devices.randomness import stream
from sim_devices.remote import Joints, Plate
from sim_devices.retarder import TrueRetarder
from sim_devices.tagger_a1 import A1TaggerEmulator
from sim_devices.true_sky import TrueSky
from sim_devices.truth import TruthSample
from sim_devices.waveplate_ell14 import Ell14Emulator
from terminal.control.image.beacon import camera_geometry

Array = NDArray[np.float64]

MIRROR_COUNTS = 32767
"""What a mirror's converter is told at the end of its stroke."""

TRUTH_EVERY = 2
"""Grid steps per truth record."""


class World:
    """The true world of one flight."""

    def __init__(
        self,
        scenario: Scenario,
        seed: int,
        start_tai_ns: int,
        start_utc_jd: tuple[float, float],
        duration_s: float,
        fine_hz: int,
    ) -> None:
        """Raises ValueError if the partner's elements give no orbit at the start."""
        config, truth = scenario.terminal, scenario.world
        self.scenario = scenario
        self.clock = SimClock(start_tai_ns)
        self._start_tai_ns = start_tai_ns
        self._step_s = 1.0 / GRID_HZ
        self._ticks_per_grid = fine_hz // GRID_HZ
        self._index = 0

        self.carrier = carrier = Carrier(scenario, seed)
        self.draws = draws = carrier.draws
        self.sky = sky = TrueSky(scenario, seed, carrier, start_tai_ns, start_utc_jd, duration_s)
        self.los = sky.los
        self.mechanics = carrier.gimbal_mechanics(start_tai_ns)
        self.joints: Joints = self.mechanics
        self._axis_errors = drawn_errors(truth.gimbal, seed)

        fast = FastSide(scenario, seed, draws.boresight_rad, fine_hz)
        self._sensor = fast.sensor
        self.fast: Fast = fast
        self._broken: set[str] = set()
        self._reference_range_m = truth.beacon.reference_range_m
        self._light_counts = (
            truth.beacon.quad_sum_counts * (self._reference_range_m / self.los.range_m) ** 2
        )
        """The beacon's on the position sensor, at each grid point: planned, then as flown."""
        self.link = link = QuantumLink(scenario, seed, sky, draws, self._axis_errors, self.clock)
        self.channel, self.uplink, self.partner = link.channel, link.uplink, link.partner
        camera = camera_geometry(config)
        self._scene = BeaconScene(
            truth.beacon,
            camera.columns,
            camera.rows,
            camera.pixel_rad,
            stream(seed, "camera"),
            stream(seed, "camera_clutter"),
        )
        self.gimbal = Sbgc32Emulator(self.mechanics)
        self.navigation = VectorNavEmulator(
            carrier.navigation_source(start_tai_ns),
            rate_hz=config.rates.pointing_hz,
            latency_ns=round(truth.navigation.latency_s * 1e9),
        )
        self.camera = Mono8CameraEmulator(
            self._scene,
            rate_hz=config.rates.camera_hz,
            columns=camera.columns,
            rows=camera.rows,
        )
        self.quad, self.mirror = fast.quad, fast.mirror
        self.point_ahead = IioMirrorEmulator()
        self.waveplate = Ell14Emulator()
        self.plate: Plate = self.waveplate
        self.expander = TrueExpander.of(scenario, seed)
        self.retarder = TrueRetarder.of(scenario, draws.retarder_factor)
        self.polarimeter = TruePolarimeter.of(scenario, seed)
        self.laser = ScpiLaserEmulator()
        self.tagger = A1TaggerEmulator(self.channel)
        self.classical = link.classical
        self._joints = self.joints.joints_at(0)
        self._errors = self._gimbal_error(0, self._joints)
        self.fine_errors: list[tuple[Array, Array]] = []
        """Where the line of sight should be, relative to where it is: (x, y) of each grid step's
        ticks; whoever scores takes and clears it."""
        self._recent_fine: list[tuple[Array, Array]] = []
        self._last_error = self._errors
        """True residual (x, y) at the end of the latest grid step."""
        self._wanted_rad = (0.0, 0.0)
        """Where the line of sight should stand beside the beacon."""
        self._truths: list[TruthSample] = []

    @property
    def plant(self) -> Plant:
        """Mirror, jitter and spot."""
        return self.fast.plant

    def replace_draws(self, draws: Draws) -> None:
        """Other constant errors of the polarisation than drawn, for benches: `plate` and
        `reference_rad`, before anything has moved."""
        self.draws = self.link.draws = draws
        self.link.polarization.plate = draws.plate

    def emulators(self) -> dict[str, Emulator]:
        """The device of every role."""
        emulators: dict[str, Emulator] = {role: getattr(self, role) for role in DEVICE_ROLES}
        for role, part in (
            ("expander", self.expander),
            ("retarder", self.retarder),
            ("polarimeter", self.polarimeter),
        ):
            if part is not None:
                emulators[role] = part.emulator
        return emulators

    def fine_bound_rad(
        self, fine_hz: int, spans_s: Sequence[tuple[float, float]] | None = None
    ) -> float:
        """Least rms residual per axis that any controller can reach in this world.

        spans_s: (begin, end) from the start, over which the rms goes; None: all of the window.
        Noise is that of the light at each grid step: as planned, and as flown where it was.
        Events of the jitter and faults are left out. NaN without light.
        """
        t_s = self.los.t_s - self.los.t_s[0]
        chosen = self._light_counts > 0.0
        if spans_s is not None:
            chosen &= np.any([(begin <= t_s) & (t_s < end) for begin, end in spans_s], axis=0)
        truth = self.scenario.world
        return flown_bound_rad(
            truth.platform.residual,
            fine_hz,
            truth.mirror.delay_samples,
            self._sensor.noise_rad,
            self._light_counts[chosen],
        )

    def _beacon_gain(self, index: int) -> float:
        """Beacon power relative to the reference range."""
        return (self._reference_range_m / float(self.los.range_m[index])) ** 2

    def _faults_now(self) -> set[str]:
        t_s = self._index * self._step_s
        faults = self.scenario.world.faults
        return {f.kind for f in faults if f.at_s <= t_s < f.at_s + f.duration_s}

    def _gimbal_error(self, index: int, joints: Vec) -> tuple[float, float]:
        """(x right, y up) of the partner relative to the boresight at a grid point, rad."""
        return across(self.sky.partner_g[index], *joints, self._axis_errors)

    def grid_step(self) -> None:
        """The slow physics of the grid point that begins now, up to the next one."""
        i = self._index
        broken = self._faults_now()
        if broken != self._broken:
            self._broken = broken
            self._apply_faults()
        after = self.joints.joints_at(i + 1)
        self._errors, start = self._gimbal_error(i + 1, after), self._errors
        self.plant.segment(start, self._errors, self._ticks_per_grid)
        gain = self._beacon_gain(i) * self.link.beacon_fraction
        if "beacon_off" in broken:
            gain = 0.0
        beacon = self.scenario.world.beacon
        self.plant.sum_counts = self._light_counts[i] = beacon.quad_sum_counts * gain
        self._scene.flux_counts = beacon.camera_signal_counts * gain
        seen_x, seen_y = self.plant.seen_rad
        self._scene.x_rad, self._scene.y_rad = seen_x, seen_y
        path_x, path_y = self.sky.path_rad[i]
        self._scene.sky_x_rad, self._scene.sky_y_rad = seen_x - path_x, seen_y - path_y
        self.camera.advance(self.clock.t_ns)
        self._quantum(i, gain)
        self._joints = after
        self._index = i + 1

    def _apply_faults(self) -> None:
        broken = self._broken
        self.mechanics.stuck = "gimbal_stuck" in broken
        self.navigation.silent = "navigation_silent" in broken
        self.waveplate.stuck = "plate_stuck" in broken
        self.waveplate.silent = "plate_silent" in broken
        self.link.swapped = "states_swapped" in broken
        self.tagger.silent = "tagger_silent" in broken
        if self.expander:
            self.expander.emulator.stuck = "expander_stuck" in broken
            self.expander.emulator.silent = "expander_silent" in broken
        self.fast.apply_faults(broken)

    def _quantum(self, i: int, beacon_gain: float) -> None:
        """Polarisation, point-ahead and the link of this grid step; the truth record.

        beacon_gain: power of the partner's beacon over that at its reference range.
        """
        self.plate.advance(self.clock.t_ns)
        stroke = self.scenario.terminal.optics.point_ahead_stroke_rad / MIRROR_COUNTS
        aim = Aim(
            self._joints,
            self._last_error,
            (self.point_ahead.x_counts * stroke, self.point_ahead.y_counts * stroke),
            self.laser.beacon_on,
            self.laser.shutter_open,
            self.draws.plate.axis_rad(self.plate.turned_rad),
            self.retarder.retardance_rad(self.clock.t_ns) if self.retarder else 0.0,
            self._divergence_rad(),
        )
        link = self.link.grid_step(i, aim)
        self._wanted_rad = link.wanted_rad
        if self.polarimeter:
            self.polarimeter.step(
                i, self.clock.t_ns, beacon_gain, link.view, self.link.polarization
            )
        if i % TRUTH_EVERY == 0:
            self._record(i, link, aim)

    def _divergence_rad(self) -> float:
        """1/e^2 full angle of whoever sends."""
        if self.expander and self.uplink:
            return self.expander.divergence_rad(self.clock.t_ns)
        return self.scenario.mission.beam.full_divergence_rad

    def fine_tick(self) -> None:
        """One scan period: the mirror moves, the quad cell is read."""
        self.fast.tick(self.clock.t_ns)

    def end_grid_step(self) -> list[TruthSample]:
        """Put the fine errors of the grid step away; the truth records since the last call."""
        x, y = self.plant.take_residual()
        self._last_error = float(x[-1]), float(y[-1])
        self.link.end_grid_step(x, y)
        x, y = x + self._wanted_rad[0], y + self._wanted_rad[1]
        self.fine_errors.append((x, y))
        self._recent_fine = [*self._recent_fine[1 - TRUTH_EVERY :], (x, y)]
        truths, self._truths = self._truths, []
        return truths

    def _record(self, i: int, link: LinkTruth, aim: Aim) -> None:
        los = self.los
        optics = self.link.polarization
        path = optics.path(link.view)
        before = optics.before_plate(link.view, path)
        whole = optics.behind_plate(link.view, before)
        left = left_of_frame(whole)
        seen_x, seen_y = self.plant.seen_rad
        recent = self._recent_fine
        x = np.concatenate([e[0] for e in recent]) if recent else np.zeros(1)
        y = np.concatenate([e[1] for e in recent]) if recent else np.zeros(1)
        self._truths.append(
            TruthSample(
                t_ns=self.clock.t_ns,
                azimuth_rad=float(los.azimuth_rad[i]),
                elevation_rad=float(los.elevation_rad[i]),
                range_m=float(los.range_m[i]),
                light_time_s=float(los.light_time_s[i]),
                coarse_error_x_rad=seen_x,
                coarse_error_y_rad=seen_y,
                fine_error_x_rms_rad=math.sqrt(float(x @ x) / len(x)),
                fine_error_y_rms_rad=math.sqrt(float(y @ y) / len(y)),
                point_ahead_error_x_rad=link.ahead_error_rad[0],
                point_ahead_error_y_rad=link.ahead_error_rad[1],
                uplink_fraction=link.uplink_fraction,
                frame_angle_rad=link.view.frame_rad,
                polarization_error_rad=left.frame_rad,
                phase_error_rad=behind_plate_phase_rad(whole),
                phase_correctable_rad=optics.correctable_rad(link.view, before),
                path_phase_rad=phase_rad(path),
                contrast_x=left.contrast_x,
                contrast_z=left.contrast_z,
                retarder_rad=aim.retarder_rad,
                transmittance=link.transmittance,
                oscillator_offset=self.channel.oscillator.frequency_offset,
                background_hz=self.link.background_hz,
                shutter_open=self.laser.shutter_open,
                beacon_on="beacon_off" not in self._broken,
                plate_rad=aim.plate_rad,
                divergence_rad=aim.divergence_rad,
            )
        )
