"""The polarisation loop's reading and writing, and the names that the timing loop exchanges."""

from typing import Any

import numpy as np
from fake_terminal import make_terminal

from config.loader import load_scenario
from drivers.protocols import Health, QuadScan, RetarderState, TagBlock
from terminal.context import Context
from terminal.fields import NO_I64S, NO_U8S
from terminal.loops import polarization, timing
from terminal.messages import ModesCommand, ModesSample
from terminal.mode import Mode
from terminal.quantum_messages import (
    LinkCommand,
    LinkSample,
    PolarizationCommand,
    PolarizationSample,
    TimingCommand,
    TimingSample,
)
from terminal.window import Window

SCENARIO = load_scenario("leo_haps_downlink")
NOTHING = LinkSample(0, NO_I64S, NO_U8S, NO_I64S, NO_I64S, NO_U8S, NO_U8S, NO_U8S)


class Cell:
    """A variable retarder at 3 V that remembers its orders."""

    health = Health()

    def __init__(self) -> None:
        self.sent: list[float] = []

    def poll(self, t_ns: int) -> RetarderState:
        return RetarderState(t_ns - 5, 1, 3.0)

    def drive(self, drive_v: float, t_ns: int) -> bool:
        self.sent.append(drive_v)
        return True

    def close(self) -> None: ...


class Polarimeter:
    health = Health()

    def poll(self, t_ns: int) -> QuadScan:
        return QuadScan(t_ns, 1, 400, 100, 250, 260, 0)

    def close(self) -> None: ...


def bound(**more: Any) -> Any:
    _, bus, devices = make_terminal()
    context = Context(
        devices._replace(**more), bus, SCENARIO.mission, SCENARIO.terminal, Window(0, 1)
    )
    return bus, *polarization.bind(context)


def link(t_ns: int, request: int = 0, replies: tuple[int, ...] = ()) -> tuple[Any, Any]:
    sample = NOTHING._replace(t_ns=t_ns, reply_request=np.array(replies, np.int64))
    return sample, LinkCommand(request=request)


def test_disclosed_states_belong_to_the_clicks_of_their_announcement() -> None:
    bus, read, _ = bound()
    for tick in (link(100), link(200, 7), link(300, 8), link(400, 9)):
        bus.link.push(*tick)
    found = read(410)
    assert (found.disclosed_from_ns, found.disclosed_until_ns) == (0, 0)
    # 8 was announced at 300, of clicks since the link loop's tick before.
    bus.link.push(*link(500, 10, (8,)))
    found = read(510)
    assert (found.disclosed_from_ns, found.disclosed_until_ns) == (200, 300)
    # Two at once; one unknown, one for the second time.
    bus.link.push(*link(600, 11, (7, 9, 99, 8)))
    found = read(610)
    assert (found.disclosed_from_ns, found.disclosed_until_ns) == (100, 400)


def test_a_tally_tells_until_when_it_counts() -> None:
    bus, read, _ = bound()
    for until_ns in (50, 90, 90):
        bus.link.push(NOTHING, LinkCommand(tallied_until_ns=until_ns))
        found = read(100)
        spans = {50: (50, 50), 90: (50, 90)}
        expected = spans[until_ns] if found.disclosed_until_ns else (0, 0)
        assert (found.disclosed_from_ns, found.disclosed_until_ns) == expected
    # Told again, it is no news.
    assert found.disclosed_until_ns == 0


def test_unanswered_announcements_are_forgotten() -> None:
    bus, read, _ = bound()
    for k in range(polarization.MOST_ASKED + 10):
        bus.link.push(*link(100 * k, k + 1))
        read(100 * k + 1)
    bus.link.push(*link(10**6, 0, (1,)))
    assert read(10**6 + 1).disclosed_until_ns == 0


def test_optional_devices_are_read_and_driven() -> None:
    cell = Cell()
    _, read, write = bound(retarder=cell, polarimeter=Polarimeter())
    sample = read(1000)
    assert (sample.retarder_t_ns, sample.retarder_drive_v) == (995, 3.0)
    readings = sample.beacon_h, sample.beacon_v, sample.beacon_d, sample.beacon_a
    assert (sample.beacon_fresh, *readings) == (True, 400, 100, 250, 260)
    write(PolarizationCommand(retarder_drive_v=2.5), 0)
    assert cell.sent == []
    write(PolarizationCommand(retarder_drive_v=2.5, drive=1), 0)
    assert cell.sent == [2.5]


def test_a_terminal_without_them_goes_on() -> None:
    _, read, write = bound()
    sample: PolarizationSample = read(1000)
    assert (sample.retarder_t_ns, sample.beacon_fresh) == (0, False)
    write(PolarizationCommand(retarder_drive_v=2.5, drive=1), 0)


def test_link_is_told() -> None:
    bus, read, _ = bound()
    assert not read(0).linked
    sample = ModesSample(*(0 for _ in ModesSample._fields))
    bus.modes.push(sample, ModesCommand(mode=Mode.LINK))
    assert read(1).linked


def test_clicks_of_a_vain_search_are_counted_once() -> None:
    """Those with the gate open and without a clock; whether one is known tells the last tick."""
    bus, read, _ = bound()
    clicks = np.arange(7, dtype=np.int64)
    sample = TimingSample(0, 1, 0.0, 0.0, 1, 0, clicks, np.zeros(7, np.uint8))
    bus.timing.push(sample, TimingCommand())
    bus.timing.push(sample._replace(gate_open=0), TimingCommand())
    bus.timing.push(sample, TimingCommand())
    found = read(1)
    assert (found.searched_clicks, found.clock_known) == (14, False)
    bus.timing.push(sample, TimingCommand(status=1))
    found = read(2)
    assert (found.searched_clicks, found.clock_known) == (0, True)


def test_exchanged_channels_change_names_before_anything_else_sees_them() -> None:
    class Clicks:
        health = Health()

        def poll(self, t_ns: int) -> TagBlock:
            four = np.arange(4)
            return TagBlock(0, four.astype(np.int64), four.astype(np.uint8), False)

        def close(self) -> None: ...

    _, bus, devices = make_terminal()
    context = Context(
        devices._replace(tagger=Clicks()), bus, SCENARIO.mission, SCENARIO.terminal, Window(0, 1)
    )
    read, _ = timing.bind(context)
    assert read(0).channel.tolist() == [0, 1, 2, 3]
    _, plate_read, _ = bound()
    bus.polarization.push(plate_read(0), PolarizationCommand(swapped=1, forget=1))
    found = read(1)
    assert found.renamed
    renamed = found.channel
    assert renamed.tolist() == [0, 1, 3, 2]
    assert renamed.dtype == np.uint8
