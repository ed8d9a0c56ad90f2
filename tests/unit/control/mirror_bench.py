"""A mirror, a light and a quad cell of the test's own, around the fine loop."""

import math
from collections.abc import Callable

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray
from scipy.linalg import expm

from config.loader import load_scenario
from config.terminal import TerminalConfig
from terminal.control.fine.events import FineEvent
from terminal.control.fine.step import initial, step
from terminal.control.mirror_response import Matrix
from terminal.messages import FineCommand, FineSample

Array = NDArray[np.float64]

UNIT = ((1.0, 0.0), (0.0, 1.0))


def told(**response: object) -> TerminalConfig:
    """A terminal that is told this of its mirror; else what the bench's is."""
    config = load_scenario("leo_haps_downlink").terminal
    answer = replace(config.fine.response, **{"matrix": UNIT, **response})
    return replace(config, fine=replace(config.fine, response=answer))


CONFIG = told()
STROKE_RAD, SPOT_RAD = CONFIG.optics.mirror_stroke_rad, CONFIG.optics.quad_spot_rad
RESPONSE = CONFIG.fine.response
RATE_HZ = float(CONFIG.rates.fine_hz)
DT_S = 1.0 / RATE_HZ
START_NS = 10**18
LIGHT = 8000.0
RAD_PER_COUNT = STROKE_RAD / 32767.0

Counts = tuple[int, int, int, int]


def counts(x_rad: float, y_rad: float, light: float = LIGHT) -> Counts:
    """A Gaussian spot on the four quadrants a, b, c, d."""
    scale = math.sqrt(2.0) / SPOT_RAD
    right, above = 0.5 + 0.5 * math.erf(scale * x_rad), 0.5 + 0.5 * math.erf(scale * y_rad)
    a, b = right * above, (1.0 - right) * above
    c, d = (1.0 - right) * (1.0 - above), right * (1.0 - above)
    return round(light * a), round(light * b), round(light * c), round(light * d)


class Bench:
    """The light as seen behind a mirror: a resonance behind whole samples of delay."""

    def __init__(
        self,
        matrix: Matrix = UNIT,
        resonance_hz: float = RESPONSE.resonance_hz,
        damping: float = RESPONSE.damping,
        noise_counts: float = 0.0,
        seed: int = 0,
        config: TerminalConfig = CONFIG,
    ) -> None:
        self.state = initial(config)
        self.command = FineCommand()
        self.enable = 1
        self.t_ns = START_NS
        self.aim_rad = (0.0, 0.0)
        self.delay = config.fine.response.delay_samples
        self.matrix = np.array(matrix)
        self.moves = True
        self.spoil: Callable[[Counts], Counts] = lambda scan: scan
        """Done to each scan on its way."""
        self.error = np.zeros(2)
        self.events: list[FineEvent] = []
        self.closed: list[int] = []
        w = 2.0 * math.pi * resonance_hz
        held = np.array([[0.0, 1.0, 0.0], [-w * w, -2.0 * damping * w, w * w], [0.0, 0.0, 0.0]])
        e = expm(held * DT_S)
        self._a, self._b = e[:2, :2], e[:2, 2]
        self._mirror = np.zeros((2, 2))
        self._sent = [np.zeros(2)] * 40
        self._late = 0
        self._noise_counts = noise_counts
        self._rng = np.random.default_rng(seed)

    def tick(self, x_rad: float, y_rad: float = 0.0, light: float = LIGHT) -> FineCommand:
        """One scan with the beacon at this angle; `error` is what the mirror left of it."""
        if self.moves:
            held = self._sent[-self.delay]
            self._mirror = self._a @ self._mirror + np.outer(self._b, held)
        self.error = np.array([x_rad, y_rad]) - self.matrix @ self._mirror[0]
        scan = counts(*self.error, light)
        if self._noise_counts:
            a, b, c, d = np.rint(scan + self._noise_counts * self._rng.normal(size=4))
            scan = int(a), int(b), int(c), int(d)
        self.t_ns += round(DT_S * 1e9)
        sample = FineSample(self.t_ns, *self.spoil(scan), 1, 0, self.enable, *self.aim_rad)
        self.state, self.command = step(self.state, sample, (1 + self._late) * DT_S)
        self._sent = [*self._sent[1:], self.mirror_rad]
        self.events.append(FineEvent(self.command.events))
        self.closed.append(self.command.closed)
        return self.command

    def run(self, angles: Array, light: float = LIGHT) -> Array:
        """(n, 2) errors over (n, 2) or (n,) angles, rad."""
        rows = np.stack([angles, 0.0 * angles], 1) if angles.ndim == 1 else angles
        errors = np.empty((len(rows), 2))
        for k, (x, y) in enumerate(rows.tolist()):
            self.tick(x, y, light)
            errors[k] = self.error
        return errors

    def pass_by(self) -> None:
        """A sample in which nothing is read and the mirror keeps its command."""
        self._mirror = self._a @ self._mirror + np.outer(self._b, self._sent[-self.delay])
        self._sent = [*self._sent[1:], self._sent[-1]]
        self.t_ns += round(DT_S * 1e9)

    def late_tick(self, x_rad: float, missed: int) -> None:
        """The tick after `missed` ones that did not take place."""
        for _ in range(missed):
            self.pass_by()
        self._late = missed
        self.tick(x_rad)
        self._late = 0

    @property
    def mirror_rad(self) -> Array:
        """As commanded, on the sky."""
        return RAD_PER_COUNT * np.array([self.command.x_counts, self.command.y_counts])

    def named(self, since: int = 0) -> FineEvent:
        """All that was reported since a tick, together."""
        together = FineEvent(0)
        for event in self.events[since:]:
            together |= event
        return together


def closed_bench(**truth: object) -> Bench:
    """After the probe that a loop begins with."""
    bench = Bench(**truth)  # type: ignore[arg-type]
    bench.run(np.zeros(450))
    assert bench.command.closed
    return bench
