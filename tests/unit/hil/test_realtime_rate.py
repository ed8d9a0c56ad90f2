"""The real-time main loop beside a flight of nothing: what it asks of the world."""

from types import SimpleNamespace
from typing import Any

import pytest
from msgspec import structs

from config.errors import InputError
from config.loader import load_scenario
from config.scenario import Realtime
from hil import realtime_loop
from hil.flight import check_realtime
from hil.realtime_loop import paced, slow_hz

TICK_HZ, GRID_TICKS = 200, 2
START_NS = 10**18


class Pacer:
    """Gives the periods that it was told to give."""

    def __init__(self, passed: list[int]) -> None:
        self._passed = passed
        self.lateness_ns: list[int] = []
        self.ticks = self.overruns = 0

    def wait(self) -> int:
        self.ticks += 1
        return self._passed.pop(0)


@pytest.mark.parametrize("passed", [[1] * 20, [1, 9, 10], [19, 500]])
def test_the_world_is_moved_to_the_end_of_the_window_and_not_beyond(
    monkeypatch: pytest.MonkeyPatch, passed: list[int]
) -> None:
    monkeypatch.setattr(realtime_loop, "Pacer", lambda tick_hz, first_ns: Pacer(passed.copy()))
    asked: list[Any] = []
    ticks: list[tuple[int, int]] = []
    looked: list[int] = []
    clock = SimpleNamespace(t_ns=START_NS)

    def begin() -> None:
        clock.t_ns = START_NS + asked.count("begin") * 10_000_000
        asked.append("begin")

    flight: Any = SimpleNamespace(
        window=SimpleNamespace(duration_s=20 / TICK_HZ, start_tai_ns=START_NS),
        world=SimpleNamespace(clock=clock),
        terminal=SimpleNamespace(tick=lambda t_ns, passed: ticks.append((t_ns, passed))),
        begin_grid=begin,
        end_grid=lambda: asked.append("end"),
        timed=[],
    )
    fine: Any = SimpleNamespace(
        timed=None, look=looked.append, finish=lambda t_ns: asked.append("finish")
    )
    fast: Any = SimpleNamespace(tell=lambda t_ns: asked.append(t_ns))
    told = paced(flight, fine, fast, TICK_HZ, 0)
    steps = [["begin", START_NS + step * 10_000_000, "end"] for step in range(20 // GRID_TICKS)]
    *whole, (begun, at_ns, ended) = steps
    assert asked == [*(each for step in whole for each in step), begun, at_ns, "finish", ended]
    assert ticks[-1][0] == START_NS + 19 * 5_000_000
    assert sum(each for _, each in ticks) == 20
    # The fine loop's state is taken over just before each tick, as it is at that time.
    assert looked == [t_ns for t_ns, _ in ticks]
    assert told["ticks"] == len(ticks)
    assert [each.loop for each in flight.timed[1:]] == ["slow"]
    assert len(flight.timed[1].compute_ns) == len(ticks)


def test_the_slow_rate_gives_every_loop_and_the_world_their_turn() -> None:
    scenario = load_scenario("leo_haps_downlink")
    assert slow_hz(scenario) == 100
    rates = structs.replace(scenario.terminal.rates, coarse_hz=40)
    terminal = structs.replace(scenario.terminal, rates=rates)
    assert slow_hz(structs.replace(scenario, terminal=terminal)) == 200


def test_a_rate_that_the_loops_do_not_divide_is_refused() -> None:
    scenario = load_scenario("leo_haps_downlink")
    check_realtime(scenario)
    for fine_hz in (50, 333, 450):
        wrong = structs.replace(scenario, realtime=Realtime(fine_hz=fine_hz))
        with pytest.raises(InputError, match=r"realtime\.fine_hz: \d+ must be a multiple of 100"):
            check_realtime(wrong)
