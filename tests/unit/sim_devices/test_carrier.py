"""The gimbal's true centre on its lever arm, and a partner that is early."""

import numpy as np
import pytest
from msgspec.structs import replace
from scipy.spatial.transform import Rotation

from config.loader import load_scenario
from sim_devices.carrier import Carrier
from sim_devices.partner_path import true_partner_path
from sim_devices.randomness import stream

START_NS = 1_482_160_600_000_000_000
SCENARIO = load_scenario("leo_laps_downlink")
T_S = np.linspace(0.0, 20.0, 41)
ARM_M = (1.5, -0.5, 2.0)


def carrier(arm_m: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> Carrier:
    terminal = SCENARIO.terminal
    mounting = replace(terminal.mounting, lever_arm_m=arm_m)
    return Carrier(replace(SCENARIO, terminal=replace(terminal, mounting=mounting)), 3)


def test_without_an_arm_the_centre_is_the_navigation_unit() -> None:
    plain = carrier()
    assert (plain.position_ecef_m(T_S) == plain.path.position_ecef_m(T_S)).all()
    assert (plain.velocity_ecef_m_s(T_S) == plain.path.velocity_ecef_m_s(T_S)).all()


def test_the_centre_lies_at_the_end_of_the_arm() -> None:
    boom = carrier(ARM_M)
    off = boom.position_ecef_m(T_S) - boom.path.position_ecef_m(T_S)
    ned = np.einsum("nij,nj->ni", boom.path.ned_axes(T_S), off)
    lies = [boom.attitude.q_ned_from_body(t) for t in T_S.tolist()]
    expected = Rotation.from_quat(lies, scalar_first=True).apply(ARM_M)
    np.testing.assert_allclose(ned, expected, atol=3e-9)


def test_its_velocity_is_the_bodys_rate_across_the_arm() -> None:
    boom = carrier(ARM_M)
    off = boom.velocity_ecef_m_s(T_S) - boom.path.velocity_ecef_m_s(T_S)
    ned = np.einsum("nij,nj->ni", boom.path.ned_axes(T_S), off)
    lies = [boom.attitude.q_ned_from_body(t) for t in T_S.tolist()]
    rates = np.array([boom.attitude.rate_body_rad_s(t) for t in T_S.tolist()])
    expected = Rotation.from_quat(lies, scalar_first=True).apply(np.cross(rates, ARM_M))
    # The level turns under the carrier at 15 m/s over the Earth's radius: 6 um/s on this arm.
    np.testing.assert_allclose(ned, expected, atol=2e-5)
    assert np.abs(expected).max() > 0.02


@pytest.mark.parametrize("name", ["leo_laps_downlink", "haps_laps_downlink"])
@pytest.mark.parametrize("early_s", [0.5, -2.0])
def test_an_early_partner_is_where_it_will_be(name: str, early_s: float) -> None:
    scenario = load_scenario(name)
    when = 2457741.0, 0.25
    paths = [
        true_partner_path(
            scenario.mission,
            scenario.world.partner,
            START_NS,
            when,
            30.0,
            stream(1, "ephemeris"),
            early,
        )
        for early in (0.0, early_s)
    ]
    t_s = np.linspace(3.0, 20.0, 5)
    on_time, early = paths
    np.testing.assert_allclose(
        early.position_ecef_m(t_s), on_time.position_ecef_m(t_s + early_s), atol=1e-3
    )
    np.testing.assert_allclose(
        early.velocity_ecef_m_s(t_s), on_time.velocity_ecef_m_s(t_s + early_s), atol=1e-5
    )
    # At the ends of the window, too.
    assert np.isfinite(early.position_ecef_m(np.array([-1.0, 31.0]))).all()


def test_the_bias_is_drawn_apart_from_all_else() -> None:
    partner = replace(SCENARIO.world.partner, time_bias_s=0.5)
    biased = replace(SCENARIO, world=replace(SCENARIO.world, partner=partner))
    draws = [Carrier(biased, seed).draws for seed in range(200)]
    for seed in (0, 7):
        plain = Carrier(SCENARIO, seed).draws
        assert plain.time_bias_s == 0.0
        assert plain.track_m == draws[seed].track_m
        assert plain.clock_offset_s == draws[seed].clock_offset_s
        assert (plain.mounting_rad == draws[seed].mounting_rad).all()
    # 200 draws: 5 % of scatter.
    assert np.std([d.time_bias_s for d in draws]) == pytest.approx(0.5, rel=0.2)
