"""The counts of a plate scan against the fitted plate and channels, as a picture."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from hil.plot_style import AHEAD, GIMBAL, INK, MUTED, OWN, plain
from terminal.control.plate_calibration import PlateCalibration, PlateScan, expected_counts
from terminal.output import save_plot

Array = NDArray[np.float64]

_COLORS = (OWN, GIMBAL, AHEAD, MUTED)
_FINE = 721
_LEAST_SIGMA = 5.0
"""To either side of zero, where all residuals are less."""


def draw(scan: PlateScan, found: PlateCalibration, file: Path) -> None:
    """A panel for each state sent: counts and fit over the turn, and under them what is left, over
    the square root of the count.

    Raises:
        InputError: a file that cannot be written, or a kind of picture that is not known.
    """
    states = sorted(set(scan.sent_rad.tolist()))
    figure = Figure(figsize=(5.5 * len(states), 6.4), layout="constrained")
    panels = figure.subplots(2, len(states), squeeze=False, height_ratios=(3, 1), sharex=True)
    turn = np.linspace(0.0, 2.0 * np.pi, _FINE)
    fitted = expected_counts(found, scan)
    left = (scan.counts - fitted) / np.sqrt(fitted)
    most = max(_LEAST_SIGMA, 1.1 * float(np.abs(left).max()))
    for j, sent_rad in enumerate(states):
        chosen = scan.sent_rad == sent_rad
        angle_deg = np.degrees(scan.plate_rad[chosen])
        counts, left_here = scan.counts[chosen], left[chosen]
        drawn = scan._replace(plate_rad=turn, sent_rad=np.full(_FINE, sent_rad))
        curve = expected_counts(found, drawn)
        for i, (channel, color) in enumerate(zip("HVDA", _COLORS, strict=True)):
            panels[0][j].plot(np.degrees(turn), curve[:, i], color=INK, lw=0.8)
            panels[0][j].plot(angle_deg, counts[:, i], "o", ms=3.5, color=color, label=channel)
            panels[1][j].plot(angle_deg, left_here[:, i], "o", ms=2.5, color=color)
        panels[0][j].set(title=f"light sent at {np.degrees(sent_rad):.0f} deg", ylabel="counts")
        panels[1][j].set(xlabel="plate by its encoder, deg", ylabel="left, sigma")
        panels[1][j].set_ylim(-most, most)
        panels[1][j].axhline(0.0, color=INK, lw=0.6)
    for axes in panels.ravel():
        plain(axes)
    handles, labels = panels[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right upper", frameon=False, fontsize=9)
    save_plot(figure, file)
