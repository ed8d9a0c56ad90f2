"""Emulator of a Thorlabs Elliptec ELL14 rotation mount. Protocol: `sim_devices.elliptec`."""

import math

from sim_devices.elliptec import ElliptecEmulator

TURN = 143_360
"""Pulses a turn."""
IDENTITY = f"0E11400509202015010168{TURN:08X}"
"""Type 14, serial 11400509, year 2020, firmware 15, hardware 01, travel 360, pulses a turn."""
SPEED_RAD_S = math.radians(430.0)
"""[2nd]"""


class Ell14Emulator(ElliptecEmulator):
    """One mount.

    Args:
        address: one of 0-9 and A-F.
        speed_rad_s: of a move.
        stuck: the plate does not turn; looked at when a move starts, may be changed at any time.
    """

    def __init__(
        self, *, address: str = "0", speed_rad_s: float = SPEED_RAD_S, stuck: bool = False
    ) -> None:
        super().__init__(
            IDENTITY,
            wrap=TURN,
            reach=TURN,
            pulses_per_s=speed_rad_s / (2.0 * math.pi) * TURN,
            address=address,
            stuck=stuck,
        )

    @property
    def angle_rad(self) -> float:
        """True angle from the encoder's zero at the last advance, rad, within one turn."""
        return 2.0 * math.pi * (self.true_pulses / TURN)

    @property
    def turned_rad(self) -> float:
        """The same, counted on over whole turns since the start."""
        return 2.0 * math.pi * (self.gone_pulses / TURN)
