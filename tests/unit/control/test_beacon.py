"""Confirmation of the beacon, the window on the sensor, and cameras that fall silent."""

import numpy as np
import pytest
from numpy.typing import NDArray

from config.loader import load_scenario
from terminal.codec import TickCodec
from terminal.control.beacon import (
    TRACK_WINDOW,
    BeaconState,
    CameraGeometry,
    camera_geometry,
    step,
)
from terminal.fields import NO_U8S
from terminal.messages import MESSAGES, CameraCommand, CameraSample
from terminal.mode import Mode

CONFIG = load_scenario("leo_haps_downlink").terminal
CAMERA = camera_geometry(CONFIG)
CONFIRM, DROP = CONFIG.acquisition.confirm_frames, CONFIG.acquisition.drop_frames
DT_S = 0.04
START_NS = 10**18


class Sequence:
    """Frames one after the other, through the step."""

    def __init__(self, mode: Mode = Mode.ACQUIRE) -> None:
        self.state = BeaconState()
        self.command = CameraCommand()
        self.mode = mode
        self.left = self.top = 0
        self.columns, self.rows = CAMERA.columns, CAMERA.rows
        self.t_ns = START_NS
        self.seq = 0

    def frame(self, beacon: tuple[float, float] | None) -> CameraCommand:
        """A frame with the beacon at (column, row) of the sensor; the asked window is obeyed."""
        self._advance(1)
        self.seq += 1
        pixels = self._render(beacon)
        sample = CameraSample(
            self.t_ns, self.t_ns, self.seq, self.left, self.top, self.columns, self.mode, pixels
        )
        self.state, self.command = step(CONFIG, CAMERA, self.state, sample, DT_S)
        c = self.command
        if c.window_columns:
            self.left, self.top = c.window_left, c.window_top
            self.columns, self.rows = c.window_columns, c.window_rows
        return self.command

    def silence(self, ticks: int) -> CameraCommand:
        self._advance(ticks)
        sample = CameraSample(self.t_ns, 0, -1, 0, 0, 0, self.mode, NO_U8S)
        self.state, self.command = step(CONFIG, CAMERA, self.state, sample, DT_S)
        return self.command

    def _advance(self, ticks: int) -> None:
        self.t_ns += ticks * round(DT_S * 1e9)

    def _render(self, beacon: tuple[float, float] | None) -> NDArray[np.uint8]:
        image = np.random.default_rng(self.seq).normal(20.0, 2.0, (self.rows, self.columns))
        if beacon is not None:
            columns = np.arange(self.columns) + self.left - beacon[0]
            rows = np.arange(self.rows) + self.top - beacon[1]
            image += 200.0 * np.exp(-0.5 * (columns[None, :] ** 2 + rows[:, None] ** 2) / 1.44)
        return np.clip(np.rint(image), 0, 255).astype(np.uint8).ravel()


CENTRE = ((CAMERA.columns - 1) / 2, (CAMERA.rows - 1) / 2)


def test_right_and_up_are_positive_in_the_whole_frame_and_in_a_window() -> None:
    sequence = Sequence()
    beacon = (CENTRE[0] + 10.0, CENTRE[1] - 6.0)
    for _ in range(CONFIRM + 2):
        found = sequence.frame(beacon)
        # 0.05 pixels are more than the noise of this spot leaves.
        assert found.x_rad == pytest.approx(10.0 * CAMERA.pixel_rad, abs=0.05 * CAMERA.pixel_rad)
        assert found.y_rad == pytest.approx(6.0 * CAMERA.pixel_rad, abs=0.05 * CAMERA.pixel_rad)
    assert (sequence.columns, sequence.rows) == (TRACK_WINDOW, TRACK_WINDOW)


def test_confirmed_after_enough_frames_in_a_row_and_dropped_after_enough_without() -> None:
    sequence = Sequence()
    for _ in range(CONFIRM - 1):
        assert not sequence.frame(CENTRE).confirmed
    assert not sequence.frame(None).confirmed
    confirmed = [sequence.frame(CENTRE).confirmed for _ in range(CONFIRM)]
    assert confirmed == [False] * (CONFIRM - 1) + [True]
    missed = [sequence.frame(None) for _ in range(DROP)]
    assert [c.confirmed for c in missed] == [True] * (DROP - 1) + [False]
    assert not any(c.found for c in missed)
    # The window is given up with the beacon.
    assert sequence.columns == CAMERA.columns


def test_a_missed_frame_does_not_make_a_far_beacon_near() -> None:
    """Else the sensor would be cut to a window that the beacon is not in."""
    sequence = Sequence()
    far = (CENTRE[0] + 90.0, CENTRE[1])
    for _ in range(CONFIRM):
        sequence.frame(far)
    missed = sequence.frame(None)
    assert missed.confirmed
    assert missed.window_columns == 0
    assert sequence.frame(far).found


def test_the_last_answer_stands_between_frames_but_not_for_ever() -> None:
    sequence = Sequence()
    for _ in range(CONFIRM):
        seen = sequence.frame(CENTRE)
    assert sequence.silence(1) == seen._replace(window_columns=0, window_rows=0)
    silent = sequence.silence(5)
    assert not silent.found
    assert not silent.confirmed
    # When it comes back, it is confirmed anew.
    assert not sequence.frame(CENTRE).confirmed


def test_a_frame_from_the_future_does_not_stand_for_ever() -> None:
    sequence = Sequence()
    sequence.t_ns += 10**12
    assert sequence.frame(CENTRE).found
    sequence.t_ns -= 10**12
    assert not sequence.silence(1).found


@pytest.mark.parametrize("mode", [Mode.STANDBY, Mode.POINT, Mode.SAFE])
def test_nothing_is_looked_for_where_nobody_should_shine(mode: Mode) -> None:
    sequence = Sequence()
    for _ in range(CONFIRM):
        sequence.frame(CENTRE)
    sequence.mode = mode
    command = sequence.frame(CENTRE)
    assert not command.found
    assert not command.confirmed


def test_a_sensor_smaller_than_the_window_is_read_whole() -> None:
    small = CameraGeometry(columns=40, rows=30, pixel_rad=CAMERA.pixel_rad)
    pixels = np.full((30, 40), 20, np.uint8)
    pixels[14:16, 19:21] = 200
    sample = CameraSample(START_NS, START_NS, 1, 0, 0, 40, Mode.TRACK, pixels.ravel())
    state = BeaconState()
    for _ in range(CONFIRM):
        state, command = step(CONFIG, small, state, sample, DT_S)
        TickCodec(MESSAGES["camera"]).pack(0, sample, command)
    assert (command.window_left, command.window_top) == (0, 0)
    assert (command.window_columns, command.window_rows) == (40, 30)


def test_a_window_command_that_got_lost_is_given_again() -> None:
    sequence = Sequence()
    for _ in range(CONFIRM):
        command = sequence.frame(CENTRE)
    assert command.window_columns == TRACK_WINDOW
    sequence.left = sequence.top = 0
    sequence.columns, sequence.rows = CAMERA.columns, CAMERA.rows
    assert sequence.frame(CENTRE).window_columns == TRACK_WINDOW
    assert sequence.frame(CENTRE).window_columns == 0
