"""The mirror loop closed over a quad cell, a mirror and a disturbance, all of the test's own."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mirror_bench import (
    CONFIG,
    DT_S,
    RAD_PER_COUNT,
    RATE_HZ,
    SPOT_RAD,
    START_NS,
    STROKE_RAD,
    Array,
    Bench,
    closed_bench,
    counts,
    told,
)
from msgspec.structs import replace
from scipy.linalg import solve_discrete_are

from terminal.codec import TickCodec
from terminal.control.fine.detector import offset_in_spots
from terminal.control.fine.events import FineEvent
from terminal.control.fine.step import initial, step
from terminal.messages import MESSAGES, FineCommand, FineSample

NOISE_COUNTS = 8.0


def silex(n: int, seed: int) -> Array:
    """(n, 2) rad of the ESA/SILEX spectrum: first order, variance 80 pi urad^2, corner 1 Hz."""
    rng = np.random.default_rng(seed)
    pole = math.exp(-2.0 * math.pi / RATE_HZ)
    drive = math.sqrt(80.0 * math.pi * (1.0 - pole**2)) * 1e-6 * rng.normal(size=(n, 2))
    out, last = np.empty((n, 2)), np.zeros(2)
    for k in range(n):
        last = pole * last + drive[k]
        out[k] = last
    return out


def bound_rad(delay: int, noise_rad: float) -> float:
    """Of any controller on that spectrum: Kalman prediction by the Riccati equation."""
    pole, variance = math.exp(-2.0 * math.pi / RATE_HZ), 80.0 * math.pi * 1e-12
    q = variance * (1.0 - pole**2)
    unit = 1e-12  # Keeps the equation's numbers near one.
    p = unit * float(
        solve_discrete_are([[pole]], [[1.0]], [[q / unit]], [[noise_rad**2 / unit]])[0, 0]
    )
    for _ in range(delay - 1):
        p = pole**2 * p + q
    return math.sqrt(p)


def test_with_a_resonant_mirror_the_residual_is_the_bound() -> None:
    """The mirror answers by another gain, rotation and resonance than it is told."""
    bench = Bench(((1.03, 0.02), (-0.02, 0.98)), 1400.0, 0.65, NOISE_COUNTS)
    error = bench.run(silex(50_000, 1))[25_000:]
    # Four noises on the slope sqrt(8/pi)/w of the sum.
    noise_rad = 2.0 * NOISE_COUNTS / 8000.0 * SPOT_RAD / math.sqrt(8.0 / math.pi)
    bound = bound_rad(bench.delay, noise_rad)
    assert np.sqrt(np.mean(error**2, axis=0)) == pytest.approx([bound, bound], rel=0.05)


@pytest.mark.parametrize("offset", [-1.3, -0.4, 0.0, 0.003, 0.02, 0.2, 0.9, 1.5])
def test_the_place_follows_from_the_reading(offset: float) -> None:
    """Also where the cell is far from linear; beyond 0.98 of the light nothing is known."""
    share = math.erf(math.sqrt(2.0) * offset)
    known = min(abs(offset), 1.163)  # erf(sqrt(2) 1.163) = 0.98.
    assert offset_in_spots(share, 0) == pytest.approx(math.copysign(known, offset), rel=2e-4)


def test_a_lateral_effect_detector_is_linear_to_its_edge() -> None:
    """Slope sqrt(8/pi) in units of the spot, as the cell's in its middle."""
    for share in (-1.0, -0.5, 0.01, 0.9):
        assert offset_in_spots(share, 1) == pytest.approx(share / math.sqrt(8.0 / math.pi))
    assert offset_in_spots(0.01, 1) == pytest.approx(offset_in_spots(0.01, 0), rel=1e-4)


def test_light_that_is_no_beacon_does_not_lower_the_gain() -> None:
    """As much of it as a cell with a weak beacon sees: seen in the dark, and taken off."""
    bench = Bench()

    def with_sky(scan: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
        a, b, c, d = (n + 150 for n in scan)
        return a, b, c, d

    bench.spoil = with_sky
    bench.enable = 0
    bench.run(np.zeros(10_000), light=0.0)
    bench.tick(30e-6, -20e-6, light=2500.0)
    # 600 of the sky in 3100 counts would take 19 % off.
    assert bench.command.beacon
    assert (bench.command.x_rad, bench.command.y_rad) == pytest.approx((30e-6, -20e-6), rel=0.03)


def test_more_background_than_the_least_beacon_has_to_be_told() -> None:
    """2400 counts of the sky, as seen before the pass, and a beacon of as many."""
    fine = replace(CONFIG.fine, background_counts=2400.0)
    bench = Bench(config=replace(CONFIG, fine=fine))

    def with_sky(scan: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
        a, b, c, d = (n + 600 for n in scan)
        return a, b, c, d

    bench.spoil = with_sky
    bench.enable = 0
    bench.run(np.zeros(5000), light=0.0)
    assert not bench.command.beacon
    bench.tick(30e-6, -20e-6, light=2400.0)
    assert bench.command.beacon
    assert (bench.command.x_rad, bench.command.y_rad) == pytest.approx((30e-6, -20e-6), rel=0.03)


def test_a_loop_that_closes_goes_over_without_a_jump() -> None:
    bench = closed_bench()
    bench.enable = 0
    bench.run(np.full(2000, 80e-6))
    assert not bench.command.closed
    assert abs(bench.command.x_counts) <= 1
    bench.enable = 1
    moves = []
    for _ in range(300):
        before = bench.mirror_rad[0]
        bench.tick(80e-6)
        moves.append(bench.mirror_rad[0] - before)
    assert bench.command.closed
    assert max(np.abs(moves)) < 8e-6
    assert bench.error[0] == pytest.approx(0.0, abs=0.1e-6)


def test_a_large_step_is_met_where_the_cell_is_not_linear() -> None:
    bench = closed_bench()
    errors = bench.run(np.full(300, 200e-6))[:, 0]
    assert abs(errors[-1]) < 0.1e-6
    assert errors.min() > -60e-6


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_nothing_winds_up_at_the_stop(side: float) -> None:
    bench = closed_bench()
    there = np.full(150, 1.0)
    # Far out, but the light still falls on the cell: just beyond the mirror's reach.
    out = STROKE_RAD + 60e-6
    ramp = np.linspace(0.0, 1.0, 3000)
    path = side * out * np.concatenate([ramp, there])
    bench.run(np.stack([path, -path], 1))
    assert (bench.command.x_counts, bench.command.y_counts) == (side * 32767, -side * 32767)
    back = np.full(200, side * (STROKE_RAD - 60e-6))
    errors = bench.run(np.stack([back, -back], 1))
    assert np.abs(errors[10:]).max() < 30e-6
    assert np.abs(errors[-1]).max() < 1e-6


def test_through_a_short_fade_it_is_led_by_what_it_learned_then_it_opens_and_releases() -> None:
    t = np.arange(12_000) * DT_S
    angle = 100e-6 * np.sin(2 * np.pi * 3.0 * t)
    bench = closed_bench()
    bench.run(angle[:10_000])
    errors = bench.run(angle[10_000:10_090], light=0.0)
    assert np.abs(errors).max() < 3e-6
    assert bench.command.closed
    assert not bench.command.beacon
    bench.run(angle[10_090:10_102], light=0.0)
    assert not bench.command.closed
    moves = []
    for _ in range(500):
        bench.tick(0.0, light=0.0)
        moves.append(abs(bench.command.x_counts))
    assert moves == sorted(moves, reverse=True)
    assert moves[250] / moves[0] == pytest.approx(math.exp(-1.0), rel=0.01)
    # Light closes it again at once: it faded, it was not driven away.
    assert bench.tick(0.0).closed


def test_a_scan_that_did_not_come_is_darkness() -> None:
    bench = closed_bench()
    sample = FineSample(bench.t_ns + 200_000, 0, 0, 0, 0, 0, 0, 1)
    _, command = step(bench.state, sample, DT_S)
    assert (command.beacon, command.closed) == (0, 1)
    assert command.scan_age_s == pytest.approx(DT_S)


def test_ticks_that_did_not_take_place_are_counted_in() -> None:
    """After an overrun the disturbance is where it went meanwhile, and so is the mirror."""
    t = np.arange(20_000) * DT_S
    angle = 50e-6 * np.sin(2 * np.pi * 5.0 * t)
    bench = closed_bench()
    bench.run(angle[:10_000])
    for late in range(10_000, 20_000, 500):
        bench.run(angle[late : late + 490])
        bench.late_tick(float(angle[late + 499]), missed=9)
    assert abs(bench.run(angle[19_990:])[-1, 0]) < 1e-6


def test_offload_and_rms_are_low_passes() -> None:
    """Of 0.1 s each; the mean square starts from the spot's."""
    bench = closed_bench()
    bench.run(np.full(5000, 100e-6))
    assert bench.command.mean_mirror_x_rad == pytest.approx(100e-6, rel=1e-3)
    assert bench.command.rms_rad < 1e-6


@pytest.mark.parametrize("aim_rad", [(50e-6, 0.0), (-30e-6, 70e-6)])
def test_the_beacon_is_held_where_it_shall_stand(aim_rad: tuple[float, float]) -> None:
    """A moved tracking point: against the true angle, not the cell's bent scale."""
    bench = closed_bench()
    bench.aim_rad = aim_rad
    bench.run(np.full(500, 20e-6))
    assert bench.error == pytest.approx(aim_rad, abs=0.1e-6)
    # What the loop calls its residual is what is left to the point, not to the centre.
    assert math.hypot(bench.command.x_rad, bench.command.y_rad) < 0.1e-6


FAULTY = {
    "mirror stuck": FineEvent.MIRROR_STUCK,
    "axes swapped": FineEvent.AXES_SWAPPED,
    "sign flipped": FineEvent.SIGN_FLIPPED,
    "one sign flipped": FineEvent.SIGN_FLIPPED,
    "delay longer by two": FineEvent.DELAY_WRONG,
    "answers by a third": FineEvent.RESPONSE_OFF,
    "scan stuck": FineEvent.SENSOR_STUCK,
    "saturated": FineEvent.SENSOR_SATURATED,
}


def spoil(bench: Bench, fault: str) -> None:
    if fault == "mirror stuck":
        bench.moves = False
    elif fault == "axes swapped":
        bench.matrix = np.array([[0.0, 1.0], [1.0, 0.0]])
    elif fault == "sign flipped":
        bench.matrix = -np.eye(2)
    elif fault == "one sign flipped":
        bench.matrix = np.diag([1.0, -1.0])
    elif fault == "delay longer by two":
        bench.delay += 2
    elif fault == "answers by a third":
        bench.matrix = np.eye(2) / 3.0
    elif fault == "scan stuck":
        held = counts(3e-6, -2e-6)
        bench.spoil = lambda scan: held
    elif fault == "saturated":
        bench.spoil = lambda scan: (32767, 32767, 32767, 32767)


# That scans repeat can be told only where they did not before; a loop that follows as well as it
# did is not asked how.
NAMED = [
    (fault, at)
    for fault in FAULTY
    for at in (0, 10_000)
    if (fault, at) not in (("scan stuck", 0), ("answers by a third", 10_000))
]


@pytest.mark.parametrize(("fault", "at"), NAMED)
def test_what_is_wrong_is_named_within_half_a_second_and_made_safe(fault: str, at: int) -> None:
    bench = Bench(noise_counts=NOISE_COUNTS)
    angle = silex(at + 7500, 7)
    bench.run(angle[:at])
    assert bench.named() in (FineEvent(0), FineEvent.PROBING)
    spoil(bench, fault)
    bench.run(angle[at : at + 2500])
    assert FAULTY[fault] in bench.named(at)
    others = {event for event in FAULTY.values() if event != FAULTY[fault]}
    if fault != "saturated":  # Which repeats itself, too.
        assert not any(event in bench.named(at) for event in others)
    left = bench.run(angle[at + 2500 :])
    if fault == "mirror stuck":
        return  # It stands where it stands.
    # Safe: no worse than a mirror that stands in its centre, save for what probing adds.
    assert np.sqrt(np.mean(left**2)) < 1.5 * np.sqrt(np.mean(angle[at + 2500 :] ** 2))


@pytest.mark.parametrize("later", [6, 10])
def test_an_answer_that_the_fallback_does_not_bear_leaves_the_loop_open(later: int) -> None:
    bench = Bench(noise_counts=NOISE_COUNTS)
    bench.delay += later
    angle = silex(15_000, 8)
    left = bench.run(angle)
    assert FineEvent.DELAY_WRONG in bench.events[-1]
    assert not any(bench.closed)
    assert np.sqrt(np.mean(left**2)) < 1.2 * np.sqrt(np.mean(angle**2))


@pytest.mark.parametrize("delay", [1, 2, 20])
def test_all_delays_that_may_be_configured_are_told_apart(delay: int) -> None:
    bench = Bench(noise_counts=NOISE_COUNTS, config=told(delay_samples=delay))
    bench.run(silex(2000, 3))
    assert bench.command.closed
    assert not bench.command.events


def test_darkness_in_a_probe_of_doubt_does_not_bring_trust_back() -> None:
    bench = Bench(noise_counts=NOISE_COUNTS)
    angle = silex(20_000, 5)
    bench.run(angle[:5000])
    spoil(bench, "sign flipped")
    while FineEvent.PROBING not in bench.events[-1]:
        bench.tick(*angle[0].tolist())
    bench.run(angle[5000:10_000], light=0.0)
    back = len(bench.closed)
    left = bench.run(angle[10_000:])
    assert not any(bench.closed[back:])
    assert np.abs(left).max() < 1.5 * np.abs(angle).max()


def test_driven_off_the_cell_it_is_asked_at_once() -> None:
    """Not after what is left of the wait since the last probe."""
    bench = closed_bench(noise_counts=NOISE_COUNTS)
    bench.state.loop["wait_s"] = 30.0
    spoil(bench, "sign flipped")
    bench.run(silex(10_000, 6))
    assert FineEvent.SIGN_FLIPPED in bench.named()


def test_a_probe_ends_where_the_loop_is_disabled() -> None:
    bench = Bench(noise_counts=NOISE_COUNTS)
    bench.run(np.zeros(100))
    assert FineEvent.PROBING in bench.events[-1]
    bench.enable = 0
    bench.run(np.zeros(3000))
    assert bench.command.events == 0
    assert (bench.command.x_counts, bench.command.y_counts) == (0, 0)


@pytest.mark.parametrize(("size_rad", "ticks"), [(6e-6, 5000), (14e-6, 100)])
def test_a_burst_does_not_open_a_sound_loop_for_more_than_a_probe(
    size_rad: float, ticks: int
) -> None:
    bench = closed_bench(noise_counts=NOISE_COUNTS)
    angle = silex(18_000, 4)
    rng = np.random.default_rng(1)
    angle[10_000 : 10_000 + ticks] += size_rad * rng.normal(size=(ticks, 2))
    bench.run(angle[:10_000])
    before = len(bench.closed)
    bench.run(angle[10_000:])
    assert FineEvent.PROBING in bench.named(before)
    assert np.sum(np.logical_not(bench.closed[before:])) <= 410


@pytest.mark.parametrize("rise_s", [2.0, 10.0])
def test_a_beacon_that_rises_slowly_is_seen(rise_s: float) -> None:
    bench = Bench(noise_counts=NOISE_COUNTS)
    ticks = round(rise_s * RATE_HZ)
    for k in range(ticks):
        bench.tick(0.0, 0.0, light=8000.0 * k / ticks)
    assert bench.command.beacon
    assert bench.command.closed


def test_what_the_gimbal_takes_over_is_in_the_image_whatever_the_mirrors_axes() -> None:
    """A mirror mounted upside down, as calibrated, and a detector that shows nine tenths."""
    turned = ((-0.9, 0.0), (0.0, -0.9))
    # The bench's detector shows true radians: the spot is told a tenth too small.
    optics = replace(CONFIG.optics, quad_spot_rad=0.9 * SPOT_RAD)
    bench = Bench(((-1.0, 0.0), (0.0, -1.0)), config=replace(told(matrix=turned), optics=optics))
    bench.run(np.stack([np.full(5000, 60e-6), np.full(5000, -40e-6)], 1))
    assert bench.command.closed
    mean = bench.command.mean_mirror_x_rad, bench.command.mean_mirror_y_rad
    assert mean == pytest.approx((60e-6, -40e-6), abs=0.2e-6)
    bench.aim_rad = (30e-6, 0.0)
    bench.run(np.stack([np.full(500, 60e-6), np.full(500, -40e-6)], 1))
    assert bench.error == pytest.approx((30e-6, 0.0), abs=0.2e-6)


def test_when_the_delay_is_right_again_the_model_is_back() -> None:
    bench = Bench(noise_counts=NOISE_COUNTS)
    angle = silex(60_000, 10)
    bench.run(angle[:5000])
    spoil(bench, "delay longer by two")
    bench.run(angle[5000:10_000])
    assert FineEvent.INTEGRATOR in bench.events[-1]
    bench.delay -= 2
    left = bench.run(angle[10_000:])
    assert bench.command.events == 0
    assert np.sqrt(np.mean(left[-20_000:] ** 2)) < 1.3e-6


def test_when_the_fault_is_gone_the_loop_closes_again() -> None:
    bench = Bench(noise_counts=NOISE_COUNTS)
    angle = silex(60_000, 9)
    bench.run(angle[:5000])
    spoil(bench, "sign flipped")
    bench.run(angle[5000:10_000])
    assert not bench.command.closed
    bench.matrix = np.eye(2)
    left = bench.run(angle[10_000:])
    assert bench.command.closed
    assert bench.command.events == 0
    assert np.sqrt(np.mean(left[-20_000:] ** 2)) < 2e-6


def test_a_sound_loop_is_not_accused() -> None:
    """Gusts, steps and fades make it doubt, and ask; the answer is that all is well."""
    rng = np.random.default_rng(2)
    angle = silex(60_000, 11)
    t = np.arange(60_000) * DT_S
    for begin in rng.uniform(1.0, 11.0, size=12):
        angle[t > begin] += rng.normal(size=2) * 20e-6
    bench = Bench(noise_counts=NOISE_COUNTS)
    for k, (x, y) in enumerate(angle.tolist()):
        bench.tick(x, y, light=0.0 if k % 9000 < 60 else 8000.0)
    assert bench.named() in (FineEvent(0), FineEvent.PROBING)
    assert np.mean(bench.closed) > 0.95


ticks = st.tuples(
    *[st.integers(-32768, 32767)] * 4, st.booleans(), st.booleans(), st.floats(1e-5, 5.0)
)


@settings(deadline=None)
@given(st.lists(ticks, max_size=30))
def test_whatever_comes_and_however_late_the_command_fits_the_dac(
    rows: list[tuple[int, int, int, int, bool, bool, float]],
) -> None:
    codec, state, t_ns = TickCodec(MESSAGES["fine"]), initial(CONFIG), START_NS
    for a, b, c, d, fresh, enable, dt_s in rows:
        t_ns += round(dt_s * 1e9)
        sample = FineSample(t_ns, a, b, c, d, int(fresh), 0, int(enable))
        state, command = step(state, sample, dt_s)
        assert isinstance(command, FineCommand)
        codec.pack(0, sample, command)
        assert max(abs(command.x_counts), abs(command.y_counts)) <= 32767
        assert max(abs(command.mean_mirror_x_rad), abs(command.mean_mirror_y_rad)) <= (
            STROKE_RAD + RAD_PER_COUNT
        )
