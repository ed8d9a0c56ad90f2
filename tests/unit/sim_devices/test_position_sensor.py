"""The position sensor against integrals over its area, and its noise against drawn counts."""

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.integrate import dblquad

from config.fine_truth import QuadTruth
from sim_devices.position_sensor import ADC_LIMIT, PositionSensor

SPOT_RAD = 150e-6


def sensor(noise_counts: float = 1.0, **truth: Any) -> PositionSensor:
    return PositionSensor(QuadTruth(**truth), SPOT_RAD, noise_counts)


def channels(
    made: PositionSensor, x_rad: float, y_rad: float, sum_counts: float = 8000.0
) -> NDArray[np.float64]:
    """What the four channels show before noise and rounding."""
    xx, xy, x0, yx, yy, y0 = made.coefficients((0.0, 0.0))
    right = 1.0 + made.shape(xx * x_rad + xy * y_rad + x0)
    above = 1.0 + made.shape(yx * x_rad + yy * y_rad + y0)
    left, below = 2.0 - right, 2.0 - above
    light = made.light(sum_counts)
    places = (right * above, left * above, left * below, right * below)
    return np.array(
        [k * p + o - 0.5 for k, p, o in zip(light[:4], places, light[4:8], strict=True)]
    )


def reading(counts: NDArray[np.float64]) -> tuple[float, float]:
    a, b, c, d = counts
    return (a + d - b - c) / counts.sum(), (a + b - c - d) / counts.sum()


@pytest.mark.parametrize("at_rad", [(0.0, 0.0), (30e-6, -50e-6), (-120e-6, 80e-6)])
@pytest.mark.parametrize("rotation_rad", [0.0, 0.3])
def test_quadrants_hold_the_light_that_falls_on_them(
    at_rad: tuple[float, float], rotation_rad: float
) -> None:
    # Gaussian of 1/e^2 half angle w, integrated over each quadrant of a cell turned in the sky.
    w = 1.1 * SPOT_RAD
    shown = channels(sensor(spot_scale=1.1, rotation_rad=rotation_rad), *at_rad, 1.0)
    x0, y0 = (value / w for value in at_rad)
    c, s = math.cos(rotation_rad), math.sin(rotation_rad)

    def density(v: float, u: float) -> float:
        # The cell's own axes, its x axis turned from the sky's toward y.
        x, y = c * u - s * v, s * u + c * v
        return 2 / math.pi * math.exp(-2 * ((x - x0) ** 2 + (y - y0) ** 2))

    limits = ((0, 5, 0, 5), (-5, 0, 0, 5), (-5, 0, -5, 0), (0, 5, -5, 0))
    due = [dblquad(density, *quadrant)[0] for quadrant in limits]
    assert shown == pytest.approx(due, abs=1e-6)


@pytest.mark.parametrize("x_rad", [-0.9e-3, -0.2e-3, 0.0, 0.5e-3])
@pytest.mark.parametrize("y_rad", [-0.3e-3, 0.4e-3])
def test_a_lateral_effect_detector_is_linear_over_its_length(x_rad: float, y_rad: float) -> None:
    made = sensor(kind="lateral_effect", half_length_rad=1e-3)
    assert reading(channels(made, x_rad, y_rad)) == pytest.approx((x_rad / 1e-3, y_rad / 1e-3))


def test_cross_talk_and_gains_mix_the_channels() -> None:
    clean = channels(sensor(), 30e-6, -50e-6)
    gains, share = (1.02, 0.97, 1.0, 1.01), 0.02
    mixed = channels(sensor(cross_talk=share, channel_gains=gains), 30e-6, -50e-6)
    # Each channel keeps what it does not give to the three others, and is then amplified.
    matrix = (1 - 4 * share) * np.eye(4) + share * np.ones((4, 4))
    assert mixed == pytest.approx(np.diag(gains) @ matrix @ clean)


def test_background_lowers_the_gain_when_the_power_falls() -> None:
    made = sensor(background_counts=500.0)
    bright, dim = (reading(channels(made, 10e-6, 0.0, total))[0] for total in (8000.0, 1000.0))
    alone = math.erf(math.sqrt(2) * 10e-6 / SPOT_RAD)
    assert bright == pytest.approx(alone * 8000 / 8500)
    assert dim == pytest.approx(alone * 1000 / 1500)


@pytest.mark.parametrize("total", [0.0, 1000.0, 8000.0])
def test_noise_is_read_out_and_shot_together(total: float) -> None:
    made = sensor(3.0, electrons_per_count=50.0, background_counts=200.0)
    # N electrons scatter by sqrt(N): in counts by sqrt(counts / electrons a count).
    variance = 9.0 + (total + 200.0) / 4 / 50.0
    assert made.light(total).sigma ** 2 == pytest.approx(variance)


@pytest.mark.parametrize(
    "truth",
    [
        {},
        {"spot_scale": 1.2, "cross_talk": 0.05, "background_counts": 900.0},
        {"electrons_per_count": 2.0},
        {"kind": "lateral_effect", "half_length_rad": 0.3e-3},
    ],
)
@pytest.mark.parametrize("total", [2000.0, 16000.0])
def test_noise_of_a_reading_is_what_the_best_fit_scatters_by(
    truth: dict[str, Any], total: float
) -> None:
    made = sensor(4.0, **truth)
    # Weighted least squares on drawn counts, linear about the middle; slope by differences.
    step = 0.1e-6
    slope = (channels(made, step, 0.0, total) - channels(made, -step, 0.0, total)) / (2 * step)
    rng = np.random.default_rng(1)
    drawn = np.rint(
        rng.normal(channels(made, 0.0, 0.0, total), made.light(total).sigma, (20_000, 4))
    )
    fitted = (drawn - drawn.mean(axis=0)) @ slope / (slope @ slope)
    # 20,000 values give a width to 0.5 %.
    assert made.noise_rad(total) == pytest.approx(float(fitted.std()), rel=0.025)


def test_noise_of_a_lateral_effect_detector_goes_as_the_inverse_of_the_signal() -> None:
    made = sensor(20.0, kind="lateral_effect", half_length_rad=1e-3)
    # Half length times the noise of a difference of four channels over their sum.
    rounded = math.sqrt(400 + 1 / 12)
    for total in (1000.0, 8000.0):
        assert made.noise_rad(total) == pytest.approx(1e-3 * 2 * rounded / total)


def test_the_converter_is_watched_where_it_may_clip() -> None:
    made = sensor(10.0)
    # A spot wholly in one quadrant puts all its light there.
    assert not made.light(ADC_LIMIT - 82.0).may_clip
    assert made.light(ADC_LIMIT - 80.0).may_clip
    assert sensor(10.0, channel_gains=(1.0, 1.3, 1.0, 1.0)).light(26_000.0).may_clip
