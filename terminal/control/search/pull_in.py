"""From a confirmed beacon to a centred one: the gimbal's closed loop on the camera's error.

The loop of terminal.control.coarse: at each frame the commanded rate is gain e + integral of e,
held until the next one; the gimbal follows with a first-order lag; the frame is old by a latency
when it acts. (That loop's integral acts inside the hand-over radius only, where a pull-in is over,
and its lead cancels the lag: both are 0 for it.) Between changes of the command the motion is that
of a linear system with constant input, so it is stepped by its exact solution (Franklin, Powell and
Workman, Digital Control of Dynamic Systems, zero-order hold).
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

LONGEST_S = 20.0
"""A loop that has not centred the beacon by then does not: it counts as not acquired."""


class PullIn(NamedTuple):
    """Gains of the coarse loop, and the mechanics and delays that it has to live with."""

    gain_per_s: float
    integral_gain_per_s2: float
    settle_rad: float
    """The integral stands still while |x| + |y| is over this."""
    lag_s: float
    """Time constant of the gimbal's rate, as far as no lead cancels it."""
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
        error, speed, integral = error.copy(), rate.copy(), np.zeros_like(error)
        # What acts at the start of a frame's period, first; a new one joins at its end.
        commands = [rate] * (late + 1)
        for k in range(math.ceil(LONGEST_S / frame_period_s)):
            centred = np.hypot(error[:, 0], error[:, 1]) < self.handover_rad
            found[index[centred]] = k
            out = ~centred
            if not out.any():
                break
            index, error, speed, integral = index[out], error[out], speed[out], integral[out]
            commands = [c[out] for c in commands]
            slow = np.abs(error).sum(axis=1, keepdims=True) < self.settle_rad
            integral = integral + slow * (self.integral_gain_per_s2 * frame_period_s) * error
            command = self.gain_per_s * error + integral
            commands.append(np.clip(command, -self.max_rate_rad_s, self.max_rate_rad_s))
            error, speed = self._move(error, speed, commands[0], early_s)
            error, speed = self._move(error, speed, commands[1], frame_period_s - early_s)
            del commands[0]
        return found

    def _move(
        self, error: Array, speed: Array, command: Array, span_s: float
    ) -> tuple[Array, Array]:
        """Error and speed after `span_s` under a constant command."""
        left = math.exp(-span_s / self.lag_s) if self.lag_s > 0.0 else 0.0
        moved = command * span_s + (speed - command) * (self.lag_s * (1.0 - left))
        return error - moved, command + (speed - command) * left
