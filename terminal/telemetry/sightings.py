"""Sightings of the beacon in a recording: when it was held, and where it and the partner stood.

The camera alone says where the beacon was. The mirror's mean would not do: it is a low-passed
command, and its zero is that of the quad cell, moved where the mirror aims ahead.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from config.errors import InputError
from terminal.control.mounting.model import up_in_base
from terminal.control.mounting.sightings import Sighting
from terminal.geometry.gimbal_frame import Joints, image_axes
from terminal.geometry.vector import Vec, dot, unit
from terminal.mode import Mode
from terminal.telemetry.reader import Recording

Array = NDArray[np.float64]
Columns = dict[str, NDArray[Any]]

SPACING_S = 0.5
"""Attitude and mounting change over many seconds: more sightings would say little more."""
MAX_SIGHTINGS = 400
"""Bounds the cost of the fit, which grows with the cube: the spacing becomes wider instead."""
MAX_GAP_NS = 100_000_000
"""Between two samples, to interpolate between them."""
NEAR_COSINE = 0.95
"""Of the angle between boresight and prediction; further apart, one of them is nonsense."""

_LOS = ("los_x", "los_y", "los_z", "los_rate_x", "los_rate_y", "los_rate_z")
_Q = tuple(f"q_gimbal_from_ecef_{c}" for c in "wxyz")
_SITE = ("latitude_rad", "longitude_rad")
_JOINTS = ("yaw_rad", "pitch_rad", "roll_rad")


class FoundSightings(NamedTuple):
    """All usable sightings of a recording, thinned."""

    sightings: list[Sighting]
    last_tai_ns: int
    attitude_sigma_rad: float
    """Median of what the navigation unit claimed meanwhile."""
    along_sigma_s: float
    """Median of the prediction's sigma along the partner's path."""


def find_sightings(recording: Recording) -> FoundSightings:
    """Sightings from camera frames with a confirmed beacon in the modes TRACK and LINK, the joints
    and the prediction interpolated to the frame's time.

    Raises:
        InputError: a message or field is missing, or there is no sighting.
    """
    try:
        coarse, camera, pointing = map(recording.columns, ("coarse", "camera", "pointing"))
        frames = _frames(camera, coarse)
        joints = _at(frames.t_ns, coarse["gimbal_t_ns"], coarse, _JOINTS)
        valid = pointing["valid"] == 1
        predicted = {name: column[valid] for name, column in pointing.items()}
        wanted = (*_LOS, *_Q, *_SITE, "attitude_sigma_rad", "along_sigma_s")
        prediction = _at(frames.t_ns, predicted["t_ns"], predicted, wanted)
    except KeyError as error:
        raise InputError(
            f"{recording.path}: no field {error} in the recording: it is of another version"
        ) from error
    known = np.isfinite(np.hstack([joints, prediction, frames.xy_rad])).all(axis=1)
    chosen = _thinned(frames.t_ns[known], np.flatnonzero(known))
    start_ns = int(frames.t_ns[0]) if len(frames.t_ns) else 0
    sightings = []
    for i in chosen:
        found = _sighting(
            (int(frames.t_ns[i]) - start_ns) * 1e-9,
            joints[i].tolist(),
            frames.xy_rad[i].tolist(),
            prediction[i].tolist(),
        )
        if found is not None:
            sightings.append(found)
    if not sightings:
        raise InputError(
            f"{recording.path}: no sighting: the beacon was never held with a valid prediction"
        )
    attitude, along = np.median(prediction[chosen, -2:], axis=0)
    return FoundSightings(sightings, int(frames.t_ns[chosen[-1]]), float(attitude), float(along))


class _Frames(NamedTuple):
    t_ns: NDArray[np.int64]
    xy_rad: Array


def _frames(camera: Columns, coarse: Columns) -> _Frames:
    """Frames with a confirmed beacon while it was held; each once."""
    times, first = np.unique(camera["command_frame_t_ns"], return_index=True)
    if not len(coarse["t_ns"]):
        return _Frames(times[:0], np.empty((0, 2)))
    order = np.argsort(coarse["t_ns"], kind="stable")
    before = np.searchsorted(coarse["t_ns"][order], times, side="right") - 1
    mode = np.where(before >= 0, coarse["mode"][order][np.maximum(before, 0)], Mode.STANDBY)
    seen = (camera["found"][first] == 1) & (camera["confirmed"][first] == 1)
    used = seen & np.isin(mode, (Mode.TRACK, Mode.LINK))
    xy = np.stack([camera["x_rad"][first], camera["y_rad"][first]], axis=1)
    return _Frames(times[used], xy[used])


def _at(
    t_ns: NDArray[np.int64],
    sample_t_ns: NDArray[np.int64],
    columns: Columns,
    names: tuple[str, ...],
) -> Array:
    """(n, len(names)) columns interpolated to times; NaN outside, and inside a gap."""
    times, first = np.unique(sample_t_ns, return_index=True)
    values = np.stack([columns[name][first].astype(np.float64) for name in names], axis=1)
    out = np.full((len(t_ns), len(names)), np.nan)
    if len(times) < 2:
        return out
    after = np.clip(np.searchsorted(times, t_ns), 1, len(times) - 1)
    before = after - 1
    gap_ns = times[after] - times[before]
    inside = (t_ns >= times[before]) & (t_ns <= times[after]) & (gap_ns <= MAX_GAP_NS)
    fraction = ((t_ns - times[before]) / gap_ns)[inside, None]
    low, high = values[before[inside]], values[after[inside]]
    out[inside] = low + fraction * (high - low)
    return out


def _thinned(t_ns: NDArray[np.int64], indices: NDArray[np.intp]) -> list[int]:
    """Those of the indices whose times are at least the spacing apart."""
    if not len(indices):
        return []
    span_s = float(t_ns[-1] - t_ns[0]) * 1e-9
    spacing_ns = round(max(SPACING_S, span_s / (MAX_SIGHTINGS - 1)) * 1e9)
    chosen: list[int] = []
    last_ns: int | None = None
    for now_ns, index in zip(t_ns.tolist(), indices.tolist(), strict=True):
        if last_ns is None or now_ns - last_ns >= spacing_ns:
            chosen.append(index)
            last_ns = now_ns
    return chosen


def _sighting(
    t_s: float, joints: list[float], xy_rad: list[float], prediction: list[float]
) -> Sighting | None:
    """One sighting, or None where the numbers are no directions, or two that lie far apart."""
    q = prediction[6:10]
    length = sum(v * v for v in q) ** 0.5
    try:
        los = unit((prediction[0], prediction[1], prediction[2]))
        w, x, y, z = (v / length for v in q)
    except (ValueError, ZeroDivisionError):
        return None
    up: Vec = up_in_base((w, x, y, z), prediction[10], prediction[11])
    boresight = image_axes(Joints(*joints)).boresight
    if dot(boresight, los) < NEAR_COSINE:
        return None
    rate: Vec = (prediction[3], prediction[4], prediction[5])
    return Sighting(t_s, Joints(*joints), xy_rad[0], xy_rad[1], los, rate, up)
