"""The quantum channel: from what the world is like to clicks of whoever receives.

The link's fade is followed in steps of 2 ms: pointing of the beam, scintillation, field stop,
shutter. The polarisation matrix is that of the block's middle. `QuantumChannel` is the downlink
with the terminal's tagger at its end; the uplink is in `sim_devices.uplink`.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from config.mission import Mission, Receiver
from config.terminal import Optics
from config.world import World as WorldTruth
from sim_devices.detectors import NO_DELAY, Detectors
from sim_devices.line_of_sight import Delay
from sim_devices.oscillator import Oscillator
from sim_devices.pair_source import PairArm
from sim_devices.photons import PhotonStream
from sim_devices.polarization_optics import SENT_STOKES
from sim_devices.receiver_optics import OpticsView, ReceiverOptics

Array = NDArray[np.float64]

STEPS_PER_GRID = 5
GUARD_S = 20e-9
"""Clicks this near to a block's end wait for the next: jitter may put a later one before them."""

PLANCK_C = 6.62607015e-34 * 299_792_458.0


class GridLight(NamedTuple):
    """What the quantum channel saw during one grid step."""

    collected: float
    """Mean fraction of the beam through the aperture with no jitter, air and optics included."""
    beam_rad: float
    """1/e^2 half angle of the beam, as widened by the aperture (Farid-Hranilovic)."""
    offset_rad: float
    """How far the partner's beam points off."""
    open: bool
    """Shutter open: beam and sky light come in, or our beam goes out."""
    inside: bool
    """Beam inside the field stop; sky light fills it anyway. In an uplink: the partner tracks."""
    view: OpticsView
    """How the terminal's polarisation optics stand."""


class BlockTruth(NamedTuple):
    """What a block of the receiver's clicks truly was made of."""

    start_s: float
    end_s: float
    time_ps: NDArray[np.int64]
    true_slot: NDArray[np.int64]
    """Of every click; -1: no signal photon."""
    click_probability: tuple[float, float, float]
    """Mean over slots that a pulse of each intensity meets a detector."""
    slots: float
    channel_probability: Array
    """(4, 4) of a photon at the detectors, by sent state (row, H V D A); rows sum to 1 at most."""
    background_hz: float
    """Sky light on all detectors together, were they flawless: of unpolarised light each gets the
    mean of the matrix's first two rows."""


class _Fade:
    """First-order random process of unit variance, sampled every 2 ms."""

    def __init__(self, bandwidth_hz: float, step_s: float, rng: np.random.Generator) -> None:
        self._f = math.exp(-2 * math.pi * bandwidth_hz * step_s)
        self._rng = rng
        self._x = float(rng.normal())

    def take(self, n: int) -> Array:
        drive = math.sqrt(1 - self._f**2) * self._rng.normal(size=n)
        out, _ = lfilter([1.0], [1.0, -self._f], drive, zi=[self._f * self._x])
        self._x = float(out[-1])
        return np.asarray(out)


class Clicks(NamedTuple):
    """What the detectors made of a block, sorted by time; each (n,)."""

    time_s: Array
    """True time at the receiver since the start, jitter included."""
    channel: NDArray[np.uint8]
    true_slot: NDArray[np.int64]
    """-1: no signal photon."""


class QuantumReceiver:
    """Optics and detectors at the end of the link, the terminal's or the partner's."""

    def __init__(
        self,
        mission: Mission,
        optics: Optics | Receiver,
        truth: WorldTruth,
        photons: PhotonStream,
        delay: Delay,
        clock_offset_s: float,
        grid_step_s: float,
        rngs: dict[str, np.random.Generator],
        channel_delay_s: tuple[float, ...] = NO_DELAY,
        polarization: ReceiverOptics | None = None,
    ) -> None:
        """optics: of whoever receives. rngs: `detectors` and `air`. polarization: None: without
        drawn errors."""
        self.channel_delay_s = channel_delay_s
        self._slot_s = 1.0 / mission.source.pulse_rate_hz
        self._mu = np.array(mission.source.intensities)
        self._polarization = polarization or ReceiverOptics(
            truth.polarization, mission.source.basis_x_probability
        )
        self._truth = truth
        self._photons = photons
        self._delay = delay
        self._clock_offset_s = clock_offset_s
        self._step_s = grid_step_s / STEPS_PER_GRID
        self._detectors = Detectors(truth.detectors, rngs["detectors"], channel_delay_s)
        self._scintillation = _Fade(
            truth.atmosphere.scintillation_bandwidth_hz, self._step_s, rngs["air"]
        )
        self.background_hz = _background_hz(mission, optics, truth)
        self._next_slot = 0
        self._end_s = 0.0
        self.pairs: PairArm | None = None
        """Of a source of entangled pairs, which adds to the pulses."""
        self.blocks: list[BlockTruth] = []
        """Truth of the blocks taken; whoever scores takes and clears it."""
        self.sent_until_slot = 0

    def _transmittance(self, grid: list[GridLight], level: Array) -> Array:
        """For each 2 ms step of these grid steps; level: share of the beam's peak held on us."""
        n = len(grid) * STEPS_PER_GRID
        collected = np.repeat([g.collected * (g.open and g.inside) for g in grid], STEPS_PER_GRID)
        # Log-normal of mean one.
        s2 = math.log1p(self._truth.atmosphere.scintillation_index)
        level = level * np.exp(math.sqrt(s2) * self._scintillation.take(n) - 0.5 * s2)
        return np.asarray(collected * level)

    def _block(self, grid: list[GridLight], transmittance: Array) -> Clicks:
        """Clicks of the next block, which lasts these grid steps; its truth joins `blocks`."""
        start_s = self._end_s
        self._end_s = end_s = start_s + len(grid) * STEPS_PER_GRID * self._step_s
        # Slots whose light arrives before the block's end and did not before its start.
        emitted_end = self._delay.emission_s(end_s) - self._clock_offset_s
        first, last = self._next_slot, max(0, math.ceil(emitted_end / self._slot_s))
        self._next_slot = self.sent_until_slot = last
        to_channels = self._polarization.stokes_to_channels(grid[len(grid) // 2].view)
        matrix = SENT_STOKES @ to_channels.T
        per_step = (last - first) / len(transmittance)
        slot, channel = self._photons.signal(first, transmittance, per_step, matrix)
        if self.pairs:
            of_pairs = self.pairs.signal(first, transmittance, per_step, to_channels)
            slot = np.concatenate([slot, of_pairs[0]])
            channel = np.concatenate([channel, of_pairs[1]])
        emitted = np.asarray(slot * self._slot_s + self._clock_offset_s, np.float64)
        arrival = self._delay.arrival_s(emitted)
        is_open = sum(g.open for g in grid) / len(grid)
        dark_hz = self._truth.detectors.dark_rate_hz
        sky_hz = self.background_hz * is_open * to_channels[:, 0]
        noise = self._photons.background(start_s, end_s, sky_hz, dark_hz)
        clicks = Clicks(
            *self._detectors.clicks(
                np.concatenate([arrival, noise.time_s]),
                np.concatenate([channel, noise.channel]),
                np.concatenate([slot, noise.slot]),
                end_s - GUARD_S,
            )
        )
        detected = -np.expm1(-np.outer(self._mu, transmittance)).mean(axis=1)
        self.blocks.append(
            BlockTruth(
                start_s,
                end_s,
                np.rint(clicks.time_s * 1e12).astype(np.int64),
                clicks.true_slot,
                (float(detected[0]), float(detected[1]), float(detected[2])),
                float(last - first),
                matrix,
                self.background_hz * is_open,
            )
        )
        return clicks


class QuantumChannel(QuantumReceiver):
    """The downlink. Source of the tagger emulator: `take` gives the clicks since the last call."""

    def __init__(
        self,
        mission: Mission,
        optics: Optics,
        truth: WorldTruth,
        photons: PhotonStream,
        delay: Delay,
        clock_offset_s: float,
        grid_step_s: float,
        rngs: dict[str, np.random.Generator],
        oscillator_offset: float,
        channel_delay_s: tuple[float, ...] = NO_DELAY,
        polarization: ReceiverOptics | None = None,
    ) -> None:
        super().__init__(
            mission,
            optics,
            truth,
            photons,
            delay,
            clock_offset_s,
            grid_step_s,
            rngs,
            channel_delay_s,
            polarization,
        )
        d, p = truth.detectors, truth.partner
        self.oscillator = Oscillator(
            oscillator_offset,
            d.oscillator_white_fm,
            d.oscillator_random_walk_fm,
            rngs["oscillator"],
        )
        self._jitter = [_Fade(p.jitter_bandwidth_hz, self._step_s, rngs["beam"]) for _ in range(2)]
        self._grid: list[GridLight] = []

    def grid_step(self, light: GridLight) -> None:
        """The conditions of the grid step that begins now."""
        self._grid.append(light)

    def _fading(self, grid: list[GridLight]) -> Array:
        """Transmittance for each 2 ms step of these grid steps."""
        n = len(grid) * STEPS_PER_GRID
        sigma = self._truth.partner.jitter_rad
        off = np.repeat([g.offset_rad for g in grid], STEPS_PER_GRID)
        x, y = (sigma * fade.take(n) for fade in self._jitter)
        beam = np.repeat([g.beam_rad for g in grid], STEPS_PER_GRID)
        level = np.exp(-2.0 * ((x + off) ** 2 + y * y) / beam**2)
        return self._transmittance(grid, level)

    def take(self, t_ns: int) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
        """(time_ps on the tagger's clock, channel), sorted, of all complete grid steps."""
        # The newest grid step is still under way: its clicks lie in the future.
        grid, self._grid = self._grid[:-1], self._grid[-1:]
        if not grid:
            return np.empty(0, np.int64), np.empty(0, np.uint8)
        time_s, channel, _ = self._block(grid, self._fading(grid))
        block = self.blocks[-1]
        start_s, end_s = block.start_s, block.end_s
        before, after = self.oscillator.advance(end_s - start_s)
        local = before + (time_s - start_s) * ((after - before) / (end_s - start_s))
        time_ps = np.rint(time_s * 1e12 + local * 1e12).astype(np.int64)
        self.blocks[-1] = block._replace(time_ps=time_ps)
        return time_ps, channel


def _background_hz(mission: Mission, optics: Optics | Receiver, truth: WorldTruth) -> float:
    """Background photons a second that the detectors count, from whatever fills the field of view:
    radiance, solid angle, area, bandwidth."""
    solid_angle = math.pi * (optics.field_of_view_rad / 2) ** 2
    area = math.pi * (optics.aperture_m / 2) ** 2
    watts = (
        truth.atmosphere.background_radiance_w_m2_sr_um
        * solid_angle
        * area
        * (optics.filter_bandwidth_m * 1e6)
    )
    photon_j = PLANCK_C / mission.source.wavelength_m
    return watts / photon_j * optics.transmittance * optics.detector_efficiency
