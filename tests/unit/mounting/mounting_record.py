"""A made-up recording of one pass over a gimbal with a crooked mounting."""

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from mounting_truth import pass_directions, sensor_axes, vec
from scipy.spatial.transform import Rotation

from config.loader import load_scenario
from terminal.codec import TickCodec, layout
from terminal.control.mounting.model import MountingModel, MountingParameters
from terminal.geometry.gimbal_frame import Joints
from terminal.geometry.time_scales import tai_ns_from_utc
from terminal.messages import MESSAGES
from terminal.mode import Mode
from terminal.telemetry.recorder import Recorder

START_NS = tai_ns_from_utc("2016-12-19T15:18:00Z")
TRACKED_FROM_S = 20.0
NAMES = ("pointing", "coarse", "camera")

LATITUDE_RAD, LONGITUDE_RAD = 0.62, 2.44
_SP, _CP, _SL, _CL = (
    np.sin(LATITUDE_RAD),
    np.cos(LATITUDE_RAD),
    np.sin(LONGITUDE_RAD),
    np.cos(LONGITUDE_RAD),
)
Q_BASE_FROM_ECEF = np.roll(
    Rotation.from_matrix(
        [[-_SP * _CL, -_SP * _SL, _CP], [-_SL, _CL, 0.0], [-_CP * _CL, -_CP * _SL, -_SP]]
    ).as_quat(),
    1,
)
"""A level base that looks north."""


def blank(kind: type) -> dict[str, Any]:
    """All fields zero or empty."""
    return {
        name: 0 if len(code) == 1 else np.empty(0, np.dtype(code)) for name, code in layout(kind)
    }


def write_pass(
    path: Path,
    mounting: MountingParameters,
    *,
    attitude_rad: tuple[float, float, float] = (0.0, 0.0, 0.0),
    noise_rad: float = 0.0,
    duration_s: float = 100.0,
    claimed_rad: float = 2e-3,
    start_ns: int = START_NS,
    terminal: bytes | None = None,
) -> None:
    """Pointing and coarse at 50 Hz, camera at 25 Hz. Searching at first, with a false spot; later a
    frame in 20 comes without a beacon. Gimbal and frames are stamped some ms before their ticks."""
    rng = np.random.default_rng(1)
    config = msgspec.json.encode(load_scenario("leo_laps_downlink").terminal)
    recorder = Recorder(
        path,
        metadata={"terminal": (terminal or config).decode()},
        messages=[MESSAGES[name] for name in NAMES],
    )
    model, turned = MountingModel(mounting), Rotation.from_rotvec(attitude_rad)

    def joints(direction: np.ndarray, t_s: float) -> Joints:
        held = model.correct(vec(direction))
        # Held within 0.3 mrad, not exactly.
        return Joints(held.yaw_rad + 3e-4 * np.sin(t_s), held.pitch_rad + 3e-4 * np.cos(0.7 * t_s))

    ticks = np.arange(0.0, duration_s, 0.02)
    ways = {d: pass_directions(ticks - 0.5 * duration_s + d, 1.1, 0.4) for d in
            (0.0, -0.008, -0.012, 0.05, -0.05)}  # fmt: skip
    predicted = turned.apply(ways[0.0])
    rates = turned.apply(ways[0.05] - ways[-0.05]) / 0.1
    packed: dict[str, list[bytes]] = {name: [] for name in NAMES}

    codecs = {name: TickCodec(MESSAGES[name]) for name in NAMES}
    blanks = {n: (blank(MESSAGES[n].sample), blank(MESSAGES[n].command)) for n in NAMES}

    def add(name: str, seq: int, sample: dict[str, Any], command: dict[str, Any]) -> None:
        no_sample, no_command = blanks[name]
        s = MESSAGES[name].sample(**{**no_sample, **sample})
        c = MESSAGES[name].command(**{**no_command, **command})
        packed[name].append(codecs[name].pack(seq, s, c))

    for k, t_s in enumerate(ticks):
        t_ns = start_ns + k * 20_000_000
        tracked = t_s >= TRACKED_FROM_S
        site = {"latitude_rad": LATITUDE_RAD, "longitude_rad": LONGITUDE_RAD}
        keys = [f"{n}{a}" for n in ("los_", "los_rate_") for a in "xyz"]
        keys += [f"q_gimbal_from_ecef_{a}" for a in "wxyz"]
        values = [*predicted[k], *rates[k], *Q_BASE_FROM_ECEF]
        add(
            "pointing", k, {"t_ns": t_ns, "attitude_sigma_rad": claimed_rad, **site},
            {"valid": 1, "along_sigma_s": 0.02, **dict(zip(keys, values, strict=True))},
        )  # fmt: skip
        reading = joints(ways[-0.008][k], t_s - 0.008)
        mode = Mode.TRACK if tracked else Mode.ACQUIRE
        add(
            "coarse", k,
            {"t_ns": t_ns, "gimbal_t_ns": t_ns - 8_000_000, "mode": mode, **reading._asdict()}, {},
        )  # fmt: skip
        if k % 2:
            continue
        axes = sensor_axes(mounting, joints(ways[-0.012][k], t_s - 0.012), np.array([0, 0, -1.0]))
        ahead, x, y = axes.T @ ways[-0.012][k]
        x, y = np.array([x, y]) / ahead + rng.normal(0, noise_rad, 2)
        seen = {"x_rad": x if tracked else 2e-3, "y_rad": y, "found": 1, "confirmed": 1}
        if k % 40 == 0:
            seen = {"found": 0, "confirmed": 1}
        add("camera", k // 2, {"t_ns": t_ns}, {"frame_t_ns": t_ns - 12_000_000, **seen})
    for name, blocks in packed.items():
        recorder.write_ticks(name, blocks)
    recorder.close()
