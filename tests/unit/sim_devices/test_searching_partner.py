"""The searching partner against its own geometry, and against a beacon that comes and goes."""

import math

import numpy as np
import pytest

from config.world import PartnerSearch
from sim_devices.searching_partner import SEEN, TELL_EVERY_S, YOUR_TURN, SearchingPartner

DT_S = 0.01
T0_NS = 10**15


class Talk:
    def __init__(self, begins: str, error_rad: float = 0.0) -> None:
        self.told: list[tuple[int, int]] = []
        truth = PartnerSearch(
            begins=begins,  # type: ignore[arg-type]
            pointing_error_rad=error_rad,
            beacon_divergence_rad=5e-3,
            field_rad=20e-3,
        )
        self.truth = truth
        self.partner = SearchingPartner(
            truth, lambda kind, t_ns: self.told.append((kind, t_ns)), np.random.default_rng(3)
        )
        self.steps = 0

    @property
    def t_ns(self) -> int:
        return T0_NS + self.steps * 10_000_000

    def run(self, seconds: float, lit: bool) -> None:
        for _ in range(round(seconds / DT_S)):
            self.steps += 1
            self.partner.step(self.t_ns, lit, DT_S)

    def noted(self, kind: int, ago_s: float) -> None:
        self.partner.noted(kind, self.t_ns - round(ago_s * 1e9), self.t_ns)

    @property
    def moves(self) -> bool:
        before = self.partner.off_rad
        self.run(0.2, lit=False)
        return self.partner.off_rad != before


def test_who_stares_answers_a_beacon_that_stays_and_no_flicker() -> None:
    talk = Talk("stare", 2e-3)
    off = talk.partner.off_rad
    assert 0.0 < off < 10e-3
    assert talk.partner.beacon_fraction == pytest.approx(math.exp(-2.0 * (off / 2.5e-3) ** 2))
    talk.run(0.1, lit=True)
    talk.run(0.1, lit=False)
    assert talk.told == []
    talk.run(0.2, lit=True)
    assert [kind for kind, _ in talk.told] == [SEEN]
    assert talk.partner.beacon_fraction == 1.0
    # It forgets us a second after we have gone, not at once.
    talk.run(0.9, lit=False)
    assert talk.partner.follows
    talk.run(0.2, lit=False)
    assert not talk.partner.follows


def test_it_says_again_and_again_when_it_saw_us_for_twice_as_long_as_a_stay_lasts() -> None:
    talk = Talk("stare")
    talk.run(0.3, lit=True)
    talk.run(10.0, lit=False)
    ((kind, sighted_ns),) = set(talk.told)
    assert kind == SEEN
    # Confirmed in the step in which 0.12 s were full.
    assert (sighted_ns - T0_NS) * 1e-9 == pytest.approx(talk.truth.confirm_s, abs=1.1 * DT_S)
    expected = 2.0 * talk.truth.return_s / TELL_EVERY_S
    assert expected <= len(talk.told) <= expected + 1


def test_a_beacon_outside_of_its_field_is_not_seen() -> None:
    talk = Talk("stare", 1.0)
    talk.run(5.0, lit=True)
    assert not talk.partner.follows
    assert talk.told == []


def test_its_scan_passes_within_half_a_spacing_of_every_place() -> None:
    talk = Talk("scan")
    rng = np.random.default_rng(1)
    path = []
    while not talk.told:
        talk.run(DT_S, lit=False)
        path.append(talk.partner._spiral(talk.partner._scan_s))
    assert talk.told[0][0] == YOUR_TURN
    way = np.array(path[:-1])
    radius = 0.9 * talk.truth.scan_radius_rad
    angle, r = rng.uniform(0, 2 * math.pi, 200), radius * np.sqrt(rng.uniform(0, 1, 200))
    places = np.column_stack([r * np.cos(angle), r * np.sin(angle)])
    nearest = np.linalg.norm(places[:, None] - way[None], axis=2).min(axis=1)
    assert nearest.max() < 0.5 * talk.truth.scan_spacing_rad + 0.5 * DT_S * 20e-3


class TestGoingBack:
    @pytest.mark.parametrize("ago_s", [0.05, 0.5, 1.5])
    def test_told_when_it_was_seen_it_goes_back_there(self, ago_s: float) -> None:
        talk = Talk("scan")
        talk.run(2.0, lit=False)
        there = talk.partner.off_rad
        talk.run(ago_s, lit=False)
        talk.noted(SEEN, ago_s)
        talk.run(DT_S, lit=False)
        assert talk.partner.off_rad == there
        # Without our beacon it goes on with its scan after a while.
        talk.run(talk.truth.return_s + 0.1, lit=False)
        assert talk.moves

    def test_the_same_note_again_does_not_hold_it(self) -> None:
        talk = Talk("scan")
        talk.run(2.0, lit=False)
        sighted_ns = talk.t_ns
        talk.partner.noted(SEEN, sighted_ns, talk.t_ns)
        talk.run(talk.truth.return_s + 0.1, lit=False)
        talk.partner.noted(SEEN, sighted_ns, talk.t_ns)
        assert talk.moves

    @pytest.mark.parametrize("ago_s", [-0.1, -1e6, 5.0, 1e5])
    def test_a_time_that_is_none_of_its_search_says_nothing(self, ago_s: float) -> None:
        talk = Talk("scan")
        talk.run(2.0, lit=False)
        talk.noted(SEEN, ago_s)
        assert talk.moves


class TestTurns:
    def test_they_change_by_note_and_by_time(self) -> None:
        talk = Talk("stare")
        talk.run(1.0, lit=False)
        assert talk.partner.off_rad == 0.0
        talk.noted(YOUR_TURN, 0.0)
        assert talk.moves
        other = Talk("stare")
        other.run(other.truth.stare_s + 1.0, lit=False)
        assert other.partner.off_rad > 0.0

    @pytest.mark.parametrize("ago_s", [-1.0, 31.0, 1e6])
    def test_a_word_from_the_future_or_of_long_ago_does_not_count(self, ago_s: float) -> None:
        talk = Talk("stare")
        talk.run(1.0, lit=False)
        talk.noted(YOUR_TURN, ago_s)
        assert not talk.moves

    @pytest.mark.parametrize(("ago_s", "counts"), [(2.0, False), (0.1, True)])
    def test_of_two_words_the_newest_counts(self, ago_s: float, counts: bool) -> None:
        talk = Talk("scan")
        while not talk.told:
            talk.run(DT_S, lit=False)
        talk.run(1.0, lit=False)
        assert not talk.moves
        # Its own is of 1.2 s ago.
        talk.noted(YOUR_TURN, ago_s)
        assert talk.moves is counts

    def test_its_own_is_repeated_until_it_scans(self) -> None:
        talk = Talk("scan")
        while not talk.told:
            talk.run(DT_S, lit=False)
        talk.run(3.0, lit=False)
        assert len(talk.told) == 7
        assert len(set(talk.told)) == 1

    def test_who_has_just_seen_us_waits(self) -> None:
        talk = Talk("stare")
        talk.run(0.3, lit=True)
        talk.run(1.5, lit=False)
        talk.noted(YOUR_TURN, 0.0)
        assert not talk.moves
        talk.run(2.0 * talk.truth.return_s, lit=False)
        talk.noted(YOUR_TURN, 0.0)
        assert talk.moves
