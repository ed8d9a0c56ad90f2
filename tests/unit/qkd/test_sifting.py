"""Sifting against a plain loop over clicks, and what must never be in the key."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from terminal.qkd.finite_key import KeyParameters, key_length
from terminal.qkd.sifting import (
    KEPT,
    Tally,
    accumulate,
    basis_of,
    bit_of,
    choose_disclosed,
    counts_for_key,
    disclosed_states,
    matching,
    one_click_a_slot,
    together,
)

PARAMS = KeyParameters((0.6, 0.15, 0.0), (0.7, 0.2, 0.1), 1e-9, 1e-15, 1.16)


def u8(*values):
    return np.array(values, dtype=np.uint8)


def test_states_are_h_v_d_a():
    channel = u8(0, 1, 2, 3)
    assert basis_of(channel).tolist() == [0, 0, 1, 1]
    assert bit_of(channel).tolist() == [0, 1, 0, 1]


@pytest.mark.parametrize(
    ("basis", "bit", "sender", "expected"),
    [
        (0, 0, (0, 0, KEPT), Tally(x=(1, 0, 0))),
        (0, 1, (0, 2, KEPT), Tally(x=(0, 0, 1))),
        (0, 1, (0, 1, 1), Tally(disclosed_x=(0, 1, 0))),
        (0, 1, (0, 1, 0), Tally(disclosed_x=(0, 1, 0), errors_disclosed_x=(0, 1, 0))),
        (1, 0, (1, 1, 0), Tally(z=(0, 1, 0))),
        (1, 0, (1, 1, 1), Tally(z=(0, 1, 0), z_errors=(0, 1, 0))),
        (1, 0, (1, 1, KEPT), Tally(unusable=1)),
        (0, 0, (1, 0, 1), Tally(mismatched=1)),
        (1, 0, (0, 0, KEPT), Tally(mismatched=1)),
        (0, 0, (2, 0, 0), Tally(unusable=1)),
        (0, 0, (0, 3, 0), Tally(unusable=1)),
        (0, 0, (0, 0, 7), Tally(unusable=1)),
    ],
)
def test_one_click(basis, bit, sender, expected):
    assert accumulate(Tally(), u8(basis), u8(bit), *(u8(v) for v in sender)) == expected


codes = st.sampled_from([0, 0, 0, 1, 1, 1, 2, 3, 200, KEPT])
clicks = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1), codes, codes, codes))


def _columns(rows):
    return [u8(*(row[i] for row in rows)) for i in range(5)]


@given(clicks, clicks)
def test_every_click_is_counted_once_and_parts_add_up(first, second):
    whole = accumulate(Tally(), *_columns(first + second))
    apart = accumulate(accumulate(Tally(), *_columns(first)), *_columns(second))
    assert whole == apart
    counted = whole.sifted + whole.mismatched + whole.unusable
    assert counted == len(first) + len(second)


@given(clicks)
def test_no_disclosed_bit_is_in_the_key(rows):
    tally = accumulate(Tally(), *_columns(rows))
    kept = [row for row in rows if row[0] == 0 and row[2] == 0 and row[3] <= 2 and row[4] == KEPT]
    assert sum(tally.x) == len(kept)


@given(clicks)
def test_states_agree_with_errors(rows):
    basis, bit, s_basis, _, s_bit = columns = _columns(rows)
    columns[3] = np.zeros_like(columns[3])
    tally = accumulate(Tally(), *columns)
    states = disclosed_states(basis, bit, s_basis, s_bit).reshape(4, 4)
    assert sum(tally.disclosed_x) == states[:2, :2].sum()
    assert sum(tally.errors_disclosed_x) == states[0, 1] + states[1, 0]
    assert sum(tally.z) == states[2:, 2:].sum()
    assert sum(tally.z_errors) == states[2, 3] + states[3, 2]


@given(clicks, clicks)
def test_two_tallies_together_are_those_of_all_clicks(first, second):
    apart = [accumulate(Tally(), *_columns(rows)) for rows in (first, second)]
    assert together(*apart) == accumulate(Tally(), *_columns(first + second))


@given(clicks)
def test_what_is_handed_over_is_what_the_tally_calls_sifted(rows):
    basis, _, *theirs = columns = _columns(rows)
    assert np.count_nonzero(matching(basis, *theirs)) == accumulate(Tally(), *columns).sifted


def test_answer_of_the_wrong_length_is_counted_whole():
    tally = accumulate(Tally(), u8(0, 1, 0), u8(0, 0, 0), u8(0), u8(0, 0, 0), u8(0, 0, 0))
    assert tally == Tally(unusable=3)


def test_our_own_mistake_is_raised():
    with pytest.raises(ValueError, match="bit"):
        accumulate(Tally(), u8(0, 1), u8(0), u8(0), u8(0), u8(0))


def test_key_errors_are_estimated_from_the_disclosed_sample():
    tally = Tally((800, 150, 50), (9, 8, 7), (3, 2, 1), (150, 40, 10), (2, 1, 0))
    counts = counts_for_key(tally)
    assert counts.x == (800, 150, 50)
    assert counts.z == (9, 8, 7)
    assert counts.z_errors == (3, 2, 1)
    assert counts.x_errors == pytest.approx(1000 * 3 / 200)


def test_without_sample_no_key():
    tally = Tally((800_000, 60_000, 300), (90_000, 7_000, 35), (9, 1, 0))
    assert key_length(counts_for_key(tally), PARAMS).secret_key_bits == 0
    assert key_length(counts_for_key(Tally()), PARAMS).secret_key_bits == 0


@pytest.mark.parametrize("share", [0.02, 0.1, 0.5])
@pytest.mark.parametrize("stride", [1, 7, 4096, 1 << 21])
def test_disclosed_share_is_as_asked_at_any_stride(share, stride):
    slots = np.arange(200_000, dtype=np.int64) * stride + 3
    chosen = choose_disclosed(slots, share)
    sigma = np.sqrt(share * (1 - share) / slots.size)
    assert abs(chosen.mean() - share) < 5 * sigma


def test_choice_depends_on_the_slot_alone():
    slots = np.array([5, 9, 2**62, 5, 0], dtype=np.int64)
    chosen = choose_disclosed(slots, 0.5)
    assert chosen.dtype == np.uint8
    assert chosen[0] == chosen[3]
    np.testing.assert_array_equal(choose_disclosed(slots[::-1], 0.5), chosen[::-1])


def test_all_or_none():
    slots = np.arange(1000, dtype=np.int64)
    assert choose_disclosed(slots, 1.0).all()
    assert not choose_disclosed(slots, 0.0).any()
    with pytest.raises(ValueError, match="share"):
        choose_disclosed(slots, 1.5)


def test_a_larger_share_only_adds():
    slots = np.arange(10_000, dtype=np.int64)
    few, many = choose_disclosed(slots, 0.1), choose_disclosed(slots, 0.3)
    assert np.all(many[few == 1] == 1)


def test_hash_is_splitmix64():
    """First outputs of splitmix64 seeded with 0 (Vigna's reference implementation)."""
    first = [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]
    golden = 0x9E3779B97F4A7C15
    slots = np.array([0, golden, (2 * golden) % 2**64], dtype=np.uint64).view(np.int64)
    for slot, output in zip(slots, first, strict=True):
        one = np.array([slot], dtype=np.int64)
        u = (output >> 11) * 2.0**-53
        assert choose_disclosed(one, np.nextafter(u, 1))[0] == 1
        assert choose_disclosed(one, u)[0] == 0


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 3)), max_size=60))
def test_one_click_of_each_slot_stays(clicks: list[tuple[int, int]]) -> None:
    slot = np.array([s for s, _ in clicks], np.int64)
    channel = np.array([c for _, c in clicks], np.uint8)
    kept = one_click_a_slot(slot, channel)
    kept_slot, kept_channel = slot[kept], channel[kept]
    assert kept_slot.tolist() == sorted(set(slot.tolist()))
    assert set(zip(kept_slot.tolist(), kept_channel.tolist(), strict=True)) <= set(clicks)


def test_which_click_of_a_pair_stays_is_a_fair_coin() -> None:
    n = 40_000
    slot = np.repeat(np.arange(n, dtype=np.int64), 2)
    channel = np.tile(np.array([0, 1], np.uint8), n)
    kept = one_click_a_slot(slot, channel)
    # Five standard deviations of a fair coin.
    assert abs(int(channel[kept].sum()) - n / 2) < 5 * (n / 4) ** 0.5
