"""Who looks at whom in a plan, through what, and with which limits."""

from typing import NamedTuple, Protocol

from config.mission import Mission, PlatformPartner, ReferenceAxis
from config.terminal import GimbalRange, KeepOut
from terminal.geometry.earth import Geodetic, ecef_from_geodetic
from terminal.geometry.ephemeris import Ephemeris
from terminal.geometry.refraction import Refraction
from terminal.geometry.time_scales import DAY_NS
from terminal.geometry.tle import parse_tle
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


class PartnerErrors(NamedTuple):
    """1-sigma errors of where the partner is predicted, as the flight takes them."""

    beside_m: float
    """Across its path."""
    along_m: float
    """Along it, at the epoch."""
    along_growth_m_per_day: float = 0.0
    epoch_tai_ns: int = 0

    def along_at_m(self, t_ns: int) -> float:
        """Along the path at a TAI time."""
        days = abs(t_ns - self.epoch_tai_ns) / DAY_NS
        return self.along_m + self.along_growth_m_per_day * days


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


def partner_errors(mission: Mission) -> PartnerErrors | None:
    """What the mission says of them; None for a precise ephemeris, which says nothing itself."""
    partner = mission.partner
    if isinstance(partner, PlatformPartner):
        return PartnerErrors(partner.sigma_m, partner.sigma_m)
    if partner.ephemeris is not None:
        return None
    radial_m, along_m, across_m = partner.sigma_m
    return PartnerErrors(
        max(radial_m, across_m),
        along_m,
        partner.sigma_growth_m_per_day,
        parse_tle(*partner.tle).epoch_tai_ns,
    )
