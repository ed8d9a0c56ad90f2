"""The analytic link model against a direct simulation pulse by pulse, limits and closed forms."""

import heapq
import math
from types import SimpleNamespace

import numpy as np
import pytest

from config.mission import Beam, PlatformPartner, SatellitePartner, Security, Track
from hil.expected import (
    Bins,
    click_rate_hz,
    expected_key,
    link_transmittance,
    shown_by,
)
from terminal.qkd.finite_key import key_length, key_parameters

GATE_S = 0.6e-9
"""Half width."""
SATELLITE = SatellitePartner(name="a", tle=("", ""), useful_days=3)
PLATFORM = PlatformPartner(
    name="b",
    track=Track(
        latitude_deg=0, longitude_deg=0, altitude_m=0, speed_m_s=0, course_deg=0, radius_m=0
    ),
)


# Only the fields that the model reads, so that a test shows what it depends on.
def _mission(partner=SATELLITE, pulse_rate_hz=2e8):
    source = SimpleNamespace(
        wavelength_m=810e-9,
        pulse_rate_hz=pulse_rate_hz,
        intensities=(0.7, 0.15, 0.0),
        intensity_probabilities=(0.7, 0.2, 0.1),
        basis_x_probability=0.8,
        public_share=0.1,
    )
    security = Security(
        secrecy=1e-9, correctness=1e-15, error_correction_efficiency=1.16, disclosed_x_share=0.2
    )
    return SimpleNamespace(
        partner=partner,
        source=source,
        beam=Beam(full_divergence_rad=33e-6),
        security=security,
    )


def _optics(aperture_m=0.35):
    return SimpleNamespace(
        aperture_m=aperture_m,
        transmittance=0.6,
        detector_efficiency=0.5,
        field_of_view_rad=50e-6,
        filter_bandwidth_m=1e-9,
    )


def _detectors(intrinsic_qber=0.0, efficiency=(1.0, 1.0, 1.0, 1.0), leak=(0.0, 0.0, 0.0, 0.0)):
    return SimpleNamespace(
        intrinsic_qber=intrinsic_qber, channel_efficiency=efficiency, channel_leak=leak
    )


def _world(
    dark_rate_hz=0.0,
    dead_time_s=0.0,
    afterpulse_probability=0.0,
    afterpulse_lifetime_s=1e-6,
    jitter_s=0.3e-9,
    radiance=0.0,
    zenith_transmittance=1.0,
    intrinsic_qber=0.0,
    efficiency=(1.0, 1.0, 1.0, 1.0),
    leak=(0.0, 0.0, 0.0, 0.0),
):
    return SimpleNamespace(
        polarization=_detectors(intrinsic_qber, efficiency, leak),
        atmosphere=SimpleNamespace(
            zenith_transmittance=zenith_transmittance, background_radiance_w_m2_sr_um=radiance
        ),
        detectors=SimpleNamespace(
            dark_rate_hz=dark_rate_hz,
            dead_time_s=dead_time_s,
            afterpulse_probability=afterpulse_probability,
            afterpulse_lifetime_s=afterpulse_lifetime_s,
            jitter_s=jitter_s,
        ),
    )


def _bins(
    gated_s=100.0,
    range_m=600e3,
    elevation_rad=1.0,
    misalignment_rad=0.0,
    phase_rad=0.0,
    jitter_rad=0.0,
):
    """A frame that is off, and a phase along the axes of the basis X."""
    x = np.cos(2 * np.asarray(misalignment_rad))
    values = (gated_s, range_m, elevation_rad, x, x * np.cos(phase_rad), jitter_rad)
    return Bins(*np.broadcast_arrays(*(np.atleast_1d(np.array(v, float)) for v in values)))


def _survivors(time_s, dead_time_s, afterpulse_probability, lifetime_s, rng):
    """Clicks of one detector, one by one: (time, index of the event, -1 for an afterpulse)."""
    events = list(zip(time_s.tolist(), range(len(time_s)), strict=True))
    heapq.heapify(events)
    clicks, ready_s = [], -1.0
    while events:
        t, index = heapq.heappop(events)
        if t < ready_s:
            continue
        clicks.append((t, index))
        ready_s = t + dead_time_s
        if rng.random() < afterpulse_probability:
            heapq.heappush(events, (ready_s + rng.exponential(lifetime_s), -1))
    return clicks


def _simulate(mission, gate_s, world, eta, misalignment_rad, pulses, noise_hz, rng):
    """Every pulse drawn: state, intensity, photons, receiver's basis, detector, jitter, dead time.

    noise_hz: (4,) dark and background counts per detector. Returns what is counted in the gate.
    """
    source, truth = mission.source, world.detectors
    slot_s = 1 / source.pulse_rate_hz
    p_x = source.basis_x_probability
    public = rng.random(pulses) < source.public_share
    intensity = rng.choice(3, pulses, p=source.intensity_probabilities)
    intensity[public] = 0
    basis = (rng.random(pulses) >= p_x).astype(int)
    bit = rng.integers(0, 2, pulses)
    photons = rng.poisson(eta * np.array(source.intensities)[intensity])
    slot = np.repeat(np.arange(pulses), photons)

    measured = (rng.random(slot.size) >= p_x).astype(int)
    same = measured == basis[slot]
    flipped = rng.random(slot.size) < math.sin(misalignment_rad) ** 2
    flipped ^= rng.random(slot.size) < world.polarization.intrinsic_qber
    shown = np.where(same, bit[slot] ^ flipped, rng.integers(0, 2, slot.size))
    channel = 2 * measured + shown
    time_s = slot * slot_s + truth.jitter_s * rng.normal(size=slot.size)

    tally = {"x": np.zeros(3), "z": np.zeros(3), "x_wrong": 0, "z_wrong": np.zeros(3)}
    tally.update(gated=0, clicks=0)
    for detector in range(4):
        dark_s = rng.uniform(0, pulses * slot_s, rng.poisson(noise_hz[detector] * pulses * slot_s))
        events = np.concatenate([time_s[channel == detector], dark_s])
        memory = (truth.afterpulse_probability, truth.afterpulse_lifetime_s)
        for t, _ in _survivors(events, truth.dead_time_s, *memory, rng):
            tally["clicks"] += 1
            k = round(t / slot_s)
            if abs(t - k * slot_s) > gate_s or not 0 <= k < pulses:
                continue
            tally["gated"] += 1
            if public[k] or detector // 2 != basis[k]:
                continue
            wrong = detector % 2 != bit[k]
            if detector < 2:
                tally["x"][intensity[k]] += 1
                tally["x_wrong"] += wrong
            else:
                tally["z"][intensity[k]] += 1
                tally["z_wrong"][intensity[k]] += wrong
    return tally


def _assert_poisson(count, mean, model_error):
    """Within four standard errors, plus what the model leaves out."""
    assert abs(count - mean) < 4 * math.sqrt(mean) + model_error * mean


def test_against_every_pulse_drawn():
    """Strong noise, dead time of 40 slots, afterpulses, a gate that cuts, misaligned frames."""
    mission = _mission(pulse_rate_hz=1e8)
    gate_s = 0.5e-9
    world = _world(
        dark_rate_hz=20e3,
        dead_time_s=400e-9,
        afterpulse_probability=0.2,
        jitter_s=0.35e-9,
        radiance=2.0,
        intrinsic_qber=0.01,
    )
    pulses = 8_000_000
    bins = _bins(pulses / 1e8, range_m=20e3, misalignment_rad=0.15)
    optics = _optics(aperture_m=0.085)
    expected = expected_key(mission, optics, gate_s, world, bins)
    eta = float(expected.transmittance[0])
    assert 0.005 < eta < 0.02

    photon_j = 6.62607015e-34 * 299792458 / 810e-9
    sky_hz = 2.0 * math.pi * 25e-6**2 * math.pi * 0.0425**2 * 1e-3 / photon_j * 0.3
    noise_hz = 20e3 + sky_hz * np.array([0.8, 0.8, 0.2, 0.2]) / 2
    rng = np.random.default_rng(11)
    seen = _simulate(mission, gate_s, world, eta, 0.15, pulses, noise_hz, rng)

    # Left out: two photons of one pulse in one basis, here up to half the mean photon number.
    left_out = 0.5 * eta * 0.7
    counts = expected.counts
    _assert_poisson(seen["clicks"], expected.click_rate_hz[0] * bins.gated_s[0], left_out)
    _assert_poisson(seen["gated"], expected.detected, left_out)
    for k in range(3):
        _assert_poisson(seen["x"][k], counts.x[k] / 0.8, left_out)
        _assert_poisson(seen["z"][k], counts.z[k], left_out)
        _assert_poisson(seen["z_wrong"][k], counts.z_errors[k], left_out)
    _assert_poisson(seen["x_wrong"], counts.x_errors / 0.8, left_out)
    assert expected.disclosed_x == pytest.approx(0.2 / 0.8 * sum(counts.x), rel=1e-12)


def test_quiet_receiver_gives_the_closed_form():
    mission, bins = _mission(), _bins()
    expected = expected_key(mission, _optics(), 1e-6, _world(), bins)
    eta = float(expected.transmittance[0])
    for k, (mu, p) in enumerate(zip((0.7, 0.15, 0.0), (0.7, 0.2, 0.1), strict=True)):
        sent = 2e8 * 100 * 0.9 * p
        assert expected.counts.x[k] == pytest.approx(
            0.8 * 0.8 * sent * -math.expm1(-0.8 * eta * mu), rel=1e-12
        )
        assert expected.counts.z[k] == pytest.approx(
            0.2 * sent * -math.expm1(-0.2 * eta * mu), rel=1e-12
        )
    assert expected.counts.x_errors == 0
    estimate = key_length(expected.counts, key_parameters(mission.source, mission.security))
    assert expected.secret_key_bits == estimate.secret_key_bits > 0


def test_transmittance_is_beam_times_air_times_receiver():
    """600 km, 33 urad: radius 9.9 m; 35 cm collect 2 (a/w)^2; 30 degrees of elevation, two airs."""
    world = _world(zenith_transmittance=0.8)
    bins = _bins(elevation_rad=math.radians(30))
    expected = 2 * (0.175 / 9.9) ** 2 * 0.8**2 * 0.6 * 0.5
    assert link_transmittance(_mission(), _optics(), world, bins)[0] == pytest.approx(
        expected, rel=1e-3
    )
    along = link_transmittance(_mission(PLATFORM), _optics(), world, bins)[0]
    assert along == pytest.approx(expected / 0.8, rel=1e-3)


def test_transmit_jitter_of_the_article():
    """3.3 urad on 33 urad full angle costs 4 sigma^2/w^2 = 16 % of the mean: 1 / 1.16."""
    still = link_transmittance(_mission(), _optics(), _world(), _bins())[0]
    shaken = link_transmittance(_mission(), _optics(), _world(), _bins(jitter_rad=3.3e-6))[0]
    assert still / shaken == pytest.approx(1.16, rel=1e-3)


def test_partner_on_the_horizon_is_dark_not_wrong():
    world = _world(zenith_transmittance=0.5)
    bins = _bins(elevation_rad=[0.0, -0.2])
    assert link_transmittance(_mission(), _optics(), world, bins) == pytest.approx(
        [0, 0], abs=1e-200
    )


def test_misalignment_of_one_and_of_5_7_degrees():
    """0.03 % and 1 %, on top of an intrinsic error that flips independently."""
    angle_rad = np.radians([0.0, 1.0, 5.7, 45.0, 90.0])
    contrast = np.cos(2 * angle_rad)
    error = shown_by(_detectors(), contrast, slice(0, 2)).error
    assert error == pytest.approx(np.sin(angle_rad) ** 2, abs=1e-15)
    assert error[1:3] == pytest.approx([3.0e-4, 0.01], rel=0.02)
    flips = error * 0.99 + (1 - error) * 0.01
    shown = shown_by(_detectors(0.01), contrast, slice(2, 4))
    assert shown.error == pytest.approx(flips, abs=1e-15)
    assert shown.clicks == 1.0


@pytest.mark.parametrize("detectors", [slice(0, 2), slice(2, 4)])
def test_unequal_leaking_detectors_photon_by_photon(detectors):
    """Drawn: state, flip by the optics, flip by the splitter, port by Malus, leak, efficiency."""
    truth = _detectors(0.02, (0.9, 1.0, 0.7, 0.8), (0.01, 0.05, 0.02, 0.03))
    contrast, n, rng = 0.9, 2_000_000, np.random.default_rng(5)
    shown = shown_by(truth, np.array([contrast]), detectors)
    efficiency = np.array(truth.channel_efficiency[detectors]) / 1.05
    leak = np.array(truth.channel_leak[detectors])
    bit = rng.integers(0, 2, n)
    port = bit ^ (rng.random(n) < (1 - contrast) / 2) ^ (rng.random(n) < 0.02)
    # At its own detector with its efficiency, at the other with that one's leak; at neither else.
    drawn = rng.random(n)
    own = drawn < efficiency[port]
    other = ~own & (drawn < efficiency[port] + (efficiency * leak)[1 - port])
    wrong = (own & (port != bit)) | (other & (port == bit))
    clicks = int(np.sum(own | other))
    assert clicks == pytest.approx(n * shown.clicks, abs=4 * math.sqrt(n * 0.25))
    due = clicks * shown.error[0]
    assert int(wrong.sum()) == pytest.approx(due, abs=4 * math.sqrt(due))


def test_retardance_shows_in_the_basis_at_45_degrees_alone():
    expected = expected_key(_mission(), _optics(), GATE_S, _world(), _bins(phase_rad=0.2))
    assert expected.counts.x_errors == pytest.approx(0, abs=1e-6)
    rate = sum(expected.counts.z_errors) / sum(expected.counts.z)
    assert rate == pytest.approx(math.sin(0.1) ** 2, rel=1e-9)


def test_background_is_a_coin():
    """Light off: half of all clicks are wrong, as many as noise rate times gate says."""
    world = _world(dark_rate_hz=1000.0)
    bins = _bins(range_m=1e12)
    expected = expected_key(_mission(), _optics(), 0.5e-9, world, bins)
    assert expected.qber_x == pytest.approx(0.5, abs=1e-3)
    assert expected.detected == pytest.approx(4000 * 1e-9 * 2e8 * 100, rel=1e-3)
    assert expected.detected_key == pytest.approx(0.9 * expected.detected, rel=1e-3)
    assert expected.click_rate_hz[0] == pytest.approx(4000, rel=1e-3)
    assert expected.secret_key_bits == 0
    # Sky light goes through the basis choice, as the sender's does.
    sky = expected_key(_mission(), _optics(), GATE_S, _world(radiance=2.0), bins).counts
    assert sum(sky.x) / sum(sky.z) == pytest.approx(0.8 * (0.8 / 0.2) ** 2, rel=1e-3)


def test_gate_takes_the_gaussian_share():
    wide = expected_key(_mission(), _optics(), 1e-6, _world(), _bins()).detected
    one = expected_key(_mission(), _optics(), 0.3e-9, _world(), _bins()).detected
    assert one / wide == pytest.approx(0.6827, abs=1e-4)


def test_each_bin_has_its_own_gate():
    world = _world(dark_rate_hz=200, dead_time_s=50e-9, intrinsic_qber=0.005)
    both = expected_key(
        _mission(), _optics(), np.array([0.3e-9, 0.5e-9]), world, _bins([60.0, 40.0], 600e3)
    )
    narrow = expected_key(_mission(), _optics(), 0.3e-9, world, _bins(60.0, 600e3))
    wide = expected_key(_mission(), _optics(), 0.5e-9, world, _bins(40.0, 600e3))
    assert both.detected == pytest.approx(narrow.detected + wide.detected, rel=1e-12)
    for k in range(3):
        assert both.counts.z_errors[k] == pytest.approx(
            narrow.counts.z_errors[k] + wide.counts.z_errors[k], rel=1e-12
        )


def test_without_a_gate_nothing_counts():
    none = expected_key(_mission(), _optics(), np.array([0.0]), _world(radiance=2.0), _bins())
    assert none.detected == 0
    assert none.secret_key_bits == 0


def test_dead_time_and_afterpulses_of_one_detector():
    rate_hz = np.array([0.0, 1e3, 1e6, 1e9])
    assert click_rate_hz(rate_hz, 0.0, 0.0) == pytest.approx(rate_hz)
    assert click_rate_hz(rate_hz, 50e-9, 0.0) == pytest.approx(rate_hz / (1 + rate_hz * 50e-9))
    # Each click makes p more, and those p more again.
    assert click_rate_hz(rate_hz, 0.0, 0.02) == pytest.approx(rate_hz / 0.98)
    clicks = click_rate_hz(rate_hz, 50e-9, 0.02)
    sources = rate_hz + 0.02 * clicks
    assert clicks == pytest.approx(sources / (1 + sources * 50e-9), rel=1e-12)


def test_nothing_in_the_gate_is_no_key_and_no_warning():
    expected = expected_key(_mission(), _optics(), GATE_S, _world(), _bins(gated_s=[0.0, 0.0]))
    assert expected.secret_key_bits == 0
    assert expected.detected == 0
    empty = Bins(*(np.empty(0) for _ in range(6)))
    assert expected_key(_mission(), _optics(), GATE_S, _world(), empty).secret_key_bits == 0


def test_bins_add_up():
    world = _world(dark_rate_hz=200, dead_time_s=50e-9, intrinsic_qber=0.005)
    whole = expected_key(_mission(), _optics(), GATE_S, world, _bins([60.0, 40.0], [600e3, 900e3]))
    near = expected_key(_mission(), _optics(), GATE_S, world, _bins(60.0, 600e3))
    far = expected_key(_mission(), _optics(), GATE_S, world, _bins(40.0, 900e3))
    assert whole.detected == pytest.approx(near.detected + far.detected, rel=1e-12)
    assert whole.counts.x[0] == pytest.approx(near.counts.x[0] + far.counts.x[0], rel=1e-12)
    # A key from all of it is longer than the keys of its parts: finite-size effects.
    assert whole.secret_key_bits > near.secret_key_bits + far.secret_key_bits


def test_worse_worlds_give_less_key():
    def bits(misalignment_rad=0.0, phase_rad=0.0, **world):
        settings = {"dark_rate_hz": 100, "intrinsic_qber": 0.005, **world}
        bins = _bins(300.0, misalignment_rad=misalignment_rad, phase_rad=phase_rad)
        return expected_key(_mission(), _optics(), GATE_S, _world(**settings), bins).secret_key_bits

    best = bits()
    assert best > 0
    for worse in (
        bits(misalignment_rad=0.1),
        bits(dark_rate_hz=10_000),
        bits(intrinsic_qber=0.02),
        bits(dead_time_s=1e-6),
        bits(afterpulse_probability=0.05),
        bits(radiance=1.5),
        bits(zenith_transmittance=0.7),
        bits(phase_rad=0.3),
        bits(efficiency=(0.9, 0.9, 0.9, 0.9)),
        bits(leak=(0.01, 0.01, 0.01, 0.01)),
    ):
        assert worse < best
