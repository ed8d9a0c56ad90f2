"""A row of a plan: what is seen of the partner at one time, and what the photons do then."""

from msgspec import Struct

from terminal.plan_regard import Limit


class RowLink(Struct, frozen=True):
    """The link at one time. Losses in dB, positive; all means over jitter."""

    geometric_db: float
    """Beam wider than the aperture, held on it."""
    pointing_db: float
    """What the sender's jitter adds."""
    atmosphere_db: float
    optics_db: float
    detector_db: float
    loss_db: float
    """Sum of the five."""
    transmittance: float
    """The same as a probability: photon sent to click."""
    detected_rate_hz: float
    """Clicks in the gate, all slots and bases; 0 where the link does not stand."""
    sifted_bits: float
    """Bits of the key basis for the key, from the start until now."""
    divergence_urad: float
    """1/e^2 full angle of the sent beam: the mission's, or what divergence control will choose for
    the jitter and the offset that it expects."""
    phase_deg: float = 0.0
    """Retardance of our optics that no half-wave plate undoes, as far as it is known ..."""
    plate_error: float = 0.0
    """... and the mean error rate that a half-wave plate alone leaves by it."""
    polarization_error: float = 0.0
    """Mean of both bases behind all that the terminal has: in the clicks and in the key."""


class PlanRow(Struct, frozen=True):
    """Pointing for light that arrives, and for light that leaves, at one time."""

    utc: str
    azimuth_deg: float
    """Of the arriving light in the terminal's rest frame, from north through east."""
    elevation_deg: float
    range_m: float
    """Length of the arriving light's path in the inertial frame."""
    range_rate_m_s: float
    """Change of range_m per second of UTC."""
    doppler: float
    """Received over sent optical frequency, minus one."""
    light_time_s: float
    point_ahead_urad: float
    """Angle from the arrival direction to the launch direction."""
    point_ahead_elevation_urad: float
    point_ahead_cross_elevation_urad: float
    """Positive toward growing azimuth."""
    sun_separation_deg: float
    """From the arrival direction, both without refraction."""
    sun_azimuth_deg: float
    sun_elevation_deg: float
    moon_separation_deg: float
    """As the Sun's."""
    moon_azimuth_deg: float
    moon_elevation_deg: float
    sky_rate_deg_s: float
    """Of the line of sight against the local level; this and the next without refraction."""
    azimuth_rate_deg_s: float
    """What the yaw axis of an azimuth mount has to turn."""
    elevation_rate_deg_s: float
    azimuth_acceleration_deg_s2: float
    elevation_acceleration_deg_s2: float
    field_of_regard: list[Limit]
    """The limits that are violated; none if empty."""
    polarization_frame_deg: float | None
    """At which the partner's H axis is seen in an azimuth mount, from right toward up; None where
    it leaves no angle."""
    ephemeris_sigma_m: float | None
    """1-sigma of the partner's place along its path; None: not known."""
    ephemeris_sigma_urad: float | None
    """The same on the sky, in the direction in which it is largest."""
    link: RowLink | None = None
    """What the photons do; None without a mission."""
