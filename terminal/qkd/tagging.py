"""Gives every click the track quality of its slot, and counts the key slots of each quality.

The sender's slot clock is the time scale: slot s left at s T after the agreed start and arrives a
light time later. So a span of our time becomes a span of slot numbers by the predicted light time,
and a click, whose slot the recovered clock has found, is looked up by its number. That errs by the
sender's clock against TAI and by the predicted range: microseconds, where a modes tick has 20 ms.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from terminal.qkd.slot_quality import KeySlots, SlotQuality
from terminal.qkd.track_quality import OFF, Limits, Span, Track, follow
from terminal.quantum_messages import TimingCommand, TimingSample
from terminal.timetags.recovery import COASTING, LOCKED
from terminal.timetags.usable_clicks import REACH_S


class Rules(NamedTuple):
    """What stays the same during a flight."""

    limits: Limits
    key_slots: KeySlots
    slot_period_s: float
    start_tai_ns: int
    unsure_sigma_s: float
    receives: bool
    """False: we send, at the pace of our own clock and without delay."""


class Tags(NamedTuple):
    """State."""

    track: Track = Track()
    slots: SlotQuality = SlotQuality()
    clock_sure: bool = False
    """At the tick before."""


def tag(
    rules: Rules, tags: Tags, s: TimingSample, command: TimingCommand
) -> tuple[Tags, TimingCommand]:
    """The command with `quality` of its clicks and `key_slots` of this tick."""
    sure = not rules.receives or clock_sure(s, command, rules.unsure_sigma_s)
    track, spans = follow(rules.limits, tags.track, s)
    if track.t_ns < s.t_ns:
        # Clicks may have come from since the last fact, of which nothing is known.
        track = Track(s.t_ns)
        spans.append(Span(s.t_ns, OFF))
    # What was locked or lost within the tick was so from somewhere in it on.
    usable = sure and tags.clock_sure
    quality = np.array([span.quality if usable else OFF for span in spans], np.uint8)
    known = tags.slots.last_end
    end_slot = _end_slots(rules, s, np.array([span.end_ns for span in spans], np.int64))
    slots = tags.slots.extended(end_slot, quality, round(2.0 * REACH_S / rules.slot_period_s))
    return Tags(track, slots, sure), command._replace(
        quality=np.where(command.slot >= 0, slots.of(command.slot), np.uint8(OFF)),
        key_slots=slots.key_slots_after(known, rules.key_slots),
    )


def clock_sure(s: TimingSample, command: TimingCommand, unsure_sigma_s: float) -> bool:
    """Whether a click of this tick would get a slot, whichever detector it came from.

    Without any click the clock coasts, and goes on where it was. Where one of the detectors gets no
    slots, what is left would be a choice by outcome: then nothing counts.
    """
    silent = command.status == COASTING and not len(s.time_ps) and not s.stream_defect
    locked = command.status == LOCKED or (silent and command.phase_sigma_s <= unsure_sigma_s)
    return bool(locked and not command.detectors_off_pattern)


def _end_slots(rules: Rules, s: TimingSample, end_ns: NDArray[np.int64]) -> NDArray[np.int64]:
    """First slots that arrive at these times or later, shape of `end_ns`; at least 0."""
    sent_s = (end_ns - rules.start_tai_ns) * 1e-9
    if rules.receives:
        # A straight line back from the tick: the delay bends by 3e-7 /s, a nanosecond in 0.1 s.
        sent_s = sent_s - s.light_time_s + (s.t_ns - end_ns) * 1e-9 * s.light_time_rate
    slot: NDArray[np.int64] = np.ceil(sent_s / rules.slot_period_s).astype(np.int64)
    return np.maximum(slot, 0)
