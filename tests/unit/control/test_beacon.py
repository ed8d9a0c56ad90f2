"""Frames through the step: confirmation under a moving gimbal, window, exposure, silence."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from config.loader import load_scenario
from terminal.codec import TickCodec
from terminal.control.image.beacon import BeaconState, camera_geometry, step
from terminal.control.image.readout import CameraGeometry
from terminal.control.image.tracks import FALSE_KEPT_S
from terminal.fields import NO_U8S
from terminal.messages import MESSAGES, CameraCommand, CameraSample
from terminal.mode import Mode

CONFIG = load_scenario("leo_haps_downlink").terminal
CAMERA = camera_geometry(CONFIG)
CONFIRM, DROP = CONFIG.acquisition.confirm_frames, CONFIG.acquisition.drop_frames
ALLOWED = CONFIG.acquisition.beacon.confirm_misses
DT_S = 0.04
START_NS = 10**18
AHEAD = (1.0, 0.0, 0.0)
CODEC = TickCodec(MESSAGES["camera"])
Place = tuple[float, float]


class Sequence:
    """A beacon at a place of the sky, and a gimbal and a camera that do as they are told.

    Places are (right, up) of the prediction, in pixels. Joints at zero look ahead.
    """

    def __init__(self, mode: Mode = Mode.ACQUIRE, power: float = 200.0) -> None:
        self.state = BeaconState()
        self.command = CameraCommand()
        self.mode = mode
        self.power = power
        """Counts at the peak in a millisecond."""
        self.boresight: Place = (0.0, 0.0)
        self.left = self.top = 0
        self.columns, self.rows = CAMERA.columns, CAMERA.rows
        self.exposure_us = 1000
        self.t_ns = START_NS
        self.seq = 0
        self.false_locks = 0

    def frame(self, beacon: Place | None, *hot: Place) -> CameraCommand:
        """A frame with a beacon at a place of the sky, and spots at places of the sensor."""
        self._advance(1)
        self.seq += 1
        bx, by = self.boresight
        shown = [(beacon[0] - bx, beacon[1] - by)] if beacon else []
        pixels = self._render([*shown, *hot])
        yaw, pitch = bx * CAMERA.pixel_rad, by * CAMERA.pixel_rad
        sample = CameraSample(
            t_ns=self.t_ns,
            frame_t_ns=self.t_ns,
            frame_seq=self.seq,
            exposure_us=self.exposure_us,
            left=self.left,
            top=self.top,
            columns=self.columns,
            mode=self.mode,
            yaw_rad=math.atan(yaw),
            pitch_rad=math.atan(pitch),
            roll_rad=0.0,
            los_x=1.0,
            los_y=0.0,
            los_z=0.0,
            los_rate_x=0.0,
            los_rate_y=0.0,
            los_rate_z=0.0,
            pixels=pixels,
            false_locks=self.false_locks,
        )
        self.state, self.command = step(CONFIG, CAMERA, self.state, sample, DT_S)
        CODEC.pack(0, sample, self.command)
        c = self.command
        if c.window_columns:
            self.left, self.top = c.window_left, c.window_top
            self.columns, self.rows = c.window_columns, c.window_rows
        self.exposure_us = c.exposure_us or self.exposure_us
        return self.command

    def silence(self, ticks: int) -> CameraCommand:
        self._advance(ticks)
        sample = CameraSample(
            self.t_ns, 0, -1, 0, 0, 0, 0, self.mode, 0.0, 0.0, 0.0, *AHEAD, 0.0, 0.0, 0.0, NO_U8S
        )
        self.state, self.command = step(CONFIG, CAMERA, self.state, sample, DT_S)
        return self.command

    def _advance(self, ticks: int) -> None:
        self.t_ns += ticks * round(DT_S * 1e9)

    def _render(self, spots: list[Place]) -> NDArray[np.uint8]:
        image = np.random.default_rng(self.seq).normal(20.0, 2.0, (self.rows, self.columns))
        for x, y in spots:
            columns = np.arange(self.columns) + self.left - (CAMERA.columns - 1) / 2 - x
            rows = np.arange(self.rows) + self.top - (CAMERA.rows - 1) / 2 + y
            light = np.exp(-0.5 * (columns[None, :] ** 2 + rows[:, None] ** 2) / 1.44)
            image += self.power * self.exposure_us / 1000.0 * light
        return np.clip(np.rint(image), 0, 255).astype(np.uint8).ravel()


CENTRE = (0.0, 0.0)


def test_right_and_up_are_positive_in_the_whole_frame_and_in_a_window() -> None:
    sequence = Sequence(Mode.LINK)
    for k in range(CONFIRM + 4):
        found = sequence.frame((10.0, 6.0))
        assert 0.0 < found.sigma_rad < 0.05 * CAMERA.pixel_rad
        assert found.x_rad == pytest.approx(10.0 * CAMERA.pixel_rad, abs=4 * found.sigma_rad)
        assert found.y_rad == pytest.approx(6.0 * CAMERA.pixel_rad, abs=4 * found.sigma_rad)
        assert found.confirmed == (k >= CONFIRM - 1)
    assert sequence.columns < CAMERA.columns


def test_dropped_after_enough_frames_without_and_the_window_grows_meanwhile() -> None:
    sequence = Sequence(Mode.LINK)
    for _ in range(CONFIRM + 2):
        sequence.frame(CENTRE)
    sides = [sequence.columns]
    for k in range(1, DROP + 1):
        missed = sequence.frame(None)
        assert not missed.found
        assert missed.confirmed == (k < DROP)
        sides.append(sequence.columns)
    assert sides == sorted(sides)
    assert sides[0] < sides[-2]
    assert sides[-1] == CAMERA.columns


def test_a_frame_may_be_missed_on_the_way() -> None:
    sequence = Sequence()
    sequence.frame(CENTRE)
    for _ in range(ALLOWED):
        assert not sequence.frame(None).found
    confirmed = [sequence.frame(CENTRE).confirmed for _ in range(CONFIRM - 1)]
    assert confirmed == [False] * (CONFIRM - 2) + [True]


def test_confirmed_while_the_scan_carries_it_across_the_field() -> None:
    """20 mrad/s are 32 pixels a frame. A spot that is fixed on the sensor is not confirmed."""
    sequence = Sequence()
    step_pixels = 20e-3 * DT_S / CAMERA.pixel_rad
    for k in range(7):
        sequence.boresight = (step_pixels * k, -0.5 * step_pixels * k)
        command = sequence.frame((100.0, 20.0), (-60.0, -30.0))
        assert command.confirmed == (k >= CONFIRM - 1)
        if command.confirmed:
            right = (100.0 - step_pixels * k) * CAMERA.pixel_rad
            assert command.x_rad == pytest.approx(right, abs=0.5 * CAMERA.pixel_rad)
    sequence = Sequence()
    for k in range(20):
        sequence.boresight = (step_pixels * k, 0.0)
        assert not sequence.frame(None, (-60.0, -30.0)).confirmed


def test_until_the_link_stands_the_whole_image_is_watched() -> None:
    """So that a beacon which is there beside a false spot is not missed; then it is not needed."""
    for mode, whole in ((Mode.ACQUIRE, True), (Mode.TRACK, True), (Mode.LINK, False)):
        sequence = Sequence(mode)
        for _ in range(CONFIRM + 2):
            sequence.frame(CENTRE)
        assert (sequence.columns == CAMERA.columns) is whole


def test_after_a_false_lock_the_true_beacon_beside_it_is_confirmed_at_once() -> None:
    """The false one stood in the image first, and stays: it is not taken again."""
    sequence, false, true = Sequence(), (0.0, 0.0), (60.0, 20.0)
    for _ in range(CONFIRM):
        sequence.frame(false)
    for _ in range(CONFIRM):
        command = sequence.frame(false, true)
        assert command.confirmed
        assert command.x_rad == pytest.approx(0.0, abs=CAMERA.pixel_rad)
        assert command.false_locks == 0
    sequence.false_locks = 1
    for _ in range(50):
        command = sequence.frame(false, true)
        assert command.confirmed
        assert command.x_rad == pytest.approx(60.0 * CAMERA.pixel_rad, abs=CAMERA.pixel_rad)
        assert command.false_locks == 1


def test_a_false_place_is_forgotten_in_time_and_not_by_silence() -> None:
    sequence = Sequence()
    for _ in range(CONFIRM):
        sequence.frame(CENTRE)
    sequence.false_locks = 1
    for k in range(round(FALSE_KEPT_S / DT_S) - 10):
        seen = sequence.silence(6) if k == 1 else sequence.frame(CENTRE)
        assert not seen.found
        assert not seen.confirmed
    answers = [sequence.frame(CENTRE).confirmed for _ in range(20 + CONFIRM)]
    assert answers[-1]


def test_the_window_goes_along_with_the_beacon_while_the_gimbal_pulls_it_in() -> None:
    sequence = Sequence(Mode.LINK)
    for k in range(40):
        sequence.boresight = (90.0 * (1.0 - math.exp(-0.12 * k)), 0.0)
        command = sequence.frame((90.0, 0.0))
        assert command.found
    assert sequence.columns < CAMERA.columns / 2


def test_the_last_answer_stands_between_frames_but_not_for_ever() -> None:
    sequence = Sequence()
    for _ in range(CONFIRM):
        seen = sequence.frame(CENTRE)
    assert sequence.silence(1) == seen._replace(window_columns=0, window_rows=0, exposure_us=0)
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


def test_a_window_command_that_got_lost_is_given_again() -> None:
    sequence = Sequence(Mode.LINK)
    for _ in range(CONFIRM):
        command = sequence.frame(CENTRE)
    assert 0 < command.window_columns < CAMERA.columns
    sequence.left = sequence.top = 0
    sequence.columns, sequence.rows = CAMERA.columns, CAMERA.rows
    assert sequence.frame(CENTRE).window_columns == command.window_columns
    assert sequence.frame(CENTRE).window_columns == 0


@pytest.mark.parametrize("power", [25.0, 100.0, 1e3, 1e4, 5e4])
def test_the_exposure_brings_the_peak_between_its_limits(power: float) -> None:
    """Over three decades, found and confirmed all the way, clipped at first."""
    sequence = Sequence(power=power)
    first = sequence.frame(CENTRE)
    assert first.saturated == (power > 235.0)
    for _ in range(12):
        last = sequence.frame(CENTRE)
        assert last.found
        assert abs(last.x_rad) < 0.3 * CAMERA.pixel_rad
    assert last.confirmed
    assert not last.saturated
    assert last.exposure_us == 0
    assert 0.3 * 255 <= power * sequence.exposure_us / 1000.0 <= 0.8 * 255


def test_the_scan_bounds_the_smear() -> None:
    """Half a pixel of smear at 20 mrad/s would be 625 us; two are 2.5 ms."""
    sequence = Sequence(power=20.0)
    for _ in range(2):
        sequence.frame(CENTRE)
    assert sequence.exposure_us == 2500
    for _ in range(8):
        sequence.frame(CENTRE)
    assert sequence.exposure_us > 2500


def test_a_glint_of_one_frame_changes_nothing() -> None:
    sequence = Sequence(power=1e4)
    command = sequence.frame((50.0, 50.0))
    assert command.found
    assert command.exposure_us == 0
    assert not sequence.frame(None).found


stamps = st.integers(-(2**63), 2**63 - 1)
angles = st.floats(-7.0, 7.0)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(stamps, stamps, angles, angles, st.binary(max_size=600)), max_size=6))
def test_any_frames(frames: list[tuple[int, int, float, float, bytes]]) -> None:
    """Whatever the pixels, stamps and joints: an answer that can be recorded."""
    small = CameraGeometry(columns=20, rows=30, pixel_rad=CAMERA.pixel_rad)
    state = BeaconState()
    for t_ns, frame_t_ns, yaw, pitch, data in frames:
        pixels = np.frombuffer(data, np.uint8)
        pixels = pixels[: len(pixels) // 20 * 20]
        if not len(pixels):
            continue
        sample = CameraSample(
            *(t_ns, frame_t_ns, 1, 2**32 - 1, 0, 0, 20, Mode.ACQUIRE, yaw, pitch, 0.0),
            *(*AHEAD, 0.0, 0.01, 0.0),
            pixels,
        )
        state, command = step(CONFIG, small, state, sample, DT_S)
        CODEC.pack(0, sample, command)
        assert math.isfinite(command.x_rad)
        assert command.window_left + command.window_columns <= 20
        assert command.window_top + command.window_rows <= 30
