"""The uplink's bookkeeping: the partner receives, sifts, and tells how much it has counted.

A tally is 28 numbers, all cumulative since the partner's start:
    0       detected: clicks in key slots, one a slot
    1-3     key-basis bits kept, both ends in X: signal, decoy, vacuum
    4-6     check-basis bits, both ends in Z, all disclosed: signal, decoy, vacuum
    7-9     wrong ones among these
    10, 11  disclosed key-basis bits, both ends in X; wrong ones among these
    12-27   clicks in public slots and of disclosed bits, 12 + 4 * sent state + channel

Which moments count is the partner's own choice: its tally knows no track quality of ours. The slots
that it has counted are those that we sent with the link not off, so far as it has told.

So a lost tally costs nothing, and a late one is of no use once a newer one is here. Tallies come
from outside: one that cannot be is counted and otherwise ignored, and the key stands on the newest
that can. A partner that starts anew counts from zero, and stays refused until it is past the old
counts; the key never falls. Who flies a key authenticates what carries the tallies.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from config.mission import Mission
from terminal.fields import NO_SLOTS
from terminal.qkd.estimate_flags import estimate_flags
from terminal.qkd.finite_key import KeyParameters, key_length, key_parameters
from terminal.qkd.gains import NO_KNOWN_GAINS, Gains, gains
from terminal.qkd.sifting import Tally, counts_for_key
from terminal.qkd.track_quality import POOR, QUALITIES
from terminal.quantum_messages import LinkCommand, LinkSample

COUNTS = 28
Numbers = tuple[int, ...]

MOST = 1 << 53
"""No pass counts so far, and up to here sums of counts are exact as floats and fit 64 bits."""

SENT_TICKS = 600
"""So many ticks a tally may lag behind, and its slots still be known."""

AHEAD_NS = 1_000_000_000
"""No partner's clock is further ahead of ours; a tally from later would outrank all true ones."""


class Book(NamedTuple):
    """State: the newest tally that could be, and what it is worth."""

    seq: int = -1
    t_ns: int = 0
    counts: Numbers = (0,) * COUNTS
    late: int = 0
    refused: int = 0
    phase_error: float = 0.5
    secret_key_bits: float = 0.0
    sent: NDArray[np.int64] = np.zeros((1, 1 + QUALITIES), np.int64)
    """(n, 1 + QUALITIES), of the latest ticks: TAI ns, and key slots sent up to then."""
    slots: NDArray[np.int64] = NO_SLOTS
    """(QUALITIES,): key slots sent up to the newest tally."""
    gains: Gains = NO_KNOWN_GAINS


def sifted(counts: Numbers) -> Tally:
    """The sifted part of a tally's 28 numbers."""
    return Tally(
        x=(counts[1], counts[2], counts[3]),
        z=(counts[4], counts[5], counts[6]),
        z_errors=(counts[7], counts[8], counts[9]),
        disclosed_x=(counts[10],),
        errors_disclosed_x=(counts[11],),
    )


def possible(counts: Numbers) -> bool:
    """Whether 28 numbers can be a tally: in range, and no part greater than its whole."""
    if not all(0 <= n <= MOST for n in counts):
        return False
    t = sifted(counts)
    return (
        all(errors <= n for errors, n in zip(t.z_errors, t.z, strict=True))
        and sum(t.errors_disclosed_x) <= sum(t.disclosed_x)
        and t.sifted <= counts[0]
    )


def enter(book: Book, seq: int, t_ns: int, counts: Numbers, now_ns: int) -> Book:
    """The book after one tally of 28 numbers, whatever they are."""
    if seq <= book.seq:
        return book._replace(late=book.late + 1)
    in_time = book.t_ns < t_ns <= now_ns + AHEAD_NS
    grown = all(new >= old for new, old in zip(counts, book.counts, strict=True))
    if not (in_time and grown and possible(counts)):
        return book._replace(refused=book.refused + 1)
    return book._replace(seq=seq, t_ns=t_ns, counts=counts)


class TallyKeeper:
    """The step of the link loop in an uplink, with what it needs of the mission."""

    def __init__(self, mission: Mission) -> None:
        self._source = mission.source
        self._x_share = mission.security.disclosed_x_share
        self._parameters: KeyParameters = key_parameters(mission.source, mission.security)

    def step(self, book: Book, s: LinkSample, dt_s: float) -> tuple[Book, LinkCommand]:
        """Enter the tallies that came, and say what the key is worth."""
        before = book.seq
        sent = np.append(s.t_ns, book.sent[-1, 1:] + s.key_slots)
        book = book._replace(sent=np.vstack([book.sent[-SENT_TICKS:], sent]))
        told = s.tally_counts.reshape(-1, COUNTS).tolist()
        for seq, t_ns, counts in zip(
            s.tally_seq.tolist(), s.tally_t_ns.tolist(), told, strict=True
        ):
            book = enter(book, seq, t_ns, tuple(counts), s.t_ns)
        if book.seq != before:
            tally = sifted(book.counts)
            estimate = key_length(counts_for_key(tally), self._parameters)
            slots = _sent_until(book.sent, book.t_ns)
            key_slots = int(slots[POOR:].sum())
            known = key_slots >= max(tally.sifted, 1)
            book = book._replace(
                phase_error=estimate.phase_error_x,
                secret_key_bits=estimate.secret_key_bits,
                slots=slots,
                gains=gains(tally, key_slots, self._source, self._x_share)
                if known
                else NO_KNOWN_GAINS,
            )
        return book, _command(book)


def _sent_until(sent: NDArray[np.int64], t_ns: int) -> NDArray[np.int64]:
    """Key slots sent up to `t_ns`, (QUALITIES,): a straight line between ticks."""
    since_ns = sent[:, 0] - t_ns
    columns = [np.interp(0.0, since_ns, column) for column in sent[:, 1:].T]
    return np.rint(columns).astype(np.int64)


def _command(book: Book) -> LinkCommand:
    t = sifted(book.counts)
    g = book.gains
    return LinkCommand(
        detected=book.counts[0],
        sifted=t.sifted,
        disclosed=t.disclosed,
        disclosed_key=sum(t.disclosed_x),
        qber=t.qber,
        phase_error=book.phase_error,
        secret_key_bits=book.secret_key_bits,
        disclosed_counts=np.array(book.counts[12:], np.float64),
        tallied_until_ns=book.t_ns,
        tallies_late=book.late,
        tallies_refused=book.refused,
        estimate_flags=int(estimate_flags(t)) if book.seq >= 0 else 0,
        slots_by_quality=book.slots,
        gain=g.gain.ravel(),
        gain_sigma=g.gain_sigma.ravel(),
        error_rate=g.error_rate.ravel(),
        error_rate_sigma=g.error_rate_sigma.ravel(),
    )
