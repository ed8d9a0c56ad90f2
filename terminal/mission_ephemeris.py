"""Where the partner will be, by what the mission gives: elements, a precise file, or a track."""

from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

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


class PartnerMotion(NamedTuple):
    """The partner's predicted motion, and what it rests on."""

    ephemeris: Ephemeris
    earth: EarthOrientation | None
    """None: the motion is given on the turning Earth."""


def partner_ephemeris(mission: Mission, start_tai_ns: int) -> Ephemeris:
    """The partner's predicted motion; a precise file goes before elements.

    Raises InputError for elements, a file or a table that cannot be used.
    """
    return _motion(mission, start_tai_ns).ephemeris


def orientation_warnings(mission: Mission, start_tai_ns: int, end_tai_ns: int) -> list[str]:
    """What to know about the Earth's orientation at the end of a window, where it was not measured
    and the partner's motion depends on it. Raises InputError as `partner_ephemeris`."""
    earth = _motion(mission, start_tai_ns).earth
    warning = earth.warning(end_tai_ns) if isinstance(earth, EopTable) else None
    return [] if warning is None else [f"mission.earth.eop: {warning}"]


def _motion(mission: Mission, start_tai_ns: int) -> PartnerMotion:
    partner = mission.partner
    if not isinstance(partner, SatellitePartner):
        return PartnerMotion(TrackEphemeris(partner.track, start_tai_ns), None)
    if partner.ephemeris is not None:
        versions = _version(partner.ephemeris), _version(mission.earth.eop)
        try:
            return _precise(partner.ephemeris, mission.earth, versions)
        except EphemerisError as error:
            raise InputError(f"mission.partner.ephemeris: {error}") from error
    earth = _orientation(mission.earth)
    try:
        elements = SatelliteEphemeris(parse_tle(*partner.tle), earth, partner.useful_days)
    except TleError as error:
        raise InputError(f"mission.partner.tle: {error}") from error
    return PartnerMotion(elements, earth)


def _orientation(earth: Published) -> EarthOrientation:
    """The table that the mission names, or else its UT1 - UTC. Raises InputError."""
    if earth.eop is None:
        return SteadyEarth(Eop(earth.ut1_minus_utc_s))
    try:
        return _table(earth.eop, _version(earth.eop))
    except EopError as error:
        raise InputError(f"mission.earth.eop: {error}") from error


# A mission is asked for its partner from many places: files are read once, unless they change.

Version = tuple[int, int] | None


def _version(file: str | None) -> Version:
    """Changes with the file; None if there is none, which whoever reads it will say."""
    if file is None:
        return None
    try:
        stat = Path(file).stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size


@lru_cache(maxsize=4)
def _table(file: str, version: Version) -> EopTable:
    return EopTable.load(Path(file))


@lru_cache(maxsize=4)
def _precise(file: str, published: Published, versions: tuple[Version, Version]) -> PartnerMotion:
    from terminal.geometry.ephemeris_file import interpolated, read_table
    from terminal.geometry.ephemeris_table import Frame

    table, earth = read_table(Path(file)), _orientation(published)
    turned = table.frame is not Frame.ITRF
    return PartnerMotion(interpolated(table, earth), earth if turned else None)
