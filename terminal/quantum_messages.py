"""What passes through the loops that deal with photons: polarization, timing, link.

As in `terminal.messages`, which has the table of all.
"""

from typing import NamedTuple

from terminal.fields import (
    F64,
    I64,
    NO_COUNTS,
    NO_DELAYS,
    NO_F64S,
    NO_GAINS,
    NO_I64S,
    NO_SIFTED,
    NO_SLOTS,
    NO_U8S,
    U8,
    U32,
    F64s,
    I64s,
    U8s,
)


class PolarizationSample(NamedTuple):
    """Predicted frame angle, how the optics stand, and counts per sent state and channel so far."""

    t_ns: I64
    pointing_valid: U8
    linked: U8
    """LINK: the plate does not unwrap now."""
    frame_angle_rad: F64
    """Of the sender's H axis in the image, from right toward up."""
    yaw_rad: F64
    pitch_rad: F64
    """Joints of the gimbal, which turn the frame on a `coude` path."""
    plate_t_ns: I64
    """0: the plate has not told anything yet. So with the retarder."""
    plate_angle_rad: F64
    """By its encoder, within one turn."""
    plate_moving: U8
    retarder_t_ns: I64
    retarder_drive_v: F64
    beacon_fresh: U8
    """A new reading of the polarimeter."""
    beacon_h: I64
    beacon_v: I64
    beacon_d: I64
    beacon_a: I64
    public_counts: F64s
    """16 numbers, 4 * sent state + detector channel: clicks in public slots so far, which are known
    at once."""
    disclosed_counts: F64s
    """Likewise those that the partner disclosed; in an uplink all that it tallied."""
    disclosed_from_ns: I64
    disclosed_until_ns: I64
    """When the photons came, or left, that are new among the disclosed."""
    background_hz: F64
    gate_half_width_s: F64
    """As of the timing loop; 0: not known."""
    clock_known: U8 = 0
    """The timing loop has found one, if unsure by now."""
    searched_clicks: I64 = 0
    """Since the last tick, in which it looked for one in vain."""


class PolarizationCommand(NamedTuple):
    plate_target_rad: F64 = 0.0
    """Encoder angle, within one turn."""
    move: U8 = 0
    trim_rad: F64 = 0.0
    """Added to the predicted frame angle."""
    trim_sigma_rad: F64 = 1.0
    misalignment_rad: F64 = 0.0
    """Frame error behind the plate as the counts of the last window show it, from H toward D."""
    turn_rad: F64 = 0.0
    """By which the analyser is turned on from the sender's frame on purpose, now."""
    settled: U8 = 0
    """The optics are known and stand still where they should: clicks of now are good."""
    swapped: U8 = 0
    """Channels D and A of the tagger shall change names: the timing loop does it."""
    forget: U8 = 0
    """Names or frame were just changed: clicks collected in search of the clock are worthless."""
    phase_rad: F64 = 0.0
    """Between s and p of the optics on the gimbal, as estimated."""
    phase_sigma_rad: F64 = 1.0
    cos_phase: F64 = 1.0
    """Of what of it shows at the analyser, by the last window."""
    contrast: F64 = 1.0
    """1 less twice the error rate that neither rotation nor phase explains, by the last window."""
    uncorrected_error: F64 = 0.0
    """Error rate, mean of both bases, that the phase leaves at the plate's best angle."""
    retarder_drive_v: F64 = 0.0
    drive: U8 = 0
    retarder_target_rad: F64 = 0.0
    """Retardance that it shall have, dither included."""
    clicks: F64 = 0.0
    """Beyond the background, in the window that is being filled."""
    rotation_sigma_rad: F64 = 0.0
    """Of the last window alone; 0: none yet."""
    flags: U32 = 0
    """Bits of terminal.control.polarization_flags.PolarizationFlag."""


class TimingSample(NamedTuple):
    """The clicks since the last tick, and the delay that geometry predicts."""

    t_ns: I64
    pointing_valid: U8
    light_time_s: F64
    light_time_rate: F64
    """d(light time)/d(t), at t_ns."""
    gate_open: U8
    """LINK, shutter ordered open: clicks tell of the clock. For the key see the track below."""
    stream_defect: U8
    time_ps: I64s
    channel: U8s
    track_t_ns: I64s = NO_I64S
    """Ticks of the modes loop since the last tick; this and the next three, one entry each."""
    track_facts: U8s = NO_U8S
    """Bits of terminal.qkd.track_quality.Fact."""
    track_shutter_t_ns: I64s = NO_I64S
    """When the shutter's reading was taken; 0: none yet."""
    track_fine_rms_rad: F64s = NO_F64S
    renamed: U8 = 0
    """Channels or frame stand for other states than before: what was collected in search of the
    clock is worthless."""


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
    quality: U8s = NO_U8S
    """Track quality of each click's slot: 0 off, 1 poor, 2 good; off without a slot."""
    key_slots: I64s = NO_SLOTS
    """Key slots whose light came in this tick, or in an uplink that left, by quality. Off are also
    those in which a click would not have got a slot."""


class LinkSample(NamedTuple):
    """Accepted clicks in key slots, and what the partner answered or, in an uplink, counted."""

    t_ns: I64
    slot: I64s
    channel: U8s
    """Of clicks that are not off."""
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
    quality: U8s = NO_U8S
    """Of each click: 1 poor, 2 good."""
    clicks_off: U32 = 0
    """Accepted clicks in key slots that are off, and go no further."""
    key_slots: I64s = NO_SLOTS
    """Since the last tick, by quality."""


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
    estimate_flags: U8 = 0
    """Bits of terminal.qkd.estimate_flags.EstimateFlag: what speaks against the counts."""
    detected_by_quality: I64s = NO_SLOTS
    """Accepted clicks in key slots: off, poor, good; of the latter two one a slot. Off ones are not
    announced."""
    slots_by_quality: I64s = NO_SLOTS
    """Key slots: off, poor, good; of the latter two those whose announcements were answered."""
    sifted_by_quality: I64s = NO_SIFTED
    """(2, 5, 3): poor, good; key-basis bits kept, check basis, wrong ones among these, disclosed of
    the key basis, wrong ones among these; signal, decoy, vacuum."""
    mismatched: I64 = 0
    """Answered clicks of which the ends took different bases."""
    unusable: I64 = 0
    """Answered clicks whose answer cannot be used."""
    gain: F64s = NO_GAINS
    """(2, 3): by basis, X and Z, and intensity: probability that a pulse sent so makes a click that
    is sifted. This and the next three are of what the key counts; NaN where nothing is known."""
    gain_sigma: F64s = NO_GAINS
    error_rate: F64s = NO_GAINS
    """(2, 3): of disclosed bits. 1-sigma: standard deviation of the posterior, flat before."""
    error_rate_sigma: F64s = NO_GAINS
    sifted_slot: I64s = NO_I64S
    """Of the clicks that this tick's answers settled with both ends in one basis; this and the next
    four, one entry each. Ascending within an answer."""
    sifted_state: U8s = NO_U8S
    """Our detector, 0..3 = H V D A: key bits are secret, and so is a recording."""
    sifted_sent_bit: U8s = NO_U8S
    """As the sender disclosed it; 255: kept."""
    sifted_intensity: U8s = NO_U8S
    sifted_quality: U8s = NO_U8S


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
