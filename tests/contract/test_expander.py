"""What a beam expander's stage owes its user: ELL20 and LD4i on their emulators, in process and
behind a terminal."""

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pumped_pty import PumpedPty

from drivers.expander_ell20 import Ell20
from drivers.expander_ld4i import Ld4i
from drivers.protocols import Expander, ExpanderState
from drivers.transport import Transport
from sim_devices.emulator import InProcessTransport, SimClock
from sim_devices.expander import ExpanderEmulator
from sim_devices.expander_ell20 import Ell20Emulator
from sim_devices.expander_ld4i import Ld4iEmulator

T0_NS = 1_860_000_000_000_000_000
STEP_NS = 10_000_000


class Kind(NamedTuple):
    """A device and what is true of it."""

    driver: Callable[[Transport], Expander]
    emulator: Callable[[], ExpanderEmulator]
    places: tuple[float, ...]
    beyond: tuple[float, ...]
    resolution: float
    name: str


KINDS = (
    Kind(
        Ell20, Ell20Emulator, (0.0025, 0.0, 0.06, 0.0101), (-1e-4, 0.0601), 0.5e-3 / 1024, "ELL20"
    ),
    Kind(Ld4i, Ld4iEmulator, (1.0, -2.0, 5.0, 0.123), (-2.1, 5.1), 0.5 / 200, "LD4i"),
)


class Tap:
    """A transport that may put bytes in or cut the line."""

    def __init__(self, inner: Transport) -> None:
        self._inner = inner
        self.insert = b""
        self.deaf = False

    def read(self) -> bytes:
        data = self._inner.read()
        inserted, self.insert = self.insert, b""
        return inserted + (b"" if self.deaf else data)

    def write(self, data: bytes) -> None:
        self._inner.write(data)

    def close(self) -> None:
        self._inner.close()


class Bench:
    """Driver, line and emulator, moved by hand."""

    def __init__(self, kind: Kind, pty_link: Path | None = None) -> None:
        self.kind = kind
        self.clock = SimClock(T0_NS)
        self.device = kind.emulator()
        inner: Transport = (
            PumpedPty(self.device, self.clock, pty_link)
            if pty_link
            else InProcessTransport(self.device, self.clock)
        )
        self.line = Tap(inner)
        self.stage = kind.driver(self.line)

    def run(self, seconds: float) -> ExpanderState | None:
        state = None
        for _ in range(round(seconds * 1e9 / STEP_NS)):
            self.clock.t_ns += STEP_NS
            state = self.stage.poll(self.clock.t_ns)
        return state

    def state(self, seconds: float) -> ExpanderState:
        state = self.run(seconds)
        assert state is not None
        return state

    def move_to(self, position: float) -> bool:
        return self.stage.move_to(position, self.clock.t_ns)


@pytest.fixture(params=["in process", "pseudo-terminal"])
def link(request: pytest.FixtureRequest, tmp_path: Path) -> Path | None:
    return tmp_path / "stage" if request.param == "pseudo-terminal" else None


@pytest.fixture(params=KINDS, ids=lambda kind: kind.name)
def bench(request: pytest.FixtureRequest, link: Path | None) -> Iterator[Bench]:
    bench = Bench(request.param, link)
    yield bench
    bench.stage.close()


def test_nothing_is_known_at_first(bench: Bench) -> None:
    assert bench.stage.poll(T0_NS) is None
    assert not bench.move_to(bench.kind.places[0])


def test_position_is_read_over_and_over(bench: Bench) -> None:
    first = bench.state(0.6)
    assert (first.position, first.moving) == (0.0, False)
    later = bench.state(2.0)
    assert later.seq - first.seq >= 8
    assert bench.clock.t_ns - later.t_ns <= 260_000_000
    assert bench.stage.health == (0, 0, 0, 0, "")


def test_moves_to_where_it_is_told(bench: Bench) -> None:
    bench.run(0.6)
    for place in bench.kind.places:
        assert bench.move_to(place)
        assert bench.state(0.01).moving
        assert not bench.move_to(0.0)
        state = bench.state(2.5)
        assert not state.moving
        assert state.position == pytest.approx(place, abs=bench.kind.resolution * 1.001)
        assert bench.device.position == pytest.approx(state.position, abs=1e-9)


def test_refuses_what_it_does_not_reach(bench: Bench) -> None:
    bench.run(0.6)
    for place in (*bench.kind.beyond, math.nan, math.inf):
        assert not bench.move_to(place)
    assert not bench.state(0.5).moving


def test_silence_is_counted_and_gone_through(bench: Bench) -> None:
    before = bench.state(0.6)
    bench.line.deaf = True
    during = bench.state(3.0)
    assert during.t_ns <= before.t_ns + 250_000_000
    assert bench.stage.health.timeouts >= 2
    bench.line.deaf = False
    assert bench.clock.t_ns - bench.state(2.5).t_ns < 260_000_000
    assert bench.move_to(bench.kind.places[0])
    state = bench.state(2.0)
    assert state.position == pytest.approx(bench.kind.places[0], abs=bench.kind.resolution * 1.001)


def test_a_move_in_silence_ends(bench: Bench) -> None:
    bench.run(0.6)
    assert bench.move_to(bench.kind.places[0])
    bench.run(0.02)
    bench.line.deaf = True
    assert not bench.state(5.0).moving


@pytest.mark.parametrize(
    "insert", [b"noise", b"\xff\x00\r\n\r\n", b"PDA\x00", b"0PO00", b"x" * 300]
)
def test_damage_is_counted_and_the_next_reply_is_found(bench: Bench, insert: bytes) -> None:
    before = bench.state(0.6)
    bench.line.insert = insert
    after = bench.state(1.5)
    assert after.position == 0.0
    assert after.seq > before.seq
    health = bench.stage.health
    assert health.garbage_bytes + health.bad_frames > 0
    assert health.device_errors == 0


def test_a_stuck_stage_tells_where_it_is() -> None:
    """Of the two only the stage measures; the lens driver reads back what it was told."""
    bench = Bench(KINDS[0])
    bench.run(0.6)
    bench.device.stuck = True
    assert bench.move_to(0.01)
    assert bench.state(2.4).moving
    state = bench.state(0.6)
    assert (state.position, state.moving) == (0.0, False)
    assert bench.stage.health == (0, 0, 0, 1, "GS02: mechanical time-out")


def test_a_lens_driver_that_was_without_power_is_started_anew() -> None:
    bench = Bench(KINDS[1])
    bench.run(0.6)
    assert isinstance(bench.device, Ld4iEmulator)
    bench.device.power_down()
    bench.run(1.5)
    assert bench.move_to(1.0)
    bench.run(0.5)
    assert bench.device.position == pytest.approx(1.0, abs=1e-3)


def test_a_lens_settles_as_its_time_constant_says() -> None:
    bench = Bench(KINDS[1])
    bench.run(0.6)
    bench.move_to(4.0)
    before = bench.device.position
    while bench.device.position == before:
        bench.run(0.01)
    assert bench.device.position == pytest.approx(4.0 * (1 - math.exp(-2)), abs=0.01)


PIECES = st.sampled_from(
    [b"0", b"IN", b"PO", b"GS", b"PDA", b"Ready", b"MCA", b"\r\n", b"N", b"\xff"]
)
CHUNKS = st.lists(st.binary(max_size=20) | st.lists(PIECES, max_size=12).map(b"".join), max_size=15)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
@given(chunks=CHUNKS)
def test_drivers_survive_any_bytes(kind: Kind, chunks: list[bytes]) -> None:
    bench = Bench(kind)
    before = bench.stage.health
    for chunk in chunks:
        bench.line.insert = chunk
        bench.run(0.05)
        bench.move_to(kind.places[0])
        after = bench.stage.health
        assert all(new >= old for new, old in zip(after[:4], before[:4], strict=True))
        before = after
    bench.run(10.0)
    bench.move_to(kind.places[-1])
    state = bench.state(6.0)
    assert state.position == pytest.approx(bench.device.position, abs=1e-9)
    assert not state.moving


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
@given(chunks=CHUNKS)
def test_emulators_survive_any_bytes(kind: Kind, chunks: list[bytes]) -> None:
    device = kind.emulator()
    for k, chunk in enumerate(chunks):
        device.receive(chunk, T0_NS + k * STEP_NS)
        device.poll(T0_NS + k * STEP_NS)
    assert math.isfinite(device.position)
