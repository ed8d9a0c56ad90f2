"""`qsky plan --scenario` through the air: what leaves is bent by its own colour."""

import json
from math import radians, tan
from pathlib import Path

import pytest
from typer import Typer
from typer.testing import CliRunner

from sim_devices.air_refraction import refractivity
from terminal.plan_commands import plan

DENSITY_RATIO_890_M = 0.917
"""To sea level, US Standard Atmosphere 1976, table I."""

APP = Typer()
APP.command()(plan)


def ahead_urad(folder: Path, *arguments: str) -> list[tuple[float, float]]:
    """(elevation deg, point-ahead in elevation) of each row."""
    out = folder / "plan.json"
    done = CliRunner().invoke(APP, [*arguments, "--json", str(out)], catch_exceptions=False)
    assert done.exit_code == 0
    rows = json.loads(out.read_text())["rows"]
    return [(row["elevation_deg"], row["point_ahead_elevation_urad"]) for row in rows]


@pytest.mark.parametrize("name", ["leo_ground_uplink", "leo_ground_downlink"])
def test_an_uplinks_signal_leaves_higher_than_a_beacon_would(name: str, tmp_path: Path) -> None:
    """To first order refraction is the refractivity times the cotangent of the elevation."""
    scenario = ("--scenario", name, "--step-s", "20")
    own = ahead_urad(tmp_path, *scenario)
    alike = ahead_urad(tmp_path, *scenario, "--wavelength-nm", "1550")
    spread = (refractivity(810e-9) - refractivity(1550e-9)) * DENSITY_RATIO_890_M
    for (elevation_deg, with_own), (_, with_beacon) in zip(own, alike, strict=True):
        expected_urad = 0.0
        if name == "leo_ground_uplink":
            expected_urad = 1e6 * spread / tan(radians(elevation_deg))
        assert with_own - with_beacon == pytest.approx(expected_urad, rel=0.03, abs=1e-6)
