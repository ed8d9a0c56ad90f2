"""The terminal's optics as they truly are, element by element, against Jones calculus."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs
from numpy.typing import NDArray

from config.loader import load_scenario
from config.polarization import Polarization, Retarder
from sim_devices.optical_axes import axes
from sim_devices.polarization_optics import (
    SENT_STOKES,
    behind_plate_phase_rad,
    channel_probability,
    left_of_frame,
    phase_rad,
)
from sim_devices.receiver_optics import OpticsView, PlateErrors, ReceiverOptics
from terminal.optics.fold_mirrors import SILVER_810_NM, alt_az_train
from terminal.optics.polarization import (
    Jones,
    analyser_rows,
    mueller,
    retarder,
    rotator,
    sphere_rotation,
)
from terminal.optics.polarization_compensation import half_wave_limit

SCENARIO = load_scenario("leo_haps_downlink")
TRUTH = structs.replace(
    SCENARIO.world.polarization,
    retardance_rad=0.17,
    intrinsic_qber=0.01,
    channel_efficiency=(1.0, 1.0, 1.0, 1.0),
    channel_leak=(0.0, 0.0, 0.0, 0.0),
)
CONFIG = Polarization(trim_window_s=1.0, trim_min_clicks=100, deadband_rad=1e-3)
RETARDER = Retarder(axis_rad=0.3, calibration=((0.0, 3.0), (10.0, 0.1)))
AXES_RAD = np.radians([0.0, 90.0, -45.0, 45.0])
angles = st.floats(-7.0, 7.0)


def truth(**changes: Any) -> Any:
    return structs.replace(TRUTH, **changes)


def config(**changes: Any) -> Polarization:
    return structs.replace(CONFIG, **changes)


def rows(optics: Jones, p_x: float, error: float) -> NDArray[np.float64]:
    """(4, 4) by the terminal's elements: Stokes vector to channels, the splitter's share in it."""
    share = np.array([p_x, p_x, 1 - p_x, 1 - p_x])
    analyser = analyser_rows(AXES_RAD, share, np.zeros(4))
    return np.asarray(analyser * np.array([1.0, *[1 - 2 * error] * 3]) @ mueller(optics))


@settings(deadline=None)
@given(angles, angles, angles, st.floats(2.0, 4.0))
def test_phase_retarder_and_plate_stand_in_this_order(
    psi: float, plate: float, slow: float, retardance: float
) -> None:
    optics = ReceiverOptics(
        TRUTH, 0.7, config(retarder=RETARDER), PlateErrors(retardance_rad=retardance)
    )
    # A delay along the slow axis is one across the fast axis, at right angles to it.
    due = (
        retarder(plate, retardance)
        @ retarder(0.3 + math.pi / 2, slow)
        @ retarder(0.0, 0.17)
        @ rotator(psi)
    )
    seen = optics.stokes_to_channels(OpticsView(psi, plate, slow))
    assert seen == pytest.approx(rows(due, 0.7, 0.01), abs=1e-12)


@settings(deadline=None)
@given(angles, angles, st.floats(-3.0, 3.0), st.floats(-0.2, 1.5))
def test_a_coude_path_comes_between(psi: float, plate: float, yaw: float, pitch: float) -> None:
    optics = ReceiverOptics(
        truth(fold_index=(SILVER_810_NM.real, SILVER_810_NM.imag)), 0.7, config(path="coude")
    )
    train = alt_az_train(yaw, pitch, SILVER_810_NM) @ retarder(0.0, 0.17) @ rotator(psi)
    seen = optics.stokes_to_channels(OpticsView(psi, plate, image=axes(yaw, pitch)))
    due = rows(retarder(plate, math.pi) @ train, 0.7, 0.01)
    # The better polarisation passes whole.
    assert seen == pytest.approx(due / np.linalg.norm(train, 2) ** 2, abs=1e-10)


def test_without_errors_it_is_the_plain_receiver() -> None:
    seen = SENT_STOKES @ ReceiverOptics(TRUTH, 0.7).stokes_to_channels(OpticsView(0.4, 0.25)).T
    assert seen == pytest.approx(channel_probability(0.4, 0.25, 0.17, 0.01, 0.7), abs=1e-14)


def test_a_retarder_of_equal_delay_on_the_same_axis_undoes_the_phase() -> None:
    along = structs.replace(RETARDER, axis_rad=0.0)
    optics = ReceiverOptics(TRUTH, 0.7, config(retarder=along))
    view = OpticsView(0.4, 0.2, 0.17)
    left = left_of_frame(optics.whole(view))
    assert phase_rad(optics.whole(view)) == pytest.approx(math.pi, abs=1e-7)
    assert phase_rad(optics.before_plate(view, optics.path(view))) == pytest.approx(0.0, abs=1e-7)
    assert left.frame_rad == pytest.approx(0.0, abs=1e-12)
    assert (left.contrast_x, left.contrast_z) == pytest.approx((1.0, 1.0))


@settings(deadline=None)
@given(angles, angles, st.floats(-2.0, 2.0), st.floats(2.9, 3.4), st.floats(-1.0, 1.0))
def test_the_correctable_part_is_what_the_retarder_lacks(
    psi: float, plate: float, slow: float, retardance: float, phase: float
) -> None:
    """Against a search for the retardance that leaves the least."""
    optics = ReceiverOptics(
        truth(retardance_rad=phase),
        0.7,
        config(retarder=RETARDER),
        PlateErrors(retardance_rad=retardance),
    )

    def left_rad(more: float) -> float:
        return behind_plate_phase_rad(optics.whole(OpticsView(psi, plate, slow + more)))

    view = OpticsView(psi, plate, slow)
    found = optics.correctable_rad(view, optics.before_plate(view, optics.path(view)))
    around = [*np.linspace(-math.pi, math.pi, 73), found - 1e-3, found + 1e-3]
    assert left_rad(found) <= min(map(left_rad, around)) + 1e-9


@given(st.floats(-0.05, 0.05), st.floats(-0.05, 0.05), angles, st.floats(-0.05, 0.05))
def test_phase_retarder_and_plate_add_to_first_order(
    phase: float, slow: float, plate: float, error: float
) -> None:
    """All about the image's axis `right`, of the plate's error cos 2a along it and sin 2a beside
    it."""
    optics = ReceiverOptics(
        truth(retardance_rad=phase),
        0.7,
        config(retarder=structs.replace(RETARDER, axis_rad=0.0)),
        PlateErrors(retardance_rad=math.pi + error),
    )
    view = OpticsView(0.3, plate, slow)
    along, beside = phase - slow + error * math.cos(2 * plate), error * math.sin(2 * plate)
    seen = optics.correctable_rad(view, optics.before_plate(view, optics.path(view)))
    assert seen == pytest.approx(along, abs=1e-3)
    whole = behind_plate_phase_rad(optics.whole(view))
    assert whole == pytest.approx(math.hypot(along, beside), abs=1e-3)


class TestWhatIsLeft:
    @settings(deadline=None)
    @given(st.floats(-1.5, 1.5), angles, st.floats(0.0, 1.5))
    def test_no_rotation_comes_nearer(self, psi: float, plate: float, phase: float) -> None:
        optics = ReceiverOptics(truth(retardance_rad=phase), 0.5)
        view = OpticsView(psi, plate)
        left = left_of_frame(optics.whole(view))
        assert phase_rad(optics.path(view)) == pytest.approx(phase, abs=1e-7)

        def contrast(turn: float) -> float:
            seen = ReceiverOptics(truth(retardance_rad=phase), 0.5)
            moved = OpticsView(psi, plate + turn / 2)
            one = left_of_frame(seen.whole(moved))
            return one.contrast_x + one.contrast_z

        assert all(contrast(left.frame_rad) >= contrast(left.frame_rad + d) for d in (-0.01, 0.01))

    @settings(deadline=None)
    @given(angles, st.floats(-3.0, 3.0), st.floats(-0.2, 1.5))
    def test_the_limit_of_a_plate_is_the_terminals(
        self, psi: float, yaw: float, pitch: float
    ) -> None:
        """At the plate's best angle the frame is right, and the contrasts give its error rates."""
        optics = ReceiverOptics(
            truth(fold_index=(0.04, 5.6), retardance_rad=0.0), 0.5, config(path="coude")
        )
        train = alt_az_train(yaw, pitch, complex(0.04, 5.6)) @ rotator(psi)
        limit = half_wave_limit(train)
        view = OpticsView(psi, limit.plate_rad, image=axes(yaw, pitch))
        left = left_of_frame(optics.whole(view))
        # Silver weakens one polarisation by half a percent more.
        assert math.remainder(left.frame_rad, math.pi) == pytest.approx(0.0, abs=2e-3)
        assert phase_rad(optics.path(view)) == pytest.approx(limit.retardance_rad, abs=5e-3)
        rates = limit.error_h_v, limit.error_d_a
        seen = (1 - left.contrast_x) / 2, (1 - left.contrast_z) / 2
        assert seen == pytest.approx(rates, abs=5e-3)
        tilt = math.acos(np.clip(sphere_rotation(train)[2, 2], -1, 1))
        assert limit.retardance_rad == pytest.approx(tilt, abs=1e-6)


class TestDetectors:
    def test_efficiency_and_extinction_are_those_told(self) -> None:
        efficiency, leak = (0.9, 1.0, 0.8, 0.95), (1e-3, 2e-3, 5e-3, 1e-3)
        optics = ReceiverOptics(
            truth(
                channel_efficiency=efficiency,
                channel_leak=leak,
                intrinsic_qber=0.0,
                retardance_rad=0.0,
            ),
            0.5,
        )
        m = SENT_STOKES @ optics.stokes_to_channels(OpticsView(0.0, 0.0)).T
        along = np.diag(m)
        across = m[[1, 0, 3, 2], [0, 1, 2, 3]]
        assert across / along == pytest.approx(leak, rel=1e-9)
        assert along / along[1] == pytest.approx(efficiency, rel=1e-9)

    @settings(deadline=None)
    @given(
        st.tuples(*[st.floats(0.0, 1.0)] * 4),
        st.tuples(*[st.floats(0.0, 0.5)] * 4),
        angles,
        st.floats(-0.5, 0.5),
    )
    def test_no_photon_clicks_twice(
        self, efficiency: Any, leak: Any, plate: float, wedge: float
    ) -> None:
        optics = ReceiverOptics(
            truth(channel_efficiency=efficiency, channel_leak=leak),
            0.7,
            None,
            PlateErrors(wedge=wedge, wedge_rad=1.0, retardance_rad=3.0),
        )
        m = SENT_STOKES @ optics.stokes_to_channels(OpticsView(0.3, plate)).T
        assert (m >= -1e-12).all()
        assert (m.sum(axis=1) <= 1 + 1e-12).all()

    def test_swapped_states_change_places_with_all_they_are(self) -> None:
        optics = ReceiverOptics(truth(channel_efficiency=(1.0, 1.0, 0.8, 0.9)), 0.7)
        view = OpticsView(0.3, 0.1)
        right = optics.stokes_to_channels(view)
        wrong = optics.stokes_to_channels(view._replace(swapped=True))
        assert wrong.tolist() == right[[0, 1, 3, 2]].tolist()


class TestPlate:
    def test_wedge_changes_the_flux_once_a_turn(self) -> None:
        optics = ReceiverOptics(TRUTH, 0.7, None, PlateErrors(wedge=0.02, wedge_rad=0.5))
        turn = np.linspace(0.0, 2 * math.pi, 73)[:-1]
        flux = np.array(
            [optics.stokes_to_channels(OpticsView(0.0, a)).sum(axis=0)[0] for a in turn]
        )
        assert turn[flux.argmax()] == pytest.approx(0.5, abs=math.pi / 72)
        assert (flux.max() - flux.min()) / flux.mean() == pytest.approx(0.04, rel=1e-3)
        # Nothing but the first harmonic.
        assert np.abs(np.fft.rfft(flux)[2:]).max() < 1e-12

    def test_scale_grows_with_the_turn_and_does_not_jump_at_the_encoders_zero(self) -> None:
        plate = PlateErrors(offset_rad=0.05, scale=1e-3)
        assert plate.axis_rad(0.0) == 0.05
        below, above = plate.axis_rad(2 * math.pi - 1e-6), plate.axis_rad(2 * math.pi + 1e-6)
        assert above - below == pytest.approx(2e-6, rel=1e-2)
        assert plate.axis_rad(1.0) - plate.axis_rad(0.0) == pytest.approx(1.001)

    def test_draws_have_their_sigmas_and_the_offset_keeps_its_stream(self) -> None:
        wanted = truth(
            plate_offset_rad=0.05, plate_scale=1e-3, plate_retardance_error_rad=0.02,
            plate_wedge=0.01,
        )  # fmt: skip
        drawn = [PlateErrors.drawn(wanted, seed) for seed in range(300)]
        off = np.array([(p.offset_rad, p.scale, p.retardance_rad, p.wedge) for p in drawn])
        off[:, 2] -= math.pi
        # Of 300 draws: the error of the mean is 6 % of sigma, of the spread 4 %.
        sigmas = np.array([0.05, 1e-3, 0.02, 0.01])
        assert off.mean(axis=0) / sigmas == pytest.approx(np.zeros(4), abs=0.25)
        assert off.std(axis=0) / sigmas == pytest.approx(np.ones(4), abs=0.17)
        none = PlateErrors.drawn(
            truth(
                plate_offset_rad=0.05, plate_scale=0.0, plate_retardance_error_rad=0.0,
                plate_wedge=0.0,
            ),
            3,
        )  # fmt: skip
        assert none.offset_rad == drawn[3].offset_rad
        assert (none.scale, none.retardance_rad, none.wedge) == (0.0, math.pi, 0.0)


class TestPolarimeter:
    @settings(deadline=None)
    @given(angles, angles, st.floats(0.0, 1.0))
    def test_malus_of_a_partly_polarised_beacon(
        self, psi: float, plate: float, degree: float
    ) -> None:
        optics = ReceiverOptics(truth(retardance_rad=0.0), 0.7)
        shares = optics.polarimeter_shares(OpticsView(psi, plate), degree)
        # Along H of the sender: behind the plate at 2 plate - psi.
        at = 2 * plate - psi
        malus = 0.5 * ((1 - degree) / 2 + degree * np.cos(at - AXES_RAD) ** 2)
        assert shares == pytest.approx(malus, abs=1e-12)
