"""Which of many candidates is confirmed: simulated at the level of places, without images."""

import math

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.loader import load_scenario
from config.terminal import Acquisition
from sim_devices.disturbance import JitterSource, sampled
from terminal.control.image.star_motion import Nature, Sighting, star_log_odds
from terminal.control.image.tracks import (
    FALSE_KEPT_S,
    JITTERS_IN_GATE,
    MAX_TRACKS,
    MISSED,
    Candidate,
    Track,
    advance,
    disproved,
)
from terminal.geometry.vector import Vec

FRAME_NS = 40_000_000
FRAME_S = FRAME_NS * 1e-9
FIELD_RAD = 6.4e-3
STILL = (0.0, 0.0, 0.0)
BASE = load_scenario("leo_laps_downlink").terminal.acquisition


def settings_with(**changes: float) -> Acquisition:
    """Three frames, one miss allowed, dropped after five."""
    beacon = msgspec.structs.replace(BASE.beacon, confirm_misses=1, **changes)
    return msgspec.structs.replace(BASE, confirm_frames=3, drop_frames=5, beacon=beacon)


def candidate(x_rad: float, y_rad: float, power: float = 1.0) -> Candidate:
    return Candidate((0.0, x_rad, y_rad), power)


class Frames:
    """Frames one after the other."""

    def __init__(self, config: Acquisition, los_rate: Vec = STILL, alone: bool = False) -> None:
        self.config, self.los_rate, self.alone = config, los_rate, alone
        self.tracks: tuple[Track, ...] = ()
        self.t_ns = 10**18

    def show(self, *candidates: Candidate) -> Track | None:
        """The confirmed track after a frame with these."""
        self.t_ns += FRAME_NS
        self.tracks = advance(
            self.config, self.tracks, candidates, self.los_rate, self.t_ns, alone=self.alone
        )
        assert len(self.tracks) <= MAX_TRACKS
        return next((track for track in self.tracks if track.confirmed), None)


def false_confirmations(rng: np.random.Generator, gate: float, share: float, frames: int) -> int:
    """How often spots at random places, in a share of the frames, are taken for a beacon."""
    sky = Frames(settings_with(gate_rad=gate, drift_rad_s=0.0))
    count = 0
    for there, x, y in zip(
        rng.random(frames) < share, *rng.uniform(0.0, FIELD_RAD, (2, frames)), strict=True
    ):
        if sky.show(*([candidate(x, y)] if there else [])):
            count += 1
            sky.tracks = ()
    return count


def expected_confirmations(gate: float, share: float, frames: int) -> float:
    """Three frames of the last four with the first among them: 1110, 1101 and 1011 in time, each
    with probability share^3 times that of two more spots in the gate about the first. Spots near
    the rim of the field have less of a gate; this is the bound without the rim."""
    inside = math.pi * gate**2 / FIELD_RAD**2
    return frames * 3.0 * share**3 * inside**2


def test_false_confirmations_at_five_percent_of_false_spots() -> None:
    """0.14 are expected in 100,000 frames with the wide gate of a drone; over 3 come with 2e-5."""
    assert BASE.beacon.gate_rad == 900e-6
    assert expected_confirmations(900e-6, 0.05, 100_000) == pytest.approx(0.144, abs=0.001)
    assert false_confirmations(np.random.default_rng(1), 900e-6, 0.05, 100_000) <= 3


def test_false_confirmations_come_as_often_as_theory_says() -> None:
    """The same where it is not too rare to count."""
    gate, share, frames = 700e-6, 0.3, 60_000
    bound = expected_confirmations(gate, share, frames)
    count = false_confirmations(np.random.default_rng(2), gate, share, frames)
    # The rim: the mean over the field of the square of the part of the gate that lies inside.
    rng = np.random.default_rng(3)
    first = rng.uniform(0.0, FIELD_RAD, (2, 2000, 1))
    others = rng.uniform(0.0, FIELD_RAD, (2, 1, 2000))
    near = (np.hypot(*(first - others)) < gate).mean(axis=1)
    expected = frames * 3.0 * share**3 * float(np.mean(near**2))
    assert expected < bound
    # Frames are lost after each confirmation, and a crowd of spots confirms once: under 5 % here.
    assert abs(count - expected) < 4.0 * math.sqrt(expected) + 0.05 * expected


def test_a_still_spot_is_confirmed_in_three_frames_of_four() -> None:
    for pattern in ([1, 1, 1], [1, 0, 1, 1], [1, 1, 0, 1]):
        sky = Frames(settings_with())
        answers = [bool(sky.show(*[candidate(0.0, 0.0)] * shown)) for shown in pattern]
        assert answers == [False] * (len(pattern) - 1) + [True]
    sky = Frames(settings_with())
    assert not any(sky.show(*[candidate(0.0, 0.0)] * shown) for shown in [1, 0, 0, 1, 1, 0, 0, 1])


@pytest.mark.parametrize("jitter_rad", [0.0, 16e-6, 200e-6])
def test_the_beacon_is_confirmed_however_the_gimbal_scans(jitter_rad: float) -> None:
    """Its place does not depend on the boresight. A gate of four jitters of one axis is left, seen
    from another jittering sighting, with exp(-4) at most; one miss in four frames is allowed."""
    rng = np.random.default_rng(4)
    config = settings_with(gate_rad=JITTERS_IN_GATE * max(jitter_rad, 25e-6))
    late = 0
    for _ in range(500):
        sky = Frames(config)
        shown = [sky.show(candidate(*rng.normal(1e-3, jitter_rad, 2))) for _ in range(4)]
        late += shown[3] is None
    # Frame 2 or 3 out, and another: about (2 exp(-4))^2.
    assert late <= 500 * 0.01


def test_a_hot_pixel_under_the_scan_is_not_confirmed() -> None:
    """Fixed in the image, it moves with the boresight: 20 mrad/s are 800 urad a frame."""
    sky = Frames(settings_with())
    for k in range(200):
        scan = 20e-3 * FRAME_S * k
        assert sky.show(candidate(scan, 0.0)) is None


def star_field(config: Acquisition, rate: float, jitter: float, seed: int) -> tuple[int, int, int]:
    """Frames with a star confirmed, the longest run of them, and frames. As bright as the beacon,
    one star is in the field at a time, in the mean of four fields."""
    rng = np.random.default_rng(seed)
    sky = Frames(config, los_rate=(0.0, rate, 0.0))
    stars = rng.uniform(-0.5, 0.5, (4, 2)) * (4 * FIELD_RAD, FIELD_RAD)
    wrong = run = longest = 0
    frames = 600
    for k in range(frames):
        drift = np.array([rate * FRAME_S * k, 0.0])
        places = stars - drift + rng.normal(0.0, jitter, 2)
        places[:, 0] = (places[:, 0] + 2 * FIELD_RAD) % (4 * FIELD_RAD) - 2 * FIELD_RAD
        shown = [candidate(x, y) for x, y in places.tolist() if abs(x) < FIELD_RAD / 2]
        confirmed = sky.show(*shown) is not None
        wrong += confirmed
        run = run + 1 if confirmed else 0
        longest = max(longest, run)
    return wrong, longest, frames


@pytest.mark.parametrize("rate", [3e-3, 5e-3, 8e-3])
def test_a_drifting_star_field_is_not_confirmed_behind_a_quiet_gimbal(rate: float) -> None:
    """Jitter of 50 urad, as a gimbal on a steady platform with noisy navigation leaves. At 3 mrad/s
    the odds for a star are 5.8 +- 3.4 after three frames: 8 % of the stars, each 50 frames in the
    field, are confirmed for a frame or two."""
    wrong, _, frames = star_field(settings_with(gate_rad=200e-6), rate, 50e-6, 5)
    assert wrong <= 0.01 * frames


@pytest.mark.parametrize("rate", [3e-3, 5e-3, 8e-3])
def test_behind_a_restless_gimbal_a_star_is_found_out(rate: float) -> None:
    """In three frames a drift of 3 mrad/s is 240 urad, and the jitter of the difference of two
    places 280: stars are taken for the beacon. Ten e-folds of odds take n^3 / 24 > 10 (225 / 120)^2
    frames, ten, and none lasts longer than half a second."""
    wrong, longest, frames = star_field(settings_with(gate_rad=900e-6), rate, 200e-6, 6)
    assert longest * FRAME_S < 0.5
    assert wrong < 0.2 * frames


def test_a_fast_camera_does_not_take_slow_jitter_for_a_star() -> None:
    """Behind a drone's gimbal the beacon goes one way for ten frames of 100 Hz, as a star would.
    With sightings as far apart as theory asks, exp(-10) of 200 beacons are mistaken for one."""
    config, los_rate = settings_with(gate_rad=900e-6), (0.0, 2e-3, 2e-3)
    model = sampled("drone", 100.0)
    x, y = (
        JitterSource(model, np.random.default_rng(seed)).take(20_000).reshape(200, 100)
        for seed in (1, 2)
    )
    for xs, ys in zip(x.tolist(), y.tolist(), strict=True):
        tracks: tuple[Track, ...] = ()
        for k, place in enumerate(zip(xs, ys, strict=True)):
            t_ns = 10**18 + k * 10_000_000
            tracks = advance(config, tracks, [candidate(*place)], los_rate, t_ns)
            assert not any(track.nature is Nature.STAR for track in tracks)


def test_the_beacon_among_stars() -> None:
    """It is the one that is confirmed in the end, and it is not lost to a star that passes it."""
    for seed in range(20):
        rng = np.random.default_rng(seed)
        sky = Frames(settings_with(gate_rad=200e-6), los_rate=(0.0, 6e-3, 0.0))
        stars = rng.uniform(-0.5, 0.5, (12, 2)) * (4 * FIELD_RAD, FIELD_RAD)
        right = 0
        for k in range(60):
            places = stars - [6e-3 * FRAME_S * k, 0.0] + rng.normal(0.0, 50e-6, 2)
            beacon = candidate(*rng.normal(0.5e-3, 50e-6, 2).tolist())
            confirmed = sky.show(beacon, *(candidate(x, y) for x, y in places.tolist()))
            right += confirmed is not None and confirmed.candidate == 0
        assert right >= 55


def test_log_odds_are_those_of_the_two_likelihoods() -> None:
    """Against the sums of squares about the best place of either hypothesis, written out."""
    rng = np.random.default_rng(7)
    for _ in range(50):
        n = int(rng.integers(2, 20))
        t_ns = np.cumsum(rng.integers(1, 10**8, n)) + 10**18
        places, rate = rng.normal(0.0, 1e-3, (n, 3)), rng.normal(0.0, 5e-3, 3)
        t_s = (t_ns - t_ns[0]) * 1e-9

        def spread(z: np.ndarray) -> float:
            return float(((z - z.mean(axis=0)) ** 2).sum())

        expected = (spread(places) - spread(places + np.outer(t_s, rate))) / (2.0 * 3e-4**2)
        sightings = [Sighting(int(t), tuple(p)) for t, p in zip(t_ns, places.tolist(), strict=True)]
        found = star_log_odds(sightings, tuple(rate.tolist()), 3e-4)
        assert found == pytest.approx(expected, rel=1e-9, abs=1e-6)


def test_without_motion_of_the_line_of_sight_nothing_is_called_a_star() -> None:
    rng = np.random.default_rng(8)
    sky = Frames(settings_with(gate_rad=200e-6))
    for k in range(100):
        confirmed = sky.show(candidate(*rng.normal(0.0, 40e-6, 2)))
        assert k < 4 or (confirmed is not None and confirmed.nature is Nature.OPEN)


@pytest.mark.parametrize("alone", [True, False])
def test_a_confirmed_track_stands_until_it_is_dropped(alone: bool) -> None:
    """Another spot, be it ever so bright, is followed beside it or not, but never takes over."""
    sky = Frames(settings_with(), alone=alone)
    for _ in range(3):
        confirmed = sky.show(candidate(0.0, 0.0))
    assert confirmed is not None
    for k in range(1, 6):
        confirmed = sky.show(candidate(5e-3, 0.0, power=100.0))
        if k < 5:
            assert confirmed is not None
            assert confirmed.candidate == MISSED
            assert len(sky.tracks) == (1 if alone else 2)
    if alone:
        # The other has been there as the beacon was dropped: that counts as its first frame.
        assert confirmed is None
        assert sky.show(candidate(5e-3, 0.0)) is None
        confirmed = sky.show(candidate(5e-3, 0.0))
    # Followed for five frames, it needs no more of them.
    assert confirmed is not None
    assert confirmed.place[1] == pytest.approx(5e-3)


def test_the_incumbent_stays_though_another_has_been_seen_as_often() -> None:
    sky = Frames(settings_with())
    for k in range(50):
        confirmed = sky.show(candidate(0.0, 0.0), *[candidate(3e-3, 0.0, power=50.0)] * (k > 0))
        if k >= 2:
            assert confirmed is not None
            assert confirmed.candidate == 0
        if k % 7 == 6:
            confirmed = sky.show(candidate(3e-3, 0.0, power=50.0))
            assert confirmed is not None
            assert confirmed.candidate == MISSED


def test_a_place_that_was_false_is_nobody_s_for_a_while_and_covers_nothing_beside_it() -> None:
    config = settings_with(gate_rad=200e-6)
    sky = Frames(config)
    for _ in range(3):
        sky.show(candidate(0.0, 0.0))
    sky.tracks = disproved(sky.tracks, sky.t_ns)
    # Out of sight for a second, it is not forgotten, and its gate has not grown.
    for _ in range(25):
        assert sky.show() is None
    for k in range(10):
        confirmed = sky.show(candidate(0.0, 0.0, power=50.0), candidate(250e-6, 0.0))
        assert (confirmed is not None) is (k >= 2)
        assert confirmed is None or confirmed.candidate == 1
    sky = Frames(config)
    for _ in range(3):
        sky.show(candidate(0.0, 0.0))
    sky.tracks = disproved(sky.tracks, sky.t_ns)
    frames = round(FALSE_KEPT_S / FRAME_S)
    shown = [sky.show(candidate(0.0, 0.0)) is not None for _ in range(frames + 5)]
    assert not any(shown[:frames])
    assert shown[-1]


def test_a_confirmed_track_follows_a_prediction_that_slowly_errs() -> None:
    sky = Frames(settings_with(gate_rad=200e-6))
    for k in range(300):
        confirmed = sky.show(candidate(1e-3 * FRAME_S * max(0, k - 5), 0.0))
        assert k < 2 or (confirmed is not None and confirmed.candidate == 0)


def test_with_a_tone_agreed_only_the_beacon_that_carries_it_is_confirmed() -> None:
    config = settings_with(modulation_hz=3.0, modulation_depth=0.5, modulation_frames=12)
    sky = Frames(config)
    for k in range(30):
        tone = 1.0 + 0.5 * math.sin(2.0 * math.pi * 3.0 * FRAME_S * k)
        steady, beacon = candidate(2e-3, 0.0, power=5.0), candidate(0.0, 0.0, power=tone)
        confirmed = sky.show(steady, beacon)
        assert (confirmed is not None) is (k >= 11)
        assert confirmed is None or confirmed.place[1] == 0.0


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.integers(-(2**63), 2**63 - 1),
            st.lists(st.tuples(st.floats(-2, 2), st.floats(-2, 2), st.floats(0, 1e6)), max_size=12),
        ),
        max_size=12,
    )
)
def test_any_stamps_and_places(
    frames: list[tuple[int, list[tuple[float, float, float]]]],
) -> None:
    config = settings_with(modulation_hz=2.0, modulation_depth=0.3, modulation_frames=4)
    tracks: tuple[Track, ...] = ()
    for t_ns, shown in frames:
        candidates = [candidate(*c) for c in shown]
        tracks = advance(config, tracks, candidates, (0.0, 1e-2, 0.0), t_ns)
        assert len(tracks) <= MAX_TRACKS
        assert sum(track.confirmed for track in tracks) <= 1
        assert all(t.candidate == MISSED or t.candidate < len(candidates) for t in tracks)
