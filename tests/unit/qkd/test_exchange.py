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
    ) -> LinkCommand:
        self.t_ns += round(dt_s * 1e9)
        sample = LinkSample(
            self.t_ns,
            *clicks,
            reply_request=np.array([r.request for r in replies], np.int64),
            reply_length=np.array([len(r.basis) for r in replies], np.int64),
            reply_basis=np.concatenate([NO_U8S, *(r.basis for r in replies)]),
            reply_intensity=np.concatenate([NO_U8S, *(r.intensity for r in replies)]),
            reply_bit=np.concatenate([NO_U8S, *(r.bit for r in replies)]),
        )
        self.ledger, self.command = self.step(self.ledger, sample, dt_s)
        return self.command


def settled(tally: Tally) -> int:
    """Clicks that have come to an end other than expiry."""
    in_key_or_check = sum(tally.x) + sum(tally.z)
    return in_key_or_check + tally.disclosed_x + tally.mismatched + tally.unusable


def test_a_good_answer_settles_its_announcement() -> None:
    partner, talk = Partner(), Conversation()
    asked = talk.tick(partner.click(1000))
    assert (asked.request, asked.pending, asked.detected) == (1, 1, 1000)
    told = talk.tick(replies=(partner.answer(asked),))
    assert (told.request, told.pending, told.expired) == (0, 0, 0)
    assert settled(talk.ledger.tally) == 1000
    assert talk.ledger.tally.unusable == 0
    assert told.disclosed == talk.ledger.tally.disclosed_x + sum(talk.ledger.tally.z)
    assert told.sifted == sum(talk.ledger.tally.x) + told.disclosed
    # Half of the bases differ.
    assert talk.ledger.tally.mismatched == pytest.approx(500, abs=5 * np.sqrt(250))


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
    assert bad.ledger.tally == good.ledger.tally
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
    assert talk.ledger.tally == Tally()
    assert talk.command.expired == 1


def test_answers_out_of_order_find_their_announcement() -> None:
    partner, talk = Partner(), Conversation()
    replies = [partner.answer(talk.tick(partner.click(n))) for n in (50, 60, 70)]
    assert talk.command.pending == 3
    talk.tick(replies=tuple(reversed(replies)))
    assert talk.command.pending == 0
    assert settled(talk.ledger.tally) == 180
    assert talk.ledger.tally.unusable == 0


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
    assert sum(talk.ledger.tally.x) == 0
    assert talk.command.sifted == talk.command.disclosed > 0
    assert talk.command.secret_key_bits == 0.0


def test_the_key_is_that_of_the_counts_and_estimated_now_and_then() -> None:
    talk = Conversation()
    tally = Tally((300_000, 20_000, 100), (60_000, 4_000, 20), (600, 40, 10), 15_000, 150)
    talk.ledger = talk.ledger._replace(tally=tally)
    ticks = 0
    while not talk.tick().secret_key_bits:
        ticks += 1
    assert ticks * DT_S == pytest.approx(ESTIMATE_EVERY_S, abs=1.01 * DT_S)
    expected = key_length(counts_for_key(tally), key_parameters(MISSION.source, MISSION.security))
    assert talk.command.secret_key_bits == expected.secret_key_bits
    assert talk.command.phase_error == expected.phase_error_x
    assert talk.command.qber == 0.01


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
    assert settled(talk.ledger.tally) + lost == sum(sizes.values())
