"""Turns the plate and counts clicks: the measurement behind `qsky calibrate-analyser`."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from drivers.protocols import TimeTagger, WavePlate
from terminal.control.plate_calibration import PlateCalibrationError
from terminal.geometry.time_scales import SECOND_NS

Array = NDArray[np.float64]

MOVE_LIMIT_S = 6.0
"""From the wish to move until the plate rests at its target; the driver gives up after 4 s."""
ARRIVED_RAD = math.radians(0.2)
FLUSH_S = 0.05
"""Clicks that were on their way while the plate moved come within this."""
_MOST_POLLS = 10_000
"""Of a queue: a tagger that still has clicks after so many is faster than we are."""
QUIET_S = 2.0
"""Lit channels that say nothing for so long are silent."""
_PS = 10**12


class BenchDevices(NamedTuple):
    """What is moved, what counts, and the time they live in."""

    plate: WavePlate
    tagger: TimeTagger
    advance: Callable[[], int]
    """Waits a little and gives the time (TAI, ns)."""
    settle_s: float
    """From the end of a move until the light is steady."""


class Exposures(NamedTuple):
    """Plate angles as told by the encoder, and clicks there."""

    plate_rad: Array
    """(n,)"""
    counts: Array
    """(n, 4) H V D A"""


def measure(devices: BenchDevices, angles_rad: Sequence[float], exposure_s: float) -> Exposures:
    """One exposure at each of these encoder angles, in their order.

    Raises:
        PlateCalibrationError: a plate that does not answer or arrive, or a silent tagger.
    """
    plate_rad, counts = [], []
    for angle_rad in angles_rad:
        plate_rad.append(_move(devices, angle_rad))
        counts.append(count(devices, exposure_s, lit=True))
    return Exposures(np.array(plate_rad), np.array(counts))


def count(devices: BenchDevices, exposure_s: float, lit: bool) -> Array:
    """(4,) clicks of the channels within an exposure, timed by the tagger itself.

    lit: clicks must come. In the dark the exposure begins and ends by the time that is handed in.

    Raises:
        PlateCalibrationError: a silent tagger, or one whose time steps back.
    """
    _flush(devices)
    if not lit:
        return _pass(devices, exposure_s)
    begin_ps: int | None = None
    end_ps = 0
    clicks = np.zeros(4)
    heard_ns = devices.advance()
    while True:
        t_ns = devices.advance()
        block = devices.tagger.poll(t_ns)
        if block.step_back:
            raise PlateCalibrationError("the tagger's time stepped back within an exposure")
        if not len(block.time_ps):
            if t_ns - heard_ns > QUIET_S * SECOND_NS:
                raise PlateCalibrationError(
                    f"the tagger has told no click for {QUIET_S:g} s: check the light, the shutter "
                    "and terminal.devices.tagger"
                )
            continue
        heard_ns = t_ns
        if begin_ps is None:
            # An exposure that begins with a click does not count it.
            begin_ps = int(block.time_ps[0])
            end_ps = begin_ps + round(exposure_s * _PS)
        inside = (block.time_ps > begin_ps) & (block.time_ps <= end_ps)
        clicks += np.bincount(block.channel[inside], minlength=4)
        if int(block.time_ps[-1]) > end_ps:
            return clicks


def _flush(devices: BenchDevices) -> None:
    """Takes what has queued, as while someone set the light, and what was on its way behind it."""
    _drain(devices)
    _pass(devices, FLUSH_S)
    _drain(devices)


def _drain(devices: BenchDevices) -> None:
    """Polls until nothing is there at once."""
    t_ns = devices.advance()
    for _ in range(_MOST_POLLS):
        if not len(devices.tagger.poll(t_ns).time_ps):
            return


def _pass(devices: BenchDevices, time_s: float) -> Array:
    """(4,) clicks that arrive within a time."""
    clicks = np.zeros(4)
    t_ns = devices.advance()
    end_ns = t_ns + round(time_s * SECOND_NS)
    while t_ns < end_ns:
        t_ns = devices.advance()
        clicks += np.bincount(devices.tagger.poll(t_ns).channel, minlength=4)
    return clicks


def _move(devices: BenchDevices, angle_rad: float) -> float:
    """Turn the plate; its encoder angle once it rests and the light is steady."""
    plate = devices.plate
    t_ns = devices.advance()
    limit_ns = t_ns + round(MOVE_LIMIT_S * SECOND_NS)
    accepted, told = False, None
    while t_ns < limit_ns:
        told = plate.poll(t_ns)
        devices.tagger.poll(t_ns)
        if told is not None and not accepted:
            accepted = plate.move_to(angle_rad, t_ns)
        elif told is not None and not told.moving:
            if abs(math.remainder(told.angle_rad - angle_rad, 2.0 * math.pi)) < ARRIVED_RAD:
                _pass(devices, devices.settle_s)
                return told.angle_rad
            if plate.health.last_error:
                break
        t_ns = devices.advance()
    error = plate.health.last_error
    said = f" ({error})" if error else ""
    if told is None:
        raise PlateCalibrationError(
            f"the plate has not answered for {MOVE_LIMIT_S:g} s{said}: check "
            "terminal.devices.waveplate"
        )
    raise PlateCalibrationError(
        f"the plate stands at {math.degrees(told.angle_rad):.2f} deg and was sent to "
        f"{math.degrees(angle_rad):.2f} deg{said}: see that it turns freely"
    )
