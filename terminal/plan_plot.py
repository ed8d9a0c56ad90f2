"""The way of a satellite over the sky, as a picture."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.projections.polar import PolarAxes

from config.errors import InputError
from terminal.plan import PlanRow

_MARKS = 8


def draw(rows: list[PlanRow], file: Path) -> None:
    """A sky plot, azimuth clockwise from north at the top, the zenith in the middle.

    Raises InputError for a file that cannot be written or a kind of picture that is not known.
    """
    figure = Figure(figsize=(6.4, 6.8))
    axes = PolarAxes(figure, (0.08, 0.06, 0.84, 0.84))
    figure.add_axes(axes)
    axes.set(theta_zero_location="N", theta_direction=-1, rlim=(0.0, 90.0))
    axes.set_rgrids([30.0, 60.0, 90.0], ["60", "30", "0"])
    axes.set_thetagrids([0.0, 90.0, 180.0, 270.0], ["N", "E", "S", "W"])
    _track(axes, [(r.azimuth_deg, r.elevation_deg) for r in rows], "tab:blue", "satellite")
    _track(axes, [(r.sun_azimuth_deg, r.sun_elevation_deg) for r in rows], "tab:orange", "Sun")
    up = [row for row in rows if row.elevation_deg >= 0.0]
    for row in up[:: -(-len(up) // _MARKS) or 1]:
        axes.annotate(
            row.utc[11:19], (np.radians(row.azimuth_deg), 90.0 - row.elevation_deg), fontsize=8
        )
    axes.set_title(f"{rows[0].utc[:19]} to {rows[-1].utc[:19]} UTC")
    axes.legend(loc="lower right")
    try:
        figure.savefig(file, dpi=120)
    except OSError as error:
        raise InputError(f"--plot: {file}: cannot write: {error.strerror}") from error
    except ValueError as error:
        raise InputError(f"--plot: {file}: {error}") from error


def _track(
    axes: PolarAxes, directions_deg: list[tuple[float, float]], color: str, label: str
) -> None:
    """Draws (azimuth, elevation) where they are over the horizon, with a dot where that begins."""
    azimuth_deg, elevation_deg = np.array(directions_deg).T
    up = elevation_deg >= 0.0
    # Unwrapped, so that no line runs back around the whole circle from 360 to 0.
    azimuth_rad = np.unwrap(np.radians(azimuth_deg))
    axes.plot(azimuth_rad, np.where(up, 90.0 - elevation_deg, np.nan), color=color, label=label)
    if up.any():
        first = int(np.argmax(up))
        axes.plot(azimuth_rad[first], 90.0 - elevation_deg[first], "o", color=color)
