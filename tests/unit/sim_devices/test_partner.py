"""The partner: what it tells and what it keeps, and when it loses us."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from config.loader import load_scenario
from sim_devices.partner import KEPT, LOST_AFTER_S, Partner
from sim_devices.sender import Sender

SCENARIO = load_scenario("leo_haps_downlink")
SOURCE = structs.replace(SCENARIO.mission.source, pattern_length=1024)
TRUTH = SCENARIO.world.partner
SENT = 10_000


def partner(sent: int = SENT) -> Partner:
    return Partner(TRUTH, Sender(SOURCE, 3), lambda: sent)


slots = st.integers(-(2**40), 2**40) | st.integers(0, SENT + 10)
bits = st.integers(0, 1)
announced = st.lists(st.tuples(slots, bits, bits), max_size=50)


@settings(deadline=None)
@given(announced)
def test_answers_keep_the_key(clicks: list[tuple[int, int, int]]) -> None:
    slot = np.array([c[0] for c in clicks], np.int64)
    basis, disclose = (np.array([c[i] for c in clicks], np.uint8) for i in (1, 2))
    own, intensity, bit = partner().answer(slot, basis, disclose)
    assert own.dtype == intensity.dtype == bit.dtype == np.uint8
    for i, (number, asked_basis, asked) in enumerate(clicks):
        if not 0 <= number < SENT:
            # Worthless: vacuum, the other basis, and a bit that tells nothing.
            assert (own[i], intensity[i], bit[i]) == (1 - asked_basis, 2, 0)
            continue
        sent = Sender(SOURCE, 3).slots(np.array([number]))
        state = int(sent.state[0])
        assert own[i] == state >> 1
        assert intensity[i] == sent.intensity[0]
        if asked or state >> 1 != asked_basis:
            assert bit[i] == state & 1
        else:
            assert bit[i] == KEPT


def test_slots_to_come_tell_nothing_of_what_will_be_sent() -> None:
    slot = np.arange(SENT, SENT + 4096)
    for basis in (0, 1):
        told = partner().answer(slot, np.full(4096, basis, np.uint8), np.ones(4096, np.uint8))
        assert all(len(np.unique(column)) == 1 for column in told)


def test_the_beam_stays_on_us_while_our_beacon_is_seen() -> None:
    p = partner()
    assert p.offset_rad == TRUTH.untracked_offset_rad
    p.light(TRUTH.uplink_threshold, 0.01)
    assert p.offset_rad == 0.0
    dark = 0.0
    while p.offset_rad == 0.0:
        p.light(TRUTH.uplink_threshold - 1e-6, 0.01)
        dark += 0.01
    assert dark == pytest.approx(LOST_AFTER_S, abs=0.011)
    assert p.offset_rad == TRUTH.untracked_offset_rad
    p.light(1.0, 0.01)
    assert p.offset_rad == 0.0


def test_a_flicker_is_ridden_out() -> None:
    p = partner()
    for _ in range(100):
        p.light(1.0, 0.01)
        p.light(0.0, 0.15)
        assert p.offset_rad == 0.0
