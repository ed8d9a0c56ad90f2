"""Two terminals that share a source of entangled pairs, flown one after the other.

Each is a flight of its own, with world, recording and report. What they share is the sender: its
path and its clock are the same in both worlds, and the second finds its photons as the first one's
measurements have left them (`sim_devices.pair_source`).
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from msgspec import structs

from config.errors import InputError
from config.mission import Pairs
from config.scenario import Scenario
from hil.flight import Flight, Progress, flown
from hil.outputs import prepare_folder, write_results
from hil.pair_score import entanglement
from sim_devices.pair_source import Left
from sim_devices.randomness import other_arm
from terminal.window import Window

SECOND = "second"
"""Folder of the second terminal, in that of the first."""

NO_KEY = {"qber_true": None, "secret_key_bits_expected": 0.0, "detected_expected": 0.0}


def second_of(scenario: Scenario, pairs: Pairs) -> Scenario:
    """What the second terminal flies: its own track, and an analyser that is not turned."""
    terminal = scenario.terminal
    return structs.replace(
        scenario,
        mission=structs.replace(scenario.mission, track=pairs.second_track),
        terminal=structs.replace(
            terminal, polarization=structs.replace(terminal.polarization, turns_rad=(0.0,))
        ),
    )


def fly_two_arms(
    scenario: Scenario,
    seed: int,
    window: Window,
    out: Path,
    progress: Callable[[Progress], None],
) -> dict[str, Any]:
    """Fly both in lock-step; the second's files are complete in `out`/second.

    Returns the first's summary with `entanglement`. Raises InputError as `Flight`, for a scenario
    without pairs, and for one with a key hand-over.
    """
    pairs = scenario.mission.source.pairs
    if pairs is None:
        raise InputError(
            "mission.source.pairs: missing: there is nothing that two ends could share"
        )
    if scenario.terminal.handover is not None:
        raise InputError("terminal.handover: a source of pairs makes no key to hand over")
    started = time.perf_counter()
    second_out = prepare_folder(out / SECOND)
    summary, left = _flown_arm(scenario, seed, window, out, progress, {})
    other = second_of(scenario, pairs)
    second_summary, _ = _flown_arm(other, other_arm(seed), window, second_out, progress, left)
    for told, arm in ((summary, "first"), (second_summary, SECOND)):
        # The command's seed is one for both, and there is no key to be expected.
        told |= {"arm": arm, "seed": seed, **NO_KEY}
    summary["entanglement"] = entanglement(scenario, out, second_out)
    write_results(second_out, other, second_summary)
    summary["wall_s"] = time.perf_counter() - started
    return summary


def _flown_arm(
    scenario: Scenario,
    seed: int,
    window: Window,
    out: Path,
    progress: Callable[[Progress], None],
    other: dict[int, list[Left]],
) -> tuple[dict[str, Any], dict[int, list[Left]]]:
    """The summary, and what its measurements left; other: what those of the other arm did."""
    flight = Flight(scenario, seed, window, out, progress)
    arm = flight.world.channel.pairs
    assert arm is not None, "a mission with pairs has an arm of them"
    arm.other = other
    return flown(flight), arm.left
