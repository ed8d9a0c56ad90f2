"""The budget's rows against the plan's own losses, hand calculation and limits."""

import math

import pytest

from terminal.optics.budget import BudgetRow, Receiver, Sender, Way, budget, total_db
from terminal.optics.turbulence import air_path

SENDER = Sender(810e-9, 33e-6, 3.3e-6)
RECEIVER = Receiver(0.35, 0.5, 0.6, 50e-6, 1e-9, 1e-9, 100.0, 1.5)


def way(start, zenith_rad=0.5, lower_m=0.0):
    path = air_path(lower_m, 500e3, zenith_rad)
    return Way(path.length_m, path, start, 0.8, 1 / math.cos(zenith_rad), 0.01)


def by_name(rows: list[BudgetRow]) -> dict[str, BudgetRow]:
    return {row.row: row for row in rows}


def test_losses_add_up():
    rows = budget(SENDER, way("lower"), RECEIVER)
    parts = [row.loss_db for row in rows if row.row != "sum" and row.loss_db is not None]
    assert len(parts) == 7
    assert total_db(rows) == pytest.approx(sum(parts), abs=1e-12)
    assert by_name(rows)["sum"].value == pytest.approx(10 ** (-0.1 * sum(parts)))
    assert all(part >= 0 for part in parts)


def test_every_row_of_the_sum_says_where_it_is_from():
    rows = budget(SENDER, way("upper"), RECEIVER)
    own = "range", "sum", "dark counts"
    assert all(row.formula and row.source for row in rows if row.row not in own)


def test_far_field_by_hand():
    """33 urad over 500 km: a spot of 8.25 m radius takes 2 (0.175 / 8.25)^2 into 35 cm."""
    rows = by_name(budget(SENDER._replace(jitter_rad=0.0), way("upper", 0.0), RECEIVER))
    assert rows["geometric"].loss_db == pytest.approx(
        -10 * math.log10(2 * (0.175 / 8.25) ** 2), abs=0.01
    )
    assert rows["pointing error"].loss_db == 0.0
    assert "pointing fade, 1 % of the time" not in rows
    assert rows["absorption"].loss_db == pytest.approx(0.969, abs=1e-3)
    assert rows["receiving optics"].loss_db == pytest.approx(3.0103, abs=1e-4)


def test_pointing_loss_by_hand():
    """Mean loss of a small aperture: 1 + 4 (sigma / half angle)^2."""
    rows = by_name(budget(SENDER, way("upper", 0.0), RECEIVER))
    expected = 10 * math.log10(1 + 4 * (3.3 / 16.5) ** 2)
    assert rows["pointing error"].loss_db == pytest.approx(expected, abs=0.01)
    # The power law of Farid and Hranilovic: gamma = 16.5 / 6.6; exceeded 99 % of the time.
    power = (16.5 / 6.6) ** 2
    fade = -10 * math.log10(0.01 ** (1 / power) * (power + 1) / power)
    assert rows["pointing fade, 1 % of the time"].value == pytest.approx(fade, abs=0.01)


def test_turbulence_costs_an_uplink_and_spares_a_downlink():
    up, down = (by_name(budget(SENDER, way(end), RECEIVER)) for end in ("lower", "upper"))
    for name in ("beam wander", "beam spread by turbulence"):
        assert down[name].loss_db == pytest.approx(0.0, abs=1e-3)
        assert up[name].loss_db > 0.05
    assert up["aperture averaging"].value > 0.9 > down["aperture averaging"].value


def test_no_air_no_turbulence():
    path = way("lower", 0.3, 40e3)
    rows = by_name(budget(SENDER, path, RECEIVER))
    assert rows["beam wander"].loss_db == rows["beam spread by turbulence"].loss_db == 0.0
    assert rows["scintillation index, point"].value == 0.0
    assert rows["scintillation fade, 1 % of the time"].value == 0.0
