"""The believed offset against offsets that a simulation knows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from terminal.control import beam_offset
from terminal.control.beam_offset import Belief
from terminal.control.beam_width import Sent, mean_share, widths_rad

SENT = Sent(810e-9, 0.15, 12.9e-6, 200e-6)
RANGE_M, JITTER_RAD = 800e3, 2e-6
RATE = 4e7
WIDTHS = widths_rad(SENT)


def reported(
    belief: Belief, width_rad: float, offset_rad: float, gain: float, rng: np.random.Generator
) -> Belief:
    """A second at this width, of a beam that stands so far off through air of this gain."""
    true = RATE * gain * float(mean_share(SENT, width_rad, RANGE_M, JITTER_RAD, offset_rad))
    share = mean_share(SENT, width_rad, RANGE_M, JITTER_RAD, belief.offset_rad)
    counted = int(rng.poisson(true * np.exp(0.05 * rng.normal()) + 50.0))
    return beam_offset.informed(
        beam_offset.wandered(belief, 1.0), counted, RATE * share, np.full(len(share), 0.01), 50.0
    )


def rms_rad(belief: Belief) -> float:
    return beam_offset.offset_rad(belief)


@pytest.mark.parametrize("gain", [0.3, 1.0, 2.0])
def test_two_widths_tell_offset_from_haze(gain: float) -> None:
    """Ten seconds narrow, ten wide, ten narrow: the offset is found whatever the air does."""
    rng = np.random.default_rng(7)
    for offset_rad in (10e-6, 15e-6):
        belief = beam_offset.prior(1e-6)
        for width_rad in (13e-6, 40e-6, 20e-6):
            for _ in range(10):
                belief = reported(belief, width_rad, offset_rad, gain, rng)
        assert rms_rad(belief) == pytest.approx(offset_rad, rel=0.15)


@pytest.mark.parametrize("gain", [0.3, 1.0, 2.0])
def test_haze_alone_does_not_widen_a_beam_that_stands_well(gain: float) -> None:
    rng = np.random.default_rng(8)
    belief = beam_offset.prior(1e-6)
    for _ in range(60):
        belief = reported(belief, 13e-6, 0.5e-6, gain, rng)
    share = mean_share(SENT, WIDTHS[:, None], RANGE_M, JITTER_RAD, belief.offset_rad)
    assert WIDTHS[beam_offset.choose(belief, share).best] < 16e-6


def test_choice_is_the_best_for_a_known_offset() -> None:
    """Belief on one value of the grid: the closed form 2 sqrt(2 b^2 - 4 sigma^2)."""
    belief = beam_offset.prior(1e-6)
    at = int(np.argmin(np.abs(belief.offset_rad - 15e-6)))
    weight = np.zeros_like(belief.weight)
    weight[at, beam_offset.GAINS // 2] = 1.0
    known = belief._replace(weight=weight)
    share = mean_share(SENT, WIDTHS[:, None], RANGE_M, JITTER_RAD, belief.offset_rad)
    choice = beam_offset.choose(known, share)
    best = 2 * np.sqrt(2 * belief.offset_rad[at] ** 2 - 4 * JITTER_RAD**2)
    assert WIDTHS[choice.best] == pytest.approx(best, rel=0.04)
    assert choice.unsure == pytest.approx(0.0, abs=1e-9)
    assert choice.score.max() == 1.0


def test_the_telling_width_costs_little_and_differs() -> None:
    belief = beam_offset.prior(6e-6)
    share = mean_share(SENT, WIDTHS[:, None], RANGE_M, JITTER_RAD, belief.offset_rad)
    choice = beam_offset.choose(belief, share)
    assert choice.unsure > 0.0
    assert choice.telling != choice.best
    assert choice.score[choice.telling] >= beam_offset.LEAST_TELLING


def test_prior_is_that_of_its_sigma() -> None:
    """Without the surprise, the mean square of a Rayleigh offset is 2 sigma^2."""
    share, factor = beam_offset.SURPRISE_SHARE, beam_offset.SURPRISE_FACTOR
    expected = 2e-12 * (1 - share + share * factor**2)
    assert beam_offset.prior(1e-6).mean_square_rad2() == pytest.approx(expected, rel=0.02)


reports = st.tuples(
    st.integers(0, 1 << 53), st.floats(1e-12, 1e12), st.floats(0.0, 1e9), st.floats(0.0, 1e6)
)


@given(st.lists(reports, max_size=8))
def test_no_report_breaks_the_belief(told: list[tuple[int, float, float, float]]) -> None:
    belief = beam_offset.prior(1e-6)
    for counted, rate, noise, spread in told:
        share = mean_share(SENT, 13e-6, RANGE_M, JITTER_RAD, belief.offset_rad)
        belief = beam_offset.informed(
            belief, counted, rate * share, np.full(len(share), spread), noise
        )
        belief = beam_offset.wandered(belief, 1.0)
        assert np.all(np.isfinite(belief.weight))
        assert np.all(belief.weight >= 0.0)
        assert belief.weight.sum() == pytest.approx(1.0)
