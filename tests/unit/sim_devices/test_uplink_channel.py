"""The uplink: our beam's error in the partner's counts, its sifting, and what it tells when."""

import cmath
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs
from numpy.typing import NDArray

from config.loader import load_scenario
from sim_devices.light import Clicks, GridLight
from sim_devices.photons import PhotonStream
from sim_devices.polarization_optics import (
    CHANNEL_ANGLES_RAD,
    STATE_ANGLES_RAD,
    channel_probability,
)
from sim_devices.receiver_optics import OpticsView
from sim_devices.sender import Sender
from sim_devices.uplink import Sifter, UplinkChannel, mean_per_step

Array = NDArray[np.float64]

SCENARIO = load_scenario("leo_haps_uplink")
SOURCE = structs.replace(SCENARIO.mission.source, pulse_rate_hz=1e6)
MISSION = structs.replace(SCENARIO.mission, source=SOURCE)
RECEIVER = MISSION.receiver
assert RECEIVER is not None
GRID_S = 0.01
TICKS = 50
START_NS = 10**18
LIGHT = GridLight(
    collected=0.02,
    beam_rad=8e-6,
    offset_rad=0.0,
    open=True,
    inside=True,
    view=OpticsView(0.4, 0.2),
)
DARK = LIGHT._replace(open=False)
UNSEEN = LIGHT._replace(inside=False)


class Made:
    """A slow source, the partner's receiver, and the tallies told."""

    def __init__(self, *, radiance: float = 0.0, dark_hz: float = 0.0, scintillation: float = 0.0):
        world = SCENARIO.world
        truth = structs.replace(
            world,
            polarization=structs.replace(
                world.polarization, channel_efficiency=(1.0,) * 4, channel_leak=(0.0,) * 4
            ),
            atmosphere=structs.replace(
                world.atmosphere,
                scintillation_index=scintillation,
                scintillation_bandwidth_hz=1e4,
                background_radiance_w_m2_sr_um=radiance,
            ),
            detectors=structs.replace(
                world.detectors, dark_rate_hz=dark_hz, dead_time_s=0.0, afterpulse_probability=0.0
            ),
        )
        self.sender = Sender(SOURCE, 1)
        photons = PhotonStream(self.sender, SOURCE.intensities, np.random.default_rng(2))
        names = ("detectors", "air", "sifting")
        self.told: list[tuple[int, int, NDArray[np.int64]]] = []
        self.uplink = UplinkChannel(
            MISSION,
            RECEIVER,
            truth,
            photons,
            self.sender,
            np.arange(0.0, 80.0, GRID_S),
            GRID_S,
            {name: np.random.default_rng([3, i]) for i, name in enumerate(names)},
            START_NS,
            lambda *tally: self.told.append(tally),
        )
        self.rng = np.random.default_rng(4)

    def fly(self, steps: int, light: GridLight = LIGHT, sigma_rad: float = 0.0, off=(0.0, 0.0)):
        for _ in range(steps):
            x, y = sigma_rad * self.rng.normal(size=(2, TICKS))
            self.uplink.grid_step(light, x + off[0], y + off[1])

    @property
    def counts(self) -> NDArray[np.int64]:
        return self.told[-1][2]


@pytest.mark.parametrize(
    ("sigma_rad", "off_rad"), [(0.0, 0.0), (1.5e-6, 0.0), (4e-6, 0.0), (1.5e-6, 5e-6)]
)
def test_mean_level_is_the_closed_form(sigma_rad: float, off_rad: float) -> None:
    made = Made()
    made.fly(2000, sigma_rad=sigma_rad, off=(0.6 * off_rad, 0.8 * off_rad))
    # Mean of exp(-2 r^2 / b^2) for a Gaussian off by `off_rad`: completing the square.
    b2, s2 = LIGHT.beam_rad**2, 4 * sigma_rad**2
    level = b2 / (b2 + s2) * math.exp(-2 * off_rad**2 / (b2 + s2))
    slots = sum(b.slots for b in made.uplink.blocks)
    assert slots == pytest.approx(20e6, rel=1e-6)
    for k, mu in enumerate(SOURCE.intensities):
        seen = sum(b.slots * b.click_probability[k] for b in made.uplink.blocks) / slots
        # The mean of 1 - exp(-x) is that of x less half its mean square: 1 % at most here.
        assert seen == pytest.approx(mu * LIGHT.collected * level, rel=0.012)


def test_steps_are_means_of_their_ticks() -> None:
    level = np.random.default_rng(1).random(50)
    assert mean_per_step(level) == pytest.approx(level.reshape(5, 10).mean(axis=1), rel=1e-12)
    assert mean_per_step(np.array([0.3])) == pytest.approx([0.3] * 5)
    assert mean_per_step(np.array([0.0, 1.0])) == pytest.approx([0, 0, 0.5, 1, 1], abs=1e-15)


@pytest.mark.parametrize("n", [1, 2, 3, 7, 10, 50])
def test_the_mean_of_the_steps_is_that_of_the_ticks(n: int) -> None:
    level = np.random.default_rng(n).random(n)
    assert mean_per_step(level).mean() == pytest.approx(level.mean(), rel=1e-12)


def test_counts_are_those_of_the_truth() -> None:
    made = Made(radiance=0.002, dark_hz=30.0, scintillation=0.2)
    made.fly(3000, sigma_rad=2e-6)
    blocks, counts = made.uplink.blocks, made.counts
    in_gate = math.erf(
        RECEIVER.gate_half_width_s / math.sqrt(2) / SCENARIO.world.detectors.jitter_s
    )
    # Some hundred clicks a second of noise, a gate of 1.2 ns in 1 us: a handful.
    p = np.array(SOURCE.intensity_probabilities) * (1 - SOURCE.public_share)
    detected = in_gate * sum(b.slots * float(p @ np.array(b.click_probability)) for b in blocks)
    assert counts[0] == pytest.approx(detected, abs=4.5 * math.sqrt(detected))
    p_x = SOURCE.basis_x_probability
    for k in range(3):
        key = in_gate * sum(b.slots * p[k] * b.click_probability[k] for b in blocks)
        kept = key * p_x**2 * (1 - MISSION.security.disclosed_x_share)
        assert counts[1 + k] == pytest.approx(kept, abs=4.5 * math.sqrt(kept) + 1e-9)
        check = key * (1 - p_x) ** 2
        assert counts[4 + k] == pytest.approx(check, abs=4.5 * math.sqrt(check) + 1e-9)
    shown = detected * p_x**2 * MISSION.security.disclosed_x_share
    assert counts[10] == pytest.approx(shown, abs=4.5 * math.sqrt(shown))
    # Errors: the matrix of the blocks.
    m = blocks[0].channel_probability
    rate = (m[0, 1] + m[1, 0]) / (m[:2, :2].sum())
    assert counts[11] == pytest.approx(rate * counts[10], abs=4.5 * math.sqrt(rate * counts[10]))


def test_noise_in_the_gate_is_noise_rate_times_gate() -> None:
    made = Made(radiance=2.0, dark_hz=3e4)
    made.fly(1000, LIGHT._replace(collected=1e-12))
    rate_hz = 4 * 3e4 + made.uplink.background_hz
    due = rate_hz * 2 * RECEIVER.gate_half_width_s * 1e6 * 10.0 * (1 - SOURCE.public_share)
    assert made.counts[0] == pytest.approx(due, abs=4.5 * math.sqrt(due))


def test_nothing_counts_without_a_shutter_open_and_a_partner_that_looks() -> None:
    for light in (DARK, UNSEEN):
        made = Made(radiance=2.0, dark_hz=1e4)
        made.fly(300, light)
        assert made.uplink.blocks == []
        # The partner lives, and says so.
        assert [seq for seq, _, _ in made.told] == [1, 2, 3]
        assert not made.counts.any()


def test_blocks_end_where_the_shutter_moves() -> None:
    made = Made()
    made.fly(23, DARK)
    made.fly(14)
    made.fly(8, UNSEEN)
    made.fly(30)
    spans = [(b.start_s, b.end_s) for b in made.uplink.blocks]
    assert spans[:2] == [pytest.approx((0.23, 0.33)), pytest.approx((0.33, 0.37))]
    assert spans[2] == pytest.approx((0.45, 0.55))
    assert sum(b.slots for b in made.uplink.blocks) == pytest.approx(0.44e6, abs=5)


def test_tallies_grow_and_say_when() -> None:
    made = Made()
    made.fly(500)
    assert [seq for seq, _, _ in made.told] == [1, 2, 3, 4, 5]
    assert [t_ns - START_NS for _, t_ns, _ in made.told] == [10**9 * i for i in range(1, 6)]
    for (_, _, before), (_, _, after) in zip(made.told, made.told[1:], strict=False):
        assert np.all(after >= before)
        assert after[0] > before[0]


def sifted(time_s: Array, channel: list[int]) -> tuple[Sender, NDArray[np.int64]]:
    sender = Sender(SOURCE, 1)
    sifter = Sifter(MISSION, RECEIVER, sender, np.random.default_rng(1))
    none = np.full(len(time_s), -1)
    sifter.add(Clicks(np.asarray(time_s), np.array(channel, np.uint8), none))
    return sender, sifter.counts


def test_a_slot_counts_once_and_a_click_beside_the_gate_not_at_all() -> None:
    slots = np.flatnonzero(~Sender(SOURCE, 1).slots(np.arange(100)).public)[:3]
    slot_s, gate_s = 1e-6, RECEIVER.gate_half_width_s
    centre = slots * slot_s
    times = [
        centre[0],
        centre[0] + 0.9 * gate_s,
        centre[1] + 1.1 * gate_s,
        centre[2] - 0.9 * gate_s,
    ]
    _, counts = sifted(np.array(times), [0, 2, 0, 1])
    assert counts[0] == 2


def test_which_of_two_clicks_counts_is_a_coin() -> None:
    """Two channels click in every slot: each is taken in half of them."""
    slots = np.arange(20_000)
    times = np.repeat(slots * 1e-6, 2)
    _, counts = sifted(times, [0, 1] * len(slots))
    wrong, shown = counts[11], counts[10]
    assert shown > 200
    assert wrong == pytest.approx(shown / 2, abs=4.5 * math.sqrt(shown) / 2)


def test_every_click_of_a_perfect_channel_lands_in_its_place() -> None:
    """The receiver measures what was sent, in the sent basis."""
    slots = np.arange(50_000)
    sent = Sender(SOURCE, 1).slots(slots)
    _, counts = sifted(slots * 1e-6, sent.state.tolist())
    key = ~sent.public
    in_x = key & (sent.state < 2)
    assert counts[0] == key.sum()
    assert counts[1:4].sum() + counts[10] == in_x.sum()
    for k in range(3):
        assert counts[4 + k] == np.sum(key & (sent.state >= 2) & (sent.intensity == k))
    assert not counts[7:10].any()
    assert counts[11] == 0
    told = counts[12:].reshape(4, 4)
    assert np.array_equal(told, np.diag(np.diag(told)))
    assert told.sum() == sent.public.sum() + counts[4:7].sum() + counts[10]


def test_bits_of_other_bases_are_told() -> None:
    slots = np.arange(50_000)
    sent = Sender(SOURCE, 1).slots(slots)
    _, counts = sifted(slots * 1e-6, (3 - sent.state).tolist())
    assert not counts[1:12].any()
    told = counts[12:].reshape(4, 4)
    assert [told[s, 3 - s] for s in range(4)] == [np.sum(sent.state == s) for s in range(4)]


def retarder(axis_rad: float, phase_rad: float) -> NDArray[np.complex128]:
    """Jones matrix: this phase between the components along and across the axis."""
    c, s = math.cos(axis_rad), math.sin(axis_rad)
    turn = np.array([[c, -s], [s, c]])
    return turn @ np.diag([1.0, cmath.exp(1j * phase_rad)]) @ turn.T


def linear(angle_rad: float) -> NDArray[np.complex128]:
    return np.array([math.cos(angle_rad), math.sin(angle_rad)], complex)


angles = st.floats(-7.0, 7.0)


@settings(deadline=None)
@given(angles, angles, angles)
def test_reciprocity_by_jones_matrices(psi: float, plate: float, phase: float) -> None:
    """The light goes the other way: plate, retardance of the optics, then the partner's analyser.

    The partner's H axis lies at psi in our image, and its detectors D and A stand as ours do.
    """
    ours = channel_probability(psi, plate, phase, 0.0, 0.5) * 2
    seen = np.empty((4, 4))
    for state, angle in enumerate(STATE_ANGLES_RAD):
        field = retarder(0.0, phase) @ retarder(plate, math.pi) @ linear(angle)
        for channel, axis in enumerate(CHANNEL_ANGLES_RAD):
            seen[state, channel] = abs(np.vdot(linear(psi + axis), field)) ** 2
    assert seen[:2, :2] == pytest.approx(ours[:2, :2], abs=1e-12)
    assert seen[2:, 2:] == pytest.approx(ours[2:, 2:], abs=1e-12)
    # Between the bases sent and received change places, and with them D and A.
    swapped = [0, 1, 3, 2]
    assert seen == pytest.approx(ours[np.ix_(swapped, swapped)].T, abs=1e-12)
