"""From camera frames to a confirmed beacon, and how to take the next frame.

Spots of the right shape become tracks, and the one that stands still against the prediction is the
beacon. x is cross-elevation (right, looking out), y is elevation (up), in the image.
"""

from collections.abc import Sequence
from math import hypot
from typing import NamedTuple

from config.terminal import TerminalConfig
from terminal.control.image import readout
from terminal.control.image.centroid import Spot, find_spots
from terminal.control.image.exposure import ExposureLimits, next_exposure_us
from terminal.control.image.readout import CameraGeometry, Window
from terminal.control.image.spots import has_beacon_shape
from terminal.control.image.star_motion import Nature
from terminal.control.image.tracks import (
    MAX_TRACKS,
    MISSED,
    Candidate,
    Track,
    advance,
    disproved,
    gate_rad,
)
from terminal.geometry.gimbal_frame import ImageAxes, Joints, image_axes
from terminal.geometry.vector import Vec, add, dot, scale, subtract, unit
from terminal.messages import CameraCommand, CameraSample
from terminal.mode import Mode

CAMERA_MAX_AGE_S = 0.2
"""A beacon position older than this is no measurement any more."""

SEARCHING = frozenset({Mode.ACQUIRE, Mode.TRACK, Mode.LINK, Mode.LOST})
"""Modes in which the partner may shine."""

TRUSTED_HITS = 2
"""Seen so often, a spot is worth an exposure of its own: a glint of one frame is not."""

SMALLEST_DEPTH = 0.1
"""Directions more than 84 degrees off the boresight are in no image."""

WINDOW_LATENCY_FRAMES = 2
"""From a frame to the first that its command can change, with one to spare."""


def camera_geometry(config: TerminalConfig) -> CameraGeometry:
    """Raises KeyError naming the option if the camera's options lack one."""
    options = config.devices["camera"].options
    return CameraGeometry(
        int(options["columns"]),  # type: ignore[arg-type]
        int(options["rows"]),  # type: ignore[arg-type]
        float(options["pixel_rad"]),  # type: ignore[arg-type]
    )


class BeaconState(NamedTuple):
    """What the spots so far may be, where the prediction stood in the image, and the answer."""

    tracks: tuple[Track, ...] = ()
    predicted_x_rad: float = 0.0
    predicted_y_rad: float = 0.0
    last: CameraCommand = CameraCommand()
    false_locks: int = 0
    """Those that are known here."""


def step(
    config: TerminalConfig, camera: CameraGeometry, state: BeaconState, s: CameraSample, dt_s: float
) -> tuple[BeaconState, CameraCommand]:
    """One tick of the camera loop; without a new frame the last answer stands, until it is old."""
    if s.frame_seq < 0:
        # A stamp from the future would keep the last answer alive as long as one from the past.
        if abs(s.t_ns - state.last.frame_t_ns) * 1e-9 > CAMERA_MAX_AGE_S:
            state = BeaconState(
                tracks=tuple(track for track in state.tracks if track.false),
                last=CameraCommand(frame_t_ns=state.last.frame_t_ns, false_locks=state.false_locks),
                false_locks=state.false_locks,
            )
        return state, state.last._replace(window_columns=0, window_rows=0, exposure_us=0)
    searching = s.mode in SEARCHING
    spots = _spots(config, s) if searching else []
    axes = image_axes(Joints(s.yaw_rad, s.pitch_rad, s.roll_rad))
    los = s.los_x, s.los_y, s.los_z
    places = [_image_place(camera, s, spot) for spot in spots]
    candidates = [
        Candidate(subtract(_direction(axes, *place), los), _power(s, spot))
        for place, spot in zip(places, spots, strict=True)
    ]
    before = state.tracks if searching else ()
    if s.false_locks != state.false_locks:
        before = disproved(before, s.frame_t_ns)
    los_rate = s.los_rate_x, s.los_rate_y, s.los_rate_z
    # In LINK the quad cell has borne it out; until then other spots are kept in sight as well.
    alone = s.mode == Mode.LINK
    tracks = advance(config.acquisition, before, candidates, los_rate, s.frame_t_ns, alone=alone)
    track = _best(tracks)
    seen = track.candidate if track else MISSED
    spot = spots[seen] if seen != MISSED else None
    x_rad, y_rad = places[seen] if seen != MISSED else (0.0, 0.0)
    command = CameraCommand(
        frame_t_ns=s.frame_t_ns,
        found=spot is not None,
        confirmed=track is not None and track.confirmed,
        x_rad=x_rad,
        y_rad=y_rad,
        sigma_rad=spot.sigma_pixels * camera.pixel_rad if spot else 0.0,
        flux_counts=spot.flux_counts if spot else 0.0,
        saturated=spot is not None and spot.saturated,
        candidates=len(spots),
        exposure_us=_exposure_us(config, camera, s, track, spot),
        false_locks=s.false_locks,
    )
    predicted_x, predicted_y = _in_image(axes, los)
    if alone and track and track.confirmed:
        moved = predicted_x - state.predicted_x_rad, predicted_y - state.predicted_y_rad
        window = _window_around(config, camera, s, axes, track, hypot(*moved))
    else:
        window = _window_of_search(camera, s)
    if window is not None:
        command = command._replace(
            window_left=window.left,
            window_top=window.top,
            window_columns=window.columns,
            window_rows=window.rows,
        )
    return BeaconState(tracks, predicted_x, predicted_y, command, s.false_locks), command


def _spots(config: TerminalConfig, s: CameraSample) -> list[Spot]:
    """Those that the optics can have made, brightest first."""
    found = find_spots(s.pixels.reshape(-1, s.columns), config.acquisition.threshold_sigma)
    psf_sigma_pixels = config.acquisition.beacon.psf_sigma_pixels
    spots = [spot for spot in found if has_beacon_shape(spot, psf_sigma_pixels)]
    return sorted(spots, key=lambda spot: -spot.flux_counts)[:MAX_TRACKS]


def _image_place(camera: CameraGeometry, s: CameraSample, spot: Spot) -> tuple[float, float]:
    """(x, y) of a spot relative to the boresight, rad."""
    return (
        (s.left + spot.column - (camera.columns - 1) / 2) * camera.pixel_rad,
        -(s.top + spot.row - (camera.rows - 1) / 2) * camera.pixel_rad,
    )


def _direction(axes: ImageAxes, x_rad: float, y_rad: float) -> Vec:
    """Unit vector, in the axes of the gimbal's base, of a place in the image."""
    aside = add(scale(x_rad, axes.right), scale(y_rad, axes.up))
    return unit(add(axes.boresight, aside))


def _in_image(axes: ImageAxes, direction: Vec) -> tuple[float, float]:
    """(x, y) of a direction relative to the boresight; far outside where it lies behind."""
    depth = max(dot(direction, axes.boresight), SMALLEST_DEPTH)
    return dot(direction, axes.right) / depth, dot(direction, axes.up) / depth


def _power(s: CameraSample, spot: Spot) -> float:
    """Counts per microsecond; 0: not known."""
    return spot.flux_counts / s.exposure_us if s.exposure_us and not spot.saturated else 0.0


def _best(tracks: Sequence[Track]) -> Track | None:
    """The confirmed one, or else the one most often seen among those in the newest frame."""
    for track in tracks:
        if track.false or track.nature is Nature.STAR:
            continue
        if track.confirmed or track.candidate != MISSED:
            return track
    return None


def _exposure_us(
    config: TerminalConfig,
    camera: CameraGeometry,
    s: CameraSample,
    track: Track | None,
    spot: Spot | None,
) -> int:
    """What to ask for; 0: the exposure of this frame will do."""
    beacon = config.acquisition.beacon
    confirmed = track is not None and track.confirmed
    # A camera that does not say how long it exposes can't be told either.
    if s.exposure_us <= 0 or (confirmed and spot is None):
        return 0
    longest_s = beacon.max_exposure_s
    if not confirmed:
        smear_rad = beacon.max_smear_pixels * camera.pixel_rad
        longest_s = min(longest_s, smear_rad / config.acquisition.speed_rad_s)
    limits = ExposureLimits(
        *(round(s * 1e6) for s in (beacon.search_exposure_s, beacon.min_exposure_s, longest_s))
    )
    trusted = track is not None and track.hits >= TRUSTED_HITS
    wanted = next_exposure_us(limits, s.exposure_us, spot if trusted else None)
    return 0 if wanted == s.exposure_us else wanted


def _window_around(
    config: TerminalConfig,
    camera: CameraGeometry,
    s: CameraSample,
    axes: ImageAxes,
    track: Track,
    moved_rad: float,
) -> Window | None:
    """Where the beacon may be in the frames to come; twice as wide with each frame without it."""
    place = add(track.place, (s.los_x, s.los_y, s.los_z))
    half = gate_rad(config.acquisition, track, s.frame_t_ns) + WINDOW_LATENCY_FRAMES * moved_rad
    return readout.next_window(camera, _read(s), *_in_image(axes, place), half * 2**track.misses)


def _window_of_search(camera: CameraGeometry, s: CameraSample) -> Window | None:
    return None if _read(s) == readout.whole(camera) else readout.whole(camera)


def _read(s: CameraSample) -> Window:
    """The window of this frame."""
    return Window(s.left, s.top, s.columns, len(s.pixels) // s.columns)
