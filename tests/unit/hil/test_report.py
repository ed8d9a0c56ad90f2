"""The report page: self-contained, whole, harmless and reproducible, whatever the flight left."""

import math
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hil.report import number, report_html
from hil.report_data import Table
from sim_devices.truth import TRUTH, Nothing, TruthSample
from terminal.codec import TickCodec
from terminal.fields import NO_I64S, NO_U8S
from terminal.messages import MESSAGES, Message, ModesCommand, ModesSample
from terminal.pointing_messages import GuidanceCommand, GuidanceSample
from terminal.quantum_messages import (
    LinkCommand,
    LinkSample,
    PolarizationCommand,
    PolarizationSample,
    TimingCommand,
    TimingSample,
)
from terminal.telemetry.recorder import Recorder

START_NS = 1_482_142_731 * 10**9
SECTIONS = (
    "The pass",
    "Pointing and loss",
    "Photons",
    "Clock and polarisation",
    "Key and computing time",
)
FIGURES = (
    "Sky track",
    "Modes and events",
    "Pointing error, stage by stage",
    "Loss and range",
    "Count rates",
    "Error rate",
    "Clock recovered from the photons",
    "Background and stability",
    "Polarisation frame",
    "Secret key, finite size",
)
SUMMARY: dict[str, Any] = {
    "scenario": "small",
    "seed": 7,
    "simulated_s": 10.0,
    "wall_s": 3.0,
    "modes": [
        {"mode": "POINT", "start_s": 0.0, "end_s": 1.0},
        {"mode": "ACQUIRE", "start_s": 1.0, "end_s": 2.0},
        {"mode": "LINK", "start_s": 2.0, "end_s": 10.0},
    ],
    "acquisition_s": 1.25,
    "coarse_urad_rms": [30.0, 20.0],
    "fine_urad_rms": [1.37, 1.36],
    "fine_bound_urad_rms": [1.13, 1.13],
    "point_ahead_error_urad_rms": 0.18,
    "polarization_error_deg_rms": 0.14,
    "polarization_converged_s": 2.1,
    "clock": {
        "locked_s": 7.5,
        "timing_rms_ps": 152.0,
        "background_hz": 480.0,
        "background_true_hz": 470.0,
        "allan_deviation_1s_oscillator": 3e-11,
        "allan_deviation_10s_oscillator": 1e-11,
        "audits_failed": 3,
        "relocks": 5,
        "slips": 0,
    },
    "counts": {"sent": 10**9, "detected": 5000, "sifted": 3000, "disclosed": 400},
    "qber": 0.0121,
    "qber_true": 0.0123,
    "secret_key_bits": 1200.0,
    "secret_key_bits_expected": 1000.0,
    "link_fraction": 0.8,
    "ticks": {"fine": 50_000, "timing": 200},
    "lost_ticks": 0,
    "compute_us": {"fine": {"p50": 10.0, "p99": 40.0}, "timing": {"p50": 900.0, "p99": 1800.0}},
    "safety_events": [{"t_s": 4.0, "unsafe": ["NAVIGATION_SILENT"]}],
}


def _truth(t_s: float, scale: float) -> TruthSample:
    """One record; scale 0 makes everything zero."""
    fields = dict.fromkeys(TruthSample._fields, 0.0) | {
        "t_ns": START_NS + round(t_s * 1e9),
        "azimuth_rad": scale * (1.0 + 0.1 * t_s),
        "elevation_rad": scale * 0.8,
        "range_m": scale * 7e5,
        "coarse_error_x_rad": scale * 3e-5,
        "fine_error_x_rms_rad": scale * 1e-6,
        "point_ahead_error_x_rad": scale * 2e-7,
        "frame_angle_rad": scale * 0.4,
        "polarization_error_rad": scale * 0.01 * math.cos(t_s),
        "transmittance": scale * 1e-4,
        "oscillator_offset": scale * 1e-6,
        "shutter_open": int(scale > 0 and t_s > 2),
        "beacon_on": int(scale > 0),
    }
    return TruthSample(**fields)  # type: ignore[arg-type]


def record(path: Path, *, seconds: float = 10.0, scale: float = 1.0) -> None:
    """A recording with every message that the report reads, 10 ticks a second."""
    rows: dict[str, list[tuple[Any, Any]]] = {name: [] for name in ("truth", *MESSAGES)}
    counts = np.zeros(16)
    for i in range(round(10 * seconds)):
        t_s = i / 10
        t_ns = START_NS + round(t_s * 1e9)
        counts = counts + scale * np.eye(4).ravel() * 20
        rows["truth"].append((_truth(t_s, scale), Nothing()))
        guidance = GuidanceSample(t_ns, 1, *[0.0] * (len(GuidanceSample._fields) - 2))
        rows["guidance"].append((guidance, GuidanceCommand(frame_angle_rad=scale * 3.5)))
        modes = ModesSample(t_ns, *[0] * (len(ModesSample._fields) - 1))._replace(
            fine_closed=int(scale), fine_rms_rad=scale * 1.2e-6
        )
        rows["modes"].append((modes, ModesCommand(mode=4)))
        rows["timing"].append(
            (
                TimingSample(t_ns, 1, 0.0, 0.0, 1, 0, NO_I64S, NO_U8S),
                TimingCommand(
                    int(scale), scale * 1.01e-6, 0.0, scale * 1e-11, 0.0, scale * 1.5e-10, 1.0,
                    round(100 * scale), round(10 * scale), scale * 480.0, scale * 4e-11,
                ),
            )
        )  # fmt: skip
        polarized = dict.fromkeys(PolarizationSample._fields, 0) | {
            "t_ns": t_ns,
            "pointing_valid": 1,
            "public_counts": counts,
            "disclosed_counts": counts,
        }
        rows["polarization"].append((PolarizationSample(**polarized), PolarizationCommand()))
        rows["link"].append(
            (
                LinkSample(t_ns, NO_I64S, NO_U8S, NO_I64S, NO_I64S, NO_U8S, NO_U8S, NO_U8S),
                LinkCommand(
                    sifted=round(60 * scale) * i,
                    disclosed=round(counts.sum()),
                    qber=0.01,
                    secret_key_bits=scale * 100.0 * i,
                    disclosed_counts=counts,
                ),
            )
        )
    recorder = Recorder(path, metadata={"start_tai_ns": str(START_NS)})
    recorder.add_layout(TRUTH)
    for name, ticks in rows.items():
        message: Message = TRUTH if name == "truth" else MESSAGES[name]
        codec = TickCodec(message)
        recorder.write_ticks(name, [codec.pack(i, *tick) for i, tick in enumerate(ticks)])
    recorder.close()


class Page(HTMLParser):
    """Tags, attributes and text of a page; fails where tags do not nest."""

    VOID = frozenset({"meta", "path", "use", "rect", "br"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self._parts: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        self.text = " ".join(self._parts)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_startendtag(tag, attrs)
        if tag != "meta":
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self._parts.append(data)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report")
    record(path / "pass.mcap")
    return path


@pytest.fixture(scope="module")
def html(folder: Path) -> str:
    return report_html(folder / "pass.mcap", SUMMARY)


def check_whole(html: str) -> Page:
    """Every section and figure is there, and nothing that a browser would fetch or run."""
    page = Page(html)
    for heading in (*SECTIONS, *FIGURES, "Computing time", "The whole summary"):
        assert heading in page.text
    assert page.tags.count("svg") == len(FIGURES)
    assert not {"script", "link", "iframe", "object", "embed", "img", "image"} & set(page.tags)
    assert "://" not in html
    assert "@import" not in html
    for name, value in page.attributes:
        assert not name.startswith("on")
        if name in {"href", "xlink:href", "src"}:
            assert value.startswith("#")
    return page


def test_page_is_whole_and_self_contained(html: str) -> None:
    check_whole(html)
    assert len(html) < 3e6


def test_every_column_that_a_figure_asks_for_is_recorded(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A field that was renamed would leave an empty panel and no error."""
    asked: set[str] = set()
    missing: set[str] = set()
    given = Table.__getitem__

    def watched(table: Table, name: str) -> Any:
        asked.add(name)
        if len(table.t_s) == 0 or name not in table._columns:
            missing.add(name)
        return given(table, name)

    monkeypatch.setattr(Table, "__getitem__", watched)
    report_html(folder / "pass.mcap", SUMMARY)
    assert {"frame_angle_rad", "pointing_valid"} <= asked
    assert missing == set()


def test_an_arm_of_a_pair_source_shows_nothing_of_a_key(folder: Path) -> None:
    page = Page(report_html(folder / "pass.mcap", {**SUMMARY, "arm": "second"}))
    of_key = ("Error rate", "Secret key, finite size")
    for heading in FIGURES:
        assert (heading in page.text) == (heading not in of_key)
    assert page.tags.count("svg") == len(FIGURES) - len(of_key)
    assert "Computing time" in page.text
    assert "kbit" not in page.text


def test_ids_are_unique_and_every_reference_has_one(html: str) -> None:
    page = Page(html)
    ids = [value for name, value in page.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    used = {value[1:] for name, value in page.attributes if name.endswith("href")}
    used |= {v.split("#")[1].rstrip(")") for n, v in page.attributes if n == "clip-path"}
    assert used
    assert used <= set(ids)


def test_key_figures(html: str) -> None:
    text = " ".join(Page(html).text.split())
    assert "Share of the window in LINK 80.0 % of 10.0 s" in text
    for expected in (
        "1.37 / 1.36 µrad",
        "bound of any controller 1.13 / 1.13",
        "from the truth 1.23 %",
        "analytic 1.0 (+20.0 %)",
        "converged after 2.1 s of LINK",
        "1. navigation silent at 4.0 s",
        "failed 3 checks against the pattern; the clock was locked anew 5 times",
        "1 safety event · no lost tick",
        "2016-12-19 10:18:15 UTC",
    ):
        assert expected in text


def test_share_of_the_period(html: str) -> None:
    # 50,000 ticks in 10 s are 5 kHz; 40 us of 200 us are 20 %.
    row = html[html.index("<td>fine</td>") :].split("</tr>")[0]
    cells = row.replace("</td>", "").split("<td>")[1:]
    assert cells == ["fine", "5,000", "50,000", "10.0", "40.0", "20.00"]


def test_same_bytes_twice(folder: Path, html: str) -> None:
    assert report_html(folder / "pass.mcap", SUMMARY) == html


def test_text_is_escaped(folder: Path) -> None:
    hostile = "</title><script src=x>alert(1)</script>\"'&"
    summary = SUMMARY | {
        "scenario": hostile,
        "seed": hostile,
        hostile: hostile,
        "modes": [{"mode": hostile, "start_s": 0.0, "end_s": 10.0}],
        "ticks": {hostile: 3},
        "safety_events": [{"t_s": 1.0, "unsafe": [hostile]}],
    }
    page = check_whole(report_html(folder / "pass.mcap", summary))
    assert page.text.count(hostile) >= 5


NOTHING: dict[str, Any] = {
    key: None if not isinstance(value, dict | list) else type(value)()
    for key, value in SUMMARY.items()
}


@pytest.mark.parametrize(
    "summary",
    [
        NOTHING,
        {},
        SUMMARY | {"clock": None, "counts": 3, "ticks": "x", "modes": [1, {}], "safety_events": 0},
        dict.fromkeys(SUMMARY, math.nan),
        SUMMARY | {"simulated_s": 0.0, "modes": [], "qber": 0.5, "qber_true": 0.5},
    ],
)
def test_poor_summaries(folder: Path, summary: dict[str, Any]) -> None:
    check_whole(report_html(folder / "pass.mcap", summary))


@pytest.mark.parametrize("seconds", [0.0, 0.1, 0.2])
def test_short_flights(tmp_path: Path, seconds: float) -> None:
    record(tmp_path / "pass.mcap", seconds=seconds)
    check_whole(report_html(tmp_path / "pass.mcap", SUMMARY | {"simulated_s": seconds}))


def test_all_zero(tmp_path: Path) -> None:
    record(tmp_path / "pass.mcap", scale=0.0)
    zero = {key: 0.0 if isinstance(value, float) else value for key, value in SUMMARY.items()}
    check_whole(report_html(tmp_path / "pass.mcap", zero))


def test_nonsense_in_the_columns(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "nan.mcap", metadata={}, messages=())
    recorder.add_layout(TRUTH)
    codec = TickCodec(TRUTH)
    names = [
        n for n in TruthSample._fields if n.endswith(("_rad", "_m", "transmittance", "offset"))
    ]
    ticks = []
    for i in range(40):
        bad = dict.fromkeys(names, (math.nan, math.inf, -math.inf, 1e300)[i % 4]) | {"plate_rad": 0}
        ticks.append(codec.pack(i, _truth(i / 10, 1.0)._replace(**bad), Nothing()))
    recorder.write_ticks("truth", ticks)
    recorder.close()
    check_whole(report_html(tmp_path / "nan.mcap", SUMMARY))


def test_a_recording_without_messages_says_so(tmp_path: Path) -> None:
    Recorder(tmp_path / "pass.mcap", metadata={"scenario": "x"}, messages=()).close()
    page = check_whole(report_html(tmp_path / "pass.mcap", SUMMARY))
    assert "no message 'truth'" in page.text


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_a_recording_that_was_cut_off(folder: Path, tmp_path: Path, share: float) -> None:
    whole = (folder / "pass.mcap").read_bytes()
    (tmp_path / "pass.mcap").write_bytes(whole[: int(share * len(whole))])
    page = check_whole(report_html(tmp_path / "pass.mcap", SUMMARY))
    assert ("class", "note") in page.attributes


def test_no_recording(tmp_path: Path) -> None:
    page = check_whole(report_html(tmp_path / "pass.mcap", SUMMARY))
    assert "cannot read the recording" in page.text
    assert str(tmp_path) not in page.text


def test_numbers() -> None:
    assert number(1234567.891, 1) == "1,234,567.9"
    assert number(0.012345, 2, 100) == "1.23"
    assert [number(v) for v in (None, math.nan, math.inf, "x", True, [1])] == ["–"] * 6
