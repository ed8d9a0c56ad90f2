"""The true world: what the terminal does not know and has to find, ride out or live with."""

from typing import Annotated, Literal

from msgspec import Meta

from config.fields import Fraction, NonNegative, NonNegativeInt, Positive, Spec


class NavigationError(Spec, frozen=True):
    """1-sigma errors of the navigation unit, per axis."""

    position_bias_m: NonNegative
    position_noise_m: NonNegative
    velocity_noise_m_s: NonNegative
    attitude_bias_rad: NonNegative
    attitude_drift_rad_per_sqrt_s: NonNegative
    attitude_noise_rad: NonNegative
    latency_s: NonNegative


class PlatformMotion(Spec, frozen=True):
    """How the carrier moves under the gimbal: slow sway of the body and what the gimbal leaves."""

    track_error_m: NonNegative
    """1-sigma offset of the true track from the planned one, per axis."""
    sway_rad: NonNegative
    """Amplitude of roll and pitch; yaw twice that."""
    sway_period_s: Positive
    residual: Literal["esa_silex", "drone"]
    """Spectrum of the line-of-sight jitter that the stabilised gimbal leaves, by name."""


class GimbalTruth(Spec, frozen=True):
    """Mechanics of the gimbal and its unknown mounting."""

    mounting_error_rad: NonNegative
    """1-sigma rotation per axis between surveyed and true mounting."""
    rate_lag_s: Positive
    max_rate_rad_s: Positive
    max_acceleration_rad_s2: Positive
    gyro_bias_rad_s: NonNegative


class BeaconTruth(Spec, frozen=True):
    """The partner's beacon as seen by camera and quad cell."""

    camera_signal_counts: Positive
    """Sum of counts in the spot of a frame at the reference range."""
    camera_noise_counts: Positive
    quad_sum_counts: Positive
    """Sum of the quad's four channels at the reference range."""
    quad_noise_counts: Positive
    """Per channel and scan, 1 sigma."""
    reference_range_m: Positive
    boresight_error_rad: NonNegative
    """1-sigma angle per axis between the quad's centre and the quantum channel."""


class MirrorTruth(Spec, frozen=True):
    """Fast steering mirror and the latency of the loop."""

    resonance_hz: Positive
    damping: Positive
    delay_samples: Annotated[int, Meta(ge=1, le=20)]
    """Scans between a reading and the first one that its command can change."""


class PartnerTruth(Spec, frozen=True):
    """What the sender really does."""

    jitter_rad: NonNegative
    """Transmit pointing jitter, 1 sigma per axis."""
    jitter_bandwidth_hz: Positive
    ephemeris_error_m: tuple[NonNegative, NonNegative, NonNegative]
    """1-sigma initial error: of an orbit radial, along, across; of a track east, north, up."""
    untracked_offset_rad: NonNegative
    """Where the beam points off, while our uplink beacon does not reach the partner."""
    uplink_threshold: Fraction
    """Least fraction of the uplink beacon's peak that the partner can track."""
    reference_axis_error_rad: NonNegative
    """1-sigma of the polarisation reference about the line of sight."""
    clock_offset_s: NonNegative
    """1-sigma offset of the slot clock from agreed time."""
    reply_latency_s: Positive


class PolarizationTruth(Spec, frozen=True):
    """Errors of the polarisation optics."""

    plate_offset_rad: NonNegative
    """1-sigma offset of the plate's axis from its encoder zero."""
    retardance_rad: float
    """Phase between s and p of the receiving optics, their axis along the elevation axis."""
    intrinsic_qber: Fraction
    """Probability that a signal click shows the other state of its basis (imperfect optics)."""


class AtmosphereTruth(Spec, frozen=True):
    """Extinction and scintillation; all zero above the weather."""

    zenith_transmittance: Annotated[float, Meta(gt=0, le=1)]
    """From the terminal to space, or along the link where both ends are in the air."""
    scintillation_index: NonNegative
    """Variance of the received power over its squared mean, after aperture averaging."""
    scintillation_bandwidth_hz: Positive
    background_radiance_w_m2_sr_um: NonNegative


class DetectorTruth(Spec, frozen=True):
    """The four single-photon detectors and the time tagger."""

    dark_rate_hz: NonNegative
    """Each."""
    dead_time_s: NonNegative
    afterpulse_probability: Fraction
    afterpulse_lifetime_s: Positive
    jitter_s: Positive
    """1 sigma, Gaussian."""
    oscillator_offset: NonNegative
    """1-sigma fractional frequency offset of the tagger's oscillator."""
    oscillator_white_fm: NonNegative
    """One-second Allan deviation of its white frequency noise."""
    oscillator_random_walk_fm: NonNegative
    """Random walk of its frequency per square-root second."""


class Fault(Spec, frozen=True):
    """Something that breaks, for a while."""

    kind: Literal["beacon_off", "navigation_silent", "gimbal_stuck", "plate_stuck", "tagger_silent"]
    at_s: NonNegative
    """From the start of the window."""
    duration_s: Positive


class World(Spec, frozen=True):
    """The truth of one scenario."""

    navigation: NavigationError
    platform: PlatformMotion
    gimbal: GimbalTruth
    beacon: BeaconTruth
    mirror: MirrorTruth
    partner: PartnerTruth
    polarization: PolarizationTruth
    atmosphere: AtmosphereTruth
    detectors: DetectorTruth
    faults: tuple[Fault, ...] = ()
    seed: NonNegativeInt = 1
    """Used where the command gives none."""
