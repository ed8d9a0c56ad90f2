"""The search while it runs: where it looks, when it halts, over which field it begins again."""

import math
import subprocess
import sys
from collections.abc import Iterable

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.loader import load_scenario
from config.terminal import TerminalConfig
from terminal.control.search.acquire import (
    WIDEST_SIGMA_RAD,
    SearchState,
    search_limits,
    settings_of,
    step,
)
from terminal.control.search.roles import Role
from terminal.mode import Mode
from terminal.pointing_messages import AcquisitionCommand, AcquisitionSample

SCENARIO = load_scenario("leo_haps_downlink")
CONFIG = SCENARIO.terminal
K = settings_of(SCENARIO.mission, CONFIG)
DT_S = 1.0 / CONFIG.rates.acquisition_hz
FRAME_TICKS = CONFIG.rates.acquisition_hz // CONFIG.rates.camera_hz
HALF_FIELD_RAD = 3.2e-3
"""256 pixels of 25 urad."""
SIGMA_RAD, ALONG_S, RATE = 4e-3, 0.5, (6e-3, -3e-3)
ALONG_RAD = math.hypot(SIGMA_RAD, ALONG_S * math.hypot(*RATE))
START_NS = 1_000_000_000_000


def sample(
    tick: int, mode: Mode = Mode.ACQUIRE, *, confirmed: bool = False, sigma_rad: float = SIGMA_RAD
) -> AcquisitionSample:
    return AcquisitionSample(
        t_ns=START_NS + round(tick * DT_S * 1e9),
        mode=mode,
        sigma_rad=sigma_rad,
        along_sigma_s=ALONG_S,
        los_rate_x_rad_s=RATE[0],
        los_rate_y_rad_s=RATE[1],
        camera_confirmed=confirmed,
        camera_frame_t_ns=START_NS,
        note=0,
        note_t_ns=0,
        quad_lit=mode in (Mode.TRACK, Mode.LINK),
    )


def run(
    samples: Iterable[AcquisitionSample], state: SearchState | None = None
) -> tuple[SearchState, list[AcquisitionCommand]]:
    state = state or SearchState()
    commands = []
    for one in samples:
        state, command = step(K, state, one, DT_S)
        commands.append(command)
    return state, commands


def searching(ticks: int) -> list[AcquisitionCommand]:
    return run(sample(k) for k in range(ticks))[1]


def after_loss(held_s: float, lost_s: float) -> tuple[SearchState, AcquisitionCommand]:
    """The first tick of a search, `lost_s` after a beacon that was held for `held_s`."""
    held, lost = round(held_s / DT_S), round(lost_s / DT_S)
    modes = [Mode.ACQUIRE, *[Mode.TRACK] * held, *[Mode.LOST] * lost, Mode.ACQUIRE]
    state, commands = run(sample(k, mode) for k, mode in enumerate(modes))
    return state, commands[-1]


def test_it_begins_in_the_middle_over_the_predicted_field() -> None:
    """sigma^2 I + (along_sigma rate)(along_sigma rate)^T: one axis along the path, one across."""
    first = searching(1)[0]
    assert (first.scan_x_rad, first.scan_y_rad, first.sweep) == (0.0, 0.0, 0)
    assert first.role == Role.ALONE
    assert first.sigma_major_rad == pytest.approx(ALONG_RAD, rel=1e-12)
    assert first.sigma_minor_rad == pytest.approx(SIGMA_RAD, rel=1e-12)


def test_commanded_rates_are_those_of_the_path_a_lag_later() -> None:
    """The gimbal does late what it is told: central differences of the places that follow."""
    commands = searching(1500)
    x, y = (np.array([getattr(c, f"scan_{a}_rad") for c in commands]) for a in "xy")
    t_s = DT_S * np.arange(len(x))
    for axis, places in (("x", x), ("y", y)):
        told = np.array([getattr(c, f"scan_rate_{axis}_rad_s") for c in commands])
        moved = np.interp(t_s[2:-5] + K.lag_s, t_s[1:-1], (places[2:] - places[:-2]) / (2.0 * DT_S))
        off = np.abs(told[2:-5] - moved)
        # 0.5 rad/s^2 may jump where pieces meet, over half of the difference's 40 ms.
        assert off.max() < 0.5 * DT_S
        # Two milliradians out and further, jerk v^3 / r^2 is 2 rad/s^3: times (20 ms)^2 / 6.
        assert np.quantile(off, 0.9) < 0.13e-3


FIRST_COVER = searching(3000)


@settings(max_examples=40, deadline=None)
@given(st.floats(0.0, 1.0), st.floats(0.0, 2.0 * math.pi), st.integers(0, FRAME_TICKS - 1))
def test_every_place_of_the_covered_ellipse_is_confirmed_in_the_first_cover(
    radius: float, angle: float, phase: int
) -> None:
    """So many frames in a row show it, whatever their phase against the scan."""
    state, _ = run([sample(0)])
    assert state.scan is not None
    cover = round(state.scan.covers_s[0] / DT_S)
    covering = math.sqrt(-2.0 * math.log(1.0 - CONFIG.acquisition.coverage))
    xx, xy, yy = state.field
    root = np.linalg.cholesky(np.array([[xx, xy], [xy, yy]]))
    place = covering * radius * root @ (math.cos(angle), math.sin(angle))
    run_of_frames = longest = 0
    for k, command in enumerate(FIRST_COVER[:cover]):
        if k % FRAME_TICKS == phase:
            off = np.abs(place - (command.scan_x_rad, command.scan_y_rad))
            run_of_frames = run_of_frames + 1 if off.max() < HALF_FIELD_RAD else 0
            longest = max(longest, run_of_frames)
    assert longest >= CONFIG.acquisition.confirm_frames


def test_a_confirmed_beacon_halts_the_scan_and_a_lost_one_lets_it_go_on() -> None:
    state, before = run(sample(k) for k in range(100))
    state, halted = run((sample(k, confirmed=True) for k in range(100, 110)), state)
    place = before[-1].scan_x_rad, before[-1].scan_y_rad
    for command in halted:
        assert (command.scan_x_rad, command.scan_y_rad) == place
        assert (command.scan_rate_x_rad_s, command.scan_rate_y_rad_s) == (0.0, 0.0)
    _, after = run((sample(k) for k in range(110, 130)), state)
    straight_on = searching(120)[100:]
    assert [c.scan_x_rad for c in after] == [c.scan_x_rad for c in straight_on]


@pytest.mark.parametrize("mode", [m for m in Mode if m is not Mode.ACQUIRE])
def test_nothing_is_sought_in_other_modes(mode: Mode) -> None:
    state, _ = run(sample(k) for k in range(100))
    state, (command,) = run([sample(100, mode)], state)
    assert command == AcquisitionCommand()
    # And what comes next begins in the middle again.
    _, (command,) = run([sample(101)], state)
    assert (command.scan_x_rad, command.scan_y_rad) == (0.0, 0.0)


@pytest.mark.parametrize("lost_s", [2.0, 6.0, 20.0, 60.0])
def test_after_a_loss_the_field_is_that_of_the_drift(lost_s: float) -> None:
    """hypot of what tracking leaves, a random walk, and a rate error, but never over the first."""
    _, command = after_loss(5.0, lost_s)
    a, left = CONFIG.acquisition, CONFIG.coarse.handover_rad
    gone_s = lost_s + DT_S
    drift = a.attitude_drift_rad_per_sqrt_s * math.sqrt(gone_s)
    sigma = math.hypot(left, drift, a.rate_sigma_rad_s * gone_s)
    assert command.sigma_minor_rad == pytest.approx(min(sigma, SIGMA_RAD), rel=1e-9)
    assert command.sigma_major_rad == pytest.approx(min(sigma, ALONG_RAD), rel=1e-9)
    assert command.sweep == 0


def test_a_beacon_held_for_less_than_a_second_proves_nothing() -> None:
    """It may have been a false spot: the field is the whole again."""
    _, command = after_loss(0.9, 3.0)
    assert command.sigma_minor_rad == pytest.approx(SIGMA_RAD, rel=1e-12)
    _, command = after_loss(1.1, 3.0)
    assert command.sigma_minor_rad < 0.1 * SIGMA_RAD


def test_a_spot_that_never_lit_the_quad_cell_proves_nothing() -> None:
    modes = [Mode.ACQUIRE, *[Mode.TRACK] * 250, *[Mode.LOST] * 100, Mode.ACQUIRE]
    _, commands = run(sample(k, mode)._replace(quad_lit=0) for k, mode in enumerate(modes))
    assert commands[-1].sigma_minor_rad == pytest.approx(SIGMA_RAD, rel=1e-12)


def test_a_fade_is_no_doubt() -> None:
    """Light in nine ticks of ten, the last one dark, adds up to a second that is held."""
    modes = [Mode.ACQUIRE, *[Mode.TRACK] * 100, *[Mode.LOST] * 100, Mode.ACQUIRE]
    _, commands = run(
        sample(k, mode)._replace(quad_lit=mode is Mode.TRACK and k % 10 != 0)
        for k, mode in enumerate(modes)
    )
    assert commands[-1].sigma_minor_rad < 0.1 * SIGMA_RAD


def test_after_a_false_lock_the_field_is_the_whole_again() -> None:
    """What was held before no longer counts: the correction is forgotten."""
    state, _ = after_loss(5.0, 3.0)
    assert state.held_ns > 0
    state, (command,) = run([sample(5000)._replace(false_locks=1)], state)
    assert command.sigma_minor_rad == pytest.approx(SIGMA_RAD, rel=1e-12)
    # It is heard of once.
    state, _ = run(
        (sample(k, Mode.TRACK)._replace(false_locks=1) for k in range(5001, 5100)), state
    )
    assert state.held_ns > 0


@pytest.mark.parametrize("mode", [Mode.POINT, Mode.SAFE, Mode.STANDBY])
def test_what_was_learned_of_the_partner_is_forgotten_with_the_prediction(mode: Mode) -> None:
    """The coarse loop drops its correction there too."""
    state, _ = after_loss(5.0, 3.0)
    state, _ = run([sample(5000, mode)], state)
    _, (command,) = run([sample(5001)], state)
    assert command.sigma_minor_rad == pytest.approx(SIGMA_RAD, rel=1e-12)


def test_a_search_without_success_widens_and_then_begins_over_the_field_of_then() -> None:
    """Each cover is wider than the one before; in a long loss they grow with the drift as well."""
    state, _ = after_loss(5.0, 6.0)
    assert state.scan is not None
    first, per_s = state.field, CONFIG.acquisition.rate_sigma_rad_s
    begins = [(0.0, state.field.axes().minor_rad)]
    sweeps = [0]
    reach = {0: 0.0}
    ticks = round(60.0 / DT_S)
    for k in range(ticks):
        state, command = step(K, state, sample(600 + k), DT_S)
        if state.scan_s == 0.0:
            begins.append((k * DT_S, state.field.axes().minor_rad))
        if command.sweep != sweeps[-1]:
            sweeps.append(command.sweep)
        if len(begins) == 1:
            radius = math.hypot(command.scan_x_rad, command.scan_y_rad)
            reach[command.sweep] = max(reach.get(command.sweep, 0.0), radius)
    assert reach[1] > reach[0]
    assert sweeps[:4] == [0, 1, 0, 1]
    assert state.field.yy > first.yy
    (t0, s0), (t1, s1) = begins[-2:]
    # Late in a loss the rate's error is all of the growth.
    assert s1 - s0 == pytest.approx(per_s * (t1 - t0), rel=0.05)


def test_the_same_samples_give_the_same_commands_bit_for_bit() -> None:
    rng = np.random.default_rng(3)
    samples = [
        sample(
            k, mode, confirmed=bool(rng.random() < 0.05), sigma_rad=float(rng.uniform(1e-3, 5e-3))
        )
        for k, mode in enumerate(rng.choice([Mode.ACQUIRE] * 30 + [Mode.TRACK, Mode.LOST], 2000))
    ]
    assert run(samples)[1] == run(samples)[1]


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(Mode), st.integers(1, 80), st.booleans(), st.floats(1e-4, 0.02)),
        max_size=12,
    )
)
def test_no_history_makes_it_look_nowhere(
    history: list[tuple[Mode, int, bool, float]],
) -> None:
    state, tick = SearchState(), 0
    for mode, ticks, confirmed, sigma_rad in history:
        for _ in range(ticks):
            one = sample(tick, mode, confirmed=confirmed, sigma_rad=sigma_rad)
            state, command = step(K, state, one, DT_S)
            tick += 1
            assert all(math.isfinite(value) for value in command)
            rate = math.hypot(command.scan_rate_x_rad_s, command.scan_rate_y_rad_s)
            # Cubics between knots overshoot a little.
            assert rate <= 1.02 * K.limits.speed_rad_s


def with_partner(beam_rad: float) -> TerminalConfig:
    replace = msgspec.structs.replace
    return replace(
        CONFIG,
        acquisition=replace(CONFIG.acquisition, role="scan"),
        optics=replace(CONFIG.optics, uplink_beacon_divergence_rad=beam_rad),
    )


def test_limits_are_the_cameras_or_those_of_the_narrower_beam() -> None:
    side_rad = 2.0 * HALF_FIELD_RAD
    assert search_limits(CONFIG).spacing_rad == pytest.approx(0.7 * side_rad)
    assert search_limits(CONFIG).speed_rad_s == pytest.approx(CONFIG.acquisition.speed_rad_s)
    assert search_limits(with_partner(50e-3)).spacing_rad == pytest.approx(0.7 * side_rad)
    # Half of a Gaussian beam's peak lies within w sqrt(ln 2 / 2), w half of its full angle.
    narrow = search_limits(with_partner(2e-3))
    assert narrow.spacing_rad == pytest.approx(0.7 * 2e-3 * math.sqrt(0.5 * math.log(2.0)))
    chord = math.sqrt(1.0 - 0.7**2) * 2e-3 * math.sqrt(0.5 * math.log(2.0))
    frames = CONFIG.acquisition.confirm_frames + 1
    assert narrow.speed_rad_s == pytest.approx(chord * CONFIG.rates.camera_hz / frames)


FIRST_SCAN = """
import sys
from terminal.control.search.acquire import search_scan
from terminal.control.search.scan_limits import ScanLimits
from terminal.control.search.uncertainty import Uncertainty
before = set(sys.modules)
search_scan(Uncertainty(4e-5, 0.0, 3e-5), ScanLimits(4e-3, 5e-3, 0.02, 0.5), covers=2)
print(sorted(set(sys.modules) - before), "scipy" in sys.modules)
"""


def test_the_first_scan_imports_nothing_and_what_flies_no_scipy() -> None:
    """An import in a tick outlasts it; scipy, which only a plan needs, makes the start slow."""
    said = subprocess.run(
        [sys.executable, "-c", FIRST_SCAN], capture_output=True, text=True, check=True
    )
    assert said.stdout.strip() == "[] False"


@pytest.mark.parametrize("claimed_rad", [0.35, 10.0, 1e300])
def test_a_prediction_that_is_worth_nothing_is_sought_about_its_middle(claimed_rad: float) -> None:
    """An attitude in doubt, or a unit that claims it knows nothing: the scan is made all the same,
    and begins where the partner is predicted."""
    state, commands = run(sample(k, sigma_rad=claimed_rad) for k in range(3))
    assert commands[0].sigma_minor_rad == pytest.approx(WIDEST_SIGMA_RAD)
    assert state.scan is not None
    reach_rad = math.hypot(*state.scan.offset(0.98 * state.scan.covers_s[0]))
    assert 3.0 * WIDEST_SIGMA_RAD < reach_rad < 4.0 * WIDEST_SIGMA_RAD


def test_a_tone_needs_its_frames_on_every_place() -> None:
    """The scan leaves as many as it takes to hear it: slower, where that is more than confirm."""
    replace = msgspec.structs.replace
    a = replace(CONFIG.acquisition, speed_rad_s=1.0)
    beacon = replace(a.beacon, modulation_hz=5.0, modulation_depth=0.5, modulation_frames=16)
    plain = search_limits(replace(CONFIG, acquisition=a))
    toned = search_limits(replace(CONFIG, acquisition=replace(a, beacon=beacon)))
    assert toned.speed_rad_s / plain.speed_rad_s == pytest.approx((a.confirm_frames + 1) / 17)
