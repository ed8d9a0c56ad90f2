"""The sifting conversation with partners that answer well, late, twice, wrongly or never."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from numpy.typing import NDArray

from config.loader import load_scenario
from config.mission import Mission
from terminal.fields import NO_I64S, NO_U8S
from terminal.qkd.exchange import ESTIMATE_EVERY_S, Exchange, Ledger
from terminal.qkd.finite_key import key_length, key_parameters
from terminal.qkd.sifting import KEPT, Tally, counts_for_key
from terminal.qkd.track_quality import GOOD, POOR
from terminal.quantum_messages import LinkCommand, LinkSample

MISSION = load_scenario("leo_haps_downlink").mission
TIMEOUT_S = MISSION.classical_reply_timeout_s
DT_S = 0.1
START_NS = 10**18


class Reply(NamedTuple):
    """A partner's answer, one entry a click."""

    request: int
    basis: NDArray[np.uint8]
    intensity: NDArray[np.uint8]
    bit: NDArray[np.uint8]


class Partner:
    """Sent at random; keeps key bits back unless asked, tells all others."""

    def __init__(self, seed: int = 0) -> None:
        self.rng = np.random.default_rng(seed)

    def click(self, n: int) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
        slots = np.sort(self.rng.integers(0, 2**40, n))
        return slots, self.rng.integers(0, 4, n).astype(np.uint8)

    def answer(self, c: LinkCommand) -> Reply:
        n = len(c.announce_slot)
        basis = self.rng.integers(0, 2, n).astype(np.uint8)
        bit = self.rng.integers(0, 2, n).astype(np.uint8)
        told = (c.announce_disclose == 1) | (basis != c.announce_basis)
        intensity = self.rng.integers(0, 3, n).astype(np.uint8)
        return Reply(c.request, basis, intensity, np.where(told, bit, KEPT).astype(np.uint8))


class Conversation:
    """Ticks of the link loop."""

    def __init__(self, mission: Mission = MISSION) -> None:
        self.step = Exchange(mission).step
        self.ledger, self.command = Ledger(), LinkCommand()
        self.t_ns = START_NS

    def tick(
        self,
        clicks: tuple[NDArray[np.int64], NDArray[np.uint8]] = (NO_I64S, NO_U8S),
        replies: tuple[Reply, ...] = (),
        dt_s: float = DT_S,
        quality: NDArray[np.uint8] | None = None,
        clicks_off: int = 0,
        key_slots: tuple[int, int, int] = (0, 0, 0),
    ) -> LinkCommand:
        """quality: None: all good."""
        self.t_ns += round(dt_s * 1e9)
        sample = LinkSample(
            self.t_ns,
            *clicks,
            reply_request=np.array([r.request for r in replies], np.int64),
            reply_length=np.array([len(r.basis) for r in replies], np.int64),
            reply_basis=np.concatenate([NO_U8S, *(r.basis for r in replies)]),
            reply_intensity=np.concatenate([NO_U8S, *(r.intensity for r in replies)]),
            reply_bit=np.concatenate([NO_U8S, *(r.bit for r in replies)]),
            quality=np.full(len(clicks[0]), GOOD, np.uint8) if quality is None else quality,
            clicks_off=clicks_off,
            key_slots=np.array(key_slots),
        )
        self.ledger, self.command = self.step(self.ledger, sample, dt_s)
        return self.command

    @property
    def tally(self) -> Tally:
        """Of all that was answered."""
        return self.ledger.counted(POOR)


def settled(tally: Tally) -> int:
    """Clicks that have come to an end other than expiry."""
    return tally.sifted + tally.mismatched + tally.unusable


def test_a_good_answer_settles_its_announcement() -> None:
    partner, talk = Partner(), Conversation()
    asked = talk.tick(partner.click(1000))
    assert (asked.request, asked.pending, asked.detected) == (1, 1, 1000)
    told = talk.tick(replies=(partner.answer(asked),))
    assert (told.request, told.pending, told.expired) == (0, 0, 0)
    assert settled(talk.tally) == 1000
    assert talk.tally.unusable == 0
    assert told.disclosed == sum(talk.tally.disclosed_x) + sum(talk.tally.z)
    assert told.sifted == sum(talk.tally.x) + told.disclosed
    # Half of the bases differ.
    assert talk.tally.mismatched == pytest.approx(500, abs=5 * np.sqrt(250))


def test_all_of_the_check_basis_is_asked_for_and_a_share_of_the_key_basis() -> None:
    asked = Conversation().tick(Partner().click(20_000))
    in_x = asked.announce_basis == 0
    assert asked.announce_disclose[~in_x].all()
    share, n = MISSION.security.disclosed_x_share, np.count_nonzero(in_x)
    sigma = np.sqrt(share * (1.0 - share) / n)
    assert asked.announce_disclose[in_x].mean() == pytest.approx(share, abs=5 * sigma)


def _twice(r: Reply) -> tuple[Reply, ...]:
    return r, r


def _invented(r: Reply) -> tuple[Reply, ...]:
    return r._replace(request=77), r._replace(request=0), r


def _short_then_right(r: Reply) -> tuple[Reply, ...]:
    return Reply(r.request, *(a[:-1] for a in r[1:])), r


def _empty_then_right(r: Reply) -> tuple[Reply, ...]:
    return Reply(r.request, NO_U8S, NO_U8S, NO_U8S), r


@pytest.mark.parametrize("disturb", [_twice, _invented, _short_then_right, _empty_then_right])
def test_what_answers_nothing_changes_nothing(
    disturb: Callable[[Reply], tuple[Reply, ...]],
) -> None:
    partner, good, bad = Partner(), Conversation(), Conversation()
    clicks = partner.click(300)
    reply = partner.answer(good.tick(clicks))
    bad.tick(clicks)
    good.tick(replies=(reply,))
    bad.tick(replies=disturb(reply))
    assert bad.tally == good.tally
    np.testing.assert_array_equal(bad.command.disclosed_counts, good.command.disclosed_counts)
    assert bad.command.pending == 0


def test_no_answer_in_time_is_given_up_and_a_late_one_is_not_counted() -> None:
    partner, talk = Partner(), Conversation()
    reply = partner.answer(talk.tick(partner.click(100)))
    talk.tick(dt_s=TIMEOUT_S)
    assert (talk.command.pending, talk.command.expired) == (1, 0)
    talk.tick(dt_s=0.001)
    assert (talk.command.pending, talk.command.expired) == (0, 1)
    talk.tick(replies=(reply,))
    assert talk.tally == Tally()
    assert talk.command.expired == 1


def test_answers_out_of_order_find_their_announcement() -> None:
    partner, talk = Partner(), Conversation()
    replies = [partner.answer(talk.tick(partner.click(n))) for n in (50, 60, 70)]
    assert talk.command.pending == 3
    talk.tick(replies=tuple(reversed(replies)))
    assert talk.command.pending == 0
    assert settled(talk.tally) == 180
    assert talk.tally.unusable == 0


def test_more_clicks_than_the_channel_takes_are_cut_off() -> None:
    talk = Conversation(replace(MISSION, classical_max_clicks=40))
    slots, channels = Partner().click(100)
    asked = talk.tick((slots, channels))
    np.testing.assert_array_equal(asked.announce_slot, slots[:40])
    assert len(asked.announce_basis) == len(asked.announce_disclose) == asked.detected == 40
    # What was cut off does not come later either.
    assert talk.tick().request == 0


def test_a_disclosed_bit_is_never_key() -> None:
    """A partner that tells all of its bits leaves no key, asked or not."""
    partner, talk = Partner(), Conversation()
    for _ in range(20):
        asked = talk.tick(partner.click(500))
        reply = partner.answer(asked)
        bits = partner.rng.integers(0, 2, len(reply.bit)).astype(np.uint8)
        talk.tick(replies=(reply._replace(bit=bits),))
    assert sum(talk.tally.x) == 0
    assert talk.command.sifted == talk.command.disclosed > 0
    assert talk.command.secret_key_bits == 0.0


def test_the_key_is_that_of_the_counts_and_estimated_now_and_then() -> None:
    talk = Conversation()
    tally = Tally(
        (300_000, 20_000, 100),
        (60_000, 4_000, 20),
        (600, 40, 10),
        (13_000, 1_500, 500),
        (100, 40, 10),
    )
    talk.ledger = talk.ledger._replace(tallies=(tally, Tally()))
    ticks = 0
    while not talk.tick().secret_key_bits:
        ticks += 1
    assert ticks * DT_S == pytest.approx(ESTIMATE_EVERY_S, abs=1.01 * DT_S)
    expected = key_length(counts_for_key(tally), key_parameters(MISSION.source, MISSION.security))
    assert talk.command.secret_key_bits == expected.secret_key_bits
    assert talk.command.phase_error == expected.phase_error_x
    assert talk.command.qber == 0.01


def test_poor_and_good_clicks_are_counted_apart_and_make_the_key_together() -> None:
    partner, talk = Partner(), Conversation()
    quality = partner.rng.integers(POOR, GOOD + 1, 2000).astype(np.uint8)
    clicks = partner.click(2000)
    asked = talk.tick(clicks, quality=quality, clicks_off=17, key_slots=(100, 4_000, 6_000))
    reply = partner.answer(asked)
    told = talk.tick(replies=(reply,))
    assert told.detected_by_quality.tolist() == [17, *np.bincount(quality)[1:]]
    assert told.slots_by_quality.tolist() == [100, 4_000, 6_000]
    assert told.detected == 2000
    # By a plain walk over the answer, against what is told of each quality.
    counts = np.zeros((2, 5, 3), np.int64)
    for q, mine, channel, basis, intensity, bit in zip(
        quality, asked.announce_basis, clicks[1], *reply[1:], strict=True
    ):
        if mine != basis:
            continue
        if mine == 0:
            rows = [0] if bit == KEPT else [3, 4] if bit != channel % 2 else [3]
        else:
            rows = [1, 2] if bit != channel % 2 else [1]
        for row in rows:
            counts[q - 1, row, intensity] += 1
    np.testing.assert_array_equal(told.sifted_by_quality.reshape(2, 5, 3), counts)
    assert told.sifted == counts[:, [0, 1, 3]].sum()


@pytest.mark.parametrize(("least", "counted"), [("poor", 600), ("good", 400)])
def test_the_key_counts_what_was_agreed(least: str, counted: int) -> None:
    """Every click matches and keeps its bit; 200 of them are poor."""
    security = replace(MISSION.security, least_track_quality=least)
    talk = Conversation(replace(MISSION, security=security))
    slots = np.arange(600, dtype=np.int64)
    quality = np.where(slots < 200, POOR, GOOD).astype(np.uint8)
    talk.tick((slots, np.zeros(600, np.uint8)), quality=quality)
    kept = np.full(600, KEPT, np.uint8)
    zeros = np.zeros(600, np.uint8)
    told = talk.tick(replies=(Reply(1, zeros, zeros, kept),))
    assert told.sifted == counted
    # Handed over are all of them, with their quality.
    assert np.bincount(told.sifted_quality).tolist() == [0, 200, 400]
    assert told.sifted_slot.tolist() == slots.tolist()


def test_a_slot_makes_one_bit_also_where_its_clicks_come_in_two_ticks() -> None:
    """The card may hand over one of two clicks up to 0.1 ms behind later ones."""
    talk = Conversation()
    for first, last, new in ((0, 100, range(100)), (90, 110, range(100, 110)), (110, 110, [])):
        slot = np.arange(first, last, dtype=np.int64)
        told = talk.tick((slot, np.full(len(slot), first // 90, np.uint8)))
        assert told.announce_slot.tolist() == [*new]
    late = np.array([109, 111], np.int64)
    assert talk.tick((late, np.zeros(2, np.uint8))).announce_slot.tolist() == [111]
    assert talk.command.detected == 111


def test_slots_of_what_is_never_answered_are_not_counted() -> None:
    partner, talk = Partner(), Conversation()
    lost = talk.tick(partner.click(50), key_slots=(1, 10, 1000))
    talk.tick(dt_s=2.0 * TIMEOUT_S)
    assert talk.command.expired == 1
    # Ticks without a click wait for the next that has some.
    talk.tick(key_slots=(2, 20, 2000))
    reply = partner.answer(talk.tick(partner.click(50), key_slots=(3, 30, 3000)))
    told = talk.tick(replies=(partner.answer(lost)._replace(request=lost.request), reply))
    assert told.slots_by_quality.tolist() == [6, 50, 5000]


def test_slots_of_clicks_that_were_cut_off_are_not_counted() -> None:
    partner, talk = Partner(), Conversation(replace(MISSION, classical_max_clicks=40))
    reply = partner.answer(talk.tick(partner.click(100), key_slots=(0, 0, 10_000)))
    assert talk.tick(replies=(reply,)).slots_by_quality.tolist() == [0, 0, 4_000]


def test_what_is_handed_over_is_what_was_sifted() -> None:
    """Each sifted click once, with our state and the sender's bit."""
    partner, talk = Partner(), Conversation()
    handed: list[tuple[int, ...]] = []
    due: list[tuple[int, ...]] = []
    waiting: list[Reply] = []
    for _ in range(10):
        slots, channels = clicks = partner.click(200)
        told = talk.tick(clicks, tuple(waiting))
        handed += zip(*(a.tolist() for a in told[-5:]), strict=True)
        reply = partner.answer(told)
        waiting = [reply]
        for slot, channel, basis, intensity, bit in zip(slots, channels, *reply[1:], strict=True):
            if channel // 2 == basis:
                due.append((slot, channel, bit, intensity, GOOD))
    told = talk.tick(replies=tuple(waiting))
    handed += zip(*(a.tolist() for a in told[-5:]), strict=True)
    assert handed == due
    assert told.sifted == len(due)


kinds = st.sampled_from(["now", "later", "never", "twice", "short", "garbage", "invented"])


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 30), kinds), max_size=15), st.integers(0, 2**32 - 1))
def test_every_announced_click_ends_exactly_once(story: list[tuple[int, str]], seed: int) -> None:
    """In x, z, mismatched, disclosed, unusable or expired; whatever the partner does."""
    partner, talk = Partner(seed), Conversation(replace(MISSION, classical_max_clicks=25))
    sizes: dict[int, int] = {}
    expired: set[int] = set()

    def tick(n: int, replies: list[Reply], dt_s: float = DT_S) -> LinkCommand:
        before = set(talk.ledger.pending)
        command = talk.tick(partner.click(n), tuple(replies), dt_s)
        answered = {r.request for r in replies if len(r.basis) == sizes.get(r.request)}
        expired.update(before - set(talk.ledger.pending) - answered)
        if command.request:
            sizes[command.request] = len(command.announce_slot)
        return command

    waiting: list[Reply] = []
    for n, kind in story:
        asked = tick(n, waiting)
        reply = partner.answer(asked)
        noise = partner.rng.integers(0, 256, (3, len(reply.basis))).astype(np.uint8)
        waiting = {
            "now": [reply],
            "later": [reply],
            "never": [],
            "twice": [reply, reply],
            "short": [Reply(reply.request, *(a[1:] for a in reply[1:]))],
            "garbage": [Reply(reply.request, *noise)],
            "invented": [reply._replace(request=reply.request + 1000)],
        }[kind]
        if kind == "later":
            tick(0, [], 0.75 * TIMEOUT_S)
    tick(0, [], 10.0 * TIMEOUT_S)
    assert talk.command.pending == 0
    assert talk.command.expired == len(expired)
    assert talk.command.detected == sum(sizes.values())
    lost = sum(sizes[request] for request in expired)
    assert settled(talk.tally) + lost == sum(sizes.values())
