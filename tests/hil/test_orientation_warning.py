"""A flight on an orientation of the Earth that is only predicted says so, and flies."""

import json
from pathlib import Path

import astropy_iers_data
from flights import qsky, scenario_text

MEASURED_UNTIL_MJD = 57_731
"""Ten days before the pass."""


def finals(folder: Path) -> Path:
    """A real table with the days after that called predicted."""
    lines = [
        line[:57] + ("I" if int(line[7:12]) <= MEASURED_UNTIL_MJD else "P") + line[58:134]
        for line in Path(astropy_iers_data.IERS_A_FILE).read_text().splitlines()
        if 57_600 <= int(line[7:12]) <= 57_760
    ]
    file = folder / "old.finals"
    file.write_text("\n".join(lines))
    return file


def test_the_user_reads_it_and_so_does_the_summary(tmp_path: Path) -> None:
    scenario = tmp_path / "old.yaml"
    text = scenario_text("leo_haps_downlink")
    assert "{ut1_minus_utc_s: -0.3961}" in text
    table = f"{{ut1_minus_utc_s: -0.3961, eop: {finals(tmp_path)}}}"
    scenario.write_text(text.replace("{ut1_minus_utc_s: -0.3961}", table))
    out = tmp_path / "out"
    done = qsky("run", str(scenario), "--out", str(out), "--duration-s", "0.5", "--json", "-")
    assert done.returncode == 0, done.stderr
    (warning,) = json.loads(done.stdout)["warnings"]
    assert f"qsky: warning: {warning}\n" in done.stderr
    assert warning.startswith("mission.earth.eop: ")
    assert "predicted, 10.6 days after the last measured day" in warning
    assert json.loads((out / "summary.json").read_text())["warnings"] == [warning]
