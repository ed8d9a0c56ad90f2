"""Each way in which a fix can be wrong, by itself: what is said, and that the fix is not used."""

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from terminal.control import navigation
from terminal.control.fix_values import DOUBTED_SIGMA_M, DOUBTED_SIGMA_RAD
from terminal.control.navigation import (
    DOUBT_S,
    PERSISTENCE_S,
    NavigationEvent,
    NavigationState,
)
from terminal.geometry.body import Fix
from terminal.geometry.quaternion import from_rotation_vector

T0_NS = 1_700_000_000_000_000_000
STEP_NS = 20_000_000
LATE_NS = 20_000_000
MAX_AGE_S = 0.5
METRE_RAD = 1.0 / 6_371_000.0


def fix_at(t_ns: int, **changes: Any) -> Fix:
    """Northward at 10 m/s, turning at 0.1 rad/s, with a little of everything in its values."""
    t_s = (t_ns - T0_NS) * 1e-9
    fix = Fix(
        t_ns,
        0.6 + 10.0 * t_s * METRE_RAD,
        2.0,
        1000.0,
        (10.0, 0.0, 0.0),
        from_rotation_vector((0.0, 0.0, 0.1 * t_s)),
        1e-3,
        2.0,
    )
    return fix._replace(**changes)


class Unit:
    """Gives a fix each tick; `seen` says what was made of it."""

    def __init__(self) -> None:
        self.state = NavigationState()
        self.t_ns = T0_NS
        self.events = NavigationEvent(0)

    def give(self, fix: Fix | None) -> NavigationEvent:
        self.t_ns += STEP_NS
        self.state, self.events = navigation.step(self.state, fix, self.t_ns, MAX_AGE_S)
        return self.events

    def run(self, seconds: float, **changes: Any) -> list[NavigationEvent]:
        return [self.give(self.next(**changes)) for _ in range(round(seconds * 50))]

    def next(self, **changes: Any) -> Fix:
        return fix_at(self.t_ns + STEP_NS - LATE_NS, **changes)

    @property
    def used_ns(self) -> int:
        assert self.state.good is not None
        return self.state.good.fix.t_ns


@pytest.fixture
def unit() -> Unit:
    unit = Unit()
    assert not any(unit.run(2.0))
    return unit


def test_before_the_first_fix_there_is_nothing() -> None:
    unit = Unit()
    assert unit.give(None) == NavigationEvent.STALE
    assert unit.state.good is None


@pytest.mark.parametrize(
    "bad",
    [
        {"latitude_rad": 1.58},
        {"latitude_rad": math.nan},
        {"longitude_rad": math.inf},
        {"longitude_rad": 7.0},
        {"altitude_m": 2e5},
        {"altitude_m": -math.inf},
        {"velocity_ned_m_s": (0.0, math.nan, 0.0)},
        {"velocity_ned_m_s": (0.0, 0.0, 2e3)},
        {"q_ned_from_body": (0.0, 0.0, 0.0, 0.0)},
        {"q_ned_from_body": (0.9, 0.0, 0.0, 0.0)},
        {"q_ned_from_body": (math.nan, 0.0, 0.0, 1.0)},
    ],
    ids=str,
)
def test_values_that_cannot_be(unit: Unit, bad: dict[str, Any]) -> None:
    before = unit.state
    for _ in range(3):
        assert unit.give(unit.next(**bad)) == NavigationEvent.BAD_VALUE
    assert unit.state._replace(events=before.events) == before
    assert unit.give(unit.next()) == 0
    assert unit.used_ns == unit.t_ns - LATE_NS


def test_silence_is_ridden_through_and_told_when_it_lasts(unit: Unit) -> None:
    last = fix_at(unit.t_ns - LATE_NS)
    events = [unit.give(last) for _ in range(50)]
    stale = [bool(e) for e in events]
    # A fix 20 ms old, 50 more a second: over 0.5 s at the 25th.
    assert stale == [False] * 24 + [True] * 26
    assert set(events[24:]) == {NavigationEvent.STALE}
    # The unit went on turning as before, so the new fix is where it was expected.
    assert unit.give(unit.next()) == 0


def test_a_clock_that_goes_back_far_is_refused_until_it_is_right(unit: Unit) -> None:
    used = unit.used_ns
    for _ in range(200):
        fix = unit.next()
        events = unit.give(fix._replace(t_ns=fix.t_ns - 2 * 10**9))
        assert events & NavigationEvent.TIME_BACK
    assert unit.used_ns == used
    assert unit.give(unit.next()) == 0


def test_a_clock_that_goes_back_a_little_is_refused_though_it_runs_on(unit: Unit) -> None:
    used = unit.used_ns
    for _ in range(round(0.9 * PERSISTENCE_S * 50)):
        fix = unit.next()
        assert unit.give(fix._replace(t_ns=fix.t_ns - 200_000_000)) & NavigationEvent.TIME_BACK
    assert unit.used_ns == used
    assert unit.give(unit.next()) == 0


def test_a_clock_that_stays_back_is_believed_in_the_end_and_doubted(unit: Unit) -> None:
    for _ in range(round(1.1 * PERSISTENCE_S * 50)):
        fix = unit.next()
        events = unit.give(fix._replace(t_ns=fix.t_ns - 200_000_000))
    assert events == NavigationEvent.JUMP
    assert unit.used_ns == unit.t_ns - LATE_NS - 200_000_000


def test_the_same_time_with_other_values_is_a_clock_that_went_back(unit: Unit) -> None:
    fix = unit.next()
    assert unit.give(fix) == 0
    assert unit.give(fix._replace(altitude_m=1001.0)) == NavigationEvent.TIME_BACK


def test_a_fix_from_the_future_is_refused(unit: Unit) -> None:
    used = unit.used_ns
    fix = unit.next()
    assert unit.give(fix._replace(t_ns=fix.t_ns + 10**9)) == NavigationEvent.TIME_AHEAD
    assert unit.used_ns == used


def test_old_values_under_new_times_are_frozen(unit: Unit) -> None:
    used = unit.used_ns
    stuck = fix_at(used)
    for k in range(100):
        events = unit.give(stuck._replace(t_ns=unit.t_ns + STEP_NS - LATE_NS))
        assert events & NavigationEvent.FROZEN
        assert bool(events & NavigationEvent.STALE) == (k >= 24)
    assert unit.used_ns == used


def test_a_unit_that_stands_still_and_always_did_is_not_frozen() -> None:
    unit = Unit()
    still = fix_at(T0_NS, velocity_ned_m_s=(0.0, 0.0, 0.0))
    for _ in range(100):
        assert unit.give(still._replace(t_ns=unit.t_ns + STEP_NS - LATE_NS)) == 0
    # But one that says it moves, and does not, is.
    moves = still._replace(velocity_ned_m_s=(5.0, 0.0, 0.0))
    unit = Unit()
    unit.give(moves._replace(t_ns=unit.t_ns))
    assert unit.give(moves._replace(t_ns=unit.t_ns)) & NavigationEvent.FROZEN


def jumped(fix: Fix, north_m: float = 0.0, turn_rad: float = 0.0) -> Fix:
    t_s = (fix.t_ns - T0_NS) * 1e-9
    return fix._replace(
        latitude_rad=fix.latitude_rad + north_m * METRE_RAD,
        q_ned_from_body=from_rotation_vector((0.0, 0.0, 0.1 * t_s + turn_rad)),
    )


@pytest.mark.parametrize("jump", [(5000.0, 0.0), (30.0, 0.0), (0.0, 0.2), (0.0, -0.02)])
def test_a_jump_is_refused_then_believed_and_doubted(unit: Unit, jump: tuple[float, float]) -> None:
    used = unit.used_ns
    began_ns = unit.t_ns
    while unit.used_ns == used:
        events = unit.give(jumped(unit.next(), *jump))
        assert events & NavigationEvent.JUMP
    assert (unit.t_ns - began_ns) * 1e-9 == pytest.approx(PERSISTENCE_S, abs=0.05)
    # Believed, and for a minute more it says that this was a jump.
    believed_ns = unit.t_ns
    while unit.give(jumped(unit.next(), *jump)):
        assert unit.events == NavigationEvent.JUMP
        assert unit.used_ns == unit.t_ns - LATE_NS
    assert (unit.t_ns - believed_ns) * 1e-9 == pytest.approx(DOUBT_S, abs=0.05)


def sigmas(unit: Unit) -> tuple[float, float]:
    """(rad, m) per axis, of what is used now."""
    told = navigation.solution(unit.state, unit.t_ns)
    assert told is not None
    return told.attitude_sigma_rad, told.position_sigma_m


@pytest.mark.parametrize("jump", [(5000.0, 0.0), (0.0, 0.2), (40.0, -0.02)])
def test_while_a_jump_is_in_doubt_the_sigmas_hold_it(unit: Unit, jump: tuple[float, float]) -> None:
    """Where the unit was before the jump lies within one sigma of where it is believed to be."""
    quiet_rad, quiet_m = sigmas(unit)
    believed = []
    for _ in range(round((PERSISTENCE_S + DOUBT_S + 1.0) * 50)):
        used = unit.used_ns
        events = unit.give(jumped(unit.next(), *jump))
        if unit.used_ns > used:
            believed.append((events, *sigmas(unit)))
    doubted = [told for told in believed if told[0] == NavigationEvent.JUMP]
    after = [told for told in believed if not told[0]]
    assert len(doubted) == pytest.approx(DOUBT_S * 50, abs=2)
    assert len(doubted) + len(after) == len(believed)
    north_m, turn_rad = jump
    for _, sigma_rad, sigma_m in doubted:
        assert sigma_rad == pytest.approx(math.hypot(quiet_rad, turn_rad), rel=1e-3)
        # METRE_RAD is of the sphere: a metre to the north is up to 0.3 % shorter here.
        assert sigma_m == pytest.approx(math.hypot(quiet_m, north_m), rel=4e-3)
    for _, sigma_rad, sigma_m in after:
        assert (sigma_rad, sigma_m) == pytest.approx((quiet_rad, quiet_m), rel=1e-3)


def test_what_is_in_doubt_stays_so_through_the_next_jump(unit: Unit) -> None:
    """Back where it was: the step is the same, and neither place has been shown to be right."""
    for turn_rad in (0.2, 0.0):
        for _ in range(round((PERSISTENCE_S + 1.0) * 50)):
            unit.give(jumped(unit.next(), 0.0, turn_rad))
    assert unit.used_ns == unit.t_ns - LATE_NS
    assert sigmas(unit)[0] >= 0.2
    unit.run(DOUBT_S)
    assert sigmas(unit)[0] < 2e-3


def test_a_clock_that_stays_back_is_in_doubt_by_the_way_made_meanwhile(unit: Unit) -> None:
    """10 m/s and 0.1 rad/s over the 0.4 s that it is off."""
    for _ in range(round((PERSISTENCE_S + 0.4) * 50)):
        fix = unit.next()
        unit.give(fix._replace(t_ns=fix.t_ns - 400_000_000))
    assert unit.used_ns == unit.t_ns - LATE_NS - 400_000_000
    assert sigmas(unit)[0] >= 0.04
    assert sigmas(unit)[1] >= 4.0


def test_a_jump_that_goes_back_in_time_leaves_no_trace(unit: Unit) -> None:
    for _ in range(100):
        assert unit.give(jumped(unit.next(), 5000.0, 0.2)) & NavigationEvent.JUMP
    assert unit.give(unit.next()) == 0


def test_a_unit_that_jumps_about_is_never_believed(unit: Unit) -> None:
    used = unit.used_ns
    for k in range(500):
        unit.give(jumped(unit.next(), 1000.0 * (1 + k // 50)))
    assert unit.used_ns == used


@pytest.mark.parametrize("limit", [18.0, -18.0])
def test_what_its_own_sigma_allows_is_no_jump(unit: Unit, limit: float) -> None:
    # 6 sigma of 2 m are 12 m, but under 20 m the position filter takes care.
    assert unit.give(jumped(unit.next(), limit)) == 0
    assert unit.give(jumped(unit.next(), 0.0)) == 0


@pytest.mark.parametrize(
    "claim",
    [
        {"attitude_sigma_rad": 0.0},
        {"attitude_sigma_rad": math.nan},
        {"attitude_sigma_rad": -1e-3},
        {"position_sigma_m": 0.0},
        {"position_sigma_m": math.nan},
        {"position_sigma_m": -math.inf},
    ],
    ids=str,
)
def test_a_sigma_that_cannot_be_meant_is_replaced(unit: Unit, claim: dict[str, Any]) -> None:
    for events in unit.run(1.0, **claim):
        assert events == NavigationEvent.ABSURD_ACCURACY
    assert unit.state.good is not None
    believed = unit.state.good.fix
    assert believed.t_ns == unit.t_ns - LATE_NS
    if "attitude_sigma_rad" in claim:
        assert believed.attitude_sigma_rad == DOUBTED_SIGMA_RAD
    else:
        assert believed.position_sigma_m == DOUBTED_SIGMA_M
    assert unit.give(unit.next()) == 0


fields = st.floats() | st.floats(-10.0, 10.0)
any_fix = st.builds(
    Fix,
    st.integers(T0_NS - 10**10, T0_NS + 10**10) | st.integers(-(2**63), 2**63 - 1),
    fields,
    fields,
    fields,
    st.tuples(fields, fields, fields),
    st.tuples(fields, fields, fields, fields)
    | st.just((1.0, 0.0, 0.0, 0.0))
    | st.just((0.0, 0.6, 0.8, 0.0)),
    fields,
    fields,
)


@settings(deadline=None, max_examples=300)
@given(st.lists(any_fix, max_size=8), st.integers(0, 4))
def test_whatever_comes_what_is_used_is_finite_and_recent(fixes: list[Fix], mixed: int) -> None:
    unit = Unit()
    unit.run(0.1 * mixed)
    for fix in fixes:
        unit.give(fix)
        good = unit.state.good
        if good is None:
            assert unit.events & NavigationEvent.STALE
            continue
        told = navigation.solution(unit.state, unit.t_ns)
        assert told is not None
        assert good.fix.t_ns <= unit.t_ns + 50_000_000
        assert math.isfinite(told.attitude_sigma_rad + told.position_sigma_m)
        assert math.hypot(*told.q_ned_from_body) == pytest.approx(1.0, abs=1e-9)
        assert told.attitude_sigma_rad > 0.0
