"""Where the partner will be, by what the mission gives: elements, a precise file, or a track."""

from pathlib import Path

from config.errors import InputError
from config.mission import EarthOrientation as Published
from config.mission import Mission, SatellitePartner
from terminal.geometry.eop import EarthOrientation, Eop, EopError, EopTable, SteadyEarth
from terminal.geometry.ephemeris import (
    Ephemeris,
    EphemerisError,
    SatelliteEphemeris,
    TrackEphemeris,
)
from terminal.geometry.tle import TleError, parse_tle


def earth_orientation(earth: Published) -> EarthOrientation:
    """The table that the mission names, or else its UT1 - UTC. Raises InputError."""
    if earth.eop is None:
        return SteadyEarth(Eop(earth.ut1_minus_utc_s))
    try:
        return EopTable.load(Path(earth.eop))
    except EopError as error:
        raise InputError(f"mission.earth.eop: {error}") from error


def partner_ephemeris(mission: Mission, start_tai_ns: int) -> Ephemeris:
    """The partner's predicted motion; a precise file goes before elements.

    Raises InputError for elements, a file or a table that cannot be used.
    """
    partner = mission.partner
    if not isinstance(partner, SatellitePartner):
        return TrackEphemeris(partner.track, start_tai_ns)
    earth = earth_orientation(mission.earth)
    if partner.ephemeris is not None:
        from terminal.geometry import ephemeris_file

        try:
            return ephemeris_file.read(Path(partner.ephemeris), earth)
        except EphemerisError as error:
            raise InputError(f"mission.partner.ephemeris: {error}") from error
    try:
        return SatelliteEphemeris(parse_tle(*partner.tle), earth, partner.useful_days)
    except TleError as error:
        raise InputError(f"mission.partner.tle: {error}") from error
