"""The pair source against quantum mechanics: Born's rule in Jones calculus, Bell's bound, and no
signal from one arm to the other."""

import math
from typing import NamedTuple

import numpy as np
import pytest
from msgspec import structs
from numpy.typing import NDArray
from scipy.stats import chi2_contingency, chisquare, poisson

from config.loader import load_scenario
from config.mission import Pairs, Source, Track
from config.pattern import NOT_PUBLIC, public_pattern
from sim_devices.light import STEPS_PER_GRID
from sim_devices.pair_source import BLOCK_SLOTS, PairArm, SharedPairs, correlations
from sim_devices.partner import Partner
from sim_devices.polarization_optics import splitter, stokes_to_channels
from sim_devices.sender import NO_PULSE, Sender

TRACK = Track(35.0, 139.0, 1000.0, 15.0, 60.0, 0.0)
SOURCE = Source(
    wavelength_m=810e-9,
    pulse_rate_hz=200e6,
    intensities=(0.7, 0.15, 0.0),
    intensity_probabilities=(0.7, 0.2, 0.1),
    basis_x_probability=0.5,
    public_share=0.1,
    pattern_length=2**20,
    pattern_seed=20161219,
    pairs=Pairs(0.02, 1.0, TRACK),
)
P_LEAST = 1e-4
SLOTS = 4 * BLOCK_SLOTS
ALIGNED = stokes_to_channels(0.0, 0.0, 0.0, 0.0, 0.5)
SIGN = np.array([1, -1])


class Clicks(NamedTuple):
    slot: NDArray[np.int64]
    channel: NDArray[np.uint8]


def arm(pairs: Pairs, bound: float, seed: int = 1, rng: int = 0) -> PairArm:
    return PairArm(SOURCE, pairs, seed, bound, np.random.default_rng(rng))


def both(
    analysers: tuple[NDArray[np.float64], NDArray[np.float64]],
    transmittances: tuple[float, float] = (1.0, 1.0),
    pairs: Pairs | None = None,
    bound: float = 1.0,
    slots: int = SLOTS,
) -> tuple[Clicks, Clicks]:
    """Clicks of both arms, the first flown first."""
    pairs = pairs or Pairs(0.02, 1.0, TRACK)
    a, b = (arm(pairs, bound, rng=i) for i in range(2))
    b.other = a.left
    first, second = (
        Clicks(*end.signal(0, np.full(4, level), slots / 4, analyser))
        for end, level, analyser in zip((a, b), transmittances, analysers, strict=True)
    )
    return first, second


def joint(first: Clicks, second: Clicks) -> NDArray[np.int64]:
    """(4, 4) slots with exactly one click at each end."""

    def alone(clicks: Clicks) -> Clicks:
        slot, at, count = np.unique(clicks.slot, return_index=True, return_counts=True)
        return Clicks(slot[count == 1], clicks.channel[at[count == 1]])

    a, b = alone(first), alone(second)
    _, i, j = np.intersect1d(a.slot, b.slot, assume_unique=True, return_indices=True)
    cell = 4 * a.channel[i].astype(int) + b.channel[j]
    return np.bincount(cell, minlength=16).reshape(4, 4)


def chsh(table: NDArray[np.int64]) -> tuple[float, float]:
    """S and its standard deviation for a first analyser turned by +22.5 degrees."""
    blocks = table.reshape(2, 2, 2, 2).swapaxes(1, 2)
    n = blocks.sum(axis=(2, 3))
    e = np.einsum("abij,i,j->ab", blocks, SIGN, SIGN) / n
    s = e[0, 0] + e[1, 1] + e[0, 1] - e[1, 0]
    return float(s), math.sqrt(float(((1 - e**2) / n).sum()))


def turned(angle_rad: float) -> NDArray[np.float64]:
    """An ideal analyser whose axes stand at this angle in the sender's frame."""
    return stokes_to_channels(-angle_rad, 0.0, 0.0, 0.0, 0.5)


@pytest.mark.parametrize("fidelity", [1.0, 0.9, 0.625])
def test_an_ideal_run_violates_the_bell_inequality_by_the_states_amount(fidelity: float) -> None:
    s, sigma = chsh(
        joint(*both((turned(math.pi / 8), ALIGNED), pairs=Pairs(0.05, fidelity, TRACK)))
    )
    assert sigma < 0.01
    assert s == pytest.approx((4 * fidelity - 1) / 3 * 2 * math.sqrt(2), abs=4 * sigma)


def _jones_elements(frame_rad: float, plate_rad: float, phase_rad: float, error: float) -> list:
    """POVM elements of H V D A in the sender's frame, basis choice left out, from Jones matrices of
    rotation, retarder and half-wave plate, and a detector that answers wrongly now and then."""

    def rotation(angle: float) -> NDArray[np.complex128]:
        c, s = math.cos(angle), math.sin(angle)
        return np.array([[c, -s], [s, c]], complex)

    # Linear light along x leads: it has the later phase less far on.
    retarder = np.diag([np.exp(0.5j * phase_rad), np.exp(-0.5j * phase_rad)])
    plate = rotation(plate_rad) @ np.diag([1, -1]) @ rotation(-plate_rad)
    way = plate @ retarder @ rotation(frame_rad)
    elements = []
    for axis_rad in (0.0, math.pi / 2, -math.pi / 4, math.pi / 4):
        along = way.conj().T @ np.array([math.cos(axis_rad), math.sin(axis_rad)])
        projector = np.outer(along, along.conj())
        elements.append((1 - error) * projector + error * (np.eye(2) - projector))
    return elements


def _werner(fidelity: float) -> NDArray[np.complex128]:
    phi_plus = np.array([1, 0, 0, 1]) / math.sqrt(2)
    pure = np.outer(phi_plus, phi_plus)
    return np.asarray(fidelity * pure + (1 - fidelity) / 3 * (np.eye(4) - pure), complex)


@pytest.mark.parametrize(
    ("first", "second", "fidelity"),
    [
        ((0.0, 0.0, 0.0, 0.0), (0.0, 0.0, 0.0, 0.0), 0.95),
        ((0.4, 0.1, 0.0, 0.0), (-0.7, 0.3, 0.0, 0.01), 1.0),
        # Phases on both sides: they would undo each other if Phi+ had S3 the other way round.
        ((0.2, 0.1, 0.9, 0.02), (0.2, 0.1, 0.9, 0.0), 0.98),
        ((1.1, -0.4, -0.6, 0.0), (0.3, 0.6, 1.3, 0.0), 0.9),
    ],
)
def test_joint_outcomes_are_borns_rule_in_jones_calculus(
    first: tuple[float, float, float, float],
    second: tuple[float, float, float, float],
    fidelity: float,
) -> None:
    analysers = stokes_to_channels(*first, 0.5), stokes_to_channels(*second, 0.5)
    table = joint(*both(analysers, pairs=Pairs(0.05, fidelity, TRACK)))
    rho = _werner(fidelity)
    due = np.array(
        [
            [0.25 * np.trace(rho @ np.kron(e, f)).real for f in _jones_elements(*second)]
            for e in _jones_elements(*first)
        ]
    )
    assert due.sum() == pytest.approx(1.0)
    seen = due.ravel() > 1e-9
    assert table.ravel()[~seen].sum() == 0
    assert chisquare(table.ravel()[seen], due.ravel()[seen] * table.sum()).pvalue > P_LEAST


def test_whichever_arm_is_flown_first_the_outcomes_are_the_same() -> None:
    uneven = splitter(0.7, 0.02, efficiency=(0.5, 1.0, 0.8, 0.6), leak=(0.01, 0.0, 0.02, 0.0))
    tilted = stokes_to_channels(0.5, 0.1, 0.7, 0.0, 0.4)
    pairs = Pairs(0.02, 0.95, TRACK)
    one = joint(*both((uneven, tilted), (0.9, 0.7), pairs))
    other = joint(*both((tilted, uneven), (0.7, 0.9), pairs)).T
    assert min(one.sum(), other.sum()) > 20_000
    assert chi2_contingency([one.ravel(), other.ravel()]).pvalue > P_LEAST


def test_nothing_that_one_arm_does_shows_in_the_other() -> None:
    """No signalling: not by its angle, its loss, or detectors that favour one polarisation."""
    one_eyed = splitter(0.5, 0.0, efficiency=(0.1, 1.0, 1.0, 0.2))
    counts = []
    for analyser, level in ((ALIGNED, 1.0), (turned(0.6), 0.3), (one_eyed, 1.0)):
        _, second = both((analyser, turned(0.2)), (level, 0.5))
        counts.append(np.bincount(second.channel, minlength=4))
        assert chisquare(counts[-1]).pvalue > P_LEAST
    assert chi2_contingency(counts).pvalue > P_LEAST


def test_a_partner_of_a_photon_that_clicked_nowhere_is_polarised_by_that() -> None:
    """All that H catches is missing among the rest: post-selection on no click at an end that has
    only an H detector leaves the other end in V, H being caught each time."""
    only_h = np.zeros((4, 4))
    only_h[0] = [0.5, 0.5, 0.0, 0.0]
    first, second = both((only_h, splitter(1.0 - 1e-12, 0.0)), pairs=Pairs(0.001, 1.0, TRACK))
    alone = ~np.isin(second.slot, first.slot)
    assert np.bincount(second.channel[alone], minlength=4)[0] <= 5
    assert np.count_nonzero(alone) > 1000


def test_rates_follow_the_transmittances_and_keep_clear_of_public_slots() -> None:
    mean, levels, bound = 0.02, (0.1, 0.25), 0.3
    first, second = both((ALIGNED, ALIGNED), levels, Pairs(mean, 1.0, TRACK), bound)
    pattern = public_pattern(2**20, 0.1, 20161219)
    key = SLOTS * float(np.mean(pattern == NOT_PUBLIC))
    for clicks, level in zip((first, second), levels, strict=True):
        assert np.all(pattern[clicks.slot % 2**20] == NOT_PUBLIC)
        due = key * mean * level
        assert len(clicks.slot) == pytest.approx(due, abs=4.5 * math.sqrt(due))
        assert chisquare(np.bincount(clicks.channel, minlength=4)).pvalue > P_LEAST
    # Both photons of a pair, or photons of two pairs in a slot: exactly one at each end.
    both_arrive = mean * levels[0] * levels[1]
    alone = [mean * levels[i] * (1 - levels[1 - i]) for i in range(2)]
    due = key * (both_arrive + alone[0] * alone[1]) * math.exp(-both_arrive - sum(alone))
    assert joint(first, second).sum() == pytest.approx(due, abs=4.5 * math.sqrt(due))


def test_numbers_of_pairs_are_poissonian() -> None:
    shared = SharedPairs(SOURCE, Pairs(0.5, 1.0, TRACK), 3, 1.0)
    slot = shared.block(0)
    numbers = np.bincount(slot, minlength=BLOCK_SLOTS)
    key = public_pattern(2**20, 0.1, 20161219) == NOT_PUBLIC
    seen = np.bincount(numbers[key], minlength=6)
    due = poisson.pmf(np.arange(6), 0.5) * key.sum()
    seen, due = np.append(seen[:5], seen[5:].sum()), np.append(due[:5], key.sum() - due[:5].sum())
    assert chisquare(seen, due).pvalue > P_LEAST


def test_both_arms_see_the_same_pairs_however_their_blocks_fall() -> None:
    pairs = Pairs(0.02, 1.0, TRACK)
    a, b = arm(pairs, 1.0), arm(pairs, 1.0, rng=1)
    b.other = a.left
    total = 2 * BLOCK_SLOTS
    first = Clicks(*a.signal(0, np.ones(STEPS_PER_GRID), total / STEPS_PER_GRID, ALIGNED))
    parts = []
    for begin, end in ((0, 1000), (1000, BLOCK_SLOTS - 7), (BLOCK_SLOTS - 7, total)):
        parts.append(Clicks(*b.signal(begin, np.ones(1), end - begin, ALIGNED)))
    second = Clicks(*(np.concatenate(column) for column in zip(*parts, strict=True)))
    table = joint(first, second)
    assert np.array_equal(np.unique(first.slot), np.unique(second.slot))
    # The same basis at both ends: the same outcome, every time.
    assert table[0, 1] == table[1, 0] == table[2, 3] == table[3, 2] == 0
    assert table.diagonal().min() > 4000


def test_darkness_and_empty_blocks_give_nothing() -> None:
    a = arm(Pairs(0.02, 1.0, TRACK), 0.3)
    assert len(a.signal(0, np.zeros(5), 1000.0, ALIGNED)[0]) == 0
    assert len(a.signal(0, np.full(5, 0.1), 0.0, ALIGNED)[0]) == 0


def test_more_light_than_there_is_cannot_arrive() -> None:
    first, _ = both((ALIGNED, ALIGNED), (5.0, 0.1), bound=0.3)
    due = SLOTS * 0.9 * 0.02 * 0.3
    assert len(first.slot) == pytest.approx(due, abs=5 * math.sqrt(due) + 1e-3 * due)


def test_without_fidelity_there_is_no_correlation() -> None:
    assert np.array_equal(correlations(0.25), np.zeros((3, 3)))
    assert correlations(1.0).diagonal() == pytest.approx([1.0, 1.0, -1.0])


def test_a_sender_of_pairs_pulses_in_public_slots_alone() -> None:
    sent = Sender(SOURCE, 1).slots(np.arange(100_000))
    assert np.all((sent.intensity == NO_PULSE) == ~sent.public)
    keyed = Sender(structs.replace(SOURCE, pairs=None), 1).slots(np.arange(100_000))
    assert np.array_equal(sent.state, keyed.state)
    assert set(keyed.intensity.tolist()) == {0, 1, 2}


def test_a_sender_of_pairs_has_nothing_to_tell_of_them() -> None:
    truth = load_scenario("haps_two_laps").world.partner
    partner = Partner(truth, Sender(SOURCE, 1), lambda: 10_000)
    slot = np.arange(10_000)
    public = Sender(SOURCE, 1).slots(slot).public
    asked = np.zeros(10_000, np.uint8)
    basis, intensity, bit = partner.answer(slot, asked, asked + 1)
    assert np.all((intensity == 2) == ~public)
    assert np.all(basis[~public] == 1)
    assert not bit[~public].any()
