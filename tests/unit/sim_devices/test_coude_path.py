"""The world's two mirrors: closed forms, Fresnel's limits, and the terminal's own ray tracing."""

import cmath
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim_devices.coude_path import coude_mueller, fresnel
from sim_devices.optical_axes import AxisErrors, axes
from sim_devices.polarization_optics import turned
from terminal.optics.fold_mirrors import (
    ALUMINIUM_810_NM,
    SILVER_810_NM,
    alt_az_train,
    reflection,
    train_jones,
)
from terminal.optics.fold_mirrors import Basis as JonesBasis
from terminal.optics.polarization import mueller

yaws = st.floats(-math.pi, math.pi)
pitches = st.floats(-0.3, math.pi / 2)
metals = st.builds(complex, st.floats(0.02, 4.0), st.floats(1.0, 12.0))


@settings(deadline=None)
@given(yaws, pitches)
def test_ideal_mirrors_turn_by_azimuth_less_elevation(yaw: float, pitch: float) -> None:
    """The constant by hand, at yaw 0 and level, where light travels to the back: `right` lies in
    the first plane of incidence and is turned to the back or front, then is s of the second mirror
    and stays: y of the foot. Up is s of the first, then turned to x. A quarter turn, then."""
    seen = coude_mueller(axes(yaw, pitch), None)
    assert seen == pytest.approx(turned(yaw - pitch - math.pi / 2), abs=1e-12)


@settings(deadline=None)
@given(metals, st.floats(0.01, 1.55))
def test_fresnel_is_the_terminals_and_makes_no_light(index: complex, incidence: float) -> None:
    """The terminal has the form by n cos of the refracted angle."""
    r_s, r_p = fresnel(index, incidence)
    other = reflection(index, incidence)
    assert abs(r_s - other.s) < 1e-9
    assert abs(r_p - other.p) < 1e-9
    assert abs(r_p) <= abs(r_s) <= 1.0 + 1e-12


def test_abeles_relation_at_45_degrees() -> None:
    """r_p = r_s^2 at 45 degrees for any medium (Azzam and Bashara), with Born and Wolf's signs."""
    for index in (ALUMINIUM_810_NM, SILVER_810_NM, complex(1.5, 0.0)):
        r_s, r_p = fresnel(index, math.pi / 4)
        assert cmath.isclose(r_p, r_s**2, rel_tol=1e-12)


@settings(deadline=None)
@given(yaws, pitches, metals)
def test_agrees_with_the_terminals_ray_tracing(yaw: float, pitch: float, index: complex) -> None:
    ours = coude_mueller(axes(yaw, pitch), index)
    theirs = mueller(alt_az_train(yaw, pitch, index))
    # The terminal keeps what the mirrors absorb, here the better polarisation passes whole.
    scale = theirs[0, 0] / ours[0, 0]
    assert 0.0 < scale <= 1.0
    assert ours * scale == pytest.approx(theirs, abs=1e-10)


def test_a_mount_that_is_not_square_agrees_too() -> None:
    """With the true axes, where the light does not meet the mirrors at 45 degrees."""
    ahead, right, up = axes(0.7, 0.5, 0.0, AxisErrors(0.0, 0.0, 0.03, 0.0))
    into = (-ahead[0], -ahead[1], -ahead[2])
    theirs = mueller(
        train_jones(
            [into, right, (0.0, 0.0, 1.0)],
            [ALUMINIUM_810_NM] * 2,
            JonesBasis(right, up),
            JonesBasis((0.0, 1.0, 0.0), (-1.0, 0.0, 0.0)),
        )
    )
    ours = coude_mueller((ahead, right, up), ALUMINIUM_810_NM)
    assert ours / ours[0, 0] == pytest.approx(theirs / theirs[0, 0], abs=1e-10)


def test_aluminium_at_45_degrees_turns_linear_into_elliptical() -> None:
    """Level, the s of the first mirror is the p of the second, and the phases cancel. Toward the
    zenith s is s on both, and they add."""
    r_s, r_p = fresnel(ALUMINIUM_810_NM, math.pi / 4)
    one_rad = abs(cmath.phase(-r_p / r_s))
    for pitch, phase_rad in ((0.0, 0.0), (math.pi / 2, 2 * one_rad)):
        seen = coude_mueller(axes(0.0, pitch), ALUMINIUM_810_NM)
        tilt_rad = math.atan2(math.hypot(seen[1, 3], seen[2, 3]), seen[3, 3])
        assert tilt_rad == pytest.approx(phase_rad, abs=1e-9)
