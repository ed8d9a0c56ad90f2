"""Two terminals that search each other: who scans, who stares, and what they tell each other.

One scans with its beacon while the other holds still. Who sees the other's beacon says so, with the
time of the frame, and stays where it looks; who is told goes back to where it looked at that time,
so that its beacon shines on the partner again and the partner's on it. When its cover is over, the
scanning one gives the turn to the other.

No note has to arrive, and none is believed blindly. Every wait has an end. What matters is said
again and again; a note that comes twice, late or in another order says nothing new, since each
bears the time it speaks of, and of two terminals that give each other the turn the newest word
counts. One of the two must have the other in its camera's field while it stares.
"""

from enum import IntEnum
from itertools import pairwise
from typing import NamedTuple

from config.terminal import Acquisition

REPEAT_NS = 500_000_000
"""Between two notes: the channel may lose one."""

TRAIL_STEP_NS = 100_000_000
TRAIL_NS = 12_000_000_000
"""Where we looked is remembered so long, in such steps: a note of an earlier time is too late."""


class Role(IntEnum):
    """What one side of a search does."""

    NONE = 0
    ALONE = 1
    SCAN = 2
    STARE = 3
    RETURN = 4
    """Hold still where we looked when one of us saw the other."""


class Note(IntEnum):
    """What one side tells the other, with a time (TAI, ns)."""

    NONE = 0
    SEEN = 1
    """Your beacon was in our image at that time."""
    YOUR_TURN = 2
    """Our cover was over at that time; scan yourself."""


class Look(NamedTuple):
    """Where the search looked, beside the prediction."""

    t_ns: int
    x_rad: float
    y_rad: float


class RoleState(NamedTuple):
    """The role and since when; what was seen, told, and where we looked."""

    role: Role = Role.NONE
    since_ns: int = 0
    resumes: Role = Role.SCAN
    """After RETURN."""
    returns_to: Look = Look(0, 0.0, 0.0)
    trail: tuple[Look, ...] = ()
    """Where we looked while we scanned or stared, oldest first."""
    is_seen: bool = False
    sighted_ns: int = 0
    """Time of the frame that confirmed the partner's beacon: one that may still be held shows it
    no longer for sure. 0: not seen in this search."""
    seen_ns: int = 0
    """Until when it was held."""
    answered_ns: int = 0
    """The partner's sightings up to this time have been gone back for, or are not gone back for."""
    handed_ns: int = 0
    """When we last gave the turn away; 0: not in this search."""
    told_ns: int = 0


class RoleSample(NamedTuple):
    """What a tick brings."""

    t_ns: int
    note: Note
    note_t_ns: int
    """Of the partner's note, NONE if nothing came."""
    seen: bool
    """The camera holds a beacon that is confirmed."""
    frame_t_ns: int
    cover_over: bool
    """The own scan has come to the end of a cover."""


class Telling(NamedTuple):
    """A note to the partner."""

    note: Note = Note.NONE
    t_ns: int = 0


def begin(settings: Acquisition, t_ns: int) -> RoleState:
    """The role that a search begins with."""
    return RoleState(Role[settings.role.upper()], t_ns)


def looked(state: RoleState, t_ns: int, x_rad: float, y_rad: float) -> RoleState:
    """Remember where the search looks now, unless it has gone back to there."""
    trail = state.trail
    if state.role not in (Role.SCAN, Role.STARE) or (
        trail and t_ns - trail[-1].t_ns < TRAIL_STEP_NS
    ):
        return state
    kept = tuple(look for look in trail if t_ns - look.t_ns <= TRAIL_NS)
    return state._replace(trail=(*kept, Look(t_ns, x_rad, y_rad)))


def look_at(trail: tuple[Look, ...], t_ns: int) -> Look | None:
    """Where we looked then, linear between what is remembered; None if that is not known."""
    for before, after in pairwise(trail):
        if before.t_ns <= t_ns <= after.t_ns:
            span_ns = after.t_ns - before.t_ns
            if span_ns > 2 * TRAIL_STEP_NS:
                return None
            share = (t_ns - before.t_ns) / span_ns
            return Look(
                t_ns,
                before.x_rad + share * (after.x_rad - before.x_rad),
                before.y_rad + share * (after.y_rad - before.y_rad),
            )
    last = trail[-1] if trail else None
    if last and 0 <= t_ns - last.t_ns <= TRAIL_STEP_NS:
        return last._replace(t_ns=t_ns)
    return None


def step(
    settings: Acquisition, state: RoleState, s: RoleSample, scans_on_tie: bool
) -> tuple[RoleState, Telling]:
    """The role from now on, and what to tell.

    scans_on_tie: who scans if both give the turn away at the very same time; True on one side only.
    """
    if state.role is Role.ALONE:
        return state, Telling()
    was_seen = state.is_seen
    state = saw(state, s.seen, s.t_ns, s.frame_t_ns)
    state = _role(settings, state, s, was_seen, scans_on_tie)
    return tell(settings, state, s.t_ns)


def saw(state: RoleState, seen: bool, t_ns: int, frame_t_ns: int) -> RoleState:
    """Whether a beacon that is confirmed is held now, and the time of the newest frame."""
    if not seen:
        return state._replace(is_seen=False)
    sighted_ns = state.sighted_ns if state.is_seen else frame_t_ns
    return state._replace(is_seen=True, sighted_ns=sighted_ns, seen_ns=t_ns)


def _role(
    settings: Acquisition, state: RoleState, s: RoleSample, was_seen: bool, scans_on_tie: bool
) -> RoleState:
    role = state.role
    if s.note is Note.SEEN and s.note_t_ns > state.answered_ns and role is not Role.RETURN:
        place = look_at(state.trail, s.note_t_ns)
        if place:
            return _returned(state._replace(answered_ns=s.note_t_ns), s.t_ns, place)
    if s.seen:
        # The camera leads; the roles wait.
        return state
    if was_seen and role is Role.SCAN:
        place = look_at(state.trail, state.sighted_ns)
        if place:
            return _returned(state, s.t_ns, place)
    if was_seen and role is Role.RETURN:
        return state._replace(since_ns=s.t_ns)
    since_s = (s.t_ns - state.since_ns) * 1e-9
    if role is Role.RETURN and since_s > settings.return_s:
        # A partner that sees us but does not shine on us would else hold us here for ever.
        scans_until_ns = s.t_ns + round(settings.return_s * 1e9)
        return state._replace(role=state.resumes, since_ns=s.t_ns, answered_ns=scans_until_ns)
    if role is Role.SCAN and s.cover_over:
        return state._replace(role=Role.STARE, since_ns=s.t_ns, handed_ns=s.t_ns)
    if (
        role is Role.STARE
        and not _waits(settings, state, s.t_ns)
        and (since_s > settings.stare_s or _turn_is_ours(settings, state, s, scans_on_tie))
    ):
        return state._replace(role=Role.SCAN, since_ns=s.t_ns)
    return state


def _returned(state: RoleState, t_ns: int, place: Look) -> RoleState:
    return state._replace(role=Role.RETURN, since_ns=t_ns, resumes=state.role, returns_to=place)


def _waits(settings: Acquisition, state: RoleState, t_ns: int) -> bool:
    """Whether the partner, whom we saw, is still to be expected back: its way and its stay, and
    the same again for notes that are late or lost."""
    return state.seen_ns > 0 and (t_ns - state.seen_ns) * 1e-9 <= 2.0 * settings.return_s


def _turn_is_ours(
    settings: Acquisition, state: RoleState, s: RoleSample, scans_on_tie: bool
) -> bool:
    """Whether the partner's word is fresh, and newer than our own."""
    if s.note is not Note.YOUR_TURN:
        return False
    # A partner that gave the turn away so long ago has taken it back, or said it to another search.
    if not 0.0 <= (s.t_ns - s.note_t_ns) * 1e-9 <= settings.stare_s:
        return False
    return s.note_t_ns > state.handed_ns or (s.note_t_ns == state.handed_ns and scans_on_tie)


def tell(settings: Acquisition, state: RoleState, t_ns: int) -> tuple[RoleState, Telling]:
    """What to tell now: that the partner was seen, then whose turn it is."""
    if t_ns - state.told_ns < REPEAT_NS:
        return state, Telling()
    if _waits(settings, state, t_ns):
        telling = Telling(Note.SEEN, state.sighted_ns)
    elif state.role is Role.STARE and state.handed_ns:
        telling = Telling(Note.YOUR_TURN, state.handed_ns)
    else:
        return state, Telling()
    return state._replace(told_ns=t_ns), telling
