"""A pair source's clicks in one end's recording: slots, channels, and how the analyser stood."""

from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from config.errors import InputError
from config.mission import Mission
from config.pattern import NOT_PUBLIC, public_pattern
from terminal.qkd.entanglement import Clicks
from terminal.qkd.track_quality import QUALITY_OF
from terminal.telemetry.reader import Recording
from terminal.timetags import click_results

Array = NDArray[np.float64]

LATE_NS = 100_000_000
"""Clicks are handed over some milliseconds after they were made, and the plate's state is known
once a tenth of a second."""

HELD_RAD = np.radians(1.0)
"""A plate this near to its target is only following the carrier's motion; both ends off by so much
would cost 1 % of a correlation."""
KNOWN_RAD = np.radians(1.0)
"""1-sigma of the frame angle, above which the polarisation loop is still looking for it."""

UNKNOWN = float("nan")
"""Turn of an analyser that is on its way, or in a frame that is not known yet."""


class Tags(NamedTuple):
    """All clicks of a recording, (n,), as the tagger told them."""

    time_ps: NDArray[np.int64]
    """On the tagger's clock."""
    channel: NDArray[np.uint8]


class Ticks(NamedTuple):
    """The timing loop's ticks, (n,)."""

    t_ns: NDArray[np.int64]
    """TAI, at the end of each."""
    gate_half_width_s: Array
    """0: nothing counted."""
    pair_slots: NDArray[np.int64]
    """That counted, of those that carry pairs."""
    turn_rad: Array
    """NaN: the analyser was on its way."""


class Found(NamedTuple):
    """What one end has to bring."""

    tags: Tags
    accepted: Clicks
    """All clicks that count, public slots included."""
    place: NDArray[np.int64]
    """Of the accepted clicks among the tags."""
    pairs: Clicks
    """Those in pair slots, with the analyser where it should be."""
    ticks: Ticks


def find_clicks(recording: Recording) -> Found:
    """The clicks of a recording of one end.

    Raises:
        InputError: no pair source, a message is missing, or a block is damaged.
    """
    mission = _mission(recording)
    source, least = mission.source, QUALITY_OF[mission.security.least_track_quality]
    pattern = public_pattern(source.pattern_length, source.public_share, source.pattern_seed)
    turns, since_ns, before = _Turns(recording), 0, 0
    time_ps, channel = [np.empty(0, np.int64)], [np.empty(0, np.uint8)]
    place, slot, turn_rad = [np.empty(0, np.int64)], [np.empty(0, np.int64)], [np.empty(0)]
    ticks = []
    for _, sample, command in recording.ticks("timing"):
        turn = turns.between(since_ns - LATE_NS, sample.t_ns)
        since_ns = sample.t_ns
        time_ps.append(sample.time_ps)
        channel.append(sample.channel)
        counts = click_results.accepted(command) & (command.quality >= least)
        place.append(before + np.flatnonzero(counts))
        slot.append(command.slot[counts])
        turn_rad.append(np.full(len(slot[-1]), turn))
        before += len(sample.time_ps)
        used = int(command.key_slots[least:].sum())
        ticks.append((sample.t_ns, command.gate_half_width_s, used, turn))
    tags = Tags(np.concatenate(time_ps), np.concatenate(channel))
    of_tags = np.concatenate(place)
    accepted = Clicks(np.concatenate(slot), tags.channel[of_tags], np.concatenate(turn_rad))
    of_pairs = pattern[accepted.slot % len(pattern)] == NOT_PUBLIC
    of_pairs &= ~np.isnan(accepted.turn_rad)
    t_ns, gate_s, used_slots, turned = zip(*ticks, strict=True) if ticks else ((), (), (), ())
    return Found(
        tags,
        accepted,
        of_tags,
        Clicks(*(column[of_pairs] for column in accepted)),
        Ticks(
            np.array(t_ns, np.int64),
            np.array(gate_s, np.float64),
            np.array(used_slots, np.int64),
            np.array(turned, np.float64),
        ),
    )


def _mission(recording: Recording) -> Mission:
    try:
        mission = msgspec.json.decode(recording.metadata.get("mission", ""), type=Mission)
    except msgspec.MsgspecError as error:
        raise InputError(f"{recording.path}: its mission cannot be read: {error}") from error
    if mission.source.pairs is None:
        raise InputError(f"{recording.path}: no link of entangled pairs (mission.source.pairs)")
    return mission


class _Turns:
    """How the analyser stood while the clicks of a timing tick came."""

    def __init__(self, recording: Recording) -> None:
        columns = recording.columns("polarization")
        self._t_ns = columns["t_ns"]
        # A half-wave plate acts alike every quarter turn.
        off = columns["plate_angle_rad"] - columns["plate_target_rad"]
        off = np.abs((off + np.pi / 4) % (np.pi / 2) - np.pi / 4)
        held = (columns["plate_t_ns"] != 0) & (off <= HELD_RAD)
        held &= columns["trim_sigma_rad"] <= KNOWN_RAD
        self._turn_rad = np.where(held, columns["turn_rad"], UNKNOWN)

    def between(self, start_ns: int, end_ns: int) -> float:
        """Turn of all polarization ticks meanwhile; UNKNOWN if they differ or there is none."""
        begin, end = np.searchsorted(self._t_ns, [start_ns, end_ns + 1])
        turns = self._turn_rad[begin:end]
        # NaN is unlike itself.
        return float(turns[0]) if len(turns) and np.all(turns == turns[0]) else UNKNOWN
