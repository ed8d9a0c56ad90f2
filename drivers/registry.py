"""Drivers by name, built from config. The modules are imported only when one is built."""

from importlib import import_module
from typing import Any

from config.errors import InputError
from config.terminal import Device
from drivers.transport import InProcess, open_transport

DRIVERS = {
    "gimbal_sbgc32": "Sbgc32",
    "navigation_vectornav": "VectorNav",
    "camera_mono8": "Mono8Camera",
    "quad_iio": "IioQuad",
    "mirror_iio": "IioMirror",
    "waveplate_ell14": "Ell14",
    "tagger_a1": "A1Tagger",
    "laser_scpi": "ScpiLaser",
    "classical_link": "FramedClassicalLink",
    "expander_ell20": "Ell20",
    "expander_ld4i": "Ld4i",
    "retarder_lcc25": "Lcc25",
}
"""Module in `drivers` -> class in it; built as Class(transport, **options)."""


def build(name: str, device: Device, in_process: InProcess) -> Any:
    """The driver of one configured device.

    Raises:
        InputError: unknown driver or URL scheme, or options that the driver does not take.
        DeviceError: a port that cannot be opened.
    """
    if device.driver not in DRIVERS:
        known = ", ".join(sorted(DRIVERS))
        raise InputError(
            f"terminal.devices.{name}.driver: unknown {device.driver!r}; known: {known}"
        )
    factory = getattr(import_module(f"drivers.{device.driver}"), DRIVERS[device.driver])
    transport = open_transport(device.url, name, in_process)
    try:
        return factory(transport, **device.options)
    except (TypeError, ValueError) as error:
        transport.close()
        raise InputError(f"terminal.devices.{name}.options: {error}") from error
