"""Spans of flags, as the summary and the report show them."""

import math
from enum import IntFlag
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.report_events import events_card
from hil.spans import FlagSpans


class Flags(IntFlag):
    A = 1
    B = 2
    C = 4


def test_spans_follow_the_value() -> None:
    seen = FlagSpans(Flags, "names")
    for t_s, value in ((0.0, 0), (1.0, 1), (1.5, 1), (2.0, 3), (3.0, 0), (4.0, 4), (4.5, 4)):
        seen.see(t_s, value)
    assert seen.spans == [
        {"t_s": 1.0, "until_s": 2.0, "names": ["A"]},
        {"t_s": 2.0, "until_s": 3.0, "names": ["A", "B"]},
        {"t_s": 4.0, "until_s": 4.5, "names": ["C"]},
    ]


@given(st.lists(st.integers(0, 7), max_size=60))
def test_at_every_moment_the_spans_say_what_stood(values: list[int]) -> None:
    seen = FlagSpans(Flags, "names")
    for k, value in enumerate(values):
        seen.see(float(k), value)
    for k, value in enumerate(values[:-1]):
        told = [s["names"] for s in seen.spans if s["t_s"] <= k < s["until_s"]]
        assert told == ([[f.name for f in Flags if f & value]] if value else [])


SUMMARY: dict[str, Any] = {
    "navigation_events": [{"t_s": 12.02, "until_s": 14.0, "names": ["STALE", "TIME_BACK"]}],
    "keep_out": [{"t_s": 3.0, "until_s": 4.5, "zones": ["SUN_AVOID"]}],
    "guidance": {"strategy": "third_axis", "planned_loss_s": 3.1},
}


def test_the_report_tells_them_in_the_order_of_time() -> None:
    card = events_card(SUMMARY)
    told = card.content
    assert told.index("sun avoid") < told.index("stale, time back")
    for expected in ("<td>12.02</td><td>14.00</td>", "<td>3.00</td><td>4.50</td>"):
        assert expected in told
    assert "third axis, 3.1 s" in card.caption


@pytest.mark.parametrize(
    "summary",
    [
        {},
        {"navigation_events": 3, "keep_out": None, "guidance": "x"},
        {"navigation_events": [1, {}, {"t_s": math.nan, "until_s": 1.0, "names": ["A"]}]},
        {"keep_out": [{"t_s": 0.0, "until_s": 1.0, "zones": 5}], "guidance": {"strategy": None}},
    ],
)
def test_a_poor_summary_gives_an_empty_table(summary: dict[str, Any]) -> None:
    assert "<td>0.00</td>" not in events_card(summary).content


def test_many_are_counted() -> None:
    spans = [{"t_s": float(k), "until_s": k + 0.5, "names": ["<b>"]} for k in range(100)]
    card = events_card({"navigation_events": spans})
    assert card.content.count("<tr>") == 41
    assert "60 more" in card.caption
    assert "<b>" not in card.content
