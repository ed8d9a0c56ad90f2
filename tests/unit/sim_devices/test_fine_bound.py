"""The bound in flight: rms over the light that there was, noise as of the sensor."""

import math

import numpy as np
import pytest

from config.fine_truth import MirrorTruth, QuadTruth
from config.loader import load_scenario
from sim_devices.disturbance_sources import jitter_source
from sim_devices.fast_plant import FastPlant
from sim_devices.fine_bound import flown_bound_rad
from sim_devices.position_sensor import PositionSensor

RATE_HZ = 5000.0


def closed_rad(noise_rad: float, delay: int) -> float:
    """First-order jitter of variance 80 pi urad^2, corner 1 Hz, in samples with noise."""
    a, variance = 2 * math.pi, 80 * math.pi * 1e-12
    f, r = math.exp(-2 * a / RATE_HZ), noise_rad**2
    q = variance * (1 - f)
    b = q - (1 - f) * r
    m = (b + math.sqrt(b * b + 4 * q * r)) / 2
    return math.sqrt(f ** (delay - 1) * m + variance * (1 - f ** (delay - 1)))


@pytest.mark.parametrize("delay", [1, 2, 5])
def test_it_is_the_rms_of_the_closed_form_at_each_light(delay: int) -> None:
    # A pass: the light of the culmination is nine times that of the rise.
    light = 8000.0 / (1.0 + 8.0 * np.linspace(-1, 1, 501) ** 2)
    due = math.sqrt(np.mean([closed_rad(1.6e-3 / s, delay) ** 2 for s in light]))
    bound = flown_bound_rad("esa_silex", RATE_HZ, delay, lambda s: 1.6e-3 / s, light)
    assert bound == pytest.approx(due, rel=1e-3)


def test_one_level_needs_no_others() -> None:
    bound = flown_bound_rad("esa_silex", RATE_HZ, 2, lambda s: 0.2e-6, np.full(10, 500.0))
    assert bound == pytest.approx(closed_rad(0.2e-6, 2), rel=1e-9)


def test_without_light_there_is_no_bound() -> None:
    assert math.isnan(flown_bound_rad("esa_silex", RATE_HZ, 2, lambda s: 1e-6, np.zeros(0)))


@pytest.mark.parametrize("delay", [1, 3])
@pytest.mark.parametrize(
    "quad",
    [
        QuadTruth(spot_scale=1.2, electrons_per_count=30.0, background_counts=400.0),
        QuadTruth(kind="lateral_effect", half_length_rad=0.2e-3),
    ],
    ids=["quad_cell", "lateral_effect"],
)
def test_a_controller_that_knows_everything_comes_to_the_bound(quad: QuadTruth, delay: int) -> None:
    """The plant's own counts and delay, a Kalman predictor, and a mirror that follows at once."""
    optics, light, n = load_scenario("leo_haps_downlink").terminal.optics, 6000.0, 60_000
    sensor = PositionSensor(quad, optics.quad_spot_rad, 15.0)
    mirror = MirrorTruth(resonance_hz=50_000.0, damping=1.0, delay_samples=delay)
    jitter = (jitter_source("esa_silex", RATE_HZ, 1, 0), jitter_source("esa_silex", RATE_HZ, 1, 1))
    plant = FastPlant(optics, sensor, mirror, jitter, (0.0, 0.0), RATE_HZ, np.random.default_rng(1))
    plant.sum_counts = light
    f = math.exp(-2 * math.pi / RATE_HZ)
    q, r = 80 * math.pi * 1e-12 * (1 - f * f), sensor.noise_rad(light) ** 2
    predicted = q
    for _ in range(5000):
        predicted = f * f * predicted * r / (predicted + r) + q
    gain = predicted / (predicted + r)
    # The reading's scale, from the sensor's own definition: light alone, in the middle.
    if quad.kind == "quad_cell":
        half_rad = quad.spot_scale * optics.quad_spot_rad / math.sqrt(8 / math.pi)
    else:
        half_rad = quad.half_length_rad
    per_rad = 32767 / optics.mirror_stroke_rad
    angle_rad, counts, commanded = 0.0, 0, [0] * delay
    for _ in range(n):
        a, b, c, d = plant.tick(counts, 0)
        acting_rad = commanded.pop(0) / per_rad
        seen_rad = half_rad * (a + d - b - c) / light + acting_rad
        angle_rad = f * angle_rad
        angle_rad += gain * (seen_rad - angle_rad)
        counts = round(f**delay * angle_rad * per_rad)
        commanded.append(counts)
    residual_rad = plant.take_residual()[0][2000:]
    bound = flown_bound_rad("esa_silex", RATE_HZ, delay, sensor.noise_rad, np.full(1, light))
    # Residuals decorrelate within ten samples or so: the rms is good to 1 %.
    assert math.sqrt(np.mean(residual_rad**2)) == pytest.approx(bound, rel=0.03)
