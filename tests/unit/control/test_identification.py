"""The mirror's response from simulated scans: against the truth, or refused by name."""

import math
import re
from typing import Any

import numpy as np
import pytest
from identification_truth import (
    DETECTOR,
    LIMITS,
    PER_RAD,
    RATE_HZ,
    SPOT_RAD,
    Truth,
    excitation,
    identified,
    scans_of,
)
from scipy.stats import chi2

from terminal.control.identification.design import design, gain_limit
from terminal.control.identification.excitation import MirrorLimits, excite
from terminal.control.identification.fit import pulse_response
from terminal.control.identification.identify import Identified, identify
from terminal.control.identification.reading import Scans
from terminal.control.identification.refusal import IdentificationError
from terminal.control.mirror_response import MirrorResponse, steering

SEEDS = range(6)


def errors(found: Identified, truth: Truth) -> Any:
    """(6,) measured minus true, in the order of the covariance."""
    response = found.response
    return np.array(
        [
            *(np.array(response.matrix) - truth.matrix).ravel(),
            response.resonance_hz - truth.resonance_hz,
            response.damping - truth.damping,
        ]
    )


@pytest.mark.parametrize(
    "truth",
    [
        Truth(),
        Truth(disturbance_rad=16e-6),
        Truth(resonance_hz=400.0, damping=0.3, delay=4),
    ],
    ids=["bench", "disturbed", "slow"],
)
def test_the_sigmas_are_honest(truth: Truth) -> None:
    """Over the seeds, errors weighed by the covariance make a chi2 of six each."""
    total, fits, freedom = 0.0, 0.0, 0
    for seed in SEEDS:
        found = identified(truth, seed)
        assert found.response.delay_samples == truth.delay
        error = errors(found, truth)
        assert np.abs(error / np.sqrt(np.diag(found.covariance))).max() < 4.5
        total += float(error @ np.linalg.solve(found.covariance, error))
        fits += found.model.chi2
        freedom += found.degrees_of_freedom
    low, high = chi2(6 * len(SEEDS)).interval(0.9999)
    assert low < total < high
    low, high = chi2(freedom).interval(0.9999)
    assert low < fits < high


@pytest.mark.parametrize("delay", [1, 3, 5, 6, 19])
def test_the_delay_is_measured(delay: int) -> None:
    assert identified(Truth(delay=delay)).response.delay_samples == delay


@pytest.mark.parametrize(
    "matrix",
    [((0.0, 1.0), (1.0, 0.0)), ((-1.0, 0.0), (0.0, 1.0)), ((0.5, -1.2), (1.4, 0.3))],
    ids=["swapped", "flipped", "turned"],
)
def test_any_wiring_is_measured(matrix: Any) -> None:
    found = identified(Truth(matrix=matrix))
    assert np.abs(np.array(found.response.matrix) - matrix).max() < 5e-3


def test_lost_scans_shift_nothing() -> None:
    truth, moves = Truth(), excitation()
    scans = scans_of(moves, truth, 3)
    lost = np.random.default_rng(3).random(len(scans.seen)) < 2e-3
    held = scans.command_counts.copy()
    for k in np.flatnonzero(lost):
        held[k] = held[k - 1]
    # The mirror was given what was really sent.
    again = scans_of(moves._replace(counts=held), truth, 3)
    found = identify(again._replace(seen=~lost), moves, DETECTOR, PER_RAD, RATE_HZ)
    error = errors(found, truth)
    assert float(error @ np.linalg.solve(found.covariance, error)) < chi2(6).ppf(0.9999)
    assert found.impulse.rows < len(lost) - lost.sum()


def test_a_mirror_that_rings_long_is_measured_for_longer() -> None:
    truth = Truth(resonance_hz=500.0, damping=0.12)
    found = identified(truth, share=0.02)
    assert found.impulse.response.shape[2] > 40
    assert found.response.resonance_hz == pytest.approx(500.0, rel=2e-3)
    assert found.response.damping == pytest.approx(0.12, rel=0.02)


def test_a_mirror_that_is_there_within_a_scan_shows_no_resonance() -> None:
    found = identified(Truth(resonance_hz=20_000.0, damping=1.0, delay=3))
    assert not found.determined
    assert found.response.delay_samples == 3
    # Steered by what was set, it is where it shall be at the next scan.
    law = steering(found.response.resonance_hz, found.response.damping, RATE_HZ)
    assert law.b1 == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize(
    ("truth", "says"),
    [
        (Truth(light=500.0), "too little light"),
        (Truth(light=200e3), "saturated"),
        (Truth(noise_counts=0.0, matrix=((0.0, 0.0), (0.0, 0.0))), "stuck"),
        (Truth(offset_rad=250e-6), "leaves the detector's middle"),
        (Truth(matrix=((0.0, 0.0), (0.0, 0.0))), "no motion"),
        (Truth(matrix=((1.0, 0.0), (0.1, 0.0))), "no motion.*mirror's y"),
        (Truth(matrix=((1.0, 0.95), (0.9, 1.0))), "not independent.*degrees apart"),
        (Truth(late=0.4), "more than noise"),
        (Truth(delay=20), "end of the search"),
        (Truth(delay=24), "end of the search"),
        (Truth(resonance_y_hz=1300.0), r"x resonates at 1[45]\d\d Hz, y at 1[23]\d\d Hz"),
        (Truth(resonance_hz=60.0, damping=0.03), "still moves after 320 scans"),
    ],
)
def test_refuses_and_says_why(truth: Truth, says: str) -> None:
    with pytest.raises(IdentificationError, match=says) as refused:
        identified(truth)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("noise_counts", "says"),
    [(60.0, r"the matrix is known to .* 2% are wanted"), (250.0, "the gain would be known to")],
)
def test_refuses_what_noise_hides(noise_counts: float, says: str) -> None:
    with pytest.raises(IdentificationError, match=says):
        identified(Truth(noise_counts=noise_counts), share=0.005)


def test_refuses_a_gain_that_depends_on_the_amplitude() -> None:
    moves = excitation()
    # Half amplitude is 246 counts, full 492: only that is cut.
    cut = np.clip(moves.counts, -300, 300)
    scans = scans_of(moves._replace(counts=cut), Truth(), 1)
    scans = scans._replace(command_counts=moves.counts)
    with pytest.raises(IdentificationError, match="not linear") as refused:
        identify(scans, moves, DETECTOR, PER_RAD, RATE_HZ)
    said = re.search(r"mirror's x changes by (\S+)%", str(refused.value))
    assert said
    # Of a white sequence, what is left of the gain is <u cut(u)> / <u^2>.
    u, left = (counts[moves.half_end :, 0].astype(float) for counts in (moves.counts, cut))
    assert float(said[1]) == pytest.approx(100.0 * (u @ left / (u @ u) - 1.0), abs=1.5)


def test_refuses_lost_and_repeated_scans() -> None:
    moves = excitation()
    scans = scans_of(moves, Truth(), 1)
    few = np.arange(len(scans.seen)) % 3 == 0
    with pytest.raises(IdentificationError, match="67% of the scans are lost"):
        identify(scans._replace(seen=few), moves, DETECTOR, PER_RAD, RATE_HZ)
    gaps = np.arange(len(scans.seen)) % 30 != 0
    with pytest.raises(IdentificationError, match="too few"):
        identify(scans._replace(seen=gaps), moves, DETECTOR, PER_RAD, RATE_HZ)
    stuck = Scans(np.repeat(scans.counts[:1], len(few), axis=0), scans.seen, scans.command_counts)
    with pytest.raises(IdentificationError, match="stuck: 100%"):
        identify(stuck, moves, DETECTOR, PER_RAD, RATE_HZ)


def test_commands_keep_within_amplitude_stroke_and_rate() -> None:
    moves = excitation()
    assert np.abs(moves.counts).max() == pytest.approx(0.1 * SPOT_RAD * PER_RAD, abs=1.0)
    assert not moves.counts[: moves.rest_end + 1].any()
    half = np.abs(moves.counts[: moves.half_end]).max()
    assert half == pytest.approx(0.05 * SPOT_RAD * PER_RAD, abs=1.0)
    # Independent: correlations of white signs scatter by 1/sqrt(n).
    signs = np.sign(moves.counts[moves.half_end : -500])
    assert abs(np.mean(signs[:, 0] * signs[:, 1])) < 4.0 / len(signs) ** 0.5
    assert abs(np.mean(signs[1:, 0] * signs[:-1, 0])) < 4.0 / len(signs) ** 0.5
    slow = excite(1e-4, MirrorLimits(PER_RAD, 1e-3, 0.2), RATE_HZ, 2.0, 1)
    assert slow.limited_by == "rate"
    step_rad_s = np.abs(np.diff(slow.counts, axis=0)).max() / PER_RAD * RATE_HZ
    assert step_rad_s == pytest.approx(0.2, rel=0.02)
    assert step_rad_s < 0.2 + RATE_HZ / PER_RAD
    short = excite(9e-4, LIMITS, RATE_HZ, 2.0, 1)
    assert (short.limited_by, short.amplitude_rad) == ("stroke", 0.5e-3)
    with pytest.raises(IdentificationError, match="counts of the mirror's converter"):
        excite(1e-7, LIMITS, RATE_HZ, 2.0, 1)


@pytest.mark.parametrize("damping", [0.05, 1.0, 3.0])
def test_the_model_is_the_one_that_the_loop_steers_by(damping: float) -> None:
    law = steering(600.0, damping, RATE_HZ)
    place = speed = 0.0
    answer = [0.0, 0.0]
    for k in range(30):
        u = 1.0 if k == 0 else 0.0
        place, speed = (
            law.a11 * place + law.a12 * speed + law.b1 * u,
            law.a21 * place + law.a22 * speed + law.b2 * u,
        )
        answer.append(place)
    assert pulse_response(600.0 / RATE_HZ, damping, 3, 32) == pytest.approx(answer, abs=1e-9)


@pytest.mark.parametrize("delay", [1, 2, 5])
def test_the_integrators_limit_is_that_of_a_pure_delay(delay: int) -> None:
    """u[k] = u[k-1] + g e[k], e delayed by D: unstable from g = 2 sin(pi / (2 (2 D - 1))) on."""
    fast = steering(20_000.0, 1.0, RATE_HZ)
    expected = 2.0 * math.sin(math.pi / (2.0 * (2.0 * delay - 1.0)))
    assert gain_limit(fast, delay) == pytest.approx(expected, rel=1e-3)


def test_the_design_settles_as_it_says() -> None:
    response = MirrorResponse(((1.0, 0.0), (0.0, 1.0)), 500.0, 0.2, 2)
    made = design(response, RATE_HZ)
    law = made.steering
    place = speed = 0.0
    for _ in range(round(made.settling_samples - response.delay_samples) + 4):
        free = law.a11 * place + law.a12 * speed
        u = law.pull * (1.0 - free) + law.lean
        place, speed = free + law.b1 * u, law.a21 * place + law.a22 * speed + law.b2 * u
    assert place == pytest.approx(1.0, abs=0.02)
    assert made.delay_s == pytest.approx(400e-6)
    assert 0.0 < made.integrator_gain < made.integrator_gain_limit
