"""The command `qsky budget`. Nothing heavy is imported before it runs."""

from typing import TYPE_CHECKING, Annotated

import typer

from terminal.commands import JsonOut
from terminal.output import emit, warn

if TYPE_CHECKING:
    from rich.console import RenderableType

    from terminal.budget import BudgetAnswer

_STEP_S = 10.0


def budget(
    scenario: Annotated[
        str, typer.Argument(metavar="SCENARIO", help="A file, or one of config/scenarios.")
    ],
    json_out: JsonOut = None,
) -> None:
    """The link budget of a scenario, row by row, each with its formula and that formula's source.

    At the times when the partner is nearest and furthest. Losses are means over pointing error and
    turbulence; fades, scintillation and background stand below the sum, for information. What is
    assumed is what `qsky plan --scenario` assumes, and a turbulence profile.

    Examples:

      qsky budget leo_ground_uplink

      qsky budget haps_laps_downlink --json budget.json
    """
    import msgspec

    from terminal import plan_input
    from terminal.budget import budget_answer
    from terminal.plan_answer import answer_for_mission
    from terminal.plan_assumptions import Given, assume
    from terminal.plan_mission import Changes, read_mission

    planned = read_mission(scenario, Changes())
    window = planned.window
    times_ns = plan_input.read_times(window.start_tai_ns, window.duration_s, _STEP_S)
    seen_nm = planned.config.optics.beacon_wavelength_m * 1e9
    uplink = planned.mission.direction == "uplink"
    sent_nm = planned.mission.source.wavelength_m * 1e9 if uplink else seen_nm
    answered = answer_for_mission(
        planned,
        times_ns,
        None,
        lambda place: (
            plan_input.read_refraction(place, seen_nm),
            plan_input.read_refraction(place, sent_nm),
        ),
        Given(),
    )
    plan = answered.answer
    warn(plan.warnings)
    day = plan.rows[len(plan.rows) // 2].sun_elevation_deg > 0.0
    assumed, _ = assume(Given(), planned.mission, planned.config, day)
    answer = budget_answer(plan, planned.scenario, planned.mission, planned.config, assumed)
    emit(msgspec.to_builtins(answer), json_out, lambda: _table(answer))


def _table(answer: "BudgetAnswer") -> "RenderableType":
    from rich.box import SIMPLE_HEAD
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    shown = Table(box=SIMPLE_HEAD, title=f"{answer.scenario}, {answer.direction}")
    shown.add_column("")
    for moment in answer.moments:
        head = f"{moment.name}\n{moment.utc[11:19]}, {moment.elevation_deg:.0f} deg"
        shown.add_column(head, justify="right", no_wrap=True)
        shown.add_column("\ndB", justify="right", no_wrap=True)
    formulas = Table(box=SIMPLE_HEAD)
    for head in ("", "formula", "source"):
        formulas.add_column(head)
    for rows in zip(*(moment.rows for moment in answer.moments), strict=True):
        cells = []
        for row in rows:
            cells.append(f"{row.value:.4g} {row.unit}".rstrip())
            cells.append("" if row.loss_db is None else f"{row.loss_db:.2f}")
        first = rows[0]
        shown.add_row(first.row, *cells, style="bold" if first.row == "sum" else None)
        # As text: a formula's brackets are no markup.
        formulas.add_row(first.row, Text(first.formula), Text(first.source))
    assumed = Text("Assumed\n", style="bold")
    for a in answer.assumptions:
        value = "" if a.value is None else f"{a.value:g} {a.unit}".rstrip() + ", "
        assumed.append(f"  {a.what}: {value}{a.why}\n", style="not bold")
    return Group(shown, formulas, assumed)
