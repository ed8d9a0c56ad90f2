"""The model of two arms, against the world's Mueller matrices and a closed form where one holds."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from config.loader import load_scenario
from config.scenario import Scenario
from config.world import Fault
from hil.pair_expected import (
    Course,
    agreement,
    expected_pairs,
    left_out,
    model_chsh,
    model_fidelity,
    sought,
)
from sim_devices.pair_source import PHI_PLUS
from sim_devices.polarization_optics import stokes_to_channels
from terminal.optics.background import background_rate_hz
from terminal.optics.beam import beam_radius_m, mean_collected_fraction
from terminal.optics.fidelity import Arm, paired_share, poissonian_fidelity

ANGLES = st.floats(-3.2, 3.2)
SIGNS = np.array([1.0, -1.0])
TURN = math.pi / 8
SLOTS = np.array([1.8e7])
RANGES_M = (25_000.0, 26_000.0)


@settings(max_examples=200)
@given(ANGLES, ANGLES, st.floats(-1.5, 1.5), ANGLES, ANGLES)
def test_agreement_is_that_of_the_worlds_matrices(
    frame_a: float, plate_a: float, phase: float, frame_b: float, plate_b: float
) -> None:
    """Jones vectors here, Stokes vectors there; half of all photons go to each basis."""
    a, b = (
        stokes_to_channels(frame, plate, phase, 0.0, 0.5)
        for frame, plate in ((frame_a, plate_a), (frame_b, plate_b))
    )
    joint = np.outer(a[:, 0], b[:, 0]) + a[:, 1:] @ PHI_PLUS @ b[:, 1:].T
    theirs = 4 * np.einsum("aibj,i,j->ab", joint.reshape(2, 2, 2, 2), SIGNS, SIGNS)
    ours = agreement(
        *(
            sought(np.array([frame]), np.array([plate]), phase)
            for frame, plate in ((frame_a, plate_a), (frame_b, plate_b))
        )
    )
    assert ours[0] == pytest.approx(theirs, abs=1e-9)


def flawless(radiance: float = 0.0, source_fidelity: float = 1.0) -> Scenario:
    """Detectors and optics without errors; a gate that holds all."""
    scenario = load_scenario("haps_two_laps")
    world = scenario.world
    source = scenario.mission.source
    assert source.pairs is not None
    return structs.replace(
        scenario,
        mission=structs.replace(
            scenario.mission,
            source=structs.replace(
                source, pairs=structs.replace(source.pairs, fidelity=source_fidelity)
            ),
        ),
        world=structs.replace(
            world,
            polarization=structs.replace(
                world.polarization, intrinsic_qber=0.0, retardance_rad=0.0
            ),
            atmosphere=structs.replace(world.atmosphere, background_radiance_w_m2_sr_um=radiance),
            detectors=structs.replace(
                world.detectors,
                dark_rate_hz=0.0,
                dead_time_s=0.0,
                afterpulse_probability=0.0,
                jitter_s=1e-12,
            ),
        ),
    )


def course(range_m: float, turn_rad: float = 0.0, gate_s: float = 1e-9) -> Course:
    frame_rad = np.array([0.3])
    return Course(
        np.array([gate_s]),
        np.array([range_m]),
        np.array([0.8]),
        sought(frame_rad, 0.5 * (frame_rad + turn_rad), 0.0),
    )


def arms(scenario: Scenario, gate_s: float) -> tuple[Arm, Arm]:
    """From the parts of the link model, put together here."""
    optics, air, source = (
        scenario.terminal.optics,
        scenario.world.atmosphere,
        scenario.mission.source,
    )
    efficiency = optics.transmittance * optics.detector_efficiency
    sky_hz = efficiency * background_rate_hz(
        air.background_radiance_w_m2_sr_um,
        optics.field_of_view_rad,
        optics.aperture_m,
        optics.filter_bandwidth_m,
        source.wavelength_m,
    )
    found = []
    for range_m in RANGES_M:
        radius_m = beam_radius_m(
            range_m, scenario.mission.beam.full_divergence_rad, source.wavelength_m
        )
        collected = mean_collected_fraction(
            optics.aperture_m, radius_m, range_m, scenario.world.partner.jitter_rad
        )
        through = float(collected) * air.zenith_transmittance * efficiency
        found.append(Arm(through, 2 * gate_s * sky_hz))
    return found[0], found[1]


@pytest.mark.parametrize("radiance", [0.0, 1.5, 15.0, 150.0])
@pytest.mark.parametrize("source_fidelity", [1.0, 0.9])
def test_flawless_receivers_leave_the_closed_form(radiance: float, source_fidelity: float) -> None:
    scenario = flawless(radiance, source_fidelity)
    pairs = scenario.mission.source.pairs
    assert pairs is not None
    found = expected_pairs(
        scenario.mission,
        pairs,
        scenario.terminal.optics,
        scenario.world,
        course(RANGES_M[0]),
        course(RANGES_M[1]),
        SLOTS,
    )
    first, second = arms(scenario, 1e-9)
    mean = pairs.mean_pairs_per_slot
    assert [tuple(arm) for arm in found.arms] == [
        pytest.approx(tuple(arm), rel=1e-9) for arm in (first, second)
    ]
    due = poissonian_fidelity(mean, first, second, source_fidelity)
    assert model_fidelity(found) == pytest.approx(due, abs=1e-9)
    paired = mean * first.transmittance * second.transmittance
    due_coincidences = float(SLOTS[0]) * paired / paired_share(mean, first, second)
    assert found.coincidences.sum() == pytest.approx(due_coincidences, rel=1e-9)


def test_a_turn_of_the_first_analyser_gives_chsh() -> None:
    scenario = flawless()
    pairs = scenario.mission.source.pairs
    assert pairs is not None
    for sign in (1, -1):
        found = expected_pairs(
            scenario.mission,
            structs.replace(pairs, mean_pairs_per_slot=1e-6),
            scenario.terminal.optics,
            scenario.world,
            course(RANGES_M[0], sign * TURN),
            course(RANGES_M[1]),
            SLOTS,
        )
        assert model_chsh(found, sign * TURN) == pytest.approx(2 * math.sqrt(2), abs=1e-4)


def test_what_the_model_does_not_know_is_named() -> None:
    plain = load_scenario("haps_two_laps")
    assert left_out(plain) == []
    leaky = structs.replace(plain.world.polarization, channel_leak=(0.0, 0.0, 1e-3, 0.0))
    world = structs.replace(
        plain.world, polarization=leaky, faults=(Fault("states_swapped", 1.0, 2.0),)
    )
    mirrors = structs.replace(plain.terminal.polarization, path="coude")
    terminal = structs.replace(plain.terminal, polarization=mirrors)
    assert left_out(structs.replace(plain, world=world, terminal=terminal)) == [
        "world.polarization.channel_leak",
        "world.faults (states_swapped)",
        "terminal.polarization.path (coude)",
    ]


def test_time_in_which_one_end_does_not_count_is_left_out() -> None:
    scenario = flawless()
    pairs = scenario.mission.source.pairs
    assert pairs is not None
    found = expected_pairs(
        scenario.mission,
        pairs,
        scenario.terminal.optics,
        scenario.world,
        course(RANGES_M[0]),
        course(RANGES_M[1], gate_s=0.0),
        SLOTS,
    )
    assert not found.coincidences.any()
    assert np.isnan(found.correlation).all()
