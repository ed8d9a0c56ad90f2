"""When and where a scan confirms its target: probabilities, frame by frame, without random numbers.

For each place where the partner may stand, each frame moves the chain "0, 1, ... n frames in a row
have shown it" one step; the last step is the confirmation.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from terminal.control.search.footprint import Footprint
from terminal.control.search.scan import Scan
from terminal.control.search.uncertainty import Uncertainty

Array = NDArray[np.float64]

FIELD_SIGMAS = 4.5
"""Beyond the ellipse of so many sigmas is 4e-5 of the probability, most of it in the corners."""
CELLS_PER_FOOTPRINT = 16
CELLS_PER_SIGMA = 6
MOST_CELLS = 1600
"""A side."""
NEGLIGIBLE = 1e-12


class Looks(NamedTuple):
    """How the sensor looks, and what its finder makes of it."""

    frame_rate_hz: float
    confirm_frames: int
    """Frames in a row that have to show the target."""
    frame_probability: float
    """That a frame shows a target inside the footprint; it multiplies the footprint's own."""
    latency_s: float
    """From the middle of an exposure until the answer takes effect."""


class Field:
    """Probability of the cells of a grid along the image's axes."""

    def __init__(
        self,
        uncertainty: Uncertainty,
        footprint: Footprint,
        shift: tuple[float, float] = (0.0, 0.0),
    ) -> None:
        """shift: of the grid, in cells.

        Raises ValueError for a footprint too small for a grid over this field.
        """
        minor = uncertainty.axes().minor_rad
        cell = min(2.0 * footprint.reach_rad / CELLS_PER_FOOTPRINT, minor / CELLS_PER_SIGMA)
        half = FIELD_SIGMAS * np.sqrt([uncertainty.xx, uncertainty.yy])
        if half.max() > 0.5 * MOST_CELLS * cell:
            raise ValueError(
                f"uncertainty: {2e6 * half.max():.0f} urad are too wide to plan in steps of "
                f"{1e6 * cell:.0f} urad, as footprint and least sigma ask for"
            )
        self.x, self.y = (
            cell * (np.arange(-n, n + 1) + by)
            for n, by in zip(np.ceil(half / cell).astype(int), shift, strict=True)
        )
        determinant = uncertainty.xx * uncertainty.yy - uncertainty.xy**2
        x, y = self.x[:, None], self.y[None, :]
        form = uncertainty.yy * x * x - 2.0 * uncertainty.xy * x * y + uncertainty.xx * y * y
        density = np.exp(-0.5 * form / determinant)
        self.probability: Array = density / density.sum()

    def window(self, x_rad: float, y_rad: float, reach_rad: float) -> tuple[slice, slice]:
        """Cells whose middle is within `reach_rad` along both axes."""
        low_x, high_x = np.searchsorted(self.x, (x_rad - reach_rad, x_rad + reach_rad))
        low_y, high_y = np.searchsorted(self.y, (y_rad - reach_rad, y_rad + reach_rad))
        return slice(low_x, high_x), slice(low_y, high_y)


class Confirmations(NamedTuple):
    """Each with its probability."""

    t_s: Array
    """(n,), of the frame that confirms, since the search began."""
    weight: Array
    error: Array
    """(n, 2): the target in the image then, rad."""
    rate: Array
    """(n, 2): of the scan then, rad/s."""


def confirmations(
    field: Field, scan: Scan, footprint: Footprint, looks: Looks, start_s: float, limit_s: float
) -> Confirmations:
    """Walk the scan, the first frame at `start_s`, to the limit."""
    unconfirmed: Array = field.probability.copy()
    # runs[i]: of it, with i + 1 frames in a row.
    runs = np.zeros((looks.confirm_frames - 1, *unconfirmed.shape))
    before = slice(0), slice(0)
    rows: list[Array] = [np.zeros((0, 6))]
    for k in range(max(math.ceil((limit_s - start_s) * looks.frame_rate_hz), 0)):
        t_s = start_s + k / looks.frame_rate_hz
        x, y = scan.offset(t_s)
        here = field.window(x, y, footprint.reach_rad)
        dx, dy = np.meshgrid(field.x[here[0]] - x, field.y[here[1]] - y, indexing="ij")
        seen = looks.frame_probability * footprint.detection(dx, dy)
        run = runs[:, *here].copy()
        fresh = unconfirmed[here] - run.sum(axis=0)
        # A run is over where this frame shows nothing, and that is everywhere outside the window.
        runs[:, *before] = 0.0
        longer = np.concatenate([fresh[None], run]) * seen
        runs[:, *here] = longer[:-1]
        hit = longer[-1]
        unconfirmed[here] -= hit
        before = here
        at = hit > NEGLIGIBLE
        if at.any():
            row = np.empty((int(at.sum()), 6))
            row[:, 0], row[:, 1], row[:, 2], row[:, 3] = t_s, hit[at], dx[at], dy[at]
            row[:, 4:] = scan.rate(t_s)
            rows.append(row)
    table = np.concatenate(rows)
    return Confirmations(table[:, 0], table[:, 1], table[:, 2:4], table[:, 4:])
