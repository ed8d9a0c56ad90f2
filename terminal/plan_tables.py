"""Rows of plans and passes as tables for people."""

from rich.box import SIMPLE_HEAD
from rich.table import Table

from terminal.plan_passes import PassRow
from terminal.plan_regard import Limit
from terminal.plan_row import PlanRow
from terminal.plan_sky import Extremes

_MOST_LINES = 200
FLAGS = {
    Limit.HORIZON: "h",
    Limit.PITCH: "p",
    Limit.KEYHOLE: "k",
    Limit.SUN_AVOIDANCE: "A",
    Limit.SUN_KEEP_OUT: "S",
    Limit.MOON: "m",
}


def plan_table(rows: list[PlanRow], extremes: Extremes | None) -> Table:
    """A plan, thinned out if it is long; the caption tells the highest point and the Sun, which may
    lie between two rows."""
    every = -(-len(rows) // _MOST_LINES)
    caption = _caption(extremes)
    if every > 1:
        caption += f"; 1 row in {every} shown, --json has all"
    # One blank at the right of each: the widest values fit into 80 columns.
    table = Table(
        title=f"from {rows[0].utc}", caption=caption, box=SIMPLE_HEAD, padding=(0, 1, 0, 0)
    )
    table.add_column("UTC", no_wrap=True)
    for heading in (
        "azim.\ndeg",
        "elev.\ndeg",
        "range\nkm",
        "rate\nm/s",
        "Doppler\nppm",
        "ahead\nurad",
        "Sun\ndeg",
    ):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for row in rows[::every]:
        range_km = row.range_m / 1e3
        table.add_row(
            short_utc(row.utc),
            f"{row.azimuth_deg:.2f}",
            f"{row.elevation_deg:.2f}",
            f"{range_km:.0f}" if range_km >= 10_000.0 else f"{range_km:.1f}",
            f"{row.range_rate_m_s:+.0f}",
            f"{row.doppler * 1e6:+.3f}",
            f"{row.point_ahead_urad:.2f}",
            f"{row.sun_separation_deg:.0f}",
            "".join(FLAGS[limit] for limit in row.field_of_regard),
            style="dim" if Limit.HORIZON in row.field_of_regard else None,
        )
    return table


def pass_table(rows: list[PassRow], start_utc: str, days: float, min_elevation_deg: float) -> Table:
    """Passes, one a line, under what was searched."""
    table = Table(
        title=f"{start_utc} + {days:g} days, over {min_elevation_deg:g} deg",
        caption="Sun: its least angle to the satellite" if rows else "no passes",
        box=SIMPLE_HEAD,
    )
    table.add_column("rise (UTC)", no_wrap=True)
    for heading in ("highest", "for\ns", "elev.\ndeg", "azimuths\ndeg", "Sun\ndeg"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("site", no_wrap=True)
    table.add_column("sat.", no_wrap=True)
    for row in rows:
        azimuths = row.rise_azimuth_deg, row.culmination_azimuth_deg, row.set_azimuth_deg
        table.add_row(
            short_utc(row.rise_utc[:19]),
            row.culmination_utc[11:19],
            f"{row.duration_s:.0f}",
            f"{row.max_elevation_deg:.1f}",
            " ".join(f"{azimuth:03.0f}" for azimuth in azimuths),
            "" if row.night else f"{row.min_sun_separation_deg:.0f}",
            "night" if row.night else "day",
            "sunlit" if row.sunlit else "shadow",
        )
    return table


def short_utc(utc: str) -> str:
    """Without the year, and without decimals that say nothing."""
    text = utc[5:].removesuffix("Z").replace("T", " ")
    return text.rstrip("0").rstrip(".") if "." in text else text


def tenth_utc(utc: str) -> str:
    """`short_utc` of a time in milliseconds, cut off after a tenth of a second."""
    return short_utc(utc[:21])


def _caption(extremes: Extremes | None) -> str:
    if extremes is None:
        return "never in sight"
    sun = extremes.sun
    said = (
        f"highest {extremes.max_elevation_deg:.1f} deg at {tenth_utc(extremes.highest_utc)}; "
        f"nearest to the Sun {sun.separation_deg:.1f} deg at {tenth_utc(sun.utc)}"
    )
    return said + (" (Sun under the horizon)" if sun.elevation_deg < 0.0 else "")
