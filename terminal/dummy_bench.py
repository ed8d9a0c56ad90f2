"""A quad cell and a mirror that answer at once, to measure the fine loop without any device."""

import math
from collections import deque

from msgspec.structs import replace

from config.terminal import MIRROR_DAC_COUNTS, TerminalConfig
from drivers.protocols import Health, QuadScan

_QUADRANT_COUNTS = 9000
_SWAY_RAD, _SWAY_HZ = 20e-6, 1.0
_STIFF = 20.0
"""Resonance of the mirror over the tick's rate: it goes where it is told within a scan."""


def at_rate(config: TerminalConfig, fine_hz: int) -> TerminalConfig:
    """The terminal at another fine rate, with the mirror that this bench has."""
    response = replace(
        config.fine.response,
        matrix=((1.0, 0.0), (0.0, 1.0)),
        resonance_hz=_STIFF * fine_hz,
        damping=1.0,
    )
    return replace(
        config,
        rates=replace(config.rates, fine_hz=fine_hz),
        fine=replace(config.fine, response=response),
    )


class DummyBench:
    """Both devices in one: light that sways sideways by 20 urad, and a mirror after the delay that
    the terminal is configured for. drivers.protocols.QuadDetector and Mirror."""

    def __init__(self, config: TerminalConfig) -> None:
        self.counts_per_rad = MIRROR_DAC_COUNTS / config.optics.mirror_stroke_rad
        self.max_counts = MIRROR_DAC_COUNTS
        self.health = Health()
        self.x_counts = self.y_counts = 0
        """Of the newest command."""
        self._per_spot = math.sqrt(2.0) / config.optics.quad_spot_rad
        period_ns = round(1e9 / config.rates.fine_hz)
        # A quarter of a period, so that no rounding makes it a scan more.
        self._delay_ns = config.fine.response.delay_samples * period_ns - period_ns // 4
        self._waiting: deque[tuple[int, int, int]] = deque()
        self._x_rad = self._y_rad = 0.0
        self._seq = -1

    def poll(self, t_ns: int) -> QuadScan:
        """A scan at `t_ns`."""
        while self._waiting and self._waiting[0][0] <= t_ns:
            _, x_counts, y_counts = self._waiting.popleft()
            self._x_rad, self._y_rad = (
                x_counts / self.counts_per_rad,
                y_counts / self.counts_per_rad,
            )
        sway = _SWAY_RAD * math.sin(2.0 * math.pi * _SWAY_HZ * 1e-9 * t_ns)
        right = 1.0 + math.erf(self._per_spot * (sway - self._x_rad))
        above = 1.0 + math.erf(-self._per_spot * self._y_rad)
        left, below = 2.0 - right, 2.0 - above
        self._seq += 1
        return QuadScan(
            t_ns,
            self._seq,
            round(_QUADRANT_COUNTS * right * above),
            round(_QUADRANT_COUNTS * left * above),
            round(_QUADRANT_COUNTS * left * below),
            round(_QUADRANT_COUNTS * right * below),
            0,
        )

    def command(self, x_counts: int, y_counts: int, t_ns: int) -> None:
        self.x_counts, self.y_counts = x_counts, y_counts
        self._waiting.append((t_ns + self._delay_ns, x_counts, y_counts))

    def close(self) -> None:
        """Nothing to close."""
