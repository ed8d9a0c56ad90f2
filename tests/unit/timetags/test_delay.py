"""Against the closed form of a straight fly-by, and cubics, which Hermite meets exactly."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from terminal.timetags.delay import Delay, interpolate

C_M_S = 299_792_458.0


def fly_by(t_s: float) -> Delay:
    """600 km closest, 7.5 km/s: delay and its derivative."""
    range_m = float(np.hypot(600e3, 7500.0 * t_s))
    return Delay(t_s, range_m / C_M_S, 7500.0**2 * t_s / (range_m * C_M_S))


@pytest.mark.parametrize("start_s", [-60.0, -20.0, 0.0, 35.0])
def test_low_orbit_between_two_ticks(start_s: float) -> None:
    t = np.linspace(start_s, start_s + 0.05, 101)
    exact = np.array([fly_by(x).delay_s for x in t])
    found = interpolate(fly_by(start_s), fly_by(start_s + 0.05), t)
    assert np.max(np.abs(found - exact)) < 2e-17  # 8 units in the last place of 3 ms.


def test_one_second_outside_it_still_errs_by_picoseconds() -> None:
    t = np.array([-20.95, -18.95])
    exact = np.array([fly_by(x).delay_s for x in t])
    found = interpolate(fly_by(-20.0), fly_by(-19.95), t)
    assert np.max(np.abs(found - exact)) < 5e-12


@given(
    st.tuples(*[st.floats(-1.0, 1.0)] * 4),
    st.floats(-100.0, 100.0),
    st.floats(0.01, 1.0),
)
def test_cubics_are_met(c: tuple[float, ...], start_s: float, h: float) -> None:
    def at(x: float) -> Delay:
        delay = c[0] + x * (c[1] + x * (c[2] + x * c[3]))
        return Delay(start_s + x, delay, c[1] + x * (2 * c[2] + 3 * x * c[3]))

    x = 0.37 * h
    after = at(h)
    found = interpolate(at(0.0), after, np.array([start_s + x]))[0]
    assert found == pytest.approx(at(x).delay_s, abs=1e-11)


def test_predictions_out_of_order_are_refused() -> None:
    with pytest.raises(ValueError, match="later"):
        interpolate(fly_by(1.0), fly_by(1.0), np.array([1.0]))
