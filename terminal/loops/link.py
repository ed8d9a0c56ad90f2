"""Sifting over the public channel, and the key so far.

In a downlink our clicks are announced and answered. In an uplink the partner has the clicks, sifts
and tells its tally.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from config.mission import Mission
from config.pattern import NOT_PUBLIC, public_pattern
from config.terminal import TerminalConfig
from drivers.protocols import SiftReply, TallyReport
from terminal.context import Context
from terminal.fields import NO_I64S, NO_SLOTS, NO_U8S
from terminal.loop import Step
from terminal.qkd.exchange import Exchange, Ledger
from terminal.qkd.tally import Book, TallyKeeper
from terminal.qkd.track_quality import OFF
from terminal.quantum_messages import LinkCommand, LinkSample
from terminal.timetags import click_results


def make(
    mission: Mission, config: TerminalConfig, start_tai_ns: int
) -> tuple[Ledger | Book, Step[Any, LinkSample, LinkCommand]]:
    if mission.direction == "uplink":
        return Book(), TallyKeeper(mission).step
    return Ledger(), Exchange(mission).step


def bind(
    context: Context,
) -> tuple[Callable[[int], LinkSample], Callable[[LinkCommand, int], None]]:
    devices, bus = context.devices, context.bus
    source = context.mission.source
    pattern = public_pattern(source.pattern_length, source.public_share, source.pattern_seed)
    clicks = bus.timing.subscribe()
    # What two ends share of a pair source is found from both recordings; nothing is announced.
    makes_key = source.pairs is None

    def read(t_ns: int) -> LinkSample:
        slots, channels, qualities = [NO_I64S], [NO_U8S], [NO_U8S]
        clicks_off, key_slots = 0, NO_SLOTS
        while clicks:
            timed, recovered = clicks.popleft()
            slot = recovered.slot
            counts = click_results.accepted(recovered)
            key = counts & (pattern[slot % len(pattern)] == NOT_PUBLIC) & makes_key
            used = key & (recovered.quality != OFF)
            clicks_off += int(np.count_nonzero(key) - np.count_nonzero(used))
            key_slots = key_slots + recovered.key_slots * makes_key
            slots.append(slot[used])
            channels.append(timed.channel[used])
            qualities.append(recovered.quality[used])
        heard = devices.classical.poll(t_ns)
        replies = [frame for frame in heard if isinstance(frame, SiftReply)]
        tallies = [frame for frame in heard if isinstance(frame, TallyReport)]
        return LinkSample(
            t_ns=t_ns,
            slot=np.concatenate(slots),
            channel=np.concatenate(channels),
            reply_request=np.array([r.request for r in replies], np.int64),
            reply_length=np.array([len(r.basis) for r in replies], np.int64),
            reply_basis=np.concatenate([NO_U8S, *(r.basis for r in replies)]),
            reply_intensity=np.concatenate([NO_U8S, *(r.intensity for r in replies)]),
            reply_bit=np.concatenate([NO_U8S, *(r.bit for r in replies)]),
            tally_seq=np.array([t.seq for t in tallies], np.int64),
            tally_t_ns=np.array([t.t_ns for t in tallies], np.int64),
            tally_counts=np.concatenate([NO_I64S, *(t.counts for t in tallies)]),
            quality=np.concatenate(qualities),
            clicks_off=clicks_off,
            key_slots=key_slots,
        )

    def write(command: LinkCommand, t_ns: int) -> None:
        if command.request:
            devices.classical.announce(
                command.request,
                command.announce_slot,
                command.announce_basis,
                command.announce_disclose,
                t_ns,
            )

    return read, write
