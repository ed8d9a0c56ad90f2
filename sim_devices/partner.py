"""The partner as the second party: follows our beacon with its optics, and answers on the public
channel out of its own memory of what it sent. What it does as a receiver is in
`sim_devices.uplink`."""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from config.world import PartnerTruth
from sim_devices.sender import NO_PULSE, Sender

KEPT = 255
LOST_AFTER_S = 0.2
"""Without our beacon for so long, the partner's beam is no longer held on us."""


class Partner:
    """Sender of the states; keeps what it was not asked for."""

    def __init__(
        self,
        truth: PartnerTruth,
        sender: Sender,
        sent_until_slot: Callable[[], int],
        noted: Callable[[int, int], None] = lambda kind, note_t_ns: None,
    ) -> None:
        """sent_until_slot: slots below have left; nobody can have detected a later one. noted:
        takes what the terminal tells of a search, which only a partner that searches needs."""
        self.noted = noted
        self._truth = truth
        self._sender = sender
        self._sent_until_slot = sent_until_slot
        self._dark_s = math.inf

    @property
    def tracks(self) -> bool:
        """Our beacon has been seen lately, so that its optics are held on us."""
        return self._dark_s < LOST_AFTER_S

    @property
    def offset_rad(self) -> float:
        """How far the quantum beam points off on average, besides its jitter."""
        return 0.0 if self.tracks else self._truth.untracked_offset_rad

    def light(self, uplink_fraction: float, dt_s: float) -> None:
        """What arrived of our beacon's peak irradiance during the last `dt_s`."""
        if uplink_fraction >= self._truth.uplink_threshold:
            self._dark_s = 0.0
        else:
            self._dark_s += dt_s

    def answer(
        self, slot: NDArray[np.int64], basis: NDArray[np.uint8], disclose: NDArray[np.uint8]
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]:
        """(basis, intensity, bit) per announced slot.

        A bit goes out where it was asked for or where the bases differ (it can be no key bit).
        A slot in which no pulse was sent is answered as vacuum in the other basis: worthless to a
        liar.
        """
        sent = self._sender.slots(np.maximum(slot, 0))
        own_basis, bit = sent.state >> np.uint8(1), sent.state & np.uint8(1)
        unsent = (slot < 0) | (slot >= self._sent_until_slot()) | (sent.intensity == NO_PULSE)
        own_basis = np.where(unsent, 1 - (basis & 1), own_basis).astype(np.uint8)
        intensity = np.where(unsent, 2, sent.intensity).astype(np.uint8)
        told = (disclose != 0) | (own_basis != basis)
        # The true bit of a slot that is still to come would be known before it is sent.
        bit = np.where(unsent, 0, bit)
        return own_basis, intensity, np.where(told, bit, KEPT).astype(np.uint8)
