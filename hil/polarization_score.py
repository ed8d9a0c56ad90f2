"""How well the polarisation frames were kept together, by the world's truth; and how soon at best.

At best: the Fisher information on the frame's rotation that lies in the counts which the terminal
had been told by then, public and disclosed, at the true probabilities. Unknown beside it, for
whoever estimates it: the flux of each sent state, the cosine of the phase between s and p, and the
contrast of source and optics (both constant). The bound is Cramer and Rao's (Kay, Fundamentals of
Statistical Signal Processing, vol. 1, section 3.7), with no prior: what geometry tells of the
rotation is left out.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from config.scenario import Scenario
from sim_devices.light import BlockTruth
from sim_devices.truth import TruthSample

Array = NDArray[np.float64]

CONVERGED_RAD = math.radians(0.5)
"""The frame counts as converged from where its rms error is under this ..."""
CONVERGED_S = 5.0
"""... over so long a span."""
PHASE_RAD = math.radians(1.0)
"""The phase counts as found from where the rms of its correctable part is under this, likewise."""
TURNING_S = 1.0
"""After each step of a deliberate turn, in which the plate moves: no error of either frame."""


class FramePoint(NamedTuple):
    """A truth record's part on polarisation."""

    t_s: float
    error_rad: float
    """Frame error, a deliberate turn of the analyser taken off."""
    in_link: bool
    phase_rad: float
    """What path, retarder and plate leave together of an ellipticity."""
    correctable_rad: float
    """The part of it that the retarder could still take away, signed."""
    path_phase_rad: float
    """What the path alone leaves."""
    frame_rad: float
    """The sender's H axis in the image."""
    contrast_x: float
    contrast_z: float
    turning: bool = False
    """The plate is being turned on purpose."""
    dithering: bool = False
    """The retarder is moved on purpose, or settles after that."""


class Convergence(NamedTuple):
    """Of the flight, in LINK, moments of turning left out."""

    error_deg_rms: float
    """From then on."""
    since_s: float
    after_s: float
    """From the first LINK."""


def half_turn(angle_rad: float) -> float:
    """In [-pi/2, pi/2]."""
    return math.remainder(angle_rad, math.pi)


def convergence(points: Sequence[FramePoint]) -> Convergence | None:
    """None if the rms over no span was small enough."""
    linked = [p for p in points if p.in_link]
    left = [p for p in linked if not p.turning]
    t_s, error_rad = np.array([(p.t_s, p.error_rad) for p in left]).reshape(-1, 2).T
    since = _small_from(t_s, error_rad, CONVERGED_RAD)
    if since is None:
        return None
    return Convergence(_rms_deg(error_rad[t_s >= since]), since, since - linked[0].t_s)


def _small_from(t_s: Array, values_rad: Array, limit_rad: float) -> float | None:
    """When the rms over the following CONVERGED_S is first under the limit."""
    total = np.concatenate([[0.0], np.cumsum(values_rad**2)])
    ends = np.searchsorted(t_s, t_s + CONVERGED_S)
    starts = np.flatnonzero(ends < len(t_s))
    mean = (total[ends[starts]] - total[starts]) / (ends[starts] - starts)
    good = starts[mean < limit_rad**2]
    return float(t_s[good[0]]) if len(good) else None


def _rms_deg(values_rad: Array) -> float:
    return math.degrees(math.sqrt(float(np.mean(values_rad**2))))


class Phase(NamedTuple):
    """What was left of the phase in LINK, once the frame was found, dithers left out."""

    deg_rms: float
    correctable_deg_rms: float
    converged_s: float | None
    """From the first LINK until the correctable part stayed small; None: never."""


def phase_left(points: Sequence[FramePoint], since_s: float) -> Phase | None:
    """From since_s on, when the frame was found; None where all of that was dither."""
    linked = [p for p in points if p.in_link]
    left = [p for p in linked if p.t_s >= since_s and not p.dithering]
    if not left:
        return None
    t_s, whole, part = np.array([(p.t_s, p.phase_rad, p.correctable_rad) for p in left]).T
    found_s = _small_from(t_s, part, PHASE_RAD)
    return Phase(
        _rms_deg(whole), _rms_deg(part), None if found_s is None else found_s - linked[0].t_s
    )


def half_wave_limit(points: Sequence[FramePoint]) -> float | None:
    """Mean error rate in LINK, of both bases, that a half-wave plate alone can't correct.

    (1 - |cos phase|) / 4: `terminal.optics.polarization_compensation` derives it.
    """
    cosines = [abs(math.cos(p.path_phase_rad)) for p in points if p.in_link]
    return 0.25 * (1.0 - sum(cosines) / len(cosines)) if cosines else None


def information(clicks: Array, signal: Array, noise: Array, frame_rad: float) -> Array:
    """(3, 3) on rotation, cosine of the phase and contrast, of clicks by sent state (4,); about
    small phases, the contrast as a factor on what it is.

    signal: (4, 4) probability of a click by sent state and channel. noise: (4,) by channel, on the
    same scale. frame_rad: of the sender's H axis from the axis of the phase.

    A state that turns by a small angle d goes over to its neighbours: H to H + d (D - A). The
    cosine scales the part of the light that lies at 45 degrees to the axis, the contrast all that
    is not the mean of two orthogonal states.
    """
    h, v, d, a = signal
    by_rotation = np.array([d - a, a - d, v - h, h - v])
    across = math.sin(2.0 * frame_rad), math.cos(2.0 * frame_rad)
    shown = 0.5 * (across[0] * (h - v) + across[1] * (d - a))
    by_cosine = np.outer([across[0], -across[0], across[1], -across[1]], shown)
    by_contrast = signal - 0.5 * (h + v)
    rates = signal + noise
    total = rates.sum(axis=1, keepdims=True)
    share = rates / total
    # Of the shares: the flux is unknown.
    turned = np.array([by_rotation, by_cosine, by_contrast])
    slopes = (turned - share * turned.sum(axis=2, keepdims=True)) / total
    return np.asarray(np.einsum("s,isc,jsc,sc->ij", clicks, slopes, slopes, 1.0 / share))


def rotation_sigma_rad(of: Array) -> float:
    """Cramer-Rao bound on the rotation, the other two unknown; inf where it is not determined.

    of: (3, 3) as `information` gives it.
    """
    others = of[1:, 1:]
    if not np.linalg.cond(others) < 1e12:
        return math.inf
    left = float(of[0, 0] - of[0, 1:] @ np.linalg.solve(others, of[1:, 0]))
    return 1.0 / math.sqrt(left) if left > 0.0 else math.inf


class PolarizationScore:
    """Follows one flight."""

    def __init__(self, scenario: Scenario) -> None:
        source, detectors = scenario.mission.source, scenario.world.detectors
        public = source.public_share
        self._weights = (1.0 - public) * np.array(source.intensity_probabilities)
        self._weights[0] += public
        self._slot_s = 1.0 / source.pulse_rate_hz
        self._jitter_s, self._dark_hz = detectors.jitter_s, detectors.dark_rate_hz
        retarder = scenario.terminal.polarization.retarder
        # From the tick that ends a dither: its order is on the way for two ticks at most.
        self._still_s = 0.0
        if retarder:
            self._still_s = retarder.settle_s + 2.0 / scenario.terminal.rates.polarization_hz
        self._turn_rad, self._turned_s, self._dithered_s = math.nan, -math.inf, -math.inf
        self.points: list[FramePoint] = []
        self.fisher_s: float | None = None
        """Window time at which the information would do; None: not yet."""
        self._information = np.zeros((3, 3))
        self._counts = np.zeros(16)
        self._rates: tuple[Array, Array] | None = None

    def truth(
        self, t_s: float, truth: TruthSample, in_link: bool, turn_rad: float, dithering: bool
    ) -> None:
        """A truth record. turn_rad: by which the analyser was turned on purpose. dithering: the
        retarder stood beside its best setting on purpose."""
        if turn_rad != self._turn_rad:
            self._turned_s = t_s if math.isfinite(self._turn_rad) else -math.inf
            self._turn_rad = turn_rad
        if dithering:
            self._dithered_s = t_s
        self.points.append(
            FramePoint(
                t_s,
                # An analyser that is turned on sees the light turned back.
                half_turn(truth.polarization_error_rad + turn_rad),
                in_link,
                truth.phase_error_rad,
                truth.phase_correctable_rad,
                truth.path_phase_rad,
                truth.frame_angle_rad,
                truth.contrast_x,
                truth.contrast_z,
                t_s - self._turned_s < TURNING_S,
                t_s - self._dithered_s <= self._still_s,
            )
        )

    def block(self, truth: BlockTruth, gate_half_width_s: float) -> None:
        """A block of the link in which clicks count by this gate."""
        in_gate = math.erf(gate_half_width_s / (math.sqrt(2.0) * self._jitter_s))
        detected = float(self._weights @ truth.click_probability)
        m = truth.channel_probability
        sky_hz = 0.5 * (m[0] + m[1]) * truth.background_hz
        self._rates = detected * in_gate * m, (sky_hz + self._dark_hz) * 2.0 * gate_half_width_s

    def told(self, t_s: float, counts: Array) -> None:
        """Clicks (16,) whose sent state the terminal knows by now, 4 * sent state + channel."""
        if self.fisher_s is not None or self._rates is None or not self.points:
            return
        new, self._counts = counts - self._counts, counts
        clicks = new.reshape(4, 4).sum(axis=1)
        signal, noise = self._rates
        if not clicks.any() or not (signal + noise > 0.0).all():
            return
        self._information += information(clicks, signal, noise, self.points[-1].frame_rad)
        if rotation_sigma_rad(self._information) <= CONVERGED_RAD:
            self.fisher_s = t_s

    def summary(self) -> dict[str, float | None]:
        """The fields of summary.json."""
        found = convergence(self.points)
        phase = phase_left(self.points, found.since_s) if found else None
        start_s = next((p.t_s for p in self.points if p.in_link), None)
        fisher = self.fisher_s if start_s is not None else None
        return {
            "polarization_error_deg_rms": found and found.error_deg_rms,
            "polarization_converged_s": found and found.after_s,
            "polarization_fisher_s": None if fisher is None else fisher - (start_s or 0.0),
            "phase_error_deg_rms": phase and phase.deg_rms,
            "phase_correctable_deg_rms": phase and phase.correctable_deg_rms,
            "phase_converged_s": phase and phase.converged_s,
            "polarization_half_wave_limit": half_wave_limit(self.points),
        }
