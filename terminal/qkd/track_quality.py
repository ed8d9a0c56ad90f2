"""How well the two terminals looked at each other, moment by moment: what sifting goes by.

A moment is off, poor or good by what the beacon, the shutter and the plate showed, and never by
what the photon detectors did (docs/key-handover.md says why that keeps the key sound).
"""

from enum import IntFlag
from typing import NamedTuple

from config.terminal import TerminalConfig
from terminal.quantum_messages import TimingSample

OFF, POOR, GOOD = 0, 1, 2
QUALITIES = 3
"""off: no link, the shutter shut or moving, the mirror loop open. poor: the beam is held, but the
residual is large, the quad cell has just seen no light, or the polarisation optics move. good: none
of these."""

QUALITY_OF = {"poor": POOR, "good": GOOD}
"""By the names in a mission."""

LONGEST_SPAN_NS = 200_000_000
"""A longer silence between two facts is off."""


class Fact(IntFlag):
    """What held at one tick of the modes loop."""

    SHUTTER_ORDERED = 1
    """Mode LINK, and the shutter ordered open."""
    SHUTTER_OPEN = 2
    """So says its reading."""
    FINE_CLOSED = 4
    BEACON = 8
    """Light on the quad cell."""
    OPTICS_SETTLED = 16
    """The polarisation optics stand still where they should."""


class Limits(NamedTuple):
    """Of the terminal."""

    shutter_settle_ns: int
    good_fine_rms_rad: float


class Track(NamedTuple):
    """State: the last fact, and what followed from it."""

    t_ns: int = 0
    """TAI; 0 before the first."""
    quality: int = OFF
    """At that instant."""
    ordered_ns: int = 0
    """Since when the shutter is ordered open; 0: it is not."""


class Span(NamedTuple):
    """From the end of the span before up to `end_ns`, TAI."""

    end_ns: int
    quality: int


def limits(config: TerminalConfig) -> Limits:
    """As configured."""
    rms_rad = config.sifting.good_fine_rms_rad
    return Limits(
        round(1e9 * config.sifting.shutter_settle_s),
        config.fine.settled_rad if rms_rad is None else rms_rad,
    )


def follow(limits: Limits, track: Track, s: TimingSample) -> tuple[Track, list[Span]]:
    """The track after the facts of a sample, and the spans between them, in order of time.

    A span has the worse quality of its two ends: what changed, changed somewhere in between.
    A fact that is no newer than the last is left out.
    """
    spans = []
    for t_ns, facts, shutter_t_ns, rms_rad in zip(
        s.track_t_ns.tolist(),
        s.track_facts.tolist(),
        s.track_shutter_t_ns.tolist(),
        s.track_fine_rms_rad.tolist(),
        strict=True,
    ):
        if t_ns <= track.t_ns:
            continue
        ordered_ns = (track.ordered_ns or t_ns) if facts & Fact.SHUTTER_ORDERED else 0
        # An old reading may be from before the shutter was shut and ordered open again.
        settled = ordered_ns and shutter_t_ns >= ordered_ns + limits.shutter_settle_ns
        quality = _quality(limits, facts, rms_rad) if settled else OFF
        together = min(track.quality, quality)
        if t_ns - track.t_ns > LONGEST_SPAN_NS:
            together = OFF
        spans.append(Span(t_ns, together))
        track = Track(t_ns, quality, ordered_ns)
    return track, spans


def _quality(limits: Limits, facts: int, rms_rad: float) -> int:
    """With the shutter settled, if it is open."""
    if not facts & Fact.SHUTTER_OPEN or not facts & Fact.FINE_CLOSED:
        return OFF
    steady = facts & Fact.BEACON and facts & Fact.OPTICS_SETTLED
    return GOOD if steady and rms_rad <= limits.good_fine_rms_rad else POOR
