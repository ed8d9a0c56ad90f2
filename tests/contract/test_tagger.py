"""What a time tagger owes its user, on the a1 emulator in process and behind TCP."""

from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray
from wire import LoopbackTransport

from drivers.protocols import TagBlock
from drivers.tagger_a1 import A1Tagger
from sim_devices.emulator import InProcessTransport, SimClock
from sim_devices.tagger_a1 import A1TaggerEmulator

T0_NS = 1_800_000_000 * 10**9
MS_NS = 1_000_000
S_PS = 10**12
RATE_HZ = 5e4
QUANTUM_PS = 1000 / 256
"""A time goes through a rounding to this and one to a picosecond."""


class Source:
    """Random clicks on a clock that showed 100 s at the start."""

    def __init__(self) -> None:
        self.rng = np.random.default_rng(11)
        self.rate_hz = RATE_HZ
        self.channels = 4
        self.clock_ps = 100 * S_PS
        self.taken_ns = T0_NS
        self.time_ps: list[int] = []
        self.channel: list[int] = []

    def take(self, t_ns: int) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
        span_ps = (t_ns - self.taken_ns) * 1000
        count = self.rng.poisson(self.rate_hz * span_ps * 1e-12)
        time_ps = np.sort(self.clock_ps + self.rng.integers(0, max(span_ps, 1), count))
        channel = self.rng.integers(0, self.channels, count).astype(np.uint8)
        self.clock_ps += span_ps
        self.taken_ns = t_ns
        self.time_ps += time_ps.tolist()
        self.channel += channel.tolist()
        return time_ps, channel


class Bench:
    """A driver, the card, and the clock of both."""

    def __init__(self, transport_class: type) -> None:
        self.clock = SimClock(T0_NS)
        self.source = Source()
        self.device = A1TaggerEmulator(self.source)
        self.before_next_poll = b""
        """Rubbish on the line."""
        self.swallowed = 0
        """Bytes that the line is about to lose."""
        self.bytes_sent = 0
        self.transport = transport_class(self, self.clock)
        self.tagger = A1Tagger(self.transport)
        self.blocks: list[TagBlock] = []

    def receive(self, data: bytes, t_ns: int) -> None:
        self.device.receive(data, t_ns)

    def poll(self, t_ns: int) -> bytes:
        sent = self.before_next_poll + self.device.poll(t_ns)
        self.before_next_poll = b""
        sent, self.swallowed = sent[self.swallowed :], max(0, self.swallowed - len(sent))
        self.bytes_sent += len(sent)
        return sent

    def step(self, milliseconds: int = 20) -> TagBlock:
        self.clock.t_ns += milliseconds * MS_NS
        self.blocks.append(self.tagger.poll(self.clock.t_ns))
        return self.blocks[-1]

    def run(self, polls: int) -> None:
        for _ in range(polls):
            self.step()

    def given(self) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
        return (
            np.concatenate([b.time_ps for b in self.blocks]),
            np.concatenate([b.channel for b in self.blocks]),
        )

    def assert_only_true_clicks(self) -> None:
        """Each click given was made, in its channel, at its time, and is given once."""
        time_ps, channel = self.given()
        true_ps, true_channel = np.array(self.source.time_ps), np.array(self.source.channel)
        nearest = np.searchsorted((true_ps[1:] + true_ps[:-1]) / 2, time_ps)
        assert np.all(np.abs(true_ps[nearest] - time_ps) <= QUANTUM_PS / 2 + 1)
        assert np.array_equal(true_channel[nearest], channel)
        assert len(np.unique(nearest)) == len(nearest)


@pytest.fixture(params=[InProcessTransport, LoopbackTransport], ids=["in_process", "tcp"])
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    bench = Bench(request.param)
    yield bench
    bench.tagger.close()


def test_an_empty_block_before_the_first_click(bench: Bench):
    block = bench.tagger.poll(bench.clock.t_ns)
    assert (block.seq, len(block.time_ps), len(block.channel), block.step_back) == (0, 0, 0, False)
    assert (block.time_ps.dtype, block.channel.dtype) == (np.int64, np.uint8)


def test_all_clicks_arrive_once_in_order(bench: Bench):
    bench.run(50)
    time_ps, channel = bench.given()
    assert len(time_ps) == len(bench.source.time_ps) > 40_000
    assert np.max(np.abs(time_ps - bench.source.time_ps)) <= QUANTUM_PS / 2 + 1
    assert channel.tolist() == bench.source.channel
    assert [b.seq for b in bench.blocks] == list(range(50))
    assert not any(b.step_back for b in bench.blocks)
    assert bench.tagger.health == (0, 0, 0, 0, "")


def test_a_quiet_stream_says_that_it_lives(bench: Bench):
    bench.step()
    bench.source.rate_hz = 0.0
    for _ in range(100):
        before = bench.bytes_sent
        for _ in range(5):
            assert len(bench.step().time_ps) == 0
        assert bench.bytes_sent > before
    bench.source.rate_hz = RATE_HZ
    assert len(bench.step().time_ps) > 0
    assert not any(b.step_back for b in bench.blocks)
    assert bench.tagger.health == (0, 0, 0, 0, "")


def test_a_silent_tagger_gives_nothing_and_comes_back(bench: Bench):
    bench.run(5)
    bench.device.silent = True
    bench.step(5000)
    bench.run(5)
    assert all(len(b.time_ps) == 0 for b in bench.blocks[5:])
    bench.device.silent = False
    assert len(bench.step().time_ps) > 0
    bench.assert_only_true_clicks()
    assert bench.tagger.health == (0, 0, 0, 0, "")


def test_a_stream_joined_a_byte_early_is_put_right(bench: Bench):
    """The hardest case, with a time whose top byte looks like a click: 256 times too fast."""
    bench.source.clock_ps = 300 * S_PS
    bench.swallowed = 7
    bench.run(10)
    time_ps, _ = bench.given()
    true_ps = np.array(bench.source.time_ps)
    late = true_ps[true_ps > 300 * S_PS + 40 * MS_NS * 1000]
    assert np.max(np.abs(time_ps[-len(late) :] - late)) <= QUANTUM_PS / 2 + 1


@pytest.mark.parametrize("channels", [1, 4])
@pytest.mark.parametrize("back_ps", [S_PS, 99 * S_PS])
def test_a_step_back_is_flagged_once_and_followed(bench: Bench, back_ps: int, channels: int):
    bench.source.channels = channels
    bench.run(3)
    bench.source.clock_ps -= back_ps
    bench.run(3)
    assert [b.step_back for b in bench.blocks] == [False] * 3 + [True] + [False] * 2
    assert len(bench.given()[0]) == len(bench.source.time_ps)
    assert bench.tagger.health.bad_frames == 1
    assert bench.tagger.health.last_error


@pytest.mark.parametrize("channels", [1, 4])
@pytest.mark.parametrize("size", range(1, 20))
def test_bytes_too_many_are_found_and_dropped(bench: Bench, size: int, channels: int):
    """With one channel alone the flags are the same in every word, so alignments look alike."""
    bench.source.channels = channels
    bench.run(3)
    bench.before_next_poll = b"\xa5" * size
    bench.run(3)
    bench.assert_only_true_clicks()
    # The word that the rubbish ran into may be lost with it.
    assert len(bench.given()[0]) >= len(bench.source.time_ps) - 2
    assert bench.tagger.health.garbage_bytes <= size + 16
    assert bench.tagger.health.bad_frames == 1


@pytest.mark.parametrize("channels", [1, 4])
@pytest.mark.parametrize("size", range(1, 20))
def test_bytes_too_few_are_found(bench: Bench, size: int, channels: int):
    bench.source.channels = channels
    bench.run(3)
    bench.swallowed = size
    bench.run(3)
    bench.assert_only_true_clicks()
    assert len(bench.given()[0]) >= len(bench.source.time_ps) - size // 8 - 3


@pytest.mark.parametrize("channels", [1, 4])
@pytest.mark.parametrize("size", range(1, 8))
def test_a_stream_joined_within_a_word(bench: Bench, size: int, channels: int):
    bench.source.channels = channels
    bench.swallowed = size
    bench.run(3)
    bench.assert_only_true_clicks()
    assert len(bench.given()[0]) == len(bench.source.time_ps) - 1
    assert bench.tagger.health == (8 - size, 0, 0, 0, "")


def test_a_clock_before_its_zero_is_sent_as_zero(bench: Bench):
    """Jitter may put the first click of a stream before the counter's start."""
    bench.source.clock_ps = -500
    bench.source.rate_hz = 1e9
    bench.clock.t_ns += 10
    block = bench.tagger.poll(bench.clock.t_ns)
    assert np.min(bench.source.time_ps) < 0 == np.min(block.time_ps)
    assert not block.step_back
