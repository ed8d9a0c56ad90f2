"""The polarised beacon stands in for the photons, as long as the trim is less sure than it."""

import math

from terminal.control import beacon_polarimeter
from terminal.control.beacon_polarimeter import BeaconFrame, Reading
from terminal.control.exposure_ledger import Stand
from terminal.control.frame_estimate import Flag, FrameEstimate
from terminal.control.frame_filter import update
from terminal.control.frame_tracking import Tracking
from terminal.control.polarization_flags import PolarizationFlag
from terminal.control.polarization_path import PlateAim

_NOTHING = PolarizationFlag(0)


def trimmed(
    beacon: BeaconFrame, tracking: Tracking, reading: Reading, stand: Stand | None, aim: PlateAim
) -> tuple[BeaconFrame, Tracking, PolarizationFlag]:
    """With a new reading; another `tracking` if the trim rests on the beacon from now on.

    stand: None: the optics were not at rest, or are not known.
    """
    angle = beacon_polarimeter.angle_rad(reading)
    if angle is None:
        return beacon, tracking, PolarizationFlag.POLARIMETER_BAD
    if stand is None or (
        tracking.now.trim_sigma_rad(stand.plate_rad) <= beacon_polarimeter.FLOOR_RAD
    ):
        return beacon, tracking, _NOTHING
    # Light at this angle behind the plate would stand along H if the plate turned by half.
    undone_rad = aim.frame_for(stand.plate_rad - 0.5 * angle)
    beacon = beacon.with_offset(undone_rad - stand.frame_rad)
    if not beacon.full:
        return beacon, tracking, _NOTHING
    offset_rad, sigma_rad = beacon.mean()
    seen = FrameEstimate(
        Flag.PHASE_SIGN_UNSEEN, offset_rad, 0.0, 1.0, ((sigma_rad**2, 0.0), (0.0, math.inf))
    )
    base = update(tracking.base, seen, stand.plate_rad)
    if base.rejected:
        return BeaconFrame(), tracking, PolarizationFlag.POLARIMETER_BAD
    return BeaconFrame(), tracking._replace(base=base, now=base, judged_clicks=0.0), _NOTHING
