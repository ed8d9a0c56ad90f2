"""Tiles, curve and tables of shared pairs: what is there is shown, what is not is a dash."""

from typing import Any

import pytest

from hil.report_entanglement import entanglement_section, entanglement_tiles
from hil.report_page import DASH

ROW = {
    "turn_rad": 0.3927,
    "angle_rad": -0.3927,
    "first": "X",
    "second": "Z",
    "value": 0.6685,
    "sigma": 0.0160,
    "coincidences": 2160,
    "model": 0.6574,
    "coincidences_model": 2186.6,
}
FOUND: dict[str, Any] = {
    "coincidences": 15382,
    "accidentals": 307.8,
    "accidentals_sigma": 2.8,
    "accidentals_model": 306.3,
    "visibility": {"h_v": 0.9373, "d_a": 0.9369},
    "visibility_model": {"h_v": 0.9355, "d_a": 0.9308},
    "fidelity": 0.9528,
    "fidelity_sigma": 0.0047,
    "fidelity_model": 0.9493,
    "fidelity_at_least": 0.9371,
    "fidelity_at_least_sigma": 0.0060,
    "chsh_s": 2.6529,
    "chsh_sigma": 0.0319,
    "chsh_s_model": 2.6390,
    "arms": {"fidelity": 0.9659, "fidelity_when_asked": 0.9799},
    "correlations": [ROW],
    "time_tags": {"locked": True, "seconds": 8.0, "by_slot": 14490, "both": 14474},
}


def test_tiles_stand_beside_the_model() -> None:
    fidelity, chsh = entanglement_tiles(FOUND)
    assert fidelity.value == "95.28 ± 0.47"
    assert "94.93" in fidelity.beside
    assert chsh.value == "2.653 ± 0.032"
    assert "2.639" in chsh.beside


def test_the_section_tells_every_correlation() -> None:
    page = entanglement_section(FOUND)
    for told in ("22.5°", "-22.5°", "X, Z", "2,160", "2,187", "0.6685", "0.0160", "0.6574"):
        assert told in page
    assert "14,474 of 14,490" in page
    assert "96.59 %" in page
    assert "97.99 %" in page
    assert page.count("<svg") == 1
    assert "leaves out" not in page


def test_what_the_model_does_not_know_is_told() -> None:
    page = entanglement_section({**FOUND, "model_leaves_out": ["terminal.polarization.retarder"]})
    assert "leaves out what is here: terminal.polarization.retarder." in page


@pytest.mark.parametrize(
    "found",
    [
        {},
        {"correlations": 3, "time_tags": [], "visibility": 0.9, "fidelity": "much"},
        {"correlations": [{}, 5, {"value": float("nan"), "first": "<b>"}], "time_tags": {}},
        {**FOUND, "fidelity": None, "chsh_s": None, "visibility": None},
    ],
)
def test_what_is_missing_or_odd_is_a_dash(found: dict[str, Any]) -> None:
    assert {tile.value for tile in entanglement_tiles(found)} == {DASH}
    page = entanglement_section(found)
    assert "Correlation by analyser angle" in page
    assert "<b>" not in page
