"""The partner's ephemeris of a mission: its files are read once, and again when they change."""

import os
from pathlib import Path

import pytest
from msgspec.structs import replace
from orbit_files import START_NS, earth_fixed, kepler_orbit, low_orbit, oem_text

from config.errors import InputError
from config.loader import load_scenario
from config.mission import Mission
from terminal.geometry.time_scales import SECOND_NS
from terminal.mission_ephemeris import partner_ephemeris

MISSION = load_scenario("leo_haps_downlink").mission
T_NS = START_NS + 1800 * SECOND_NS


def mission(file: Path) -> Mission:
    return replace(MISSION, partner=replace(MISSION.partner, ephemeris=str(file)))


def test_a_file_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "sat.oem"
    file.write_text(oem_text(earth_fixed(low_orbit()), 60.0, 60))
    first = partner_ephemeris(mission(file), START_NS).state_ecef(T_NS)
    monkeypatch.setattr(Path, "read_bytes", lambda path: pytest.fail(f"{path} is read again"))
    assert partner_ephemeris(mission(file), START_NS).state_ecef(T_NS) == first


def test_a_file_that_has_changed_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "sat.oem"
    file.write_text(oem_text(earth_fixed(low_orbit()), 60.0, 60))
    first = partner_ephemeris(mission(file), START_NS).state_ecef(T_NS)
    other = kepler_orbit(7.2e6, 0.001, 1.0)
    file.write_text(oem_text(earth_fixed(other), 60.0, 60))
    # Of the same size, perhaps, but not of the same time.
    os.utime(file, ns=(1, 1))
    found = partner_ephemeris(mission(file), START_NS).state_ecef(T_NS)
    assert found != first
    assert found[0] == pytest.approx(earth_fixed(other)(1800.0)[0].tolist(), abs=1e-2)


def test_a_file_that_is_gone_or_broken_is_said_each_time(tmp_path: Path) -> None:
    file = tmp_path / "sat.oem"
    for _ in range(2):
        with pytest.raises(InputError, match=r"^mission.partner.ephemeris: .*cannot read"):
            partner_ephemeris(mission(file), START_NS)
    file.write_text("nothing")
    for _ in range(2):
        with pytest.raises(InputError, match=r"^mission.partner.ephemeris: .*starts with"):
            partner_ephemeris(mission(file), START_NS)
    file.write_text(oem_text(low_orbit(), 60.0, 60, "TEME"))
    lost = replace(mission(file), earth=replace(MISSION.earth, eop=str(tmp_path / "none")))
    with pytest.raises(InputError, match=r"^mission.earth.eop: .*cannot read"):
        partner_ephemeris(lost, START_NS)
