"""Which part of the sensor to read: all of it to search, and around the beacon to follow it."""

import math
from typing import NamedTuple

MARGIN_PIXELS = 8
"""Around the gate, for the spot itself and enough background to measure the noise."""

STEP_PIXELS = 16
"""Windows have sides of whole steps, so that they don't change with every frame."""

WORTHWHILE = 0.75
"""A window of more than this share of the sensor's side is not worth it."""

OVERSIZE = 1.5
"""A window of up to this many times the wanted side stays as it is."""


class CameraGeometry(NamedTuple):
    """Sensor size and scale, as the camera's driver is configured."""

    columns: int
    rows: int
    pixel_rad: float


class Window(NamedTuple):
    """Part of the sensor, in pixels."""

    left: int
    top: int
    columns: int
    rows: int


def whole(camera: CameraGeometry) -> Window:
    return Window(0, 0, camera.columns, camera.rows)


def next_window(
    camera: CameraGeometry, read: Window, x_rad: float, y_rad: float, half_rad: float
) -> Window | None:
    """The window to ask for, or None where the one just read will do.

    Args:
        read: the window of the newest frame.
        x_rad, y_rad: where the spot is expected, relative to the boresight.
        half_rad: how far from there it may be.
    """
    column = x_rad / camera.pixel_rad + (camera.columns - 1) / 2
    row = (camera.rows - 1) / 2 - y_rad / camera.pixel_rad
    half = half_rad / camera.pixel_rad
    if 2.0 * half > max(camera.columns, camera.rows):
        wanted = whole(camera)
    else:
        wanted = _around(camera, column, row, half)
    # What the frame shows is what the camera does: a command that got lost is given again.
    if wanted == whole(camera):
        return None if read == wanted else wanted
    small_enough = max(read.columns, read.rows) <= OVERSIZE * wanted.columns
    if small_enough and _holds(camera, read, column, row, half):
        return None
    return wanted


def _around(camera: CameraGeometry, column: float, row: float, half: float) -> Window:
    """A window of whole steps with (column, row) in its middle, moved into the sensor."""
    side = STEP_PIXELS * math.ceil(2.0 * (half + MARGIN_PIXELS) / STEP_PIXELS)
    inside = 0 <= column < camera.columns and 0 <= row < camera.rows
    if not inside or side > WORTHWHILE * min(camera.columns, camera.rows):
        return whole(camera)
    left = max(0, min(round(column - side / 2), camera.columns - side))
    top = max(0, min(round(row - side / 2), camera.rows - side))
    return Window(left, top, side, side)


def _holds(camera: CameraGeometry, read: Window, column: float, row: float, half: float) -> bool:
    """Whether the sensor's part of the square around (column, row) lies in the window."""
    return (
        max(column - half, 0) >= read.left
        and min(column + half, camera.columns) <= read.left + read.columns
        and max(row - half, 0) >= read.top
        and min(row + half, camera.rows) <= read.top + read.rows
    )
