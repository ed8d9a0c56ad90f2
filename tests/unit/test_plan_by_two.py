"""A search by two as it is planned: shares and times against draws, turns against each other."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace
from typer.testing import CliRunner

from config.loader import load_scenario
from config.terminal import TerminalConfig
from terminal import cli
from terminal.control.image.beacon import camera_geometry
from terminal.control.search.acquire import settings_of
from terminal.control.search.footprint import GaussianBeam
from terminal.control.search.scan import search_scan
from terminal.control.search.search_plan import SearchPlan
from terminal.control.search.uncertainty import Uncertainty, predicted_uncertainty
from terminal.mutual_planning import plan_by_two, pull_in_time, share_in_field
from terminal.search_planning import looks, pull_in

SCENARIO = load_scenario("haps_laps_search")
CONFIG = SCENARIO.terminal
ROUND = predicted_uncertainty(3.6e-3, 0.0, 0.0, 0.0)
LIMIT_S = 120.0


def beginning(role: str) -> TerminalConfig:
    return replace(CONFIG, acquisition=replace(CONFIG.acquisition, role=role))


def plan(role: str, field: Uncertainty = ROUND) -> SearchPlan:
    config = beginning(role)
    a = config.acquisition
    limits = settings_of(SCENARIO.mission, config).limits
    scan = search_scan(field, limits, coverage=a.coverage, widening=a.widening, covers=2)
    seeing = looks(config)
    return plan_by_two(field, scan, config, seeing, seeing, pull_in(config), LIMIT_S)


@pytest.mark.parametrize(
    "field",
    [
        ROUND,
        predicted_uncertainty(2e-3, 0.5, 8e-3, 6e-3),
        predicted_uncertainty(50e-3, 0.0, 0.0, 0.0),
        predicted_uncertainty(0.1e-3, 0.0, 0.0, 0.0),
    ],
)
def test_share_in_the_field_is_that_of_draws(field: Uncertainty) -> None:
    camera = camera_geometry(CONFIG)
    half_rad = 0.5 * min(camera.columns, camera.rows) * camera.pixel_rad
    covariance = [[field.xx, field.xy], [field.xy, field.yy]]
    drawn = np.random.default_rng(4).multivariate_normal([0.0, 0.0], covariance, 100_000)
    share = float(np.mean(np.abs(drawn).max(axis=1) < half_rad))
    spread = math.sqrt(max(share * (1.0 - share), 1e-6) / 1e5)
    assert share_in_field(field, CONFIG) == pytest.approx(share, abs=4.0 * spread)


def test_a_round_field_s_share_in_closed_form() -> None:
    camera = camera_geometry(CONFIG)
    half_rad = 0.5 * min(camera.columns, camera.rows) * camera.pixel_rad
    expected = math.erf(half_rad / (3.6e-3 * math.sqrt(2.0))) ** 2
    assert share_in_field(ROUND, CONFIG) == pytest.approx(expected, rel=1e-4)


def test_pull_in_from_a_disc_is_that_of_draws() -> None:
    seeing, loop = looks(CONFIG), pull_in(CONFIG)
    beam = GaussianBeam(CONFIG.optics.uplink_beacon_divergence_rad, 0.5, 0.0)
    radius_rad = 0.5 * beam.sure_diameter_rad
    rng = np.random.default_rng(1)
    radius, angle = radius_rad * np.sqrt(rng.random(4000)), rng.uniform(0.0, 2.0 * np.pi, 4000)
    error = np.column_stack([radius * np.cos(angle), radius * np.sin(angle)])
    period_s = 1.0 / seeing.frame_rate_hz
    frames = loop.frames(error, np.zeros_like(error), period_s, seeing.latency_s)
    took_s = (seeing.confirm_frames + frames) * period_s + seeing.latency_s
    planned = pull_in_time(radius_rad, seeing, loop)
    assert planned.probability == 1.0
    for share in (0.1, 0.5, 0.9):
        assert planned.quantile_s(share) == pytest.approx(
            np.quantile(took_s, share), abs=1.01 * period_s
        )


def test_who_scans_first_matters_by_what_the_camera_has_in_its_field() -> None:
    """Both turns find the other in the same time; while we stare that counts in our field alone."""
    scans, stares = plan("scan"), plan("stare")
    inside = share_in_field(ROUND, CONFIG)
    assert 0.3 < inside < 0.5
    assert stares.first_cover_probability == pytest.approx(
        inside * scans.first_cover_probability, rel=1e-6
    )
    turn_s = CONFIG.acquisition.stare_s
    early_s = 0.5 * turn_s
    assert stares.time.probability_within(early_s) == pytest.approx(
        inside * scans.time.probability_within(early_s), rel=1e-3
    )
    # Where the first turn was in vain, the second is ours, as if it had been the first.
    later = stares.time.probability_within(turn_s + CONFIG.acquisition.return_s + early_s)
    assert later > inside + 0.9 * (1.0 - inside) * scans.time.probability_within(early_s)
    assert scans.time.median_s < stares.time.median_s
    assert scans.time.probability > 0.999


def test_in_a_field_smaller_than_the_camera_s_it_is_all_one() -> None:
    small = predicted_uncertainty(0.5e-3, 0.0, 0.0, 0.0)
    a, b = plan("scan", small), plan("stare", small)
    assert a.time.median_s == pytest.approx(b.time.median_s, abs=0.02)
    assert a.first_cover_probability == pytest.approx(b.first_cover_probability, abs=1e-6)


def test_the_command_shows_it() -> None:
    runner, command = CliRunner(), ["plan", "--scenario", "haps_laps_search"]
    entries = [e for e in cli.entry_points(group=cli.GROUP) if e.name == "plan"]
    said = runner.invoke(cli.build(entries), [*command, "--json", "-"])
    assert said.exit_code == 0, said.output
    search = json.loads(said.output)["acquisition"]
    assert search["role"] == "scan"
    assert search["turn_s"] == search["covers_s"][0] < CONFIG.acquisition.stare_s
    assert 0.0 < search["median_s"] < search["p95_s"] < search["limit_s"]
    assert 0.2 < search["in_field_probability"] < 0.5
    shown = " ".join(runner.invoke(cli.build(entries), command).output.split())
    assert f"By two, we scan first: turns of {search['turn_s']:.1f} s" in shown


@pytest.mark.parametrize(("stare_s", "warned"), [(20.0, True), (26.0, False)])
def test_a_cover_that_outlasts_the_partner_s_patience_is_said(
    tmp_path: Path, stare_s: float, warned: bool
) -> None:
    """The cover takes 24.7 s with the 3 mrad that a plan assumes."""
    file = tmp_path / "two.yaml"
    file.write_text(
        "name: two\ndescription: short of patience\nbased_on: haps_laps_search\n"
        f"terminal: {{acquisition: {{stare_s: {stare_s}}}}}\n"
    )
    entries = [e for e in cli.entry_points(group=cli.GROUP) if e.name == "plan"]
    arguments = ["plan", "--scenario", str(file), "--json", "-"]
    said = CliRunner().invoke(cli.build(entries), arguments)
    assert said.exit_code == 0, said.output
    warnings = json.loads(said.stdout)["warnings"]
    assert len(warnings) == warned
    for warning in warnings:
        assert warning.startswith("acquisition.stare_s: a cover takes 24.7 s")
        assert warning in said.stderr
