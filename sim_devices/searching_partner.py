"""A partner that does not know where we are: it stares or scans, and tells what it saw.

Written apart from the terminal's own search: a real partner has its own software. Angles are those
between its boresight and us, in its own image. Notes are those of `sim_devices.classical_link`: it
says again and again what it saw, or that it is our turn, with the time of which it speaks; of two
words about the turn the newer one counts.
"""

import math
from bisect import bisect_right
from collections.abc import Callable

import numpy as np

from config.world import PartnerSearch

SEEN, YOUR_TURN = 1, 2
FOLLOW_S = 1.0
"""It keeps looking at where it saw us for so long after our beacon has gone."""
TELL_EVERY_S = 0.5
REMEMBERS = 2000
"""Steps of which it knows where it looked."""


class SearchingPartner:
    """Its boresight in time; `step` moves it on by one grid step."""

    def __init__(
        self,
        truth: PartnerSearch,
        tell: Callable[[int, int], None],
        rng: np.random.Generator,
    ) -> None:
        """tell: sends a note of a kind and a time (TAI ns) to the terminal."""
        self._truth = truth
        self._tell = tell
        x, y = rng.normal(size=2) * truth.pointing_error_rad
        self._error = float(x), float(y)
        self._mode: str = truth.begins
        self._before: str = truth.begins
        """What it goes on with after it has gone back."""
        self._mode_s = 0.0
        self._scan_s = 0.0
        self._return_to = 0.0, 0.0
        self._looked: list[tuple[int, float, float]] = []
        """(t_ns, x, y) of its last steps."""
        self._sighted_ns = self._seen_ns = 0
        """Since and until when it sees us, or last did."""
        self._answered_ns = 0
        """The last sighting of ours that it went back for."""
        self._handed_ns = 0
        self._lit_s = 0.0
        self._dark_s = math.inf
        self._told_s = math.inf
        self.follows = False
        """It looks at us."""

    def _spiral(self, t_s: float) -> tuple[float, float]:
        """Turns of equal spacing, run through at constant speed: r^2 = spacing speed t / pi."""
        truth = self._truth
        r = math.sqrt(truth.scan_spacing_rad * truth.scan_speed_rad_s * t_s / math.pi)
        turn = 2.0 * math.pi * r / truth.scan_spacing_rad
        return r * math.cos(turn), r * math.sin(turn)

    @property
    def _cover_s(self) -> float:
        truth = self._truth
        square = math.pi * truth.scan_radius_rad**2
        return square / (truth.scan_spacing_rad * truth.scan_speed_rad_s)

    @property
    def _place(self) -> tuple[float, float]:
        """Where its search looks, relative to where it believes us to be."""
        if self._mode == "scan":
            return self._spiral(self._scan_s)
        return self._return_to if self._mode == "return" else (0.0, 0.0)

    @property
    def off_rad(self) -> float:
        """Between its boresight and us."""
        if self.follows:
            return 0.0
        x, y = self._place
        return math.hypot(self._error[0] + x, self._error[1] + y)

    @property
    def beacon_fraction(self) -> float:
        """Of its beacon's peak irradiance, at us."""
        return math.exp(-2.0 * (self.off_rad / (0.5 * self._truth.beacon_divergence_rad)) ** 2)

    def noted(self, kind: int, note_t_ns: int, t_ns: int) -> None:
        """A note of ours, about a time (TAI), arrives at `t_ns`."""
        if self.follows or note_t_ns > t_ns:
            return
        if kind == SEEN and note_t_ns > self._answered_ns and self._mode != "return":
            at = bisect_right(self._looked, (note_t_ns, math.inf)) - 1
            if at >= 0:
                self._answered_ns, self._return_to = note_t_ns, self._looked[at][1:]
                self._enter("return")
        elif (
            kind == YOUR_TURN
            and self._mode == "stare"
            and note_t_ns > self._handed_ns
            and t_ns - note_t_ns <= self._truth.stare_s * 1e9
            and not self._waits(t_ns)
        ):
            self._enter("scan")

    def _waits(self, t_ns: int) -> bool:
        """It saw us so lately that we may be on our way back."""
        return self._seen_ns > 0 and t_ns - self._seen_ns <= 2e9 * self._truth.return_s

    def step(self, t_ns: int, lit: bool, dt_s: float) -> None:
        """lit: our beacon is strong enough where the partner is, at the time `t_ns` (TAI)."""
        seen = lit and self.off_rad < 0.5 * self._truth.field_rad
        self._lit_s = self._lit_s + dt_s if seen else 0.0
        self._dark_s = 0.0 if seen else self._dark_s + dt_s
        self._mode_s += dt_s
        self._told_s += dt_s
        if self._lit_s >= self._truth.confirm_s:
            if self._lit_s - dt_s < self._truth.confirm_s:
                self._sighted_ns = t_ns
            self.follows = True
            self._seen_ns = t_ns
        elif self._dark_s > FOLLOW_S:
            self.follows = False
        if not self.follows:
            self._search(t_ns, dt_s)
            self._looked.append((t_ns, *self._place))
            del self._looked[:-REMEMBERS]
        if self._told_s >= TELL_EVERY_S:
            self._speak(t_ns)

    def _speak(self, t_ns: int) -> None:
        if self._waits(t_ns):
            self._tell(SEEN, self._sighted_ns)
        elif self._mode == "stare" and self._handed_ns:
            self._tell(YOUR_TURN, self._handed_ns)
        else:
            return
        self._told_s = 0.0

    def _search(self, t_ns: int, dt_s: float) -> None:
        if self._mode == "scan":
            self._scan_s += dt_s
            if self._scan_s >= self._cover_s:
                self._handed_ns = t_ns
                self._enter("stare")
        elif self._mode == "stare" and self._mode_s > self._truth.stare_s and not self._waits(t_ns):
            self._enter("scan")
        elif self._mode == "return" and self._mode_s > self._truth.return_s:
            self._mode, self._mode_s = self._before, 0.0

    def _enter(self, mode: str) -> None:
        if mode == "scan":
            self._scan_s = 0.0
        self._before, self._mode, self._mode_s = self._mode, mode, 0.0
