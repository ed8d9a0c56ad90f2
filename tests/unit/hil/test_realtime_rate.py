"""The real-time main loop beside a flight of nothing: what it asks of the world."""

from types import SimpleNamespace

import pytest
from msgspec import structs

from config.errors import InputError
from config.loader import load_scenario
from config.scenario import Realtime
from hil import realtime
from hil.flight import check_realtime

FINE_HZ, GRID_TICKS = 500, 5


class Pacer:
    """Gives the periods that it was told to give."""

    def __init__(self, passed: list[int]) -> None:
        self._passed = passed
        self.lateness_ns: list[int] = []
        self.ticks = self.overruns = 0

    def wait(self) -> int:
        return self._passed.pop(0)


@pytest.mark.parametrize("passed", [[1] * 20, [1, 9, 10], [19, 500]])
def test_the_world_is_moved_to_the_end_of_the_window_and_not_beyond(
    monkeypatch: pytest.MonkeyPatch, passed: list[int]
) -> None:
    monkeypatch.setattr(realtime, "Pacer", lambda fine_hz: Pacer(passed))
    asked: list[str] = []
    ticks: list[tuple[int, int]] = []
    clock = SimpleNamespace(t_ns=0)
    flight = SimpleNamespace(
        window=SimpleNamespace(duration_s=20 / FINE_HZ, start_tai_ns=10**18),
        world=SimpleNamespace(clock=clock, fine_tick=lambda: asked.append("fine")),
        terminal=SimpleNamespace(tick=lambda t_ns, passed: ticks.append((t_ns, passed))),
        begin_grid=lambda: asked.append("begin"),
        end_grid=lambda: asked.append("end"),
        lateness_ns=[],
    )
    realtime._paced(flight, FINE_HZ)  # type: ignore[arg-type]
    assert asked == 4 * ["begin", *GRID_TICKS * ["fine"], "end"]
    assert ticks[-1][0] == 10**18 + 19 * 2_000_000
    assert sum(each for _, each in ticks) == 20


def test_a_rate_that_the_loops_do_not_divide_is_refused() -> None:
    scenario = load_scenario("leo_haps_downlink")
    check_realtime(scenario)
    for fine_hz in (50, 333, 450):
        wrong = structs.replace(scenario, realtime=Realtime(fine_hz=fine_hz))
        with pytest.raises(InputError, match=r"realtime\.fine_hz: \d+ must be a multiple of 100"):
            check_realtime(wrong)
