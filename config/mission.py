"""What both parties agreed before the flight: who flies where, and the protocol of the link.

Nothing in here is secret from the terminal, and nothing tells the true world.
"""

from typing import Annotated, Literal

from msgspec import Meta

from config.fields import (
    AltitudeM,
    ElevationDeg,
    LatitudeDeg,
    LongitudeDeg,
    NonNegative,
    OpenFraction,
    Positive,
    Spec,
)

EphemerisSigma = tuple[Positive, Positive, Positive]

ReferenceAxis = Literal["orbit_normal", "vertical"]
"""What the partner's H axis follows: the normal of its orbit, or its local vertical."""

Direction = Literal["downlink", "uplink"]
"""Which way the quantum states go: to the terminal, or from it."""


class PassWindow(Spec, frozen=True, tag="best_pass", tag_field="kind"):
    """The best pass (highest culmination) in a search span, from rise to set over an elevation."""

    search_start_utc: str
    search_days: Annotated[float, Meta(gt=0, le=10)]
    min_elevation_deg: ElevationDeg
    sun_below_deg: ElevationDeg | None = None
    """At the terminal, at culmination. None: day or night."""


class FixedWindow(Spec, frozen=True, tag="fixed", tag_field="kind"):
    """A span given outright."""

    start_utc: str
    duration_s: Annotated[float, Meta(gt=0, le=7200)]


class SatellitePartner(Spec, frozen=True, tag="satellite", tag_field="kind"):
    """A partner in orbit, known by its two-line elements."""

    name: str
    tle: tuple[str, str]
    useful_days: Positive
    """Elements further than this from their epoch are refused."""
    ephemeris: str | None = None
    """File of a precise ephemeris (CCSDS OEM, SP3, ILRS CPF), flown instead of the elements."""
    reference_axis: ReferenceAxis = "orbit_normal"
    sigma_m: EphemerisSigma = (200.0, 1000.0, 300.0)
    """1-sigma error of the elements at their epoch: radial, along the track, across it. [?] Of the
    size found by Flohrer, Krag & Klinkrad (AMOS 2008) for low orbits; the kilometre is customary.
    """
    sigma_growth_m_per_day: NonNegative = 1000.0
    """Of the error along the track. [?] 1 to 3 km a day: Levit & Marshall, Adv. Space Res. 47
    (2011) 1107."""


class Track(Spec, frozen=True):
    """A nominal level flight path about the centre (latitude_deg, longitude_deg).

    radius_m = 0: a straight line, at the centre at the start of the window. radius_m > 0: a circle
    around the centre, flown clockwise as seen from above, that starts radius_m away from the centre
    at the azimuth course_deg - 90.
    """

    latitude_deg: LatitudeDeg
    longitude_deg: LongitudeDeg
    altitude_m: AltitudeM
    speed_m_s: NonNegative
    course_deg: Annotated[float, Meta(ge=0, lt=360)]
    """Course at the start of the window, from north through east."""
    radius_m: NonNegative


class PlatformPartner(Spec, frozen=True, tag="platform", tag_field="kind"):
    """A partner in the air that announces its own track."""

    name: str
    track: Track
    reference_axis: ReferenceAxis = "vertical"
    sigma_m: Positive = 300.0
    """1-sigma of its place per axis: how far it flies beside the announced track."""


class Pairs(Spec, frozen=True):
    """Entangled photon pairs in all slots that are not public: one photon to each of two terminals.

    The state is the Bell state Phi+ = (HH + VV) / sqrt(2) in the axes of the public states of each
    arm, mixed with the three other Bell states in equal parts (a Werner state). The pairs of a slot
    are Poissonian in number.
    """

    mean_pairs_per_slot: Annotated[float, Meta(gt=0, le=1)]
    fidelity: Annotated[float, Meta(ge=0.25, le=1)]
    """With Phi+, as the pairs leave; 1/4: no correlation at all."""
    second_track: Track
    """Plan of the terminal at the end of the other arm. It is built as the first, and does not turn
    its analyser on purpose."""


class Source(Spec, frozen=True):
    """The sender of decoy-state BB84: slot clock, four states, three intensities, public slots.

    With `pairs` it makes no key: then only the public slots carry weak pulses of known states.
    """

    wavelength_m: Annotated[float, Meta(gt=3e-7, lt=3e-6)]
    pulse_rate_hz: Positive
    intensities: tuple[Positive, Positive, NonNegative]
    """Mean photon numbers, signal, decoy, vacuum: falling, and signal > decoy + vacuum."""
    intensity_probabilities: tuple[OpenFraction, OpenFraction, OpenFraction]
    basis_x_probability: OpenFraction
    """Probability that either end takes the key basis X (= H/V); the other is Z (= D/A)."""
    public_share: OpenFraction
    """Share of slots whose state is public from the start and whose intensity is the signal's:
    synchronisation, never key."""
    pattern_length: Annotated[int, Meta(ge=2**10, le=2**24)]
    pattern_seed: int
    pairs: Pairs | None = None


class Beam(Spec, frozen=True):
    """The quantum beam of whoever sends: the partner, or in an uplink the terminal."""

    full_divergence_rad: Positive
    """1/e^2 full angle in the far field."""


class Receiver(Spec, frozen=True):
    """The partner's receive path in an uplink."""

    aperture_m: Positive
    """Diameter."""
    transmittance: OpenFraction
    """Receiving optics, aperture to detectors."""
    detector_efficiency: OpenFraction
    field_of_view_rad: Positive
    """Full angle of the field stop in front of the single-photon detectors."""
    filter_bandwidth_m: Positive
    gate_half_width_s: Positive
    """Clicks further than this from a slot centre are discarded."""


class Security(Spec, frozen=True):
    """What the key must satisfy, and how the estimate is made."""

    secrecy: OpenFraction
    correctness: OpenFraction
    error_correction_efficiency: Annotated[float, Meta(ge=1)]
    disclosed_x_share: OpenFraction
    """Share of the sifted key-basis bits disclosed to estimate the error rate; out of the key."""
    least_track_quality: Literal["poor", "good"] = "poor"
    """Clicks of moments in which the terminal looked at its partner so well, or better, make the
    key. Agreed before the flight: after it, it would be a choice by outcome."""


class EarthOrientation(Spec, frozen=True):
    """The Earth's rotation as published for the day."""

    ut1_minus_utc_s: Annotated[float, Meta(ge=-0.9, le=0.9)]
    eop: str | None = None
    """File in the format finals2000A; it replaces the number above, and adds polar motion."""


class Mission(Spec, frozen=True):
    """All that is agreed between the two ends of the link."""

    window: PassWindow | FixedWindow
    partner: SatellitePartner | PlatformPartner
    track: Track
    """The terminal's own planned track."""
    source: Source
    beam: Beam
    security: Security
    earth: EarthOrientation
    refraction: bool = False
    """Whether the terminal sees its partner through the atmosphere, from the ground upward."""
    direction: Direction = "downlink"
    receiver: Receiver | None = None
    """Of an uplink, and only there. In a downlink `terminal.optics` receives."""
    classical_reply_timeout_s: Positive = 2.0
    classical_max_clicks: Annotated[int, Meta(ge=1, le=1_000_000)] = 200_000
    """Most clicks announced in one message; the wire contract of the link takes a million."""
