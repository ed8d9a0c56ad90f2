"""From booked counts to the trim: when a window is judged, and what an estimate changes.

A window grows until it is full. Its estimate always starts from what was known at its begin, so no
count is used twice. While the trim is unsure the growing window is judged again and again, which
gives at any time what all counts so far can give; later only when it is full.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

from terminal.control.exposure_ledger import Ledger, exposures, shortened, used
from terminal.control.frame_estimate import MIN_CLICKS, Flag, FrameEstimate, estimate_frame
from terminal.control.frame_filter import (
    UNUSABLE,
    FrameFilter,
    FrameNoise,
    FrameSigmas,
    predict,
    restart,
    start,
    update,
)
from terminal.control.frame_model import Analyser, Exposure
from terminal.control.phase_control import DITHER_STEP_S
from terminal.control.polarization_path import Path
from terminal.control.state_labels import (
    SURE_WINDOWS,
    Labels,
    analyser_behind,
    corrected,
    is_mirrored,
)

UNSURE_RAD = math.radians(0.25)
"""1-sigma of the trim over which a window is judged before it is full."""
GROWTH = 1.25
"""Clicks over those of the last judgement that are worth another: the error falls by a tenth."""
FAR_WINDOWS = 2
"""Full windows in a row outside the gate, after which the filter begins anew there."""
WORST_RATIO = 50.0
"""Of chi2 to its degrees of freedom, over which counts are no longer those of any such receiver."""
LATE_S = 1.0
"""Within which the partner discloses states."""
LONGEST_WINDOW_S = 30.0
"""Older counts say little of the frame as it is now: a window this old takes what it has."""
_NOISE = FrameNoise()


class Rules(NamedTuple):
    """What is constant."""

    analyser: Analyser
    path: Path
    plate_retardance_rad: float
    sigmas: FrameSigmas
    phase_rad: float
    window_s: float
    min_clicks: float


class Tracking(NamedTuple):
    """What is known of the frame."""

    base: FrameFilter
    """At the begin of the window, carried on to filter_ns."""
    now: FrameFilter
    """With the window so far."""
    filter_ns: int = 0
    frame_rad: float = 0.0
    """Predicted for then."""
    window_ns: int = 0
    """Begin of the window; 0: it has not begun."""
    judged_clicks: float = 0.0
    seen: FrameEstimate | None = None
    """Of the newest window that was judged."""
    exposure: Exposure | None = None
    """The newest of that."""
    labels: Labels = Labels()
    mirrored_windows: int = 0
    far: bool = False
    relabelled: bool = False
    """In this tick: counts of before are of no more use."""


def fresh(rules: Rules, labels: Labels = Labels()) -> Tracking:  # noqa: B008
    """Before the first count."""
    axis_rad = None if rules.path.is_coude else rules.path.phase_axis_rad
    base = start(rules.sigmas, rules.phase_rad, axis_rad)
    base = base._replace(sense=-1.0 if labels.mirrored else 1.0)
    return Tracking(base, base, labels=labels)


def renamed(rules: Rules, labels: Labels, offset_rad: float) -> Tracking:
    """Anew under other names, with the frame expected this far from its prediction."""
    again = fresh(rules, labels)
    mean = again.base.mean.copy()
    mean[0] = offset_rad
    base = again.base._replace(mean=mean)
    return again._replace(base=base, now=base, relabelled=True)


def tracked(
    rules: Rules, state: Tracking, ledger: Ledger, dithering: bool, t_ns: int
) -> tuple[Tracking, Ledger]:
    """With the counts of the ledger, if it is time to judge them."""
    state = state._replace(relabelled=False, window_ns=state.window_ns or t_ns)
    clicks = ledger.clicks
    age_s = (t_ns - state.window_ns) * 1e-9
    # Both sides of a dither in one window: lost contrast looks like more phase on one.
    window_s = max(rules.window_s, 2.0 * DITHER_STEP_S) if dithering else rules.window_s
    least = rules.min_clicks if age_s <= LONGEST_WINDOW_S else 0.0
    full = age_s >= window_s and clicks >= max(least, MIN_CLICKS)
    # Of the plate's zero and scale only what they turn where it stands was ever seen.
    plate_rad = state.exposure.plate_rad if state.exposure else 0.0
    unsure = state.base.trim_sigma_rad(plate_rad) > UNSURE_RAD or dithering
    grown = clicks >= max(MIN_CLICKS, GROWTH * state.judged_clicks)
    if not (full or (unsure and grown)):
        if age_s > LONGEST_WINDOW_S:
            ledger = shortened(ledger, t_ns - round(LONGEST_WINDOW_S * 1e9))
        return state, ledger
    shown = exposures(ledger, rules.plate_retardance_rad)
    if dithering and len({round(e.path[3, 3], 6) for e in shown}) < 2:
        # On one side alone a phase and its mirror image fit alike.
        return state, ledger
    state = _judged(rules, state, shown, t_ns, full)._replace(judged_clicks=clicks)
    if state.relabelled:
        return state, ledger._replace(entries=(), clicks=0.0)
    if full:
        state = state._replace(base=state.now, window_ns=t_ns, judged_clicks=0.0)
        ledger = used(ledger, t_ns - round(LATE_S * 1e9))
    return state, ledger


def _judged(
    rules: Rules, state: Tracking, shown: Sequence[Exposure], t_ns: int, full: bool
) -> Tracking:
    dt_s = (t_ns - state.filter_ns) * 1e-9 if state.filter_ns else 0.0
    # An error of attitude shows differently once the frame has turned.
    frame_rad = shown[-1].frame_rad
    turned_rad = math.remainder(frame_rad - state.frame_rad, math.pi) if dt_s else 0.0
    base = predict(state.base, dt_s, _NOISE, rules.sigmas.offset_rad * turned_rad)
    # With a retarder the phase is estimated about what is known of it; without one as a whole,
    # because the counts are alike for both signs.
    last, about_rad = shown[-1], 0.0
    if rules.path.retarder_fast_rad is not None:
        about_rad = base.phase_rad(last.plate_rad)
    known = rules.path.phase(about_rad + (math.pi if state.labels.mirrored else 0.0))
    # A phase acts on the angle between frame and its own axis, so errors of the plate behind it
    # are taken off first.
    shown = [
        e._replace(path=e.path @ known, plate_rad=e.plate_rad + base.plate_error_rad(e.plate_rad))
        for e in shown
    ]
    analyser = analyser_behind(rules.analyser, state.labels)
    encoder_rad = last.plate_rad
    seen = estimate_frame(shown, analyser, 5.0 * base.phase_sigma_rad(encoder_rad))
    state = state._replace(
        base=base, filter_ns=t_ns, frame_rad=frame_rad, seen=seen, exposure=shown[-1]
    )
    if is_mirrored(seen):
        return _named(rules, state, seen, shown, full)
    if full:
        state = state._replace(mirrored_windows=0)
    usable = _widened(seen)
    if usable.flags & UNUSABLE:
        return state._replace(now=base)
    taken_off_rad = 2.0 * base.sense * base.plate_error_rad(encoder_rad)
    whole = usable._replace(
        rotation_rad=seen.rotation_rad - taken_off_rad, phase_rad=seen.phase_rad + about_rad
    )
    now = update(base, whole, encoder_rad)
    # A window that has just begun may be beside the truth by chance.
    far = bool(now.rejected) and (full or state.far)
    if now.rejected >= FAR_WINDOWS and full:
        now = update(restart(base, whole, encoder_rad), whole, encoder_rad)
    return state._replace(now=now, far=far)


def _widened(seen: FrameEstimate) -> FrameEstimate:
    """A bad fit's covariance grows by what the counts scatter too much (Birge's ratio): channels
    that answer other than they were calibrated to spoil the fit, and turn the frame but little."""
    if not seen.flags & Flag.BAD_FIT or seen.degrees_of_freedom < 1:
        return seen
    ratio = seen.chi2 / seen.degrees_of_freedom
    if not ratio < WORST_RATIO:
        return seen
    (a, b), (c, d) = seen.covariance
    return seen._replace(
        flags=seen.flags & ~Flag.BAD_FIT,
        covariance=((ratio * a, ratio * b), (ratio * c, ratio * d)),
    )


def _named(
    rules: Rules, state: Tracking, seen: FrameEstimate, shown: Sequence[Exposure], full: bool
) -> Tracking:
    """States that changed places, once it is sure."""
    state = state._replace(now=state.base)
    if not full:
        return state
    windows = state.mirrored_windows + 1
    if windows < SURE_WINDOWS:
        return state._replace(mirrored_windows=windows)
    labels = corrected(state.labels, seen, shown, rules.analyser, state.base.offset_rad)
    again = fresh(rules, labels)
    # The frame is where it was, unless it was predicted against its sense.
    base = again.base if labels.mirrored != state.labels.mirrored else state.base
    return again._replace(
        base=base, now=base, seen=seen, relabelled=True, filter_ns=state.filter_ns
    )
