"""Replay of a toy loop: every kind of difference is found and counted once."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from config.errors import InputError, RunError
from config.loader import load_scenario
from config.mission import Mission
from config.terminal import TerminalConfig
from terminal.codec import TickCodec
from terminal.loop import Blueprint, StepClock
from terminal.messages import MESSAGES, FineCommand, FineSample
from terminal.telemetry.recorder import Recorder
from terminal.telemetry.replay import LoopReplay, count, verify

ROOT = Path(__file__).resolve().parents[2]
START_NS = 1_700_000_000_000_000_000
TICKS = 1000
SCENARIO = load_scenario("leo_haps_downlink")
METADATA = {
    "mission": msgspec.json.encode(SCENARIO.mission).decode(),
    "terminal": msgspec.json.encode(SCENARIO.terminal).decode(),
    "start_tai_ns": str(START_NS),
}


def _toy(
    mission: Mission, config: TerminalConfig, start_tai_ns: int
) -> tuple[float, Callable[[float, FineSample, float], tuple[float, FineCommand]]]:
    """Integrates over time; depends on all that `make` is given."""
    gain = config.fine.gain * mission.source.pulse_rate_hz * 1e-8

    def step(state: float, sample: FineSample, dt_s: float) -> tuple[float, FineCommand]:
        if sample.b == -1:
            raise ZeroDivisionError("b")
        state += gain * sample.a * dt_s
        return state, FineCommand(sample.a, sample.b, x_rad=state, scan_age_s=dt_s)

    return float(start_tai_ns % 1000), step


TOY = (Blueprint("fine", _toy, _toy),)


def _fly(samples: list[FineSample]) -> list[bytes]:
    state, step = _toy(SCENARIO.mission, SCENARIO.terminal, START_NS)
    clock = StepClock(SCENARIO.terminal.rates.fine_hz)
    codec = TickCodec(MESSAGES["fine"])
    packed = []
    for seq, sample in enumerate(samples):
        state, command = step(state, sample, clock.dt_s(sample.t_ns))
        packed.append(codec.pack(seq, sample, command))
    return packed


def _samples(b: int = 0) -> list[FineSample]:
    # Every seventh tick was skipped by an overrun: the time between ticks is not constant.
    return [
        FineSample(START_NS + 200_000 * (k + k // 7), k % 50, b, 0, 0, 1, 0, 1)
        for k in range(TICKS)
    ]


def _record(path: Path, packed: list[bytes], metadata: dict[str, str] = METADATA) -> Path:
    recorder = Recorder(path, metadata=metadata)
    recorder.write_ticks("fine", packed)
    recorder.close()
    return path


def test_an_honest_recording_replays_bit_for_bit(tmp_path: Path) -> None:
    result = verify(_record(tmp_path / "pass.mcap", _fly(_samples())), TOY)
    assert result == (TICKS, 0, 0, {"fine": LoopReplay(TICKS, 0, 0)}, False)


@pytest.mark.parametrize("byte", [-1, -5, -9])
def test_one_byte_of_a_command_is_one_mismatch(tmp_path: Path, byte: int) -> None:
    packed = _fly(_samples())
    tampered = bytearray(packed[437])
    tampered[byte] ^= 1
    packed[437] = bytes(tampered)
    assert verify(_record(tmp_path / "pass.mcap", packed), TOY).mismatches == 1


def test_a_sample_that_differs_shows_from_there_on(tmp_path: Path) -> None:
    packed = _fly(_samples())
    codec = TickCodec(MESSAGES["fine"])
    seq, sample, command, _ = codec.unpack_from(packed[437], 0)
    packed[437] = codec.pack(seq, sample._replace(a=sample.a + 1000), command)
    # The state carries it to all later ticks.
    assert verify(_record(tmp_path / "pass.mcap", packed), TOY).mismatches == TICKS - 437


def test_missing_ticks_are_lost_and_the_rest_goes_on(tmp_path: Path) -> None:
    packed = _fly(_samples())
    del packed[300:400]
    result = verify(_record(tmp_path / "pass.mcap", packed), TOY)
    assert (result.ticks, result.lost) == (TICKS - 100, 100)
    # From the gap on the integrator is off.
    assert result.mismatches == TICKS - 400
    del packed[0:3]
    assert verify(_record(tmp_path / "pass.mcap", packed), TOY).lost == 103


def test_counting_needs_no_steps(tmp_path: Path) -> None:
    packed = _fly(_samples())
    del packed[300:400]
    result = count(_record(tmp_path / "pass.mcap", packed))
    assert (result.ticks, result.mismatches, result.lost) == (TICKS - 100, 0, 100)


def test_a_cut_recording_says_so(tmp_path: Path) -> None:
    path = _record(tmp_path / "pass.mcap", _fly(_samples()))
    path.write_bytes(path.read_bytes()[:-20])
    result = verify(path, TOY)
    assert (result.mismatches, result.truncated) == (0, True)


def test_a_step_that_fails_on_a_recorded_sample(tmp_path: Path) -> None:
    packed = _fly(_samples())
    codec = TickCodec(MESSAGES["fine"])
    seq, sample, command, _ = codec.unpack_from(packed[5], 0)
    packed[5] = codec.pack(seq, sample._replace(b=-1), command)
    with pytest.raises(RunError, match="loop fine, tick 5: the step fails: ZeroDivisionError: b"):
        verify(_record(tmp_path / "pass.mcap", packed), TOY)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"mission": None}, "its metadata lack mission"),
        ({"terminal": "{}"}, "missing required field"),
        ({"mission": "no json"}, "malformed"),
        ({"start_tai_ns": "soon"}, "soon"),
    ],
)
def test_metadata_that_do_not_fit(
    tmp_path: Path, change: dict[str, str | None], complaint: str
) -> None:
    metadata: dict[str, Any] = {**METADATA, **change}
    metadata = {key: value for key, value in metadata.items() if value is not None}
    path = _record(tmp_path / "pass.mcap", _fly(_samples()), metadata)
    with pytest.raises(InputError, match=f"cannot be replayed: .*{complaint}"):
        verify(path, TOY)


def test_the_layout_of_another_version(tmp_path: Path) -> None:
    path = tmp_path / "pass.mcap"
    older = MESSAGES["coarse"]._replace(name="fine")
    Recorder(path, metadata=METADATA, messages=[older]).close()
    with pytest.raises(InputError, match="message fine was recorded with the layout of another"):
        verify(path, TOY)


def test_the_command_counts_in_json(tmp_path: Path) -> None:
    packed = _fly(_samples())
    del packed[300:400]
    path = _record(tmp_path / "pass.mcap", packed)
    program = "from terminal.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program, "replay", str(path), "--json", "-"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    answer = json.loads(done.stdout)
    assert (answer["ticks"], answer["mismatches"], answer["lost"]) == (TICKS - 100, None, 100)
    assert answer["loops"]["fine"]["lost"] == 100
