"""What loops are bound to."""

from typing import NamedTuple

from config.mission import Mission
from config.terminal import TerminalConfig
from terminal.bus import Bus
from terminal.devices import Devices
from terminal.window import Window


class Context(NamedTuple):
    """One flight: its devices, the bus between its loops, and what it was told beforehand."""

    devices: Devices
    bus: Bus
    mission: Mission
    config: TerminalConfig
    window: Window
