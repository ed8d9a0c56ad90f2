"""Sifting over the public channel, and the key so far."""

from collections.abc import Callable

import numpy as np

from config.mission import Mission
from config.pattern import NOT_PUBLIC, public_pattern
from config.terminal import TerminalConfig
from terminal.context import Context
from terminal.fields import NO_I64S, NO_U8S
from terminal.loop import Step
from terminal.qkd.exchange import Exchange, Ledger
from terminal.quantum_messages import LinkCommand, LinkSample


def make(
    mission: Mission, config: TerminalConfig, start_tai_ns: int
) -> tuple[Ledger, Step[Ledger, LinkSample, LinkCommand]]:
    return Ledger(), Exchange(mission).step


def bind(
    context: Context,
) -> tuple[Callable[[int], LinkSample], Callable[[LinkCommand, int], None]]:
    devices, bus = context.devices, context.bus
    source = context.mission.source
    pattern = public_pattern(source.pattern_length, source.public_share, source.pattern_seed)
    clicks = bus.timing.subscribe()

    def read(t_ns: int) -> LinkSample:
        slots, channels = [NO_I64S], [NO_U8S]
        while clicks:
            timed, recovered = clicks.popleft()
            slot = recovered.slot
            key = (slot >= 0) & (pattern[slot % len(pattern)] == NOT_PUBLIC)
            slots.append(slot[key])
            channels.append(timed.channel[key])
        replies = devices.classical.poll(t_ns)
        return LinkSample(
            t_ns=t_ns,
            slot=np.concatenate(slots),
            channel=np.concatenate(channels),
            reply_request=np.array([r.request for r in replies], np.int64),
            reply_length=np.array([len(r.basis) for r in replies], np.int64),
            reply_basis=np.concatenate([NO_U8S, *(r.basis for r in replies)]),
            reply_intensity=np.concatenate([NO_U8S, *(r.intensity for r in replies)]),
            reply_bit=np.concatenate([NO_U8S, *(r.bit for r in replies)]),
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
