"""From a confirmed beacon to a centred one: the gimbal's closed loop on the camera's error.

The loop of terminal.control.coarse as far as a pull-in has to do with it: at each frame the
commanded rate is gain e, held until the next one; the frame is old by a latency when it acts. That
loop's lead cancels the gimbal's lag, and its integral acts inside the hand-over radius only, where
a pull-in is over.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

LONGEST_S = 20.0
"""A loop that has not centred the beacon by then does not: it counts as not acquired."""


class PullIn(NamedTuple):
    """The coarse loop while it leads the beacon in."""

    gain_per_s: float
    max_rate_rad_s: float
    """Per axis, on the sky."""
    handover_rad: float
    """Centred: a frame shows an error under this."""

    def frames(
        self, error: Array, rate: Array, frame_period_s: float, latency_s: float
    ) -> NDArray[np.int64]:
        """Frames from the one that confirmed until the first with an error under `handover_rad`.

        Args:
            error: (n, 2), place of the beacon in the image of the confirming frame, rad.
            rate: (n, 2), rate of the scan then, rad/s; it goes on until the frame has its effect.
            latency_s: from the middle of an exposure until the gimbal is told.

        Returns: (n,), 0 where the confirming frame is it; -1 if not within `LONGEST_S`. A beacon
        that leaves the field meanwhile is led back by its remembered place, as if it were seen.
        """
        found = np.full(len(error), -1, dtype=np.int64)
        late = int(latency_s // frame_period_s)
        early_s = latency_s - late * frame_period_s
        index = np.arange(len(error))
        # What acts at the start of a frame's period, first; a new one joins at its end.
        commands = [rate] * (late + 1)
        for k in range(math.ceil(LONGEST_S / frame_period_s)):
            centred = np.hypot(error[:, 0], error[:, 1]) < self.handover_rad
            found[index[centred]] = k
            out = ~centred
            if not out.any():
                break
            index, error = index[out], error[out]
            commands = [c[out] for c in commands]
            command = np.clip(self.gain_per_s * error, -self.max_rate_rad_s, self.max_rate_rad_s)
            commands.append(command)
            error = error - commands[0] * early_s - commands[1] * (frame_period_s - early_s)
            del commands[0]
        return found
