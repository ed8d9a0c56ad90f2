"""All loops on fake devices: a link comes about, and every step is a pure function."""

import pickle
from copy import deepcopy
from typing import Any

import pytest
from fake_terminal import SCENARIO, START_NS, fly, make_terminal

from terminal.codec import TickCodec
from terminal.loop import StepClock
from terminal.main import BLUEPRINTS
from terminal.messages import MESSAGES
from terminal.mode import Mode

SECONDS = 7
RATES = {b.name: getattr(SCENARIO.terminal.rates, f"{b.name}_hz") for b in BLUEPRINTS}

WRITTEN_IN_PLACE = {"fine"}
"""Loops whose state is a record that the step writes over: too large to be copied 5000 times a
second (docs/adr/0016). Whoever wants the state before keeps a copy of it."""


@pytest.fixture(scope="module")
def flight() -> tuple[Any, dict[str, list[bytes]], list[int]]:
    """(devices at the end, packed ticks of every loop, the modes gone through)."""
    terminal, bus, devices = make_terminal()
    t_ns, modes, ticks = START_NS, [], {name: [] for name in RATES}
    for _ in range(SECONDS * 10):
        t_ns = fly(terminal, SCENARIO.terminal.rates.fine_hz // 10, t_ns)
        modes.append(int(bus.modes.command.mode))
        for name, ring in bus.rings().items():
            ticks[name] += ring.take()
    return devices, ticks, modes


def test_a_link_comes_about(flight: Any) -> None:
    devices, ticks, modes = flight
    assert list(dict.fromkeys(modes)) == [Mode.POINT, Mode.ACQUIRE, Mode.TRACK, Mode.LINK]
    assert devices.laser.beacon_on
    assert devices.laser.shutter_open
    codec = TickCodec(MESSAGES["link"])
    _, _, link, _ = codec.unpack_from(ticks["link"][-1], 0)
    assert link.detected > 1000
    assert link.sifted > 300
    assert link.expired == 0
    assert (devices.point_ahead.x_counts, devices.point_ahead.y_counts) != (0, 0)
    assert devices.waveplate.angle_rad != 0.0


@pytest.mark.parametrize("name", RATES)
def test_every_loop_keeps_its_rate(flight: Any, name: str) -> None:
    assert len(flight[1][name]) == SECONDS * RATES[name]


@pytest.mark.parametrize("blueprint", BLUEPRINTS, ids=lambda b: b.name)
def test_a_step_is_a_function_of_state_sample_and_dt(flight: Any, blueprint: Any) -> None:
    """Run twice from the same state it gives the same bytes, those that were recorded, and it
    leaves the sample as it was; the state too, save where that is said."""
    name = blueprint.name
    codec, clock = TickCodec(MESSAGES[name]), StepClock(RATES[name])
    state, step = blueprint.make(SCENARIO.mission, SCENARIO.terminal, START_NS)
    looks_every = max(1, len(flight[1][name]) // 500)
    for record in flight[1][name]:
        seq, sample, _, _ = codec.unpack_from(record, 0)
        dt_s = clock.dt_s(sample.t_ns)
        before = None
        if seq % looks_every == 0:
            before = pickle.dumps((state, sample))
            first = deepcopy(state) if name in WRITTEN_IN_PLACE else state
            again, command = step(first, sample, dt_s)
            assert pickle.dumps((state, sample)) == before
            assert codec.pack(seq, sample, command) == record
            after_first = pickle.dumps(again)
        state, command = step(state, sample, dt_s)
        assert codec.pack(seq, sample, command) == record
        if before is not None:
            assert pickle.dumps(state) == after_first


@pytest.mark.parametrize("blueprint", BLUEPRINTS, ids=lambda b: b.name)
def test_two_made_from_one_blueprint_share_nothing(flight: Any, blueprint: Any) -> None:
    """A step that has flown a while answers from the initial state as a new one does."""
    name = blueprint.name
    codec = TickCodec(MESSAGES[name])
    used_state, used = blueprint.make(SCENARIO.mission, SCENARIO.terminal, START_NS)
    fresh_state, fresh = blueprint.make(SCENARIO.mission, SCENARIO.terminal, START_NS)
    initial = deepcopy(used_state) if name in WRITTEN_IN_PLACE else used_state
    for record in flight[1][name][:200]:
        _, sample, _, _ = codec.unpack_from(record, 0)
        used_state, _ = used(used_state, sample, 1.0 / RATES[name])
    _, sample, _, _ = codec.unpack_from(flight[1][name][0], 0)
    commands = [
        step(state, sample, 1.0 / RATES[name])[1]
        for step, state in ((used, initial), (fresh, fresh_state))
    ]
    assert codec.pack(0, sample, commands[0]) == codec.pack(0, sample, commands[1])
