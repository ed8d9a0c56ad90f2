"""One whole pass by the public command, and all that it has to show."""

import json
import math
from datetime import UTC, datetime
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import numpy as np
import pytest
from flights import Flown, key_clicks, qsky, worst_error_rate
from mcap.reader import make_reader

from config.loader import load_scenario

pytestmark = pytest.mark.slow

SLOT_HZ = 200e6


class Pass:
    """The flight, and how its command answered."""

    def __init__(self, out: Path) -> None:
        self.command = qsky("run", "leo_haps_downlink", "--out", str(out))
        assert self.command.returncode == 0, self.command.stderr
        self.flown = Flown.read(out)
        self.summary = self.flown.summary
        self.folder = out
        self.start_ns = int(self.flown.recording.metadata["start_tai_ns"])
        self.end_ns = int(self.flown.recording.metadata["end_tai_ns"])


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Pass:
    return Pass(tmp_path_factory.mktemp("pass") / "demo")


def _link(demo: Pass) -> dict[str, Any]:
    span: dict[str, Any] = demo.summary["modes"][-1]
    return span


def test_flies_the_pass_that_culminates_near_46_degrees(demo: Pass) -> None:
    """Against skyfield: 46.038 degrees at 15:18:55.9 UTC, for a site that stands still at 20 km.

    The platform flies some kilometres beside it, which turns the view by kilometres over 1000 km.
    """
    truth = demo.flown.recording.columns("truth")
    top = int(np.argmax(truth["elevation_rad"]))
    # TAI was 36 s ahead of UTC in December 2016.
    culmination = datetime.fromtimestamp(truth["t_ns"][top] * 1e-9 - 36.0, UTC)
    expected = datetime(2016, 12, 19, 15, 18, 56, tzinfo=UTC)
    assert abs((culmination - expected).total_seconds()) < 3.0
    assert math.degrees(truth["elevation_rad"][top]) == pytest.approx(46.0, abs=0.5)
    assert math.degrees(truth["elevation_rad"].min()) == pytest.approx(20.0, abs=0.2)
    assert 240.0 < demo.summary["simulated_s"] < 270.0


def test_reaches_link_by_itself_and_holds_it_to_the_end(demo: Pass) -> None:
    assert demo.flown.modes == ["STANDBY", "POINT", "ACQUIRE", "TRACK", "LINK"]
    link, simulated_s = _link(demo), demo.summary["simulated_s"]
    assert link["end_s"] == pytest.approx(simulated_s, abs=0.02)
    assert demo.summary["link_fraction"] == pytest.approx(
        (link["end_s"] - link["start_s"]) / simulated_s
    )
    assert demo.summary["link_fraction"] > 0.9
    assert demo.summary["safety_events"] == []


def test_mode_spans_join_without_gap(demo: Pass) -> None:
    spans = demo.summary["modes"]
    assert spans[0]["start_s"] == 0.0
    for before, after in pairwise(spans):
        assert before["end_s"] == after["start_s"] > before["start_s"]


def test_fine_error_is_within_a_tenth_of_the_bound(demo: Pass) -> None:
    for error, bound in zip(
        demo.summary["fine_urad_rms"], demo.summary["fine_bound_urad_rms"], strict=True
    ):
        assert 0.98 * bound < error < 1.10 * bound


def test_fine_error_is_that_of_the_recorded_truth(demo: Pass) -> None:
    truth = demo.flown.columns("truth")
    in_link = truth["t_s"] > _link(demo)["start_s"] + 0.1
    for axis, error in zip("xy", demo.summary["fine_urad_rms"], strict=True):
        rms_rad = truth[f"fine_error_{axis}_rms_rad"][in_link]
        assert error == pytest.approx(1e6 * math.sqrt(np.mean(rms_rad**2)), rel=0.02)


def test_clock_is_locked_and_never_slips(demo: Pass) -> None:
    clock = demo.summary["clock"]
    link_s = demo.summary["link_fraction"] * demo.summary["simulated_s"]
    assert clock["slips"] == 0
    assert link_s - 2.0 < clock["locked_s"] <= link_s + 0.1
    # The rms about the slots is the detectors' jitter; the clock adds nothing that shows.
    assert clock["timing_rms_ps"] == pytest.approx(150.0, rel=0.03)
    assert clock["audits_failed"] == clock["relocks"] == 0
    # Delays of 100 ps, found to the noise of 200,000 clicks: 150 ps over the root of a channel's.
    assert np.ptp(clock["channel_delays_true_ps"]) > 100.0
    assert clock["channel_delay_error_ps_rms"] < 3.0 * 150.0 / math.sqrt(0.15 * 200_000)
    # Poisson: half of the background clicks of the whole pass.
    seen = 0.5 * clock["background_true_hz"] * clock["locked_s"]
    assert clock["background_hz"] == pytest.approx(
        clock["background_true_hz"], rel=4.0 / math.sqrt(seen) + 0.01
    )
    # It holds our oscillator and more.
    for tau in ("1s", "10s"):
        assert clock[f"allan_deviation_{tau}"] > 0.7 * clock[f"allan_deviation_{tau}_oscillator"]


def test_no_second_of_the_key_looks_like_slipped_slots(demo: Pass) -> None:
    assert worst_error_rate(key_clicks(demo.flown), bin_s=1.0, least_clicks=1000) < 0.04


def test_error_rate_agrees_with_the_truth(demo: Pass) -> None:
    # Sample of the error rate: clicks whose state was disclosed, both ends in the key basis.
    last = [command for _, _, command in demo.flown.recording.ticks("link")][-1]
    sample = last.disclosed_counts.reshape(4, 4)[:2, :2].sum()
    true = demo.summary["qber_true"]
    standard_error = math.sqrt(true * (1.0 - true) / sample)
    assert sample > 30_000
    assert abs(demo.summary["qber"] - true) <= 0.001 + 3.0 * standard_error


def test_the_truth_of_the_error_rate_agrees_with_every_key_bit(demo: Pass) -> None:
    """Twenty times more bits than are disclosed, against what the sender truly sent."""
    clicks = key_clicks(demo.flown)
    bits = int(clicks.same_basis_x.sum())
    rate = float((clicks.wrong & clicks.same_basis_x).sum()) / bits
    standard_error = math.sqrt(rate * (1.0 - rate) / bits)
    assert abs(demo.summary["qber_true"] - rate) < 3.0 * standard_error


def test_secret_key_agrees_with_the_analytic_model(demo: Pass) -> None:
    expected = demo.summary["secret_key_bits_expected"]
    assert expected > 100_000
    assert demo.summary["secret_key_bits"] == pytest.approx(expected, rel=0.1)
    assert demo.summary["counts"]["detected"] == pytest.approx(
        demo.summary["detected_expected"], rel=0.01
    )


def test_counts_follow_from_the_protocol(demo: Pass) -> None:
    counts = demo.summary["counts"]
    link_s = demo.summary["link_fraction"] * demo.summary["simulated_s"]
    # Doppler shifts the rate by 2e-5; a tick of the timing loop at each end is 1e-3 of the link.
    assert counts["sent"] == pytest.approx(SLOT_HZ * link_s, rel=2e-3)
    # Both ends take X with 0.7, and a basis clicks as its detectors do. Replies take a twentieth of
    # a second: the last clicks are not answered.
    h, v, d, a = load_scenario("leo_haps_downlink").world.polarization.channel_efficiency
    x, z = 0.5 * (h + v), 0.5 * (d + a)
    matched_x, matched_z = 0.49 * x, 0.09 * z
    sifted = matched_x + matched_z
    assert counts["sifted"] / counts["detected"] == pytest.approx(
        sifted / (0.7 * x + 0.3 * z), rel=5e-3
    )
    # Disclosed: all of Z and a twentieth of X.
    disclosed = (matched_z + 0.05 * matched_x) / sifted
    assert counts["disclosed"] / counts["sifted"] == pytest.approx(disclosed, rel=0.01)


def test_pointing_and_polarisation_settle(demo: Pass) -> None:
    assert 0.0 < demo.summary["acquisition_s"] < 30.0
    assert 0.0 < demo.summary["polarization_converged_s"] < 30.0
    assert demo.summary["polarization_error_deg_rms"] < 0.5
    # Our beacon reaches the partner: well inside the uplink beam of 150 urad.
    assert demo.summary["point_ahead_error_urad_rms"] < 5.0


NUMBER = (int, float)
PAIR = [NUMBER, NUMBER]
SHAPE = {
    "scenario": str,
    "seed": int,
    "simulated_s": NUMBER,
    "wall_s": NUMBER,
    "modes": list,
    "acquisition_s": NUMBER,
    "coarse_urad_rms": PAIR,
    "fine_urad_rms": PAIR,
    "fine_bound_urad_rms": PAIR,
    "point_ahead_error_urad_rms": NUMBER,
    "polarization_error_deg_rms": NUMBER,
    "polarization_converged_s": NUMBER,
    "clock": {
        "locked_s": NUMBER,
        "timing_rms_ps": NUMBER,
        "slips": int,
        "background_hz": NUMBER,
        "background_true_hz": NUMBER,
        "allan_deviation_1s": NUMBER,
        "allan_deviation_1s_oscillator": NUMBER,
        "allan_deviation_10s": NUMBER,
        "allan_deviation_10s_oscillator": NUMBER,
        "audits_failed": int,
        "relocks": int,
    },
    "counts": {"sent": int, "detected": int, "sifted": int, "disclosed": int},
    "qber": NUMBER,
    "qber_true": NUMBER,
    "secret_key_bits": NUMBER,
    "secret_key_bits_expected": NUMBER,
    "link_fraction": NUMBER,
    "ticks": dict,
    "lost_ticks": int,
    "compute_us": dict,
    "safety_events": list,
}


def _check_shape(value: Any, shape: Any, key: str) -> None:
    if isinstance(shape, dict):
        for name, inner in shape.items():
            assert name in value, f"{key}.{name}"
            _check_shape(value[name], inner, f"{key}.{name}")
    elif isinstance(shape, list):
        assert len(value) == len(shape), key
        for item, inner in zip(value, shape, strict=True):
            _check_shape(item, inner, key)
    else:
        assert isinstance(value, shape), f"{key}: {value!r}"
        assert not isinstance(value, bool), key
        assert not isinstance(value, float) or math.isfinite(value), key


def test_summary_holds_every_field_in_its_shape(demo: Pass) -> None:
    _check_shape(demo.summary, SHAPE, "summary")
    for span in demo.summary["modes"]:
        _check_shape(span, {"mode": str, "start_s": NUMBER, "end_s": NUMBER}, "modes")
    loops = set(demo.summary["ticks"])
    assert loops == set(demo.summary["compute_us"]) >= {"fine", "coarse", "timing", "link"}
    for percentiles in demo.summary["compute_us"].values():
        _check_shape(percentiles, {"p50": NUMBER, "p99": NUMBER}, "compute_us")
        assert 0.0 < percentiles["p50"] <= percentiles["p99"]


def test_every_tick_is_recorded(demo: Pass) -> None:
    simulated_s = demo.summary["simulated_s"]
    assert demo.summary["lost_ticks"] == 0
    assert demo.summary["ticks"]["fine"] == round(5000 * simulated_s)
    for name, ticks in demo.summary["ticks"].items():
        assert len(demo.flown.recording.columns(name)["seq"]) == ticks, name


def test_replay_gives_every_command_again_bit_for_bit(demo: Pass) -> None:
    answer = qsky("replay", str(demo.folder / "pass.mcap"), "--verify", "--json", "-")
    assert answer.returncode == 0, answer.stderr
    result = json.loads(answer.stdout)
    assert (result["mismatches"], result["lost"], result["truncated"]) == (0, 0, False)
    assert result["ticks"] == sum(demo.summary["ticks"].values())


FETCHING = ("src", "href", "srcset", "data", "poster", "xlink:href")


class _References(HTMLParser):
    """Everything that a browser would fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            follows_only_when_clicked = tag == "a" and name == "href"
            if name in FETCHING and value and not follows_only_when_clicked:
                self.fetched.append(value)


def test_report_is_self_contained(demo: Pass) -> None:
    html = (demo.folder / "report.html").read_text()
    references = _References()
    references.feed(html)
    outside = [r[:80] for r in references.fetched if not r.startswith(("data:", "#"))]
    assert outside == []
    assert "@import" not in html
    assert "url(http" not in html
    assert "<svg" in html or "data:image/" in html
    assert "leo_haps_downlink" in html


def test_recording_holds_simulated_time_only(demo: Pass) -> None:
    """No record's time and no tick's time lies outside of the window that was flown in 2016."""
    with (demo.folder / "pass.mcap").open("rb") as file:
        for _, _, message in make_reader(file).iter_messages():
            assert demo.start_ns <= message.log_time <= demo.end_ns
            assert demo.start_ns <= message.publish_time <= demo.end_ns
    for name in demo.flown.recording.messages():
        t_ns = demo.flown.recording.columns(name)["t_ns"]
        assert demo.start_ns <= t_ns.min() <= t_ns.max() < demo.end_ns, name
        assert np.all(np.diff(t_ns) > 0), name


def test_recording_tells_nothing_of_this_machine(demo: Pass) -> None:
    assert set(demo.flown.recording.metadata) == {
        "scenario",
        "seed",
        "start_tai_ns",
        "end_tai_ns",
        "mission",
        "terminal",
    }
    assert str(demo.folder) not in json.dumps(demo.flown.recording.metadata)


def test_folder_holds_the_four_files(demo: Pass) -> None:
    assert {path.name for path in demo.folder.iterdir()} == {
        "pass.mcap",
        "timing.mcap",
        "summary.json",
        "report.html",
    }


def test_command_shows_progress_and_a_table(demo: Pass) -> None:
    command: CompletedProcess[str] = demo.command
    lines = command.stderr.splitlines()
    assert len(lines) > 20
    assert all("QBER" in line and "key" in line and "elevation" in line for line in lines)
    assert "LINK" in lines[-1]
    assert "secret key" in command.stdout
    unwrapped = "".join(character for character in command.stdout if character not in "\n│ ")
    assert str(demo.folder / "report.html") in unwrapped
