"""Angle of a polarised beacon from four photodiodes, by Malus' law."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from terminal.control.beacon_polarimeter import FLOOR_RAD, BeaconFrame, Reading, angle_rad

AXES_RAD = np.radians([0.0, 90.0, -45.0, 45.0])
"""Of H V D A, behind the plate."""


def reading(light_rad: float, polarization: float, counts: float = 8000.0) -> Reading:
    shares = 0.5 * (1.0 + polarization * np.cos(2.0 * (light_rad - AXES_RAD)))
    return Reading(*(round(counts * share) for share in shares))


@given(st.floats(-1.57, 1.57), st.floats(0.4, 1.0))
def test_angle_by_malus(light: float, polarization: float) -> None:
    found = angle_rad(reading(light, polarization))
    assert found is not None
    assert math.remainder(found - light, math.pi) == pytest.approx(0.0, abs=1e-3)


@pytest.mark.parametrize(
    "bad",
    [
        reading(0.3, 0.05),
        reading(0.3, 0.9, counts=20.0),
        reading(0.3, 0.9, counts=1e5),
        Reading(0, 0, 0, 0),
        Reading(-500, 800, 10, 400),
        Reading(4000, 0, 4000, 0)._replace(v=-2000),
    ],
)
def test_what_is_no_polarised_beacon(bad: Reading) -> None:
    assert angle_rad(bad) is None


def test_mean_and_sigma() -> None:
    """Scatter over root n beside a floor that does not average out."""
    rng = np.random.default_rng(1)
    frame = BeaconFrame()
    for off in rng.normal(0.4, 0.1, 400):
        frame = frame.with_offset(off)
    mean, sigma = frame.mean()
    assert mean == pytest.approx(0.4, abs=4 * 0.1 / 20)
    assert sigma == pytest.approx(math.hypot(0.1 / 20, FLOOR_RAD), rel=0.1)
