"""Which clicks of a recording may show correlations, and with what turn of the analyser."""

from pathlib import Path

import msgspec
import numpy as np
import pytest
from flight_record import pack

from config.errors import InputError
from config.loader import load_scenario
from config.pattern import NOT_PUBLIC, public_pattern
from terminal.messages import MESSAGES
from terminal.qkd.track_quality import GOOD, OFF
from terminal.quantum_messages import (
    PolarizationCommand,
    PolarizationSample,
    TimingCommand,
    TimingSample,
)
from terminal.telemetry.pair_clicks import Found, find_clicks
from terminal.telemetry.reader import Recording
from terminal.telemetry.recorder import Recorder

MISSION = load_scenario("haps_two_laps").mission
PATTERN = public_pattern(2**20, MISSION.source.public_share, MISSION.source.pattern_seed)
KEY, PUBLIC = (int(np.flatnonzero(found)[0]) for found in (PATTERN == NOT_PUBLIC, PATTERN < 4))
TICK_NS = 100_000_000
TURN = 0.3927
POOR_COUNTS = MISSION.security.least_track_quality == "poor"
DEFAULTS = PolarizationSample._field_defaults
GATE_S = 3e-10


def plate(
    tick: int, turn_rad: float = 0.0, off_rad: float = 0.0, sigma_rad: float = 1e-3, told: int = 1
) -> tuple[PolarizationSample, PolarizationCommand]:
    """A polarization tick whose plate stands so far from its target, a quarter turn further on."""
    scalars = [k for k in PolarizationSample._fields if not np.ndim(DEFAULTS.get(k, 0))]
    known = dict.fromkeys(scalars, 0) | {
        "t_ns": tick * TICK_NS,
        "plate_t_ns": told,
        "plate_angle_rad": 1.0 + off_rad + np.pi / 2,
    }
    return (
        PolarizationSample(**known),
        PolarizationCommand(plate_target_rad=1.0, turn_rad=turn_rad, trim_sigma_rad=sigma_rad),
    )


def timed(
    tick: int, slot: list[int], residual_ps: list[int], quality: list[int]
) -> tuple[TimingSample, TimingCommand]:
    n = len(slot)
    sample = TimingSample(
        t_ns=tick * TICK_NS,
        pointing_valid=1,
        light_time_s=0.0,
        light_time_rate=0.0,
        gate_open=1,
        stream_defect=0,
        time_ps=np.arange(n) + tick * 1000,
        channel=np.arange(n, dtype=np.uint8) % 4,
    )
    return sample, TimingCommand(
        gate_half_width_s=GATE_S,
        slot=np.array(slot, np.int64),
        residual_ps=np.array(residual_ps, np.int64),
        quality=np.array(quality, np.uint8),
        key_slots=np.array([5, 7, 11]),
    )


def read(folder: Path, polarization: list, timing: list, mission: object = MISSION) -> Found:
    path = folder / "pass.mcap"
    recorder = Recorder(path, metadata={"mission": msgspec.json.encode(mission).decode()})
    for name, ticks in (("polarization", polarization), ("timing", timing)):
        numbered = [(seq, *tick) for seq, tick in enumerate(ticks)]
        recorder.write_ticks(name, pack(MESSAGES[name], numbered))
    recorder.close()
    return find_clicks(Recording(path))


def test_clicks_count_with_a_slot_in_the_gate_on_a_good_track(tmp_path: Path) -> None:
    slots = [KEY, -1, KEY + 2**20, KEY + 2**21, PUBLIC, KEY + 3 * 2**20]
    ticks = [timed(3, slots, [0, 0, 299, 301, 0, 0], [GOOD] * 5 + [OFF])]
    found = read(tmp_path, [plate(k) for k in range(4)], ticks)
    assert found.accepted.slot.tolist() == [KEY, KEY + 2**20, PUBLIC]
    assert found.place.tolist() == [0, 2, 4]
    assert found.pairs.slot.tolist() == [KEY, KEY + 2**20]
    assert found.pairs.channel.tolist() == [0, 2]
    assert len(found.tags.time_ps) == 6
    assert found.ticks.gate_half_width_s.tolist() == [GATE_S]
    assert found.ticks.pair_slots.tolist() == [7 + 11 if POOR_COUNTS else 11]


def test_clicks_belong_to_a_turn_that_held_all_the_while(tmp_path: Path) -> None:
    """Turned between ticks 4 and 5, and not there yet at 5."""
    turns = [0.0] * 5 + [TURN] * 6
    polarization = [plate(k, turns[k], 0.2 if k == 5 else 0.0) for k in range(11)]
    timing = [timed(k, [KEY + k * 2**20], [0], [GOOD]) for k in range(11)]
    found = read(tmp_path, polarization, timing)
    seen = dict(zip((found.pairs.slot - KEY) >> 20, found.pairs.turn_rad, strict=True))
    # Clicks of tick 5 to 7 may have come, or the plate's state be known, from before it arrived.
    assert seen == {0: 0.0, 1: 0.0, 2: 0.0, 3: 0.0, 4: 0.0, 8: TURN, 9: TURN, 10: TURN}
    assert np.isnan(found.ticks.turn_rad[5:8]).all()


@pytest.mark.parametrize(
    "wrong",
    [
        plate(2, off_rad=0.03),
        plate(2, sigma_rad=0.03),
        plate(2, told=0),
    ],
    ids=["plate elsewhere", "frame unknown", "plate silent"],
)
def test_without_a_known_analyser_nothing_counts(tmp_path: Path, wrong: tuple) -> None:
    ticks = [timed(3, [KEY], [0], [GOOD])]
    good = [plate(k) for k in range(4)]
    assert len(read(tmp_path, good, ticks).pairs.slot) == 1
    found = read(tmp_path, [*good[:2], wrong, good[3]], ticks)
    assert len(found.pairs.slot) == 0
    assert len(found.accepted.slot) == 1


def test_a_small_error_of_the_plate_counts(tmp_path: Path) -> None:
    ticks = [timed(3, [KEY], [0], [GOOD])]
    off = [plate(k, off_rad=0.01) for k in range(4)]
    assert len(read(tmp_path, off, ticks).pairs.slot) == 1


def test_a_recording_without_a_click_is_empty(tmp_path: Path) -> None:
    found = read(tmp_path, [plate(0)], [])
    assert len(found.pairs.slot) == len(found.tags.time_ps) == len(found.ticks.t_ns) == 0


def test_a_link_of_pulses_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no link of entangled pairs \(mission.source.pairs\)"):
        read(tmp_path, [plate(0)], [], load_scenario("haps_laps_downlink").mission)


def test_a_mission_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="its mission cannot be read"):
        read(tmp_path, [plate(0)], [], {"window": 3})
