"""From sent slots to absorbed photons, by Poisson thinning.

Slots are never walked through: candidates are drawn at the rate of the brightest intensity under
the best transmittance of the block (geometric gaps, an exact Bernoulli process over slots), and
each is kept with the probability that its own slot and instant give it. At most one photon of a
pulse is counted; with transmittance times mean photon number under 0.1 the second is rare.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim_devices.detectors import CHANNELS, NO_SLOT
from sim_devices.sender import Sender


class Absorbed(NamedTuple):
    """Photons that a detector absorbed: true time s since start, channel, slot (-1: background)."""

    time_s: NDArray[np.float64]
    channel: NDArray[np.uint8]
    slot: NDArray[np.int64]


def _bernoulli_positions(n: int, p: float, rng: np.random.Generator) -> NDArray[np.int64]:
    """Sorted positions in [0, n) of successes of n independent trials of probability p."""
    if n <= 0 or p <= 0.0:
        return np.empty(0, np.int64)
    parts = []
    reached = -1
    while reached < n:
        count = int((n - reached) * p + 6 * np.sqrt((n - reached) * p) + 16)
        # A gap beyond the end is as good as one to it, and does not overflow the sum.
        positions = reached + np.cumsum(np.minimum(rng.geometric(p, count), n + 1))
        parts.append(positions)
        reached = int(positions[-1])
    positions = np.concatenate(parts)
    return positions[: np.searchsorted(positions, n)]


class PhotonStream:
    """Signal photons of a block of slots, and background."""

    def __init__(
        self,
        sender: Sender,
        intensities: tuple[float, float, float],
        rng: np.random.Generator,
    ) -> None:
        self._sender = sender
        self._mu = np.array([*intensities, 0.0])
        """The last: of a slot without a pulse."""
        self._rng = rng

    def signal(
        self,
        first_slot: int,
        transmittance: NDArray[np.float64],
        slots_per_step: float,
        channel_probability: NDArray[np.float64],
    ) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
        """(slot, channel) of absorbed signal photons.

        Args:
            first_slot: of the block.
            transmittance: (m,) sender's aperture to click, for m equal steps of the block.
            slots_per_step: length of a step in slots.
            channel_probability: (4, 4) probability of the channel (column) for a sent state, for
                a photon that reaches the detectors; what a row lacks to 1 makes no click. The
                basis choice is in it.
        """
        n = round(len(transmittance) * slots_per_step)
        best = float(transmittance.max(initial=0.0))
        p_best = -np.expm1(-best * self._mu[0])
        offset = _bernoulli_positions(n, p_best, self._rng)
        slot = first_slot + offset
        sent = self._sender.slots(slot)
        step = np.minimum((offset / slots_per_step).astype(np.int64), len(transmittance) - 1)
        p = -np.expm1(-transmittance[step] * self._mu[sent.intensity])
        kept = self._rng.random(len(slot)) * p_best < p
        slot, state = slot[kept], sent.state[kept]
        cumulative = np.cumsum(channel_probability, axis=1)
        u = self._rng.random(len(slot))[:, None]
        channel = (u >= cumulative[state]).sum(axis=1).astype(np.uint8)
        clicks = channel < CHANNELS
        return slot[clicks], channel[clicks]

    def background(
        self, start_s: float, end_s: float, sky_hz: NDArray[np.float64], dark_hz: float
    ) -> Absorbed:
        """Clicks of sky light, (4,) by channel, and each detector's dark counts."""
        rates = sky_hz + dark_hz
        counts = self._rng.poisson(rates * (end_s - start_s))
        channel = np.repeat(np.arange(CHANNELS, dtype=np.uint8), counts)
        time_s = self._rng.uniform(start_s, end_s, len(channel))
        return Absorbed(time_s, channel, np.full(len(channel), NO_SLOT, np.int64))
