"""The receiver's polarisation optics: what of them must fit each other, and their devices."""

import math
from collections.abc import Iterator
from itertools import pairwise

from config.polarization import Polarization
from config.problem import Problem
from config.scenario import Scenario

RETARDER = "retarder"
LEAST_TRAVEL_RAD = 0.5 * math.pi
"""A plate does the same again after a quarter turn: all frame angles need no more, and no less."""
LEAST_INDEX = 0.01
"""Of a mirror, n and k together."""


def polarization_problems(scenario: Scenario) -> Iterator[Problem]:
    """What is wrong with path, plate and retarder."""
    config, devices = scenario.terminal.polarization, scenario.terminal.devices
    yield from _path(scenario)
    yield from _travel(config)
    if config.retarder is not None:
        if RETARDER not in devices:
            yield Problem(
                f"terminal.devices.{RETARDER}",
                "missing: terminal.polarization.retarder needs this device",
            )
        yield from _calibration(config.retarder.calibration)
    elif RETARDER in devices:
        yield Problem(
            "terminal.polarization.retarder",
            f"missing: the device `{RETARDER}` needs its axis and calibration",
        )


def _path(scenario: Scenario) -> Iterator[Problem]:
    config = scenario.terminal.polarization
    truth = scenario.world.polarization
    mirrors = (
        ("terminal.polarization.fold_index", config.fold_index),
        ("world.polarization.fold_index", truth.fold_index),
    )
    for key, index in mirrors:
        if index is None:
            continue
        if config.path != "coude":
            yield Problem(
                key, "means nothing for optics on the gimbal: only the path `coude` has mirrors"
            )
        elif math.hypot(*index) < LEAST_INDEX:
            yield Problem(key, f"{index[0]:g}, {index[1]:g} is no mirror's refractive index n, k")
    roll_rad = scenario.terminal.gimbal.roll_max_rad
    if config.path == "coude" and roll_rad > 0.0:
        yield Problem(
            "terminal.polarization.path",
            f"coude needs a gimbal of two axes: terminal.gimbal.roll_max_rad is {roll_rad:g}",
        )


def _travel(config: Polarization) -> Iterator[Problem]:
    plate, key = config.plate, "terminal.polarization.plate"
    least, most = plate.least_rad, plate.most_rad
    if least is None and most is None:
        return
    if least is None or most is None:
        given, other = ("most_rad", "least_rad") if least is None else ("least_rad", "most_rad")
        yield Problem(f"{key}.{other}", f"missing: {given} alone makes no travel")
    elif most <= least:
        yield Problem(f"{key}.most_rad", f"{most:g} must be above least_rad, {least:g}")
    elif most - least < LEAST_TRAVEL_RAD:
        yield Problem(
            f"{key}.most_rad",
            f"a travel of {most - least:g} rad leaves frame angles out of reach: the plate needs a "
            f"quarter turn, {LEAST_TRAVEL_RAD:.4g} rad: is this in turns?",
        )


def _calibration(points: tuple[tuple[float, float], ...]) -> Iterator[Problem]:
    key = "terminal.polarization.retarder.calibration"
    drives, retardances = zip(*points, strict=True)
    if any(b <= a for a, b in pairwise(drives)):
        yield Problem(key, "drives must rise")
    steps = [b - a for a, b in pairwise(retardances)]
    if not (all(step > 0 for step in steps) or all(step < 0 for step in steps)):
        yield Problem(key, "retardances must rise, or fall, throughout")
    if max(map(abs, retardances)) > 4.0 * math.pi:
        yield Problem(
            key, f"a retardance of {max(retardances, key=abs):g} rad: is this in degrees or nm?"
        )
