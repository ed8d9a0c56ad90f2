"""What a terminal is made of and how it is tuned. Known to the flight software."""

from typing import Annotated

import msgspec
from msgspec import Meta

from config.fields import Count, Name, NonNegative, OpenFraction, Positive, Spec


class Device(Spec, frozen=True):
    """One device: which driver speaks to it, where, and with what options of that driver."""

    driver: Name
    url: str
    """`inproc:` (lock-step), `serial:/dev/ttyUSB0?baud=115200`, `pty:/path`, `tcp://host:port`."""
    options: dict[str, float | int | str | bool | list[float]] = msgspec.field(default_factory=dict)


MIRROR_DAC_COUNTS = 32767
"""What the 16-bit converters of both mirrors are told at the end of their stroke."""


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
    """1/e^2 half angle of the beacon spot on the quad cell, on the sky."""
    mirror_stroke_rad: Positive
    """Half range of the fast steering mirror, on the sky."""
    point_ahead_stroke_rad: Positive
    """Half range of the point-ahead mirror, on the sky."""
    uplink_beacon_divergence_rad: Positive
    """1/e^2 full angle of the terminal's own beacon."""


class Mounting(Spec, frozen=True):
    """Gimbal base in the body frame, as surveyed: rotation vector body <- gimbal."""

    rotation_vector_rad: tuple[float, float, float]


class Rates(Spec, frozen=True):
    """Loop rates. The fine rate must be a multiple of every other."""

    fine_hz: Count
    coarse_hz: Count
    modes_hz: Count
    pointing_hz: Count
    camera_hz: Count
    point_ahead_hz: Count
    polarization_hz: Count
    timing_hz: Count
    link_hz: Count


class Acquisition(Spec, frozen=True):
    """Spiral search and beacon confirmation."""

    pitch_rad: Positive
    """Distance between the turns of the spiral."""
    speed_rad_s: Positive
    """Speed along the spiral."""
    max_radius_rad: Positive
    """The search starts anew from the centre at this radius."""
    confirm_frames: Count
    drop_frames: Count
    threshold_sigma: Positive
    """A pixel counts as beacon this many noise standard deviations above the background."""
    settle_rad: Positive
    """POINT ends when the gimbal is this near to its target."""


class Coarse(Spec, frozen=True):
    """Gimbal rate loop."""

    position_gain_per_s: Positive
    integral_gain_per_s2: NonNegative
    beacon_gain_per_s: Positive
    """On the camera's error, and on the mirror's mean once the fine loop is closed."""
    max_rate_rad_s: Positive
    handover_rad: Positive
    """The fine loop closes when the camera's error has stayed inside this ..."""
    handover_s: Positive
    """... for so long."""


class Fine(Spec, frozen=True):
    """Mirror loop on the quad cell."""

    gain: Annotated[float, Meta(gt=0, lt=2)]
    """Integrator gain per sample."""
    min_sum_counts: Count
    """Less light than this on the quad cell is no beacon."""
    drop_s: Positive
    """Without beacon for so long, the loop opens."""
    settled_rad: Positive
    """LINK starts when the mean square of the quad error has stayed under this square ..."""
    settled_s: Positive
    """... for so long."""


class Polarization(Spec, frozen=True):
    """Half-wave plate from geometry, trimmed from the quantum states."""

    trim_window_s: Positive
    trim_min_clicks: Count
    deadband_rad: Positive
    """Plate moves smaller than this are not worth the disturbance."""


class Timing(Spec, frozen=True):
    """Clock recovery."""

    search_ppm: Positive
    """Half width of the search for the frequency offset of our own oscillator."""
    gate_half_width_s: Positive
    """Clicks further than this from a slot centre are discarded."""
    false_lock_probability: OpenFraction
    acquire_clicks: Count
    """Most clicks that one acquisition attempt uses."""
    oscillator_wander: Positive
    """One-second Allan deviation taken for the tracking filter."""
    unsure_sigma_s: Positive
    """With a phase uncertainty over this, the slot number counts as lost."""


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
    rates: Rates
    acquisition: Acquisition
    coarse: Coarse
    fine: Fine
    polarization: Polarization
    timing: Timing
    safety: Safety
