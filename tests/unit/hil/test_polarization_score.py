"""The judge of the frames: convergence, a plate's limit, and the information that counts hold."""

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from config.loader import load_scenario
from hil.polarization_score import (
    FramePoint,
    PolarizationScore,
    convergence,
    half_turn,
    half_wave_limit,
    information,
    phase_left,
    rotation_sigma_rad,
)
from sim_devices.light import BlockTruth
from sim_devices.polarization_optics import channel_probability
from terminal.control.frame_estimate import estimate_frame
from terminal.control.frame_model import Analyser, Exposure
from terminal.optics.polarization import retarder
from terminal.optics.polarization_compensation import half_wave_limit as limit_of_plate

SCENARIO = load_scenario("leo_haps_downlink")
SOURCE = SCENARIO.mission.source


def point(t_s: float, error_rad: float = 0.0, in_link: bool = True, **more: Any) -> FramePoint:
    rest = {"phase_rad": 0.0, "correctable_rad": 0.0, "path_phase_rad": 0.0, "frame_rad": 0.0}
    return FramePoint(
        float(t_s), float(error_rad), bool(in_link), **{**rest, **more},
        contrast_x=1.0, contrast_z=1.0,
    )  # fmt: skip


def points(t_s: Any, error_deg: Any, in_link: Any = None) -> Any:
    linked = np.ones(len(t_s), bool) if in_link is None else in_link
    return [point(*row) for row in zip(t_s, np.radians(error_deg), linked, strict=True)]


class TestConvergence:
    T_S = np.arange(0.0, 60.0, 0.02)

    def test_small_from_the_start(self) -> None:
        found = convergence(points(self.T_S + 7.0, np.full(3000, 0.2)))
        assert found is not None
        assert found.error_deg_rms == pytest.approx(0.2)
        assert found.after_s == 0.0

    def test_a_step_is_converged_when_the_whole_span_ahead_is_small(self) -> None:
        """A sliver of the large error may still be in the 5 s: 0.25 = 25 (s / 5), so s = 0.05 s."""
        found = convergence(points(self.T_S, np.where(self.T_S < 10.0, 5.0, 0.0)))
        assert found is not None
        assert found.after_s == pytest.approx(9.95, abs=0.03)
        assert found.error_deg_rms == pytest.approx(5.0 * math.sqrt(0.05 / 50.05), rel=0.25)

    def test_sign_does_not_matter(self) -> None:
        found = convergence(points(self.T_S, np.where(self.T_S < 10.0, -5.0, 0.1)))
        assert found is not None
        assert found.after_s == pytest.approx(9.95, abs=0.03)

    def test_what_comes_after_is_in_the_rms_however_large(self) -> None:
        late = np.where(self.T_S < 30.0, 0.0, 10.0)
        found = convergence(points(self.T_S, late))
        assert found is not None
        assert found.after_s == 0.0
        assert found.error_deg_rms == pytest.approx(10.0 / math.sqrt(2.0), rel=0.01)

    def test_moments_of_turning_are_left_out(self) -> None:
        """Each 5 s a second at 20 degrees: no span would be small enough with it."""
        turning = self.T_S % 5.0 < 1.0
        error_deg = np.where(turning, 20.0, 0.2)
        assert convergence(points(self.T_S, error_deg)) is None
        rows = zip(points(self.T_S, error_deg), turning.tolist(), strict=True)
        found = convergence([p._replace(turning=on) for p, on in rows])
        assert found is not None
        assert found.error_deg_rms == pytest.approx(0.2)
        # The link's first second was one.
        assert found.after_s == pytest.approx(1.0)

    def test_never(self) -> None:
        assert convergence(points(self.T_S, np.full(3000, 0.6))) is None

    def test_a_link_that_is_too_short_to_tell(self) -> None:
        assert convergence(points(self.T_S[:200], np.zeros(200))) is None

    def test_no_link(self) -> None:
        assert convergence(points(self.T_S, np.zeros(3000), np.zeros(3000, bool))) is None
        assert convergence([]) is None

    def test_only_link_counts_and_time_runs_from_its_start(self) -> None:
        in_link = self.T_S >= 20.0
        found = convergence(points(self.T_S, np.where(in_link, 0.3, 40.0), in_link))
        assert found is not None
        assert found.error_deg_rms == pytest.approx(0.3)
        assert found.after_s == 0.0


class TestPhase:
    T_S = np.arange(0.0, 60.0, 0.02)

    def _points(self, dithering: NDArray[np.bool_]) -> list[FramePoint]:
        """10 degrees until 20 s, then 0.5 that can be corrected and 2 in all; to and fro by 12."""
        correctable = np.where(dithering, 12.0, np.where(self.T_S < 20.0, -10.0, -0.5))
        whole = np.where(dithering, 12.0, np.where(self.T_S < 20.0, 10.0, 2.0))
        rows = zip(self.T_S, np.radians(correctable), np.radians(whole), dithering, strict=True)
        return [
            point(t, correctable_rad=float(c), phase_rad=float(w), dithering=bool(d))
            for t, c, w, d in rows
        ]

    def test_dithers_are_left_out_and_no_more(self) -> None:
        dithering = ((self.T_S > 10.0) & (self.T_S < 20.0)) | (self.T_S > 40.0)
        found = phase_left(self._points(dithering), 15.0)
        assert found is not None
        assert found.deg_rms == pytest.approx(2.0)
        assert found.correctable_deg_rms == pytest.approx(0.5)
        assert found.converged_s == pytest.approx(20.0)

    def test_a_phase_that_nobody_looks_for_counts(self) -> None:
        found = phase_left(self._points(np.zeros(3000, bool)), 0.0)
        assert found is not None
        # 20 of 60 s.
        assert found.correctable_deg_rms == pytest.approx(10.0 / math.sqrt(3.0), rel=0.01)
        assert found.converged_s == pytest.approx(20.0, abs=0.1)

    def test_none_where_all_is_dither_or_nothing_is_linked(self) -> None:
        assert phase_left(self._points(np.ones(3000, bool)), 0.0) is None
        assert phase_left([point(1.0, in_link=False)], 0.0) is None
        never = phase_left([point(t, correctable_rad=0.1) for t in self.T_S], 0.0)
        assert never is not None
        assert never.converged_s is None


@given(st.floats(-100.0, 100.0))
def test_half_turns_of_a_frame_mean_nothing(angle: float) -> None:
    assert abs(half_turn(angle)) <= math.pi / 2
    assert math.sin(half_turn(angle) - angle) == pytest.approx(0.0, abs=1e-12)


@given(st.floats(0.0, math.pi))
def test_the_limit_is_that_of_the_best_plate(phase: float) -> None:
    """The terminal finds the best angle for the element itself, and both bases' error rates."""
    best = limit_of_plate(retarder(0.2, phase))
    mean = 0.5 * (best.error_h_v + best.error_d_a)
    assert half_wave_limit([point(0.0, path_phase_rad=phase)]) == pytest.approx(mean, abs=1e-12)
    assert half_wave_limit([point(0.0, in_link=False)]) is None


def expected(psi: float, plate: float, phase: float, p_x: float) -> NDArray[np.float64]:
    """(4, 4) by sent state and channel."""
    return channel_probability(psi, plate, phase, 0.01, p_x)


NOISE = np.array([2e-3, 2e-3, 1e-3, 1e-3])


@settings(deadline=None, max_examples=40)
@given(
    st.floats(-1.5, 1.5),
    st.floats(-0.15, 0.15),
    st.floats(0.2, 0.8),
    st.lists(st.floats(2e4, 1e5), min_size=4, max_size=4),
)
def test_the_bound_is_the_covariance_of_the_terminals_estimate(
    psi: float, off: float, p_x: float, clicks: list[float]
) -> None:
    """At counts that are just as expected, without phase: same unknowns, another derivation."""
    plate = 0.5 * (psi - off)
    signal = expected(psi, plate, 0.0, p_x)
    sent = np.array(clicks) / (signal + NOISE).sum(axis=1)
    counts = sent[:, None] * (signal + NOISE)
    analyser = Analyser((p_x, p_x, 1 - p_x, 1 - p_x))
    background = sent[:, None] * np.tile(NOISE, (4, 1))
    seen = estimate_frame([Exposure(counts, background, plate)], analyser)
    ours_rad = rotation_sigma_rad(information(counts.sum(axis=1), signal, NOISE, psi))
    # Theirs is of psi too, ours of a turn of the sender's frame: the same.
    assert seen.rotation_rad == pytest.approx(half_turn(psi), abs=1e-4)
    assert ours_rad == pytest.approx(seen.rotation_sigma_rad, rel=2e-3)


@pytest.mark.parametrize("p_x", [0.5, 0.7])
def test_mismatched_clicks_hold_four_each(p_x: float) -> None:
    """Frames in step: a click in the other basis has probability (1 +- sin 2d) / 2, so 4 per rad^2.

    Matched ones change with the square of d, and hold nothing at d = 0.
    """
    clicks = np.full(4, 1000.0)
    found = information(clicks, expected(0.0, 0.0, 0.0, p_x), np.zeros(4), 0.0)
    contrast = 1 - 2 * 0.01
    mismatched = 2000.0 * (1 - p_x) + 2000.0 * p_x
    assert found[0, 0] == pytest.approx(4 * contrast**2 * mismatched, rel=1e-9)
    assert found[0, 1:] == pytest.approx(np.zeros(2), abs=1e-9)


class TestFisherTime:
    def _score(self) -> PolarizationScore:
        score = PolarizationScore(SCENARIO)
        score.points.append(point(10.0))
        none = np.empty(0, np.int64)
        matrix = expected(0.0, 0.0, 0.0, 0.7)
        score.block(BlockTruth(0.0, 0.1, none, none, (1e-3, 2e-4, 0.0), 2e7, matrix, 0.0), 0.6e-9)
        return score

    def test_it_is_reached_with_the_clicks_of_half_a_degree(self) -> None:
        """Some 3,300 mismatched clicks: 1 / sqrt(4 n) = 8.7 mrad."""
        score = self._score()
        each = expected(0.0, 0.0, 0.0, 0.7).ravel()
        needed = None
        for k in range(1, 200):
            score.told(10.0 + k, 20.0 * k * each)
            if score.fisher_s is not None:
                needed = k
                break
        assert needed is not None
        # Of each state 30 and 70 % in the other basis; the contrast of 0.98 takes 4 % of them.
        mismatched = 20.0 * needed * 2 * (0.3 + 0.7)
        due = 1 / (4 * 0.98**2 * math.radians(0.5) ** 2)
        assert due <= mismatched < due + 40.0 + 0.01 * due
        assert score.summary()["polarization_fisher_s"] == needed

    def test_none_without_counts_or_link(self) -> None:
        score = self._score()
        score.told(11.0, np.zeros(16))
        assert score.summary()["polarization_fisher_s"] is None
        assert PolarizationScore(SCENARIO).summary() == {
            "polarization_error_deg_rms": None,
            "polarization_converged_s": None,
            "polarization_fisher_s": None,
            "phase_error_deg_rms": None,
            "phase_correctable_deg_rms": None,
            "phase_converged_s": None,
            "polarization_half_wave_limit": None,
        }


def seen(error_rad: float = 0.0) -> Any:
    return SimpleNamespace(
        polarization_error_rad=error_rad, phase_error_rad=0.0, phase_correctable_rad=0.0,
        path_phase_rad=0.0, frame_angle_rad=0.0, contrast_x=1.0, contrast_z=1.0,
    )  # fmt: skip


def test_a_deliberate_turn_is_no_error() -> None:
    score = PolarizationScore(SCENARIO)
    score.truth(1.0, seen(0.4), True, -0.39, False)
    assert score.points[0].error_rad == pytest.approx(0.01)
    assert not score.points[0].turning


def test_after_each_step_of_a_turn_the_plate_moves() -> None:
    score = PolarizationScore(SCENARIO)
    for k in range(400):
        score.truth(0.1 * k, seen(), True, 0.39 if k // 100 % 2 else 0.0, False)
    turning = [p.t_s for p in score.points if p.turning]
    assert turning == pytest.approx([t + 0.1 * k for t in (10, 20, 30) for k in range(10)])


def test_a_retarder_settles_after_a_dither() -> None:
    """0.2 s to settle, and two ticks at 10 Hz until its order is carried out."""
    score = PolarizationScore(load_scenario("leo_haps_retarder"))
    for k in range(100):
        score.truth(0.02 * k, seen(), True, 0.0, 20 <= k < 50)
    dithering = [k for k, p in enumerate(score.points) if p.dithering]
    assert dithering == list(range(20, dithering[-1] + 1))
    assert 0.02 * (dithering[-1] - 49) == pytest.approx(0.4, abs=0.03)
