"""A terminal on fake devices that follow each other just well enough for a link to come about."""

import math

import numpy as np
from numpy.typing import NDArray

from config.loader import load_scenario
from config.mission import Mission
from config.pattern import NOT_PUBLIC, public_pattern
from config.terminal import TerminalConfig
from drivers.protocols import (
    Frame,
    GimbalState,
    Health,
    LaserState,
    NavigationFix,
    PartnerNote,
    PlateState,
    QuadScan,
    SiftReply,
    TagBlock,
    TallyReport,
)
from terminal.bus import Bus
from terminal.context import Context
from terminal.devices import Devices
from terminal.geometry.gimbal_frame import Joints, image_axes
from terminal.geometry.quaternion import from_rotation_vector, rotate
from terminal.geometry.vector import add, dot, scale, unit
from terminal.main import Terminal
from terminal.window import Window

SCENARIO = load_scenario("leo_haps_downlink")
# The culmination of the demo's pass.
START_NS = 1_482_160_771_000_000_000
WINDOW = Window(START_NS, START_NS + 60_000_000_000)
BEACON_OFF = (1e-3, -2e-3, 3e-3)
"""How the beacon stands beside the prediction: rotation vector in the base's axes, rad."""
START_YAW_RAD, START_PITCH_RAD = 4.2, 0.6
"""Where the gimbal stands at first."""


class Fake:
    health = Health()

    def close(self) -> None:
        pass


class Navigation(Fake):
    def poll(self, t_ns: int) -> NavigationFix:
        place = math.radians(35.66), math.radians(139.68), 20_000.0
        return NavigationFix(t_ns, 0, *place, 0.0, 0.0, 0.0, (1.0, 0.0, 0.0, 0.0), 1e-3, 1.0)


class Gimbal(Fake):
    """Joints that turn as they are told, on a base that does not move."""

    def __init__(self, bus: Bus) -> None:
        self.bus = bus
        self.t_ns = 0
        self.joints = Joints(START_YAW_RAD, START_PITCH_RAD)
        self.rates = (0.0, 0.0, 0.0)
        self.on = False

    def at(self, t_ns: int) -> Joints:
        dt_s = (t_ns - self.t_ns) * 1e-9 if self.t_ns else 0.0
        return Joints(
            *(a + self.on * r * dt_s for a, r in zip(self.joints, self.rates, strict=True))
        )

    def beacon(self, t_ns: int) -> tuple[float, float]:
        """Of the beacon against the boresight: x right, y up."""
        p, sample = self.bus.pointing.command, self.bus.pointing.sample
        late_s = (t_ns - sample.t_ns) * 1e-9 if sample else 0.0
        rate = p.los_rate_x, p.los_rate_y, p.los_rate_z
        predicted = unit(add((p.los_x, p.los_y, p.los_z), scale(late_s, rate)))
        true = rotate(from_rotation_vector(BEACON_OFF), predicted)
        axes = image_axes(self.at(t_ns))
        ahead = dot(true, axes.boresight)
        return math.atan2(dot(true, axes.right), ahead), math.atan2(dot(true, axes.up), ahead)

    def poll(self, t_ns: int) -> GimbalState:
        yaw, pitch, roll = self.at(t_ns)
        return GimbalState(t_ns, 0, yaw, pitch, self.on, roll)

    def command_rate(
        self, yaw_rad_s: float, pitch_rad_s: float, t_ns: int, roll_rad_s: float = 0.0
    ) -> None:
        self.joints = self.at(t_ns)
        self.t_ns = t_ns
        self.rates = yaw_rad_s, pitch_rad_s, roll_rad_s

    def motors(self, on: bool, t_ns: int) -> None:
        self.on = on


class Camera(Fake):
    """A spot that grows brighter with the exposure on noise that does not."""

    sensor_shape = (256, 256)
    pixel_rad = 25e-6

    def __init__(self, gimbal: Gimbal) -> None:
        self.gimbal = gimbal
        self.seq = 0
        self.part = (0, 0, 256, 256)
        self.exposure_us = 2000
        self.noise = np.random.default_rng(1).normal(20.0, 3.0, (256, 256))

    def poll(self, t_ns: int) -> Frame:
        left, top, columns, rows = self.part
        x, y = self.gimbal.beacon(t_ns)
        across = np.arange(left, left + columns) - 127.5 - x / self.pixel_rad
        down = np.arange(top, top + rows) - 127.5 + y / self.pixel_rad
        spot = np.exp(-0.5 * (np.minimum(across[None, :] ** 2 + down[:, None] ** 2, 1e3)) / 1.44)
        peak = 150.0 * self.exposure_us / 2000
        image = self.noise[:rows, :columns] + peak * spot
        self.seq += 1
        pixels = np.clip(image, 0, 255).astype(np.uint8)
        return Frame(t_ns, self.seq, self.exposure_us, left, top, pixels)

    def window(self, left: int, top: int, columns: int, rows: int, t_ns: int) -> None:
        self.part = left, top, columns, rows

    def expose(self, exposure_us: int, t_ns: int) -> None:
        self.exposure_us = exposure_us


class Mirror(Fake):
    counts_per_rad = 32767.0 / SCENARIO.terminal.optics.mirror_stroke_rad
    max_counts = 32767

    def __init__(self) -> None:
        self.x_counts = self.y_counts = 0

    def command(self, x_counts: int, y_counts: int, t_ns: int) -> None:
        self.x_counts, self.y_counts = x_counts, y_counts


class Quad(Fake):
    def __init__(self, gimbal: Gimbal, mirror: Mirror) -> None:
        self.gimbal, self.mirror = gimbal, mirror
        self.seq = 0

    def poll(self, t_ns: int) -> QuadScan | None:
        self.seq += 1
        if self.seq % 97 == 0:
            return None
        x, y = self.gimbal.beacon(t_ns)
        x -= self.mirror.x_counts / self.mirror.counts_per_rad
        y -= self.mirror.y_counts / self.mirror.counts_per_rad
        scale = math.sqrt(2.0) / SCENARIO.terminal.optics.quad_spot_rad
        right, above = 0.5 + 0.5 * math.erf(scale * x), 0.5 + 0.5 * math.erf(scale * y)
        sides = (right * above, (1 - right) * above, (1 - right) * (1 - above), right * (1 - above))
        a, b, c, d = (round(8000.0 * share) for share in sides)
        return QuadScan(t_ns, self.seq, a, b, c, d, 0)


class Plate(Fake):
    angle_rad = 0.0

    def poll(self, t_ns: int) -> PlateState:
        return PlateState(t_ns, 0, self.angle_rad, False)

    def move_to(self, angle_rad: float, t_ns: int) -> bool:
        self.angle_rad = angle_rad
        return True


class Tagger(Fake):
    """Photons of the partner's slot clock, as late as predicted, and states as they were agreed."""

    def __init__(self, bus: Bus) -> None:
        self.bus = bus
        self.rng = np.random.default_rng(2)
        self.last_ns = START_NS
        self.rate_before = 0.0, 0.0
        """Time and rate of the delay at the last poll."""
        source = SCENARIO.mission.source
        self.period_s = 1.0 / source.pulse_rate_hz
        self.pattern = public_pattern(
            source.pattern_length, source.public_share, source.pattern_seed
        )

    def poll(self, t_ns: int) -> TagBlock:
        p, sample = self.bus.pointing.command, self.bus.pointing.sample
        rate = p.range_rate_m_s / 299_792_458.0
        at_s = (sample.t_ns - START_NS) * 1e-9 if sample else 0.0
        span_s = (self.last_ns - START_NS) * 1e-9, (t_ns - START_NS) * 1e-9
        arrival_s = self.rng.uniform(*span_s, 800)
        self.last_ns = t_ns
        # A straight line would err by a whole slot over 0.2 s.
        since_s = at_s - self.rate_before[0]
        bend = (rate - self.rate_before[1]) / since_s if 0.0 < since_s < 1.0 else 0.0
        self.rate_before = at_s, rate

        def delay_s(t_s: NDArray[np.float64]) -> NDArray[np.float64]:
            return p.light_time_s + (t_s - at_s) * (rate + 0.5 * bend * (t_s - at_s))

        slot = np.rint((arrival_s - delay_s(arrival_s)) / self.period_s).astype(np.int64)
        for _ in range(4):
            arrival_s = slot * self.period_s + delay_s(arrival_s)
        arrival_s += 150e-12 * self.rng.standard_normal(800)
        state = self.pattern[slot % len(self.pattern)]
        state = np.where(state == NOT_PUBLIC, self.rng.integers(0, 4, 800), state)
        other = 2 * (1 - state // 2) + self.rng.integers(0, 2, 800)
        channel = np.where(self.rng.random(800) < 0.5, state, other).astype(np.uint8)
        order = np.argsort(arrival_s)
        time_ps = np.rint(arrival_s[order] * 1e12).astype(np.int64)
        return TagBlock(0, time_ps, channel[order], False)


class Laser(Fake):
    shutter_open = beacon_on = False

    def poll(self, t_ns: int) -> LaserState:
        return LaserState(t_ns, 0, self.beacon_on, self.shutter_open, True)

    def beacon(self, on: bool, t_ns: int) -> None:
        self.beacon_on = on

    def shutter(self, is_open: bool, t_ns: int) -> None:
        self.shutter_open = is_open


class Classical(Fake):
    """Answers at the next poll, in the sender's good time and with bits at random."""

    def __init__(self) -> None:
        self.rng = np.random.default_rng(3)
        self.waiting: list[SiftReply | TallyReport] = []

    def announce(
        self,
        request: int,
        slot: NDArray[np.int64],
        basis: NDArray[np.uint8],
        disclose: NDArray[np.uint8],
        t_ns: int,
    ) -> None:
        theirs, intensity, bit = self.rng.integers(0, 2, (3, len(slot))).astype(np.uint8)
        told = (disclose == 1) | (theirs != basis)
        bit = np.where(told, bit, 255).astype(np.uint8)
        self.waiting.append(SiftReply(request, theirs, intensity, bit))

    def poll(self, t_ns: int) -> list[SiftReply | TallyReport]:
        replies, self.waiting = self.waiting, []
        return replies

    def tell(self, kind: int, note_t_ns: int, t_ns: int) -> None:
        raise AssertionError("a terminal that searches alone tells nobody")

    def note(self, t_ns: int) -> PartnerNote | None:
        return None


def make_terminal(
    mission: Mission = SCENARIO.mission, config: TerminalConfig = SCENARIO.terminal
) -> tuple[Terminal, Bus, Devices]:
    """A terminal whose beacon comes into view near its prediction."""
    bus = Bus()
    gimbal, mirror = Gimbal(bus), Mirror()
    devices = Devices(
        gimbal=gimbal,
        navigation=Navigation(),
        camera=Camera(gimbal),
        quad=Quad(gimbal, mirror),
        mirror=mirror,
        point_ahead=Mirror(),
        waveplate=Plate(),
        tagger=Tagger(bus),
        laser=Laser(),
        classical=Classical(),
    )
    return Terminal(Context(devices, bus, mission, config, WINDOW)), bus, devices


def fly(terminal: Terminal, ticks: int, start_ns: int = START_NS) -> int:
    """Fine periods one after the other; returns the time of the next."""
    period_ns = 1_000_000_000 // SCENARIO.terminal.rates.fine_hz
    for k in range(ticks):
        terminal.tick(start_ns + k * period_ns)
    return start_ns + ticks * period_ns
