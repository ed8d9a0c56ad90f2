"""What `qsky plan` and `qsky passes` are asked: each answer checked, and refused in one line."""

from math import isfinite, radians, sqrt
from pathlib import Path
from typing import NamedTuple

from config.errors import InputError
from terminal.geometry.earth import Geodetic, curvature_radii_m
from terminal.geometry.eop import EarthOrientation, EopError, EopTable
from terminal.geometry.ephemeris import Ephemeris, EphemerisError, SatelliteEphemeris
from terminal.geometry.ephemeris_file import interpolated, read_table
from terminal.geometry.ephemeris_table import Frame
from terminal.geometry.refraction import Refraction, RefractionError, refractivity
from terminal.geometry.time_scales import DAY_NS, tai_ns_from_utc, utc_text
from terminal.geometry.tle import Tle, TleError, parse_tle

_LOWEST_SITE_M, _HIGHEST_SITE_M = -500.0, 50_000.0
_MOST_ROWS = 1_000_000
_SHORTEST_STEP_S = 1e-6
_LONGEST_AGE_DAYS = 3660.0
_DAY_S = 86_400.0
_MARGIN_DAYS = 0.01
"""The ephemeris is asked a light time beyond the ends, and for rates."""


class Prediction(NamedTuple):
    """A satellite over a site, for a time."""

    satellite: int | str
    """Catalogue number of elements, name in a precise ephemeris."""
    ephemeris: Ephemeris
    interpolation_error_m: float | None
    """Of a precise ephemeris: upper bound, as the file itself shows it."""
    site: Geodetic
    start_tai_ns: int
    end_tai_ns: int
    warnings: list[str]


def read_prediction(
    tle_file: Path | None,
    ephemeris_file: Path | None,
    site: str,
    start: str,
    duration_s: float,
    eop: str,
    max_age_days: float,
) -> Prediction:
    """Everything that a prediction needs, from the options of the command.

    Raises InputError for a value that can't be meant, a file that can't be read or is broken, a
    time too far from the elements' epoch, and unless exactly one of the two files is given.
    """
    if (tle_file is None) == (ephemeris_file is None):
        raise InputError("--tle, --ephemeris: exactly one of the two must be given")
    place = read_site(site)
    if tle_file is not None:
        return _from_elements(tle_file, place, start, duration_s, eop, max_age_days)
    assert ephemeris_file is not None
    return _from_table(ephemeris_file, place, start, duration_s, eop)


def _from_elements(
    file: Path, site: Geodetic, start: str, duration_s: float, eop: str, max_age_days: float
) -> Prediction:
    tle = read_tle(file)
    start_ns = read_start(start)
    start_day = (start_ns - tle.epoch_tai_ns) / DAY_NS
    age_days = max(abs(start_day), abs(start_day + duration_s / _DAY_S))
    if age_days > max_age_days:
        raise InputError(
            f"--start: {utc_text(start_ns)} and {duration_s:g} s on is up to {age_days:.1f} days "
            f"from the epoch {utc_text(tle.epoch_tai_ns)} of the elements in {file}, more than "
            f"{max_age_days:g}: use newer elements, or --max-age-days to take them all the same"
        )
    earth = read_earth(eop)
    ephemeris = SatelliteEphemeris(tle, earth, max_age_days + _MARGIN_DAYS)
    end_ns = start_ns + round(duration_s * 1e9)
    warnings = _warnings(earth, end_ns)
    return Prediction(tle.catalogue_number, ephemeris, None, site, start_ns, end_ns, warnings)


def _from_table(file: Path, site: Geodetic, start: str, duration_s: float, eop: str) -> Prediction:
    start_ns = read_start(start)
    earth = read_earth(eop)
    # UT1 = UTC is off by up to 400 m: no orientation for a precise ephemeris.
    orientation = None if isinstance(earth, int | float) else earth
    try:
        table = read_table(file)
        ephemeris = interpolated(table, orientation)
    except EphemerisError as error:
        raise InputError(f"--ephemeris: {error}") from error
    # Beyond the longest span of a file the end makes no difference, and no overflow.
    end_ns = start_ns + round(min(duration_s, _LONGEST_AGE_DAYS * _DAY_S) * 1e9)
    warnings = [] if table.frame is Frame.ITRF else _warnings(earth, end_ns)
    error_m = ephemeris.interpolation_error_m
    return Prediction(table.satellite, ephemeris, error_m, site, start_ns, end_ns, warnings)


def read_start(text: str) -> int:
    """TAI nanoseconds. Raises InputError."""
    try:
        return tai_ns_from_utc(text)
    except ValueError as error:
        raise InputError(f"--start: {error}") from error


def _warnings(earth: EarthOrientation | float, end_tai_ns: int) -> list[str]:
    warning = earth.warning(end_tai_ns) if isinstance(earth, EopTable) else None
    return [] if warning is None else [f"--eop: {warning}"]


def read_site(text: str) -> Geodetic:
    """A place like `35.66,139.68,20`: degrees north, degrees east, metres over the ellipsoid.

    Raises InputError for anything else.
    """
    try:
        latitude_deg, longitude_deg, altitude_m = (float(part) for part in text.split(","))
    except ValueError:
        raise InputError(
            f"--site: {text!r} is no LAT_DEG,LON_DEG,ALT_M, like 35.66,139.68,20"
        ) from None
    for name, value, low, high in (
        ("latitude", latitude_deg, -90.0, 90.0),
        ("longitude", longitude_deg, -180.0, 360.0),
        ("altitude", altitude_m, _LOWEST_SITE_M, _HIGHEST_SITE_M),
    ):
        if not low <= value <= high:
            raise InputError(
                f"--site: {name} {value:g} is outside {low:g} to {high:g}; the order is "
                "LAT_DEG,LON_DEG,ALT_M"
            )
    return Geodetic(radians(latitude_deg), radians(longitude_deg), altitude_m)


def read_tle(file: Path) -> Tle:
    """The elements of the one satellite in a file. Raises InputError as `read_tle_lines`."""
    return parse_tle(*read_tle_lines(file))


def read_tle_lines(file: Path) -> tuple[str, str]:
    """The two lines of elements in a file, with a line with a name before them or not.

    Raises InputError for a file that cannot be read, or does not hold one satellite.
    """
    try:
        text = file.read_text(encoding="utf-8-sig", errors="replace")
    except OSError as error:
        raise InputError(f"{file}: cannot read the elements: {error.strerror}") from error
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    satellites = sum(line.startswith("1 ") for line in lines)
    if satellites > 1:
        raise InputError(f"{file}: holds {satellites} satellites; leave one in the file")
    if len(lines) not in (2, 3):
        has = f"{len(lines)} line{'s' if len(lines) != 1 else ''}"
        raise InputError(
            f"{file}: has {has}; expected the two lines of elements, and a name before them or not"
        )
    try:
        parse_tle(*lines[-2:])
    except TleError as error:
        raise InputError(f"{file}: {error}") from error
    return lines[-2], lines[-1]


def read_earth(text: str) -> EarthOrientation | float:
    """The table in a finals2000A file, or for `none` UT1 = UTC. Raises InputError."""
    if text == "none":
        return 0.0
    try:
        return EopTable.load(Path(text))
    except EopError as error:
        raise InputError(f"--eop: {error}") from error


def read_times(start_tai_ns: int, duration_s: float, step_s: float) -> list[int]:
    """TAI times from start to start + duration, both in. Raises InputError for too many or none."""
    check_positive("--duration-s", duration_s)
    check_positive("--step-s", step_s)
    if step_s < _SHORTEST_STEP_S:
        raise InputError(f"--step-s: must be {_SHORTEST_STEP_S:g} or longer, got {step_s:g}")
    # A billionth of a step forgives the rounding of 0.3 / 0.1.
    rows = duration_s / step_s + 1.0 + 1e-9
    if rows >= _MOST_ROWS + 1:
        raise InputError(
            f"--step-s: {duration_s:g} s in steps of {step_s:g} s make {rows:,.0f} rows; at most "
            f"{_MOST_ROWS:,}"
        )
    return [start_tai_ns + round(k * step_s * 1e9) for k in range(int(rows))]


def read_refraction(site: Geodetic, wavelength_nm: float) -> Refraction:
    """Refraction at a site. Raises InputError for a wavelength that has none."""
    meridian_m, prime_vertical_m = curvature_radii_m(site.latitude_rad)
    try:
        # The mean of the radii over all azimuths.
        radius_m = sqrt(meridian_m * prime_vertical_m)
        return Refraction(site.altitude_m, radius_m, wavelength_nm * 1e-9)
    except RefractionError as error:
        raise InputError(f"--wavelength-nm: {error}") from error


def check_wavelength(wavelength_nm: float) -> None:
    """Raises InputError for a wavelength at which refraction is not known."""
    try:
        refractivity(wavelength_nm * 1e-9)
    except RefractionError as error:
        raise InputError(f"--wavelength-nm: {error}") from error


def check_age(max_age_days: float) -> None:
    """Raises InputError for an age that elements cannot have."""
    if not 0.0 < max_age_days <= _LONGEST_AGE_DAYS:
        raise InputError(
            f"--max-age-days: must be over 0 and up to {_LONGEST_AGE_DAYS:g}, got {max_age_days:g}"
        )


def check_positive(option: str, value: float) -> None:
    """Raises InputError unless `value` is a number over zero."""
    if not (isfinite(value) and value > 0.0):
        raise InputError(f"{option}: must be over 0, got {value:g}")
