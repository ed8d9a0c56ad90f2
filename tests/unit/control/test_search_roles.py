"""Two that search each other: over a bad channel they meet, and no note can lead astray."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from search_pair import TICK_NS, TICK_S, Channel, Side, acquire, settings

from terminal.control.search.acquire import SearchSettings, SearchState, step
from terminal.control.search.roles import (
    REPEAT_NS,
    TRAIL_NS,
    Look,
    Note,
    Role,
    RoleSample,
    RoleState,
    begin,
    look_at,
    looked,
)
from terminal.control.search.roles import step as role_step
from terminal.mode import Mode
from terminal.pointing_messages import AcquisitionCommand, AcquisitionSample

T0_NS = 1_000_000_000_000
SIGMA_RAD = 3.7e-3
SCAN, STARE = settings("scan", sends=False), settings("stare", sends=True)
COVER_S = 28.4
"""Of the field of SIGMA_RAD with the scenario's beam."""


class Searcher:
    """One side, fed with what its camera and its partner would give it."""

    def __init__(self, k: SearchSettings) -> None:
        self.k, self.state, self.t_ns = k, SearchState(), T0_NS - TICK_NS
        self.told: list[tuple[Note, int]] = []
        self.path: list[Look] = []

    def tick(self, note: Note = Note.NONE, note_t_ns: int = 0, seen: bool = False) -> None:
        self.t_ns += TICK_NS
        sample = AcquisitionSample(
            self.t_ns, Mode.ACQUIRE, SIGMA_RAD, 0.0, 0.0, 0.0, seen, self.t_ns, note, note_t_ns
        )
        self.state, command = step(self.k, self.state, sample, TICK_S)
        self.command: AcquisitionCommand = command
        self.path.append(Look(self.t_ns, command.scan_x_rad, command.scan_y_rad))
        if command.note:
            self.told.append((Note(command.note), command.note_t_ns))

    def run(self, seconds: float, seen: bool = False) -> None:
        for _ in range(round(seconds / TICK_S)):
            self.tick(seen=seen)

    @property
    def role(self) -> Role:
        return Role(self.command.role)

    @property
    def without_scan(self) -> SearchState:
        """A scan is made anew for each search; its time tells where it is."""
        return self.state._replace(scan=None)


def cover_s(k: SearchSettings) -> float:
    searcher = Searcher(k)
    searcher.run(0.1)
    assert searcher.state.scan
    return searcher.state.scan.covers_s[0]


def test_cover_is_what_this_file_says() -> None:
    assert cover_s(SCAN) == pytest.approx(COVER_S, abs=0.1)


class TestTwoSides:
    """A stands up to 3.5 sigma from where B is sought; B has A in its field while it stares."""

    LATENCY_S = 2.0
    EXCHANGE_S = 2.0 + 20 * REPEAT_NS * 1e-9
    """Of 20 notes one arrives, but for one in a million."""

    def bound_s(self, stares_first: bool) -> float:
        """The longest course: both stare until patience ends; both scan; the wrong one scans; the
        right one scans, and each time the turn or the sighting has to be told."""
        patience_s = SCAN.acquisition.stare_s if stares_first else 0.0
        return patience_s + 3.0 * COVER_S + 3.0 * self.EXCHANGE_S

    @hypothesis_settings(max_examples=30, deadline=None, derandomize=True)
    @given(
        roles=st.tuples(st.sampled_from(["scan", "stare"]), st.sampled_from(["scan", "stare"])),
        loss=st.floats(0.0, 0.5),
        latencies=st.tuples(st.floats(0.0, 2.0), st.floats(0.0, 2.0)),
        off=st.tuples(st.floats(0.0, 3.5 * SIGMA_RAD), st.floats(0.0, 2.0 * math.pi)),
        partner_off=st.tuples(st.floats(0.0, 2.5e-3), st.floats(0.0, 2.0 * math.pi)),
        late_s=st.sampled_from([0.0, 0.02, 1.3]),
        a_sends=st.booleans(),
        luck=st.integers(0, 1000),
    )
    def test_they_meet(
        self,
        roles: tuple[str, str],
        loss: float,
        latencies: tuple[float, float],
        off: tuple[float, float],
        partner_off: tuple[float, float],
        late_s: float,
        a_sends: bool,
        luck: int,
    ) -> None:
        def place(polar: tuple[float, float]) -> tuple[float, float]:
            return polar[0] * math.cos(polar[1]), polar[0] * math.sin(polar[1])

        a = Side(settings(roles[0], sends=a_sends), place(off), T0_NS)
        b_starts_ns = T0_NS + round(late_s * 1e9)
        b = Side(settings(roles[1], sends=not a_sends), place(partner_off), b_starts_ns)
        span = min(latencies), max(latencies)
        channels = [Channel(np.random.default_rng((luck, i)), loss, span, 0.2) for i in range(2)]
        limit_s = self.bound_s(stares_first="scan" not in roles)
        assert acquire(a, b, *channels, limit_s) < limit_s

    @pytest.mark.parametrize("latency_s", [0.05, 1.5])
    def test_without_a_single_note_each_wait_still_ends(self, latency_s: float) -> None:
        """Both end up scanning by their clocks, and the beams have to cross by themselves."""
        a = Side(settings("scan", sends=False), (1e-3, 0.5e-3), T0_NS)
        b = Side(settings("stare", sends=True), (1e-3, -0.5e-3), T0_NS)
        mute = [Channel(np.random.default_rng(i), 1.0, (latency_s, latency_s)) for i in range(2)]
        assert acquire(a, b, *mute, 60.0) < 60.0


class TestGoingBack:
    def test_who_is_told_goes_back_to_where_it_looked(self) -> None:
        s = Searcher(SCAN)
        s.run(6.0)
        then = s.path[-75]
        s.tick(Note.SEEN, then.t_ns)
        s.run(1.0)
        assert s.role is Role.RETURN
        # Remembered ten times a second, linear between: on a turn of 3 mrad half of a sagitta.
        assert s.path[-1].x_rad == pytest.approx(then.x_rad, abs=0.1e-3)
        assert s.path[-1].y_rad == pytest.approx(then.y_rad, abs=0.1e-3)
        assert s.command.scan_rate_x_rad_s == s.command.scan_rate_y_rad_s == 0.0
        scanned_s = s.state.scan_s
        s.run(SCAN.acquisition.return_s)
        assert s.role is Role.SCAN
        assert s.state.scan_s == pytest.approx(scanned_s - 1.0 + 1.0, abs=0.1)

    def test_the_same_sighting_is_gone_back_for_once(self) -> None:
        s = Searcher(SCAN)
        s.run(6.0)
        then_ns = s.t_ns - 10**9
        s.tick(Note.SEEN, then_ns)
        s.run(3.1)
        for _ in range(20):
            s.tick(Note.SEEN, then_ns)
            assert s.role is Role.SCAN

    def test_a_partner_that_sees_us_but_does_not_shine_cannot_hold_us(self) -> None:
        """It says all the time that it sees us now: of 6 s, 2 s of the scan are gained."""
        s = Searcher(SCAN)
        for _ in range(round(3.2 * COVER_S / TICK_S)):
            s.tick(Note.SEEN, s.t_ns)
            if s.role is Role.STARE:
                break
        assert s.role is Role.STARE

    def test_who_has_seen_says_so_and_stays(self) -> None:
        s = Searcher(STARE)
        s.run(1.0)
        s.run(0.2, seen=True)
        sighted_ns = s.t_ns - round(0.18e9)
        s.run(2.0 * STARE.acquisition.return_s)
        assert {note for note, _ in s.told} == {Note.SEEN}
        assert {t_ns for _, t_ns in s.told} == {sighted_ns}
        assert len(s.told) >= 10
        before = len(s.told)
        s.run(3.0)
        assert len(s.told) <= before + 1
        # A partner that gives its turn away meanwhile has to wait.
        s.run(0.2, seen=True)
        s.tick()
        s.tick(Note.YOUR_TURN, s.t_ns)
        assert s.role is Role.STARE

    def test_a_scan_that_loses_a_beacon_goes_back_to_it(self) -> None:
        s = Searcher(SCAN)
        s.run(4.0)
        there = s.path[-1]
        s.run(0.3, seen=True)
        s.run(0.5)
        assert s.role is Role.RETURN
        assert (s.path[-1].x_rad, s.path[-1].y_rad) == pytest.approx(
            (there.x_rad, there.y_rad), abs=0.3e-3
        )


class TestTurns:
    def test_a_cover_that_is_over_gives_the_turn_away_and_says_it_again(self) -> None:
        s = Searcher(SCAN)
        s.run(COVER_S + 3.0)
        assert s.role is Role.STARE
        assert len(s.told) >= 5
        assert {note for note, _ in s.told} == {Note.YOUR_TURN}
        ((handed_ns),) = {t_ns for _, t_ns in s.told}
        assert (handed_ns - T0_NS) * 1e-9 == pytest.approx(COVER_S, abs=0.1)

    def test_the_turn_is_taken_by_note_and_by_time(self) -> None:
        s = Searcher(STARE)
        s.run(1.0)
        s.tick(Note.YOUR_TURN, s.t_ns)
        assert s.role is Role.SCAN
        patient = Searcher(STARE)
        patient.run(STARE.acquisition.stare_s - 0.1)
        assert patient.role is Role.STARE
        patient.run(0.3)
        assert patient.role is Role.SCAN

    @pytest.mark.parametrize("sends", [False, True])
    @pytest.mark.parametrize("newer_ns", [-1, 0, 1])
    def test_of_two_words_the_newest_counts(self, newer_ns: int, sends: bool) -> None:
        k = SCAN.acquisition
        ours = RoleState(Role.STARE, T0_NS, handed_ns=T0_NS)
        s = RoleSample(T0_NS + 10**9, Note.YOUR_TURN, T0_NS + newer_ns, False, 0, False)
        state, _ = role_step(k, ours, s, sends)
        scans = newer_ns > 0 or (newer_ns == 0 and sends)
        assert state.role is (Role.SCAN if scans else Role.STARE)


SOONER_NS = st.integers(-(10**15), 0)
LATER_NS = st.integers(1, 2**62)


class TestNotesThatSayNothing:
    @given(st.sampled_from([Note.SEEN, Note.YOUR_TURN]), SOONER_NS | LATER_NS, st.booleans())
    def test_from_before_the_search_or_from_the_future(
        self, note: Note, beside_ns: int, stares: bool
    ) -> None:
        """What speaks of no time of this search changes nothing at all."""
        k = STARE if stares else SCAN
        plain, fooled = Searcher(k), Searcher(k)
        for searcher in (plain, fooled):
            searcher.run(0.4)
        patience_ns = round(k.acquisition.stare_s * 1e9)
        note_t_ns = (
            plain.t_ns + TICK_NS + beside_ns
            if beside_ns > 0
            else plain.t_ns - patience_ns + beside_ns
        )
        plain.tick()
        fooled.tick(note, note_t_ns)
        assert fooled.without_scan == plain.without_scan
        assert fooled.command == plain.command

    @given(st.data())
    @hypothesis_settings(max_examples=40, deadline=None)
    def test_any_notes_at_all_keep_the_offsets_in_the_field_and_the_roles_moving(
        self, data: st.DataObject
    ) -> None:
        """Whoever writes the notes: the search stays in its field, and ends no tick in an error."""
        s = Searcher(SCAN if data.draw(st.booleans()) else STARE)
        s.run(1.0)
        widest = 3.8 * SIGMA_RAD
        for _ in range(data.draw(st.integers(1, 30))):
            note = data.draw(st.sampled_from(list(Note)))
            t_ns = data.draw(st.integers(0, 2**62) | st.integers(T0_NS - 10**10, T0_NS + 10**10))
            s.tick(note, t_ns, data.draw(st.booleans()))
            assert math.hypot(s.command.scan_x_rad, s.command.scan_y_rad) < widest
        s.run(SCAN.acquisition.return_s + 0.1)
        assert s.role in (Role.SCAN, Role.STARE)

    def test_who_searches_alone_heeds_nobody(self) -> None:
        k = settings("alone", sends=False)
        plain, told = Searcher(k), Searcher(k)
        for _ in range(100):
            plain.tick()
            told.tick(Note.SEEN, told.t_ns)
        assert told.without_scan == plain.without_scan
        assert not told.told


class TestTrail:
    @given(st.lists(st.integers(1, 40), min_size=2, max_size=60), st.floats(0.0, 1.0))
    def test_between_what_is_remembered_it_is_linear(self, ticks: list[int], share: float) -> None:
        state, t_ns = begin(SCAN.acquisition, T0_NS), T0_NS
        for n in ticks:
            t_ns += n * TICK_NS // 8
            state = looked(state, t_ns, 1e-12 * (t_ns - T0_NS), -2e-12 * (t_ns - T0_NS))
        first, last = state.trail[0].t_ns, state.trail[-1].t_ns
        at_ns = first + round(share * (last - first))
        found = look_at(state.trail, at_ns)
        assert found
        assert found.x_rad == pytest.approx(1e-12 * (at_ns - T0_NS), abs=1e-9)
        assert found.y_rad == pytest.approx(-2 * found.x_rad, abs=1e-9)
        assert look_at(state.trail, first - 1) is None
        assert look_at(state.trail, last + 10**9) is None

    def test_it_has_an_end_and_gaps_are_gaps(self) -> None:
        state = begin(SCAN.acquisition, T0_NS)
        for i in range(3000):
            state = looked(state, T0_NS + i * TICK_NS, 0.0, 0.0)
        assert len(state.trail) <= TRAIL_NS // (5 * TICK_NS) + 2
        later_ns = state.trail[-1].t_ns + 3 * 10**9
        state = looked(state, later_ns, 1.0, 1.0)
        assert look_at(state.trail, later_ns - 10**9) is None
