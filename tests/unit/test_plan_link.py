"""The planned link against the judge of simulated flights, which is another model."""

import math
from itertools import pairwise

import msgspec
import numpy as np
import pytest

from config.loader import load_scenario
from config.mission import Mission
from config.terminal import TerminalConfig
from hil.expected import Bins, Expectation, expected_key
from terminal.geometry.ephemeris import TrackEphemeris
from terminal.geometry.time_scales import SECOND_NS
from terminal.mission_ephemeris import partner_ephemeris
from terminal.plan import PlanRow, plan_rows
from terminal.plan_assumptions import Assumed, Given, assume
from terminal.plan_link import LinkPlan, Outage, with_link
from terminal.plan_view import View
from terminal.qkd.expected import expected_counts, receiver_behind_splitter
from terminal.window import Window, resolve_window

NAMES = ["leo_haps_downlink", "leo_laps_downlink", "haps_laps_downlink", "leo_laps_uplink"]
STEP_S = 2.0


def flown(mission: Mission) -> tuple[list[PlanRow], list[float], Window]:
    window = resolve_window(mission)
    start_ns = window.start_tai_ns
    times_s = [k * STEP_S for k in range(int(window.duration_s / STEP_S) + 1)]
    view = View(TrackEphemeris(mission.track, start_ns), partner_ephemeris(mission, start_ns))
    rows = plan_rows(view, [start_ns + round(t * SECOND_NS) for t in times_s])
    return rows, times_s, window


def judged(name: str) -> tuple[LinkPlan, list[PlanRow], Expectation]:
    """The plan with the true world's numbers for assumptions, and what the judge makes of it."""
    scenario = load_scenario(name)
    mission, config, world = scenario.mission, scenario.terminal, scenario.world
    quick = msgspec.structs.replace(world.detectors, dead_time_s=0.0)
    plain = msgspec.structs.replace(
        world.polarization, channel_efficiency=(1.0,) * 4, channel_leak=(0.0,) * 4
    )
    world = msgspec.structs.replace(world, detectors=quick, polarization=plain)
    rows, times_s, _ = flown(mission)
    jitter_rad = 4e-6
    assumed = Assumed(
        jitter_rad,
        world.atmosphere.zenith_transmittance,
        world.atmosphere.background_radiance_w_m2_sr_um,
        world.detectors.dark_rate_hz,
        world.polarization.intrinsic_qber,
        3e-3,
    )
    planned, link = with_link(rows, times_s, [], mission, config, assumed, 10.0)
    edges = [times_s[0], *(0.5 * (a + b) for a, b in pairwise(times_s)), times_s[-1]]
    n = len(rows)
    bins = Bins(
        gated_s=np.diff(np.maximum(edges, 10.0)),
        range_m=np.array([row.range_m for row in rows]),
        elevation_rad=np.radians([row.elevation_deg for row in rows]),
        contrast_x=np.ones(n),
        contrast_z=np.ones(n),
        jitter_rad=np.full(n, jitter_rad),
        full_divergence_rad=np.array(
            [1e-6 * row.link.divergence_urad for row in planned if row.link]
        ),
    )
    receiver = mission.receiver
    gate_s = receiver.gate_half_width_s if receiver else config.timing.gate_half_width_s
    return link, planned, expected_key(mission, receiver or config.optics, gate_s, world, bins)


@pytest.mark.parametrize("name", NAMES)
def test_key_is_that_of_the_judge(name: str) -> None:
    """Without dead time and retardance, which the plan leaves out. The rest is of second order:
    clicks in a slot, 0.7 times a transmittance of 7e-3 at most."""
    link, planned, expected = judged(name)
    assert link.detected == pytest.approx(expected.detected, rel=0.005)
    assert link.sifted_bits == pytest.approx(sum(expected.counts.x), rel=0.005)
    assert link.disclosed_bits == pytest.approx(expected.disclosed_x, rel=0.005)
    assert link.qber == pytest.approx(expected.qber_x, rel=0.01)
    # A key near 0 is a small difference of what agrees to parts in a thousand of the sifted bits.
    assert link.secret_key_bits == pytest.approx(
        expected.secret_key_bits, rel=0.01, abs=0.001 * link.sifted_bits
    )
    links = [row.link for row in planned if row.link is not None]
    assert len(links) == len(planned)
    np.testing.assert_allclose(
        [one.transmittance for one in links], expected.transmittance, rtol=1e-9
    )
    for one in links:
        parts = (
            one.geometric_db,
            one.pointing_db,
            one.atmosphere_db,
            one.optics_db,
            one.detector_db,
        )
        assert sum(parts) == pytest.approx(one.loss_db, abs=1e-9)
        assert min(parts) >= 0.0
        assert one.transmittance == pytest.approx(10.0 ** (-one.loss_db / 10.0), rel=1e-12)
    sifted = [one.sifted_bits for one in links]
    assert sifted == sorted(sifted)
    assert sifted[-1] == pytest.approx(link.sifted_bits)


def prepared() -> tuple[list[PlanRow], list[float], Mission, TerminalConfig, Assumed]:
    scenario = load_scenario("leo_haps_downlink")
    rows, times_s, _ = flown(scenario.mission)
    assumed, _ = assume(Given(), scenario.mission, scenario.terminal, False)
    return rows, times_s, scenario.mission, scenario.terminal, assumed


def test_no_light_while_the_shutter_is_shut_or_the_way_is_lost() -> None:
    rows, times_s, *rest = prepared()
    _, free = with_link(rows, times_s, [], *rest, 20.0)
    assert free.usable_s == pytest.approx(times_s[-1] - 20.0)
    _, lost = with_link(rows, times_s, [Outage(100.3, 101.8)], *rest, 20.0)
    assert free.usable_s - lost.usable_s == pytest.approx(1.5)
    _, early = with_link(rows, times_s, [Outage(0.0, 15.0)], *rest, 20.0)
    assert early.usable_s == pytest.approx(free.usable_s)
    planned, less = with_link(rows, times_s, [Outage(50.3, 90.0)], *rest, 20.0)
    assert free.usable_s - less.usable_s == pytest.approx(39.7)
    for row, t in zip(planned, times_s, strict=True):
        assert row.link is not None
        assert (row.link.detected_rate_hz == 0.0) == (t < 20.0 or 50.3 <= t < 90.0)
    # What is lost twice is lost once.
    twice = [Outage(80.0, 90.0), Outage(50.3, 85.0), Outage(60.0, 70.0), Outage(0.0, 10.0)]
    assert with_link(rows, times_s, twice, *rest, 20.0)[1] == less


def test_a_link_that_never_stands_is_worth_nothing() -> None:
    rows, times_s, *rest = prepared()
    planned, link = with_link(rows, times_s, [], *rest, math.inf)
    assert (link.usable_s, link.sifted_bits, link.secret_key_bits) == (0.0, 0.0, 0.0)
    assert all(row.link is not None and row.link.detected_rate_hz == 0.0 for row in planned)


def test_a_shorter_step_says_the_same() -> None:
    rows, times_s, *rest = prepared()
    _, fine = with_link(rows, times_s, [], *rest, 20.0)
    _, coarse = with_link(rows[::5], times_s[::5], [], *rest, 20.0)
    # Trapezoids over 10 s of a rate that doubles in 60 s; and the last row is 6 s earlier.
    assert coarse.sifted_bits == pytest.approx(fine.sifted_bits, rel=0.02)


def test_a_beam_splitter_divides_the_noise_as_counted_by_hand() -> None:
    """Sent and received in one basis: p of the pulses and p of the light, but every dark count of
    its two detectors falls to p of the pulses."""
    p, dark_hz, sky_hz, gate_s = 0.7, 30.0, 400.0, 1.2e-9
    receivers = [
        receiver_behind_splitter(share, dark_hz, sky_hz, 0.0, gate_s, 0.0, 0.0)
        for share in (p, 1.0 - p)
    ]
    counts = expected_counts([0.0], 1e9, (0.7, 0.15, 0.0), (0.7, 0.2, 0.1), p, *receivers)
    assert sum(counts.x) == pytest.approx(1e9 * gate_s * p * (2 * dark_hz + p * sky_hz), rel=1e-6)
    q = 1.0 - p
    assert sum(counts.z) == pytest.approx(1e9 * gate_s * q * (2 * dark_hz + q * sky_hz), rel=1e-6)
    assert counts.x_errors == pytest.approx(0.5 * sum(counts.x), rel=1e-6)


def test_assumptions_are_said_and_can_be_changed() -> None:
    scenario = load_scenario("leo_laps_uplink")
    mission, config = scenario.mission, scenario.terminal
    values, shown = assume(Given(), mission, config, False)
    assert values.jitter_rad == pytest.approx(config.fine.settled_rad / 3.0)
    # As the scenario has it for clear air from 1 km up.
    assert values.zenith_transmittance == pytest.approx(0.8, abs=0.01)
    by_day, _ = assume(Given(), mission, config, True)
    assert by_day.background_w_m2_sr_um > 100.0 * values.background_w_m2_sr_um
    given = Given(1e-6, 0.5, 2.0, 3.0, 0.01, 4e-3)
    assert assume(given, mission, config, False)[0] == Assumed(*given)  # type: ignore[arg-type]
    by_option = {a.option: a.value for a in shown if a.option}
    assert set(by_option) == {
        "--jitter-urad",
        "--air",
        "--sky-radiance",
        "--dark-hz",
        "--qber",
        "--attitude-mrad",
    }
    assert by_option["--jitter-urad"] == pytest.approx(values.jitter_rad * 1e6)
    assert any(a.value is None for a in shown)


def test_the_best_protocol_is_better_and_keeps_its_promise() -> None:
    """The plan of a mission that sends it expects the key that was promised."""
    rows, times_s, mission, config, assumed = prepared()
    _, link = with_link(rows, times_s, [], mission, config, assumed, 20.0)
    best = link.best_protocol
    assert best is not None
    assert best.secret_key_bits > link.secret_key_bits
    source = msgspec.structs.replace(
        mission.source,
        intensities=best.intensities,
        intensity_probabilities=best.intensity_probabilities,
    )
    sending = msgspec.structs.replace(mission, source=source)
    _, then = with_link(rows, times_s, [], sending, config, assumed, 20.0)
    assert then.secret_key_bits == pytest.approx(best.secret_key_bits, rel=1e-9)
    assert then.best_protocol is not None
    # Nothing is left to gain but what the search leaves out: its own noise, and what is disclosed.
    assert then.best_protocol.secret_key_bits == pytest.approx(best.secret_key_bits, rel=1e-3)
