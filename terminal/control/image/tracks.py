"""Several hypotheses of which spot is the beacon, until one has stood still for long enough.

A place is a spot's direction minus the predicted direction of the partner, in the axes of the
gimbal's base. There the beacon stands still but for what jitters, wherever the gimbal looks. A hot
pixel moves with the boresight, a star against the line of sight's own motion.
"""

from collections.abc import Sequence
from math import dist
from typing import NamedTuple

from config.terminal import Acquisition
from terminal.control.image.modulation import Tone, add, carries
from terminal.control.image.star_motion import (
    DOUBTFUL,
    MAX_SIGHTINGS,
    Nature,
    Sighting,
    nature,
    star_log_odds,
)
from terminal.geometry.vector import Vec

MAX_TRACKS = 8

MISSED = -1

FOLLOWED = 4
"""A confirmed place follows its spots with a time constant of so many frames."""

JITTERS_IN_GATE = 4.0
"""The gate over the jitter of one axis."""

SIGHTING_SPACING_S = 0.03
"""The jitter of a gimbal is white only between sightings that are no nearer in time than this."""

FALSE_KEPT_S = 20.0
"""So long the place of a spot that turned out not to be the beacon is not taken for it again."""

LONGEST_GAP_S = 1.0
"""The gate grows no longer than this: what is older is no prediction."""


class Candidate(NamedTuple):
    """A spot of beacon-like shape."""

    place: Vec
    """Direction minus prediction, rad."""
    power: float
    """Counts per microsecond of exposure; 0 where clipping hides it."""


class Track(NamedTuple):
    """One hypothesis."""

    place: Vec
    t_ns: int
    """Of the frame that showed it last."""
    hits: int = 0
    history: int = 0
    """A bit a frame, 1 where it was seen, the newest lowest."""
    misses: int = 0
    """In a row."""
    confirmed: bool = False
    nature: Nature = Nature.OPEN
    candidate: int = MISSED
    """Which of the newest frame's candidates it is."""
    false_t_ns: int | None = None
    """Since when it is known not to be the beacon; None: it may be."""
    sightings: tuple[Sighting, ...] = ()
    """The newest, while its nature is open."""
    tone: Tone = Tone()

    @property
    def false(self) -> bool:
        return self.false_t_ns is not None


def gate_rad(config: Acquisition, track: Track, t_ns: int) -> float:
    """How far from its place the track's spot may be at t_ns."""
    if track.false:
        # Kept while it is out of sight: it shall not come to cover what else may be the beacon.
        return config.beacon.gate_rad
    return config.beacon.gate_rad + config.beacon.drift_rad_s * _gap_s(track, t_ns)


def advance(
    config: Acquisition,
    tracks: Sequence[Track],
    candidates: Sequence[Candidate],
    los_rate: Vec,
    t_ns: int,
    *,
    alone: bool = False,
) -> tuple[Track, ...]:
    """The tracks after one more frame, exposed at t_ns; at most one of them, the first, is
    confirmed, and stays so until it is dropped.

    Args:
        los_rate: change of the predicted direction per second against the stars.
        alone: what is confirmed is the beacon beyond doubt: beside it only what is known to be
            another thing is kept. Otherwise other spots are followed, to be confirmed at once when
            it is dropped.
    """
    free = set(range(len(candidates)))
    after = []
    incumbent: Track | None = None
    # Who has seen most chooses first; each takes the nearest spot that nobody has taken.
    for track in sorted(tracks, key=lambda t: (t.confirmed, t.hits), reverse=True):
        stood = track.confirmed
        gate = gate_rad(config, track, t_ns)
        still, drifted = _expected(track, los_rate, t_ns)
        if (i := _nearest(candidates, free, still, gate)) != MISSED:
            track = _seen(config, track, candidates[i], i, t_ns)
        elif (i := _nearest(candidates, free, drifted, gate)) != MISSED:
            track = _drifting(config, track, candidates[i], t_ns)
        else:
            track = _missed(config, track)
        free.discard(i)
        if not _given_up(config, track, t_ns):
            track = _judged(config, track, los_rate)
            after.append(track)
            incumbent = track if stood and track.confirmed else incumbent
    if not (alone and incumbent):
        for i in sorted(free):
            track = _seen(config, Track(candidates[i].place, t_ns), candidates[i], i, t_ns)
            after.append(_judged(config, track, los_rate))
    after.sort(key=lambda t: (t.hits, -t.misses, _power(candidates, t)), reverse=True)
    first = incumbent or next((track for track in after if track.confirmed), None)
    if first is None:
        return tuple(after[:MAX_TRACKS])
    others = [track._replace(confirmed=False) for track in after if track is not first]
    if alone:
        others = [track for track in others if track.false or track.nature is Nature.STAR]
    return first, *others[: MAX_TRACKS - 1]


def disproved(tracks: Sequence[Track], t_ns: int) -> tuple[Track, ...]:
    """The same tracks, the confirmed one known from t_ns on not to be the beacon."""
    return tuple(
        track._replace(confirmed=False, false_t_ns=t_ns, sightings=()) if track.confirmed else track
        for track in tracks
    )


def _expected(track: Track, los_rate: Vec, t_ns: int) -> tuple[Vec, Vec]:
    """Where its spot should be, and where it would be as a star while that is open."""
    if track.false or track.nature is Nature.BEACON:
        return track.place, track.place
    last = track.sightings[-1] if track.sightings else Sighting(track.t_ns, track.place)
    gap_s = min(abs(t_ns - last.t_ns) * 1e-9, LONGEST_GAP_S)
    x, y, z = (p - gap_s * rate for p, rate in zip(last.place, los_rate, strict=True))
    drifted = x, y, z
    return (drifted if track.nature is Nature.STAR else track.place), drifted


def _nearest(candidates: Sequence[Candidate], free: set[int], place: Vec, gate: float) -> int:
    """The nearest of the free candidates inside the gate, or MISSED."""
    near = [(dist(candidates[i].place, place), i) for i in free]
    distance, i = min(near, default=(gate, MISSED))
    return i if distance < gate else MISSED


def _seen(config: Acquisition, track: Track, seen: Candidate, i: int, t_ns: int) -> Track:
    beacon = config.beacon
    hits = track.hits + 1
    if track.nature is Nature.STAR:
        weight = 1.0
    elif track.confirmed or track.false:
        weight = 1.0 / FOLLOWED
    else:
        # Averages jitter, but never goes along with what moves faster than the prediction errs.
        offset = dist(seen.place, track.place)
        limit = beacon.drift_rad_s * _gap_s(track, t_ns)
        weight = min(1.0 / hits, limit / offset) if offset > 0.0 else 0.0
    x, y, z = (p + weight * (s - p) for p, s in zip(track.place, seen.place, strict=True))
    tone = track.tone
    if beacon.modulation_hz > 0.0 and seen.power > 0.0:
        tone = add(tone, beacon.modulation_hz, t_ns, seen.power)
    return track._replace(
        place=(x, y, z),
        t_ns=t_ns,
        hits=hits,
        history=_shifted(config, track, 1),
        misses=0,
        candidate=i,
        sightings=_sighted(track, seen, t_ns),
        tone=tone,
    )


def _drifting(config: Acquisition, track: Track, seen: Candidate, t_ns: int) -> Track:
    """Not seen where a beacon would be, but where a star would: evidence, and no confirmation."""
    return track._replace(
        history=_shifted(config, track, 0),
        misses=track.misses + 1 if track.confirmed else 0,
        candidate=MISSED,
        sightings=_sighted(track, seen, t_ns),
    )


def _sighted(track: Track, seen: Candidate, t_ns: int) -> tuple[Sighting, ...]:
    if track.false or track.nature is not Nature.OPEN:
        return ()
    if track.sightings and t_ns - track.sightings[-1].t_ns < SIGHTING_SPACING_S * 1e9:
        return track.sightings
    return (*track.sightings[1 - MAX_SIGHTINGS :], Sighting(t_ns, seen.place))


def _missed(config: Acquisition, track: Track) -> Track:
    return track._replace(
        history=_shifted(config, track, 0), misses=track.misses + 1, candidate=MISSED
    )


def _shifted(config: Acquisition, track: Track, seen: int) -> int:
    """The history of the frames that count for confirmation."""
    frames = config.confirm_frames + config.beacon.confirm_misses
    return (track.history << 1 | seen) & ((1 << frames) - 1)


def _given_up(config: Acquisition, track: Track, t_ns: int) -> bool:
    if track.false_t_ns is not None:
        return abs(t_ns - track.false_t_ns) > FALSE_KEPT_S * 1e9
    if track.confirmed or track.nature is Nature.STAR:
        return track.misses >= config.drop_frames
    return track.misses > config.beacon.confirm_misses


def _judged(config: Acquisition, track: Track, los_rate: Vec) -> Track:
    """A star found out, or confirmed where seen often enough and with the tone that is agreed."""
    if track.false:
        return track
    beacon = config.beacon
    log_odds = 0.0
    sighted = len(track.sightings) >= config.confirm_frames
    if sighted:
        jitter_rad = beacon.gate_rad / JITTERS_IN_GATE
        log_odds = star_log_odds(track.sightings, los_rate, jitter_rad)
        track = track._replace(nature=nature(log_odds))
    if track.nature is Nature.STAR:
        return _as_star(track)
    if track.confirmed or log_odds > DOUBTFUL:
        return track
    if track.history.bit_count() < config.confirm_frames:
        return track
    if track.nature is Nature.OPEN and not sighted:
        return track
    if beacon.modulation_hz > 0.0 and not (
        track.tone.frames >= beacon.modulation_frames
        and carries(track.tone, beacon.modulation_depth)
    ):
        return track
    return track._replace(confirmed=True)


def _as_star(track: Track) -> Track:
    """Kept so that its spots are nobody else's; goes on from where it was sighted last."""
    if not track.sightings:
        return track
    t_ns, place = track.sightings[-1]
    return track._replace(confirmed=False, t_ns=t_ns, place=place, sightings=())


def _power(candidates: Sequence[Candidate], track: Track) -> float:
    return candidates[track.candidate].power if track.candidate != MISSED else 0.0


def _gap_s(track: Track, t_ns: int) -> float:
    return min(abs(t_ns - track.t_ns) * 1e-9, LONGEST_GAP_S)
