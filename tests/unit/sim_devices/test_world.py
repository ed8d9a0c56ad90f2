"""The world wired up: signs and geometry between its parts, faults, and one seed."""

import math
from functools import cache

import numpy as np
import pytest
from msgspec import structs

from config.loader import load_scenario
from config.scenario import Scenario
from config.world import Fault
from sim_devices.carrier import GRID_HZ
from sim_devices.truth import TruthSample
from sim_devices.world import World
from terminal.geometry.gimbal_frame import Joints, image_axes, joints_toward
from terminal.geometry.polarization_frame import frame_angle_rad
from terminal.geometry.time_scales import SECOND_NS, utc_julian_date
from terminal.geometry.vector import Vec
from terminal.window import resolve_window

FINE_HZ = 5000
TICKS = FINE_HZ // GRID_HZ


@cache
def scenario() -> Scenario:
    return load_scenario("leo_haps_downlink")


@cache
def start_ns() -> int:
    window = resolve_window(scenario().mission)
    return (window.start_tai_ns + window.end_tai_ns) // 2


class PerfectJoints:
    """A gimbal that looks exactly at the partner, or beside it."""

    def __init__(self, world: World, off_rad: float = 0.0, roll_rad: float = 0.0) -> None:
        self._los = world.sky.partner_g
        self._off_rad, self._roll_rad = off_rad, roll_rad

    def joints_at(self, index: int) -> tuple[float, float, float]:
        yaw, pitch, roll = joints_toward(self._los[index], self._roll_rad)
        return yaw + self._off_rad, pitch, roll


def world(
    seed: int = 1,
    faults: tuple[Fault, ...] = (),
    off_rad: float = 0.0,
    roll_rad: float = 0.0,
) -> World:
    chosen = structs.replace(scenario(), world=structs.replace(scenario().world, faults=faults))
    made = World(chosen, seed, start_ns(), utc_julian_date(start_ns()), 3.0, FINE_HZ)
    made.joints = PerfectJoints(made, off_rad, roll_rad)
    # As if it had looked there before the start.
    made._joints = made.joints.joints_at(0)
    made._errors = made._last_error = made._gimbal_error(0, made._joints)
    return made


def run(made: World, steps: int) -> list[TruthSample]:
    """Fly without a terminal; the truth told."""
    truths = []
    for _ in range(steps):
        made.grid_step()
        for _ in range(TICKS):
            made.fine_tick()
            made.clock.t_ns += SECOND_NS // FINE_HZ
        truths += made.end_grid_step()
    return truths


def light_up(made: World) -> None:
    """Beacon on and shutter open, by the box's own commands."""
    made.laser.receive(
        b"OUTP2:STAT 1\nSOUR1:CURR:LEV:AMPL 0.05\nOUTP1:STAT 1\nOUTP3:STAT 1\n", made.clock.t_ns
    )
    assert made.laser.beacon_on
    assert made.laser.shutter_open


@pytest.mark.parametrize("roll_rad", [0.0, -0.4])
def test_a_gimbal_on_the_partner_leaves_only_the_jitter(roll_rad: float) -> None:
    made = world(roll_rad=roll_rad)
    run(made, 20)
    assert made._gimbal_error(20, made._joints) == pytest.approx((0.0, 0.0), abs=1e-12)
    jitter = world()
    seen = []
    for _ in range(20):
        jitter.grid_step()
        for _ in range(TICKS):
            jitter.fine_tick()
            seen.append((jitter.plant.seen_rad[0], jitter.plant.gimbal_rad[0]))
    x, gimbal_x = np.array(seen).T
    assert np.abs(gimbal_x).max() < 1e-12
    # One-sided 160 urad^2/Hz: 15.9 urad rms; 0.2 s of it stays within five sigma.
    assert 0 < np.abs(x).max() < 5 * 15.9e-6


def test_a_gimbal_too_far_right_sees_the_partner_on_the_left() -> None:
    made = world(off_rad=1e-3)
    made.grid_step()
    made.fine_tick()
    elevation = float(made.los.elevation_rad[0])
    # Yaw is about the base's axis, which the carrier's sway tips by up to a degree.
    assert made.plant.gimbal_rad[0] == pytest.approx(-1e-3 * math.cos(elevation), rel=0.05)
    made.grid_step()
    assert made._scene.x_rad < -0.5e-3


def test_a_sagging_tube_looks_under_the_partner() -> None:
    bent = structs.replace(scenario().world.gimbal, flexure_rad=1e-3)
    chosen = structs.replace(scenario(), world=structs.replace(scenario().world, gimbal=bent))
    made = World(chosen, 1, start_ns(), utc_julian_date(start_ns()), 3.0, FINE_HZ)
    plain = world()
    joints = PerfectJoints(made).joints_at(0)
    x, y = made._gimbal_error(0, joints)
    f = made._axis_errors.flexure_rad
    assert abs(f) > 1e-5
    # To first order in 1e-3 rad.
    assert (x, y) == pytest.approx((0.0, f * math.cos(joints[1])), abs=2e-6)
    # Nothing else of this world has changed.
    assert made.draws[1:] == plain.draws[1:]
    assert made.draws.mounting_rad.tolist() == plain.draws.mounting_rad.tolist()


def test_the_beacon_must_be_pointed_ahead() -> None:
    made = world()
    light_up(made)
    straight = run(made, 2)[0]
    los = made.los
    ahead_rad = float(np.linalg.norm(los.launch_ned[0] - los.los_ned[0]))
    error = straight.point_ahead_error_x_rad, straight.point_ahead_error_y_rad
    assert math.hypot(*error) == pytest.approx(ahead_rad, rel=1e-6)
    assert ahead_rad > 40e-6
    assert straight.uplink_fraction < 0.6

    optics = scenario().terminal.optics
    stroke = optics.point_ahead_stroke_rad / 32767
    made.point_ahead.x_counts = round(-error[0] / stroke)
    made.point_ahead.y_counts = round(-error[1] / stroke)
    aimed = run(made, 2)[0]
    assert math.hypot(aimed.point_ahead_error_x_rad, aimed.point_ahead_error_y_rad) < 0.1e-6
    half = optics.uplink_beacon_divergence_rad / 2
    miss = math.hypot(aimed.coarse_error_x_rad, aimed.coarse_error_y_rad)
    # The mirror stands still, so what the beacon is off by now is the jitter.
    assert aimed.uplink_fraction == pytest.approx(math.exp(-2 * (miss / half) ** 2), abs=0.01)
    assert miss > 1e-6
    assert made.partner.offset_rad == 0.0


def test_the_field_stop_cuts_the_beam_and_not_the_sky() -> None:
    half_field_rad = scenario().terminal.optics.field_of_view_rad / 2
    made = world(off_rad=20 * half_field_rad)
    light_up(made)
    run(made, 30)
    made.tagger.poll(made.clock.t_ns)
    (block,) = made.channel.blocks
    assert block.click_probability == (0.0, 0.0, 0.0)
    assert block.background_hz == made.channel.background_hz


def test_the_partner_does_not_see_a_beacon_that_is_off() -> None:
    made = world()
    assert all(t.uplink_fraction == 0.0 for t in run(made, 30))
    assert made.partner.offset_rad == scenario().world.partner.untracked_offset_rad


@pytest.mark.parametrize("roll_rad", [0.0, 0.3])
def test_frame_angle_is_the_terminals_in_level_axes(roll_rad: float) -> None:
    made = world(roll_rad=roll_rad)
    truths = run(made, 40)
    for k, truth in enumerate(truths):
        i = 2 * k
        gimbal_from_ned = made.carrier.gimbal_from_ned(made.los.t_s[i : i + 1])[0]
        up = np.array(image_axes(Joints(*made.joints.joints_at(i))).up)

        def vec(v: np.ndarray) -> Vec:
            x, y, z = v.tolist()
            return x, y, z

        # The terminal's formula in NED with the image's true up axis, by rotation of the frame.
        psi = frame_angle_rad(
            vec(made.los.los_ned[i]), vec(made.los.reference_ned[i]), vec(gimbal_from_ned.T @ up)
        )
        off = truth.frame_angle_rad - made.draws.reference_rad - psi
        assert math.sin(off) == pytest.approx(0.0, abs=1e-9)


def test_the_beacon_fades_with_the_square_of_the_range() -> None:
    made = world()
    made.grid_step()
    beacon = scenario().world.beacon
    gain = (beacon.reference_range_m / float(made.los.range_m[0])) ** 2
    assert made.plant.sum_counts == pytest.approx(beacon.quad_sum_counts * gain)
    assert made._scene.flux_counts == pytest.approx(beacon.camera_signal_counts * gain)


def test_the_shutter_decides_what_the_detectors_get() -> None:
    made = world()
    run(made, 30)
    light_up(made)
    made.tagger.poll(made.clock.t_ns)
    run(made, 30)
    made.tagger.poll(made.clock.t_ns)
    closed, opened = made.channel.blocks
    assert closed.click_probability == (0.0, 0.0, 0.0)
    assert closed.background_hz == 0.0
    assert opened.background_hz > 0.9 * made.channel.background_hz
    assert opened.slots == pytest.approx(0.3 * 200e6, rel=0.04)


@pytest.mark.parametrize(
    ("kind", "holds"),
    [
        ("beacon_off", lambda w: w.plant.sum_counts == 0.0 and w._scene.flux_counts == 0.0),
        ("navigation_silent", lambda w: w.navigation.silent),
        ("gimbal_stuck", lambda w: w.mechanics.stuck),
        ("plate_stuck", lambda w: w.waveplate.stuck),
        ("tagger_silent", lambda w: w.tagger.silent),
    ],
)
def test_a_fault_lasts_as_long_as_it_says(kind, holds) -> None:  # type: ignore[no-untyped-def]
    made = world(faults=(Fault(kind=kind, at_s=0.045, duration_s=0.1),))
    broken = []
    for _ in range(20):
        run(made, 1)
        broken.append(bool(holds(made)))
    assert broken == [False] * 5 + [True] * 10 + [False] * 5


def bytes_of(seed: int) -> bytes:
    made = world(seed)
    light_up(made)
    out = b""
    for _ in range(20):
        run(made, 1)
        for role in ("quad", "camera", "navigation", "gimbal", "tagger"):
            out += made.emulators()[role].poll(made.clock.t_ns)
    return out


def test_one_seed_gives_one_world() -> None:
    assert bytes_of(1) == bytes_of(1)
    assert bytes_of(1) != bytes_of(2)


def test_every_role_of_the_terminal_has_a_device() -> None:
    assert set(world().emulators()) == set(scenario().terminal.devices)


def bound_urad(made: World, counts: float) -> float:
    """Closed form for first-order jitter in samples, at so much light."""
    quad, beacon = scenario().world.quad, scenario().world.beacon
    spot_rad = quad.spot_scale * scenario().terminal.optics.quad_spot_rad
    # Differences of the four channels over their sum, on the slope of a Gaussian spot, of which
    # cross-talk takes a part; gains of 1 % change it by 1e-4.
    slope = 2 * math.sqrt(2 / math.pi) / spot_rad * (1 - 4 * quad.cross_talk)
    shot = (counts + quad.background_counts) / 4 / quad.electrons_per_count
    noise_urad = 2 * math.sqrt(beacon.quad_noise_counts**2 + shot + 1 / 12) / counts / slope * 1e6
    a, variance = 2 * math.pi, 80 * math.pi
    f, r = math.exp(-2 * a / FINE_HZ), noise_urad**2
    q = variance * (1 - f)
    b = q - (1 - f) * r
    m = (b + math.sqrt(b * b + 4 * q * r)) / 2
    delay = scenario().world.mirror.delay_samples
    return math.sqrt(f ** (delay - 1) * m + variance * (1 - f ** (delay - 1)))


@pytest.mark.parametrize("spans_s", [None, [(0.0, 0.5)], [(0.5, 0.7), (1.0, 2.5)]])
def test_fine_bound_is_the_rms_at_each_range(spans_s: list[tuple[float, float]] | None) -> None:
    made = world()
    t_s = made.los.t_s - made.los.t_s[0]
    chosen = np.zeros(len(t_s), bool)
    for begin, end in spans_s or [(-1.0, 1e9)]:
        chosen |= (t_s >= begin) & (t_s < end)
    beacon = scenario().world.beacon
    counts = beacon.quad_sum_counts * (beacon.reference_range_m / made.los.range_m[chosen]) ** 2
    due = math.sqrt(np.mean([bound_urad(made, float(c)) ** 2 for c in counts]))
    assert made.fine_bound_rad(FINE_HZ, spans_s) * 1e6 == pytest.approx(due, rel=2e-4)


def test_fine_bound_leaves_out_the_time_without_light() -> None:
    dark = world(faults=(Fault(kind="beacon_off", at_s=0.1, duration_s=0.1),))
    run(dark, 30)
    assert dark.fine_bound_rad(FINE_HZ) == pytest.approx(world().fine_bound_rad(FINE_HZ), rel=1e-4)
    assert math.isnan(dark.fine_bound_rad(FINE_HZ, [(0.1, 0.2)]))


@pytest.mark.parametrize("name", ["leo_ground_downlink", "leo_ground_uplink"])
def test_what_is_sent_is_bent_by_its_own_colour(name: str) -> None:
    """At 20 degrees: a downlink's own beacon as the beacon that arrives, an uplink's signal
    by 4.5 urad more. The formula's bending goes as the tangent of the zenith angle."""
    ground = load_scenario(name)
    start = resolve_window(ground.mission).start_tai_ns
    calm = structs.replace(ground.world.atmosphere, refracting_pressure_hpa=0.0)
    airless = structs.replace(ground, world=structs.replace(ground.world, atmosphere=calm))
    skies = [
        World(s, 1, start, utc_julian_date(start), 3.0, FINE_HZ).los for s in (ground, airless)
    ]
    lifts = []
    for of in ("los_ned", "launch_ned"):
        bent, straight = (np.arcsin(-getattr(los, of)[0, 2]) for los in skies)
        lifts.append(float(bent - straight))
    more_rad = lifts[1] - lifts[0]
    spread_rad = float(skies[0].signal_offset_rad[0])
    assert 3e-6 < spread_rad < 5e-6
    sent_rad = spread_rad if name == "leo_ground_uplink" else 0.0
    # 50 urad of point-ahead change the bending of 0.8 mrad by 0.1 urad.
    assert more_rad == pytest.approx(sent_rad, abs=0.2e-6)
