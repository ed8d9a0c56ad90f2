"""Jitter against the closed forms of its spectra, and the bound against an own Kalman filter."""

import math
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import welch

from sim_devices.disturbance import (
    SPECTRA,
    JitterSource,
    SampledModel,
    residual_bound_rad,
    sampled,
    spectrum_bound_rad,
)
from sim_devices.spectra import DISTURBANCES, LINE_DAMPING, Mode

Array = NDArray[np.float64]
SPECTRUM_NAMES = sorted({modes: name for name, modes in SPECTRA.items()}.values())
"""One of each; some names share a spectrum and differ by their events."""
URAD = 1e-6


def source(spectrum: str, rate_hz: float, seed: int = 1) -> JitterSource:
    return JitterSource(sampled(spectrum, rate_hz), np.random.default_rng(seed))


def psd_rad2_hz(mode: Mode, f_hz: Array) -> Array:
    """One-sided density of white noise through a first- or second-order low pass, by variance."""
    w, omega = 2 * math.pi * mode.corner_hz, 2 * math.pi * f_hz
    if mode.damping == 0.0:
        return np.asarray(mode.rms_rad**2 * 4 * w / (w**2 + omega**2))
    shape = 8 * mode.damping * w**3 / ((w**2 - omega**2) ** 2 + (2 * mode.damping * w * omega) ** 2)
    return np.asarray(mode.rms_rad**2 * shape)


def autocovariance_rad2(mode: Mode, lag_s: float) -> float:
    w = 2 * math.pi * mode.corner_hz
    if mode.damping == 0.0:
        return mode.rms_rad**2 * math.exp(-w * lag_s)
    z = mode.damping
    root = math.sqrt(1 - z * z)
    phase = w * root * lag_s
    return (
        mode.rms_rad**2 * math.exp(-z * w * lag_s) * (math.cos(phase) + z / root * math.sin(phase))
    )


@pytest.mark.parametrize("spectrum", SPECTRUM_NAMES)
def test_sampled_model_has_the_continuous_autocovariance(spectrum: str) -> None:
    rate_hz = 5000.0
    model = sampled(spectrum, rate_hz)
    variance = float(model.c @ model.p @ model.c)
    for lag in (0, 1, 7, 50, 500, 5000):
        modelled = float(model.c @ np.linalg.matrix_power(model.a, lag) @ model.p @ model.c)
        expected = sum(autocovariance_rad2(m, lag / rate_hz) for m in SPECTRA[spectrum])
        assert modelled == pytest.approx(expected, abs=1e-11 * variance)


def test_esa_is_160_square_microradians_a_hertz_at_the_bottom() -> None:
    (mode,) = SPECTRA["esa_silex"]
    f = np.array([1e-6, 0.5, 1.0, 10.0])
    assert psd_rad2_hz(mode, f) == pytest.approx(160e-12 / (1 + f**2), rel=1e-9)
    assert mode.rms_rad**2 == pytest.approx(80 * math.pi * 1e-12, rel=1e-12)


def test_drone_is_what_the_reference_profile_says() -> None:
    sway, structure, first, second = SPECTRA["drone"]
    assert (sway.rms_rad, sway.corner_hz, sway.damping) == (200e-6, 3.0, 0.7)
    assert (structure.rms_rad, structure.corner_hz) == (50e-6, 12.0)
    assert (first.rms_rad, first.corner_hz) == (10e-6, 90.0)
    assert second.corner_hz == 2 * first.corner_hz


def test_micius_has_its_power_below_30_hz() -> None:
    f = np.linspace(0.0, 500.0, 200_001)
    density = sum(psd_rad2_hz(mode, f) for mode in SPECTRA["micius"]) * f[1]
    assert density.sum() == pytest.approx((9.3e-6) ** 2, rel=1e-3)
    assert density[f < 30.0].sum() > 0.95 * density.sum()


SEGMENTS, SEGMENT, RATE_HZ = 64, 8192, 1000.0
LINES = [
    (name, mode)
    for name in SPECTRUM_NAMES
    for mode in SPECTRA[name]
    if mode.damping == LINE_DAMPING
]


@cache
def estimate(spectrum: str) -> tuple[Array, Array]:
    """Frequencies and one-sided density of samples, as long as the segments say."""
    x = source(spectrum, RATE_HZ).take(SEGMENTS * SEGMENT)
    f, density = welch(x, RATE_HZ, nperseg=SEGMENT, noverlap=0, detrend=False)
    return np.asarray(f), np.asarray(density)


def band_powers(spectrum: str, low_hz: float, high_hz: float) -> tuple[float, float, int]:
    """(measured, due) mean square in a band, rad^2, and in how many cells of the estimate."""
    f, density = estimate(spectrum)
    inside = (f >= low_hz) & (f < high_hz)
    due = sum(float(psd_rad2_hz(m, f)[inside].sum()) for m in SPECTRA[spectrum])
    return float(density[inside].sum() * f[1]), due * float(f[1]), int(inside.sum())


@pytest.mark.parametrize("spectrum", SPECTRUM_NAMES)
@pytest.mark.parametrize("band", [(0.8, 2.0), (2.0, 5.0), (5.0, 12.0), (12.0, 30.0), (52.0, 80.0)])
def test_samples_have_the_spectrum_beside_its_lines(
    spectrum: str, band: tuple[float, float]
) -> None:
    measured, due, cells = band_powers(spectrum, *band)
    # Each cell is exponential, averaged over the segments. Aliasing adds (f / rate)^2 of a
    # first-order slope, and the window's side lobes what leaks from the lines: 2 % together.
    assert measured == pytest.approx(due, rel=5 / math.sqrt(SEGMENTS * cells) + 0.02)


@pytest.mark.parametrize(("spectrum", "line"), LINES)
def test_lines_have_their_power(spectrum: str, line: Mode) -> None:
    low_hz, high_hz = line.corner_hz - 3.0, line.corner_hz + 3.0
    measured, _, _ = band_powers(spectrum, low_hz, high_hz)
    f = np.linspace(low_hz, high_hz, 6001)
    due = sum(float(psd_rad2_hz(mode, f).sum() * 1e-3) for mode in SPECTRA[spectrum])
    # An amplitude is forgotten in 1 / (damping w): so many independent ones, two quadratures each.
    seconds = SEGMENTS * SEGMENT / RATE_HZ
    independent = seconds * LINE_DAMPING * 2 * math.pi * line.corner_hz / 2
    assert measured == pytest.approx(due, rel=5 / math.sqrt(independent))


@pytest.mark.parametrize("spectrum", SPECTRUM_NAMES)
def test_variance_over_many_starts_is_stationary(spectrum: str) -> None:
    model = sampled(spectrum, 5000.0)
    runs = np.array(
        [JitterSource(model, np.random.default_rng(seed)).take(40) for seed in range(1000)]
    )
    variance = float(model.c @ model.p @ model.c)
    # 1000 independent values: the variance scatters by sqrt(2 / 1000) = 4.5 %.
    assert np.mean(runs[:, 0] ** 2) == pytest.approx(variance, rel=0.18)
    assert np.mean(runs[:, -1] ** 2) == pytest.approx(variance, rel=0.18)


class OneKick(np.random.Generator):
    """Starts every state at one standard deviation and never drives it again."""

    def __init__(self) -> None:
        super().__init__(np.random.PCG64(1))

    def normal(self, *, size: int | tuple[int, int]) -> Array:  # type: ignore[override]
        return np.ones(size) if isinstance(size, int) else np.zeros(size)


@pytest.mark.parametrize("spectrum", SPECTRUM_NAMES)
def test_blocks_join_without_a_seam(spectrum: str) -> None:
    model = sampled(spectrum, 5000.0)
    jitter = JitterSource(model, OneKick())
    x = np.concatenate([jitter.take(length) for length in (1, 1, 7, 200, 1, 40)])
    state, expected = np.sqrt(np.diag(model.p)), []
    for _ in x:
        state = model.a @ state
        expected.append(float(model.c @ state))
    assert x == pytest.approx(np.array(expected), abs=1e-15)


def test_a_source_repeats_with_its_seed() -> None:
    assert (
        source("drone", 5000.0, 4).take(50).tolist() == source("drone", 5000.0, 4).take(50).tolist()
    )
    assert (
        source("drone", 5000.0, 4).take(50).tolist() != source("drone", 5000.0, 5).take(50).tolist()
    )


@pytest.mark.parametrize(("delay", "expected_urad"), [(2, 0.79), (5, 1.26), (10, 1.77), (20, 2.50)])
def test_bound_without_noise_is_the_continuous_one(delay: int, expected_urad: float) -> None:
    # tau = 0.2, 0.5, 1, 2 ms; printed to two decimals (1.2547 as 1.26, from the linear form).
    bound = residual_bound_rad(sampled("esa_silex", 10_000.0), delay, 1e-12) / URAD
    assert bound == pytest.approx(expected_urad, abs=0.006)
    closed = math.sqrt(80 * math.pi * -math.expm1(-4 * math.pi * delay / 10_000))
    assert bound == pytest.approx(closed, rel=1e-4)


@pytest.mark.parametrize(("delay", "expected_urad"), [(1, 1.267), (2, 1.494), (5, 2.026)])
def test_bound_with_noise_is_the_sampled_closed_form(delay: int, expected_urad: float) -> None:
    rate_hz, density_urad2_hz = 5000.0, 1e-3
    noise_urad = math.sqrt(density_urad2_hz * rate_hz / 2)
    bound = residual_bound_rad(sampled("esa_silex", rate_hz), delay, noise_urad * URAD) / URAD
    assert bound == pytest.approx(expected_urad, abs=0.0005)
    a, variance = 2 * math.pi, 80 * math.pi
    f, r = math.exp(-2 * a / rate_hz), noise_urad**2
    q = variance * (1 - f)
    b = q - (1 - f) * r
    m = (b + math.sqrt(b * b + 4 * q * r)) / 2
    closed = math.sqrt(f ** (delay - 1) * m + variance * (1 - f ** (delay - 1)))
    assert bound == pytest.approx(closed, rel=1e-9)


def predicted_rms_rad(model: SampledModel, delay: int, noise_rad: float, n: int) -> float:
    """Rms error of a Kalman predictor run on samples; its gain by iterating the filter itself."""
    a, c, q, r = model.a, model.c, model.q, noise_rad**2
    p = model.p
    for _ in range(5000):
        gain = p @ c / (c @ p @ c + r)
        p = a @ (p - np.outer(gain, c @ p)) @ a.T + q
    ahead = c @ np.linalg.matrix_power(a, delay)
    angle = JitterSource(model, np.random.default_rng(8)).take(n)
    reading = angle + noise_rad * np.random.default_rng(9).normal(size=n)
    x = np.zeros(len(a))
    u = np.empty(n)
    for k, y in enumerate(reading.tolist()):
        x = x + gain * (y - c @ x)
        u[k] = ahead @ x
        x = a @ x
    settled = n // 10
    error = angle[delay + settled :] - u[settled:-delay]
    return float(np.sqrt(np.mean(error**2)))


@pytest.mark.parametrize("spectrum", SPECTRUM_NAMES)
def test_a_kalman_filter_reaches_the_bound_on_samples(spectrum: str) -> None:
    model, noise_rad = sampled(spectrum, 5000.0), 0.2e-6
    bound = residual_bound_rad(model, 2, noise_rad)
    # The errors of 50,000 predictions decorrelate within some samples: rms good to under 1 %.
    assert predicted_rms_rad(model, 2, noise_rad, 50_000) == pytest.approx(bound, rel=0.03)


@pytest.mark.parametrize("spectrum", ["esa_lines", "haps", "drone", "aircraft"])
def test_bound_without_noise_is_finite_and_under_that_with_noise(spectrum: str) -> None:
    model = sampled(spectrum, 5000.0)
    none, little = (residual_bound_rad(model, 2, noise) for noise in (0.0, 0.1e-6))
    # Perfect readings still leave what is driven within the delay: two innovations.
    driven = sum(
        float(model.c @ power @ model.q @ power.T @ model.c)
        for power in (np.eye(len(model.a)), model.a)
    )
    assert math.sqrt(driven) <= none * (1 + 1e-3)
    assert none < little


def test_bound_of_a_rotor_is_the_rms_over_its_speeds() -> None:
    rotor = DISTURBANCES["drone"].rotor
    assert rotor
    each = [residual_bound_rad(sampled("drone", 5000.0, v), 2, 0.2e-6) for v in rotor.speeds]
    assert min(each) < max(each)
    bound = spectrum_bound_rad("drone", 5000.0, 2, 0.2e-6)
    assert bound == pytest.approx(math.sqrt(np.mean(np.square(each))))


def test_a_change_of_the_model_leaves_angle_and_rate_as_they_were() -> None:
    slow, fast = (sampled("drone", 5000.0, speed) for speed in (0.94, 1.06))
    jitter = JitterSource(slow, OneKick())
    jitter.take(37)
    state = np.linalg.matrix_power(slow.a, 37) @ np.sqrt(np.diag(slow.p))
    jitter.change(fast)
    for value in jitter.take(20):
        state = fast.a @ state
        assert value == pytest.approx(float(fast.c @ state), abs=1e-13)
