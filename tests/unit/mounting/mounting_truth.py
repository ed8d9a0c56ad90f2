"""A gimbal with a crooked mounting, by rotation matrices, and passes seen through it."""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from terminal.control.mounting.model import MountingModel, MountingParameters
from terminal.control.mounting.sightings import Sighting, SightingNoise
from terminal.geometry.gimbal_frame import Joints
from terminal.geometry.vector import Vec

Array = NDArray[np.float64]


def vec(v: Array) -> Vec:
    return float(v[0]), float(v[1]), float(v[2])


def sensor_axes(p: MountingParameters, joints: Joints, up_base: Array) -> Array:
    """(3, 3) with columns boresight, right, up of the sensor in the surveyed base."""
    angles = [
        joints.yaw_rad * (1 + p.yaw_scale),
        joints.roll_rad + p.non_orthogonality_rad,
        joints.pitch_rad * (1 + p.pitch_scale) + p.pitch_index_rad,
        p.collimation_rad,
    ]
    base = Rotation.from_rotvec(p[:3])
    payload = (
        Rotation.from_euler("Z", angles[0])
        * Rotation.from_euler("X", angles[1])
        * Rotation.from_euler("Y", angles[2])
        * Rotation.from_euler("Z", angles[3])
    )
    # Forward, right, down of the payload are its x, y, z.
    axes = (base * payload).as_matrix() @ np.diag([1.0, 1.0, -1.0])
    boresight = axes[:, 0]
    zenith_rad = np.arccos(np.clip(boresight @ up_base, -1, 1))
    axis = np.cross(up_base, boresight)
    axis /= np.linalg.norm(axis)
    sag = Rotation.from_rotvec(axis * p.flexure_rad * np.sin(zenith_rad))
    return np.asarray(sag.as_matrix() @ axes)


def pass_directions(
    seconds: Array, culmination_rad: float, heading_rad: float, half_s: float = 120.0
) -> Array:
    """(n, 3) directions (x forward, y right, z down of a level base) to a partner that flies
    straight at constant speed and height; culmination in the middle, 20 degrees at `half_s`."""
    side, height = np.cos(culmination_rad), np.sin(culmination_rad)
    reach = np.sqrt((height / np.sin(np.radians(20.0))) ** 2 - 1.0)
    along = reach * seconds / half_s
    c, s = np.cos(heading_rad), np.sin(heading_rad)
    ways = np.stack([c * along - s * side, s * along + c * side, -np.full(len(along), height)], 1)
    return np.asarray(ways / np.linalg.norm(ways, axis=1, keepdims=True))


def wander(rng: np.random.Generator, seconds: Array, noise: SightingNoise) -> Array:
    """(n, 3) stationary first-order Gauss-Markov attitude error."""
    out = np.empty((len(seconds), 3))
    out[0] = rng.normal(0, noise.attitude_rad, 3)
    for i in range(1, len(seconds)):
        keep = np.exp(-(seconds[i] - seconds[i - 1]) / noise.attitude_time_s)
        out[i] = keep * out[i - 1] + rng.normal(0, noise.attitude_rad * np.sqrt(1 - keep**2), 3)
    return out


def sightings(
    rng: np.random.Generator,
    p: MountingParameters,
    noise: SightingNoise,
    n: int = 60,
    culmination_rad: float = 1.1,
    heading_rad: float = 0.4,
) -> list[Sighting]:
    """One pass held on the beacon, with all the errors that `noise` states."""
    seconds = np.linspace(-118.0, 118.0, n)
    late_s = rng.normal(0, noise.along_s) if noise.along_s else 0.0
    true = pass_directions(seconds, culmination_rad, heading_rad)
    predicted = pass_directions(seconds + late_s, culmination_rad, heading_rad)
    rates = (pass_directions(seconds + 0.5, culmination_rad, heading_rad)) - (
        pass_directions(seconds - 0.5, culmination_rad, heading_rad)
    )
    attitude = wander(rng, seconds, noise)
    model, joints, out = MountingModel(p), Joints(0.0, 0.0), []
    for i, t_s in enumerate(seconds):
        # The carrier sways, so that the vertical moves in the base.
        sway = Rotation.from_rotvec(rng.normal(0, 0.03, 3))
        up = sway.apply([0.0, 0.0, -1.0])
        direction, los, rate = (sway.apply(v) for v in (true[i], predicted[i], rates[i]))
        held = model.correct(vec(direction), joints, vec(up))
        yaw, pitch = np.array(held[:2]) + rng.normal(0, 3e-4, 2)
        joints = Joints(float(yaw), float(pitch))
        ahead, x, y = sensor_axes(p, joints, up).T @ direction
        x, y = np.array([x, y]) / ahead + rng.normal(0, noise.image_rad, 2)
        los = Rotation.from_rotvec(attitude[i]).apply(los)
        out.append(Sighting(t_s, joints, float(x), float(y), vec(los), vec(rate), vec(up)))
    return out


def draw(rng: np.random.Generator, sigma: MountingParameters) -> MountingParameters:
    return MountingParameters(*rng.normal(0, sigma).tolist())
