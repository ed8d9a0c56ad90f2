"""The quad cell against the light of a Gaussian spot, integrated in closed form."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terminal.control.quad_cell import quad_angles, reading_rad

SPOT_RAD = 150e-6
TOTAL = 10**9


def quadrants(x_rad: float, y_rad: float) -> tuple[int, int, int, int]:
    """Counts of a (upper right), b (upper left), c (lower left), d (lower right): a Gaussian of
    1/e^2 half angle w has the share (1 + erf(sqrt(2) x / w)) / 2 on the right of the centre."""
    right = 0.5 * (1.0 + math.erf(math.sqrt(2.0) * x_rad / SPOT_RAD))
    above = 0.5 * (1.0 + math.erf(math.sqrt(2.0) * y_rad / SPOT_RAD))
    shares = (
        right * above,
        (1.0 - right) * above,
        (1.0 - right) * (1.0 - above),
        right * (1.0 - above),
    )
    return tuple(round(TOTAL * share) for share in shares)  # type: ignore[return-value]


@pytest.mark.parametrize("offset_rad", [1e-6, -3e-6, 10e-6])
def test_slope_at_the_centre(offset_rad: float) -> None:
    """erf(z) = 2 z / sqrt(pi) (1 - z^2 / 3 + ...): what is missing of the truth is z^2 / 3."""
    missing = 2.0 / 3.0 * (offset_rad / SPOT_RAD) ** 2
    x, y, total = quad_angles(*quadrants(offset_rad, -offset_rad), SPOT_RAD)
    assert x / offset_rad == pytest.approx(1.0 - missing, abs=missing**2 + 1e-6)
    assert y == pytest.approx(-x)
    assert total == pytest.approx(TOTAL, abs=4)


@given(st.floats(1e-6, 500e-6), st.floats(-500e-6, 500e-6))
def test_never_more_than_the_truth_and_always_its_sign(x_rad: float, y_rad: float) -> None:
    x, y, _ = quad_angles(*quadrants(x_rad, y_rad), SPOT_RAD)
    assert 0.0 < x <= x_rad
    assert abs(y) <= abs(y_rad) + 1e-12
    assert y * y_rad >= 0.0
    # All light on one side is as far as it goes: w / 1.596.
    assert x <= SPOT_RAD * math.sqrt(math.pi / 8.0) * (1.0 + 1e-9)


@pytest.mark.parametrize(
    ("counts", "right", "up"),
    [((5, 0, 0, 0), 1, 1), ((0, 5, 0, 0), -1, 1), ((0, 0, 5, 0), -1, -1), ((0, 0, 0, 5), 1, -1)],
)
def test_quadrants_looking_out(counts: tuple[int, int, int, int], right: int, up: int) -> None:
    x, y, total = quad_angles(*counts, SPOT_RAD)
    assert (math.copysign(1, x), math.copysign(1, y), total) == (right, up, 5)


def test_no_light_gives_no_angle() -> None:
    assert quad_angles(0, 0, 0, 0, SPOT_RAD) == (0.0, 0.0, 0)
    assert quad_angles(3, -9, 2, 1, SPOT_RAD) == (0.0, 0.0, -3)


@given(st.floats(-300e-6, 300e-6))
def test_reading_of_an_offset_is_what_the_cell_says(offset_rad: float) -> None:
    x, y, _ = quad_angles(*quadrants(offset_rad, -offset_rad), SPOT_RAD)
    assert reading_rad(offset_rad, SPOT_RAD) == pytest.approx(x, abs=1e-12)
    assert reading_rad(-offset_rad, SPOT_RAD) == pytest.approx(y, abs=1e-12)
