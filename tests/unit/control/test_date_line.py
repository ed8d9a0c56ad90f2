"""A terminal that flies over the date line: the longitude jumps by a turn, nothing else does."""

import math

import pytest
from pointing_case import DT_S, PREDICTOR, SITE, at_s, sample

from terminal.control.pointing import PointingState
from terminal.geometry.earth import curvature_radii_m
from terminal.pointing_messages import PointingCommand

SPEED_M_S = 25.0


def crossing(east_m_s: float, turned: bool) -> list[PointingCommand]:
    """4 s about the line; turned: its longitudes counted from 0 to 360 degrees, without a jump."""
    latitude, _, altitude = SITE
    east_m = (curvature_radii_m(latitude)[1] + altitude) * math.cos(latitude)
    state, commands = PointingState(), []
    for k in range(-100, 100):
        longitude = math.pi + east_m_s * k * DT_S / east_m
        if not turned:
            longitude = math.remainder(longitude, 2.0 * math.pi)
        fix = {"longitude_rad": longitude, "velocity_east_m_s": east_m_s}
        state, command = PREDICTOR.step(state, sample(at_s(60.0 + k * DT_S), **fix), DT_S)
        commands.append(command)
    return commands


@pytest.mark.parametrize("east_m_s", [SPEED_M_S, -SPEED_M_S])
def test_neither_direction_nor_light_time_notices(east_m_s: float) -> None:
    flown, unbroken = crossing(east_m_s, turned=False), crossing(east_m_s, turned=True)
    for command, other in zip(flown, unbroken, strict=True):
        assert command.valid
        assert not command.events
        # Rounding of the longitude: 2^-52 of pi are 3 nm, 0.01 fs.
        assert command.range_m == pytest.approx(other.range_m, abs=1e-7)
        assert command.los_x == pytest.approx(other.los_x, abs=1e-13)
        assert command.sigma_rad == pytest.approx(other.sigma_rad, rel=1e-9)
