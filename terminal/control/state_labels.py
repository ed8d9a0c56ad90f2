"""Received states that have changed places: which did, and how that is put right.

H with V and D with A together is a quarter turn of the frame, which the trim holds. D with A alone
no rotation makes: cos of the phase shows as -1. Either the two detectors are exchanged; or the path
has a mirror too few or too many, so that the frame turns against its prediction. The first is
undone by exchanging their names, the second also turns the plate the other way.
"""

from collections.abc import Sequence
from math import pi, remainder
from typing import NamedTuple

from terminal.control.frame_estimate import Flag, FrameEstimate, estimate_frame
from terminal.control.frame_filter import UNUSABLE
from terminal.control.frame_model import CHANNEL_AXES_RAD, Analyser, Exposure

_D_A = [0, 1, 3, 2]
SURE_WINDOWS = 2
"""Windows in a row that have to show it."""


class Labels(NamedTuple):
    swapped: bool = False
    """The tagger's channels D and A are exchanged before anything else sees them."""
    mirrored: bool = False
    """The path has a mirror too few or too many."""


def analyser_behind(analyser: Analyser, labels: Labels) -> Analyser:
    """Of channels as they are named now, `analyser` being that of the detectors as built."""
    efficiency, leak, axes = analyser.efficiency, analyser.leak, CHANNEL_AXES_RAD
    if labels.swapped:
        efficiency, leak = _exchanged(efficiency), _exchanged(leak)
    if labels.mirrored:
        axes = _exchanged(axes)
    return analyser._replace(efficiency=efficiency, leak=leak, channel_axes_rad=axes)


def is_mirrored(seen: FrameEstimate) -> bool:
    """Whether one window shows it, and nothing else is wrong with the window."""
    return bool(seen.flags & Flag.MIRRORED) and not seen.flags & UNUSABLE & ~Flag.MIRRORED


def corrected(
    labels: Labels,
    seen: FrameEstimate,
    exposures: Sequence[Exposure],
    analyser: Analyser,
    offset_rad: float,
) -> Labels:
    """Names that explain a mirrored estimate, with the rotation nearer to what is expected.

    analyser: of the detectors as built. offset_rad: the rotation expected. Where both explain it
    alike, as at plate angles near multiples of 45 degrees, the detectors are taken to be exchanged:
    that moves no plate.
    """
    again = [
        e._replace(counts=e.counts[:, _D_A], background=e.background[:, _D_A]) for e in exposures
    ]
    renamed = Labels(not labels.swapped, labels.mirrored)
    named = estimate_frame(again, analyser_behind(analyser, renamed))
    # A quarter turn more may be wrong as well.
    off_names = abs(remainder(named.rotation_rad - offset_rad, 0.5 * pi))
    off_mirror = abs(remainder(seen.rotation_rad - offset_rad, 0.5 * pi))
    sigma = seen.rotation_sigma_rad
    fits = not named.flags & UNUSABLE
    mirror = not fits or off_mirror + 5.0 * sigma < off_names
    return Labels(renamed.swapped, labels.mirrored != mirror)


def _exchanged(four: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    h, v, d, a = four
    return h, v, a, d
