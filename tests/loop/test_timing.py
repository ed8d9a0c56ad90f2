"""The timing loop as it is flown: config in, devices and bus bound, one tick after another."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from config.mission import Source
from config.pattern import public_pattern
from config.sifting import Sifting
from config.terminal import Timing
from drivers.protocols import TagBlock
from terminal.bus import Bus
from terminal.codec import TickCodec
from terminal.loop import Loop
from terminal.loops import timing
from terminal.messages import MESSAGES, ModesCommand, ModesSample
from terminal.mode import Mode
from terminal.pointing_messages import PointingCommand, PointingSample
from terminal.qkd.track_quality import GOOD, OFF, POOR
from terminal.quantum_messages import PolarizationCommand
from terminal.timetags import click_results

START_NS = 1_800_000_000_000_000_000
T_S = 5e-9
OFFSET = 2e-6
LIGHT_TIME_S = 2.5e-3
RANGE_RATE_M_S = -3000.0
C_M_S = 299_792_458.0

SOURCE = Source(
    wavelength_m=810e-9,
    pulse_rate_hz=200e6,
    intensities=(0.5, 0.1, 0.0),
    intensity_probabilities=(0.7, 0.2, 0.1),
    basis_x_probability=0.5,
    public_share=0.1,
    pattern_length=2**16,
    pattern_seed=7,
)
TIMING = Timing(
    search_ppm=10.0,
    gate_half_width_s=1e-9,
    false_lock_probability=1e-6,
    acquire_clicks=4000,
    oscillator_wander=1e-10,
    unsure_sigma_s=0.4e-9,
)
FINE = SimpleNamespace(settled_rad=6e-6)
FIX = PointingSample(0, 0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0)


class Tagger:
    """A partner at constant range rate, an own oscillator fast by OFFSET; 500 clicks a tick."""

    def __init__(self) -> None:
        self.rng = np.random.default_rng(1)
        self.last_ns = START_NS
        self.seq = 0
        self.slot = np.empty(0, dtype=np.int64)

    def poll(self, t_ns: int) -> TagBlock:
        begin, end = ((t - START_NS) * 1e-9 for t in (self.last_ns, t_ns))
        rate = RANGE_RATE_M_S / C_M_S
        arrival = self.rng.uniform(begin, end, 500)
        self.slot = np.sort(np.rint((arrival - delay_s(arrival)) / T_S).astype(np.int64))
        arrival = (self.slot * T_S + LIGHT_TIME_S) / (1.0 - rate)
        own = arrival * (1.0 + OFFSET) + 2e-10 * self.rng.standard_normal(500)
        pattern = public_pattern(2**16, 0.1, 7)
        sent = pattern[self.slot % 2**16]
        sent = np.where(sent == 255, self.rng.integers(0, 4, 500), sent)
        other = 2 * (1 - sent // 2) + self.rng.integers(0, 2, 500)
        channel = np.where(self.rng.random(500) < 0.5, sent, other).astype(np.uint8)
        order = np.argsort(own)
        self.slot = self.slot[order]
        self.last_ns = t_ns
        self.seq += 1
        time_ps = np.rint(own[order] * 1e12).astype(np.int64)
        return TagBlock(self.seq, time_ps, channel[order], False)


def delay_s(t_s: Any) -> Any:
    return LIGHT_TIME_S + RANGE_RATE_M_S / C_M_S * t_s


def bound(tagger: Tagger, bus: Bus) -> tuple[Loop[Any, Any, Any], Any]:
    mission = SimpleNamespace(source=SOURCE, direction="downlink")
    config = SimpleNamespace(timing=TIMING, sifting=Sifting(), fine=FINE)
    state, step = timing.make(mission, config, START_NS)
    context = SimpleNamespace(devices=SimpleNamespace(tagger=tagger), bus=bus, mission=mission)
    read, write = timing.bind(context)
    return Loop("timing", 20, state, step, read, write, bus.timing), read


def predict(bus: Bus, at_ns: int, off_m: float = 0.0, valid: int = 1) -> None:
    """off_m: by how much the range is predicted too long."""
    command = PointingCommand(
        valid=valid,
        range_rate_m_s=RANGE_RATE_M_S,
        light_time_s=float(delay_s((at_ns - START_NS) * 1e-9)) + off_m / C_M_S,
    )
    bus.pointing.push(FIX._replace(t_ns=at_ns), command)


@pytest.mark.parametrize("late_ns", [0, 17_000_000])
@pytest.mark.parametrize("tick_ns", [50_000_000, 200_000_000])
def test_ticks_from_bus_and_tagger_end_in_the_true_slots(late_ns: int, tick_ns: int) -> None:
    """Also where the prediction is of an earlier moment than the tick."""
    bus, tagger = Bus(), Tagger()
    loop, _ = bound(tagger, bus)
    bus.modes.command = ModesCommand(mode=Mode.LINK, shutter_open=1)
    for k in range(1, 41):
        t_ns = START_NS + k * tick_ns
        predict(bus, t_ns - late_ns)
        loop.tick(t_ns)
    command = bus.timing.command
    assert command.status == 1
    assert command.frequency_offset == pytest.approx(OFFSET, abs=1e-9)
    accepted = click_results.accepted(command)
    assert np.count_nonzero(accepted) == command.clicks_in_gate > 490
    np.testing.assert_array_equal(command.slot[accepted], tagger.slot[accepted])
    # A tenth of the slots is public, half of its clicks in the sender's basis, free of error.
    counts = command.public_counts.reshape(4, 4)
    assert counts.sum() == pytest.approx(0.1 * 500 * 34, rel=0.15)
    assert counts[0, 1] == counts[1, 0] == counts[2, 3] == counts[3, 2] == 0.0


@pytest.mark.parametrize("unsure_for", [0, 10, 30, 50, 200])
@pytest.mark.parametrize("slots", [70, 70.3, 70.5, -200, 667])
def test_a_position_that_jumps_while_locked_gives_no_wrong_slot(
    slots: float, unsure_for: int
) -> None:
    """The predicted range steps by 100 to 1000 m, whole slots being the worst; at once, or after so
    many ticks without a prediction, in which the shutter is shut. The pattern proves the slots."""
    bus, tagger = Bus(), Tagger()
    loop, _ = bound(tagger, bus)
    steps_at = 60
    back_at = steps_at + unsure_for
    given_before = given_after = 0
    for k in range(1, back_at + 41):
        t_ns = START_NS + k * 50_000_000
        valid = not steps_at <= k < back_at
        off_m = slots * T_S * C_M_S if k >= steps_at else 0.0
        bus.modes.command = ModesCommand(mode=Mode.LINK, shutter_open=int(valid))
        predict(bus, t_ns, off_m, int(valid))
        loop.tick(t_ns)
        slot = bus.timing.command.slot
        given = slot >= 0
        np.testing.assert_array_equal(slot[given], tagger.slot[given])
        if k < steps_at:
            given_before += int(given.sum())
        else:
            given_after += int(given.sum())
    # It had a lock, and has one again.
    assert given_before > 10_000
    assert given_after > 10_000


MODES = ModesSample(*(0,) * len(ModesSample._fields))


def test_clicks_and_slots_get_the_quality_that_the_modes_loop_saw() -> None:
    """Ticks of 100 ms, modes every 20 ms; between 1.32 and 1.40 s the mirror loop is open."""
    bus, tagger = Bus(), Tagger()
    loop, _ = bound(tagger, bus)
    bus.polarization.command = PolarizationCommand(settled=1)
    for k in range(1, 21):
        for at_ms in range(100 * k - 80, 100 * k + 20, 20):
            t_ns = START_NS + at_ms * 1_000_000
            seen = MODES._replace(
                t_ns=t_ns, laser_age_s=0.01, shutter_seen_open=1, fine_beacon=1,
                fine_closed=not 1320 <= at_ms <= 1400, fine_rms_rad=2e-6,
            )  # fmt: skip
            bus.modes.push(seen, ModesCommand(mode=Mode.LINK, shutter_open=1))
        t_ns = START_NS + k * 100_000_000
        predict(bus, t_ns)
        loop.tick(t_ns)
        if k < 12:
            continue
        command = bus.timing.command
        assert command.status == 1
        # When the light truly came, by the slots that the tagger made; spans end with modes ticks.
        sent_s = tagger.slot * T_S
        arrival_s = (sent_s + LIGHT_TIME_S) / (1.0 - RANGE_RATE_M_S / C_M_S)
        closed = (arrival_s < 1.30) | (arrival_s > 1.42)
        near = np.minimum(np.abs(arrival_s - 1.30), np.abs(arrival_s - 1.42)) < 1e-6
        expected = np.where(closed, GOOD, OFF)
        np.testing.assert_array_equal(command.quality[~near], expected[~near])
        slots = 0.1 / T_S * (1.0 - RANGE_RATE_M_S / C_M_S)
        off_share = {14: 1.0, 15: 0.2}.get(k, 0.0)
        key = np.count_nonzero(public_pattern(2**16, 0.1, 7) == 255) / 2**16
        assert command.key_slots[OFF] == pytest.approx(off_share * key * slots, rel=1e-4)
        assert command.key_slots.sum() == pytest.approx(key * slots, rel=1e-4)


@pytest.mark.parametrize(("optics", "quality"), [((1, 0), GOOD), ((0, 0), POOR), ((1, 1), POOR)])
def test_optics_that_move_make_a_tick_poor(optics: tuple[int, int], quality: int) -> None:
    bus, tagger = Bus(), Tagger()
    loop, _ = bound(tagger, bus)
    settled, move = optics
    bus.polarization.command = PolarizationCommand(settled=settled, move=move)
    for k in range(1, 31):
        t_ns = START_NS + k * 50_000_000
        seen = MODES._replace(t_ns=t_ns, shutter_seen_open=1, fine_beacon=1, fine_closed=1)
        bus.modes.push(seen, ModesCommand(mode=Mode.LINK, shutter_open=1))
        predict(bus, t_ns)
        loop.tick(t_ns)
    command = bus.timing.command
    assert np.unique(command.quality).tolist() == [quality]
    assert np.flatnonzero(command.key_slots).tolist() == [quality]


def test_a_recorded_flight_gives_the_same_bytes_again() -> None:
    bus = Bus()
    loop, _ = bound(Tagger(), bus)
    bus.modes.command = ModesCommand(mode=Mode.LINK, shutter_open=1)
    for k in range(1, 21):
        predict(bus, START_NS + k * 50_000_000)
        loop.tick(START_NS + k * 50_000_000)
    codec = TickCodec(MESSAGES["timing"])
    state, step = timing.make(
        SimpleNamespace(source=SOURCE, direction="downlink"),
        SimpleNamespace(timing=TIMING, sifting=Sifting(), fine=FINE),
        START_NS,
    )
    for record in bus.timing.take():
        seq, sample, _, _ = codec.unpack_from(record, 0)
        state, command = step(state, sample, 0.05)
        assert codec.pack(seq, sample, command) == record
    assert command.status == 1


@pytest.mark.parametrize(
    ("mode", "shutter_open", "gate_open"),
    [(Mode.LINK, 1, 1), (Mode.LINK, 0, 0), (Mode.TRACK, 1, 0), (Mode.SAFE, 0, 0)],
)
def test_clicks_count_in_link_with_the_shutter_open(
    mode: Mode, shutter_open: int, gate_open: int
) -> None:
    bus = Bus()
    _, read = bound(Tagger(), bus)
    bus.modes.command = ModesCommand(mode=mode, shutter_open=shutter_open)
    sample = read(START_NS + 50_000_000)
    assert sample.gate_open == gate_open
    assert sample.pointing_valid == 0  # Nothing on the bus yet.
