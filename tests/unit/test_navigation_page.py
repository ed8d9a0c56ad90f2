"""docs/navigation.md against the code that it speaks of."""

import re
from enum import IntFlag
from pathlib import Path

import pytest

from terminal.control import attitude, navigation, pointing
from terminal.control.guidance.keep_out import KeepOutZone
from terminal.control.navigation import NavigationEvent

PAGE = Path(__file__).resolve().parents[2] / "docs/navigation.md"


@pytest.mark.parametrize(("heading", "flags"), [("event", NavigationEvent), ("zone", KeepOutZone)])
def test_tables_have_every_flag_in_order(heading: str, flags: type[IntFlag]) -> None:
    table = PAGE.read_text().split(f"| {heading} |")[1].split("\n\n")[0]
    assert re.findall(r"^\| ([A-Z_]+) \|", table, re.MULTILINE) == [flag.name for flag in flags]


def test_figures_are_those_of_the_code() -> None:
    text = " ".join(PAGE.read_text().split())
    for said in (
        f"gap of {attitude.LONGEST_STEP_S:g} s",
        f"time constant of {pointing.POSITION_TIME_CONSTANT_S:g} s",
        f"more than {pointing.POSITION_RESET_M:g} m away",
        f"from more than {navigation.MOST_AHEAD_S:g} s in the future",
        f"over {navigation.LEAST_JUMP_RAD * 1e3:g} mrad or {navigation.LEAST_JUMP_M:g} m",
        f"believed after {navigation.PERSISTENCE_S:g} s",
        f"For {navigation.DOUBT_S:g} s more",
    ):
        assert said in text
    assert navigation.JUMP_SIGMAS == 6.0
