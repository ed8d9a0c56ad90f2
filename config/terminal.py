"""What a terminal is made of and how it is tuned. Known to the flight software."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from config.divergence import Divergence
from config.fields import (
    Count,
    Fraction,
    Name,
    NonNegative,
    NonNegativeInt,
    OpenFraction,
    Positive,
    Spec,
)
from config.handover import Handover
from config.polarization import Polarization
from config.sifting import Sifting


class Device(Spec, frozen=True):
    """One device: which driver speaks to it, where, and with what options of that driver."""

    driver: Name
    url: str
    """`inproc:` (lock-step), `serial:/dev/ttyUSB0?baud=115200`, `pty:/path`, `tcp://host:port`."""
    options: dict[str, float | int | str | bool | list[float]] = msgspec.field(default_factory=dict)


MIRROR_DAC_COUNTS = 32767
"""What the 16-bit converters of both mirrors are told at the end of their stroke."""


LARGEST_AIM_SPOTS = 0.5
"""A tracking point lies no farther out than this share of the spot's 1/e^2 radius: there the quad
cell's slope falls under 60 %."""


class Optics(Spec, frozen=True):
    """The receive path, as measured in the laboratory."""

    aperture_m: Positive
    """Diameter of the receiving aperture."""
    transmittance: OpenFraction
    """Receiving optics, aperture to detectors."""
    detector_efficiency: OpenFraction
    field_of_view_rad: Positive
    """Full angle of the field stop in front of the single-photon detectors, on the sky."""
    filter_bandwidth_m: Positive
    quad_spot_rad: Positive
    """1/e^2 half angle of the beacon spot on the quad cell, on the sky. Of a lateral-effect
    detector: sqrt(8/pi) times the angle from its middle to its edge, which gives the same slope."""
    mirror_stroke_rad: Positive
    """Half range of the fast steering mirror, on the sky."""
    point_ahead_stroke_rad: Positive
    """Half range of the point-ahead mirror, on the sky."""
    uplink_beacon_divergence_rad: Positive
    """1/e^2 full angle of the terminal's own beacon."""
    beacon_wavelength_m: Positive = 1550.0e-9
    """Of the beacons, the partner's and ours: the atmosphere bends them less than the signal."""
    boresight_rad: tuple[float, float] = (0.0, 0.0)
    """As calibrated, x right and y up: where on the position detector the beacon stands when the
    quantum channel, in an uplink the launched beam, looks along it."""
    position_detector: Literal["quad_cell", "lateral_effect"] = "quad_cell"
    """What sees the beacon behind the mirror."""
    point_ahead: Literal["mirror", "tracking_point"] = "mirror"
    """What aims ahead: a mirror in the transmit path, or the whole line of sight, held beside the
    beacon by a moved tracking point on the quad cell."""


class Mounting(Spec, frozen=True):
    """Gimbal base in the body frame (x forward, y right, z down), as surveyed."""

    rotation_vector_rad: tuple[float, float, float]
    """Rotation vector body <- gimbal."""
    lever_arm_m: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """From the navigation unit's reference point to the gimbal's centre, in body axes."""
    sigma_rad: Positive = 5.0e-3
    """1-sigma of the survey per axis: what the search has to cover."""
    calibration: str | None = None
    """File of a mounting model fitted from sightings; it replaces the survey and its sigma."""


class GimbalRange(Spec, frozen=True):
    """What the gimbal can do: joint limits against its base, rates, and its third axis if any."""

    yaw_min_rad: float = -6.5
    """The cable's wrap: yaw does not go round without end."""
    yaw_max_rad: float = 6.5
    pitch_min_rad: Annotated[float, Meta(ge=-1.6, le=0)] = -0.8
    pitch_max_rad: Annotated[float, Meta(gt=0, le=3.2)] = 1.5708
    """Over pi/2 it can look back over its shoulder."""
    roll_max_rad: Annotated[float, Meta(ge=0, le=1)] = 0.0
    """Half range of the roll axis between yaw and pitch; 0: a two-axis gimbal."""
    max_rate_rad_s: Positive = 0.57
    max_acceleration_rad_s2: Positive = 5.0


class ExpectedSway(Spec, frozen=True):
    """How the carrier's body is expected to sway under the gimbal. Plans reckon with it; no loop
    does."""

    sigma_rad: Annotated[float, Meta(ge=0, le=0.5)] = 0.0
    """1-sigma of roll and of pitch about level; of yaw about the course twice that."""
    period_s: Positive = 5.0
    """About which its periods lie."""


class KeepOut(Spec, frozen=True):
    """Where the terminal does not look. Angles between the boresight and the centre of the disc."""

    sun_rad: NonNegative = 0.262
    """Nearer to the Sun than this, the shutter is shut."""
    sun_avoid_rad: NonNegative = 0.087
    """Nearer to the Sun than this, the gimbal does not go at all."""
    moon_rad: NonNegative = 0.0087
    """Nearer to the Moon than this, the shutter is shut."""
    horizon_rad: Annotated[float, Meta(ge=-1.6, le=1.6)] = 0.0
    """A partner under this elevation is not sought."""


class Rates(Spec, frozen=True):
    """Loop rates. The fine rate must be a multiple of every other."""

    fine_hz: Count
    coarse_hz: Count
    modes_hz: Count
    pointing_hz: Count
    guidance_hz: Count
    acquisition_hz: Count
    camera_hz: Count
    point_ahead_hz: Count
    polarization_hz: Count
    timing_hz: Count
    link_hz: Count
    divergence_hz: Count = 10


class BeaconFilter(Spec, frozen=True):
    """What in the camera's image passes for the beacon, and how the image is exposed."""

    psf_sigma_pixels: Annotated[float, Meta(ge=0.5, le=20)] = 1.2
    """Standard deviation of the optics' point spread, in pixels: the size of a spot."""
    confirm_misses: NonNegativeInt = 1
    """Frames without the spot that may lie between the `confirm_frames` with it."""
    gate_rad: Positive = 900.0e-6
    """A spot belongs to a track that is no further away; four times the jitter of one axis."""
    drift_rad_s: NonNegative = 0.5e-3
    """How fast the error of the prediction may change; what moves faster is a star."""
    search_exposure_s: Positive = 1.0e-3
    """While nothing is seen."""
    min_exposure_s: Positive = 2.0e-6
    max_exposure_s: Positive = 10.0e-3
    max_smear_pixels: Positive = 2.0
    """The scan may move the image so far within one exposure."""
    modulation_hz: NonNegative = 0.0
    """Agreed tone of the beacon's power, under half the frame rate; 0: none."""
    modulation_depth: Fraction = 0.0
    """Its amplitude over the mean power."""
    modulation_frames: Annotated[int, Meta(ge=4)] = 12
    """With a tone agreed, a spot has to be seen so often before it is confirmed."""


class Acquisition(Spec, frozen=True):
    """Search over the field of uncertainty, and beacon confirmation."""

    speed_rad_s: Positive
    """Highest speed of the scan."""
    confirm_frames: Count
    drop_frames: Count
    threshold_sigma: Positive
    """A pixel counts as beacon this many noise standard deviations above the background."""
    settle_rad: Positive
    """POINT ends when the gimbal is this near to its target."""
    role: Literal["alone", "scan", "stare"] = "alone"
    """What a search begins with. alone: the partner's beacon is on us already. With a partner that
    searches too, one scans with its beacon while the other stares; then they change over."""
    pattern: Literal["spiral", "raster"] = "spiral"
    overlap: OpenFraction = 0.3
    """Share of the camera's field that neighbouring turns have in common."""
    coverage: OpenFraction = 0.999
    """Probability that the first cover of the search holds the partner."""
    widening: Annotated[float, Meta(ge=1, le=10)] = 1.5
    """Each cover is wider than the one before by this factor."""
    acceleration_rad_s2: Positive = 0.5
    """Of the boresight on the sky, along the scan."""
    attitude_drift_rad_per_sqrt_s: NonNegative = 20.0e-6
    """How the prediction wanders once it is corrected by a beacon that was held ..."""
    rate_sigma_rad_s: NonNegative = 50.0e-6
    """... and how wrong its rate may be."""
    jitter_rad: NonNegative = 0.0
    """1-sigma per axis of the boresight about the scan's path; 3 of it are left as a margin."""
    stare_s: Positive = 30.0
    """A partner that scans gets so long, then the roles change."""
    return_s: Positive = 3.0
    """After the partner has seen us, we look so long at where our beacon stood then."""
    timing_sigma_s: NonNegative = 0.0
    """1-sigma of our clock against the ephemeris': the partner stands as much along its path."""
    beacon: BeaconFilter = BeaconFilter()


class Coarse(Spec, frozen=True):
    """Gimbal rate loop."""

    position_gain_per_s: Positive
    integral_gain_per_s2: NonNegative
    beacon_gain_per_s: Positive
    """On the camera's error."""
    handover_rad: Positive
    """The fine loop closes when the camera's error has stayed inside this ..."""
    handover_s: Positive
    """... for so long; it opens again when the error has been ..."""
    release_rad: Positive
    """... outside of this for as long."""
    gimbal_lag_s: NonNegative = 0.0
    """Time constant of the gimbal's rate; a lead as long cancels it."""
    offload_gain_per_s: Positive = 3.0
    """On the mirror's mean, once the fine loop is closed: slower than the mean's low pass."""


LEAST_SPAN = 1e-3
"""Determinant of a mirror's matrix over the sum of its squares, 0.5 at right angles: with less the
light cannot be steered in both directions."""


MOST_MIRROR_DELAY = 20
"""Scans from a reading to the first one that its command changes, at most: no mirror is calibrated
or flown with more."""


class MirrorAnswer(Spec, frozen=True):
    """How the mirror shows in the position detector, as calibrated; without a calibration as its
    maker says."""

    resonance_hz: Positive
    damping: Annotated[float, Meta(gt=0, le=10)]
    delay_samples: Annotated[int, Meta(ge=1, le=MOST_MIRROR_DELAY)]
    """From a scan to the first one that its command changes."""
    matrix: tuple[tuple[float, float], tuple[float, float]] = ((1.0, 0.0), (0.0, 1.0))
    """Detector radians, x and y, for each commanded radian, x and y."""


class Fine(Spec, frozen=True):
    """Mirror loop on the quad cell."""

    gain: Annotated[float, Meta(gt=0, lt=2)]
    """Per sample, of the integrator that steers where the mirror does not answer as calibrated."""
    min_sum_counts: Count
    """Less light than this on the quad cell is no beacon."""
    drop_s: Positive
    """Without beacon for so long, the loop opens."""
    settled_rad: Positive
    """LINK starts when the mean square of the quad error has stayed under this square ..."""
    settled_s: Positive
    """... for so long."""
    response: MirrorAnswer
    max_rate_rad_s: Positive = 20.0
    """Of the mirror's command, on the sky."""
    background_counts: NonNegative = 0.0
    """Sum of the detector's channels without the beacon, as seen before the pass; what changes is
    followed up to this or `min_sum_counts`."""
    calibration: str | None = None
    """File of a measured response (`qsky identify`); it replaces the one above."""


class Timing(Spec, frozen=True):
    """Clock recovery."""

    search_ppm: Positive
    """Half width of the search for the frequency offset of our own oscillator."""
    gate_half_width_s: Positive
    """Of the widest gate: clicks further than this from a slot centre are discarded."""
    false_lock_probability: OpenFraction
    acquire_clicks: Count
    """Most clicks that one acquisition attempt uses."""
    oscillator_wander: Positive
    """One-second Allan deviation taken for the tracking filter."""
    unsure_sigma_s: Positive
    """With a phase uncertainty over this, the slot number counts as lost."""
    gate_least_half_width_s: Positive = 0.1e-9
    """Of the narrowest gate."""
    gate_signal_probability: OpenFraction = 0.94
    """Between the two: clicks count that are signal with this probability or more."""


class Safety(Spec, frozen=True):
    """Data older than its limit counts as bad; bad data closes the shutter."""

    navigation_max_age_s: Positive
    gimbal_max_age_s: Positive
    quad_max_age_s: Positive
    lost_after_s: Positive
    """Beacon gone this long in TRACK or LINK: LOST."""
    reacquire_after_s: Positive
    """LOST coasts on prediction this long, then searches again."""


class TerminalConfig(Spec, frozen=True):
    """One terminal."""

    devices: dict[Name, Device]
    optics: Optics
    mounting: Mounting
    gimbal: GimbalRange
    keep_out: KeepOut
    rates: Rates
    acquisition: Acquisition
    coarse: Coarse
    fine: Fine
    polarization: Polarization
    timing: Timing
    safety: Safety
    expected_sway: ExpectedSway = ExpectedSway()
    sifting: Sifting = Sifting()
    handover: Handover | None = None
    """None: clicks are handed over to nobody."""
    divergence: Divergence | None = None
    """None: the sent beam's width is fixed, and there is no device `expander`."""
