"""How far the partner may stand from where it is predicted, by what the mission says of it."""

from typing import NamedTuple

from config.mission import Mission, PlatformPartner
from terminal.geometry.time_scales import DAY_NS
from terminal.geometry.tle import parse_tle


class PartnerErrors(NamedTuple):
    """1-sigma errors of the partner's predicted place, m."""

    beside_m: float
    """Across its path."""
    along_m: float
    """Along it, at the epoch."""
    along_growth_m_per_day: float = 0.0
    epoch_tai_ns: int = 0

    def along_at_m(self, t_ns: int) -> float:
        """Along the path at TAI `t_ns`, before the epoch or after it.

        The error of the mean motion grows with the age. It is no more than that of the place at the
        epoch independent of it, as both come from one fit: the two are added as they are.
        """
        days = abs(t_ns - self.epoch_tai_ns) / DAY_NS
        return self.along_m + self.along_growth_m_per_day * days


def partner_errors(mission: Mission) -> PartnerErrors:
    """Of elements, from their epoch on; of a platform's track, the same all round; of a precise
    file, whose age nobody knows here, what the mission says for the epoch."""
    partner = mission.partner
    if isinstance(partner, PlatformPartner):
        return PartnerErrors(partner.sigma_m, partner.sigma_m)
    radial_m, along_m, across_m = partner.sigma_m
    # Which of the two is seen from the side depends on the direction: the larger one.
    beside_m = max(radial_m, across_m)
    if partner.ephemeris is not None:
        return PartnerErrors(beside_m, along_m)
    epoch_ns = parse_tle(*partner.tle).epoch_tai_ns
    return PartnerErrors(beside_m, along_m, partner.sigma_growth_m_per_day, epoch_ns)
