"""Two terminals that search each other, as flat geometry: boresights, beams, cameras, a channel.

Written for the tests of the roles: nothing of a flight but the search itself is in it.
"""

import math
from dataclasses import dataclass, field

import msgspec
import numpy as np

from config.loader import load_scenario
from terminal.control.search.acquire import SearchSettings, SearchState, settings_of, step
from terminal.mode import Mode
from terminal.pointing_messages import AcquisitionCommand, AcquisitionSample

TICK_NS = 20_000_000
TICK_S = 0.02
SCENARIO = load_scenario("haps_laps_search")
CAMERA_HALF_RAD = 3.2e-3
BEAM_RAD = 5.0e-3
"""1/e^2 full angle: so narrow that who scans is past before the other's beam has come."""
BEAM_REACH_RAD = 0.5 * BEAM_RAD * math.sqrt(0.5 * math.log(2.0))
"""Half of the peak irradiance."""
FRAME_TICKS = 2
GAIN_PER_S = 4.0
HANDOVER_RAD = 0.8e-3
COAST_S = 6.0


def settings(role: str, *, sends: bool) -> SearchSettings:
    """Of a terminal that begins with a role; `sends`: the quantum states."""
    replace, config = msgspec.structs.replace, SCENARIO.terminal
    acquisition = replace(
        config.acquisition,
        role=role,
        speed_rad_s=20e-3,
        confirm_frames=3,
        overlap=0.3,
        coverage=0.999,
        jitter_rad=0.0,
        stare_s=40.0,
    )
    config = replace(
        config,
        acquisition=acquisition,
        optics=replace(config.optics, uplink_beacon_divergence_rad=BEAM_RAD),
        rates=replace(config.rates, camera_hz=round(1.0 / (FRAME_TICKS * TICK_S))),
    )
    return settings_of(SCENARIO.mission, config)._replace(scans_on_tie=sends)


@dataclass
class Side:
    """One terminal; `off` is where the other stands beside the prediction, rad."""

    k: SearchSettings
    off: tuple[float, float]
    starts_ns: int
    state: SearchState = field(default_factory=SearchState)
    command: AcquisitionCommand = field(default_factory=AcquisitionCommand)
    mode: Mode = Mode.POINT
    x: float = 0.0
    y: float = 0.0
    """Boresight beside the prediction."""
    run: int = 0
    misses: int = 99
    frame_ns: int = 0
    dark_s: float = 0.0
    lost_s: float = 0.0

    @property
    def miss(self) -> tuple[float, float]:
        """The other beside the boresight."""
        return self.off[0] - self.x, self.off[1] - self.y

    @property
    def confirmed(self) -> bool:
        return self.run >= 3 and self.misses < 5

    def lights_other(self) -> bool:
        return self.mode != Mode.POINT and math.hypot(*self.miss) < BEAM_REACH_RAD

    def look(self, t_ns: int, lit: bool) -> None:
        """One camera frame."""
        self.frame_ns = t_ns
        inside = max(abs(v) for v in self.miss) < CAMERA_HALF_RAD
        if lit and inside and self.mode != Mode.POINT:
            self.run, self.misses = self.run + 1, 0
        else:
            self.misses += 1
            if self.misses >= 5 or self.run < 3:
                self.run = 0

    def tick(self, t_ns: int, note: int, note_t_ns: int) -> None:
        """Mode, search, and the motion of the boresight."""
        error = math.hypot(*self.miss)
        centred = self.confirmed and self.misses == 0 and error < HANDOVER_RAD
        self.dark_s = 0.0 if self.misses == 0 else self.dark_s + TICK_S
        if self.mode == Mode.POINT and t_ns >= self.starts_ns:
            self.mode = Mode.ACQUIRE
        elif self.mode in (Mode.ACQUIRE, Mode.LOST) and centred:
            self.mode = Mode.TRACK
        elif self.mode == Mode.TRACK and self.dark_s > 0.3:
            self.mode, self.lost_s = Mode.LOST, 0.0
        elif self.mode == Mode.LOST:
            self.lost_s += TICK_S
            if self.lost_s > COAST_S:
                self.mode = Mode.ACQUIRE
        sample = AcquisitionSample(
            t_ns, self.mode, 3.7e-3, 0.0, 0.0, 0.0, self.confirmed, self.frame_ns, note, note_t_ns
        )
        self.state, self.command = step(self.k, self.state, sample, TICK_S)
        c = self.command
        if self.confirmed and self.misses == 0:
            x, y = self.off
        elif self.mode in (Mode.TRACK, Mode.LOST):
            x, y = self.x, self.y
        else:
            x, y = c.scan_x_rad, c.scan_y_rad
        self.x += TICK_S * (GAIN_PER_S * (x - self.x) + c.scan_rate_x_rad_s)
        self.y += TICK_S * (GAIN_PER_S * (y - self.y) + c.scan_rate_y_rad_s)


@dataclass
class Channel:
    """Late and lossy, one way: notes come in any order, some twice, some never."""

    rng: np.random.Generator
    loss: float
    latency_s: tuple[float, float]
    repeated: float = 0.0
    under_way: list[tuple[int, int, int]] = field(default_factory=list)

    def send(self, t_ns: int, kind: int, note_t_ns: int) -> None:
        for _ in range(1 + (self.rng.random() < self.repeated)):
            if kind and self.rng.random() >= self.loss:
                late_ns = round(1e9 * self.rng.uniform(*self.latency_s))
                self.under_way.append((t_ns + late_ns, kind, note_t_ns))

    def receive(self, t_ns: int) -> tuple[int, int]:
        """The newest that has come, as the driver gives it."""
        here = sorted(note for note in self.under_way if note[0] <= t_ns)
        self.under_way = [note for note in self.under_way if note[0] > t_ns]
        return here[-1][1:] if here else (0, 0)


def acquire(a: Side, b: Side, to_a: Channel, to_b: Channel, limit_s: float) -> float:
    """Seconds until both have tracked each other for a second; inf if not within the limit."""
    together_s = 0.0
    for i in range(round(limit_s / TICK_S)):
        t_ns = 1_000_000_000_000 + i * TICK_NS
        if i % FRAME_TICKS == 0:
            lit_a, lit_b = b.lights_other(), a.lights_other()
            a.look(t_ns, lit_a)
            b.look(t_ns, lit_b)
        a.tick(t_ns, *to_a.receive(t_ns))
        b.tick(t_ns, *to_b.receive(t_ns))
        to_b.send(t_ns, a.command.note, a.command.note_t_ns)
        to_a.send(t_ns, b.command.note, b.command.note_t_ns)
        together_s = together_s + TICK_S if a.mode == b.mode == Mode.TRACK else 0.0
        if together_s > 1.0:
            return (i + 1) * TICK_S
    return math.inf
