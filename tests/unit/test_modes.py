"""The table of modes: what it can reach, what it never allows, and that the page shows it."""

import math
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.loader import load_scenario
from terminal.control.guidance.keep_out import KeepOutZone
from terminal.messages import ModesCommand, ModesSample
from terminal.mode import Mode
from terminal.modes import (
    BEACON_ON,
    CLEAR_S,
    DARK_S,
    QUAD_ALONE_S,
    SET_RAD,
    TRANSITIONS,
    UNSAFE_IN,
    Timers,
    diagram,
    guards,
    step,
)
from terminal.safety import Unsafe, check

PAGE = Path(__file__).resolve().parents[2] / "docs" / "modes.md"
CONFIG = load_scenario("leo_haps_downlink").terminal
DT_S = 0.02
DT_NS = 20_000_000
START_NS = 10**18
CLOSED = ModesSample(
    t_ns=START_NS,
    window_open=0,
    pointing_valid=1,
    elevation_rad=0.5,
    keep_out=0,
    navigation_age_s=0.01,
    gimbal_age_s=0.01,
    quad_age_s=0.0,
    gimbal_on_target=0,
    camera_found=0,
    camera_confirmed=0,
    camera_error_rad=0.0,
    fine_closed=0,
    fine_beacon=0,
    fine_rms_rad=1e-3,
    interlock_ok=1,
    laser_age_s=0.1,
)
OPEN = CLOSED._replace(window_open=1)
ON_TARGET = OPEN._replace(gimbal_on_target=1)
SEEN = ON_TARGET._replace(camera_found=1, camera_confirmed=1, beacon_leads=1)
LIT = SEEN._replace(fine_beacon=1)
HELD = SEEN._replace(fine_closed=1, fine_beacon=1, fine_rms_rad=1e-6)
GONE = ON_TARGET
BAD = HELD._replace(interlock_ok=0)


class Life:
    """Samples one after the other through the step."""

    def __init__(self) -> None:
        self.timers = Timers()
        self.command = ModesCommand()
        self.t_ns = START_NS

    def run(self, sample: ModesSample, ticks: int = 1) -> Mode:
        """With a camera that hears of every false lock at once."""
        for _ in range(ticks):
            self.t_ns += DT_NS
            now = sample._replace(t_ns=self.t_ns, camera_false_locks=self.command.false_locks)
            self.timers, self.command = step(CONFIG, self.timers, now, DT_S)
        return Mode(self.command.mode)

    def to(self, mode: Mode) -> "Life":
        """By the way that a good flight takes, or what breaks it."""
        for wanted, sample in (
            (Mode.POINT, OPEN),
            (Mode.ACQUIRE, ON_TARGET),
            (Mode.TRACK, SEEN),
            (Mode.LINK, HELD),
        ):
            if self.command.mode == mode:
                return self
            while self.run(sample) != wanted:
                pass
        broken = {Mode.LOST: GONE, Mode.SAFE: BAD}
        while self.command.mode != mode:
            self.run(broken[mode])
        return self


def moves() -> set[tuple[Mode, Mode]]:
    """All moves that the table allows, a source of None written out."""
    return {
        (source, t.target)
        for t in TRANSITIONS
        for source in ([t.source] if t.source is not None else Mode)
        if source is not t.target and (t.guard != "unsafe" or source in UNSAFE_IN)
    }


def reachable(start: Mode) -> set[Mode]:
    found, new = {start}, {start}
    while new:
        new = {target for source, target in moves() if source in new} - found
        found |= new
    return found


def test_every_mode_is_reached_and_none_is_a_dead_end() -> None:
    for mode in Mode:
        assert reachable(mode) == set(Mode)


def test_every_guard_of_the_table_exists_and_is_used() -> None:
    assert set(guards(CONFIG, Timers(), OPEN, Unsafe(0))) == {t.guard for t in TRANSITIONS}


def test_all_that_transmits_goes_to_safe() -> None:
    assert BEACON_ON | {Mode.LINK} <= UNSAFE_IN
    assert {source for source, target in moves() if target is Mode.SAFE} == UNSAFE_IN
    for mode in sorted(UNSAFE_IN):
        life = Life().to(mode)
        assert life.command.beacon_on
        assert life.run(BAD) is Mode.SAFE
        assert not life.command.beacon_on
        assert life.command.unsafe == Unsafe.INTERLOCK_OPEN


@pytest.mark.parametrize("mode", list(Mode))
def test_what_a_mode_allows(mode: Mode) -> None:
    command = Life().to(mode).command
    assert command.shutter_open == (mode is Mode.LINK)
    dark = (Mode.STANDBY, Mode.POINT, Mode.SAFE)
    assert command.beacon_on == (mode not in dark)
    assert not command.fine_enable or mode in (Mode.TRACK, Mode.LINK)


@pytest.mark.parametrize("mode", [m for m in Mode if m is not Mode.STANDBY])
def test_the_window_ends_everything_at_once(mode: Mode) -> None:
    life = Life().to(mode)
    last = BAD if mode is Mode.SAFE else HELD
    assert life.run(last._replace(window_open=0)) is Mode.STANDBY
    assert not life.command.shutter_open
    assert not life.command.beacon_on


def test_safe_is_left_when_all_has_been_well_for_a_while() -> None:
    life = Life().to(Mode.SAFE)
    ticks = round(CLEAR_S / DT_S)
    assert life.run(HELD, ticks - 2) is Mode.SAFE
    # One bad sample, and the wait begins anew.
    life.run(BAD)
    assert life.run(HELD, ticks - 1) is Mode.SAFE
    assert life.run(OPEN, 2) is Mode.POINT


def test_nothing_is_acquired_below_the_horizon_or_while_unsafe() -> None:
    life = Life().to(Mode.POINT)
    assert life.run(ON_TARGET._replace(elevation_rad=-0.01), 100) is Mode.POINT
    assert life.run(ON_TARGET._replace(interlock_ok=0), 100) is Mode.POINT
    assert life.run(ON_TARGET._replace(laser_age_s=math.nan), 100) is Mode.POINT
    assert life.run(ON_TARGET) is Mode.ACQUIRE


def test_a_confirmed_beacon_must_be_seen_to_be_centred() -> None:
    """An image without the beacon has no error, which is not the error zero."""
    missed = SEEN._replace(camera_found=0, camera_error_rad=0.0)
    assert Life().to(Mode.ACQUIRE).run(missed, 10) is Mode.ACQUIRE
    off = SEEN._replace(camera_error_rad=1.01 * CONFIG.coarse.handover_rad)
    assert Life().to(Mode.ACQUIRE).run(off, 10) is Mode.ACQUIRE


def test_handover_needs_the_beacon_near_for_its_time() -> None:
    life = Life().to(Mode.TRACK)
    ticks = math.ceil(CONFIG.coarse.handover_s / DT_S)
    for _ in range(ticks - 1):
        life.run(SEEN)
        assert not life.command.fine_enable
    life.run(SEEN._replace(camera_error_rad=2.0 * CONFIG.coarse.handover_rad))
    life.run(SEEN, ticks - 1)
    assert not life.command.fine_enable
    life.run(SEEN, 2)
    assert life.command.fine_enable
    # From then on the mirror keeps it well outside of where it took it over ...
    between = 0.5 * (CONFIG.coarse.handover_rad + CONFIG.coarse.release_rad)
    life.run(HELD._replace(camera_error_rad=between), 10 * ticks)
    assert life.command.fine_enable
    # ... and gives it back when it has been far off for as long.
    far = HELD._replace(camera_error_rad=1.01 * CONFIG.coarse.release_rad)
    life.run(far, ticks - 1)
    assert life.command.fine_enable
    life.run(HELD)
    life.run(far, ticks - 1)
    assert life.command.fine_enable
    life.run(far, 2)
    assert not life.command.fine_enable


def test_inside_a_keep_out_zone_the_shutter_is_shut_and_tracking_goes_on() -> None:
    life = Life().to(Mode.LINK)
    assert life.command.shutter_open
    assert life.run(HELD._replace(keep_out=1)) is Mode.TRACK
    assert not life.command.shutter_open
    life.run(HELD._replace(keep_out=1), 500)
    assert life.command.mode == Mode.TRACK
    assert not life.command.shutter_open
    # Out of it, the link comes back by itself.
    life.run(HELD, math.ceil(CONFIG.fine.settled_s / DT_S) + 2)
    assert life.command.mode == Mode.LINK
    assert life.command.shutter_open


@pytest.mark.parametrize("mode", [Mode.TRACK, Mode.LINK])
def test_the_beacon_is_gone_after_its_time_and_not_before(mode: Mode) -> None:
    """In LINK too, although LINK itself ends as soon as the fine loop opens."""
    ticks = round(CONFIG.safety.lost_after_s / DT_S)
    for blink in (GONE, HELD._replace(camera_found=0, fine_beacon=0, fine_closed=1)):
        life = Life().to(mode)
        life.run(LIT)
        assert life.run(blink, ticks - 1) in (Mode.TRACK, Mode.LINK)
        life.run(SEEN)
        assert life.run(blink, ticks - 1) in (Mode.TRACK, Mode.LINK)
        assert life.run(blink, 2) is Mode.LOST


def test_one_sensor_that_sees_it_is_enough() -> None:
    """The camera alone, or for a while the quad cell alone on which the mirror loop is closed."""
    unlit = SEEN._replace(beacon_leads=0)
    assert Life().to(Mode.TRACK).run(unlit, 500) is Mode.TRACK
    blind = HELD._replace(camera_found=0, camera_confirmed=0)
    ticks = round(QUAD_ALONE_S / DT_S)
    life = Life().to(Mode.LINK)
    assert life.run(blind, ticks - 1) is Mode.LINK
    # A bright sky lights the cell as well.
    assert life.run(blind, 3) is Mode.LOST


@pytest.mark.parametrize(
    "blind",
    [
        GONE._replace(fine_beacon=1),
        GONE._replace(camera_found=1, camera_error_rad=2e-3),
        GONE._replace(camera_found=1),
        GONE._replace(camera_confirmed=1),
    ],
)
def test_what_nobody_holds_or_confirms_is_no_beacon(blind: ModesSample) -> None:
    """Light on a cell whose loop is open, a spot that is not confirmed, or none in this image."""
    life = Life().to(Mode.TRACK)
    life.run(LIT)
    assert life.run(blind, round(CONFIG.safety.lost_after_s / DT_S) + 2) is Mode.LOST
    assert not life.command.fine_enable


def test_an_unconfirmed_spot_does_not_start_the_mirror() -> None:
    life = Life().to(Mode.TRACK)
    spot = SEEN._replace(camera_confirmed=0)
    for _ in range(2 * math.ceil(CONFIG.coarse.handover_s / DT_S)):
        life.run(spot)
        assert not life.command.fine_enable


@pytest.mark.parametrize("error_rad", [0.0, 1.1 * CONFIG.coarse.release_rad])
def test_what_never_lights_the_quad_cell_is_a_false_lock(error_rad: float) -> None:
    life = Life().to(Mode.TRACK)
    false = SEEN._replace(camera_error_rad=error_rad)
    ticks = round(DARK_S / DT_S)
    assert life.run(false, ticks - 1) is Mode.TRACK
    assert life.command.false_locks == 0
    assert life.run(false, 3) is not Mode.LOST
    assert life.command.false_locks == 1
    # One flash of light, and the time begins anew.
    life = Life().to(Mode.TRACK)
    life.run(false, ticks - 1)
    life.run(LIT)
    assert life.run(false, ticks - 1) is Mode.TRACK


def test_a_spot_that_goes_before_it_lit_the_quad_cell_is_not_coasted_after() -> None:
    life = Life().to(Mode.TRACK)
    assert life.run(GONE, round(CONFIG.safety.lost_after_s / DT_S) + 2) is Mode.ACQUIRE
    assert life.command.false_locks == 1


def test_after_a_false_lock_nothing_is_centred_until_the_camera_knows_of_it() -> None:
    life = Life().to(Mode.TRACK)
    while life.run(SEEN) is Mode.TRACK:
        pass
    assert life.command.mode == Mode.ACQUIRE
    for _ in range(100):
        late = SEEN._replace(t_ns=life.t_ns, camera_false_locks=0)
        life.timers, command = step(CONFIG, life.timers, late, DT_S)
        assert command.mode == Mode.ACQUIRE
    assert life.run(SEEN) is Mode.TRACK


@pytest.mark.parametrize("mode", [Mode.ACQUIRE, Mode.TRACK, Mode.LINK, Mode.LOST])
def test_a_partner_that_sets_is_waited_for(mode: Mode) -> None:
    under = CONFIG.keep_out.horizon_rad - 1.1 * SET_RAD
    seen = {Mode.TRACK: LIT, Mode.LINK: HELD}.get(mode, GONE)
    # On the horizon itself, where noise leads it to and fro, nothing is given up.
    life = Life().to(mode)
    at = seen._replace(elevation_rad=CONFIG.keep_out.horizon_rad - 0.9 * SET_RAD)
    assert life.run(at, 5) is mode
    set_ = seen._replace(elevation_rad=under, keep_out=KeepOutZone.HORIZON)
    life.run(set_, 2)
    assert life.run(set_, 100) is Mode.POINT
    assert not life.command.beacon_on
    # An elevation that nobody knows is none.
    unknown = seen._replace(elevation_rad=under, pointing_valid=0)
    assert Life().to(mode).run(unknown, 5) is mode


@pytest.mark.parametrize("zone", [KeepOutZone.HORIZON, KeepOutZone.SUN_AVOID])
@pytest.mark.parametrize("mode", [Mode.ACQUIRE, Mode.TRACK, Mode.LOST])
def test_no_beacon_where_the_gimbal_looks_elsewhere(mode: Mode, zone: KeepOutZone) -> None:
    life = Life().to(mode)
    sample = {Mode.TRACK: LIT}.get(mode, GONE)
    life.run(sample)
    assert life.command.beacon_on
    life.run(sample._replace(keep_out=zone))
    assert not life.command.beacon_on
    life.run(sample)
    assert life.command.beacon_on


CAMERAS = {
    "dark": GONE,
    "clutter": GONE._replace(camera_found=1),
    "centred": SEEN,
    "aside": SEEN._replace(camera_error_rad=2e-3),
}
CELLS = {"dark": 1e-3, "settled": 1e-6, "restless": 2.0 * CONFIG.fine.settled_rad}
OTHERS: list[dict[str, float]] = [
    {},
    {"gimbal_on_target": 0},
    {"pointing_valid": 0},
    {"elevation_rad": -0.2},
    {"navigation_age_s": 9.0},
    {"gimbal_age_s": math.nan},
    {"quad_age_s": 9.0},
    {"laser_age_s": 9.0},
    {"interlock_ok": 0},
]


@pytest.mark.parametrize("start", list(Mode))
@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("camera", CAMERAS)
def test_no_set_of_sensors_that_lie_or_are_silent_is_a_dead_end(
    start: Mode, camera: str, cell: str
) -> None:
    """Within 30 s it searches, points or is safe. What closes the mirror loop, and who leads the
    gimbal, follows from the sensors as it does in the loops."""
    if camera == "centred" and cell != "dark":
        # Both bear each other out: that is the beacon, for all that can be known.
        return
    for others in product(OTHERS, OTHERS):
        life = Life().to(start)
        reached = False
        for _ in range(round(30.0 / DT_S)):
            closed = bool(life.command.fine_enable) and cell != "dark"
            sample = CAMERAS[camera]._replace(
                fine_closed=int(closed),
                fine_beacon=int(cell != "dark"),
                fine_rms_rad=CELLS[cell],
                beacon_leads=int(closed or camera in ("centred", "aside")),
            )
            for lie in others:
                sample = sample._replace(**lie)
            mode = life.run(sample)
            reached = mode in (Mode.ACQUIRE, Mode.POINT, Mode.SAFE)
            waits = mode is Mode.STANDBY and not sample.pointing_valid
            if reached or waits:
                break
        assert reached or waits


def test_lost_coasts_then_searches() -> None:
    life = Life().to(Mode.LOST)
    ticks = round(CONFIG.safety.reacquire_after_s / DT_S)
    assert life.run(GONE, ticks - 1) is Mode.LOST
    assert life.run(GONE, 3) is Mode.ACQUIRE
    assert Life().to(Mode.LOST).run(SEEN) is Mode.TRACK


flags = st.integers(0, 1)
ages = st.one_of(st.floats(0.0, 0.4), st.floats())
samples = st.builds(
    ModesSample,
    t_ns=st.just(0),
    window_open=st.sampled_from([0, 1, 1, 1, 1, 1]),
    pointing_valid=flags,
    elevation_rad=st.floats(-0.1, 1.5),
    navigation_age_s=ages,
    gimbal_age_s=ages,
    quad_age_s=ages,
    gimbal_on_target=flags,
    camera_found=flags,
    camera_confirmed=flags,
    camera_error_rad=st.floats(0.0, 2e-4),
    fine_closed=flags,
    fine_beacon=flags,
    fine_rms_rad=st.floats(0.0, 1e-5),
    interlock_ok=flags,
    laser_age_s=ages,
    beacon_leads=flags,
)
likely = st.sampled_from([OPEN, ON_TARGET, SEEN, LIT, HELD, GONE])
spells = st.lists(st.tuples(st.one_of(likely, samples), st.integers(1, 60)), max_size=12)


@settings(deadline=None, max_examples=100)
@given(spells)
def test_no_story_opens_the_shutter_while_something_is_unsafe(
    story: list[tuple[ModesSample, int]],
) -> None:
    life = Life().to(Mode.LINK)
    for sample, ticks in story:
        for _ in range(ticks):
            before = Mode(life.command.mode)
            mode, unsafe = life.run(sample), check(CONFIG.safety, sample)
            command = life.command
            if command.shutter_open:
                assert mode is Mode.LINK
            if unsafe or not sample.window_open:
                assert not command.shutter_open
                assert not command.beacon_on
                assert mode not in UNSAFE_IN
            assert mode is before or (before, mode) in moves()


def test_the_page_shows_the_table() -> None:
    _, _, rest = PAGE.read_text(encoding="utf-8").partition("```mermaid\n")
    drawing, fence, _ = rest.partition("```")
    assert fence
    assert drawing == diagram()
    for mode in Mode:
        assert f"| {mode.name} |" in PAGE.read_text(encoding="utf-8")
