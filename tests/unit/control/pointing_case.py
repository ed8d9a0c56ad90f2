"""The demo's pass as the prediction sees it: predictor, fixes at the demo's site, times."""

import math
from typing import Any

import numpy as np
from msgspec.structs import replace
from scipy.spatial.transform import Rotation

from config.loader import load_scenario
from config.terminal import Mounting
from terminal.control.mounting.along_pass import SigmaAlong
from terminal.control.pointing import PointingState, Predictor
from terminal.geometry.earth import enu_basis
from terminal.mission_ephemeris import partner_ephemeris
from terminal.pointing_messages import PointingCommand, PointingSample
from terminal.window import resolve_window

SCENARIO = load_scenario("leo_haps_downlink")
MISSION, CONFIG = SCENARIO.mission, SCENARIO.terminal
WINDOW = resolve_window(MISSION)
SITE = math.radians(35.66), math.radians(139.68), 20_000.0
DT_S = 0.02
C_M_S = 299_792_458.0
EARTH_ROTATION_RAD_S = 7.2921159e-5
PREDICTOR = Predictor(
    MISSION,
    CONFIG,
    WINDOW.start_tai_ns,
    partner_ephemeris(MISSION, WINDOW.start_tai_ns),
    SigmaAlong.steady(CONFIG.mounting.sigma_rad),
)
EAST, NORTH, UP = (np.array(v) for v in enu_basis(*SITE[:2]))
ECEF_FROM_NED = Rotation.from_matrix(np.column_stack([NORTH, EAST, -UP]))


def sample(t_ns: int, attitude: Rotation | None = None, **changes: Any) -> PointingSample:
    """A fix of this moment at the demo's site, at rest; attitude: NED from body."""
    x, y, z, w = (attitude or Rotation.identity()).as_quat().tolist()
    fix = PointingSample(t_ns, t_ns, *SITE, 0.0, 0.0, 0.0, w, x, y, z, 1e-3, 2.0)
    return fix._replace(**changes)


def predict(s: PointingSample, predictor: Predictor = PREDICTOR) -> PointingCommand:
    return predictor.step(PointingState(), s, DT_S)[1]


def at_s(seconds: float) -> int:
    return WINDOW.start_tai_ns + round(seconds * 1e9)


def mounted(**mounting: Any) -> Predictor:
    config = replace(CONFIG, mounting=Mounting(**{"rotation_vector_rad": (0, 0, 0), **mounting}))
    return Predictor(
        MISSION,
        config,
        WINDOW.start_tai_ns,
        partner_ephemeris(MISSION, WINDOW.start_tai_ns),
        SigmaAlong.steady(config.mounting.sigma_rad),
    )
