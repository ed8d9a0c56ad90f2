"""A flight by the public command with a reader at its side: what it hears is what was recorded."""

import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zmq
from flights import QSKY, Flown, qsky

from terminal.handover import streams
from terminal.handover.wire import Message, decode
from terminal.telemetry.replay import verify

FIRST_MESSAGE_MS = 120_000
"""Starting the command and building the world comes before."""


class Heard:
    """The flight, and all that a reader heard of it."""

    def __init__(self, folder: Path) -> None:
        # A path to a socket may not be long.
        with tempfile.TemporaryDirectory(prefix="qsky-") as short:
            url = f"ipc://{short}/handover"
            with zmq.Context() as context, context.socket(zmq.SUB) as sub:
                sub.rcvtimeo = FIRST_MESSAGE_MS
                sub.subscribe(b"")
                sub.connect(url)
                command = ["run", "leo_haps_downlink", "--duration-s", "12", "--handover", url]
                flight = subprocess.Popen(
                    [*QSKY, *command, "--out", str(folder)],
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.PIPE,
                    text=True,
                )
                try:
                    self.messages: list[Message] = []
                    while not self.messages or self.messages[-1].stream != "end":
                        self.messages.append(decode(sub.recv_multipart()))
                    _, errors = flight.communicate(timeout=FIRST_MESSAGE_MS / 1000)
                finally:
                    flight.kill()
                    flight.wait()
        assert flight.returncode == 0, errors
        self.flown = Flown.read(folder)

    def of(self, stream: str) -> list[Message]:
        return [m for m in self.messages if m.stream == stream]

    def joined(self, stream: str) -> dict[str, Any]:
        """Its arrays, one after the other."""
        parts = [m.arrays for m in self.of(stream)]
        return {name: np.concatenate([p[name] for p in parts]) for name in parts[0]}


@pytest.fixture(scope="module")
def heard(tmp_path_factory: pytest.TempPathFactory) -> Heard:
    return Heard(tmp_path_factory.mktemp("handover") / "out")


def test_nothing_was_lost(heard: Heard) -> None:
    told = heard.flown.summary["handover"]
    assert set(told["overflows"].values()) == {0}
    for stream in ("raw", "sifted", "estimate"):
        sequence = [m.header["sequence"] for m in heard.of(stream)]
        # Of the first half second it may have missed the estimates: it had not joined yet.
        assert sequence == list(range(sequence[0], told["messages"][stream]))
    assert heard.of("raw")[0].header["sequence"] == 0
    assert heard.of("sifted")[0].header["sequence"] == 0


def test_sifted_clicks_are_those_of_the_recording(heard: Heard) -> None:
    """So a replay can hand over the same."""
    ticks = [(s, c) for _, s, c in heard.flown.recording.ticks("link")]
    body = streams.sifted(ticks)
    assert body is not None
    told = heard.joined("sifted")
    assert len(told["slot"]) > 10_000
    for name, array in body[1].items():
        np.testing.assert_array_equal(told[name], array)


def test_raw_clicks_hold_all_that_was_announced(heard: Heard) -> None:
    raw = heard.joined("raw")
    used = np.unique(raw["slot"][raw["quality"] > 0])
    announced = [c.announce_slot for _, _, c in heard.flown.recording.ticks("link")]
    np.testing.assert_array_equal(used, np.sort(np.concatenate(announced)))
    assert np.isin(heard.joined("sifted")["slot"], used).all()
    slots = np.sum([m.header["key_slots_by_quality"] for m in heard.of("raw")], axis=0)
    ticks = heard.flown.recording.ticks("timing")
    np.testing.assert_array_equal(slots, sum(c.key_slots for _, _, c in ticks))
    assert slots[2] > 0


def test_estimate_is_that_of_the_bits_handed_over(heard: Heard) -> None:
    """Counted here from the bits alone."""
    last, summary = heard.of("estimate")[-1].header, heard.flown.summary
    sifted = heard.joined("sifted")
    assert last["sifted"] == len(sifted["slot"]) == summary["counts"]["sifted"]
    assert last["secret_key_bits"] == summary["secret_key_bits"]
    kept = sifted["sent_bit"] == 255
    in_x, bit = sifted["state"] < 2, sifted["state"] & 1
    assert not kept[~in_x].any()
    counts = np.array(last["sifted_by_quality"])
    assert counts[:, 0].sum() == np.count_nonzero(kept)
    disclosed = in_x & ~kept
    wrong = np.count_nonzero(bit[disclosed] != sifted["sent_bit"][disclosed])
    assert last["qber"] == wrong / np.count_nonzero(disclosed)
    by_intensity = np.bincount(sifted["intensity"][kept], minlength=3)
    np.testing.assert_array_equal(counts[:, 0].sum(axis=0), by_intensity)


def test_begin_tells_what_the_counts_mean(heard: Heard) -> None:
    begin = heard.of("begin")[-1].header
    mission = json.loads(heard.flown.recording.metadata["mission"])
    assert begin["intensities"] == mission["source"]["intensities"]
    assert begin["security"]["secrecy"] == mission["security"]["secrecy"]
    assert begin["start_tai_ns"] == int(heard.flown.recording.metadata["start_tai_ns"])


def test_the_recording_knows_no_reader_and_replays(heard: Heard) -> None:
    assert json.loads(heard.flown.recording.metadata["terminal"])["handover"] is None
    result = verify(heard.flown.folder / "pass.mcap")
    assert (result.mismatches, result.lost) == (0, 0)


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("tcp://0.0.0.0:5555", "--handover: tcp://0.0.0.0:5555 can be reached from other machines"),
        ("ipc:///no/such/folder/x", "terminal.handover.url: cannot bind ipc:///no/such/folder/x"),
    ],
)
def test_a_url_that_cannot_be_used_is_said_before_anything_is_written(
    tmp_path: Path, url: str, problem: str
) -> None:
    out = tmp_path / "out"
    done = qsky(
        "run", "leo_haps_downlink", "--duration-s", "1", "--handover", url, "--out", str(out)
    )
    assert done.returncode == 2
    assert problem in done.stderr
    assert done.stderr.count("\n") <= 2
    assert "Traceback" not in done.stderr
    assert not out.exists()
