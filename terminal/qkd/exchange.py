"""The sifting conversation: announce clicks, match the partner's answers, keep the tallies.

Poor and good clicks (`terminal.qkd.track_quality`) are announced alike and counted apart. Which of
them make the key is agreed before the flight, `mission.security.least_track_quality`: a choice made
after the counts were seen would be one by outcome.
"""

from functools import reduce
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from config.mission import Mission
from terminal.fields import NO_COUNTS, NO_I64S, NO_SLOTS, NO_U8S
from terminal.qkd.estimate_flags import estimate_flags
from terminal.qkd.finite_key import KeyParameters, key_length, key_parameters
from terminal.qkd.gains import NO_KNOWN_GAINS, Gains, gains
from terminal.qkd.sifting import (
    Tally,
    Z,
    accumulate,
    basis_of,
    bit_of,
    choose_disclosed,
    counts_for_key,
    disclosed_states,
    matching,
    one_click_a_slot,
    together,
)
from terminal.qkd.track_quality import GOOD, OFF, POOR, QUALITIES, QUALITY_OF
from terminal.quantum_messages import LinkCommand, LinkSample

ESTIMATE_EVERY_S = 0.5
"""How often the key length is computed anew; the counts are always up to date."""

USABLE = (POOR, GOOD)

Slots = NDArray[np.int64]
Codes = NDArray[np.uint8]


class Pending(NamedTuple):
    """An announcement that waits for its answer: what was measured, and when it was sent."""

    t_ns: int
    slot: Slots
    state: Codes
    """Our detector."""
    quality: Codes
    key_slots: Slots
    """(QUALITIES,) that these clicks came from."""


class Sifted(NamedTuple):
    """Clicks with both ends in one basis, as they are handed over; (n,) each."""

    slot: Slots = NO_I64S
    state: Codes = NO_U8S
    sent_bit: Codes = NO_U8S
    intensity: Codes = NO_U8S
    quality: Codes = NO_U8S


class Ledger(NamedTuple):
    """State of the conversation. `pending` is replaced, never changed in place."""

    pending: dict[int, Pending] = {}  # noqa: RUF012
    last_request: int = 0
    announced: Slots = NO_I64S
    """By the last request."""
    tallies: tuple[Tally, ...] = (Tally(), Tally())
    """Poor, good."""
    disclosed_counts: NDArray[np.float64] = NO_COUNTS
    detected: Slots = NO_SLOTS
    """(QUALITIES,)"""
    slots: Slots = NO_SLOTS
    """(QUALITIES,): key slots of answered announcements; off ones at once."""
    waiting_slots: Slots = NO_SLOTS
    """Of ticks without a click, for the next announcement."""
    expired: int = 0
    dropped: int = 0
    since_estimate_s: float = 0.0
    phase_error: float = 0.5
    secret_key_bits: float = 0.0
    gains: Gains = NO_KNOWN_GAINS

    def counted(self, least: int) -> Tally:
        """What has this quality or a better one."""
        return reduce(together, self.tallies[USABLE.index(least) :])


def _settle(ledger: Ledger, s: LinkSample) -> tuple[Ledger, Sifted]:
    """Take in the replies; one that answers nothing pending (late, repeated) is dropped."""
    pending = dict(ledger.pending)
    sifted = [Sifted()]
    offset = 0
    for request, length in zip(s.reply_request.tolist(), s.reply_length.tolist(), strict=True):
        part = slice(offset, offset + length)
        offset += length
        asked = pending.get(request)
        if asked is None or len(asked.slot) != length:
            continue
        del pending[request]
        theirs = s.reply_basis[part], s.reply_intensity[part], s.reply_bit[part]
        basis, bit = basis_of(asked.state), bit_of(asked.state)
        tallies = []
        for quality, tally in zip(USABLE, ledger.tallies, strict=True):
            of = asked.quality == quality
            tallies.append(accumulate(tally, basis[of], bit[of], *(a[of] for a in theirs)))
        ledger = ledger._replace(
            tallies=tuple(tallies),
            disclosed_counts=ledger.disclosed_counts
            + disclosed_states(basis, bit, theirs[0], theirs[2]),
            slots=ledger.slots + asked.key_slots,
        )
        sifted.append(_sifted(asked, basis, *theirs))
    joined = Sifted(*(np.concatenate(parts) for parts in zip(*sifted, strict=True)))
    return ledger._replace(pending=pending), joined


def _sifted(
    asked: Pending, basis: Codes, their_basis: Codes, intensity: Codes, their_bit: Codes
) -> Sifted:
    """Those of an answer that the tally counts as sifted."""
    same = matching(basis, their_basis, intensity, their_bit)
    return Sifted(
        asked.slot[same], asked.state[same], their_bit[same], intensity[same], asked.quality[same]
    )


def _expire(ledger: Ledger, t_ns: int, timeout_s: float) -> Ledger:
    """Give up announcements without answer: their clicks are lost for the key, never guessed."""
    alive = {k: p for k, p in ledger.pending.items() if (t_ns - p.t_ns) * 1e-9 <= timeout_s}
    expired = ledger.expired + len(ledger.pending) - len(alive)
    return ledger._replace(pending=alive, expired=expired)


class Exchange:
    """The step of the link loop, with what it needs of the mission."""

    def __init__(self, mission: Mission) -> None:
        self._source = mission.source
        self._parameters: KeyParameters = key_parameters(mission.source, mission.security)
        self._x_share = mission.security.disclosed_x_share
        self._least = QUALITY_OF[mission.security.least_track_quality]
        self._timeout_s = mission.classical_reply_timeout_s
        self._max_clicks = mission.classical_max_clicks

    def step(self, ledger: Ledger, s: LinkSample, dt_s: float) -> tuple[Ledger, LinkCommand]:
        """Settle replies, announce new clicks, and now and then say what the key is worth."""
        ledger, sifted = _settle(ledger, s)
        ledger = _expire(ledger, s.t_ns, self._timeout_s)
        # A tagger hands over some clicks a little late: the other one of their slot may have gone.
        new = np.flatnonzero(~np.isin(s.slot, ledger.announced))
        kept = new[one_click_a_slot(s.slot[new], s.channel[new])]
        # More than the channel takes at once is cut off and lost, not queued without bound.
        over = max(0, len(kept) - self._max_clicks)
        kept = kept[: self._max_clicks]
        asked = Pending(s.t_ns, s.slot[kept], s.channel[kept], s.quality[kept], NO_SLOTS)
        ledger = _counted(ledger, s, asked, over)
        request = 0
        if len(kept):
            request = ledger.last_request + 1
            slots = _announced_slots(ledger.waiting_slots, len(kept), over)
            asked = asked._replace(key_slots=slots)
            ledger = ledger._replace(
                last_request=request,
                announced=asked.slot,
                waiting_slots=NO_SLOTS,
                pending={**ledger.pending, request: asked},
            )
        ledger = self._estimated(ledger, dt_s)
        return ledger, self._command(ledger, request, asked, sifted)

    def _estimated(self, ledger: Ledger, dt_s: float) -> Ledger:
        """With key length and gains, where it is time."""
        ledger = ledger._replace(since_estimate_s=ledger.since_estimate_s + dt_s)
        if ledger.since_estimate_s < ESTIMATE_EVERY_S:
            return ledger
        tally = ledger.counted(self._least)
        estimate = key_length(counts_for_key(tally), self._parameters)
        key_slots = int(ledger.slots[self._least :].sum())
        known = key_slots >= max(tally.sifted, 1)
        return ledger._replace(
            since_estimate_s=0.0,
            phase_error=estimate.phase_error_x,
            secret_key_bits=estimate.secret_key_bits,
            gains=gains(tally, key_slots, self._source, self._x_share) if known else NO_KNOWN_GAINS,
        )

    def _command(self, ledger: Ledger, request: int, asked: Pending, sifted: Sifted) -> LinkCommand:
        t, everything = ledger.counted(self._least), ledger.counted(POOR)
        basis = basis_of(asked.state)
        chosen = choose_disclosed(asked.slot, self._x_share)
        g = ledger.gains
        return LinkCommand(
            request=request,
            announce_slot=asked.slot,
            announce_basis=basis,
            announce_disclose=np.where(basis == Z, 1, chosen).astype(np.uint8),
            pending=len(ledger.pending),
            expired=ledger.expired,
            dropped=ledger.dropped,
            detected=int(ledger.detected[POOR:].sum()),
            sifted=t.sifted,
            disclosed=t.disclosed,
            disclosed_key=sum(t.disclosed_x),
            qber=t.qber,
            phase_error=ledger.phase_error,
            secret_key_bits=ledger.secret_key_bits,
            disclosed_counts=ledger.disclosed_counts,
            estimate_flags=int(estimate_flags(t)),
            detected_by_quality=ledger.detected,
            slots_by_quality=ledger.slots,
            sifted_by_quality=np.array([tally[:5] for tally in ledger.tallies], np.int64).ravel(),
            mismatched=everything.mismatched,
            unusable=everything.unusable,
            gain=g.gain.ravel(),
            gain_sigma=g.gain_sigma.ravel(),
            error_rate=g.error_rate.ravel(),
            error_rate_sigma=g.error_rate_sigma.ravel(),
            sifted_slot=sifted.slot,
            sifted_state=sifted.state,
            sifted_sent_bit=sifted.sent_bit,
            sifted_intensity=sifted.intensity,
            sifted_quality=sifted.quality,
        )


def _counted(ledger: Ledger, s: LinkSample, asked: Pending, over: int) -> Ledger:
    """With the clicks and the key slots of a tick."""
    detected = np.bincount(asked.quality, minlength=QUALITIES)[:QUALITIES]
    detected[OFF] += s.clicks_off
    off = np.where(np.arange(QUALITIES) == OFF, s.key_slots, 0)
    return ledger._replace(
        dropped=ledger.dropped + over,
        detected=ledger.detected + detected,
        slots=ledger.slots + off,
        waiting_slots=ledger.waiting_slots + s.key_slots - off,
    )


def _announced_slots(slots: Slots, announced: int, over: int) -> Slots:
    """Of those of a tick the part that goes with the clicks that were not cut off."""
    return slots * announced // (announced + over)
