"""Flights with a faulty navigation unit, against the true direction: bounded, or told."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from navigation_flight import SCENARIOS, changed, fly

from config.world import Fault
from terminal.control.navigation import PERSISTENCE_S, NavigationEvent

AT_S, LASTS_S = 3.0, 2.0
TOLD_WITHIN_S = 0.04
"""Two ticks: one until the fix arrives, one to judge it."""
MAX_AGE_S = 0.5

names = pytest.mark.parametrize("name", SCENARIOS)


def fault(kind: str, at_s: float = AT_S, duration_s: float = LASTS_S) -> Fault:
    return Fault(kind=kind, at_s=at_s, duration_s=duration_s)  # type: ignore[arg-type]


@names
def test_without_a_fault_there_is_no_event_and_the_claim_holds(name: str) -> None:
    flown = fly(name, changed(name), 8.0)
    assert flown.valid[1:].all()
    assert not flown.events[1:].any()
    assert (flown.error_rad < 5.0 * flown.sigma_rad)[1:].all()
    # And is not made to hold by claiming little: attitude 2 mrad, mounting 3 mrad, along its path.
    assert np.median(flown.sigma_rad) < 5e-3


@names
@pytest.mark.parametrize(
    ("kind", "event"),
    [
        ("navigation_jump", NavigationEvent.JUMP),
        ("navigation_freeze", NavigationEvent.FROZEN),
        ("navigation_time_back", NavigationEvent.TIME_BACK),
        ("navigation_silent", NavigationEvent.STALE),
        ("navigation_overconfident", NavigationEvent.ABSURD_ACCURACY),
    ],
)
def test_each_fault_is_named_and_the_direction_bounded(
    name: str, kind: str, event: NavigationEvent
) -> None:
    flown = fly(name, changed(name, (fault(kind),)), 12.0)
    # Silence is told when the last fix is too old, everything else at once.
    told_s = MAX_AGE_S if kind == "navigation_silent" else TOLD_WITHIN_S
    during = flown.between(AT_S + told_s, AT_S + LASTS_S)
    assert (flown.events[during] & event).all()
    # As long as it says so, the direction is as good as it claims, through the fault and after.
    assert (flown.error_rad < 5.0 * flown.sigma_rad)[flown.valid].all()
    late = flown.between(AT_S + MAX_AGE_S + TOLD_WITHIN_S, AT_S + LASTS_S)
    assert flown.valid[late].all() == (kind == "navigation_overconfident")
    # And it comes back.
    assert flown.valid[flown.between(AT_S + LASTS_S + PERSISTENCE_S + 0.1, 12.0)].all()


@names
def test_a_jump_that_stays_is_believed_with_the_event_standing(name: str) -> None:
    flown = fly(name, changed(name, (fault("navigation_jump", AT_S, 20.0),)), 8.0)
    believed = flown.between(AT_S + PERSISTENCE_S + TOLD_WITHIN_S, 8.0)
    assert flown.valid[believed].all()
    # 0.2 rad about each axis: wrong by that, which nobody on board can know, but not silently.
    assert (flown.error_rad[believed] > 0.1).all()
    assert (flown.events[believed] & NavigationEvent.JUMP).all()
    # The search is told that the partner may stand where it was looked for before the jump.
    assert (flown.error_rad < flown.sigma_rad)[believed].all()
    assert flown.sigma_rad[believed].max() < 0.5
    steps = flown.events & NavigationEvent.LIGHT_TIME_STEP != 0
    assert flown.t_s[steps] == pytest.approx([AT_S + PERSISTENCE_S], abs=TOLD_WITHIN_S)
    # The light time is smooth but at the step: 5 km are 17 us at most.
    light_s = np.array([c.light_time_s for c in flown.commands])[1:]
    bend = np.abs(np.diff(light_s, 2))
    at = np.flatnonzero(steps)[0] - 1
    assert bend[at - 2 : at].max() > 1e-6 or bend[at - 1] > 1e-6
    quiet = np.delete(bend, slice(at - 2, at + 1))
    assert quiet.max() < 1e-9


def test_a_lever_arm_and_a_partner_that_is_early() -> None:
    """A boom of 20 m: 0.1 mrad at 200 km, and 1 m/s as the body sways. The time bias of 0.3 s is
    2 km along the track, and covered by the sigma along it."""
    name = "leo_laps_downlink"
    scenario = changed(name, lever_arm_m=(10.0, -5.0, 15.0))
    world = replace(scenario.world, partner=replace(scenario.world.partner, time_bias_s=0.3))
    acquisition = replace(scenario.terminal.acquisition, timing_sigma_s=0.3)
    terminal = replace(scenario.terminal, acquisition=acquisition)
    flown = fly(name, replace(scenario, world=world, terminal=terminal), 6.0)
    assert flown.valid[1:].all()
    assert (flown.error_rad < 5.0 * flown.sigma_rad)[1:].all()


KINDS = ("jump", "freeze", "time_back", "overconfident", "silent")


@st.composite
def fault_sequences(draw: st.DrawFn) -> tuple[Fault, ...]:
    """Faults one after the other; between two of them the unit is well again for a moment."""
    at_s, faults = draw(st.floats(0.5, 2.0)), []
    for kind in draw(st.lists(st.sampled_from(KINDS), min_size=1, max_size=5)):
        duration_s = draw(st.floats(0.02, 4.0))
        faults.append(fault(f"navigation_{kind}", at_s, duration_s))
        at_s += duration_s + draw(st.floats(0.1, 3.0))
    return tuple(faults)


@settings(deadline=None, max_examples=12)
@given(st.sampled_from(sorted(SCENARIOS)), fault_sequences(), st.integers(1, 10**6))
def test_what_is_valid_and_without_event_is_right(
    name: str, faults: tuple[Fault, ...], seed: int
) -> None:
    end_s = faults[-1].at_s + faults[-1].duration_s + 1.0
    flown = fly(name, changed(name, faults), end_s, seed)
    silent = flown.valid & (flown.events == 0)
    assert (flown.error_rad < 5.0 * flown.sigma_rad)[silent].all()
