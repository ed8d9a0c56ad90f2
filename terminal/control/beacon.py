"""From camera frames to a confirmed beacon, and which part of the sensor to read next."""

import math
from typing import NamedTuple

from config.terminal import TerminalConfig
from terminal.control.centroid import find_spot
from terminal.messages import CameraCommand, CameraSample
from terminal.mode import Mode

TRACK_WINDOW = 48
"""Pixels a side once the beacon is confirmed: small frames, full rate."""

CAMERA_MAX_AGE_S = 0.2
"""A beacon position older than this is no measurement any more."""


class CameraGeometry(NamedTuple):
    """Sensor size and scale, as the camera's driver is configured."""

    columns: int
    rows: int
    pixel_rad: float


def camera_geometry(config: TerminalConfig) -> CameraGeometry:
    """Raises KeyError naming the option if the camera's options lack one."""
    options = config.devices["camera"].options
    return CameraGeometry(
        int(options["columns"]),  # type: ignore[arg-type]
        int(options["rows"]),  # type: ignore[arg-type]
        float(options["pixel_rad"]),  # type: ignore[arg-type]
    )


class BeaconState(NamedTuple):
    """Frames in a row with and without beacon, and what was last seen."""

    hits: int = 0
    misses: int = 0
    confirmed: bool = False
    last: CameraCommand = CameraCommand()


def step(
    config: TerminalConfig, camera: CameraGeometry, state: BeaconState, s: CameraSample, dt_s: float
) -> tuple[BeaconState, CameraCommand]:
    """One tick of the camera loop; without a new frame the last answer stands, until it is old."""
    if s.frame_seq < 0:
        # A stamp from the future would keep the last answer alive as long as one from the past.
        if abs(s.t_ns - state.last.frame_t_ns) * 1e-9 > CAMERA_MAX_AGE_S:
            state = BeaconState(last=CameraCommand(frame_t_ns=state.last.frame_t_ns))
        return state, state.last._replace(window_columns=0, window_rows=0)
    searching = s.mode in (Mode.ACQUIRE, Mode.TRACK, Mode.LINK, Mode.LOST)
    spot = None
    if searching:
        image = s.pixels.reshape(-1, s.columns)
        spot = find_spot(image, config.acquisition.threshold_sigma)
    hits = state.hits + 1 if spot else 0
    misses = 0 if spot else state.misses + 1
    confirmed = state.confirmed
    if hits >= config.acquisition.confirm_frames:
        confirmed = True
    if misses >= config.acquisition.drop_frames or not searching:
        confirmed = False

    x_rad = y_rad = flux = 0.0
    if spot:
        x_rad = (s.left + spot.column - (camera.columns - 1) / 2) * camera.pixel_rad
        y_rad = -(s.top + spot.row - (camera.rows - 1) / 2) * camera.pixel_rad
        flux = spot.flux_counts
    # A window only once the beacon is near the centre; the whole sensor when it is lost.
    near = spot is not None and (math.hypot(x_rad, y_rad) < 0.25 * TRACK_WINDOW * camera.pixel_rad)
    # What the frame shows is what the camera does: a command that got lost is given again.
    windowed = s.columns < camera.columns
    want_window = confirmed and (windowed or near)
    left = top = columns = rows = 0
    if want_window and not windowed:
        columns, rows = min(TRACK_WINDOW, camera.columns), min(TRACK_WINDOW, camera.rows)
        left, top = (camera.columns - columns) // 2, (camera.rows - rows) // 2
    elif windowed and not want_window:
        columns, rows = camera.columns, camera.rows
    command = CameraCommand(
        frame_t_ns=s.frame_t_ns,
        found=spot is not None,
        confirmed=confirmed,
        x_rad=x_rad,
        y_rad=y_rad,
        flux_counts=flux,
        window_left=left,
        window_top=top,
        window_columns=columns,
        window_rows=rows,
    )
    return BeaconState(hits, misses, confirmed, command), command
