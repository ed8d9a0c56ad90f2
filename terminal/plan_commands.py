"""The commands `qsky plan` and `qsky passes`. Nothing heavy is imported before one runs."""

from math import radians
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from config.errors import InputError
from terminal.commands import JsonOut
from terminal.output import emit, warn

if TYPE_CHECKING:
    from terminal.plan_answer import Answered
    from terminal.plan_assumptions import Given
    from terminal.plan_mission import Planned

_DAY_S = 86_400.0
_SCENARIO_STEP_S = 10.0

T = TypeVar("T")

TleFile = Annotated[
    Path | None,
    typer.Option(
        "--tle", metavar="FILE", help="Two-line elements of one satellite; a name line may precede."
    ),
]
EphemerisFile = Annotated[
    Path | None,
    typer.Option(
        "--ephemeris",
        metavar="FILE",
        help="Instead of --tle: a precise ephemeris, CCSDS OEM (KVN), SP3-c or -d, or ILRS CPF.",
    ),
]
_SITE = typer.Option(
    "--site",
    metavar="LAT_DEG,LON_DEG,ALT_M",
    help="The terminal, at rest: degrees north and east, metres over the WGS-84 ellipsoid.",
)
_START = typer.Option("--start", metavar="UTC", help="Like 2016-12-19T15:17:00Z.")
_EOP = typer.Option(
    "--eop",
    metavar="FILE|none",
    help="Earth orientation, an IERS finals2000A file; none: UT1 = UTC, no polar motion.",
)
MaxAge = Annotated[
    float,
    typer.Option("--max-age-days", help="Refuse elements further than this from their epoch."),
]


def plan(
    site: Annotated[str | None, _SITE] = None,
    start: Annotated[str | None, _START] = None,
    duration_s: Annotated[
        float | None, typer.Option("--duration-s", help="How long to plan for.")
    ] = None,
    step_s: Annotated[
        float | None,
        typer.Option("--step-s", help="Time between two rows; with --scenario 10 if left out."),
    ] = None,
    tle: TleFile = None,
    ephemeris: EphemerisFile = None,
    eop: Annotated[str | None, _EOP] = None,
    refraction: Annotated[
        bool, typer.Option("--refraction", help="Directions as the standard atmosphere bends them.")
    ] = False,
    wavelength_nm: Annotated[
        float | None,
        typer.Option(
            "--wavelength-nm",
            help="For refraction: 300 to 1700; if left out 810, with --scenario what it sees and "
            "sends.",
        ),
    ] = None,
    max_age_days: MaxAge = 30.0,
    terminal: Annotated[
        str | None,
        typer.Option(
            "--terminal",
            metavar="PROFILE",
            help="Whose gimbal and keep-out are meant; haps, or the scenario's, if left out.",
        ),
    ] = None,
    scenario: Annotated[
        str | None,
        typer.Option(
            "--scenario",
            metavar="NAME|FILE",
            help="Plan this one's own mission, with its search and link; what else is given "
            "replaces what the scenario says.",
        ),
    ] = None,
    jitter_urad: Annotated[
        float | None,
        typer.Option("--jitter-urad", help="Assumed: of the sender's beam, 1 sigma per axis."),
    ] = None,
    air: Annotated[
        float | None,
        typer.Option("--air", help="Assumed: transmittance of the air, to the zenith."),
    ] = None,
    sky_radiance: Annotated[
        float | None, typer.Option("--sky-radiance", help="Assumed: W/m2/sr/um.")
    ] = None,
    dark_hz: Annotated[
        float | None, typer.Option("--dark-hz", help="Assumed: dark counts of each detector.")
    ] = None,
    qber: Annotated[
        float | None, typer.Option("--qber", help="Assumed: error of the polarisation optics.")
    ] = None,
    attitude_mrad: Annotated[
        float | None,
        typer.Option("--attitude-mrad", help="Assumed: what navigation will state, 1 sigma."),
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(
            "--plot", metavar="FILE", help="Draw the way over the sky, as .png, .svg or .pdf."
        ),
    ] = None,
    json_out: JsonOut = None,
) -> None:
    """Where to point at a partner, step by step, how far ahead to aim, and what is in the way.

    Azimuth (from north through east) and elevation are those from which the light that arrives now
    is seen to come, light time and aberration included. Point-ahead is the launch direction that
    meets the partner minus that; Doppler is received over sent frequency, minus one. Flags: h
    under the horizon, p out of the pitch axis' range, k keyhole, S shutter shut for the Sun, A the
    gimbal avoids the Sun, m the Moon.

    Examples:

    \b
      qsky plan --tle sat.tle --site 35.66,139.68,20 \\
          --start 2016-12-19T15:17:00Z --duration-s 240 --step-s 10

    \b
      qsky plan --tle sat.tle --site -33.92,18.42,0 \\
          --start 2016-12-19T15:17:00Z --duration-s 600 --step-s 1 \\
          --eop finals2000A.all --refraction --plot sky.png --json plan.json

    \b
      qsky plan --ephemeris sat.oem --eop finals2000A.all --site 35.66,139.68,20 \\
          --start 2016-12-19T15:17:00Z --duration-s 240 --step-s 10

    \b
      qsky plan --scenario leo_haps_downlink --plot sky.png
    """
    from terminal import plan_input
    from terminal.plan_assumptions import Given

    plan_input.check_age(max_age_days)
    if wavelength_nm is not None:
        plan_input.check_wavelength(wavelength_nm)
    assumed = Given(
        _number("--jitter-urad", jitter_urad, 1e-6, 0.0, 1e4),
        _number("--air", air, 1.0, 1e-6, 1.0),
        _number("--sky-radiance", sky_radiance, 1.0, 0.0, 1e5),
        _number("--dark-hz", dark_hz, 1.0, 0.0, 1e7),
        _number("--qber", qber, 1.0, 0.0, 0.5),
        _number("--attitude-mrad", attitude_mrad, 1e-3, 1e-3, 100.0),
    )
    if scenario is not None:
        changes = tle, ephemeris, site, start, duration_s, eop, refraction, terminal
        answer, sky = _of_mission(scenario, changes, step_s, wavelength_nm, assumed)
    else:
        _only_with_scenario(assumed)
        answer, sky = _of_site(
            tle,
            ephemeris,
            _needed("--site", site),
            _needed("--start", start),
            _needed("--duration-s", duration_s),
            _needed("--step-s", step_s),
            eop or "none",
            max_age_days,
            terminal,
            (810.0 if wavelength_nm is None else wavelength_nm) if refraction else None,
        )
    warn(answer.warnings)
    if plot is not None:
        from terminal.plan_plot import draw

        draw(answer, sky, plot)

    def table() -> Any:
        from terminal.plan_report import report

        return report(answer)

    import msgspec

    emit(msgspec.structs.asdict(answer), json_out, table)


def _of_site(
    tle: Path | None,
    ephemeris: Path | None,
    site: str,
    start: str,
    duration_s: float,
    step_s: float,
    eop: str,
    max_age_days: float,
    terminal: str | None,
    wavelength_nm: float | None,
) -> "Answered":
    """wavelength_nm: None without refraction."""
    from terminal import plan_input
    from terminal.plan_answer import answer_for_site
    from terminal.plan_mission import DEFAULT_PROFILE, read_profile

    plan_input.check_positive("--duration-s", duration_s)
    profile = terminal or DEFAULT_PROFILE
    config = read_profile(profile)
    given = plan_input.read_prediction(tle, ephemeris, site, start, duration_s, eop, max_age_days)
    times_ns = plan_input.read_times(given.start_tai_ns, duration_s, step_s)
    bending = None
    if wavelength_nm is not None:
        bending = plan_input.read_refraction(given.site, wavelength_nm)
    return answer_for_site(given, times_ns, profile, config, bending)


def _of_mission(
    scenario: str,
    changes: tuple[Any, ...],
    step_s: float | None,
    wavelength_nm: float | None,
    assumed: "Given",
) -> "Answered":
    from terminal import plan_input
    from terminal.plan_answer import answer_for_mission
    from terminal.plan_mission import Changes, read_mission

    asked = Changes(*changes)
    planned = read_mission(scenario, asked)
    window = planned.window
    step_s = _SCENARIO_STEP_S if step_s is None else step_s
    times_ns = plan_input.read_times(window.start_tai_ns, window.duration_s, step_s)
    wavelengths_nm = _wavelengths_nm(planned) if wavelength_nm is None else (wavelength_nm,) * 2
    return answer_for_mission(
        planned,
        times_ns,
        asked.terminal,
        lambda place: (
            plan_input.read_refraction(place, wavelengths_nm[0]),
            plan_input.read_refraction(place, wavelengths_nm[1]),
        ),
        assumed,
    )


def _wavelengths_nm(planned: "Planned") -> tuple[float, float]:
    """Of the partner's beacon, and of what the terminal sends: in a downlink a beacon too."""
    beacon_nm = planned.config.optics.beacon_wavelength_m * 1e9
    uplink = planned.mission.direction == "uplink"
    return beacon_nm, planned.mission.source.wavelength_m * 1e9 if uplink else beacon_nm


def _needed(option: str, value: T | None) -> T:
    if value is None:
        raise InputError(f"{option}: missing: give it, or --scenario to plan a mission")
    return value


def _only_with_scenario(assumed: "Given") -> None:
    if any(value is not None for value in assumed):
        raise InputError(
            "what is assumed of a link means nothing without one: give --scenario, or leave it out"
        )


def _number(option: str, value: float | None, unit: float, low: float, high: float) -> float | None:
    """In SI units; None stays None."""
    if value is None:
        return None
    if not low <= value <= high:
        raise InputError(f"{option}: must be from {low:g} to {high:g}, got {value:g}")
    return value * unit


def passes(
    site: Annotated[str, _SITE],
    start: Annotated[str, _START],
    days: Annotated[float, typer.Option("--days", help="How many days to search.")],
    tle: TleFile = None,
    ephemeris: EphemerisFile = None,
    min_elevation_deg: Annotated[
        float, typer.Option("--min-elevation-deg", help="A pass begins and ends here.")
    ] = 10.0,
    eop: Annotated[str, _EOP] = "none",
    max_age_days: MaxAge = 30.0,
    json_out: JsonOut = None,
) -> None:
    """When a satellite passes over a site.

    Rise, culmination and set are those of the geometric elevation. Night: the Sun is more than 12
    degrees under the horizon; sunlit: the satellite is, at culmination.

    Examples:

    \b
      qsky passes --tle sat.tle --site 35.66,139.68,20 \\
          --start 2016-12-19T00:00:00Z --days 1

    \b
      qsky passes --tle sat.tle --site -33.92,18.42,0 \\
          --start 2016-12-19T00:00:00Z --days 3 \\
          --min-elevation-deg 20 --json passes.json
    """
    from terminal import plan_input
    from terminal.geometry.ephemeris import EphemerisError
    from terminal.plan_passes import pass_rows

    plan_input.check_positive("--days", days)
    plan_input.check_age(max_age_days)
    if not -90.0 < min_elevation_deg < 90.0:
        raise InputError(
            f"--min-elevation-deg: must be between -90 and 90, got {min_elevation_deg:g}"
        )
    given = plan_input.read_prediction(
        tle, ephemeris, site, start, days * _DAY_S, eop, max_age_days
    )
    warn(given.warnings)
    try:
        rows = pass_rows(
            given.ephemeris,
            given.site,
            given.start_tai_ns,
            given.end_tai_ns,
            radians(min_elevation_deg),
        )
    except EphemerisError as error:
        raise InputError(str(error)) from error

    def table() -> Any:
        from terminal.geometry.time_scales import utc_text
        from terminal.plan_tables import pass_table

        return pass_table(rows, utc_text(given.start_tai_ns), days, min_elevation_deg)

    head = {
        "satellite": given.satellite,
        "interpolation_error_m": given.interpolation_error_m,
        "warnings": given.warnings,
    }
    emit({**head, "passes": rows}, json_out, table)
