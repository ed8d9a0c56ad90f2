"""The public slots of the sender, and the search for their place in a stream of clicks."""

import numpy as np
from numpy.typing import NDArray

from config.pattern import NOT_PUBLIC

# Score of a click (channel) against a sent state: the product of these, so +1 for the same state,
# -1 for the other state of the same basis, 0 across bases. One row for each basis.
_SIGN = np.array([[1, -1, 0, 0], [0, 0, 1, -1]], dtype=np.float32)


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
        sign = np.zeros((2, 256), dtype=np.float32)
        sign[:, :4] = _SIGN
        self._spectra = [rfft(row[state]) for row in sign]

    def soft_scores(
        self, slot: NDArray[np.int64], channel: NDArray[np.uint8], weight: NDArray[np.float64]
    ) -> NDArray[np.float32]:
        """Score of every shift of the clicks against the pattern, by FFT.

        slot: (n,) slot numbers up to an unknown shift; channel: (n,), 0..3; weight: (n,), >= 0.
        Returns (length,): element `shift` is the weighted score if the true slot is slot + shift.
        """
        index = np.mod(slot, self.length)
        rows = []
        for sign in _SIGN:
            row = np.zeros(self.length, dtype=np.float32)
            np.add.at(row, index, (sign[channel] * weight).astype(np.float32))
            rows.append(row)
        return self._correlate(rows)

    def _correlate(self, rows: list[NDArray[np.float32]]) -> NDArray[np.float32]:
        """Sum over both bases of sum_i row[i] sign[i + shift], (length,), one float32 row each."""
        from scipy.fft import irfft, rfft

        total = np.zeros(self.length // 2 + 1, dtype=np.complex64)
        for row, spectrum in zip(rows, self._spectra, strict=True):
            product = rfft(row)
            np.conjugate(product, out=product)
            product *= spectrum
            total += product
        return np.asarray(irfft(total, n=self.length), dtype=np.float32)
