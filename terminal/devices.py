"""The devices of a terminal, by the role each plays."""

from contextlib import ExitStack
from typing import NamedTuple

from config.terminal import TerminalConfig
from drivers.protocols import (
    Camera,
    ClassicalLink,
    Driver,
    Expander,
    Gimbal,
    Laser,
    Mirror,
    Navigation,
    QuadDetector,
    Retarder,
    TimeTagger,
    WavePlate,
)
from drivers.registry import build
from drivers.transport import InProcess


class Devices(NamedTuple):
    """One driver a role. Each is read by exactly one loop."""

    gimbal: Gimbal
    navigation: Navigation
    camera: Camera
    quad: QuadDetector
    mirror: Mirror
    point_ahead: Mirror
    waveplate: WavePlate
    tagger: TimeTagger
    laser: Laser
    classical: ClassicalLink
    expander: Expander | None = None
    """None: the sent beam's width is fixed."""
    retarder: Retarder | None = None
    """None: a phase between s and p stays."""
    polarimeter: QuadDetector | None = None
    """Four photodiodes on the beacon behind the wave plate, a to d are H V D A. None: none."""

    def close(self) -> None:
        """Close every device, whatever becomes of the others."""
        with ExitStack() as stack:
            for device in self:
                driver: Driver | None = device
                if driver is not None:
                    stack.callback(driver.close)


def open_devices(config: TerminalConfig, in_process: InProcess) -> Devices:
    """Build the driver of every role from config.

    Raises:
        InputError: a driver, URL or option that does not exist.
        DeviceError: a port that cannot be opened.

    Whatever is raised, the devices opened before are closed.
    """
    opened: dict[str, Driver] = {}
    try:
        for role in Devices._fields:
            if role in Devices._field_defaults and role not in config.devices:
                continue
            opened[role] = build(role, config.devices[role], in_process)
    except Exception:
        for driver in opened.values():
            driver.close()
        raise
    return Devices(**opened)  # type: ignore[arg-type]
