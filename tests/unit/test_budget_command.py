"""`qsky budget` as typed, against the plan of the same scenario."""

import json
from importlib.metadata import EntryPoint

import pytest
from typer.testing import CliRunner

from terminal import cli

ENTRIES = [
    EntryPoint("plan", "terminal.plan_commands:plan", cli.GROUP),
    EntryPoint("budget", "terminal.budget_command:budget", cli.GROUP),
]
TURBULENCE = ("beam spread by turbulence", "beam wander")


def run(*arguments: str):
    done = CliRunner().invoke(cli.build(ENTRIES), list(arguments))
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.mark.parametrize(
    "scenario", ["leo_ground_uplink", "leo_haps_downlink", "haps_laps_uplink", "haps_laps_downlink"]
)
def test_without_turbulence_it_is_the_plan(scenario):
    budget = json.loads(run("budget", scenario, "--json", "-"))
    plan = json.loads(run("plan", "--scenario", scenario, "--json", "-"))
    planned = {row["utc"]: row["link"] for row in plan["rows"]}
    assert [moment["name"] for moment in budget["moments"]] == ["nearest", "furthest"]
    for moment in budget["moments"]:
        rows = {row["row"]: row for row in moment["rows"]}
        link = planned[moment["utc"]]
        still = moment["loss_db"] - sum(rows[name]["loss_db"] for name in TURBULENCE)
        assert still == pytest.approx(link["loss_db"], abs=1e-9)
        assert rows["absorption"]["loss_db"] == pytest.approx(link["atmosphere_db"], abs=1e-9)


def test_table_keeps_the_brackets_of_formulas():
    shown = " ".join(run("budget", "haps_laps_uplink").split())
    assert "[0.423 k^2 int Cn2" in shown
    assert "lambda^(-6/5) [int" in shown


def test_unknown_scenario_is_one_line():
    done = CliRunner().invoke(cli.build(ENTRIES), ["budget", "nowhere"])
    assert done.exit_code != 0
    assert "nowhere" in str(done.exception)
