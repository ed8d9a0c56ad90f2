"""The sifting conversation: announce clicks, match the partner's answers, keep the tally."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from config.mission import Mission
from terminal.fields import NO_COUNTS
from terminal.qkd.finite_key import KeyParameters, key_length, key_parameters
from terminal.qkd.sifting import (
    Tally,
    Z,
    accumulate,
    basis_of,
    bit_of,
    choose_disclosed,
    counts_for_key,
    disclosed_states,
    one_click_a_slot,
)
from terminal.quantum_messages import LinkCommand, LinkSample

ESTIMATE_EVERY_S = 0.5
"""How often the key length is computed anew; the counts are always up to date."""


class Pending(NamedTuple):
    """An announcement that waits for its answer: what was measured, and when it was sent."""

    t_ns: int
    basis: NDArray[np.uint8]
    bit: NDArray[np.uint8]


class Ledger(NamedTuple):
    """State of the conversation. `pending` is replaced, never changed in place."""

    pending: dict[int, Pending] = {}  # noqa: RUF012
    last_request: int = 0
    tally: Tally = Tally()
    disclosed_counts: NDArray[np.float64] = NO_COUNTS
    detected: int = 0
    expired: int = 0
    dropped: int = 0
    since_estimate_s: float = 0.0
    phase_error: float = 0.5
    secret_key_bits: float = 0.0


def _settle(ledger: Ledger, s: LinkSample) -> Ledger:
    """Take in the replies; one that answers nothing pending (late, repeated) is dropped."""
    pending = dict(ledger.pending)
    offset = 0
    for request, length in zip(s.reply_request.tolist(), s.reply_length.tolist(), strict=True):
        part = slice(offset, offset + length)
        offset += length
        asked = pending.get(request)
        if asked is None or len(asked.basis) != length:
            continue
        del pending[request]
        theirs = s.reply_basis[part], s.reply_intensity[part], s.reply_bit[part]
        ledger = ledger._replace(
            tally=accumulate(ledger.tally, asked.basis, asked.bit, *theirs),
            disclosed_counts=ledger.disclosed_counts
            + disclosed_states(asked.basis, asked.bit, theirs[0], theirs[2]),
        )
    return ledger._replace(pending=pending)


def _expire(ledger: Ledger, t_ns: int, timeout_s: float) -> Ledger:
    """Give up announcements without answer: their clicks are lost for the key, never guessed."""
    alive = {k: p for k, p in ledger.pending.items() if (t_ns - p.t_ns) * 1e-9 <= timeout_s}
    expired = ledger.expired + len(ledger.pending) - len(alive)
    return ledger._replace(pending=alive, expired=expired)


class Exchange:
    """The step of the link loop, with what it needs of the mission."""

    def __init__(self, mission: Mission) -> None:
        self._parameters: KeyParameters = key_parameters(mission.source, mission.security)
        self._x_share = mission.security.disclosed_x_share
        self._timeout_s = mission.classical_reply_timeout_s
        self._max_clicks = mission.classical_max_clicks

    def step(self, ledger: Ledger, s: LinkSample, dt_s: float) -> tuple[Ledger, LinkCommand]:
        """Settle replies, announce new clicks, and now and then say what the key is worth."""
        ledger = _expire(_settle(ledger, s), s.t_ns, self._timeout_s)
        # More than the channel takes at once is cut off and lost, not queued without bound.
        slot, channel = one_click_a_slot(s.slot, s.channel)
        over = max(0, len(slot) - self._max_clicks)
        slot, channel = slot[: self._max_clicks], channel[: self._max_clicks]
        ledger = ledger._replace(dropped=ledger.dropped + over)
        request = 0
        basis, bit = basis_of(channel), bit_of(channel)
        disclose = np.where(basis == Z, 1, choose_disclosed(slot, self._x_share)).astype(np.uint8)
        if len(slot):
            request = ledger.last_request + 1
            ledger = ledger._replace(
                last_request=request,
                detected=ledger.detected + len(slot),
                pending={**ledger.pending, request: Pending(s.t_ns, basis, bit)},
            )
        ledger = ledger._replace(since_estimate_s=ledger.since_estimate_s + dt_s)
        if ledger.since_estimate_s >= ESTIMATE_EVERY_S:
            estimate = key_length(counts_for_key(ledger.tally), self._parameters)
            ledger = ledger._replace(
                since_estimate_s=0.0,
                phase_error=estimate.phase_error_x,
                secret_key_bits=estimate.secret_key_bits,
            )
        return ledger, self._command(ledger, request, slot, basis, disclose)

    def _command(
        self,
        ledger: Ledger,
        request: int,
        slot: NDArray[np.int64],
        basis: NDArray[np.uint8],
        disclose: NDArray[np.uint8],
    ) -> LinkCommand:
        t = ledger.tally
        disclosed = t.disclosed_x + sum(t.z)
        return LinkCommand(
            request=request,
            announce_slot=slot,
            announce_basis=basis,
            announce_disclose=disclose,
            pending=len(ledger.pending),
            expired=ledger.expired,
            dropped=ledger.dropped,
            detected=ledger.detected,
            sifted=sum(t.x) + disclosed,
            disclosed=disclosed,
            disclosed_key=t.disclosed_x,
            qber=t.errors_disclosed_x / t.disclosed_x if t.disclosed_x else 0.5,
            phase_error=ledger.phase_error,
            secret_key_bits=ledger.secret_key_bits,
            disclosed_counts=ledger.disclosed_counts,
        )
