"""Who looks at whom in a plan, through what, and with which limits."""

from typing import NamedTuple, Protocol

from config.mission import ReferenceAxis
from config.terminal import GimbalRange, KeepOut
from terminal.control.partner_errors import PartnerErrors
from terminal.geometry.earth import Geodetic, ecef_from_geodetic
from terminal.geometry.ephemeris import Ephemeris
from terminal.geometry.refraction import Refraction
from terminal.geometry.vector import Vec


class Place(Protocol):
    """Where the terminal is; `TrackEphemeris` is one that moves."""

    def geodetic(self, t_ns: int) -> Geodetic:
        """At a TAI time."""

    def state_ecef(self, t_ns: int) -> tuple[Vec, Vec]:
        """Position (m) and velocity relative to the turning Earth (m/s)."""


class Standing:
    """At rest on the Earth."""

    def __init__(self, site: Geodetic) -> None:
        self._site = site
        self._state = ecef_from_geodetic(*site), (0.0, 0.0, 0.0)

    def geodetic(self, t_ns: int) -> Geodetic:
        return self._site

    def state_ecef(self, t_ns: int) -> tuple[Vec, Vec]:
        return self._state


class View(NamedTuple):
    """Everything that a row of a plan is computed from."""

    own: Place
    partner: Ephemeris
    gimbal: GimbalRange = GimbalRange()
    keep_out: KeepOut = KeepOut()
    reference_axis: ReferenceAxis = "orbit_normal"
    """What the partner's H axis follows."""
    refraction: Refraction | None = None
    errors: PartnerErrors | None = None
    """None: not known."""
    sent_refraction: Refraction | None = None
    """Of the light that leaves; None: as that of the light that arrives."""
