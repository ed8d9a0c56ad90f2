"""The expander's curve, and what is noticed of its stage."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.divergence import Divergence
from terminal.control.expander import SETTLED_NS, Stage, curve_of, heard, sent

FALLING = curve_of(Divergence(calibration=((0.0, 200e-6), (1e-3, 80e-6), (2.5e-3, 13e-6))))
RISING = curve_of(Divergence(calibration=((-2.0, 13e-6), (5.0, 150e-6))))
TOLERANCE_RAD = 1e-6


@pytest.mark.parametrize("curve", [FALLING, RISING])
@given(share=st.floats(0.0, 1.0))
def test_angle_and_position_are_inverse(curve, share: float) -> None:
    low, high = curve.limits_rad
    angle = low + share * (high - low)
    assert curve.angle_at(curve.position_for(angle)) == pytest.approx(angle, rel=1e-9)


def test_beyond_the_ends_is_at_the_ends() -> None:
    assert FALLING.position_for(1.0) == 0.0
    assert FALLING.position_for(1e-9) == 2.5e-3
    assert FALLING.angle_at(-1.0) == 200e-6
    assert FALLING.limits_rad == (13e-6, 200e-6)
    assert RISING.position_for(1.0) == 5.0


def test_a_stage_that_rests_elsewhere_is_stuck() -> None:
    stage = sent(heard(Stage(), FALLING, TOLERANCE_RAD, 1, 0.0, False), 13e-6, 10)
    late = 10 + SETTLED_NS
    assert not heard(stage, FALLING, TOLERANCE_RAD, late - 1, 0.0, False).stuck
    assert not heard(stage, FALLING, TOLERANCE_RAD, late, 0.0, True).stuck
    stuck = heard(stage, FALLING, TOLERANCE_RAD, late, 0.0, False)
    assert stuck.stuck
    assert stuck.width_rad == 200e-6
    assert not heard(stuck, FALLING, TOLERANCE_RAD, late + 1, 2.499e-3, False).stuck


def test_silence_keeps_the_last_width() -> None:
    stage = heard(Stage(), FALLING, TOLERANCE_RAD, 5, 1e-3, False)
    after = heard(stage, FALLING, TOLERANCE_RAD, 0, 0.0, False)
    assert after.width_rad == 80e-6
    assert not after.silent(1_000_000_005, 1.0)
    assert after.silent(1_000_000_006, 1.0)
    assert Stage().silent(0, 1.0)
