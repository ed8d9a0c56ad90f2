"""The field of uncertainty: numpy's eigenvectors, and sums of variances drawn or done by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from terminal.control.search.uncertainty import (
    Uncertainty,
    covering_sigmas,
    predicted_uncertainty,
    uncertainty_after_loss,
)

sigmas = st.floats(1e-5, 0.1)
rates = st.floats(-0.05, 0.05)


@given(sigmas, st.floats(0.0, 5.0), rates, rates)
def test_principal_axes_are_the_eigenvectors(
    sigma: float, along_s: float, rate_x: float, rate_y: float
) -> None:
    u = predicted_uncertainty(sigma, along_s, rate_x, rate_y)
    values, vectors = np.linalg.eigh([[u.xx, u.xy], [u.xy, u.yy]])
    axes = u.axes()
    assert axes.major_rad**2 == pytest.approx(values[1], rel=1e-9)
    assert axes.minor_rad**2 == pytest.approx(values[0], rel=1e-6, abs=1e-9 * values[1])
    if values[1] > values[0] * (1.0 + 1e-6):
        along = vectors[0, 1] * math.cos(axes.angle_rad) + vectors[1, 1] * math.sin(axes.angle_rad)
        assert abs(along) == pytest.approx(1.0, abs=1e-6)


def test_along_the_path_time_and_angle_add_up_and_across_it_they_do_not() -> None:
    axes = predicted_uncertainty(3e-3, 0.5, -6e-3, 8e-3).axes()
    assert axes.major_rad == pytest.approx(math.hypot(3e-3, 0.5 * 10e-3))
    assert axes.minor_rad == pytest.approx(3e-3)
    assert axes.angle_rad == pytest.approx(math.atan2(8e-3, -6e-3) - math.pi)


def test_ellipse_of_a_probability_holds_that_share_of_draws() -> None:
    assert covering_sigmas(0.0) == 0.0
    radius = np.hypot(*np.random.default_rng(3).normal(size=(2, 100_000)))
    for probability in (0.5, 0.9, 0.99):
        share = np.mean(radius < covering_sigmas(probability))
        spread = math.sqrt(probability * (1 - probability) / 1e5)
        assert abs(share - probability) < 2.576 * spread
    for bad in (1.0, -0.1, math.nan):
        with pytest.raises(ValueError, match="probability"):
            covering_sigmas(bad)


def test_what_was_seen_is_sought_where_it_was_and_ever_wider() -> None:
    before = predicted_uncertainty(5e-3, 0.5, 0.0, 20e-3)
    area = 0.0
    for elapsed_s in (0.0, 1.0, 10.0, 100.0, 1e4):
        after = uncertainty_after_loss(before, elapsed_s, 0.1e-3, 20e-6, 50e-6)
        axes = after.axes()
        sigma = math.sqrt(0.1e-3**2 + 20e-6**2 * elapsed_s + (50e-6 * elapsed_s) ** 2)
        assert axes.major_rad == pytest.approx(min(sigma, before.axes().major_rad))
        assert axes.minor_rad == pytest.approx(min(sigma, before.axes().minor_rad))
        assert axes.major_rad * axes.minor_rad > area
        area = axes.major_rad * axes.minor_rad
    assert after == pytest.approx(before)


def test_nothing_is_uncertain() -> None:
    assert Uncertainty(0.0, 0.0, 0.0).axes() == (0.0, 0.0, 0.0)
