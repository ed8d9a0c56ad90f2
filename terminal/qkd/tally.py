"""The uplink's bookkeeping: the partner receives, sifts, and tells how much it has counted.

A tally is 28 numbers, all cumulative since the partner's start:
    0       detected: clicks in key slots, one a slot
    1-3     key-basis bits kept, both ends in X: signal, decoy, vacuum
    4-6     check-basis bits, both ends in Z, all disclosed: signal, decoy, vacuum
    7-9     wrong ones among these
    10, 11  disclosed key-basis bits, both ends in X; wrong ones among these
    12-27   clicks in public slots and of disclosed bits, 12 + 4 * sent state + channel

So a lost tally costs nothing, and a late one is of no use once a newer one is here. Tallies come
from outside: one that cannot be is counted and otherwise ignored, and the key stands on the newest
that can. A partner that starts anew counts from zero, and stays refused until it is past the old
counts; the key never falls. Who flies a key authenticates what carries the tallies.
"""

from typing import NamedTuple

import numpy as np

from config.mission import Mission
from terminal.qkd.finite_key import KeyParameters, key_length, key_parameters
from terminal.qkd.sifting import Tally, counts_for_key
from terminal.quantum_messages import LinkCommand, LinkSample

COUNTS = 28
Numbers = tuple[int, ...]

MOST = 1 << 53
"""No pass counts so far, and up to here sums of counts are exact as floats and fit 64 bits."""

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


def sifted(counts: Numbers) -> Tally:
    """The sifted part of a tally's 28 numbers."""
    return Tally(
        x=(counts[1], counts[2], counts[3]),
        z=(counts[4], counts[5], counts[6]),
        z_errors=(counts[7], counts[8], counts[9]),
        disclosed_x=counts[10],
        errors_disclosed_x=counts[11],
    )


def possible(counts: Numbers) -> bool:
    """Whether 28 numbers can be a tally: in range, and no part greater than its whole."""
    if not all(0 <= n <= MOST for n in counts):
        return False
    t = sifted(counts)
    return (
        all(errors <= n for errors, n in zip(t.z_errors, t.z, strict=True))
        and t.errors_disclosed_x <= t.disclosed_x
        and sum(t.x) + sum(t.z) + t.disclosed_x <= counts[0]
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
        self._parameters: KeyParameters = key_parameters(mission.source, mission.security)

    def step(self, book: Book, s: LinkSample, dt_s: float) -> tuple[Book, LinkCommand]:
        """Enter the tallies that came, and say what the key is worth."""
        before = book.seq
        told = s.tally_counts.reshape(-1, COUNTS).tolist()
        for seq, t_ns, counts in zip(
            s.tally_seq.tolist(), s.tally_t_ns.tolist(), told, strict=True
        ):
            book = enter(book, seq, t_ns, tuple(counts), s.t_ns)
        if book.seq != before:
            estimate = key_length(counts_for_key(sifted(book.counts)), self._parameters)
            book = book._replace(
                phase_error=estimate.phase_error_x, secret_key_bits=estimate.secret_key_bits
            )
        return book, _command(book)


def _command(book: Book) -> LinkCommand:
    t = sifted(book.counts)
    disclosed = t.disclosed_x + sum(t.z)
    return LinkCommand(
        detected=book.counts[0],
        sifted=sum(t.x) + disclosed,
        disclosed=disclosed,
        disclosed_key=t.disclosed_x,
        qber=t.errors_disclosed_x / t.disclosed_x if t.disclosed_x else 0.5,
        phase_error=book.phase_error,
        secret_key_bits=book.secret_key_bits,
        disclosed_counts=np.array(book.counts[12:], np.float64),
        tallied_until_ns=book.t_ns,
        tallies_late=book.late,
        tallies_refused=book.refused,
    )
