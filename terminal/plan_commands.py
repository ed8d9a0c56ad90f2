"""The commands `qsky plan` and `qsky passes`. Nothing heavy is imported before one runs."""

from math import radians
from pathlib import Path
from typing import Annotated, Any

import typer

from config.errors import InputError
from terminal.commands import JsonOut
from terminal.output import emit

_DAY_S = 86_400.0

TleFile = Annotated[
    Path,
    typer.Option(
        "--tle", metavar="FILE", help="Two-line elements of one satellite; a name line may precede."
    ),
]
SiteText = Annotated[
    str,
    typer.Option(
        "--site",
        metavar="LAT_DEG,LON_DEG,ALT_M",
        help="The terminal, at rest: degrees north and east, metres over the WGS-84 ellipsoid.",
    ),
]
Start = Annotated[str, typer.Option("--start", metavar="UTC", help="Like 2016-12-19T15:17:00Z.")]
Eop = Annotated[
    str,
    typer.Option(
        "--eop",
        metavar="FILE|none",
        help="Earth orientation, an IERS finals2000A file; none: UT1 = UTC, no polar motion.",
    ),
]
MaxAge = Annotated[
    float,
    typer.Option("--max-age-days", help="Refuse elements further than this from their epoch."),
]


def plan(
    tle: TleFile,
    site: SiteText,
    start: Start,
    duration_s: Annotated[float, typer.Option("--duration-s", help="How long to plan for.")],
    step_s: Annotated[float, typer.Option("--step-s", help="Time between two rows.")],
    eop: Eop = "none",
    refraction: Annotated[
        bool, typer.Option("--refraction", help="Directions as the standard atmosphere bends them.")
    ] = False,
    wavelength_nm: Annotated[
        float, typer.Option("--wavelength-nm", help="For --refraction: 300 to 1700.")
    ] = 810.0,
    max_age_days: MaxAge = 30.0,
    plot: Annotated[
        Path | None, typer.Option("--plot", metavar="FILE.png", help="Draw the way over the sky.")
    ] = None,
    json_out: JsonOut = None,
) -> None:
    """Where to point at a satellite, step by step, and how far ahead to aim.

    Azimuth (from north through east) and elevation are those from which the light that arrives now
    is seen to come, light time and aberration included. Point-ahead is the launch direction that
    meets the satellite minus that; Doppler is received over sent frequency, minus one.

    Examples:

    \b
      qsky plan --tle sat.tle --site 35.66,139.68,20 \\
          --start 2016-12-19T15:17:00Z --duration-s 240 --step-s 10

    \b
      qsky plan --tle sat.tle --site -33.92,18.42,0 \\
          --start 2016-12-19T15:17:00Z --duration-s 600 --step-s 1 \\
          --eop finals2000A.all --refraction --plot sky.png --json plan.json
    """
    from terminal import plan_input
    from terminal.geometry.ephemeris import EphemerisError
    from terminal.geometry.refraction import RefractionError
    from terminal.plan import plan_rows

    plan_input.check_positive("--duration-s", duration_s)
    given = plan_input.read_prediction(tle, site, start, duration_s, eop, max_age_days)
    times_ns = plan_input.read_times(given.start_tai_ns, duration_s, step_s)
    bending = plan_input.read_refraction(given.site, wavelength_nm) if refraction else None
    try:
        rows = plan_rows(given.ephemeris, given.site, times_ns, bending)
    except (EphemerisError, RefractionError) as error:
        raise InputError(str(error)) from error
    if plot is not None:
        from terminal.plan_plot import draw

        draw(rows, plot)

    def table() -> Any:
        from terminal.plan_tables import plan_table

        return plan_table(rows)

    emit({"satellite": given.tle.catalogue_number, "rows": rows}, json_out, table)


def passes(
    tle: TleFile,
    site: SiteText,
    start: Start,
    days: Annotated[float, typer.Option("--days", help="How many days to search.")],
    min_elevation_deg: Annotated[
        float, typer.Option("--min-elevation-deg", help="A pass begins and ends here.")
    ] = 10.0,
    eop: Eop = "none",
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
    from terminal.plan import pass_rows

    plan_input.check_positive("--days", days)
    if not -90.0 < min_elevation_deg < 90.0:
        raise InputError(
            f"--min-elevation-deg: must be between -90 and 90, got {min_elevation_deg:g}"
        )
    given = plan_input.read_prediction(tle, site, start, days * _DAY_S, eop, max_age_days)
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
        from terminal.plan_tables import pass_table

        return pass_table(rows)

    emit({"satellite": given.tle.catalogue_number, "passes": rows}, json_out, table)
