"""The divergence loop's reading: which tallies it believes, and what it commands."""

import numpy as np
from fake_terminal import make_terminal

from config.loader import load_scenario
from drivers.protocols import ExpanderState, Health
from terminal.context import Context
from terminal.fields import NO_I64S, NO_U8S
from terminal.loops import divergence
from terminal.qkd.tally import COUNTS
from terminal.quantum_messages import DivergenceCommand, LinkCommand, LinkSample
from terminal.window import Window

SCENARIO = load_scenario("leo_haps_uplink")
NOTHING = LinkSample(0, NO_I64S, NO_U8S, NO_I64S, NO_I64S, NO_U8S, NO_U8S, NO_U8S)


class Stage:
    """Stands at 1 mm, and remembers where it was sent."""

    health = Health()

    def __init__(self) -> None:
        self.sent: list[float] = []

    def poll(self, t_ns: int) -> ExpanderState:
        return ExpanderState(t_ns, 1, 1e-3, True)

    def move_to(self, position: float, t_ns: int) -> bool:
        self.sent.append(position)
        return True

    def close(self) -> None: ...


def bound():
    _, bus, devices = make_terminal()
    stage = Stage()
    context = Context(
        devices._replace(expander=stage), bus, SCENARIO.mission, SCENARIO.terminal, Window(0, 1)
    )
    return bus, stage, *divergence.bind(context)


def tally(detected: int, vacuum: int) -> np.ndarray:
    counts = np.zeros(COUNTS, np.int64)
    counts[0], counts[3], counts[6] = detected, vacuum - 1, 1
    return counts


def test_only_a_tally_that_the_link_loop_took_counts() -> None:
    bus, _, read, _ = bound()
    assert read(10)[-3:] == (0, 0, 0)
    two = NOTHING._replace(
        tally_seq=np.array([1, 2]),
        tally_t_ns=np.array([5, 6]),
        tally_counts=np.concatenate([tally(100, 7), tally(200, 9)]),
    )
    bus.link.push(two, LinkCommand(tallied_until_ns=6))
    refused = two._replace(tally_seq=np.array([3, 4]), tally_t_ns=np.array([8, 9]))
    bus.link.push(refused, LinkCommand(tallied_until_ns=6))
    sample = read(20)
    assert (sample.counted_until_ns, sample.counted, sample.counted_vacuum) == (6, 200, 9)
    assert (sample.stage_t_ns, sample.stage_position, sample.stage_moving) == (20, 1e-3, True)


def test_moves_only_when_told_to() -> None:
    _, stage, _, write = bound()
    write(DivergenceCommand(position=2e-3, wanted_rad=1e-5), 0)
    assert stage.sent == []
    write(DivergenceCommand(position=2e-3, move=1), 0)
    assert stage.sent == [2e-3]


def test_a_terminal_without_an_expander_goes_on() -> None:
    _, bus, devices = make_terminal()
    assert devices.expander is None
    context = Context(devices, bus, SCENARIO.mission, SCENARIO.terminal, Window(0, 1))
    read, write = divergence.bind(context)
    assert read(10).stage_t_ns == 0
    write(DivergenceCommand(position=1.0, move=1), 0)
