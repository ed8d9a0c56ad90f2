"""What counts as unsafe: old, missing, impossible."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.loader import load_scenario
from terminal.messages import ModesSample
from terminal.safety import LASER_MAX_AGE_S, Unsafe, check

LIMITS = load_scenario("leo_haps_downlink").terminal.safety
GOOD = ModesSample(
    t_ns=10**18,
    window_open=1,
    pointing_valid=1,
    elevation_rad=0.5,
    keep_out=0,
    navigation_age_s=0.01,
    gimbal_age_s=0.01,
    quad_age_s=0.0,
    gimbal_on_target=1,
    camera_found=1,
    camera_confirmed=1,
    camera_error_rad=0.0,
    fine_closed=1,
    fine_beacon=1,
    fine_rms_rad=1e-6,
    interlock_ok=1,
    laser_age_s=0.1,
)
AGES = {
    "navigation_age_s": (LIMITS.navigation_max_age_s, Unsafe.NAVIGATION_SILENT),
    "gimbal_age_s": (LIMITS.gimbal_max_age_s, Unsafe.GIMBAL_SILENT),
    "quad_age_s": (LIMITS.quad_max_age_s, Unsafe.QUAD_SILENT),
    "laser_age_s": (LASER_MAX_AGE_S, Unsafe.LASER_SILENT),
}


def test_all_well_is_safe() -> None:
    assert check(LIMITS, GOOD) == Unsafe(0)


@pytest.mark.parametrize("name", AGES)
def test_old_is_unsafe_and_so_is_no_age_at_all(name: str) -> None:
    limit, reason = AGES[name]
    assert check(LIMITS, GOOD._replace(**{name: limit})) == Unsafe(0)
    for age in (limit * 1.001, 1e9, math.inf, math.nan, -math.inf, -1.001 * limit):
        assert check(LIMITS, GOOD._replace(**{name: age})) == reason


def test_an_open_interlock_is_unsafe() -> None:
    assert check(LIMITS, GOOD._replace(interlock_ok=0)) == Unsafe.INTERLOCK_OPEN


@given(st.fixed_dictionaries({name: st.floats() for name in AGES}), st.booleans())
def test_reasons_add_up(ages: dict[str, float], interlock: bool) -> None:
    found = check(LIMITS, GOOD._replace(**ages, interlock_ok=int(interlock)))
    expected = Unsafe(0) if interlock else Unsafe.INTERLOCK_OPEN
    for name, age in ages.items():
        limit, reason = AGES[name]
        if math.isnan(age) or not -limit <= age <= limit:
            expected |= reason
    assert found == expected
