"""Tallies of a partner that receives: the good, the late, the falling and the impossible."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.loader import load_scenario
from terminal.codec import TickCodec
from terminal.fields import NO_I64S, NO_U8S
from terminal.messages import MESSAGES
from terminal.qkd.estimate_flags import EstimateFlag
from terminal.qkd.finite_key import SiftedCounts, key_length, key_parameters
from terminal.qkd.tally import AHEAD_NS, COUNTS, MOST, Book, TallyKeeper, enter, possible
from terminal.quantum_messages import LinkCommand, LinkSample

MISSION = load_scenario("leo_haps_uplink").mission
START_NS = 10**18
SECOND_NS = 10**9

GOOD = (
    1_000_000,
    300_000, 20_000, 300,
    90_000, 6_000, 90,
    900, 80, 45,
    16_000, 240,
    *range(1000, 1016),
)  # fmt: skip
"""Half of the detected are of other bases: they are told in the last sixteen alone."""


def scaled(share: float) -> tuple[int, ...]:
    return tuple(int(share * n) for n in GOOD)


def sample(t_ns: int, *tallies: tuple[int, int, tuple[int, ...]]) -> LinkSample:
    seqs, times, counts = zip(*tallies, strict=True) if tallies else ((), (), ())
    return LinkSample(
        t_ns, NO_I64S, NO_U8S, NO_I64S, NO_I64S, NO_U8S, NO_U8S, NO_U8S,
        tally_seq=np.array(seqs, np.int64),
        tally_t_ns=np.array(times, np.int64),
        tally_counts=np.array(counts, np.int64).ravel(),
    )  # fmt: skip


def told(*tallies: tuple[int, int, tuple[int, ...]]) -> LinkCommand:
    """After these (sequence, seconds, numbers) in one tick."""
    t_ns = START_NS + 100 * SECOND_NS
    shifted = [(seq, START_NS + t_s * SECOND_NS, counts) for seq, t_s, counts in tallies]
    return TallyKeeper(MISSION).step(Book(), sample(t_ns, *shifted), 0.1)[1]


def test_nothing_is_known_before_the_first_tally() -> None:
    for mine, none in zip(told(), LinkCommand(), strict=True):
        np.testing.assert_array_equal(mine, none)


def test_fields_follow_from_the_numbers() -> None:
    c = told((1, 1, GOOD))
    assert (c.detected, c.disclosed_key) == (1_000_000, 16_000)
    assert c.disclosed == 16_000 + 96_090
    assert c.sifted == 320_300 + 96_090 + 16_000
    assert c.qber == 240 / 16_000
    assert c.disclosed_counts.tolist() == list(range(1000, 1016))
    assert (c.request, c.pending, c.tallies_late, c.tallies_refused) == (0, 0, 0, 0)
    assert c.tallied_until_ns == START_NS + SECOND_NS


def test_the_key_is_the_finite_key_of_the_counts() -> None:
    c = told((1, 1, GOOD))
    counts = SiftedCounts(
        (300_000, 20_000, 300), (90_000, 6_000, 90), 240 / 16_000 * 320_300, (900, 80, 45)
    )
    due = key_length(counts, key_parameters(MISSION.source, MISSION.security))
    assert c.secret_key_bits == due.secret_key_bits > 0
    assert c.phase_error == due.phase_error_x


def test_the_newest_wins_however_they_come() -> None:
    first, second, third = ((i, i, scaled(i / 3)) for i in (1, 2, 3))
    in_order = told(first, second, third)
    assert (in_order.detected, in_order.tallies_late) == (1_000_000, 0)
    for tallies, late in (
        ((third, first, second), 2),
        ((first, third, second, third), 2),
        ((third, third), 1),
        ((first, third), 0),
    ):
        c = told(*tallies)
        assert (c.detected, c.secret_key_bits) == (1_000_000, in_order.secret_key_bits)
        assert (c.tallies_late, c.tallies_refused) == (late, 0)


@pytest.mark.parametrize("index", range(COUNTS))
def test_a_count_that_falls_is_refused(index: int) -> None:
    fallen = list(GOOD)
    fallen[index] -= 1
    c = told((1, 1, GOOD), (2, 2, tuple(fallen)), (3, 3, GOOD))
    assert (c.detected, c.tallies_refused) == (GOOD[0], 1)
    assert c.tallied_until_ns == START_NS + 3 * SECOND_NS


@pytest.mark.parametrize(
    ("index", "value"),
    [(0, 432_389), (0, -1), (0, MOST + 1), (7, 90_001), (9, 91), (11, 16_001), (27, 2**63 - 1)],
)
def test_numbers_that_cannot_be_are_refused(index: int, value: int) -> None:
    wrong = list(GOOD)
    wrong[index] = value
    c = told((1, 1, tuple(wrong)))
    assert (c.detected, c.tallies_refused, c.secret_key_bits) == (0, 1, 0.0)


def test_all_that_is_detected_may_be_sifted() -> None:
    assert possible((432_390, *GOOD[1:]))


def test_a_tally_from_the_future_does_not_block_the_true_ones() -> None:
    now_ns = START_NS
    book = enter(Book(), 2**32 - 1, now_ns + AHEAD_NS + 1, GOOD, now_ns)
    assert (book.seq, book.refused) == (-1, 1)
    book = enter(book, 1, now_ns + AHEAD_NS, GOOD, now_ns)
    assert (book.seq, book.refused) == (1, 1)


def test_time_must_grow_with_the_sequence() -> None:
    c = told((1, 5, scaled(0.5)), (2, 5, GOOD), (3, 4, GOOD))
    assert (c.detected, c.tallies_refused) == (500_000, 2)


def test_a_partner_that_starts_anew_never_takes_key_away() -> None:
    keeper, book = TallyKeeper(MISSION), Book()
    keys = []
    for i in range(1, 20):
        share = i / 10 if i <= 10 else (i - 10) / 10
        t_ns = START_NS + i * SECOND_NS
        book, c = keeper.step(book, sample(t_ns, (i, t_ns, scaled(share))), 1.0)
        keys.append(c.secret_key_bits)
    assert keys == sorted(keys)
    assert book.refused == 9


def test_gains_are_of_the_slots_sent_up_to_the_tally() -> None:
    """A billion good key slots a second, and a shutter that was shut for the last ticks; the tally
    counts up to 2.5 s."""
    keeper, book = TallyKeeper(MISSION), Book()
    for k in range(1, 41):
        t_ns = START_NS + k * SECOND_NS // 10
        slots = np.array([0, 0, 10**8] if k <= 35 else [10**8, 0, 0])
        arriving = [(1, START_NS + 5 * SECOND_NS // 2, GOOD)] if k == 40 else []
        book, c = keeper.step(book, sample(t_ns, *arriving)._replace(key_slots=slots), 0.1)
    assert c.slots_by_quality.tolist() == [0, 0, 2_500_000_000]
    source, share = MISSION.source, MISSION.security.disclosed_x_share
    p_x, (signal, decoy, _) = source.basis_x_probability, source.intensity_probabilities
    gain = c.gain.reshape(2, 3)
    assert gain[0, 0] == pytest.approx(300_000 / (1 - share) / (2.5e9 * p_x * signal))
    assert gain[1, 1] == pytest.approx(6_000 / (2.5e9 * (1 - p_x) * decoy))
    assert c.error_rate.reshape(2, 3)[1].tolist() == [0.01, 80 / 6000, 0.5]
    assert np.isnan(c.error_rate.reshape(2, 3)[0]).all()


def test_counts_that_speak_against_themselves_are_flagged() -> None:
    swapped = list(GOOD)
    swapped[7], swapped[11] = 89_000, 15_000
    c = told((1, 1, tuple(swapped)))
    flags = EstimateFlag.KEY_ERRORS_ABOVE_HALF | EstimateFlag.CHECK_ERRORS_ABOVE_HALF
    assert (c.estimate_flags, c.secret_key_bits) == (flags, 0.0)
    empty = (*GOOD[:4], 0, 0, 0, 0, 0, 0, *GOOD[10:])
    c = told((1, 1, empty))
    assert (c.estimate_flags, c.secret_key_bits) == (EstimateFlag.NO_CHECK_BASIS, 0.0)


numbers = st.integers(-(2**63), 2**63 - 1) | st.integers(0, 1000)
tallies = st.tuples(
    st.integers(0, 2**32 - 1) | st.integers(0, 5),
    numbers | st.integers(START_NS - 10, START_NS + 10),
    st.tuples(*[numbers] * COUNTS) | st.floats(0, 1).map(scaled),
)


@given(st.lists(st.lists(tallies, max_size=4), max_size=5))
def test_any_numbers_give_a_command_that_can_be_recorded(ticks) -> None:
    keeper, book, before = TallyKeeper(MISSION), Book(), LinkCommand()
    codec = TickCodec(MESSAGES["link"])
    for i, arriving in enumerate(ticks):
        s = sample(START_NS + i, *arriving)
        book, c = keeper.step(book, s, 0.1)
        codec.pack(i, s, c)
        assert c.detected >= before.detected
        assert c.sifted <= c.detected
        assert 0 <= c.qber <= 1
        assert np.all(c.disclosed_counts >= before.disclosed_counts)
        judged = c.tallies_late + c.tallies_refused
        judged -= before.tallies_late + before.tallies_refused
        assert 0 <= judged <= len(arriving)
        before = c
