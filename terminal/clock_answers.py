"""What `qsky clock` tells: JSON fields, tables for people, the slot of each click."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from config.errors import InputError
from terminal.clock_input import TagStream
from terminal.timetags import quality
from terminal.timetags.file_recovery import Recovery
from terminal.timetags.frame import counts_by_state
from terminal.timetags.pairs import PairLock
from terminal.timetags.pattern import PublicPattern
from terminal.timetags.repetition import Repetition

_NAMES = "HVDA"
_MOST_DETAIL = 20
_CLEAR_CLICKS = 50
"""Of a channel in public slots, before it is said that it is wired wrongly."""


class Totals(NamedTuple):
    """Over all clicks of a file."""

    histogram: NDArray[np.float64]
    accepted: int
    rejected: int
    unsure: int
    counts: NDArray[np.float64]
    """(16,), accepted clicks in public slots, see `terminal.timetags.frame`."""


def assign_all(
    stream: TagStream, recovery: Recovery, pattern: PublicPattern, slots_out: Path | None
) -> Totals:
    """One pass over the file: slots of all clicks, to slots_out if given, and totals.

    Raises:
        InputError: the file cannot be written.
    """
    out = None if slots_out is None else _open_slots(slots_out, stream.clicks)
    histogram, counts = np.zeros(quality.BINS), np.zeros(16)
    accepted = total = unsure = 0
    for block in stream.blocks():
        clicks = recovery.assign(block.time_ps, block.channel)
        if out is not None:
            out[block.index] = clicks.slot
        sure = clicks.slot >= 0
        share = clicks.residual_s[sure] / recovery.slot_period_s + 0.5
        index = np.minimum((share * quality.BINS).astype(np.int64), quality.BINS - 1)
        histogram += np.bincount(index, minlength=quality.BINS)
        inside = clicks.accepted
        counts += counts_by_state(clicks.slot[inside], block.channel[inside], pattern)
        total += sure.size
        accepted += int(np.count_nonzero(inside))
        unsure += int(np.count_nonzero(~sure))
    if out is not None:
        out.flush()
    return Totals(histogram, accepted, total - accepted - unsure, unsure, counts)


def _open_slots(path: Path, clicks: int) -> Any:
    try:
        if not clicks:
            np.save(path, np.empty(0, dtype=np.int64))
            return None
        out = np.lib.format.open_memmap(path, mode="w+", dtype=np.int64, shape=(clicks,))
    except OSError as error:
        raise InputError(f"--slots: {path}: cannot write: {error.strerror}") from error
    out[:] = -1
    return out


def recovery_answer(stream: TagStream, recovery: Recovery, totals: Totals | None) -> dict[str, Any]:
    """The answer of `qsky clock recover`. totals: None where there is no lock."""
    if not recovery.stretches or totals is None:
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
            "clicks": recovery.clicks,
            "flags": stream.defect_kinds,
            "notes": stream.defects,
        }
    first = recovery.stretches[0]
    frequency, drift, slot = recovery.at_first_click()
    signal = quality.signal_in_histogram(totals.histogram, recovery.slot_period_s)
    seconds = (recovery.last_ps - recovery.first_ps) * 1e-12
    swapped = swapped_channels(totals.counts)
    flags, notes = list(stream.defect_kinds), list(stream.defects)
    if swapped:
        flags.append("swapped_channels")
        notes.append(f"channels {swapped} answer to each other's states: check --channels")
    if slot is None:
        notes.append("the earliest click is too far from the signal to know its slot")
    longest = max(recovery.stretches, key=lambda stretch: stretch.phases.t_s.size)
    measured = np.isfinite(longest.phases.variance_s2)
    allan = quality.allan_deviation(longest.phases.t_s[measured], longest.phases.phase_s[measured])
    sure = int(np.sum(totals.histogram))
    return {
        "locked": True,
        "frequency_offset": frequency,
        "drift_per_s": drift,
        "offset_slots": slot,
        "false_lock_probability": first.lock.false_lock_probability,
        "clicks_used": first.lock.clicks_used,
        "seconds_used": first.lock.seconds_used,
        "timing_rms_ps": signal.sigma_s * 1e12,
        "reference_time_ps": recovery.first_ps,
        "clicks": recovery.clicks,
        "clicks_accepted": totals.accepted,
        "clicks_rejected": totals.rejected,
        "clicks_without_slot": totals.unsure,
        "signal_fraction": signal.fraction,
        "background_hz": (1.0 - signal.fraction) * sure / seconds if seconds > 0.0 else None,
        "failed_audits": recovery.failed_audits,
        "channel_delays_ps": [1e12 * delay for delay in longest.phases.delay_s.tolist()],
        "stretches": [
            {
                "begin_s": (stretch.path.begin_ps - recovery.first_ps) * 1e-12,
                "end_s": (stretch.path.end_ps - recovery.first_ps) * 1e-12,
                "false_lock_probability": stretch.lock.false_lock_probability,
            }
            for stretch in recovery.stretches
        ],
        "allan_deviation": [point._asdict() for point in allan],
        "flags": flags,
        "notes": notes,
    }


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


def repetition_answer(stream: TagStream, found: Repetition) -> dict[str, Any]:
    """The answer of `qsky clock period`."""
    known = found.locked and np.isfinite(found.frequency_hz)
    return {
        "frequency_hz": found.frequency_hz if known else None,
        "uncertainty_hz": found.uncertainty_hz if known else None,
        "clicks_used": found.clicks_used,
        "locked": bool(known),
        "false_lock_probability": found.false_lock_probability,
        "seconds_used": found.seconds_used,
        "modulation": found.signal_share if known else None,
        "breaks": found.breaks,
        "flags": stream.defect_kinds,
        "notes": stream.defects,
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
        "accidentals": lock.accidentals if known else None,
        "jitter_ps": lock.jitter_ps if known else None,
        "seconds_used": lock.seconds_used,
        "reference_time_ps": lock.reference_time_ps,
        "flags": [*a.defect_kinds, *b.defect_kinds],
        "notes": [*a.defects, *b.defects],
    }


def table(answer: dict[str, Any]) -> Any:
    """A table for people: one row a field; lists by their length if they are long."""
    from rich.table import Table

    shown = Table("", caption="\n".join(answer.get("notes", [])) or None, show_header=False)
    shown.add_column("", justify="right")
    for name, value in answer.items():
        if name == "notes":
            continue
        shown.add_row(name, _text(value))
    return shown


def _text(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.10g}"
    if isinstance(value, dict):
        return " ".join(f"{key}={_text(item)}" for key, item in value.items())
    if isinstance(value, list):
        return "\n".join(_text(item) for item in value[:_MOST_DETAIL]) or "-"
    return str(value)
