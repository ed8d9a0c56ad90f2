"""What a camera owes its user, on the Mono8 emulator in process and behind TCP."""

from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray
from wire import LoopbackTransport

from drivers.camera_mono8 import Mono8Camera
from drivers.protocols import Frame
from sim_devices.camera_mono8 import Mono8CameraEmulator
from sim_devices.emulator import InProcessTransport, SimClock

T0_NS = 1_800_000_000 * 10**9
MS_NS = 1_000_000
COLUMNS, ROWS = 64, 48
PERIOD_NS = 10 * MS_NS
EXPOSURE_NS, READOUT_NS = 2 * MS_NS, 3 * MS_NS


class Scene:
    """Every pixel tells where on the sensor it is; keeps when and how long was exposed."""

    def __init__(self) -> None:
        self.asked_ns: list[int] = []
        self.asked_us: list[int] = []
        row, column = np.mgrid[:ROWS, :COLUMNS]
        self.sensor = (row * 5 + column).astype(np.uint8)

    def expose(
        self, t_ns: int, exposure_us: int, left: int, top: int, columns: int, rows: int
    ) -> NDArray[np.uint8]:
        self.asked_ns.append(t_ns)
        self.asked_us.append(exposure_us)
        return self.sensor[top : top + rows, left : left + columns]


class Bench:
    """A driver, the camera, and the clock of both."""

    def __init__(self, transport_class: type) -> None:
        self.clock = SimClock(T0_NS)
        self.scene = Scene()
        self.device = Mono8CameraEmulator(
            self.scene,
            rate_hz=100,
            columns=COLUMNS,
            rows=ROWS,
            exposure_us=EXPOSURE_NS // 1000,
            readout_ns=READOUT_NS,
        )
        self.before_next_poll = b""
        """Rubbish on the line."""
        self.transport = transport_class(self, self.clock)
        self.camera = Mono8Camera(self.transport, pixel_rad=1e-5, columns=COLUMNS, rows=ROWS)
        self.poll_camera()

    def receive(self, data: bytes, t_ns: int) -> None:
        self.device.receive(data, t_ns)

    def poll(self, t_ns: int) -> bytes:
        sent = self.before_next_poll + self.device.poll(t_ns)
        self.before_next_poll = b""
        return sent

    def poll_camera(self) -> Frame | None:
        return self.camera.poll(self.clock.t_ns)

    def at(self, since_start_ns: int) -> Frame | None:
        self.clock.t_ns = T0_NS + since_start_ns
        return self.poll_camera()


@pytest.fixture(params=[InProcessTransport, LoopbackTransport], ids=["in_process", "tcp"])
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    bench = Bench(request.param)
    yield bench
    bench.camera.close()


def test_a_frame_arrives_after_exposure_and_readout(bench: Bench):
    assert bench.at(EXPOSURE_NS + READOUT_NS - 1) is None
    frame = bench.at(EXPOSURE_NS + READOUT_NS)
    assert frame[:5] == (T0_NS + EXPOSURE_NS // 2, 0, EXPOSURE_NS // 1000, 0, 0)
    assert np.array_equal(frame.pixels, bench.scene.sensor)
    assert frame.pixels.dtype == np.uint8
    assert frame.pixels.shape == bench.camera.sensor_shape == (ROWS, COLUMNS)
    assert bench.poll_camera() is None


def test_frames_are_numbered_and_stamped_in_the_middle_of_their_exposure(bench: Bench):
    for k in range(20):
        frame = bench.at(k * PERIOD_NS + 7 * MS_NS)
        assert (frame.seq, frame.t_ns) == (k, T0_NS + k * PERIOD_NS + EXPOSURE_NS // 2)
    assert bench.scene.asked_ns == [T0_NS + k * PERIOD_NS + EXPOSURE_NS // 2 for k in range(20)]
    assert bench.camera.health == (0, 0, 0, 0, "")


def test_a_late_poll_gets_the_newest_frame(bench: Bench):
    assert bench.at(2 * PERIOD_NS + 7 * MS_NS).seq == 2
    assert bench.poll_camera() is None


def test_a_long_pause_shows_in_the_numbers(bench: Bench):
    frame = bench.at(50 * 1000 * MS_NS + 7 * MS_NS)
    assert frame.seq == 5000
    assert frame.t_ns == bench.clock.t_ns - 6 * MS_NS
    assert len(bench.scene.asked_ns) < 10


@pytest.mark.parametrize("commanded_ns", [EXPOSURE_NS // 4, EXPOSURE_NS, 9 * MS_NS])
def test_a_window_holds_from_the_next_exposure_on(bench: Bench, commanded_ns: int):
    bench.at(commanded_ns)
    bench.camera.window(10, 20, 16, 8, bench.clock.t_ns)
    old = bench.at(9 * MS_NS)
    if commanded_ns < 9 * MS_NS:
        assert old.pixels.shape == (ROWS, COLUMNS)
    new = bench.at(PERIOD_NS + 7 * MS_NS)
    assert (new.seq, new.left, new.top) == (1, 10, 20)
    assert np.array_equal(new.pixels, bench.scene.sensor[20:28, 10:26])


@pytest.mark.parametrize(
    ("asked", "got"),
    [
        ((-5, -5, 10, 10), (0, 0, 10, 10)),
        ((60, 47, 10, 10), (54, 38, 10, 10)),
        ((0, 0, 1000, 1000), (0, 0, COLUMNS, ROWS)),
        ((3, 3, 0, 0), (3, 3, 1, 1)),
    ],
)
def test_windows_are_moved_into_the_sensor(bench: Bench, asked, got):
    bench.camera.window(*asked, bench.clock.t_ns)
    bench.at(7 * MS_NS)
    frame = bench.at(PERIOD_NS + 7 * MS_NS)
    rows, columns = frame.pixels.shape
    assert (frame.left, frame.top, columns, rows) == got


@pytest.mark.parametrize("commanded_ns", [EXPOSURE_NS // 4, EXPOSURE_NS, 9 * MS_NS])
@pytest.mark.parametrize("exposure_us", [2, 500, 2001, 10_000])
def test_an_exposure_holds_from_the_next_frame_on(
    bench: Bench, commanded_ns: int, exposure_us: int
):
    bench.at(commanded_ns)
    bench.camera.expose(exposure_us, bench.clock.t_ns)
    for k in (1, 2):
        start_ns = k * PERIOD_NS
        frame = bench.at(start_ns + exposure_us * 1000 + READOUT_NS)
        assert (frame.seq, frame.exposure_us) == (k, exposure_us)
        assert frame.t_ns == T0_NS + start_ns + exposure_us * 500
    assert bench.scene.asked_us[:3] == [EXPOSURE_NS // 1000, exposure_us, exposure_us]


@pytest.mark.parametrize("exposure_us", [10_001, 10**6, 2**40])
def test_an_exposure_longer_than_the_frame_is_ignored(bench: Bench, exposure_us: int):
    bench.camera.expose(exposure_us, bench.clock.t_ns)
    for k in range(3):
        assert bench.at(k * PERIOD_NS + 7 * MS_NS).exposure_us == EXPOSURE_NS // 1000


def test_no_exposure_is_shorter_than_a_microsecond(bench: Bench):
    bench.camera.expose(-5, bench.clock.t_ns)
    bench.at(7 * MS_NS)
    assert bench.at(PERIOD_NS + 7 * MS_NS).exposure_us == 1


def test_window_and_exposure_of_one_tick_are_both_obeyed(bench: Bench):
    bench.camera.expose(700, bench.clock.t_ns)
    bench.camera.window(10, 20, 16, 8, bench.clock.t_ns)
    bench.at(7 * MS_NS)
    frame = bench.at(PERIOD_NS + 7 * MS_NS)
    assert (frame.exposure_us, frame.left, frame.pixels.shape) == (700, 10, (8, 16))


@pytest.mark.parametrize("rubbish", [b"\x00" * 100, b"QF01" * 9, b"QF0", b"QF01" + b"\xff" * 60])
def test_good_frames_after_rubbish(bench: Bench, rubbish: bytes):
    bench.before_next_poll = rubbish
    frame = bench.at(7 * MS_NS)
    assert frame.seq == 0
    assert bench.camera.health.garbage_bytes == len(rubbish)


@pytest.mark.parametrize("kept", [1, 20, 36, 37, 1000, 36 + COLUMNS * ROWS - 1])
def test_a_frame_cut_short_costs_only_itself(bench: Bench, kept: int):
    bench.clock.t_ns += 7 * MS_NS
    bench.before_next_poll = bench.device.poll(bench.clock.t_ns)[:kept]
    frames = [bench.at(k * PERIOD_NS + 7 * MS_NS) for k in range(1, 4)]
    assert frames[-1].seq == 3
    assert all(f is None or np.array_equal(f.pixels, bench.scene.sensor) for f in frames)


def test_the_same_frame_twice_is_given_once(bench: Bench):
    bench.clock.t_ns += 7 * MS_NS
    sent = bench.device.poll(bench.clock.t_ns)
    bench.before_next_poll = sent
    assert bench.poll_camera().seq == 0
    bench.before_next_poll = sent
    assert bench.poll_camera() is None


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"pixel_rad": 0.0, "columns": 1, "rows": 1}, "pixel_rad"),
        ({"pixel_rad": 1e-5, "columns": 0, "rows": 1}, "columns"),
        ({"pixel_rad": 1e-5, "columns": 1, "rows": 65536}, "rows"),
    ],
)
def test_bad_options(options: dict[str, float], name: str):
    with pytest.raises(ValueError, match=name):
        Mono8Camera(None, **options)
