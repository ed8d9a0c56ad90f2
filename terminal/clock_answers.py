"""What `qsky clock` tells: the JSON fields of each answer."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from terminal.clock_input import TagStream
from terminal.clock_totals import Settled, Totals
from terminal.timetags import quality
from terminal.timetags.pairs import PairLock
from terminal.timetags.recovered import RecoveredStretch, Recovery
from terminal.timetags.repetition import Repetition
from terminal.timetags.slot_audit import Span

_NAMES = "HVDA"
_CLEAR_CLICKS = 50
"""Of a channel in public slots, before it is said that it is wired wrongly."""
_HOT_RATIO = 4.0
_HOT_CLICKS = 100
_MOST_OF_FILE = 0.99
_MOST_SPANS = 10
"""In one note."""


def recovery_answer(stream: TagStream, settled: Settled) -> dict[str, Any]:
    """The answer of `qsky clock recover`."""
    recovery, totals, leaps, unsure_spans = settled
    flags, notes = list(stream.defect_kinds), list(stream.defects)
    if stream.repeated:
        flags.append("repeated_clicks")
        notes.append(f"{stream.repeated} clicks repeat others: not used to find the clock")
    if totals is None or totals.first is None:
        attempt = recovery.last_attempt
        return {
            "locked": False,
            "frequency_offset": None,
            "drift_per_s": None,
            "offset_slots": None,
            "false_lock_probability": attempt.false_lock_probability if attempt else 1.0,
            "clicks_used": attempt.clicks_used if attempt else 0,
            "seconds_used": attempt.seconds_used if attempt else 0.0,
            "timing_rms_ps": None,
            "clicks": stream.clicks,
            "flags": flags,
            "notes": notes,
        }
    lock = recovery.stretches[0].lock
    first = totals.first
    # A click so far before the signal that its slot is unknown has no known frequency either.
    at_first = replace(recovery, first_ps=first.time_ps, first_channel=first.channel)
    frequency, drift, slot = at_first.at_first_click()
    signal = quality.signal_in_histogram(totals.histogram, recovery.slot_period_s)
    longest = max(recovery.stretches, key=lambda stretch: stretch.phases.t_s.size)
    for flag, note in _findings(recovery, totals, leaps, unsure_spans):
        if flag not in flags:
            flags.append(flag)
        notes.append(note)
    sure = float(np.sum(totals.histogram))
    is_timed = totals.sure_s > 0.0
    accepted, rejected, unsure = totals.by_window
    return {
        "locked": True,
        "frequency_offset": frequency,
        "drift_per_s": drift,
        "offset_slots": slot if first.time_ps == recovery.first_ps else None,
        "false_lock_probability": lock.false_lock_probability,
        "clicks_used": lock.clicks_used,
        "seconds_used": lock.seconds_used,
        "timing_rms_ps": signal.sigma_s * 1e12,
        "reference_time_ps": first.time_ps,
        "clicks": stream.clicks,
        "clicks_accepted": accepted,
        "clicks_rejected": rejected,
        "clicks_without_slot": unsure,
        "signal_fraction": signal.fraction,
        "background_hz": (1.0 - signal.fraction) * sure / totals.sure_s if is_timed else None,
        "channel_background_hz": (2.0 * totals.far / totals.sure_s).tolist() if is_timed else None,
        "channel_delays_ps": (1e12 * longest.phases.delay_s).tolist(),
        "slips": max(recovery.failed_audits, len(leaps)),
        "stretches": [_stretch(recovery, stretch) for stretch in recovery.stretches],
        "allan_deviation": _allan(longest),
        "flags": flags,
        "notes": notes,
    }


def _stretch(recovery: Recovery, stretch: RecoveredStretch) -> dict[str, Any]:
    begin = max(stretch.begin_ps, stretch.path.begin_ps)
    end = min(stretch.end_ps, stretch.path.end_ps)
    return {
        "begin_s": (begin - recovery.first_ps) * 1e-12,
        "end_s": (end - recovery.first_ps) * 1e-12,
        "false_lock_probability": stretch.lock.false_lock_probability,
    }


def _allan(stretch: RecoveredStretch) -> list[dict[str, float]]:
    """floor: what the doubt about the phases alone makes, sqrt(3) sigma / tau (white phase)."""
    phases = stretch.phases
    measured = np.isfinite(phases.variance_s2)
    if not np.any(measured):
        return []
    sigma_s = math.sqrt(float(np.mean(phases.variance_s2[measured])))
    points = quality.allan_deviation(phases.t_s[measured], phases.phase_s[measured])
    return [
        {**point._asdict(), "floor": math.sqrt(3.0) * sigma_s / point.tau_s} for point in points
    ]


def _findings(
    recovery: Recovery, totals: Totals, leaps: list[Span], unsure: list[Span]
) -> list[tuple[str, str]]:
    """Flags and what they mean, of what only the recovered slots show."""
    found = []
    swapped = swapped_channels(totals.counts)
    if swapped:
        text = f"channels {swapped} answer to each other's states: check --channels"
        found.append(("swapped_channels", text))
    hot = hot_channels(totals.far)
    if hot:
        text = f"background of channel {hot}: over {_HOT_RATIO:g} times that of the others"
        found.append(("hot_channel", text))
    if totals.first is not None and totals.first.time_ps != recovery.first_ps:
        text = "the earliest click is too far from the signal to know its slot"
        found.append(("first_click_unsure", text))
    if leaps:
        at_s = _begins(leaps, recovery.first_ps)
        found.append(("slot_leap", f"the slots leapt against the pattern after {at_s} s"))
    if unsure:
        at_s = _begins(unsure, recovery.first_ps)
        total_s = 1e-12 * sum(span.end_ps + 1 - span.begin_ps for span in unsure)
        text = f"{total_s:.3g} s without slots, after {at_s} s: they might not fit the pattern"
        found.append(("slots_unsure", text))
    if recovery.locks > 1:
        text = f"the clock was lost and found again {recovery.locks - 1} times"
        found.append(("relocked", text))
    return found


def _begins(spans: list[Span], first_ps: int) -> str:
    """In s after the earliest click, as text."""
    shown = [f"{(span.begin_ps - first_ps) * 1e-12:.3f}" for span in spans[:_MOST_SPANS]]
    return ", ".join(shown) + (" ..." if len(spans) > _MOST_SPANS else "")


def swapped_channels(counts: NDArray[np.float64]) -> str | None:
    """Channels that answer best to another state than their own, like "HV"; None: none.

    counts: (16,), 4 * sent state + channel.
    """
    table = counts.reshape(4, 4)
    wrong = [
        _NAMES[channel]
        for channel in range(4)
        if np.sum(table[:, channel]) >= _CLEAR_CLICKS
        and int(np.argmax(table[:, channel] / np.maximum(np.sum(table, axis=1), 1.0))) != channel
    ]
    return "".join(wrong) or None


def hot_channels(background: NDArray[np.float64]) -> str | None:
    """Channels whose background stands out from that of the other three; None: none.

    background: (4,), clicks.
    """
    hot = [
        _NAMES[channel]
        for channel in range(4)
        if background[channel] >= _HOT_CLICKS
        and background[channel] > _HOT_RATIO * np.median(np.delete(background, channel))
    ]
    return "".join(hot) or None


def repetition_answer(stream: TagStream, found: Repetition) -> dict[str, Any]:
    """The answer of `qsky clock period`."""
    known = found.locked and math.isfinite(found.frequency_hz)
    flags, notes = list(stream.defect_kinds), list(stream.defects)
    if known and found.seconds_used < _MOST_OF_FILE * stream.span_s:
        flags.append("not_whole_file")
        notes.append(
            f"the pulses could be counted over {found.seconds_used:.3g} s of {stream.span_s:.3g} s:"
            " the rate is that of this part"
        )
    return {
        "frequency_hz": found.frequency_hz if known else None,
        "uncertainty_hz": found.uncertainty_hz if known else None,
        "clicks_used": found.clicks_used,
        "locked": bool(known),
        "false_lock_probability": found.false_lock_probability,
        "seconds_used": found.seconds_used,
        "modulation": found.signal_share if known else None,
        "breaks": found.breaks,
        "flags": flags,
        "notes": notes,
    }


def pair_answer(a: TagStream, b: TagStream, lock: PairLock) -> dict[str, Any]:
    """The answer of `qsky clock pair`."""
    known = lock.locked
    return {
        "locked": known,
        "offset_ps": lock.offset_ps if known else None,
        "frequency_offset": lock.frequency_offset if known else None,
        "coincidences": lock.coincidences if known else 0,
        "false_lock_probability": lock.false_lock_probability,
        "offset_uncertainty_ps": lock.offset_sigma_ps if known else None,
        "frequency_uncertainty": lock.frequency_sigma if known else None,
        "drift_per_s": lock.drift_per_s if known else None,
        "accidentals": lock.accidentals if known else None,
        "jitter_ps": lock.jitter_ps if known else None,
        "seconds_used": lock.seconds_used,
        "reference_time_ps": lock.reference_time_ps,
        "flags": list(dict.fromkeys([*a.defect_kinds, *b.defect_kinds])),
        "notes": [*(f"A: {text}" for text in a.defects), *(f"B: {text}" for text in b.defects)],
    }
