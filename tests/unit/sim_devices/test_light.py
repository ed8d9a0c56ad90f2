"""The quantum channel: fades, rates, time tags and the truth told about them."""

import math
from itertools import pairwise

import numpy as np
import pytest
from msgspec import structs
from numpy.typing import NDArray

from config.loader import load_scenario
from config.world import PolarizationTruth
from sim_devices.detectors import NO_SLOT
from sim_devices.light import GridLight, QuantumChannel
from sim_devices.line_of_sight import Delay
from sim_devices.photons import PhotonStream
from sim_devices.polarization_optics import channel_probability
from sim_devices.receiver_optics import OpticsView
from sim_devices.sender import Sender

Array = NDArray[np.float64]

SCENARIO = load_scenario("leo_haps_downlink")
UNEQUAL = SCENARIO.world.polarization
ALIKE = structs.replace(UNEQUAL, channel_efficiency=(1.0,) * 4, channel_leak=(0.0,) * 4)
MISSION, OPTICS = SCENARIO.mission, SCENARIO.terminal.optics
SOURCE = structs.replace(MISSION.source, pulse_rate_hz=1e6)
GRID_S = 0.01
CLOCK_OFFSET_S = 1.23e-7
T_S = np.arange(0.0, 80.0, GRID_S)
LIGHT_TIME_S = 2e-3 + 2e-5 * T_S + 1e-7 * T_S**2
LIGHT = GridLight(
    collected=0.02,
    beam_rad=16e-6,
    offset_rad=0.0,
    open=True,
    inside=True,
    view=OpticsView(0.4, 0.2),
)


def channel(
    *,
    seed: int = 1,
    jitter_rad: float = 0.0,
    jitter_bandwidth_hz: float = 1e4,
    scintillation_index: float = 0.0,
    radiance: float = 0.0,
    dark_rate_hz: float = 0.0,
    dead_time_s: float = 0.0,
    oscillator: tuple[float, float, float] = (0.0, 0.0, 0.0),
    polarization: PolarizationTruth = ALIKE,
) -> QuantumChannel:
    """A slow source over a smooth path; disturbances faster than a step are independent in each."""
    world = SCENARIO.world
    offset, white, walk = oscillator
    truth = structs.replace(
        world,
        polarization=polarization,
        partner=structs.replace(
            world.partner, jitter_rad=jitter_rad, jitter_bandwidth_hz=jitter_bandwidth_hz
        ),
        atmosphere=structs.replace(
            world.atmosphere,
            scintillation_index=scintillation_index,
            scintillation_bandwidth_hz=1e4,
            background_radiance_w_m2_sr_um=radiance,
        ),
        detectors=structs.replace(
            world.detectors,
            dark_rate_hz=dark_rate_hz,
            dead_time_s=dead_time_s,
            afterpulse_probability=0.0,
            oscillator_white_fm=white,
            oscillator_random_walk_fm=walk,
        ),
    )
    names = ("detectors", "oscillator", "beam", "air")
    return QuantumChannel(
        structs.replace(MISSION, source=SOURCE),
        OPTICS,
        truth,
        PhotonStream(
            Sender(SOURCE, seed),
            SOURCE.intensities,
            np.random.default_rng([seed, 0]),
        ),
        Delay(T_S, LIGHT_TIME_S),
        CLOCK_OFFSET_S,
        GRID_S,
        {name: np.random.default_rng([seed, i]) for i, name in enumerate(names, 1)},
        offset,
    )


def flown(
    quantum: QuantumChannel, steps: int, per_call: int = 10, light: GridLight = LIGHT
) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Time and channel of all clicks of so many grid steps."""
    taken = []
    for i in range(steps + 1):
        quantum.grid_step(light)
        if i % per_call == 0:
            taken.append(quantum.take(round(i * GRID_S * 1e9)))
    time_ps, detector = zip(*taken, strict=True)
    return np.concatenate(time_ps), np.concatenate(detector)


@pytest.mark.parametrize(("jitter_rad", "offset_rad"), [(3.3e-6, 0.0), (8e-6, 0.0), (3.3e-6, 3e-5)])
def test_mean_transmittance_is_the_closed_form(jitter_rad: float, offset_rad: float) -> None:
    light = LIGHT._replace(offset_rad=offset_rad)
    levels = channel(jitter_rad=jitter_rad)._fading([light] * 20_000)
    # Mean of exp(-2 r^2 / b^2) for a Gaussian off by `offset`: completing the square.
    b2, s2 = LIGHT.beam_rad**2, 4 * jitter_rad**2
    expected = LIGHT.collected * b2 / (b2 + s2) * math.exp(-2 * offset_rad**2 / (b2 + s2))
    error = float(np.std(levels)) / math.sqrt(len(levels))
    assert np.mean(levels) == pytest.approx(expected, abs=4 * error)
    assert error < 0.01 * expected


def test_distribution_under_jitter_is_farid_and_hranilovics() -> None:
    jitter_rad = 4e-6
    levels = channel(jitter_rad=jitter_rad)._fading([LIGHT] * 20_000) / LIGHT.collected
    gamma2 = (LIGHT.beam_rad / (2 * jitter_rad)) ** 2
    for h in (0.3, 0.6, 0.9):
        due = h**gamma2
        assert np.mean(levels < h) == pytest.approx(due, abs=4 * math.sqrt(due / len(levels)))


def test_scintillation_has_mean_one_and_its_index() -> None:
    levels = channel(scintillation_index=0.2)._fading([LIGHT] * 20_000) / LIGHT.collected
    assert np.mean(levels) == pytest.approx(1.0, abs=4 * math.sqrt(0.2 / len(levels)))
    assert np.var(levels) == pytest.approx(0.2, rel=0.06)


def test_fades_keep_their_bandwidth_across_calls() -> None:
    quantum = channel(jitter_rad=1e-6, jitter_bandwidth_hz=20.0)
    fade = quantum._jitter[0]
    x = np.concatenate([fade.take(5) for _ in range(10_000)])
    assert np.var(x) == pytest.approx(1.0, abs=0.12)
    f = math.exp(-2 * math.pi * 20.0 * 0.002)
    assert float(x[1:] @ x[:-1]) / float(x @ x) == pytest.approx(f, abs=0.01)
    borders = x[5::5] @ x[4:-1:5] / (x[5::5] @ x[5::5])
    assert float(borders) == pytest.approx(f, abs=0.02)


def test_background_is_the_radiometric_formula() -> None:
    radiance = 1.5
    watts = (
        radiance * 1e6 * OPTICS.filter_bandwidth_m  # W m^-2 sr^-1
        * math.pi / 4 * OPTICS.field_of_view_rad**2
        * math.pi / 4 * OPTICS.aperture_m**2
    )  # fmt: skip
    photons_hz = watts * 810e-9 / (6.62607015e-34 * 299_792_458.0)
    expected = photons_hz * OPTICS.transmittance * OPTICS.detector_efficiency
    assert channel(radiance=radiance).background_hz == pytest.approx(expected, rel=1e-12)


def test_clicks_carry_slot_delay_and_oscillator() -> None:
    quantum = channel(oscillator=(-2e-6, 0.0, 0.0))
    time_ps, _ = flown(quantum, 1000)
    slot = np.concatenate([b.true_slot for b in quantum.blocks])
    assert len(slot) == len(time_ps) > 50_000
    emitted = slot / SOURCE.pulse_rate_hz + CLOCK_OFFSET_S
    # Light time as a function of arrival, solved by iteration on its formula.
    arrival = emitted.copy()
    for _ in range(6):
        arrival = emitted + 2e-3 + 2e-5 * arrival + 1e-7 * arrival**2
    off_ps = time_ps - arrival * (1 - 2e-6) * 1e12
    sigma_ps = SCENARIO.world.detectors.jitter_s * 1e12
    assert np.std(off_ps) == pytest.approx(sigma_ps, rel=0.02)
    assert np.mean(off_ps) == pytest.approx(0.0, abs=4 * sigma_ps / math.sqrt(len(slot)))
    assert np.abs(off_ps).max() < 6 * sigma_ps


def test_the_oscillators_noise_is_in_the_tags() -> None:
    quantum = channel(oscillator=(0.0, 1e-8, 0.0))
    time_ps, _ = flown(quantum, 200, per_call=10)
    slot = np.concatenate([b.true_slot for b in quantum.blocks])
    arrival = quantum._delay.arrival_s(slot / SOURCE.pulse_rate_hz + CLOCK_OFFSET_S)
    local_ps = time_ps - arrival * 1e12
    # 2 s of white frequency noise of 1e-8 are 14 ns of wander; it ends at the oscillator's phase.
    # The last five clicks lie within a millisecond of the end: 30 ps of the last step's slope.
    end = local_ps[-5:]
    assert np.mean(end) == pytest.approx(
        quantum.oscillator.phase_s * 1e12, abs=4 * 150.0 / math.sqrt(5) + 30.0
    )


def test_counts_are_those_of_the_truth() -> None:
    quantum = channel(
        jitter_rad=5e-6, jitter_bandwidth_hz=20.0, scintillation_index=0.1,
        radiance=0.2, dark_rate_hz=300.0,
    )  # fmt: skip
    _, detector = flown(quantum, 3000)
    p = np.array(SOURCE.intensity_probabilities) * (1 - SOURCE.public_share)
    p[0] += SOURCE.public_share
    blocks = quantum.blocks
    slot = np.concatenate([b.true_slot for b in blocks])
    signal = sum(b.slots * float(p @ np.array(b.click_probability)) for b in blocks)
    noise = sum((b.background_hz + 4 * 300.0) * (b.end_s - b.start_s) for b in blocks)
    assert int(np.sum(slot != NO_SLOT)) == pytest.approx(signal, abs=4.5 * math.sqrt(signal))
    assert int(np.sum(slot == NO_SLOT)) == pytest.approx(noise, abs=4.5 * math.sqrt(noise))
    # Channels: the matrix of the block, with the frame put right by the plate.
    sent = Sender(SOURCE, 1).slots(slot[slot != NO_SLOT]).state
    got = detector[slot != NO_SLOT]
    polarization = SCENARIO.world.polarization
    matrix = channel_probability(
        0.4, 0.2, polarization.retardance_rad, polarization.intrinsic_qber, 0.7
    )
    assert blocks[0].channel_probability == pytest.approx(matrix, abs=1e-15)
    wrong, n = int(np.sum((sent == 0) & (got == 1))), int(np.sum(sent == 0))
    assert wrong == pytest.approx(n * matrix[0, 1], abs=4.5 * math.sqrt(n * matrix[0, 1]))


def test_unequal_detectors_count_by_their_rows() -> None:
    """Signal by the matrix, whose rows lack something to 1; sky by the mean of its H and V rows."""
    seen = structs.replace(UNEQUAL, channel_efficiency=(1.0, 0.8, 0.6, 0.9))
    quantum = channel(radiance=0.2, polarization=seen)
    _, detector = flown(quantum, 3000)
    blocks = quantum.blocks
    matrix = blocks[0].channel_probability
    assert matrix.sum(axis=1).max() < 0.95
    slot = np.concatenate([b.true_slot for b in blocks])
    state = Sender(SOURCE, 1).slots(slot[slot != NO_SLOT]).state
    got = detector[slot != NO_SLOT]
    for sent in range(4):
        counts = np.bincount(got[state == sent], minlength=4)
        due = matrix[sent] / matrix[sent].sum() * counts.sum()
        assert np.all(np.abs(counts - due) < 4.5 * np.sqrt(due) + 1e-9)
    sky = np.bincount(detector[slot == NO_SLOT], minlength=4)
    shares = 0.5 * (matrix[0] + matrix[1])
    due = shares * quantum.background_hz * 30.0
    assert np.all(np.abs(sky - due) < 4.5 * np.sqrt(due))
    # Half of unpolarised light is along each detector's axis, and a little leaks.
    plain = np.array([0.7, 0.7, 0.3, 0.3]) / 2 * [1.0, 0.8, 0.6, 0.9]
    assert shares == pytest.approx(plain, rel=3e-3)


def test_blocks_leave_no_gap_in_time_or_slots() -> None:
    quantum = channel()
    flown(quantum, 300, per_call=7)
    blocks = quantum.blocks
    for before, after in pairwise(blocks):
        assert after.start_s == before.end_s
    assert blocks[0].start_s == 0.0
    assert sum(b.slots for b in blocks) == quantum.sent_until_slot
    arrived_s = quantum._delay.emission_s(blocks[-1].end_s) - CLOCK_OFFSET_S
    assert quantum.sent_until_slot == math.ceil(arrived_s * SOURCE.pulse_rate_hz)
    slot = np.concatenate([b.true_slot for b in blocks])
    assert slot.max() < quantum.sent_until_slot
    assert len(np.unique(slot)) == len(slot)


def test_no_click_is_handed_over_before_it_happened() -> None:
    quantum = channel(dark_rate_hz=1e4)
    last_ps = -1
    for i in range(200):
        quantum.grid_step(LIGHT)
        time_ps, _ = quantum.take(round(i * GRID_S * 1e9))
        if len(time_ps):
            assert time_ps[0] >= last_ps
            assert np.all(np.diff(time_ps) >= 0)
            assert time_ps[-1] <= i * GRID_S * 1e12
            last_ps = int(time_ps[-1])
    assert last_ps > 1.98e12


def test_a_closed_shutter_leaves_dark_counts() -> None:
    quantum = channel(radiance=1.0, dark_rate_hz=500.0)
    time_ps, _ = flown(quantum, 500, light=LIGHT._replace(open=False))
    slot = np.concatenate([b.true_slot for b in quantum.blocks])
    assert np.all(slot == NO_SLOT)
    due = 4 * 500.0 * 5.0
    assert len(time_ps) == pytest.approx(due, abs=4.5 * math.sqrt(due))
    assert quantum.blocks[-1].click_probability == (0.0, 0.0, 0.0)


def test_a_beam_beside_the_field_stop_leaves_the_sky() -> None:
    quantum = channel(radiance=1.0)
    time_ps, _ = flown(quantum, 500, light=LIGHT._replace(inside=False))
    due = quantum.background_hz * 5.0
    assert len(time_ps) == pytest.approx(due, abs=4.5 * math.sqrt(due))
    assert quantum.blocks[-1].click_probability == (0.0, 0.0, 0.0)
    assert quantum.blocks[-1].background_hz == quantum.background_hz


def test_truth_tells_the_times_of_its_clicks() -> None:
    quantum = channel(dark_rate_hz=500.0, oscillator=(1e-6, 1e-10, 0.0))
    time_ps, _ = flown(quantum, 50)
    assert np.concatenate([b.time_ps for b in quantum.blocks]).tolist() == time_ps.tolist()
