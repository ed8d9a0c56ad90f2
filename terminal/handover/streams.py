"""From ticks of the timing and link loops to the messages that are handed over. Pure.

Ticks of a flight and those of its recording give the same.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from config.mission import Mission
from config.pattern import NOT_PUBLIC
from terminal.fields import NO_I64S, NO_SLOTS, NO_U8S
from terminal.handover.wire import Arrays, Header
from terminal.qkd.estimate_flags import EstimateFlag
from terminal.quantum_messages import LinkCommand, LinkSample, TimingCommand, TimingSample
from terminal.timetags import click_results

TimingTick = tuple[TimingSample, TimingCommand]
LinkTick = tuple[LinkSample, LinkCommand]
Body = tuple[Header, Arrays]


def begin(mission: Mission, start_tai_ns: int, end_tai_ns: int) -> Header:
    """What both ends agreed, and what the codes mean."""
    source, security = mission.source, mission.security
    return {
        "direction": mission.direction,
        "start_tai_ns": start_tai_ns,
        "end_tai_ns": end_tai_ns,
        "slot_hz": source.pulse_rate_hz,
        "intensities": source.intensities,
        "intensity_probabilities": source.intensity_probabilities,
        "basis_x_probability": source.basis_x_probability,
        "public_share": source.public_share,
        "pattern_length": source.pattern_length,
        "pattern_seed": source.pattern_seed,
        "security": {
            "secrecy": security.secrecy,
            "correctness": security.correctness,
            "error_correction_efficiency": security.error_correction_efficiency,
            "disclosed_x_share": security.disclosed_x_share,
            "least_track_quality": security.least_track_quality,
        },
        "codes": {
            "channel": ["H", "V", "D", "A"],
            "basis": ["X", "X", "Z", "Z"],
            "bit": [0, 1, 0, 1],
            "intensity": ["signal", "decoy", "vacuum"],
            "quality": ["off", "poor", "good"],
            "kept": 255,
        },
    }


def raw(ticks: Sequence[TimingTick], pattern: NDArray[np.uint8]) -> Body | None:
    """Accepted clicks in key slots, several in a slot included, and how many key slots there were.

    None where there was neither.
    """
    slots, channels, residuals, qualities = [NO_I64S], [NO_U8S], [NO_I64S], [NO_U8S]
    for timed, command in ticks:
        slot = command.slot
        key = click_results.accepted(command) & (pattern[slot % len(pattern)] == NOT_PUBLIC)
        slots.append(slot[key])
        channels.append(timed.channel[key])
        residuals.append(command.residual_ps[key])
        qualities.append(command.quality[key])
    arrays: Arrays = {
        "slot": np.concatenate(slots),
        "channel": np.concatenate(channels),
        "residual_ps": np.concatenate(residuals),
        "quality": np.concatenate(qualities),
    }
    key_slots = sum((command.key_slots for _, command in ticks), NO_SLOTS)
    if not len(arrays["slot"]) and not key_slots.any():
        return None
    return {"key_slots_by_quality": key_slots.tolist()}, arrays


def sifted(ticks: Sequence[LinkTick]) -> Body | None:
    """Clicks with both ends in one basis, in the order in which they were settled; None: none."""
    commands = [command for _, command in ticks]
    arrays: Arrays = {
        "slot": np.concatenate([NO_I64S, *(c.sifted_slot for c in commands)]),
        "state": np.concatenate([NO_U8S, *(c.sifted_state for c in commands)]),
        "sent_bit": np.concatenate([NO_U8S, *(c.sifted_sent_bit for c in commands)]),
        "intensity": np.concatenate([NO_U8S, *(c.sifted_intensity for c in commands)]),
        "quality": np.concatenate([NO_U8S, *(c.sifted_quality for c in commands)]),
    }
    return ({}, arrays) if len(arrays["slot"]) else None


def estimate(link: LinkCommand) -> Header:
    """Counts so far, and what they are worth."""
    return {
        "detected": link.detected,
        "sifted": link.sifted,
        "disclosed": link.disclosed,
        "disclosed_key": link.disclosed_key,
        "qber": link.qber,
        "phase_error": link.phase_error,
        "secret_key_bits": link.secret_key_bits,
        "flags": [flag.name for flag in EstimateFlag if flag & link.estimate_flags],
        "announcements_pending": link.pending,
        "announcements_expired": link.expired,
        "clicks_dropped": link.dropped,
        "mismatched": link.mismatched,
        "unusable": link.unusable,
        "key_slots_by_quality": link.slots_by_quality.tolist(),
        "detected_by_quality": link.detected_by_quality.tolist(),
        "sifted_by_quality": _rows(link.sifted_by_quality, (2, 5, 3)),
        "gain": _rows(link.gain, (2, 3)),
        "gain_sigma": _rows(link.gain_sigma, (2, 3)),
        "error_rate": _rows(link.error_rate, (2, 3)),
        "error_rate_sigma": _rows(link.error_rate_sigma, (2, 3)),
        "tallied_until_ns": link.tallied_until_ns,
    }


def _rows(values: NDArray[Any], shape: tuple[int, ...]) -> list[Any]:
    rows: list[Any] = values.reshape(shape).tolist()
    return rows
