"""The predictor against bounds in closed form, numpy's least squares, and what must hold for any
linear predictor."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from terminal.control.prediction.memory import (
    KEPT,
    MOST_DELAY,
    RING,
    TAPE,
    TAPS,
    WINDOWS,
    WINDOWS_S,
    Memory,
    new_memory,
)
from terminal.control.prediction.predictor import predict

Array = NDArray[np.float64]

RATE_HZ = 5000.0
VARIANCE_URAD2, CORNER_PER_S = 80.0 * math.pi, 2.0 * math.pi
NOISE_URAD2_PER_HZ = 1e-3


def gauss_markov(n: int, rng: np.random.Generator) -> Array:
    """(n,) urad, the ESA/SILEX spectrum as an exact first-order process."""
    pole = math.exp(-CORNER_PER_S / RATE_HZ)
    drive = math.sqrt(VARIANCE_URAD2 * (1.0 - pole**2)) * rng.normal(size=n)
    out = np.empty(n)
    last = math.sqrt(VARIANCE_URAD2) * rng.normal()
    for k, w in enumerate(drive.tolist()):
        last = pole * last + w
        out[k] = last
    return out


def bound_urad(delay: int) -> float:
    """Sampled loop on a first-order process with white noise: the steady Kalman filter's prediction
    error, solved by hand."""
    f = math.exp(-2.0 * CORNER_PER_S / RATE_HZ)
    r = NOISE_URAD2_PER_HZ * RATE_HZ / 2.0
    q = VARIANCE_URAD2 * (1.0 - f)
    b = q - (1.0 - f) * r
    m = (b + math.sqrt(b * b + 4.0 * q * r)) / 2.0
    return math.sqrt(f ** (delay - 1) * m + VARIANCE_URAD2 * (1.0 - f ** (delay - 1)))


def run(seen_x: Array, seen_y: Array, delay: int, memory: Memory | None = None) -> Array:
    """(n, 2): what was foreseen for each tick; 0 for the first `delay`."""
    memory = new_memory(RATE_HZ, delay) if memory is None else memory
    said = [predict(memory, x, y) for x, y in zip(seen_x.tolist(), seen_y.tolist(), strict=True)]
    out = np.zeros((seen_x.size, 2))
    out[delay:] = np.array(said)[:-delay]
    return out


def rms(values: Array) -> float:
    return float(np.sqrt(np.mean(np.square(values))))


def test_the_closed_form_is_the_published_one() -> None:
    published = (1.267, 1.494, 2.026)
    assert [bound_urad(d) for d in (1, 2, 5)] == pytest.approx(published, abs=5e-4)


@pytest.mark.parametrize("delay", [1, 2, 5])
def test_the_silex_spectrum_within_a_twentieth_of_the_bound(delay: int) -> None:
    rng = np.random.default_rng(delay)
    n, first = 60_000, 25_000
    noise = math.sqrt(NOISE_URAD2_PER_HZ * RATE_HZ / 2.0)
    angle = np.stack([gauss_markov(n, rng), gauss_markov(n, rng)])
    seen = angle + noise * rng.normal(size=(2, n))
    left = angle.T - run(*seen, delay)
    for axis in (0, 1):
        assert rms(left[first:, axis]) < 1.05 * bound_urad(delay)


def test_lines_without_noise_are_foreseen() -> None:
    """Two lines satisfy a recursion of four values: what is left is the ridge's."""
    t = np.arange(25_000) / RATE_HZ
    x = 10.0 * np.sin(2 * np.pi * 91.3 * t) + 3.0 * np.sin(2 * np.pi * 183.1 * t + 1.0)
    y = 5.0 * np.cos(2 * np.pi * 17.0 * t)
    left = np.stack([x, y], 1) - run(x, y, 3)
    assert np.abs(left[15_000:]).max() < 1e-2


def test_a_constant_is_held() -> None:
    x = np.full(3000, 7.5)
    foreseen = run(x, -x, 2)[2:]
    np.testing.assert_allclose(foreseen[:, 0], 7.5, rtol=1e-9)
    np.testing.assert_allclose(foreseen[:, 1], -7.5, rtol=1e-9)


def test_a_step_costs_the_delay_and_no_more() -> None:
    rng = np.random.default_rng(3)
    n, at, delay = 30_000, 20_000, 2
    angle, noise = gauss_markov(n, rng), 0.3 * rng.normal(size=n)
    angle[at:] += 500.0
    left = angle - run(angle + noise, noise, delay)[:, 0]
    assert np.abs(left[at : at + delay]).min() > 450.0
    assert rms(left[at + delay : at + 200]) < 1.3 * rms(left[at - 5000 : at])


def test_a_detector_that_spikes_is_soon_not_believed_at_once() -> None:
    """The first spikes cost what a step would; then a value far off waits for the next."""
    rng = np.random.default_rng(12)
    n, delay = 40_000, 2
    angle, noise = gauss_markov(n, rng), 0.3 * rng.normal(size=n)
    clean = angle - run(angle + noise, noise, delay)[:, 0]
    spiked = noise.copy()
    # Apart: two in a row are what a step is.
    spiked[rng.choice(np.arange(100, n, 50), size=60)] += 80.0
    left = angle - run(angle + spiked, noise, delay)[:, 0]
    assert rms(left[20_000:]) < 1.05 * rms(clean[20_000:])


def test_weights_are_those_of_least_squares_in_the_same_window() -> None:
    """Numpy over the same values, from the definition: minimise the sum of forget^age (value -
    prediction)^2, a constant among the unknowns, with the ridge that the memory says it used."""
    rng = np.random.default_rng(8)
    n, delay = 6000, 3
    values = gauss_markov(n, rng) + rng.normal(size=n)
    memory = new_memory(RATE_HZ, delay)
    copied: dict[int, Array] = {}
    checked = 0
    tape: list[float] = []
    for k, value in enumerate(values.tolist()):
        learned, stage = memory["learned"][0, 0].copy(), int(memory["stage"][0])
        predict(memory, value, 0.1 * value)
        m = memory[0]
        tape.append(float(m["tape"][0, m["place"]]))
        if stage == 0 and m["stage"] == 1 and m["axis"] == 0:
            copied = {int(m["window"]): np.array(tape)}
        for window in range(WINDOWS):
            if k > 3000 and m["learned"][0, window] > learned[window] and window in copied:
                past = copied.pop(window)
                expected = least_squares(past, delay, WINDOWS_S[window], float(m["ridge"]))
                got = [*m["ahead"][0, window][::-1], m["constant"][0, window, 0]]
                np.testing.assert_allclose(got, expected, atol=1e-7)
                checked += 1
    assert checked >= 2


def least_squares(tape: Array, delay: int, window_s: float, ridge: float) -> Array:
    """(TAPS + 1,) newest first, then the constant; before the first value the tape is empty."""
    long = np.concatenate([np.zeros(TAPS + delay), tape])
    weight = np.exp(-np.arange(tape.size)[::-1] / (window_s * RATE_HZ))
    rows = np.stack([long[TAPS - i :][: tape.size] for i in range(TAPS)] + [np.ones(tape.size)], 1)
    penalty = ridge * np.diag([1.0] * TAPS + [0.0])
    products = rows.T @ (rows * weight[:, None]) + penalty
    solution: Array = np.linalg.solve(products, rows.T @ (weight * tape))
    return solution


def test_the_unit_does_not_matter() -> None:
    """In units of a power of two every rounding is the same."""
    rng = np.random.default_rng(4)
    x, y = gauss_markov(4000, rng) + rng.normal(size=4000), rng.normal(size=4000)
    scale = 2.0**-20
    np.testing.assert_array_equal(run(scale * x, scale * y, 2), scale * run(x, y, 2))


def test_the_future_is_not_known() -> None:
    rng = np.random.default_rng(5)
    x = gauss_markov(6000, rng)
    other = x.copy()
    other[5000:] += 100.0 * rng.normal(size=1000)
    np.testing.assert_array_equal(run(x, x, 2)[:5002], run(other, other, 2)[:5002])


def test_through_a_gap_it_stays_near_and_then_goes_on() -> None:
    rng = np.random.default_rng(6)
    t = np.arange(40_000) / RATE_HZ
    angle = 200.0 * np.sin(2 * np.pi * 1.3 * t) + 10.0 * np.sin(2 * np.pi * 90.0 * t)
    seen = angle + 0.2 * rng.normal(size=t.size)
    gap = slice(30_000, 30_100)
    seen[gap] = math.nan
    left = angle - run(seen, seen, 2)[:, 0]
    held = angle[gap] - angle[29_999]
    # 20 ms without light, in which the disturbance goes some 30 urad: dead reckoning follows it.
    assert rms(left[gap]) < 0.1 * rms(held)
    assert rms(left[30_110:]) < 1.5 * rms(left[20_000:30_000])


@settings(deadline=None, max_examples=25)
@given(
    st.lists(
        st.tuples(
            st.floats(-1e3, 1e3) | st.just(math.nan), st.integers(1, 400), st.floats(0.0, 50.0)
        ),
        min_size=1,
        max_size=12,
    ),
    st.integers(1, MOST_DELAY),
)
def test_whatever_is_seen_the_answer_stays_in_its_range(
    pieces: list[tuple[float, int, float]], delay: int
) -> None:
    """Levels, noise and gaps in any order: finite, and never far outside what was seen."""
    rng = np.random.default_rng(0)
    seen = np.concatenate([level + size * rng.normal(size=n) for level, n, size in pieces])
    memory = new_memory(RATE_HZ, delay)
    largest = float(np.nanmax(np.abs(seen), initial=0.0))
    for value in seen.tolist():
        x, y = predict(memory, value, -value)
        assert math.isfinite(x)
        assert math.isfinite(y)
        assert max(abs(x), abs(y)) <= 20.0 * (largest + 1e-12) * delay


@pytest.mark.parametrize(
    ("rate_hz", "delay"),
    [(5000.0, 0), (5000.0, MOST_DELAY + 1), (0.0, 1), (math.nan, 1), (math.inf, 1)],
)
def test_what_cannot_be_is_refused(rate_hz: float, delay: int) -> None:
    with pytest.raises(ValueError, match=r"delay|rate"):
        new_memory(rate_hz, delay)


def test_rings_and_tape_are_long_enough_for_the_longest_delay() -> None:
    assert RING > MOST_DELAY
    assert RING & (RING - 1) == 0
    assert TAPE - KEPT > TAPS + MOST_DELAY
    assert TAPS % 4 == 0


def test_a_low_rate_is_no_long_tick() -> None:
    """Not more than one solution of every window and axis a tick."""
    assert int(new_memory(1.0, 1)["rows_a_tick"][0]) <= 600
