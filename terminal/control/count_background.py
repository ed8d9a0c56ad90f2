"""Clicks that are no signal, by sent state and channel, as they are expected among the counts.

Each channel gets its share of the sky's light; detectors' own dark counts are taken to be shared
alike, which is right to second order where the contrast is high.
"""

import math

import numpy as np
from numpy.typing import NDArray

from config.mission import Mission
from config.polarization import Channels

Array = NDArray[np.float64]


class CountBackground:
    """What of it is constant."""

    def __init__(self, mission: Mission, channels: Channels) -> None:
        source = mission.source
        p_x, public = source.basis_x_probability, source.public_share
        basis = np.array([p_x, p_x, 1.0 - p_x, 1.0 - p_x])
        channel = basis * np.array(channels.efficiency)
        channel /= channel.sum()
        # Public slots have the four states alike; of key slots all is told but the key itself.
        self._public = np.outer(np.full(4, 0.25 * public), channel).ravel()
        told = np.ones((4, 4))
        told[:2, :2] = mission.security.disclosed_x_share
        self._disclosed = ((1.0 - public) * np.outer(0.5 * basis, channel) * told).ravel()
        self._slot_hz = source.pulse_rate_hz

    def hz(self, background_hz: float, gate_half_width_s: float) -> tuple[Array, Array]:
        """(16,) rates in the gate: of public slots, of disclosed ones. What is no number is 0."""
        gated = _within(2.0 * gate_half_width_s * self._slot_hz, 1.0)
        rate_hz = _within(background_hz, self._slot_hz) * gated
        return self._public * rate_hz, self._disclosed * rate_hz


def _within(value: float, most: float) -> float:
    return min(max(0.0, value), most) if math.isfinite(value) else 0.0
