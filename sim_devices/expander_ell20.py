"""Emulator of a Thorlabs Elliptec ELL20 linear stage. Protocol: `sim_devices.elliptec`."""

from sim_devices.elliptec import ElliptecEmulator

PULSES_PER_MM = 1024
TRAVEL_MM = 60
IDENTITY = f"14112000452021160100{TRAVEL_MM:02X}{PULSES_PER_MM:08X}"
"""Type 20, serial 11200045, year 2021, firmware 16, hardware 01, travel, pulses a millimetre."""
SPEED_M_S = 0.06
"""[?]"""


class Ell20Emulator(ElliptecEmulator):
    """One stage.

    Args:
        address: one of 0-9 and A-F.
        speed_m_s: of a move.
        stuck: the stage does not move; looked at when a move starts, may be changed at any time.
    """

    def __init__(
        self, *, address: str = "0", speed_m_s: float = SPEED_M_S, stuck: bool = False
    ) -> None:
        super().__init__(
            IDENTITY,
            wrap=0,
            reach=TRAVEL_MM * PULSES_PER_MM,
            pulses_per_s=speed_m_s * 1e3 * PULSES_PER_MM,
            address=address,
            stuck=stuck,
        )

    @property
    def position(self) -> float:
        """True metres from the encoder's zero at the last advance."""
        return self.true_pulses * 1e-3 / PULSES_PER_MM
