"""The published pass of Micius over Xinglong by the analytic link model, nothing drawn.

Scenario `micius_xinglong`: geometry by the terminal's own pointing, means by `hil.expected`. As
Micius had it: no public slots and nothing disclosed, the link there for the whole window, the wave
plate always right, and key from both bases.

Its sifted bits are read as those of signal pulses alone: of the light that is detected the share
0.5 x 0.5 x 0.8 / (0.5 x 0.8 + 0.25 x 0.1) is 0.47059, and what is printed, 1,671,072 of 3,551,136,
is 0.47058. Of all pulses it would be a half.
"""

import math
from functools import cache
from typing import NamedTuple

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray
from scipy.optimize import brentq

from config.loader import load_scenario
from config.scenario import Scenario
from hil.expected import Bins, Expectation, expected_key
from terminal.geometry.ephemeris import TrackEphemeris
from terminal.geometry.light_time import PointingSolution, azimuth_elevation, solve
from terminal.geometry.time_scales import SECOND_NS
from terminal.mission_ephemeris import partner_ephemeris
from terminal.qkd.finite_key import SiftedCounts, key_length, key_parameters
from terminal.window import resolve_window

Array = NDArray[np.float64]

NAME = "micius_xinglong"
FAR_M = 1.2e6
PRINTED_SIFTED = 1_671_072
_SIGNAL = 0
"""Of the intensities."""


class Course(NamedTuple):
    """Where the satellite was; all (n,), in the middle of each of n equal steps."""

    step_s: float
    range_m: Array
    elevation_rad: Array


class Outcome(NamedTuple):
    """What the pass makes."""

    detections: float
    """Clicks in the gate of all pulses, those of vacuum and both bases alike or not."""
    sifted: float
    """Of signal pulses, both bases."""
    rate_near_hz: float
    """Sifted bits a second where the satellite was nearest ..."""
    rate_far_hz: float
    """... and at 1200 km."""
    error_rate: float
    """Of the sifted bits."""
    key_bits: float
    """Of both bases, each with half of the failure probability, and of all intensities."""
    key_one_basis_bits: float
    loss_far_db: float
    """Photon sent to click, at 1200 km."""


@cache
def scenario() -> Scenario:
    """The file, without what Micius did not have."""
    given = load_scenario(NAME)
    source = replace(given.mission.source, public_share=0.0)
    security = replace(given.mission.security, disclosed_x_share=0.0)
    return replace(given, mission=replace(given.mission, source=source, security=security))


def position(t_ns: int) -> PointingSolution:
    """Of the satellite as the station sees it, without refraction. t_ns: TAI."""
    mission = scenario().mission
    own = TrackEphemeris(mission.track, t_ns)
    place = own.geodetic(t_ns)
    partner = partner_ephemeris(mission, t_ns)
    return solve(t_ns, *own.state_ecef(t_ns), place.latitude_rad, place.longitude_rad, partner)


@cache
def course() -> Course:
    """Of the window, in steps of about a second."""
    start_ns, end_ns = resolve_window(scenario().mission)
    steps = round((end_ns - start_ns) / SECOND_NS)
    edges_ns = np.linspace(start_ns, end_ns, steps + 1)
    seen = [position(round(t)) for t in (edges_ns[1:] + edges_ns[:-1]) / 2]
    return Course(
        (end_ns - start_ns) / SECOND_NS / steps,
        np.array([at.range_m for at in seen]),
        np.array([azimuth_elevation(at.los_enu)[1] for at in seen]),
    )


@cache
def nearest() -> tuple[int, float]:
    """(TAI, range in m) of the closest approach."""
    low, high = map(float, resolve_window(scenario().mission))
    while high - low > 1e6:
        third = (high - low) / 3
        if position(round(low + third)).range_m < position(round(high - third)).range_m:
            high -= third
        else:
            low += third
    at = round((low + high) / 2)
    return at, position(at).range_m


@cache
def seconds_within(range_m: float) -> float:
    """For how long the satellite was nearer than this."""
    middle_ns, _ = nearest()

    def over(elapsed_s: float) -> float:
        return position(middle_ns + round(elapsed_s * SECOND_NS)).range_m - range_m

    return float(brentq(over, 0.0, 300.0) - brentq(over, -300.0, 0.0))


def flown(given: Scenario | None = None) -> Outcome:
    """The pass with the scenario as it is, or changed."""
    given = scenario() if given is None else given
    way = course()
    whole = _expected(given, way.step_s, way.range_m, way.elevation_rad)
    by_range = np.argsort(way.range_m)
    ends_m = np.array([nearest()[1], FAR_M])
    ends_rad = np.interp(ends_m, way.range_m[by_range], way.elevation_rad[by_range])
    near = _expected(given, 1.0, ends_m[:1], ends_rad[:1])
    far = _expected(given, 1.0, ends_m[1:], ends_rad[1:])
    one, both = _key_bits(whole.counts, given)
    return Outcome(
        whole.detected,
        _sifted(whole.counts),
        _sifted(near.counts),
        _sifted(far.counts),
        # Both bases err alike; of the key basis only the sum over the intensities is told.
        whole.counts.z_errors[_SIGNAL] / whole.counts.z[_SIGNAL],
        both,
        one,
        -10.0 * math.log10(float(far.transmittance[0])),
    )


def with_loss(given: Scenario, extra_db: float) -> Scenario:
    """The same behind an attenuator."""
    optics = given.terminal.optics
    dimmed = replace(optics, transmittance=optics.transmittance * 10 ** (-0.1 * extra_db))
    return replace(given, terminal=replace(given.terminal, optics=dimmed))


def refitted(given: Scenario) -> Scenario:
    """The same with the loss of its optics fitted anew to the printed sifted bits."""

    def over(extra_db: float) -> float:
        return math.log(flown(with_loss(given, extra_db)).sifted / PRINTED_SIFTED)

    return with_loss(given, float(brentq(over, -10.0, 10.0, xtol=1e-3)))


def _expected(given: Scenario, gated_s: float, range_m: Array, elevation_rad: Array) -> Expectation:
    alike = np.ones_like(range_m)
    return expected_key(
        given.mission,
        given.terminal.optics,
        given.terminal.timing.gate_half_width_s,
        given.world,
        Bins(
            gated_s=gated_s * alike,
            range_m=range_m,
            elevation_rad=elevation_rad,
            contrast_x=alike,
            contrast_z=alike,
            jitter_rad=given.world.partner.jitter_rad * alike,
        ),
    )


def _sifted(counts: SiftedCounts) -> float:
    return counts.x[_SIGNAL] + counts.z[_SIGNAL]


def _key_bits(counts: SiftedCounts, given: Scenario) -> tuple[float, float]:
    """(of one basis alone, of both): each basis is the other's check.

    Of both, each gets half of the failure probabilities, and they add up. The errors of the key
    basis come as their sum; both bases err alike here, so each intensity gets its share in
    proportion to the errors of the check basis.
    """
    params = key_parameters(given.mission.source, given.mission.security)
    halved = params._replace(secrecy=params.secrecy / 2, correctness=params.correctness / 2)
    wrong_z = sum(counts.z_errors)
    signal, decoy, vacuum = (counts.x_errors * e / wrong_z for e in counts.z_errors)
    swapped = SiftedCounts(counts.z, counts.x, wrong_z, (signal, decoy, vacuum))
    one = key_length(counts, params).secret_key_bits
    both = (key_length(c, halved).secret_key_bits for c in (counts, swapped))
    return one, sum(both)
