"""Elements against Malus, Mueller and Fresnel; plates against random errors that they undo."""

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from terminal.optics.fold_mirrors import (
    ALUMINIUM_810_NM,
    SILVER_810_NM,
    Basis,
    alt_az_train,
    reflection,
    train_jones,
)
from terminal.optics.polarization import (
    Jones,
    Real,
    analyser_rows,
    diattenuation,
    diattenuator,
    half_wave_plate,
    linear_stokes,
    mueller,
    quarter_wave_plate,
    retarder,
    rotator,
    stokes,
    unitary_part,
)
from terminal.optics.polarization_compensation import (
    best_retarder,
    half_wave_limit,
    quarter_half_quarter,
)

ANGLES = st.floats(-math.pi, math.pi)
SHARES = st.floats(0.0, 1.0)
STATES_RAD = np.radians([0.0, 90.0, 45.0, 135.0])


def linear(angle_rad: float) -> Jones:
    return np.array([math.cos(angle_rad), math.sin(angle_rad)], complex)


def random_unitary(seed: int) -> Jones:
    rng = np.random.default_rng(seed)
    gauss = rng.normal(size=(2, 2)) + 1j * rng.normal(size=(2, 2))
    return np.asarray(np.linalg.qr(gauss)[0])


@given(ANGLES, ANGLES, ANGLES, SHARES, SHARES)
def test_jones_and_mueller_agree_and_no_energy_is_made(
    t: float, axis: float, delay: float, along: float, across: float
) -> None:
    element = diattenuator(delay, along, across) @ retarder(axis, delay) @ rotator(t)
    field = linear(t) * np.array([1.0, 1j])
    left = mueller(element) @ stokes(field)
    assert left == pytest.approx(stokes(element @ field), abs=1e-12)
    assert left[0] <= 1.0 + 1e-12
    # Fully polarised light stays so.
    assert float(np.linalg.norm(left[1:])) == pytest.approx(left[0], abs=1e-7)


@given(ANGLES, ANGLES)
def test_malus(sent: float, axis: float) -> None:
    passed = cos2 = math.cos(sent - axis) ** 2
    assert stokes(diattenuator(axis, 1.0, 0.0) @ linear(sent))[0] == pytest.approx(
        passed, abs=1e-12
    )
    row = analyser_rows(np.array([axis]), np.array([0.6]), np.array([1 / 250]))[0]
    expected = 0.6 * (cos2 + (1.0 - cos2) / 250)
    assert row @ linear_stokes(sent) == pytest.approx(expected, abs=1e-12)


@given(ANGLES)
def test_half_wave_plate_is_the_matrix_of_the_books(a: float) -> None:
    """Goldstein: diag(1, F, -1), F a reflection by 4a."""
    c, s = math.cos(4 * a), math.sin(4 * a)
    book = np.array([[1, 0, 0, 0], [0, c, s, 0], [0, s, -c, 0], [0, 0, 0, -1]])
    assert mueller(half_wave_plate(a)) == pytest.approx(book, abs=1e-12)


@given(ANGLES, ANGLES)
def test_turned_retarder_is_the_matrix_of_the_books(a: float, delay: float) -> None:
    """A share cos^2(delay / 2) of linear light stays, the rest goes as behind a half-wave plate."""
    block = mueller(retarder(a, delay))[1:3, 1:3]
    c, s = math.cos(4 * a), math.sin(4 * a)
    stays = math.cos(delay / 2) ** 2
    book = stays * np.eye(2) + (1.0 - stays) * np.array([[c, s], [s, -c]])
    assert block == pytest.approx(book, abs=1e-12)


def test_quarter_wave_plate_makes_the_field_turn_from_x_toward_y() -> None:
    """y a quarter period late: x peaks, then y."""
    field = quarter_wave_plate(0.0) @ linear(math.pi / 4)
    quarter_later = (field * np.exp(-0.5j * math.pi)).real
    assert field.real == pytest.approx([math.sqrt(0.5), 0.0], abs=1e-12)
    assert quarter_later == pytest.approx([0.0, math.sqrt(0.5)], abs=1e-12)
    assert stokes(field) == pytest.approx([1.0, 0.0, 0.0, 1.0], abs=1e-12)


@given(st.integers(0, 10**6), SHARES.filter(lambda x: x > 0.01))
def test_polar_parts(seed: int, across: float) -> None:
    u = random_unitary(seed)
    element = u @ diattenuator(0.3, 1.0, across)
    assert unitary_part(element) == pytest.approx(u, abs=1e-9)
    assert diattenuation(element) == pytest.approx((1 - across) / (1 + across), abs=1e-9)


@pytest.mark.parametrize("index", [1.5 + 0j, ALUMINIUM_810_NM, SILVER_810_NM])
def test_fresnel_closed_forms(index: complex) -> None:
    normal = reflection(index, 0.0)
    assert abs(normal.s) ** 2 == pytest.approx(abs((index - 1) / (index + 1)) ** 2, rel=1e-12)
    assert normal.p == pytest.approx(-normal.s)
    assert normal.retardance_rad == pytest.approx(0.0, abs=1e-12)
    # Abeles: at 45 degrees r_p is the square of r_s, for any index.
    half = reflection(index, math.pi / 4)
    assert half.p == pytest.approx(half.s**2, rel=1e-12)
    assert abs(reflection(index, math.pi / 2 - 1e-9).s) == pytest.approx(1.0, abs=1e-6)


def test_brewster() -> None:
    at = reflection(1.5 + 0j, math.atan(1.5))
    assert abs(at.p) < 1e-12
    assert at.diattenuation == pytest.approx(1.0)
    # Reflected and refracted ray stand at right angles: r_s = -sin(i - t) = cos 2i.
    assert at.s.real == pytest.approx(math.cos(2.0 * math.atan(1.5)), rel=1e-12)


@given(st.floats(0.0, 5.0), st.floats(0.0, 12.0), st.floats(0.0, 1.57))
def test_no_passive_mirror_amplifies(n: float, k: float, incidence: float) -> None:
    assume(abs(complex(n, k)) > 1e-6)
    r = reflection(complex(n, k), incidence)
    assert abs(r.s) <= 1.0 + 1e-9
    assert abs(r.p) <= abs(r.s) + 1e-9


def test_metals_at_810_nm() -> None:
    """Aluminium reflects 86.8 % at 800 nm (Laser Beam Products, Reflectivity of Aluminium, 2014).
    Another measurement of silver, n + ik = 0.271 + 5.80 i at 826.6 nm (Hagemann, Gudat and Kunz,
    DESY SR-74/7, 1974), differs by 3 % in k, and so must the phase, as 1 / k."""
    assert abs(reflection(ALUMINIUM_810_NM, 0.0).s) ** 2 == pytest.approx(0.868, abs=0.01)
    silver = reflection(SILVER_810_NM, math.pi / 4).retardance_rad
    other = reflection(0.271 + 5.80j, math.pi / 4).retardance_rad
    assert silver == pytest.approx(other * 5.80 / 5.645, rel=0.01)
    # The phase of a good conductor to first order in 1 / index: 2 k (1/cos - cos) / (n^2 + k^2);
    # the next order is 1 / index^2, 3 % and less.
    for index in (ALUMINIUM_810_NM, SILVER_810_NM):
        first = 2.0 * index.imag / abs(index) ** 2 * (math.sqrt(2.0) - math.sqrt(0.5))
        assert reflection(index, math.pi / 4).retardance_rad == pytest.approx(first, rel=0.03)


@pytest.mark.parametrize("index", [-1.0 + 0j, 1.5 - 1j, 0j, complex(math.nan, 1.0)])
def test_no_medium(index: complex) -> None:
    with pytest.raises(ValueError, match="passive"):
        reflection(index, 0.1)


@given(ANGLES, st.floats(-0.1, math.pi / 2))
def test_ideal_gimbal_turns_by_azimuth_and_elevation(azimuth: float, elevation: float) -> None:
    """The image at a coude focus turns by azimuth - elevation, and no mirror of two is missing."""
    train = alt_az_train(azimuth, elevation, 1e9j)
    start = alt_az_train(0.0, 0.0, 1e9j)
    turned = mueller(train) @ mueller(start).T
    expected = mueller(rotator(azimuth - elevation))
    assert turned == pytest.approx(expected, abs=1e-7)


@given(ANGLES, ANGLES, st.sampled_from([ALUMINIUM_810_NM, SILVER_810_NM, 1e9j]))
def test_the_gimbals_train_is_that_of_its_rays(az: float, el: float, index: complex) -> None:
    right = (math.cos(az), -math.sin(az), 0.0)
    up = (-math.sin(el) * math.sin(az), -math.sin(el) * math.cos(az), math.cos(el))
    inward = (-math.cos(el) * math.sin(az), -math.cos(el) * math.cos(az), -math.sin(el))
    foot = Basis((1.0, 0.0, 0.0), (0.0, -1.0, 0.0))
    traced = train_jones([inward, right, (0.0, 0.0, -1.0)], [index] * 2, Basis(right, up), foot)
    assert alt_az_train(az, el, index) == pytest.approx(traced, abs=1e-12)


def test_two_crossed_mirrors_cancel() -> None:
    """s of the first is p of the second: the phases cancel, and no state is favoured."""
    train = alt_az_train(0.4, 0.0, ALUMINIUM_810_NM)
    r = reflection(ALUMINIUM_810_NM, math.pi / 4)
    assert diattenuation(train) == pytest.approx(0.0, abs=1e-12)
    assert half_wave_limit(train).retardance_rad == pytest.approx(0.0, abs=1e-9)
    assert abs(np.linalg.det(train)) == pytest.approx(abs(r.s * r.p) ** 2)


def test_two_parallel_mirrors_add_up() -> None:
    """A periscope: the ray leaves as it came."""
    z, x = (0.0, 0.0, 1.0), (1.0, 0.0, 0.0)
    basis = Basis(x, (0.0, 1.0, 0.0))
    train = train_jones([z, x, z], [SILVER_810_NM] * 2, basis, basis)
    r = reflection(SILVER_810_NM, math.pi / 4)
    assert train == pytest.approx(np.diag([r.p**2, r.s**2]), abs=1e-12)
    assert half_wave_limit(train).retardance_rad == pytest.approx(2.0 * r.retardance_rad)


def test_trains_that_cannot_be() -> None:
    z, x, y = (0.0, 0.0, 1.0), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0)
    with pytest.raises(ValueError, match="directions"):
        train_jones([z], [SILVER_810_NM], Basis(x, y), Basis(x, y))
    with pytest.raises(ValueError, match="turn"):
        train_jones([z, z], [SILVER_810_NM], Basis(x, y), Basis(x, y))
    with pytest.raises(ValueError, match="right-handed"):
        train_jones([z, x], [SILVER_810_NM], Basis(y, x), Basis(y, z))


@given(st.integers(0, 10**6))
def test_three_plates_undo_any_unitary(seed: int) -> None:
    error = random_unitary(seed)
    plates = quarter_half_quarter(error)
    total = (
        quarter_wave_plate(plates.second_quarter_rad)
        @ half_wave_plate(plates.half_rad)
        @ quarter_wave_plate(plates.first_quarter_rad)
        @ error
    )
    assert abs(np.trace(total)) == pytest.approx(2.0, abs=1e-9)
    assert mueller(total) == pytest.approx(np.eye(4), abs=1e-9)


@pytest.mark.parametrize("psi", [0.0, 0.4, -1.2, math.pi / 2])
@pytest.mark.parametrize("phase", [0.0, 1e-8, 0.3, -2.0, math.pi])
def test_three_plates_undo_rotation_and_phase(psi: float, phase: float) -> None:
    error = retarder(0.0, phase) @ rotator(psi)
    plates = quarter_half_quarter(error)
    set_ = (
        quarter_wave_plate(plates.second_quarter_rad)
        @ half_wave_plate(plates.half_rad)
        @ quarter_wave_plate(plates.first_quarter_rad)
    )
    assert mueller(set_ @ error) == pytest.approx(np.eye(4), abs=1e-9)


def error_rates(element: Jones, swapped: bool) -> tuple[float, float]:
    """Of H V and of D A, by projection of the fields."""
    wrong = STATES_RAD[[1, 0, 2, 3]] if swapped else STATES_RAD[[1, 0, 3, 2]]
    rate: Real = np.array(
        [abs(linear(w) @ element @ linear(t)) ** 2 for t, w in zip(STATES_RAD, wrong, strict=True)]
    )
    return float(rate[:2].mean()), float(rate[2:].mean())


@settings(max_examples=30)
@given(st.integers(0, 10**6))
def test_what_a_half_wave_plate_leaves(seed: int) -> None:
    """A search over the plate's angle, by projection, finds no less."""
    error = random_unitary(seed)
    limit = half_wave_limit(error)
    left = error_rates(half_wave_plate(limit.plate_rad) @ error, limit.swapped)
    assert left == pytest.approx((limit.error_h_v, limit.error_d_a), abs=1e-9)
    assert np.mean(left) == pytest.approx(math.sin(limit.retardance_rad / 2) ** 2 / 2, abs=1e-9)
    found = min(
        minimize_scalar(
            lambda a, s=swapped: float(np.mean(error_rates(half_wave_plate(a) @ error, s))),
            bounds=(low, low + math.pi / 4),
            method="bounded",
        ).fun
        for swapped in (True, False)
        for low in (-math.pi / 4, 0.0)
    )
    assert np.mean(left) <= found + 1e-9


@given(ANGLES, st.floats(-1.5, 1.5))
def test_rotation_is_undone_and_phase_is_left(psi: float, phase: float) -> None:
    limit = half_wave_limit(retarder(0.2, phase) @ rotator(psi))
    assert limit.retardance_rad == pytest.approx(abs(phase), abs=1e-9)
    assert math.remainder(2 * limit.plate_rad - psi, math.pi / 2) == pytest.approx(0.0, abs=1e-9)


def left_rad(error: Jones, axis_rad: float) -> float:
    """What no half-wave plate undoes behind the best retarder on this axis."""
    best = retarder(axis_rad, best_retarder(error, axis_rad))
    return half_wave_limit(best @ error).retardance_rad


@given(ANGLES, st.floats(-1.5, 1.5))
def test_a_retarder_at_45_degrees(psi: float, phase: float) -> None:
    error = retarder(math.pi / 4, phase) @ rotator(psi)
    assert best_retarder(error) == pytest.approx(-phase, abs=1e-9)
    assert left_rad(error, math.pi / 4) == pytest.approx(0.0, abs=1e-9)
    # Of a phase about H it undoes nothing; one on that axis does.
    error = retarder(0.0, phase) @ rotator(psi)
    assert left_rad(error, math.pi / 4) == pytest.approx(abs(phase), abs=1e-9)
    assert left_rad(error, 0.0) == pytest.approx(0.0, abs=1e-9)


def test_refusals() -> None:
    with pytest.raises(ValueError, match="polariser"):
        quarter_half_quarter(diattenuator(0.0, 1.0, 0.0))
    with pytest.raises(ValueError, match="transmittances"):
        diattenuator(0.0, 1.1, 0.0)
    with pytest.raises(ValueError, match="incidence"):
        reflection(1.5 + 0j, math.pi)
