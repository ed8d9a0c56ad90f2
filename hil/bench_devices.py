"""Which of a bench's devices are emulated: all of them, or none."""

from config.errors import InputError
from config.scenario import Scenario


def emulated(scenario: Scenario, roles: tuple[str, str], meeting: str) -> bool:
    """Whether both devices are (`inproc:`).

    meeting: what would have to come about if one were emulated and the other real.

    Raises InputError for one emulated and the other real.
    """
    devices = scenario.terminal.devices
    inside = [devices[role].url.startswith("inproc:") for role in roles]
    if inside[0] != inside[1]:
        alone, other = roles if inside[0] else roles[::-1]
        raise InputError(
            f"terminal.devices.{alone}.url: is inproc, and that of {other} is not: {meeting}"
        )
    return inside[0]
