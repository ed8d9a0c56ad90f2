"""The beam expander: its device, its calibration, and the width that the mission asks for."""

from collections.abc import Iterator
from itertools import pairwise

from config.problem import Problem
from config.scenario import Scenario

EXPANDER = "expander"
"""The one device that a terminal may have or not: with `terminal.divergence`, or not at all."""


def divergence_problems(scenario: Scenario) -> Iterator[Problem]:
    """What is wrong with the control of the sent beam's width."""
    divergence, there = scenario.terminal.divergence, EXPANDER in scenario.terminal.devices
    if divergence is None:
        if there:
            yield Problem("terminal.divergence", "missing: the device `expander` needs it")
        return
    if not there:
        yield Problem(
            f"terminal.devices.{EXPANDER}", "missing: terminal.divergence needs this device"
        )
    positions, angles = zip(*divergence.calibration, strict=True)
    if any(b <= a for a, b in pairwise(positions)):
        yield Problem("terminal.divergence.calibration", "positions must rise")
    steps = [b - a for a, b in pairwise(angles)]
    if not (all(step > 0 for step in steps) or all(step < 0 for step in steps)):
        yield Problem("terminal.divergence.calibration", "angles must rise, or fall, throughout")
    if max(angles) > 0.05 or min(angles) < 1e-7:
        yield Problem(
            "terminal.divergence.calibration",
            f"angles from {min(angles):g} to {max(angles):g} must lie in 1e-07 to 0.05 rad: "
            "are they in urad?",
        )
    wanted_rad = scenario.mission.beam.full_divergence_rad
    sends = scenario.mission.direction == "uplink"
    if sends and divergence.policy == "fixed" and not min(angles) <= wanted_rad <= max(angles):
        yield Problem(
            "mission.beam.full_divergence_rad",
            f"{wanted_rad:g} is beyond the expander's {min(angles):g} to {max(angles):g} rad",
        )
