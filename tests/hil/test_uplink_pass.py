"""Uplinks: the terminal sends, the world's partner counts, the terminal is told."""

import math

import numpy as np
import pytest
from flights import Flown, flown

from config.loader import load_scenario
from terminal.telemetry.replay import verify

FLIGHTS = {"leo_haps_uplink": 30.0, "leo_laps_uplink": 20.0, "haps_laps_uplink": 12.0}

RESIDUAL_HZ = 3.0
"""Of the slowest part of what a drone's gimbal leaves."""


@pytest.fixture(scope="module", params=FLIGHTS)
def flight(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Flown:
    name: str = request.param
    return flown(tmp_path_factory.mktemp(name), name, FLIGHTS[name])


def test_reaches_link_and_is_told_of_it(flight: Flown) -> None:
    assert flight.modes[-1] == "LINK"
    summary = flight.summary
    assert summary["direction"] == "uplink"
    assert summary["counts"]["sifted"] > 1000
    assert (summary["tallies_late"], summary["tallies_refused"]) == (0, 0)
    assert summary["device_health"] == {}
    link = flight.columns("link")
    assert np.all(np.diff(link["detected"]) >= 0)
    # A tally a second, and the way back.
    behind_s = (link["t_ns"] - link["tallied_until_ns"])[link["tallied_until_ns"] > 0] * 1e-9
    assert behind_s.max() < 1.3


def test_no_clock_is_recovered_here(flight: Flown) -> None:
    assert flight.summary["clock"] == {
        "locked_s": 0.0,
        "timing_rms_ps": None,
        "background_hz": None,
        "background_true_hz": None,
        "allan_deviation_1s": None,
        "allan_deviation_1s_oscillator": None,
        "allan_deviation_10s": None,
        "allan_deviation_10s_oscillator": None,
        "audits_failed": 0,
        "relocks": 0,
        "slips": 0,
        "gate_half_width_ps": None,
        "channel_delays_ps": None,
        "channel_delays_true_ps": None,
        "channel_delay_error_ps_rms": None,
        "detectors_without_pulses": [],
        "detectors_off_pattern": [],
    }
    assert not flight.columns("timing")["gate_open"].any()


def test_error_rate_is_that_of_the_truth(flight: Flown) -> None:
    qber, true = flight.summary["qber"], flight.summary["qber_true"]
    n = flight.summary["counts"]["disclosed_key"]
    assert qber == pytest.approx(true, abs=4 * math.sqrt(true / n) + 1e-3)


def test_counts_are_those_of_the_link_model(flight: Flown) -> None:
    """Within four standard errors: photons, scintillation, and the means over pointing errors.

    What varies with a bandwidth of B has pi B T independent values in T.
    """
    detected, due = flight.summary["counts"]["detected"], flight.summary["detected_expected"]
    scenario = load_scenario(flight.summary["scenario"])
    air = scenario.world.atmosphere
    link_s = flight.summary["simulated_s"] * flight.summary["link_fraction"]
    x, y = flight.summary["fine_urad_rms"]
    beam_urad = 0.5e6 * scenario.mission.beam.full_divergence_rad
    lost = 2 * (x * x + y * y) / beam_urad**2
    variance = (
        1 / due
        + air.scintillation_index / (math.pi * air.scintillation_bandwidth_hz * link_s)
        + lost**2 / (math.pi * RESIDUAL_HZ * link_s)
    )
    assert detected == pytest.approx(due, rel=4 * math.sqrt(variance))


def test_gains_are_in_the_ratio_of_the_photon_numbers(flight: Flown) -> None:
    """Signal to decoy, less what the vacuum clicks; of slots that the judge counts as sent too.

    A pulse clicks with 1 - exp(-eta mu): to second order, with scintillation, less than eta mu by
    eta mu (1 + index) / 2.
    """
    told, counts = flight.summary["gains"], flight.summary["counts_by_quality"]
    scenario = load_scenario(flight.summary["scenario"])
    source, air = scenario.mission.source, scenario.world.atmosphere
    shares = {"x": source.basis_x_probability, "z": 1.0 - source.basis_x_probability}
    bright, weak, _ = source.intensities
    key_slots = counts["poor"]["key_slots"] + counts["good"]["key_slots"]
    # Half a second is off after the shutter has opened, until it is read and has settled.
    sent = flight.summary["counts"]["sent"] * (1.0 - source.public_share)
    assert sent - 0.5 * source.pulse_rate_hz < key_slots < sent * 1.001
    for code, basis in told.items():
        gain, sigma = (
            np.array([basis[i][name] for i in ("signal", "decoy", "vacuum")])
            for name in ("gain", "gain_sigma")
        )
        light = gain[:2] - gain[2]
        error = np.sqrt(np.sum((np.hypot(sigma[:2], sigma[2]) / light) ** 2))
        eta = light[0] / shares[code] / bright
        due = bright / weak * (1.0 - 0.5 * eta * (1.0 + air.scintillation_index) * (bright - weak))
        assert light[0] / light[1] == pytest.approx(due, rel=4 * error)


def test_polarisation_is_held_by_what_the_partner_reports(flight: Flown) -> None:
    truth = flight.columns("truth")
    off_deg = np.degrees(np.abs(truth["polarization_error_rad"][-250:]))
    assert off_deg.mean() < 2.0


def test_replay_gives_the_same_commands(flight: Flown) -> None:
    result = verify(flight.folder / "pass.mcap")
    assert (result.mismatches, result.lost) == (0, 0)
