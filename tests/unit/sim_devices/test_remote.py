"""A gimbal in another process: what its emulator tells, and what the world makes of it."""

import math
from collections.abc import Callable

import pytest

from drivers.gimbal_sbgc32 import Sbgc32
from sim_devices import catalogue
from sim_devices.catalogue import Served
from sim_devices.emulator import InProcessTransport, SimClock
from sim_devices.remote import LONGEST_EXTRAPOLATION_S, JointReading, RemoteGimbal

START_NS = 1_800_000_000_000_000_000
TOLD = JointReading(START_NS + 500_000_000, 1.0, 0.5, -0.25, 0.1, -0.2, 0.3)


def extrapolated(ahead_s: float) -> tuple[float, float, float]:
    return 1.0 + 0.1 * ahead_s, 0.5 - 0.2 * ahead_s, -0.25 + 0.3 * ahead_s


def test_joints_are_extrapolated_by_their_rates_but_not_for_ever() -> None:
    joints = RemoteGimbal(lambda: TOLD, 0.01, START_NS)
    assert joints.joints_at(50) == pytest.approx(extrapolated(0.0))
    assert joints.joints_at(53) == pytest.approx(extrapolated(0.03))
    assert joints.joints_at(48) == pytest.approx(extrapolated(-0.02))
    assert joints.joints_at(5000) == pytest.approx(extrapolated(LONGEST_EXTRAPOLATION_S))


def standalone() -> Served:
    return catalogue.standalone("gimbal_sbgc32")


def in_scenario() -> Served:
    return catalogue.in_scenario("gimbal_sbgc32", "leo_haps_downlink", 1, START_NS)


@pytest.mark.parametrize("make", [standalone, in_scenario])
def test_the_emulator_tells_the_joints_that_the_board_reads(make: Callable[[], Served]) -> None:
    served = make()
    assert [name.removeprefix("joint_") for name in served.truth_names] == list(
        JointReading._fields[1:]
    )
    clock = SimClock(START_NS)
    gimbal = Sbgc32(InProcessTransport(served.emulator, clock))
    gimbal.motors(True, clock.t_ns)
    for _ in range(50):
        gimbal.command_rate(0.1, -0.05, clock.t_ns, 0.2)
        clock.t_ns += 10_000_000
        state = gimbal.poll(clock.t_ns)
    told = JointReading(clock.t_ns, *served.truth())
    assert state is not None
    assert (told.yaw_rad, told.pitch_rad, told.roll_rad) == pytest.approx(
        (state.yaw_rad, state.pitch_rad, state.roll_rad), abs=2 * math.pi / 2**24
    )
    # The carrier in the scenario sways by some mrad/s more or less.
    rates = told.yaw_rate_rad_s, told.pitch_rate_rad_s, told.roll_rate_rad_s
    assert rates == pytest.approx((0.1, -0.05, 0.2), abs=0.02)
