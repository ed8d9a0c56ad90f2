"""A search beside the Sun: guidance, search and coarse loop in one, with a gimbal that lags."""

import math
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from msgspec.structs import replace

from config.loader import load_scenario
from terminal.control.coarse import CoarseState
from terminal.control.coarse import step as coarse_step
from terminal.control.guidance.keep_out import KeepOutZone, separation_rad
from terminal.control.guidance.settings import make_settings
from terminal.control.guidance.steering import GuidanceState
from terminal.control.guidance.steering import step as guidance_step
from terminal.control.search.acquire import SearchState, settings_of
from terminal.control.search.acquire import step as search_step
from terminal.geometry.gimbal_frame import Joints, image_axes
from terminal.geometry.quaternion import from_rotation_vector
from terminal.geometry.sun import sun_direction_ecef
from terminal.geometry.time_scales import tai_ns_from_utc
from terminal.geometry.vector import Vec, add, cross, scale, unit
from terminal.mode import Mode
from terminal.pointing_messages import (
    AcquisitionCommand,
    AcquisitionSample,
    CoarseSample,
    GuidanceSample,
)

SCENARIO = load_scenario("leo_haps_daytime")
CONFIG = SCENARIO.terminal
START_NS = tai_ns_from_utc("2016-12-19T02:14:00")
DT_S = 0.02
LAG_S = SCENARIO.world.gimbal.rate_lag_s
PARTNER = Joints(0.4, 0.9)


class Tick(NamedTuple):
    boresight: Vec
    sun: Vec
    look: Joints
    keep_out: int


def searched(
    sun: Vec, radius_rad: float, sigma_rad: float, duration_s: float, modes: list[Mode]
) -> Iterator[Tick]:
    """The partner stands still in the base; each of the modes lasts for its share of the time."""
    axes = image_axes(PARTNER)
    los = axes.boresight
    there = sun_direction_ecef(START_NS)
    axis = unit(cross(there, sun))
    q = from_rotation_vector(scale(separation_rad(there, sun), axis))
    keep_out = replace(CONFIG.keep_out, sun_avoid_rad=radius_rad)
    guiding = make_settings(replace(CONFIG, keep_out=keep_out))
    seeking = settings_of(SCENARIO.mission, CONFIG)
    guidance, search, coarse = GuidanceState(), SearchState(), CoarseState()
    wanted = AcquisitionCommand()
    joints, rates = list(PARTNER), [0.0, 0.0, 0.0]
    stays = math.exp(-DT_S / LAG_S)
    ticks = round(duration_s / DT_S)
    for k in range(ticks):
        t_ns, mode = START_NS + k * 20_000_000, modes[k * len(modes) // ticks]
        guidance, guided = guidance_step(
            guiding,
            guidance,
            GuidanceSample(
                *(START_NS, 1, *los, *[0.0] * 9, *q, PARTNER.pitch_rad, *joints),
                scan_x_rad=wanted.scan_x_rad,
                scan_y_rad=wanted.scan_y_rad,
                scan_rate_x_rad_s=wanted.scan_rate_x_rad_s,
                scan_rate_y_rad_s=wanted.scan_rate_y_rad_s,
            ),
            DT_S,
        )
        search, wanted = search_step(
            seeking,
            search,
            AcquisitionSample(t_ns, mode, sigma_rad, 0.0, 0.0, 0.0, 0, 0, 0, 0),
            DT_S,
        )
        coarse, told = coarse_step(
            CONFIG,
            coarse,
            CoarseSample(
                *(t_ns, t_ns, *joints, 1, mode, 1, *guided[14:17], *guided[:6]),
                detour_rad=guided.detour_rad,
                keep_out=guided.keep_out,
                look_yaw_rad=guided.look_yaw_rad,
                look_pitch_rad=guided.look_pitch_rad,
                look_roll_rad=guided.look_roll_rad,
                look_yaw_rate_rad_s=guided.look_yaw_rate_rad_s,
                look_pitch_rate_rad_s=guided.look_pitch_rate_rad_s,
                look_roll_rate_rad_s=guided.look_roll_rate_rad_s,
                camera_seen=0,
                camera_frame_t_ns=0,
                camera_x_rad=0.0,
                camera_y_rad=0.0,
                fine_closed=0,
                mirror_x_rad=0.0,
                mirror_y_rad=0.0,
            ),
            DT_S,
        )
        for axis_number, rate in enumerate(told[:3]):
            # First order, its exact solution for a rate that is held.
            joints[axis_number] += rate * DT_S
            joints[axis_number] += (rates[axis_number] - rate) * (1.0 - stays) * LAG_S
            rates[axis_number] = rate + (rates[axis_number] - rate) * stays
        look = Joints(guided.look_yaw_rad, guided.look_pitch_rad, guided.look_roll_rad)
        yield Tick(image_axes(Joints(*joints)).boresight, sun, look, guided.keep_out)


def beside(apart_rad: float, side_rad: float) -> Vec:
    axes = image_axes(PARTNER)
    aside = add(scale(math.cos(side_rad), axes.right), scale(math.sin(side_rad), axes.up))
    return add(scale(math.cos(apart_rad), axes.boresight), scale(math.sin(apart_rad), aside))


SIX_DEGREES = math.radians(6.0)


@pytest.mark.parametrize(
    ("apart_rad", "side_rad", "radius_rad", "sigma_rad", "duration_s", "reached_rad"),
    [
        (SIX_DEGREES, 0.0, 0.087, 6e-3, 40.0, 20e-3),
        (SIX_DEGREES, 1.0, 0.087, 6e-3, 40.0, 20e-3),
        (SIX_DEGREES, 3.0, 0.087, 50e-3, 150.0, 60e-3),
        # All the way round to the far side.
        (45e-3, 2.0, 30e-3, 25e-3, 330.0, 75e-3),
    ],
)
def test_the_scan_goes_round_the_sun(
    apart_rad: float,
    side_rad: float,
    radius_rad: float,
    sigma_rad: float,
    duration_s: float,
    reached_rad: float,
) -> None:
    """Where guidance looks never lies inside. The gimbal, a lag of 30 ms and a tick late, goes on
    over the rim at the scan's 20 mrad/s before it turns."""
    sun, partner = beside(apart_rad, side_rad), image_axes(PARTNER).boresight
    looked = nearest = math.pi
    reach = 0.0
    modes = [Mode.ACQUIRE] * 9 + [Mode.LOST]
    for tick in searched(sun, radius_rad, sigma_rad, duration_s, modes):
        nearest = min(nearest, separation_rad(tick.boresight, sun))
        looked = min(looked, separation_rad(image_axes(tick.look).boresight, sun))
        reach = max(reach, separation_rad(tick.boresight, partner))
        assert tick.keep_out & KeepOutZone.SUN
    assert looked >= radius_rad - 1e-9
    assert nearest >= radius_rad - 20e-3 * (LAG_S + DT_S)
    assert reach > reached_rad
    # When it is over, the gimbal has found back to the partner.
    assert separation_rad(tick.boresight, partner) < 0.1e-3


def test_away_from_the_sun_the_scan_is_flown_as_it_is_told() -> None:
    sun = beside(1.5, 0.0)
    reach = 0.0
    for tick in searched(sun, 0.087, 6e-3, 20.0, [Mode.ACQUIRE]):
        assert tick.keep_out == 0
        reach = max(reach, separation_rad(tick.boresight, image_axes(PARTNER).boresight))
    assert reach > 6e-3
