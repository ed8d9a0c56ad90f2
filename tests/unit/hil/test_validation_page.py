"""`qsky validation`: the rule that makes a status, the page, and what its rows stand on."""

import json
import math
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from importlib.metadata import EntryPoint
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from scipy.stats import binom
from typer.testing import CliRunner

from config.errors import InputError
from hil.validation import micius_pass, slots
from hil.validation.check import (
    Check,
    Printed,
    Tolerance,
    closed_form,
    half_digit,
    judge,
    limits,
)
from hil.validation.micius_assumed import assumptions, least_and_greatest
from hil.validation.page import number, page_text
from hil.validation.themes import judge_all
from terminal import cli
from terminal.figures.progress import SILENT

PAGE = Path(__file__).resolve().parents[3] / "docs/validation.md"


@pytest.fixture(scope="module")
def themes():
    return judge_all(SILENT)


@pytest.fixture(scope="module")
def rows(themes):
    return [row for theme in themes for row in theme.judged]


HALF_DIGIT = Tolerance()


def check(printed, ours, tolerance=HALF_DIGIT, not_printed="", span=None):
    value = None if ours is None else lambda: ours
    return Check("a", "b", printed, "m", value, tolerance, not_printed, span)


class TestRule:
    @pytest.mark.parametrize(
        ("printed", "ours", "status"),
        [
            (Printed("0.23"), 0.2349, "reproduced"),
            (Printed("0.23"), 0.225, "reproduced"),
            (Printed("0.23"), 0.2351, "not reproduced"),
            (Printed("5.011e-4"), 5.0105e-4, "reproduced"),
            (Printed("5.011e-4"), 5.0104e-4, "not reproduced"),
            (Printed("80", ">"), 80.1, "reproduced"),
            (Printed("80", ">"), 79.9, "not reproduced"),
            (Printed("1500", "<"), 1501.0, "not reproduced"),
            (Printed("36", "to", "44"), 44.0, "reproduced"),
            (Printed("36", "to", "44"), 35.9, "not reproduced"),
            (Printed("0.23"), math.nan, "not reproduced"),
            (Printed("0.23"), None, "gap"),
            (None, 1.0, "gap"),
        ],
    )
    def test_of_the_value(self, printed, ours, status):
        assert judge(check(printed, ours)).status == status

    def test_what_is_assumed_reproduces_nothing(self):
        assert judge(check(Printed("2"), 2.0, not_printed="air")).status == "compatible"
        assert judge(check(Printed("2"), 3.0, not_printed="air")).status == "not reproduced"

    @pytest.mark.parametrize(
        ("span", "status"), [((2.6, 4.0), "not reproduced"), ((2.4, 4.0), "compatible")]
    )
    def test_over_the_range_of_what_is_assumed(self, span, status):
        found = judge(check(Printed("2"), 3.0, not_printed="air", span=lambda: span))
        assert found.status == status

    def test_a_range_needs_its_assumption(self):
        with pytest.raises(ValueError, match="not printed"):
            judge(check(Printed("2"), 3.0, span=lambda: (1.0, 2.0)))

    def test_a_tolerance_of_its_own(self):
        wide = Tolerance("why", 0.5)
        assert judge(check(Printed("2.00"), 2.4, wide)).status == "reproduced"
        assert judge(check(Printed("80", ">"), 79.6, wide)).status == "reproduced"
        assert judge(check(Printed("80", ">"), 79.4, wide)).status == "not reproduced"

    @given(st.integers(-99999, 99999), st.integers(-12, 12))
    def test_half_of_the_last_digit(self, digits, exponent):
        text = f"{digits}e{exponent}"
        assert half_digit(text) == Decimal(5) * Decimal(10) ** (exponent - 1)
        low, high = limits(Printed(text), Tolerance())
        assert low <= digits * 10.0**exponent <= high

    @pytest.mark.parametrize("text", ["nan", "inf"])
    def test_no_number(self, text):
        with pytest.raises(ValueError, match="finite"):
            half_digit(text)

    @given(st.floats(-1e12, 1e12), st.sampled_from(["0.23", "645", "5.011e-4", "1671072", "9"]))
    def test_shown_to_a_tenth_of_the_digit(self, value, printed):
        """Or to nine digits, or, of large whole numbers, to the whole."""
        shown = float(number(value, Printed(printed)))
        step = 2 * float(half_digit(printed))
        assert abs(shown - value) <= max(0.51 * step, 0.51e-8 * abs(value))


class TestPage:
    def test_it_is_what_the_command_writes(self, themes):
        told = "docs/validation.md is old: write it by qsky validation --out docs/validation.md"
        assert PAGE.read_text() == page_text(themes), told

    def test_each_row_says_where_and_why(self, rows):
        for row in rows:
            assert row.check.claim
            assert row.check.printed_in
            assert row.check.tolerance.licence
            # A gap without a reason would be a row that was forgotten.
            assert row.status != "gap" or row.check.note, row.check.claim

    def test_no_two_rows_have_one_name(self, themes):
        for theme in themes:
            names = [row.check.claim for row in theme.judged]
            assert len(names) == len(set(names)), theme.title

    def test_what_does_not_follow_stands_on_top(self, rows):
        top, _, _ = PAGE.read_text().partition("\n## The article")
        for row in rows:
            if row.status in ("not reproduced", "gap"):
                assert f"| {row.check.claim} |" in top

    @pytest.mark.parametrize(
        ("where", "least"),
        [
            ("P.1622", 8),
            ("P.1621", 1),
            ("Lim", 1),
            ("Sidhu", 1),
            ("SatQuMA", 5),
            ("Liao", 8),
            ("Fig 2", 3),
            ("Fig 3", 3),
            ("Fig 4", 2),
            ("Table I", 1),
            ("ELL14", 1),
        ],
    )
    def test_sources_that_must_be_there(self, rows, where, least):
        assert sum(where in row.check.printed_in for row in rows) >= least

    def test_the_claim_for_810_nm_does_not_follow(self, rows):
        (row,) = (row for row in rows if "810 nm only below" in row.check.claim)
        assert row.status == "not reproduced"

    def test_closed_forms_agree(self, rows):
        """They are no claims of others: one that fails is our own error."""
        for row in rows:
            assert row.check.kind == "published" or row.status == "reproduced", row.check.claim


class TestCommand:
    @pytest.fixture
    def run(self, monkeypatch, themes):
        """What it computes is the page's, computed once."""
        monkeypatch.setattr("hil.validation.themes.judge_all", lambda progress: themes)
        entry = EntryPoint("validation", "hil.validation_command:validation", cli.GROUP)
        return lambda *arguments: CliRunner().invoke(cli.build([entry]), ["validation", *arguments])

    def test_the_page_and_the_rows(self, run, rows, tmp_path):
        done = run("--out", str(tmp_path / "page.md"), "--json", "-")
        assert done.exit_code == 0, done.output
        assert (tmp_path / "page.md").read_text() == PAGE.read_text()
        told = json.loads(done.stdout)
        assert [row["status"] for row in told] == [row.status for row in rows]

    def test_for_people(self, run):
        done = run()
        assert done.exit_code == 0, done.output
        assert "not reproduced" in done.stdout

    @pytest.mark.parametrize("option", ["--out", "--json"])
    def test_a_folder_that_is_not_there(self, run, tmp_path, monkeypatch, option):
        def computed(progress):
            raise AssertionError("told after the work")

        monkeypatch.setattr("hil.validation.themes.judge_all", computed)
        done = run(option, str(tmp_path / "nowhere" / "page.md"))
        assert isinstance(done.exception, InputError)
        assert f"{option}: " in str(done.exception)
        assert "no such folder" in str(done.exception)


class TestMicius:
    def test_the_pass_by_another_program(self):
        """Skyfield: closest approach, and the time within 1200 km."""
        from skyfield.api import EarthSatellite, load, wgs84

        mission = micius_pass.scenario().mission
        scale = load.timescale(builtin=True)
        satellite = EarthSatellite(*mission.partner.tle, "Micius", scale)
        track = mission.track
        site = wgs84.latlon(track.latitude_deg, track.longitude_deg, elevation_m=track.altitude_m)
        start = datetime(2016, 12, 19, 16, 49, tzinfo=UTC)
        second = np.arange(400)
        times = scale.from_datetimes([start + timedelta(seconds=int(s)) for s in second])
        range_m = (satellite - site).at(times).distance().m
        assert micius_pass.nearest()[1] == pytest.approx(range_m.min(), abs=30.0)
        inside = second[range_m < micius_pass.FAR_M]
        expected = inside[-1] - inside[0]
        assert micius_pass.seconds_within(micius_pass.FAR_M) == pytest.approx(expected, abs=2.0)

    def test_sifted_bits_by_hand(self):
        """Mean photons of a signal times transmittance, half of the bases, and noise in a fifth of
        the time, half of which is of signals."""
        given, way = micius_pass.scenario(), micius_pass.course()
        radius_m = 0.5 * 14.8e-6 * way.range_m
        wide_m2 = radius_m**2 + 4 * (1.2e-6 * way.range_m) ** 2
        eta = 1 - np.exp(-2 * 0.5**2 / wide_m2)
        eta *= 0.54 ** (1 / np.sin(way.elevation_rad)) * given.terminal.optics.transmittance * 0.5
        light = 100e6 * 0.5 * 0.8 * eta
        noise = 0.5 * 0.2 * (4 * 25 + 678)
        sifted = 0.5 * (light + noise).sum() * way.step_s
        assert micius_pass.flown().sifted == pytest.approx(sifted, rel=0.005)

    def test_sifted_share_without_noise(self):
        """That of signal pulses among all light: 0.5 x 0.8 of 0.5 x 0.8 + 0.25 x 0.1, in one basis
        of two. What is printed is 0.47058."""
        given = micius_pass.scenario()
        world = given.world
        dark = replace(
            world,
            atmosphere=replace(world.atmosphere, background_radiance_w_m2_sr_um=0.0),
            detectors=replace(world.detectors, dark_rate_hz=0.0),
        )
        found = micius_pass.flown(replace(given, world=dark))
        # Of signals of 0.8 photons 2e-4 are detected at most, so double ones count for nothing.
        assert found.sifted / found.detections == pytest.approx(0.5 * 0.4 / 0.425, rel=1e-3)
        assert found.sifted / found.detections == pytest.approx(1_671_072 / 3_551_136, rel=1e-3)

    def test_the_fit_is_a_fit(self):
        found = micius_pass.flown(micius_pass.refitted(micius_pass.scenario()))
        assert found.sifted == pytest.approx(micius_pass.PRINTED_SIFTED, rel=1e-3)
        # And the file has it: to half of the last digit of its transmittance.
        assert micius_pass.flown().sifted == pytest.approx(micius_pass.PRINTED_SIFTED, rel=4e-4)

    def test_key_of_both_bases(self):
        """Less than twice that of one, by what half of the failure probability costs."""
        found = micius_pass.flown()
        assert 1.9 < found.key_bits / found.key_one_basis_bits < 2.0

    def test_the_range_holds_what_is_taken(self):
        for pick in (lambda o: o.sifted, lambda o: o.detections, lambda o: o.error_rate):
            least, greatest = least_and_greatest(pick, refit=False)
            assert least <= pick(micius_pass.flown()) <= greatest

    def test_each_assumption_is_told(self):
        told = assumptions()
        assert sum("fitted" in a.what for a in told) == 1
        assert all(a.taken and a.least and a.greatest and a.allowed_by for a in told)


def test_why_the_published_leakage_is_another():
    """The one-way bound of Tomamichel et al. with natural logarithms gives the file's number."""
    n, q, eps = 7586362.918456222, 1.804580889834071734e-03, 1e-15
    whole = math.floor(n)
    entropy = -q * math.log2(q) - (1 - q) * math.log2(1 - q)
    quantile = binom.ppf(eps * (1 + 1 / math.sqrt(whole)), whole, 1 - q)
    finite = (n * (1 - q) - quantile - 1) * math.log((1 - q) / q)
    leakage = n * entropy + finite - 0.5 * math.log(n) - math.log(1 / eps)
    assert leakage == pytest.approx(150393.23757, abs=1e-5)


def test_chance_of_the_right_slot_by_drawing_scores():
    """The order statistics' integral, for a short pattern, against drawn maxima."""
    rng = np.random.default_rng(1)
    clicks, fraction, shifts, trials = 30, 1.0, 1000, 4000
    each = 0.5 * fraction * 0.94
    own = clicks * each + math.sqrt(clicks * (0.5 - each**2)) * rng.normal(size=trials)
    others = math.sqrt(0.5 * clicks) * rng.normal(size=(trials, shifts - 1)).max(axis=1)
    drawn = float(np.mean(own > others))
    expected = slots.chance_of_the_peak(clicks, fraction, shifts)
    assert drawn == pytest.approx(expected, abs=4 * math.sqrt(expected * (1 - expected) / trials))


def test_a_closed_form_is_told_apart():
    form = closed_form("a", "x^2", Printed("4"), "", lambda: 4.0)
    assert form.kind == "closed form"
    assert judge(form).status == "reproduced"
