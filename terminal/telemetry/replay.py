"""Feeds a recording through the same steps again: each command must come out bit for bit."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from config.errors import InputError, RunError
from config.mission import Mission
from config.terminal import TerminalConfig
from terminal.codec import TickCodec
from terminal.loop import Blueprint, StepClock
from terminal.messages import MESSAGES
from terminal.telemetry.reader import Recording


class _Flight(NamedTuple):
    """What the recording says of the flight, as far as the steps need it."""

    mission: Mission
    config: TerminalConfig
    start_tai_ns: int

    @classmethod
    def of(cls, recording: Recording) -> "_Flight":
        """Raises ValueError where something is missing or does not fit this version's config."""
        metadata = recording.metadata
        missing = {"mission", "terminal", "start_tai_ns"} - metadata.keys()
        if missing:
            raise ValueError(f"its metadata lack {', '.join(sorted(missing))}")
        return cls(
            msgspec.json.decode(metadata["mission"], type=Mission),
            msgspec.json.decode(metadata["terminal"], type=TerminalConfig),
            int(metadata["start_tai_ns"]),
        )


class LoopReplay(NamedTuple):
    """Result of one loop."""

    ticks: int
    mismatches: int
    """Ticks whose command came out differently."""
    lost: int
    """Ticks that the sequence numbers say are missing."""


class ReplayResult(NamedTuple):
    """Sums over all loops, and each loop."""

    ticks: int
    mismatches: int
    lost: int
    loops: dict[str, LoopReplay]
    truncated: bool
    """The recording was cut off or damaged: there may have been more ticks than are counted."""


def verify(path: Path, blueprints: Iterable[Blueprint] | None = None) -> ReplayResult:
    """Replay every loop of a recording.

    After a gap a loop goes on with the state it has, so what follows the gap may differ.

    Raises:
        InputError: the file is no recording, or not one of this version's layout and config.
        RunError: a step fails on a recorded sample.
    """
    if blueprints is None:
        # The composition root imports every loop; a caller with its own loops needs none of them.
        from terminal.main import BLUEPRINTS

        blueprints = BLUEPRINTS
    recording = Recording(path)
    try:
        flight = _Flight.of(recording)
        loops = {
            blueprint.name: _replay(recording, flight, blueprint)
            for blueprint in blueprints
            if blueprint.name in recording.messages()
        }
    except (KeyError, ValueError) as error:  # KeyError: a device that the config lacks
        raise InputError(f"{path}: cannot be replayed: {error}") from error
    return _sum(recording, loops)


def count(path: Path) -> ReplayResult:
    """Ticks and gaps of every message; nothing is replayed, so nothing can differ.

    Raises:
        InputError: the file is no recording.
    """
    recording = Recording(path)
    loops = {}
    for name in recording.messages():
        seq = recording.columns(name)["seq"]
        loops[name] = LoopReplay(len(seq), 0, _lost(seq))
    return _sum(recording, loops)


def _replay(recording: Recording, flight: _Flight, blueprint: Blueprint) -> LoopReplay:
    name = blueprint.name
    message = recording.messages()[name]
    if name in MESSAGES and message is not MESSAGES[name]:
        raise ValueError(f"message {name} was recorded with the layout of another version")
    state, step = blueprint.make(flight.mission, flight.config, flight.start_tai_ns)
    clock = StepClock(getattr(flight.config.rates, f"{name}_hz"))
    codec = TickCodec(message)
    mismatches = 0
    for block in recording.blocks(name):
        offset = 0
        while offset < len(block):
            start = offset
            seq, sample, _, offset = codec.unpack_from(block, offset)
            try:
                state, command = step(state, sample, clock.dt_s(sample.t_ns))
                again = codec.pack(seq, sample, command)
            except Exception as error:
                raise RunError(
                    f"{recording.path}: loop {name}, tick {seq}: the step fails:"
                    f" {type(error).__name__}: {error}"
                ) from error
            mismatches += again != block[start:offset]
    seq_column = recording.columns(name)["seq"]
    return LoopReplay(len(seq_column), mismatches, _lost(seq_column))


def _lost(seq: NDArray[np.uint32]) -> int:
    """Numbers left out of 0, 1, 2, ...; what was lost behind the last one shows nowhere."""
    steps = np.diff(seq.astype(np.int64), prepend=-1)
    return int((steps[steps > 1] - 1).sum())


def _sum(recording: Recording, loops: dict[str, LoopReplay]) -> ReplayResult:
    return ReplayResult(
        ticks=sum(loop.ticks for loop in loops.values()),
        mismatches=sum(loop.mismatches for loop in loops.values()),
        lost=sum(loop.lost for loop in loops.values()),
        loops=loops,
        truncated=recording.truncated or recording.damaged_chunks > 0,
    )
