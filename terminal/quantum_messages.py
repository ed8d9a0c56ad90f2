"""What passes through the loops that deal with photons: polarization, timing, link.

As in `terminal.messages`, which has the table of all.
"""

from typing import NamedTuple

from terminal.fields import (
    F64,
    I64,
    NO_COUNTS,
    NO_DELAYS,
    NO_I64S,
    NO_U8S,
    U8,
    U32,
    F64s,
    I64s,
    U8s,
)


class PolarizationSample(NamedTuple):
    """Predicted frame angle, the plate, and counts per sent state and channel so far."""

    t_ns: I64
    pointing_valid: U8
    frame_angle_rad: F64
    plate_t_ns: I64
    plate_angle_rad: F64
    plate_moving: U8
    counts: F64s
    """16 numbers, 4 * sent state + detector channel; they only grow."""


class PolarizationCommand(NamedTuple):
    plate_target_rad: F64 = 0.0
    move: U8 = 0
    trim_rad: F64 = 0.0
    """Added to the predicted frame angle."""
    trim_sigma_rad: F64 = 1.0
    misalignment_rad: F64 = 0.0
    """Frame error as the counts of the last window show it."""


class TimingSample(NamedTuple):
    """The clicks since the last tick, and the delay that geometry predicts."""

    t_ns: I64
    pointing_valid: U8
    light_time_s: F64
    light_time_rate: F64
    """d(light time)/d(t), at t_ns."""
    gate_open: U8
    """LINK, shutter open: clicks may count."""
    stream_defect: U8
    time_ps: I64s
    channel: U8s


class TimingCommand(NamedTuple):
    """The partner's clock, and the slot of every click."""

    status: U8 = 0
    """0 searching, 1 locked, 2 coasting, 3 locked modulo the pattern: no range, and so no slots."""
    frequency_offset: F64 = 0.0
    """Own oscillator and unpredicted Doppler: slot period seen over predicted, minus 1. All of the
    Doppler with status 3."""
    drift_per_s: F64 = 0.0
    phase_sigma_s: F64 = 1.0
    false_lock_probability: F64 = 1.0
    timing_rms_s: F64 = 0.0
    signal_fraction: F64 = 0.0
    clicks_in_gate: U32 = 0
    """Of this tick, those that count: with a slot, and in the gate. None with status 3."""
    clicks_out_of_gate: U32 = 0
    """All others."""
    background_hz: F64 = 0.0
    """All clicks that are no signal, averaged over 5 s. Of this and the next two, 0: not known."""
    allan_deviation_1s: F64 = 0.0
    allan_deviation_10s: F64 = 0.0
    """Of the recovered clock over the last three minutes, about a constant drift: own oscillator,
    sender's, and what of the Doppler is not predicted."""
    audits_failed: U32 = 0
    """Times the slots given were found not to fit the pattern, and were searched anew."""
    relocks: U32 = 0
    """Locks after the first."""
    detectors_without_pulses: U8 = 0
    """Bits 0..3: H V D A. It clicks, and shows next to nothing of the signal of the others."""
    detectors_off_pattern: U8 = 0
    """Bits 0..3: H V D A. Its clicks alone do not show the states of their slots, as where it
    answers over half a slot late: they get none."""
    gate_half_width_s: F64 = 0.0
    """By which this tick's clicks were judged; 0: none was."""
    slot: I64s = NO_I64S
    """Of each click of the sample, in the gate or not; -1 where the clock is not sure. What counts,
    and how likely it is signal: `terminal.timetags.click_results`."""
    residual_ps: I64s = NO_I64S
    """From its slot's centre, its channel's delay taken off."""
    channel_delays_s: F64s = NO_DELAYS
    """Of the detectors H V D A, about their mean, that was taken off this tick's clicks; 0 where
    none shows."""
    public_counts: F64s = NO_COUNTS
    """Clicks so far in public slots, 4 * sent state + channel."""


class LinkSample(NamedTuple):
    """Accepted clicks in key slots, and what the partner answered or, in an uplink, counted."""

    t_ns: I64
    slot: I64s
    channel: U8s
    reply_request: I64s
    reply_length: I64s
    reply_basis: U8s
    reply_intensity: U8s
    reply_bit: U8s
    """The replies one after the other."""
    tally_seq: I64s = NO_I64S
    tally_t_ns: I64s = NO_I64S
    tally_counts: I64s = NO_I64S
    """28 numbers of each tally, one tally after the other; see `terminal.qkd.tally`."""


class LinkCommand(NamedTuple):
    """The announcement to send (none if request is 0) and the key so far."""

    request: U32 = 0
    announce_slot: I64s = NO_I64S
    announce_basis: U8s = NO_U8S
    announce_disclose: U8s = NO_U8S
    pending: U32 = 0
    """Announcements without answer."""
    expired: U32 = 0
    """Announcements given up."""
    dropped: I64 = 0
    """Clicks never announced, because the channel takes no more at once."""
    detected: I64 = 0
    sifted: I64 = 0
    disclosed: I64 = 0
    """Of both bases."""
    disclosed_key: I64 = 0
    """Key-basis bits among them."""
    qber: F64 = 0.5
    """Error rate of `disclosed_key`; one half without any."""
    phase_error: F64 = 0.5
    secret_key_bits: F64 = 0.0
    disclosed_counts: F64s = NO_COUNTS
    """Clicks so far whose state is disclosed, 4 * sent state + channel; in an uplink with those in
    public slots."""
    tallied_until_ns: I64 = 0
    """Up to which slots the partner's tally counts, as they left; 0 before the first."""
    tallies_late: U32 = 0
    """Tallies that came after a newer one, or again."""
    tallies_refused: U32 = 0
    """Tallies that cannot be: a count that fell, parts greater than their whole, no such time."""


class DivergenceSample(NamedTuple):
    """What the width of the sent beam depends on, and where the expander's stage stands."""

    t_ns: I64
    stage_t_ns: I64
    """0: it has not told its position yet."""
    stage_position: F64
    """In the unit of its calibration."""
    stage_moving: U8
    fine_closed: U8
    fine_rms_rad: F64
    """Of both axes, as the quad cell shows it: sensor noise included."""
    quad_sum_counts: F64
    quad_diagonal_counts: F64
    """a - b + c - d of one scan, to which a small error adds nothing: noise alone."""
    linked: U8
    """LINK, shutter open: what we send may be counted."""
    range_m: F64
    counted_until_ns: I64
    """Up to which slots, as they left, the partner has counted; 0 before its first tally."""
    counted: I64
    """Its clicks in key slots so far."""
    counted_vacuum: I64
    """Its sifted bits of vacuum slots among them: background and dark counts."""


class DivergenceCommand(NamedTuple):
    """Where the expander shall stand, and what is known of the sent beam."""

    position: F64 = 0.0
    move: U8 = 0
    full_divergence_rad: F64 = 0.0
    """1/e^2, in force: by the newest position that the stage has told; 0: not known."""
    wanted_rad: F64 = 0.0
    """0: none, the loop idles."""
    jitter_rad: F64 = 0.0
    """Per axis, sensor noise taken off; 0: not known."""
    jitter_sigma_rad: F64 = 0.0
    """1-sigma of that."""
    offset_rad: F64 = 0.0
    """Root mean square of what is believed of the beam's standing offset."""
    gain: F64 = 0.0
    """Expected counts of the best width over those of the width in force, minus 1."""
    flags: U8 = 0
    """Bits of terminal.control.divergence.Flag."""
