"""Which loop runs in which fine period: rates, order, and overruns that are never caught up."""

from typing import Any

import pytest
from fake_terminal import SCENARIO, START_NS, make_terminal
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from config.terminal import Rates
from terminal.loop import Blueprint
from terminal.main import BLUEPRINTS, Terminal

NAMES = [b.name for b in BLUEPRINTS]
# What the loops do is costly to set up, and here nobody looks at it.
IDLE = tuple(Blueprint(name, lambda *_: (None, None), lambda _: (None, None)) for name in NAMES)
# A short public pattern is made faster.
SHORT = replace(SCENARIO.mission.source, pattern_length=2**12)
FAST = SCENARIO.terminal.rates
# A slow machine: the fine loop no faster than others.
ALIKE = Rates(**{f"{name}_hz": 50 for name in NAMES})
MIXED = replace(ALIKE, camera_hz=25, link_hz=25)
UNEVEN = replace(FAST, fine_hz=600, coarse_hz=200, modes_hz=120, camera_hz=25, pointing_hz=50)


class Counted:
    """A terminal whose loops only write down in which call they were run."""

    def __init__(self, rates: Rates) -> None:
        self.terminal: Terminal
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("terminal.main.BLUEPRINTS", IDLE)
            self.terminal, _, _ = make_terminal(
                replace(SCENARIO.mission, source=SHORT), replace(SCENARIO.terminal, rates=rates)
            )
        self.every = {loop.name: rates.fine_hz // loop.rate_hz for loop in self.terminal.loops}
        self.ran: dict[str, list[int]] = {name: [] for name in NAMES}
        self.order: list[str] = []
        self.period = -1
        for loop in self.terminal.loops:
            loop.tick = self._write_down(loop.name)  # type: ignore[method-assign]

    def _write_down(self, name: str) -> Any:
        def tick(t_ns: int) -> None:
            self.ran[name].append(self.period)
            self.order.append(name)

        return tick

    def call(self, passed: int = 1) -> None:
        self.period += passed
        self.terminal.tick(START_NS + self.period, passed)


@pytest.mark.parametrize("rates", [FAST, ALIKE, MIXED, UNEVEN])
def test_rates_over_one_second(rates: Rates) -> None:
    counted = Counted(rates)
    for _ in range(rates.fine_hz):
        counted.call()
    for name in NAMES:
        every = counted.every[name]
        assert counted.ran[name] == list(range(0, rates.fine_hz, every))


def test_within_a_period_loops_run_in_the_order_of_the_list() -> None:
    counted = Counted(FAST)
    counted.call()
    assert counted.order == NAMES
    assert NAMES.index("pointing") < NAMES.index("coarse") < NAMES.index("fine")


def test_after_a_lost_second_every_loop_runs_once_and_goes_on() -> None:
    counted = Counted(FAST)
    counted.call()
    counted.order.clear()
    counted.call(FAST.fine_hz + 7)
    assert counted.order == NAMES
    # The next turn is the one in the old raster, not a whole period from the late one.
    counted.order.clear()
    for _ in range(counted.every["coarse"] - 7):
        counted.call()
    assert counted.order.count("coarse") == 1
    assert counted.order.count("fine") == counted.every["coarse"] - 7
    assert "link" not in counted.order


@settings(deadline=None, max_examples=40)
@given(
    st.sampled_from([FAST, MIXED, UNEVEN]),
    st.lists(st.one_of(st.just(1), st.integers(1, 30), st.integers(1, 2000)), max_size=200),
)
def test_overruns_skip_and_never_catch_up(rates: Rates, passed: list[int]) -> None:
    """A loop runs in the first call of each of its own periods that has a call at all."""
    counted = Counted(rates)
    calls = []
    for n in passed:
        counted.call(n)
        calls.append(counted.period)
    for name, every in counted.every.items():
        first_calls: dict[int, int] = {}
        for k in calls:
            first_calls.setdefault(k // every, k)
        assert counted.ran[name] == list(first_calls.values())
