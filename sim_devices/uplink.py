"""The uplink: the terminal sends the states, the partner receives, sifts and tells its tally.

Everything is told in the time at which light leaves the terminal: what arrives is a light time
later, and so is the partner's tally, whose latency includes it. Two things are taken for granted.
The partner's own clock recovery is not modelled: it knows the slot of each click to the detector's
jitter, and its gate applies. The conversation about bases is not modelled either: the partner
already knows what the sender sent and which slots never left, as both do after sifting; what the
two ends would keep from each other is still left out of the key.

The wave plate turns the states before they leave instead of after they arrive. By reciprocity the
probabilities within a basis are those of the downlink; between the bases, sender and receiver
change places, which no sum over both shows.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from config.mission import Mission, Receiver
from config.world import World as WorldTruth
from sim_devices.light import STEPS_PER_GRID, Clicks, GridLight, QuantumReceiver
from sim_devices.line_of_sight import Delay
from sim_devices.photons import PhotonStream
from sim_devices.receiver_optics import ReceiverOptics
from sim_devices.sender import Sender

Array = NDArray[np.float64]
Slots = NDArray[np.int64]

GRID_STEPS_A_BLOCK = 10
BLOCKS_A_TALLY = 10

Z = 1
"""Check basis, D and A."""


def mean_per_step(level: Array) -> Array:
    """(STEPS_PER_GRID,) means of ticks (n,) that fill a grid step evenly, for any n."""
    edges = np.linspace(0.0, len(level), STEPS_PER_GRID + 1)
    total = np.interp(edges, np.arange(len(level) + 1), np.concatenate([[0.0], np.cumsum(level)]))
    return np.asarray(np.diff(total) * STEPS_PER_GRID / len(level))


class Sifter:
    """The partner's counts, and how it makes them from clicks.

    counts, (28,) as the public channel carries them: detected clicks in key slots; kept key-basis
    bits of the three intensities; check-basis bits; errors among these; disclosed key-basis bits;
    errors among these; clicks by 4 * sent state + channel where the state is told.
    """

    def __init__(
        self, mission: Mission, receiver: Receiver, sender: Sender, rng: np.random.Generator
    ) -> None:
        self.counts = np.zeros(28, np.int64)
        self._slot_s = 1.0 / mission.source.pulse_rate_hz
        self._gate_s = receiver.gate_half_width_s
        self._disclosed_x_share = mission.security.disclosed_x_share
        self._sender = sender
        self._rng = rng

    def add(self, clicks: Clicks) -> None:
        """Gate clicks, keep one a slot, and count them."""
        slot, channel = self._gated(clicks)
        sent = self._sender.slots(slot)
        basis, bit = channel >> 1, channel & 1
        key, same = ~sent.public, (sent.state >> 1) == basis
        wrong = bit != (sent.state & 1)
        chosen = self._rng.random(len(slot)) < self._disclosed_x_share
        x, z = key & same & (basis != Z), key & same & (basis == Z)

        def by_intensity(mask: NDArray[np.bool_]) -> Slots:
            return np.bincount(sent.intensity[mask], minlength=3)

        # A bit is told where it is of no use to the key: other bases, the check basis, the sample.
        told = sent.public | ~same | z | (x & chosen)
        pairs = 4 * sent.state[told].astype(np.int64) + channel[told]
        self.counts += np.concatenate(
            [
                [np.count_nonzero(key)],
                by_intensity(x & ~chosen),
                by_intensity(z),
                by_intensity(z & wrong),
                [np.count_nonzero(x & chosen), np.count_nonzero(x & chosen & wrong)],
                np.bincount(pairs, minlength=16),
            ]
        )

    def _gated(self, clicks: Clicks) -> tuple[Slots, NDArray[np.uint8]]:
        """(slot, channel) of clicks near a slot's centre; of several in a slot, one at random."""
        slot = np.rint(clicks.time_s / self._slot_s).astype(np.int64)
        inside = np.abs(clicks.time_s - slot * self._slot_s) <= self._gate_s
        inside &= slot >= 0
        order = self._rng.permutation(np.flatnonzero(inside))
        slot, first = np.unique(slot[order], return_index=True)
        return slot, clicks.channel[order[first]]


class UplinkChannel(QuantumReceiver):
    """From our launched beam to the partner's tally.

    `blocks` has those that count: shutter open, the partner looking at us.
    """

    def __init__(
        self,
        mission: Mission,
        receiver: Receiver,
        truth: WorldTruth,
        photons: PhotonStream,
        sender: Sender,
        t_s: Array,
        grid_step_s: float,
        rngs: dict[str, np.random.Generator],
        start_tai_ns: int,
        tell: Callable[[int, int, Slots], None],
        polarization: ReceiverOptics | None = None,
    ) -> None:
        """t_s: the world's grid. rngs: `detectors`, `air` and `sifting`.

        tell: sends a tally (sequence number, TAI ns up to which it counts, counts (28,)).
        """
        no_delay = Delay(t_s, np.zeros_like(t_s))
        super().__init__(
            mission,
            receiver,
            truth,
            photons,
            no_delay,
            0.0,
            grid_step_s,
            rngs,
            polarization=polarization,
        )
        self._sifter = Sifter(mission, receiver, sender, rngs["sifting"])
        self._start_tai_ns = start_tai_ns
        self._tell = tell
        self._grid: list[GridLight] = []
        self._levels: list[Array] = []
        self._taken = self._told = 0

    def grid_step(self, light: GridLight, error_x_rad: Array, error_y_rad: Array) -> None:
        """The grid step that is over; errors (n,): our beam's direction in each of its ticks,
        relative to where it meets the partner.
        """
        # A block is used as a whole or not at all, so it ends where that changes.
        if self._grid and _usable(self._grid[-1]) != _usable(light):
            self._take()
        square = error_x_rad**2 + error_y_rad**2
        self._grid.append(light)
        self._levels.append(mean_per_step(np.exp(-2.0 * square / light.beam_rad**2)))
        if len(self._grid) == GRID_STEPS_A_BLOCK:
            self._take()

    def _take(self) -> None:
        grid, self._grid = self._grid, []
        levels, self._levels = self._levels, []
        clicks = self._block(grid, self._transmittance(grid, np.concatenate(levels)))
        if _usable(grid[0]):
            self._sifter.add(clicks)
        else:
            self.blocks.pop()
        self._taken += 1
        if self._taken % BLOCKS_A_TALLY == 0:
            self._told += 1
            end_ns = self._start_tai_ns + round(self._end_s * 1e9)
            self._tell(self._told, end_ns, self._sifter.counts.copy())


def _usable(light: GridLight) -> bool:
    return light.open and light.inside
