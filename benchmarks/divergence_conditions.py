"""Passes and platform conditions that `benchmarks.divergence` draws. All of it assumed [?].

Conditions vary in time, and nothing of them is told to the policy but what it measures. Their
parameters differ from the policy's own assumptions, which know neither gusts nor outages.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from config.mission import SatellitePartner
from config.scenario import Scenario
from terminal.geometry.ephemeris import TrackEphemeris
from terminal.mission_ephemeris import partner_ephemeris
from terminal.optics.beam import beam_radius_m
from terminal.plan import plan_rows
from terminal.plan_view import View
from terminal.window import resolve_window

Array = NDArray[np.float64]

TICK_S = 0.1
STEPS_A_TICK = 10
STEP_S = TICK_S / STEPS_A_TICK
ROW_S = 2.0

JITTER_RAD = {"haps": 1.5e-6, "laps": 8.0e-6}
"""Per axis, of a fine loop that only integrates; one that predicts leaves 1.1 and 0.9 in flight."""
JITTER_SPREAD = 0.3
"""Of the logarithm, from seed to seed; and about that mean with ..."""
JITTER_TIME_S = 20.0
"""... this correlation time."""
JITTER_BANDWIDTH_HZ = 3.0
GUST_EVERY_S, GUST_S, GUST_FACTOR = 60.0, 5.0, 3.0
OFFSET_RAD = (0.3e-6, 15.0e-6)
"""1-sigma per axis of the standing offset, between these from seed to seed, evenly on a logarithmic
scale: from a fresh calibration to a terminal bent by the Sun."""
OFFSET_TIME_S = 200.0
HAZE_SPREAD, HAZE_TIME_S = 0.3, 60.0
"""Of the logarithm of the transmittance."""
OUTAGE_EVERY_S, OUTAGE_S = 100.0, 3.0


class Conditions(NamedTuple):
    """In steps of 10 ms."""

    error_rad: Array
    """(n, 2) about the offset."""
    offset_rad: Array
    """(n, 2)"""
    gain: Array
    """(n,) haze and scintillation; about 1."""
    linked: NDArray[np.bool_]
    """(n,) the beacon is held, and light goes out."""


class Pass(NamedTuple):
    """What the mission makes the same for every seed, in steps of 10 ms."""

    range_m: Array
    base: Array
    """(n,) transmittance of air, optics and detectors."""
    wavelength_m: float
    aperture_m: float
    jitter_rad: float
    scintillation_index: float
    scintillation_hz: float

    @classmethod
    def of(
        cls, scenario: Scenario, duration_s: float | None, jitter_rad: float | None = None
    ) -> "Pass":
        """duration_s: longer than the mission's window, perhaps; None: that of the window.
        jitter_rad: about which the seeds' lie; None: the carrier's."""
        mission, air = scenario.mission, scenario.world.atmosphere
        receiver = mission.receiver
        assert receiver is not None
        window = resolve_window(mission)
        length_s = duration_s or window.duration_s
        start_ns = window.start_tai_ns
        view = View(TrackEphemeris(mission.track, start_ns), partner_ephemeris(mission, start_ns))
        rows_s = np.arange(0.0, length_s + ROW_S, ROW_S)
        rows = plan_rows(view, [start_ns + round(t * 1e9) for t in rows_s.tolist()])
        t_s = np.arange(int(length_s / TICK_S) * STEPS_A_TICK) * STEP_S
        range_m = np.interp(t_s, rows_s, [row.range_m for row in rows])
        sine = np.sin(np.radians(np.interp(t_s, rows_s, [row.elevation_deg for row in rows])))
        satellite = isinstance(mission.partner, SatellitePartner)
        mass = 1.0 / sine if satellite else np.ones_like(t_s)
        base = (
            air.zenith_transmittance**mass * receiver.transmittance * receiver.detector_efficiency
        )
        carrier = "haps" if mission.track.altitude_m > 10e3 else "laps"
        return cls(
            range_m,
            base,
            mission.source.wavelength_m,
            receiver.aperture_m,
            jitter_rad or JITTER_RAD[carrier],
            air.scintillation_index,
            air.scintillation_bandwidth_hz,
        )

    def transmittance(self, sky: Conditions, full_divergence_rad: float, steps: slice) -> Array:
        """(n,) of each step; the beam is even over the aperture: exp(-2 r^2 / W^2) about its mean
        over a beam so much wider than the aperture that both agree to their second order."""
        range_m = self.range_m[steps]
        radius_m = beam_radius_m(range_m, full_divergence_rad, self.wavelength_m)
        centred = -np.expm1(-0.5 * (self.aperture_m / radius_m) ** 2)
        # As wide as the beam is after the aperture has averaged it.
        wide_m2 = radius_m**2 + (self.aperture_m / 2) ** 2
        off = (sky.error_rad[steps] + sky.offset_rad[steps]) * range_m[:, np.newaxis]
        lost = np.exp(-2.0 * np.sum(off**2, axis=1) / wide_m2)
        held = self.base[steps] * sky.gain[steps] * centred * lost * sky.linked[steps]
        return np.asarray(np.minimum(held, 1.0))


def wandering(rng: np.random.Generator, n: int, time_s: float) -> Array:
    """(n,) first-order process of unit variance and this correlation time."""
    f = math.exp(-STEP_S / time_s)
    start = float(rng.normal())
    drive = math.sqrt(1.0 - f * f) * rng.normal(size=n)
    out, _ = lfilter([1.0], [1.0, -f], drive, zi=[f * start])
    return np.asarray(out)


def spans(rng: np.random.Generator, n: int, every_s: float, last_s: float) -> NDArray[np.bool_]:
    """(n,) spans of `last_s` that begin at random, one in `every_s` on the average."""
    starts = rng.random(n) < STEP_S / every_s
    length = round(last_s / STEP_S)
    return np.asarray(np.convolve(starts, np.ones(length))[:n] > 0.5)


def drawn(way: Pass, seed: int) -> Conditions:
    """The conditions of a seed."""
    rng = np.random.default_rng([seed, 1])
    n = len(way.range_m)
    sigma = way.jitter_rad * np.exp(
        JITTER_SPREAD * (rng.normal() + wandering(rng, n, JITTER_TIME_S))
    )
    sigma = np.where(spans(rng, n, GUST_EVERY_S, GUST_S), GUST_FACTOR * sigma, sigma)
    quick_s = 1.0 / (2.0 * math.pi * JITTER_BANDWIDTH_HZ)
    error = np.column_stack([sigma * wandering(rng, n, quick_s) for _ in range(2)])
    low, high = OFFSET_RAD
    scale = low * (high / low) ** rng.random()
    offset = np.column_stack([scale * wandering(rng, n, OFFSET_TIME_S) for _ in range(2)])
    gain = np.exp(HAZE_SPREAD * (rng.normal() + wandering(rng, n, HAZE_TIME_S)))
    if way.scintillation_index > 0.0:
        # Averaged over a step: of its variance what a first-order process leaves.
        independent = max(1.0, math.pi * way.scintillation_hz * STEP_S)
        variance = math.log1p(way.scintillation_index / independent)
        gain *= np.exp(math.sqrt(variance) * rng.normal(size=n) - 0.5 * variance)
    return Conditions(error, offset, gain, ~spans(rng, n, OUTAGE_EVERY_S, OUTAGE_S))
