"""The window on the sensor: never without the place where the beacon may be."""

from hypothesis import given
from hypothesis import strategies as st

from terminal.control.image.readout import CameraGeometry, Window, next_window, whole

CAMERA = CameraGeometry(columns=256, rows=200, pixel_rad=25e-6)
places = st.floats(-5e-3, 5e-3)


def inside_the_sensor(window: Window, camera: CameraGeometry = CAMERA) -> bool:
    return (
        window.left >= 0
        and window.top >= 0
        and 1 <= window.columns <= camera.columns - window.left
        and 1 <= window.rows <= camera.rows - window.top
    )


@given(places, places, st.floats(1e-6, 1e-2))
def test_all_that_the_sensor_shows_of_the_gate_is_read(x: float, y: float, half: float) -> None:
    window = next_window(CAMERA, Window(0, 0, 1, 1), x, y, half)
    assert window is not None
    assert inside_the_sensor(window)
    column, row = x / 25e-6 + 127.5, 99.5 - y / 25e-6
    for dx, dy in ((-1, 0), (1, 0), (0, -1), (0, 1)):
        c, r = column + dx * half / 25e-6, row + dy * half / 25e-6
        if 0 <= c <= 255 and 0 <= r <= 199:
            assert window.left <= c + 0.5
            assert c - 0.5 <= window.left + window.columns
            assert window.top <= r + 0.5
            assert r - 0.5 <= window.top + window.rows


@given(places, places, st.floats(1e-6, 1e-2))
def test_the_window_that_was_asked_for_will_do(x: float, y: float, half: float) -> None:
    window = next_window(CAMERA, Window(0, 0, 1, 1), x, y, half)
    assert window is not None
    assert next_window(CAMERA, window, x, y, half) is None


def test_it_follows_only_when_the_gate_leaves_it() -> None:
    first = next_window(CAMERA, whole(CAMERA), 0.0, 0.0, 300e-6)
    # A gate of +-12 pixels and 8 more on each side, in steps of 16.
    assert first == Window(104, 76, 48, 48)
    assert next_window(CAMERA, first, 200e-6, -200e-6, 300e-6) is None
    moved = next_window(CAMERA, first, 0.0, 600e-6, 300e-6)
    assert moved == Window(104, 52, 48, 48)


def test_it_grows_with_the_uncertainty_up_to_the_whole_sensor_and_shrinks_again() -> None:
    read, sides = whole(CAMERA), []
    for half in (300e-6, 600e-6, 1200e-6, 2400e-6, 4800e-6, 300e-6):
        read = next_window(CAMERA, read, 0.0, 0.0, half) or read
        sides.append(read.columns)
    assert sides == [48, 64, 112, 256, 256, 48]


def test_a_beacon_off_the_sensor_is_looked_for_everywhere() -> None:
    assert next_window(CAMERA, Window(104, 76, 48, 48), 0.05, 0.0, 300e-6) == whole(CAMERA)
    assert next_window(CAMERA, whole(CAMERA), 0.05, 0.0, 300e-6) is None


def test_a_small_sensor_is_read_whole() -> None:
    small = CameraGeometry(columns=40, rows=30, pixel_rad=25e-6)
    assert next_window(small, whole(small), 0.0, 0.0, 300e-6) is None
