"""The public slots of the sender."""

import numpy as np
from numpy.typing import NDArray

from config.pattern import NOT_PUBLIC

SIGN = np.array([[1, -1, 0, 0], [0, 0, 1, -1]], dtype=np.int8)
"""One row for each basis. The score of a click (channel) against a sent state is the product of
these: +1 for the same state, -1 for the other state of the same basis, 0 across bases."""


class PublicPattern:
    """Which slots are public and what is sent in them; repeats after `length` slots."""

    def __init__(self, state: NDArray[np.uint8]) -> None:
        """state: (length,), 0..3 = H V D A, 255 = not public.

        Raises:
            ValueError: no slots, or a state that is none of these.
        """
        from scipy.fft import rfft  # A third of numpy's time, but slow to import.

        state = np.array(state, dtype=np.uint8)
        if state.ndim != 1 or state.size == 0:
            raise ValueError("public pattern: must be a row of slots")
        public = state[state != NOT_PUBLIC]
        if np.any(public > 3):
            raise ValueError(
                "public pattern: states are 0..3, or 255 for a slot that is not public"
            )
        state.flags.writeable = False
        self.state = state
        self.length = int(state.size)
        counts = np.bincount(public, minlength=4) / self.length
        self.share_by_state = tuple(counts.tolist())
        """Share of all slots that are public and H, V, D, A."""
        self.share_by_basis = (float(counts[0] + counts[1]), float(counts[2] + counts[3]))
        """Share of all slots that are public and in H/V, in D/A."""
        sign = np.zeros((2, 256), dtype=np.int8)
        sign[:, :4] = SIGN
        self.sign = [row[state] for row in sign]
        """Of each slot, by basis: see SIGN."""
        self.spectra = [rfft(row.astype(np.float32)) for row in self.sign]
        """Their transforms."""
