"""How long a search will take: the distribution of the time to a centred beacon, planned."""

import math
from typing import NamedTuple

import numpy as np

from terminal.control.search.acquisition_time import TimeDistribution
from terminal.control.search.confirmation import Field, Looks, confirmations
from terminal.control.search.footprint import Footprint
from terminal.control.search.pull_in import PullIn
from terminal.control.search.scan import Scan
from terminal.control.search.uncertainty import Uncertainty

SHIFTS = ((-0.375, -0.125), (-0.125, 0.375), (0.125, -0.375), (0.375, 0.125))
"""Of the grid of places, in cells, one for each phase of the frames: a footprint's edge that runs
along the grid would else cut off too much or too little all along a row."""
PHASES = len(SHIFTS)
"""Of the frames against the start of the scan: midpoints of so many equal shares of a period."""


class SearchPlan(NamedTuple):
    """What a search promises."""

    time: TimeDistribution
    """From the start of the search to the centred beacon."""
    first_cover_probability: float
    """Of being confirmed before the first cover is over."""


def plan_search(
    uncertainty: Uncertainty,
    scan: Scan,
    footprint: Footprint,
    looks: Looks,
    pull_in: PullIn | None,
    limit_s: float,
) -> SearchPlan:
    """The distribution for a partner that stands still in the image about its prediction.

    The receiver searches: the footprint is its camera's field. The sender searches: the footprint
    is its beam, `looks` are those of the camera that stares at it.

    Args:
        pull_in: None where confirmation alone ends the search.
        limit_s: after that the search has failed.

    Raises ValueError for a footprint too small to plan with over this field.
    """
    period_s = 1.0 / looks.frame_rate_hz
    bin_s = period_s / PHASES
    bins = math.ceil(limit_s / bin_s)
    mass = np.zeros(bins + 2)
    first_cover = 0.0
    for phase, shift in enumerate(SHIFTS):
        field = Field(uncertainty, footprint, shift)
        found = confirmations(field, scan, footprint, looks, (phase + 0.5) * bin_s, limit_s)
        first_cover += float(found.weight[found.t_s < scan.covers_s[0]].sum()) / PHASES
        done_s = found.t_s + looks.latency_s
        if pull_in is not None:
            frames = pull_in.frames(found.error, found.rate, period_s, looks.latency_s)
            done_s = np.where(frames < 0, math.inf, done_s + frames * period_s)
        # Each stands for phases half a bin to either side, which fall into two bins of the grid.
        inside = done_s < limit_s
        low = done_s[inside] / bin_s - 0.5
        whole = np.floor(low).astype(np.int64)
        weight = found.weight[inside] / PHASES
        mass += np.bincount(whole, weight * (1.0 - (low - whole)), len(mass))
        mass += np.bincount(whole + 1, weight * (low - whole), len(mass))
    cdf = np.concatenate([[0.0], np.minimum(np.cumsum(mass[:bins]), 1.0)])
    return SearchPlan(
        TimeDistribution(bin_s * np.arange(bins + 1, dtype=np.float64), cdf), first_cover
    )
