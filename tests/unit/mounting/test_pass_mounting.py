"""The mounting's sigma along the pass that is planned, and the search that is planned with it."""

from math import hypot

import numpy as np
import pytest
from mounting_truth import sensor_axes, vec
from msgspec.structs import replace
from scipy.spatial.transform import Rotation

from config.calibration import write_calibration
from config.loader import load_scenario
from config.terminal import TerminalConfig
from terminal.control.guidance.joint_limits import nearest_turn
from terminal.control.mounting.along_pass import SigmaAlong
from terminal.control.mounting.fit import fit, surveyed_prior
from terminal.control.mounting.model import MountingModel, MountingParameters
from terminal.control.mounting.sightings import Sighting, SightingNoise
from terminal.geometry.gimbal_frame import image_axes, joints_toward
from terminal.geometry.time_scales import DAY_NS, SECOND_NS
from terminal.guidance_plan import PlannedPass, planned_pass
from terminal.mounting_file import LoadedMounting, calibration_of, flown_mounting, worst_sigma_rad
from terminal.pass_mounting import mounting_sigma, pass_joints
from terminal.search_planning import planned_field
from terminal.window import resolve_window

SCENARIO = load_scenario("leo_laps_downlink")
MISSION = SCENARIO.mission
START_NS = resolve_window(MISSION).start_tai_ns
SURVEY_RAD, ATTITUDE_RAD = 5e-3, 2e-3
SURVEYED = replace(
    SCENARIO.terminal, mounting=replace(SCENARIO.terminal.mounting, sigma_rad=SURVEY_RAD)
)
NOISE = SightingNoise(image_rad=350e-6, attitude_rad=ATTITUDE_RAD)
"""A drone's jitter, and a unit of the VN-200 class."""
CROOKED = MountingParameters(3e-3, -2e-3, 4e-3, 2e-3, non_orthogonality_rad=5e-4)
HELD_S = 100
"""The link stood over the first part of the pass alone."""
UP = np.array([0.0, 0.0, -1.0])
RAYLEIGH_999 = 3.72


@pytest.fixture(scope="module")
def flown() -> PlannedPass:
    return planned_pass(MISSION, SURVEYED, START_NS)


@pytest.fixture(scope="module")
def calibrated(flown: PlannedPass, tmp_path_factory: pytest.TempPathFactory) -> TerminalConfig:
    """By sightings along a part of the planned pass itself, a day before it."""
    rng = np.random.default_rng(5)
    joints = pass_joints(flown, SURVEYED)[0.0]
    off, seen = Rotation.from_rotvec(rng.normal(0.0, ATTITUDE_RAD, 3)), []
    for t_s, los in zip(flown.times_s[:HELD_S].tolist(), flown.los, strict=False):
        joints = MountingModel(CROOKED).correct(vec(los), joints)
        ahead, right, up = sensor_axes(CROOKED, joints, UP).T @ los
        x, y = np.array([right, up]) / ahead + rng.normal(0.0, NOISE.image_rad, 2)
        predicted = vec(off.apply(los))
        seen.append(Sighting(t_s, joints, float(x), float(y), predicted, (0.0, 0.0, 0.0)))
    found = fit(seen, surveyed_prior(SURVEY_RAD), NOISE)
    folder = tmp_path_factory.mktemp("calibrated")
    recording = folder / "pass.mcap"
    recording.write_bytes(b"its hash alone is used")
    file = folder / "mounting.yaml"
    made = calibration_of(found, SURVEYED, ATTITUDE_RAD, START_NS - DAY_NS, 30.0, recording)
    write_calibration(file, made)
    return replace(SURVEYED, mounting=replace(SURVEYED.mounting, calibration=str(file)))


def loaded(config: TerminalConfig) -> LoadedMounting:
    mounting = flown_mounting(config, START_NS)
    assert mounting is not None
    return mounting


def test_without_a_calibration_it_is_the_survey_s() -> None:
    assert mounting_sigma(MISSION, SURVEYED, START_NS) == SigmaAlong.steady(SURVEY_RAD)


def test_where_it_was_made_a_calibration_knows_more_than_elsewhere(
    calibrated: TerminalConfig,
) -> None:
    sigma = mounting_sigma(MISSION, calibrated, START_NS)
    there = [sigma.at_rad(START_NS + t_s * SECOND_NS) for t_s in range(HELD_S)]
    # The attitude of that pass is in the rotation, and cannot be told from it.
    assert min(there) > 0.8 * ATTITUDE_RAD
    assert max(there) < 1.2 * ATTITUDE_RAD
    assert max(sigma.sigma_rad) > 1.5 * max(there)
    assert worst_sigma_rad(loaded(calibrated)) > 1.5 * max(there)


def test_between_the_places_it_is_as_at_every_second(
    flown: PlannedPass, calibrated: TerminalConfig
) -> None:
    sigma, mounting = mounting_sigma(MISSION, calibrated, START_NS), loaded(calibrated)
    yaw_rad = pass_joints(flown, SURVEYED)[0.0].yaw_rad
    for t_s, los in zip(flown.times_s.tolist(), flown.los, strict=True):
        toward = joints_toward(vec(los))
        yaw_rad = nearest_turn(toward.yaw_rad, yaw_rad)
        own = mounting.sky_sigma_rad(toward._replace(yaw_rad=yaw_rad))
        assert sigma.at_rad(START_NS + round(t_s * SECOND_NS)) == pytest.approx(own, rel=0.02)


def test_it_holds_against_the_true_mounting(flown: PlannedPass, calibrated: TerminalConfig) -> None:
    sigma, model = mounting_sigma(MISSION, calibrated, START_NS), loaded(calibrated).model
    for t_s, los in zip(flown.times_s.tolist(), flown.los, strict=True):
        boresight = sensor_axes(CROOKED, model.correct(vec(los)), UP)[:, 0]
        claimed_rad = sigma.at_rad(START_NS + round(t_s * SECOND_NS))
        assert np.linalg.norm(boresight - los) < RAYLEIGH_999 * claimed_rad


def test_the_search_is_planned_with_it(calibrated: TerminalConfig) -> None:
    """At the beginning of the pass, in the part that is known."""
    attitude_rad, after_s = 1e-3, 10.0
    surveyed, known = (
        planned_field(MISSION, config, START_NS, after_s, attitude_rad)
        for config in (SURVEYED, calibrated)
    )
    own = mounting_sigma(MISSION, calibrated, START_NS).at_rad(START_NS + 10 * SECOND_NS)
    # 300 m across the path at over 1000 km are the rest.
    expected = hypot(attitude_rad, own)
    assert known.uncertainty.axes().minor_rad == pytest.approx(expected, rel=0.05)
    assert surveyed.uncertainty.axes().minor_rad > hypot(attitude_rad, SURVEY_RAD)
    # The area goes with the square: 1.3 mrad that remain against 5.
    assert known.scan.covers_s[0] < 0.4 * surveyed.scan.covers_s[0]


def test_the_joints_are_those_of_the_pass(flown: PlannedPass) -> None:
    by_time = pass_joints(flown, SURVEYED)
    assert list(by_time) == sorted(by_time)
    assert (min(by_time), max(by_time)) == (flown.times_s[0], flown.times_s[-1])
    for t_s, place in by_time.items():
        toward = image_axes(place).boresight
        assert toward == pytest.approx(flown.los[round(t_s)].tolist(), abs=1e-9)
    # On one turn of the cable.
    assert np.abs(np.diff([place.yaw_rad for place in by_time.values()])).max() < 0.5
    too_short = PlannedPass(flown.times_s[:2], flown.los[:2], flown.turn_rad_s[:2])
    assert pass_joints(too_short, SURVEYED) == {}


def test_between_two_times_and_outside() -> None:
    along = SigmaAlong((10, 20, 40), (1.0, 3.0, 2.0))
    assert [along.at_rad(t) for t in (0, 10, 15, 20, 30, 40, 99)] == [1, 1, 2, 3, 2.5, 2, 2]
    assert SigmaAlong.steady(0.5).at_rad(-7) == SigmaAlong.steady(0.5).at_rad(10**19) == 0.5
