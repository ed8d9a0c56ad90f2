"""A search by two, planned by one of them: the partner is taken to be built and to search as we do.

Of the partner's beam, camera and scan the mission says nothing. While it stares it is taken to have
us in its camera's field, as one of the two must for any search by two (docs/search.md); whether we
have it in ours follows from our own field of uncertainty. Light is the message: who is found
follows the beacon, and nothing waits for the channel.
"""

import math

import numpy as np

from config.terminal import TerminalConfig
from terminal.control.image.beacon import camera_geometry
from terminal.control.search.acquire import PARTNER_THRESHOLD
from terminal.control.search.acquisition_time import TimeDistribution
from terminal.control.search.confirmation import Looks
from terminal.control.search.footprint import GaussianBeam
from terminal.control.search.mutual_search import Attempt, plan_mutual_search
from terminal.control.search.pull_in import PullIn
from terminal.control.search.scan import Scan
from terminal.control.search.search_plan import SearchPlan, plan_search
from terminal.control.search.uncertainty import Uncertainty

PLACES = 1000
"""Of the partner in the disc of the beam that has found it."""
GOLDEN_ANGLE_RAD = math.pi * (3.0 - math.sqrt(5.0))


def plan_by_two(
    uncertainty: Uncertainty,
    scan: Scan,
    config: TerminalConfig,
    looks: Looks,
    partner_looks: Looks,
    loop: PullIn,
    limit_s: float,
) -> SearchPlan:
    """The distribution of the time from ACQUIRE to the centred beacon, turns going to and fro.

    A turn is one cover, or ends when `acquisition.stare_s` is over. Who scans finds the other with
    its beacon; then the other's beacon is on it, and has to be confirmed and pulled in within
    `acquisition.return_s`.

    looks, partner_looks: our camera's, and the partner's that looks for our beacon.

    Raises ValueError for a beam too small to plan with over this field.
    """
    a = config.acquisition
    turn_s = min(scan.covers_s[0], a.stare_s)
    beam = GaussianBeam(config.optics.uplink_beacon_divergence_rad, PARTNER_THRESHOLD, a.jitter_rad)
    scans = plan_search(uncertainty, scan, beam, partner_looks, None, turn_s).time
    # Its scan is as ours, but it is our camera that has to see it.
    seen = plan_search(uncertainty, scan, beam, looks, None, turn_s).time
    stares = seen._replace(cdf=share_in_field(uncertainty, config) * seen.cdf)
    answered = pull_in_time(0.5 * beam.sure_diameter_rad, looks, loop)
    turns = [Attempt(first, turn_s, answered, a.return_s) for first in (scans, stares)]
    if a.role == "stare":
        turns.reverse()
    first = turns[0].first.probability * answered.probability_within(a.return_s)
    return SearchPlan(plan_mutual_search(turns, 0.0, limit_s), first)


def share_in_field(uncertainty: Uncertainty, config: TerminalConfig) -> float:
    """Probability that the partner stands in our camera's field while we stare at its prediction:
    the normal distribution over the square, summed over a fine grid."""
    camera = camera_geometry(config)
    half_rad = 0.5 * min(camera.columns, camera.rows) * camera.pixel_rad
    axes = uncertainty.axes()
    # Midpoints: of the square itself where it is the smaller one, else of 6 sigma to either side.
    reach_rad = min(half_rad, 6.0 * axes.major_rad)
    middle = (np.arange(400) + 0.5) / 200.0 - 1.0
    x, y = np.meshgrid(reach_rad * middle, reach_rad * middle)
    c, s = math.cos(axes.angle_rad), math.sin(axes.angle_rad)
    along, across = (c * x + s * y) / axes.major_rad, (c * y - s * x) / axes.minor_rad
    density = np.exp(-0.5 * (along * along + across * across))
    cell = (reach_rad / 200.0) ** 2 / (2.0 * math.pi * axes.major_rad * axes.minor_rad)
    return min(1.0, float(density.sum() * cell))


def pull_in_time(radius_rad: float, looks: Looks, loop: PullIn) -> TimeDistribution:
    """From the other's beacon on us until it is centred, for one that stands anywhere in a disc."""
    period_s = 1.0 / looks.frame_rate_hz
    k = np.arange(PLACES)
    # Points of a sunflower fill a disc evenly.
    radius = radius_rad * np.sqrt((k + 0.5) / PLACES)
    angle = GOLDEN_ANGLE_RAD * k
    error = np.column_stack([radius * np.cos(angle), radius * np.sin(angle)])
    frames = loop.frames(error, np.zeros_like(error), period_s, looks.latency_s)
    confirmed_s = looks.confirm_frames * period_s + looks.latency_s
    took_s = np.sort(confirmed_s + frames[frames >= 0] * period_s)
    share = np.arange(1, len(took_s) + 1) / PLACES
    return TimeDistribution(np.concatenate([[0.0], took_s]), np.concatenate([[0.0], share]))
