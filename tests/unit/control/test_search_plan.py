"""Planned distributions against brute force: targets drawn, frames walked, loops integrated."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binom, ncx2

from terminal.control.search.acquisition_time import TimeDistribution, quantile_interval
from terminal.control.search.confirmation import Looks
from terminal.control.search.footprint import Footprint, GaussianBeam, SquareField, marcum_q1
from terminal.control.search.mutual_search import Attempt, plan_mutual_search
from terminal.control.search.pull_in import PullIn
from terminal.control.search.scan import Pattern, Scan, search_scan
from terminal.control.search.scan_limits import scan_limits
from terminal.control.search.search_plan import plan_search
from terminal.control.search.uncertainty import Uncertainty

FIELD = SquareField(6.4e-3)
LOOKS = Looks(frame_rate_hz=25.0, confirm_frames=3, frame_probability=0.95, latency_s=0.05)
LOOP = PullIn(3.0, 0.57, 100e-6)
LIMITS = scan_limits(6.4e-3, 0.3, 0.0, 0.04, 4, 0.5)
DRAWS = 3000
KOLMOGOROV_99 = 1.628
"""99 % point of sqrt(n) times the largest distance between a sample's distribution and its own."""


def integrate(
    loop: PullIn,
    error: NDArray[np.float64],
    rate: NDArray[np.float64],
    period_s: float,
    latency_s: float,
    longest_s: float = 8.0,
) -> NDArray[np.float64]:
    """Time from the confirming frame to the first centred one, by small steps of Euler."""
    dt = 0.5e-3
    steps_a_frame, late = round(period_s / dt), round(latency_s / dt)
    e, u = error.copy(), rate.copy()
    seen: list[NDArray[np.float64]] = []
    done = np.full(len(e), np.inf)
    for i in range(round(longest_s / dt)):
        if i % steps_a_frame == 0:
            centred = (np.hypot(*e.T) < loop.handover_rad) & np.isinf(done)
            done[centred] = i * dt
            if not np.isinf(done).any():
                break
            seen.append(e.copy())
        if i >= late and (i - late) % steps_a_frame == 0:
            old = seen[(i - late) // steps_a_frame]
            u = np.clip(loop.gain_per_s * old, -loop.max_rate_rad_s, loop.max_rate_rad_s)
        e = e - u * dt
    return done


def brute_force(
    u: Uncertainty,
    scan: Scan,
    footprint: Footprint,
    looks: Looks,
    loop: PullIn | None,
    limit_s: float,
    seed: int,
) -> NDArray[np.float64]:
    """Times of so many searches; inf where the limit is passed."""
    rng = np.random.default_rng(seed)
    place = rng.multivariate_normal([0, 0], [[u.xx, u.xy], [u.xy, u.yy]], DRAWS)
    period = 1.0 / looks.frame_rate_hz
    phase = rng.uniform(0.0, period, DRAWS)
    run, when = np.zeros(DRAWS, int), np.full(DRAWS, np.inf)
    error, rate = np.zeros((DRAWS, 2)), np.zeros((DRAWS, 2))
    for k in range(math.ceil(limit_s / period)):
        open_ = np.flatnonzero(np.isinf(when))
        t = phase[open_] + k * period
        off = place[open_] - np.array([scan.offset(float(x)) for x in t]).reshape(-1, 2)
        chance = looks.frame_probability * footprint.detection(off[:, 0], off[:, 1])
        hit = rng.random(len(open_)) < chance
        run[open_] = np.where(hit, run[open_] + 1, 0)
        now = run[open_] == looks.confirm_frames
        who = open_[now]
        when[who], error[who] = t[now], off[now]
        rate[who] = np.array([scan.rate(float(x)) for x in t[now]]).reshape(-1, 2)
    found = np.isfinite(when)
    if loop is not None:
        when[found] += integrate(loop, error[found], rate[found], period, looks.latency_s)
    when += looks.latency_s
    return np.where(when < limit_s, when, np.inf)


def agrees(time: TimeDistribution, drawn: NDArray[np.float64]) -> None:
    """Median, 95th percentile and the whole distribution, each at 99 %."""
    for share in (0.5, 0.95):
        low, high = quantile_interval(time, share, len(drawn))
        assert low <= np.quantile(drawn, share, method="inverted_cdf") <= high
    ordered = np.sort(drawn[np.isfinite(drawn)])
    planned = np.interp(ordered, time.t_s, time.cdf)
    steps = np.arange(len(ordered) + 1) / len(drawn)
    furthest = max(np.abs(planned - steps[1:]).max(), np.abs(planned - steps[:-1]).max())
    assert furthest < KOLMOGOROV_99 / math.sqrt(len(drawn))


@pytest.mark.parametrize("pattern", ["spiral", "raster"])
@pytest.mark.parametrize("ratio", [1.0, 3.0])
def test_plan_is_what_brute_force_finds(pattern: Pattern, ratio: float) -> None:
    sigma, tilt = 4e-3, 0.6
    c, s = math.cos(tilt), math.sin(tilt)
    major = ratio * ratio
    u = Uncertainty(
        sigma**2 * (major * c * c + s * s),
        sigma**2 * (major - 1.0) * c * s,
        sigma**2 * (major * s * s + c * c),
    )
    scan = search_scan(u, LIMITS, pattern=pattern, covers=2)
    plan = plan_search(u, scan, FIELD, LOOKS, LOOP, 40.0)
    agrees(plan.time, brute_force(u, scan, FIELD, LOOKS, LOOP, 40.0, seed=round(ratio)))


def test_a_beam_that_scans_is_what_brute_force_finds() -> None:
    beam = GaussianBeam(full_divergence_rad=3e-3, threshold=0.3, jitter_rad=0.2e-3)
    looks = Looks(50.0, 2, 1.0, 0.3)
    u = Uncertainty(3e-3**2, 0.0, 2e-3**2)
    limits = scan_limits(beam.sure_diameter_rad, 0.3, 0.1e-3, 0.02, 2, 2.0)
    scan = search_scan(u, limits, covers=2)
    plan = plan_search(u, scan, beam, looks, None, 20.0)
    agrees(plan.time, brute_force(u, scan, beam, looks, None, 20.0, seed=5))


def test_small_footprint_and_sure_detection_is_the_closed_form() -> None:
    """Area spacing x speed x t of a circle holds 1 - exp(-area / 2 pi sigma^2)."""
    sigma, side = 4e-3, 0.4e-3
    u = Uncertainty(sigma**2, 0.0, sigma**2)
    limits = scan_limits(side, 0.3, 0.0, 0.02, 1, 500.0)
    scan = search_scan(u, limits, covers=1)
    plan = plan_search(u, scan, SquareField(side), Looks(50.0, 1, 1.0, 0.0), None, scan.duration_s)
    decay_s = 2.0 * math.pi * sigma**2 / (limits.spacing_rad * limits.speed_rad_s)
    for share in (0.3, 0.5, 0.8, 0.95):
        # A place is seen half a footprint before the middle of the beam's turn has passed it, and
        # by a square's corners before the disc's edge: one turn either way.
        t = -decay_s * math.log1p(-share)
        radius = sigma * math.sqrt(-2.0 * math.log1p(-share))
        assert plan.time.quantile_s(share) == pytest.approx(t, rel=2 * limits.spacing_rad / radius)
    assert plan.first_cover_probability >= 0.999


def test_uniform_density_is_found_at_a_steady_rate() -> None:
    """Over a field far wider than the cover the density is level: so much area, so much chance."""
    u = Uncertainty(0.2**2, 0.0, 0.2**2)
    limits = scan_limits(20e-3, 0.3, 0.0, 0.04, 1, 500.0)
    # 2 % of the field: within 1 % level.
    scan = search_scan(u, limits, coverage=0.02, covers=1)
    looks = Looks(25.0, 1, 1.0, 0.0)
    time = plan_search(u, scan, SquareField(20e-3), looks, None, scan.covers_s[0]).time
    per_s = limits.spacing_rad * limits.speed_rad_s / (2.0 * math.pi * 0.2**2)
    early, late = 0.25 * scan.duration_s, 0.75 * scan.duration_s
    gained = time.probability_within(late) - time.probability_within(early)
    # The pace is less than one near the middle: 1 % and more of a turn of three.
    assert gained == pytest.approx(per_s * (late - early), rel=0.05)


@pytest.mark.parametrize(
    "loop",
    [
        LOOP,
        LOOP._replace(handover_rad=800e-6),
        LOOP._replace(max_rate_rad_s=2e-3),
    ],
)
@pytest.mark.parametrize("latency_s", [0.0, 0.03, 0.055, 0.08])
def test_pull_in_against_small_steps(loop: PullIn, latency_s: float) -> None:
    rng = np.random.default_rng(8)
    error = rng.uniform(-3.2e-3, 3.2e-3, (200, 2))
    rate = rng.uniform(-20e-3, 20e-3, (200, 2))
    frames = loop.frames(error, rate, 0.04, latency_s)
    expected = integrate(loop, error, rate, 0.04, latency_s) / 0.04
    # Euler is of first order: rarely, a frame shows the error on the other side of the limit.
    assert np.mean(np.abs(frames - expected) > 1e-6) < 0.03
    assert np.abs(frames - expected).max() <= 1.0 + 1e-6


def test_pull_in_without_latency_is_geometric() -> None:
    """e[k + 1] = (1 - gain period) e[k]: 3 mrad under 0.1 takes ln 30 / -ln 0.88 = 26.6 frames."""
    loop = PullIn(3.0, 1.0, 100e-6)
    frames = loop.frames(np.array([[3e-3, 0.0], [0.0, 99e-6]]), np.zeros((2, 2)), 0.04, 0.0)
    assert frames.tolist() == [27, 0]


def test_a_loop_that_does_not_settle_never_centres() -> None:
    unstable = PullIn(60.0, 0.57, 1e-6)
    assert unstable.frames(np.array([[1e-3, 0.0]]), np.zeros((1, 2)), 0.04, 0.05).tolist() == [-1]


def test_marcum_q_is_the_noncentral_chi_square() -> None:
    a = np.array([0.0, 0.3, 1.0, 2.5, 7.0, 20.0, 300.0])
    for b in (0.05, 1.0, 3.0, 8.0, 25.0, 301.0):
        np.testing.assert_allclose(marcum_q1(a, b), ncx2.sf(b * b, 2, a * a), atol=1e-12)


def test_beam_detection_at_its_edge_and_without_jitter() -> None:
    """Half of the peak is at w sqrt(ln 2 / 2) from the middle."""
    beam = GaussianBeam(2e-3, 0.5, 0.0)
    edge = 1e-3 * math.sqrt(0.5 * math.log(2.0))
    assert beam.sure_diameter_rad == pytest.approx(2 * edge)
    inside = beam.detection(np.array([0.99 * edge, 1.01 * edge]), np.zeros(2))
    assert inside.tolist() == [1.0, 0.0]
    shaken = beam._replace(jitter_rad=0.3e-3)
    rng = np.random.default_rng(2)
    x, y = 0.3e-3 * rng.normal(size=(2, 200_000)) + [[edge], [0.0]]
    share = float(np.mean(np.hypot(x, y) < edge))
    got = float(shaken.detection(np.array([edge]), np.zeros(1))[0])
    assert abs(got - share) < 2.576 * math.sqrt(share * (1 - share) / 2e5)
    assert shaken.detection(np.array([shaken.reach_rad]), np.zeros(1))[0] < 1e-4


def exponential(mean_s: float, limit_s: float) -> TimeDistribution:
    t = np.linspace(0.0, limit_s, 20001)
    return TimeDistribution(t, -np.expm1(-t / mean_s))


def test_distribution_of_an_exponential() -> None:
    time = exponential(2.0, 40.0)
    assert time.median_s == pytest.approx(2.0 * math.log(2.0), rel=1e-5)
    assert time.p95_s == pytest.approx(2.0 * math.log(20.0), rel=1e-5)
    assert time.expected_s == pytest.approx(2.0, rel=1e-5)
    assert time.quantile_s(0.0) == 0.0
    assert exponential(2.0, 1.0).p95_s == math.inf


@pytest.mark.parametrize("share", [0.5, 0.95])
def test_quantile_interval_holds_the_order_statistic_99_of_100_times(share: float) -> None:
    """P(X_(r) <= t) = P(at least r of n draws are under t): binomial."""
    time, n = exponential(1.0, 60.0), 500
    low, high = quantile_interval(time, share, n)
    lower, upper = math.floor((n - 1) * share) + 1, math.ceil((n - 1) * share) + 1
    below = binom.sf(lower - 1, n, time.probability_within(low))
    above = binom.cdf(upper - 1, n, time.probability_within(high))
    assert below == pytest.approx(0.005, rel=1e-3)
    assert above == pytest.approx(0.005, rel=1e-3)


def test_mutual_search_against_draws() -> None:
    """Attempts with timeouts, walked one by one."""
    first, second, other = exponential(3.0, 30.0), exponential(1.0, 30.0), exponential(2.0, 30.0)
    attempts = [Attempt(first, 4.0, second, 1.5), Attempt(other, 3.0, second, 2.0)]
    planned = plan_mutual_search(attempts, 0.25, 60.0)
    rng = np.random.default_rng(4)
    drawn = []
    for _ in range(20_000):
        t, turn = 0.0, 0
        while True:
            mean_s, (_, timeout_s, _, second_timeout_s) = (3.0, 2.0)[turn % 2], attempts[turn % 2]
            turn += 1
            seen_s = rng.exponential(mean_s)
            if seen_s > timeout_s:
                t += timeout_s
                continue
            t += seen_s + 0.25
            found_s = rng.exponential(1.0)
            if found_s > second_timeout_s:
                t += second_timeout_s
                continue
            drawn.append(t + found_s + 0.25)
            break
    agrees(planned, np.array(drawn))


def test_mutual_search_in_sure_and_in_hopeless_cases() -> None:
    never = TimeDistribution(np.array([0.0, 30.0]), np.zeros(2))
    assert plan_mutual_search([Attempt(never, 5.0, never, 5.0)], 0.1, 30.0).probability == 0.0
    # Level from 1 s to 2 s, twice, and two messages of 0.5 s: a triangle from 3 s to 5 s.
    level = TimeDistribution(np.array([0.0, 1.0, 2.0]), np.array([0.0, 0.0, 1.0]))
    sum_ = plan_mutual_search([Attempt(level, 3.0, level, 3.0)], 0.5, 10.0)
    for t, p in ((3.0, 0.0), (3.5, 0.125), (4.0, 0.5), (4.5, 0.875), (5.0, 1.0)):
        assert sum_.probability_within(t) == pytest.approx(p, abs=1e-4)
    with pytest.raises(ValueError, match="timeouts"):
        plan_mutual_search([Attempt(level, 0.0, level, 1.0)], 0.1, 10.0)


def test_a_field_too_fine_to_plan_is_refused() -> None:
    u = Uncertainty(20e-3**2, 0.0, 20e-3**2)
    beam = GaussianBeam(30e-6, 0.5, 0.0)
    scan = search_scan(u, scan_limits(1e-3, 0.3, 0.0, 0.04, 3, 0.5), covers=1)
    with pytest.raises(ValueError, match="too wide to plan"):
        plan_search(u, scan, beam, LOOKS, None, 1.0)
