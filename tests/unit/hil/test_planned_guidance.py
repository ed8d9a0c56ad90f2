"""What a summary says of the planned guidance is what `qsky plan` says."""

import json
from pathlib import Path

import pytest
from msgspec.structs import replace
from typer import Typer
from typer.testing import CliRunner

from config.loader import load_scenario
from config.terminal import ExpectedSway
from hil import summary
from hil.flight import window_of
from terminal import guidance_plan
from terminal.plan_commands import plan


def test_loss_on_the_expected_sway_stands_beside_that_of_a_level_body(tmp_path: Path) -> None:
    scenario = load_scenario("leo_laps_zenith")
    said = summary.planned_guidance(scenario, window_of(scenario, None).start_tai_ns)
    app, out = Typer(), tmp_path / "plan.json"
    app.command()(plan)
    arguments = ["--scenario", "leo_laps_zenith", "--step-s", "60", "--json", str(out)]
    assert CliRunner().invoke(app, arguments, catch_exceptions=False).exit_code == 0
    planned = json.loads(out.read_text())["guidance"]
    assert said["strategy"] == planned["chosen"]
    assert said["planned_loss_s"] == planned["loss_s"]
    sway = said["planned_on_sway"]
    assert set(sway) == {"mean_loss_s", "quantile", "quantile_loss_s"}
    assert sway == {key: planned["on_sway"][key] for key in sway}
    assert sway["quantile_loss_s"] > said["planned_loss_s"] > 0.0


def test_no_sway_no_figure_and_no_work_far_from_the_zenith(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*arguments: object) -> None:
        raise AssertionError("sways were flown through")

    monkeypatch.setattr(guidance_plan, "sway_loss", never)
    scenario = load_scenario("leo_haps_downlink")
    start_ns = window_of(scenario, None).start_tai_ns
    assert summary.planned_guidance(scenario, start_ns)["planned_on_sway"] == {
        "mean_loss_s": 0.0,
        "quantile": 0.95,
        "quantile_loss_s": 0.0,
    }
    stiff = replace(scenario.terminal, expected_sway=ExpectedSway())
    scenario = replace(scenario, terminal=stiff)
    assert summary.planned_guidance(scenario, start_ns)["planned_on_sway"] is None
