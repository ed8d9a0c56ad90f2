"""The true world: what the terminal does not know and has to find, ride out or live with."""

from typing import Annotated, Literal

from msgspec import Meta

from config.fields import Fraction, NonNegative, NonNegativeInt, Positive, Spec
from config.fine_truth import MirrorTruth, QuadTruth


class NavigationError(Spec, frozen=True):
    """1-sigma errors of the navigation unit, per axis."""

    position_bias_m: NonNegative
    position_noise_m: NonNegative
    velocity_noise_m_s: NonNegative
    attitude_bias_rad: NonNegative
    attitude_drift_rad_per_sqrt_s: NonNegative
    attitude_noise_rad: NonNegative
    latency_s: NonNegative
    jump_m: NonNegative = 5000.0
    """What a fault `navigation_jump` puts the unit to the north by, and its attitude about each
    axis of the body by the next."""
    jump_rad: NonNegative = 0.2
    time_back_s: NonNegative = 2.0
    """How far a fault `navigation_time_back` sets its clock back."""
    overconfidence: Positive = 100.0
    """What a fault `navigation_overconfident` divides the sigmas by; it makes the noise ..."""
    overconfident_noise: Positive = 10.0
    """... so many times larger."""


class PlatformMotion(Spec, frozen=True):
    """How the carrier moves under the gimbal: slow sway of the body and what the gimbal leaves."""

    track_error_m: NonNegative
    """1-sigma offset of the true track from the planned one, per axis."""
    sway_rad: NonNegative
    """Amplitude of roll and pitch; yaw twice that."""
    sway_period_s: Positive
    residual: Literal["esa_silex", "esa_lines", "micius", "haps", "drone", "aircraft"]
    """Jitter that the stabilised gimbal leaves, by name (`qsky disturbance --list`)."""


class GimbalTruth(Spec, frozen=True):
    """Mechanics of the gimbal and its unknown mounting."""

    mounting_error_rad: NonNegative
    """1-sigma rotation per axis between surveyed and true mounting."""
    rate_lag_s: Positive
    max_rate_rad_s: Positive
    max_acceleration_rad_s2: Positive
    gyro_bias_rad_s: NonNegative
    yaw_limit_rad: Positive = 6.6
    """Stop on either side, joint angle against the base; so also for roll."""
    pitch_min_rad: Annotated[float, Meta(ge=-1.6, le=0)] = -0.9
    pitch_max_rad: Annotated[float, Meta(gt=0, le=3.2)] = 1.66
    roll_limit_rad: Annotated[float, Meta(ge=0, le=1)] = 0.55
    yaw_encoder_scale: NonNegative = 0.0
    """1-sigma of what the joint has turned over what its encoder says, minus 1."""
    pitch_encoder_scale: NonNegative = 0.0
    axes_nonorthogonality_rad: NonNegative = 0.0
    """1-sigma of the tilt of the pitch axis out of the plane across the yaw axis."""
    flexure_rad: NonNegative = 0.0
    """1-sigma sag of a level boresight; it goes with the cosine of the elevation."""


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
    false_spot_probability: Fraction = 0.0
    """That a frame of the camera shows one spot more, somewhere, for this frame only: a glint."""
    hot_pixels: NonNegativeInt = 0
    """Pixels of the camera that always read high."""
    stars: NonNegative = 0.0
    """Mean number of stars in the camera's field that are as bright as the beacon."""
    modulation_hz: NonNegative = 0.0
    """Tone of the beacon's power, as the camera sees it."""
    modulation_depth: Fraction = 0.0


class PartnerSearch(Spec, frozen=True):
    """How the partner searches for us: its beacon and its camera look the same way."""

    begins: Literal["scan", "stare"]
    pointing_error_rad: NonNegative
    """1-sigma per axis of where it believes us to be."""
    beacon_divergence_rad: Positive
    """1/e^2 full angle."""
    field_rad: Positive
    """Of its camera, from side to side."""
    confirm_s: Positive = 0.12
    """It has to see our beacon for so long."""
    scan_spacing_rad: Positive = 3.0e-3
    scan_speed_rad_s: Positive = 20.0e-3
    scan_radius_rad: Positive = 20.0e-3
    stare_s: Positive = 30.0
    return_s: Positive = 3.0


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
    search: "PartnerSearch | None" = None
    """A partner that has to find us first. None: its beacon is on us from the start."""
    time_bias_s: NonNegative = 0.0
    """1-sigma by which it passes earlier than its ephemeris says."""


class ExpanderTruth(Spec, frozen=True):
    """The beam expander of the terminal."""

    calibration_error: NonNegative = 0.02
    """1-sigma of the true 1/e^2 angle over that of the calibration, minus 1."""


class PolarizationTruth(Spec, frozen=True):
    """Errors of the polarisation optics."""

    plate_offset_rad: NonNegative
    """1-sigma offset of the plate's axis from its encoder zero."""
    retardance_rad: float
    """Phase between s and p of the receiving optics, their axis along the elevation axis."""
    intrinsic_qber: Fraction
    """Probability that a signal click shows the other state of its basis (imperfect optics)."""
    plate_scale: NonNegative = 0.0
    """1-sigma of degrees that the plate turns over degrees that its encoder tells, minus 1."""
    plate_retardance_error_rad: NonNegative = 0.0
    """1-sigma of the plate's retardance about half a wave."""
    plate_wedge: Fraction = 0.0
    """1-sigma of the relative change of flux once a turn of the plate."""
    channel_efficiency: tuple[Fraction, Fraction, Fraction, Fraction] = (1.0, 1.0, 1.0, 1.0)
    """Of the detectors H V D A, over `terminal.optics.detector_efficiency`."""
    channel_leak: tuple[Fraction, Fraction, Fraction, Fraction] = (0.0, 0.0, 0.0, 0.0)
    """One over their extinction ratio."""
    fold_index: tuple[NonNegative, NonNegative] | None = None
    """True refractive index n, k of the mirrors of a `coude` path; None: ideal ones."""
    retarder_error: NonNegative = 0.0
    """1-sigma of a variable retarder's true retardance over that of its calibration, minus 1."""
    beacon_polarization: Fraction = 0.0
    """Degree of linear polarisation of the partner's beacon, along its H axis."""
    polarimeter_counts: NonNegative = 0.0
    """Sum of the polarimeter's four channels at the beacon's reference range."""
    polarimeter_noise_counts: NonNegative = 2.0
    """Per channel and reading, 1 sigma."""


class AtmosphereTruth(Spec, frozen=True):
    """Extinction and scintillation; all zero above the weather."""

    zenith_transmittance: Annotated[float, Meta(gt=0, le=1)]
    """From the terminal to space, or along the link where both ends are in the air."""
    scintillation_index: NonNegative
    """Variance of the received power over its squared mean, after aperture averaging."""
    scintillation_bandwidth_hz: Positive
    background_radiance_w_m2_sr_um: NonNegative
    refracting_pressure_hpa: NonNegative = 0.0
    """Air pressure at the terminal, which bends the line of sight; 0: no refraction."""
    refracting_temperature_k: Positive = 288.15


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
    channel_delay_s: NonNegative = 0.0
    """1-sigma of what each channel's clicks come late or early: detector, cable, discriminator."""


class Fault(Spec, frozen=True):
    """Something that breaks, for a while."""

    kind: Literal[
        "beacon_off",
        "navigation_silent",
        "navigation_jump",
        "navigation_freeze",
        "navigation_time_back",
        "navigation_overconfident",
        "gimbal_stuck",
        "plate_stuck",
        "plate_silent",
        "states_swapped",
        "expander_stuck",
        "expander_silent",
        "tagger_silent",
        "quad_silent",
        "quad_stuck",
        "quad_saturated",
        "quad_axes_swapped",
        "quad_sign_flipped",
        "mirror_stuck",
        "loop_delay",
    ]
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
    quad: QuadTruth = QuadTruth()
    expander: ExpanderTruth = ExpanderTruth()
    faults: tuple[Fault, ...] = ()
    seed: NonNegativeInt = 1
    """Used where the command gives none."""
