"""Counts by the time in which they were clicked, with how the optics stood at that time.

Cumulative counts come as they are: those of public slots at once, those that the partner discloses
later, when the plate has moved on. Each is booked to the tick in which its photons came. Ticks in
which the optics were not at rest, or not known, take no counts.

Within a tick the plate makes small steps at most (`plate_drive.SMALL_STEP_RAD`); it counts as
standing where it was told at the tick's end. That errs by a part of one step: 0.2 degrees of frame
at most, in a frame that turns by 4 degrees a second, and a tenth of that in the usual pass.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from terminal.control.frame_model import Exposure
from terminal.control.polarization_flags import PolarizationFlag
from terminal.fields import NO_COUNTS

Array = NDArray[np.float64]

ALIKE_RESIDUAL_RAD = math.radians(0.5)
"""Ticks whose frame behind the plate differs by less are one exposure with their mean: the spread
costs sin^2 of it, 8e-5 of contrast."""
ALIKE_FRAME_RAD = math.radians(5.0)
"""And whose frame before it differs by less: a phase then acts alike."""


class Stand(NamedTuple):
    """How the optics stood in a tick."""

    frame_rad: float
    """As predicted."""
    plate_rad: float
    """Axis by the encoder, counted on over turns."""
    path: Array
    """(4, 4) Mueller matrix between gimbal and plate."""


class Entry(NamedTuple):
    """One tick."""

    from_ns: int
    until_ns: int
    stand: Stand
    counts: Array = NO_COUNTS
    background: Array = NO_COUNTS


class News(NamedTuple):
    """What a tick brings."""

    from_ns: int
    until_ns: int
    """Of the tick."""
    public: Array
    """(16,) so far."""
    disclosed: Array
    """(16,) so far."""
    disclosed_from_ns: int
    disclosed_until_ns: int
    """When the photons came whose states were disclosed since the last tick."""
    public_background: Array
    """(16,) expected in the tick."""
    disclosed_background_hz: Array
    """(16,) expected rate."""


class Ledger(NamedTuple):
    """Counts not used yet, oldest first, and what the totals were."""

    entries: tuple[Entry, ...] = ()
    public: Array = NO_COUNTS
    disclosed: Array = NO_COUNTS

    clicks: float = 0.0
    """Of all entries, beyond the background."""


def booked(
    ledger: Ledger, news: News, stand: Stand | None, most: float
) -> tuple[Ledger, PolarizationFlag]:
    """With a tick's counts. stand: None: not at rest, or not known. most: clicks that a tick can
    bring, and the slots of the disclosed ones with it."""
    public, public_goes_on = _since(ledger.public, news.public, most)
    disclosed, disclosed_goes_on = _since(ledger.disclosed, news.disclosed, most)
    entries, clicks = list(ledger.entries), ledger.clicks
    if stand is not None:
        entry = Entry(news.from_ns, news.until_ns, stand)
        if public is not None and public.any():
            entry = entry._replace(counts=public, background=news.public_background)
            clicks += float((public - news.public_background).sum())
        entries.append(entry)
    if disclosed is not None and disclosed.any():
        clicks += _disclose(entries, news, disclosed)
    bad = public is None or disclosed is None
    return (
        Ledger(
            tuple(entries),
            news.public if public_goes_on else ledger.public,
            news.disclosed if disclosed_goes_on else ledger.disclosed,
            clicks,
        ),
        PolarizationFlag.IMPOSSIBLE_COUNTS if bad else PolarizationFlag(0),
    )


def _since(before: Array, now: Array, most: float) -> tuple[Array | None, bool]:
    """(clicks since, None where they cannot be; whether to count on from `now`)."""
    if now.shape != before.shape or not (np.isfinite(now).all() and (now >= 0.0).all()):
        return None, False
    news = now - before
    if (news < 0.0).any() or news.sum() > most:
        # A counter that began anew, or was wrong: from here on it may count right.
        return None, True
    return news, True


def _disclose(entries: list[Entry], news: News, disclosed: Array) -> float:
    """Books disclosed counts to the ticks of their photons, by the time of each in the span; clicks
    beyond the background."""
    clicks = 0.0
    span_ns = news.disclosed_until_ns - news.disclosed_from_ns
    if span_ns <= 0:
        return clicks
    for i in range(len(entries) - 1, -1, -1):
        e = entries[i]
        if e.until_ns <= news.disclosed_from_ns:
            break
        overlap_ns = min(e.until_ns, news.disclosed_until_ns) - max(
            e.from_ns, news.disclosed_from_ns
        )
        if overlap_ns > 0:
            counts = disclosed * (overlap_ns / span_ns)
            background = news.disclosed_background_hz * (overlap_ns * 1e-9)
            entries[i] = e._replace(counts=e.counts + counts, background=e.background + background)
            clicks += float((counts - background).sum())
    return clicks


def used(ledger: Ledger, keep_since_ns: int) -> Ledger:
    """After its counts went into an estimate. Younger ticks stay, for what is disclosed later."""
    kept = tuple(
        e._replace(counts=NO_COUNTS, background=NO_COUNTS)
        for e in ledger.entries
        if e.until_ns > keep_since_ns
    )
    return ledger._replace(entries=kept, clicks=0.0)


def shortened(ledger: Ledger, since_ns: int) -> Ledger:
    """Without the ticks before a time."""
    if not ledger.entries or ledger.entries[0].until_ns > since_ns:
        return ledger
    kept = tuple(e for e in ledger.entries if e.until_ns > since_ns)
    clicks = float(sum((e.counts - e.background).sum() for e in kept))
    return ledger._replace(entries=kept, clicks=clicks)


def exposures(ledger: Ledger, retardance_rad: float) -> list[Exposure]:
    """Ticks with counts, those alike in one."""
    groups: list[list[Entry]] = []
    for entry in ledger.entries:
        if entry.counts.any():
            home = next((g for g in groups if _alike(g[0].stand, entry.stand)), None)
            if home is None:
                groups.append([entry])
            else:
                home.append(entry)
    return [_together(group, retardance_rad) for group in groups]


def _alike(one: Stand, other: Stand) -> bool:
    frame = math.remainder(one.frame_rad - other.frame_rad, math.pi)
    residual = math.remainder(frame - 2.0 * (one.plate_rad - other.plate_rad), math.pi)
    return (
        abs(residual) < ALIKE_RESIDUAL_RAD
        and abs(frame) < ALIKE_FRAME_RAD
        and float(np.abs(one.path - other.path).max()) < ALIKE_FRAME_RAD
    )


def _together(group: list[Entry], retardance_rad: float) -> Exposure:
    weights = np.array([e.counts.sum() for e in group])
    weights /= weights.sum()
    first = group[0].stand
    frames = [math.remainder(e.stand.frame_rad - first.frame_rad, math.pi) for e in group]
    plates = [math.remainder(e.stand.plate_rad - first.plate_rad, 0.5 * math.pi) for e in group]
    return Exposure(
        sum((e.counts for e in group), NO_COUNTS).reshape(4, 4),
        sum((e.background for e in group), NO_COUNTS).reshape(4, 4),
        first.plate_rad + float(weights @ plates),
        retardance_rad,
        first.frame_rad + float(weights @ frames),
        np.tensordot(weights, np.array([e.stand.path for e in group]), 1),
    )
