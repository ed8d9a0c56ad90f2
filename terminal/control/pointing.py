"""From a navigation fix to where the gimbal should look: prediction, rates, point-ahead, frame.

Frames: ENU and NED at the terminal; body (x forward, y right, z down); gimbal base, the body turned
by the surveyed mounting. The boresight at joint angles (yaw, pitch) is, in the gimbal base,
(cos p cos y, cos p sin y, -sin p); `right` and `up` are the directions in which it moves with yaw
and pitch, so x (cross-elevation) is along `right` and y (elevation) along `up`.
"""

import math
from contextlib import suppress
from typing import NamedTuple

from config.mission import Mission, SatellitePartner
from config.terminal import TerminalConfig
from terminal.control.coarse import SMALLEST_COS_PITCH
from terminal.geometry.earth import (
    curvature_radii_m,
    ecef_from_enu,
    ecef_from_geodetic,
    enu_basis,
    enu_from_ecef,
)
from terminal.geometry.ephemeris import Ephemeris, SatelliteEphemeris, TrackEphemeris
from terminal.geometry.light_time import PointingSolution, azimuth_elevation, solve
from terminal.geometry.polarization_frame import frame_angle_rad, orbit_normal_ecef, vertical_ecef
from terminal.geometry.quaternion import (
    Quaternion,
    conjugate,
    from_rotation_vector,
    multiply,
    rotate,
)
from terminal.geometry.tle import parse_tle
from terminal.geometry.vector import Vec, dot, scale, subtract
from terminal.messages import PointingCommand, PointingSample

POSITION_TIME_CONSTANT_S = 20.0
"""Fixes correct the dead-reckoned position this slowly: the clock needs a smooth light time, and
a decimetre of position noise is 0.3 ns."""

POSITION_RESET_M = 100.0
"""A fix further than this from the dead-reckoned position starts the filter anew."""

LONGEST_RECKONING_S = 60.0
"""A fix further than this from now, before or after, says nothing of where the terminal is."""

RATE_SPAN_NS = 50_000_000
"""Apparent rates are a difference over this span: up to 3 urad/s of error at LEO accelerations."""


class PointingState(NamedTuple):
    """Smoothed position (rad, rad, m) at a time, and the fix last used."""

    t_ns: int = 0
    fix_t_ns: int = 0
    latitude_rad: float = 0.0
    longitude_rad: float = 0.0
    altitude_m: float = 0.0
    frame_angle_rad: float = 0.0


class Axes(NamedTuple):
    """Joint angles and the three directions that belong to them, in the gimbal base frame."""

    yaw_rad: float
    pitch_rad: float
    right: Vec
    up: Vec


def axes_toward(los_gimbal: Vec) -> Axes:
    """Joint angles that look along a unit vector in the gimbal base frame, and right and up."""
    x, y, z = los_gimbal
    yaw, pitch = math.atan2(y, x), math.atan2(-z, math.hypot(x, y))
    cy, sy, cp, sp = math.cos(yaw), math.sin(yaw), math.cos(pitch), math.sin(pitch)
    return Axes(yaw, pitch, (-sy, cy, 0.0), (-sp * cy, -sp * sy, -cp))


def make_ephemeris(mission: Mission, start_tai_ns: int) -> Ephemeris:
    """The partner's predicted motion. Raises TleError for bad elements."""
    if isinstance(mission.partner, SatellitePartner):
        return SatelliteEphemeris(
            parse_tle(*mission.partner.tle),
            mission.earth.ut1_minus_utc_s,
            mission.partner.useful_days,
        )
    return TrackEphemeris(mission.partner.track, start_tai_ns)


def _ned_from_enu(v: Vec) -> Vec:
    return v[1], v[0], -v[2]


class Predictor:
    """What `step` needs besides state and sample: the ephemeris and the surveyed mounting."""

    def __init__(self, mission: Mission, config: TerminalConfig, start_tai_ns: int) -> None:
        self._ephemeris = make_ephemeris(mission, start_tai_ns)
        self._q_gimbal_from_body = conjugate(
            from_rotation_vector(config.mounting.rotation_vector_rad)
        )
        self._reference = mission.partner.reference_axis

    def _follow(self, state: PointingState, s: PointingSample, dt_s: float) -> PointingState:
        """Dead reckoning by velocity, slowly corrected by fixes."""
        m_radius, n_radius = curvature_radii_m(s.latitude_rad)
        north = m_radius + s.altitude_m
        east = (n_radius + s.altitude_m) * math.cos(s.latitude_rad)
        ahead_s = (s.t_ns - s.fix_t_ns) * 1e-9
        latitude = s.latitude_rad + s.velocity_north_m_s * ahead_s / north
        longitude = s.longitude_rad + s.velocity_east_m_s * ahead_s / east
        altitude = s.altitude_m - s.velocity_down_m_s * ahead_s
        if state.t_ns:
            lat = state.latitude_rad + s.velocity_north_m_s * dt_s / north
            lon = state.longitude_rad + s.velocity_east_m_s * dt_s / east
            alt = state.altitude_m - s.velocity_down_m_s * dt_s
            off_m = math.hypot((latitude - lat) * north, (longitude - lon) * east, altitude - alt)
            if off_m < POSITION_RESET_M:
                weight = min(1.0, dt_s / POSITION_TIME_CONSTANT_S)
                latitude = lat + weight * (latitude - lat)
                longitude = lon + weight * (longitude - lon)
                altitude = alt + weight * (altitude - alt)
        return PointingState(
            s.t_ns, s.fix_t_ns, latitude, longitude, altitude, state.frame_angle_rad
        )

    def _solve(self, t_ns: int, state: PointingState, velocity_enu: Vec) -> PointingSolution:
        basis = enu_basis(state.latitude_rad, state.longitude_rad)
        position = ecef_from_geodetic(state.latitude_rad, state.longitude_rad, state.altitude_m)
        velocity = ecef_from_enu(basis, velocity_enu)
        ahead_s = (t_ns - state.t_ns) * 1e-9
        x, y, z = position
        position = (x + velocity[0] * ahead_s, y + velocity[1] * ahead_s, z + velocity[2] * ahead_s)
        return solve(
            t_ns, position, velocity, state.latitude_rad, state.longitude_rad, self._ephemeris
        )

    def step(
        self, state: PointingState, s: PointingSample, dt_s: float
    ) -> tuple[PointingState, PointingCommand]:
        """Prediction at the sample's time; not valid without a fix of the last minute.

        Raises EphemerisError outside the ephemeris' days.
        """
        if not s.fix_t_ns:
            return state, PointingCommand()
        fix_age_s = (s.t_ns - s.fix_t_ns) * 1e-9
        if abs(fix_age_s) > LONGEST_RECKONING_S:
            # The filter starts anew with the next good fix.
            lost = PointingState(frame_angle_rad=state.frame_angle_rad)
            return lost, PointingCommand(fix_age_s=fix_age_s)
        state = self._follow(state, s, dt_s)
        velocity_enu = (s.velocity_east_m_s, s.velocity_north_m_s, -s.velocity_down_m_s)
        now = self._solve(s.t_ns, state, velocity_enu)
        later = self._solve(s.t_ns + RATE_SPAN_NS, state, velocity_enu)

        q: Quaternion = (
            s.q_ned_from_body_w,
            s.q_ned_from_body_x,
            s.q_ned_from_body_y,
            s.q_ned_from_body_z,
        )
        to_gimbal = multiply(self._q_gimbal_from_body, conjugate(q))

        def gimbal(vector_enu: Vec) -> Vec:
            return rotate(to_gimbal, _ned_from_enu(vector_enu))

        axes = axes_toward(gimbal(now.los_enu))
        motion = gimbal(subtract(later.los_enu, now.los_enu))
        motion = scale(1e9 / RATE_SPAN_NS, motion)
        ahead = gimbal(subtract(now.launch_enu, now.los_enu))

        basis = enu_basis(state.latitude_rad, state.longitude_rad)
        partner = self._ephemeris.state_ecef(s.t_ns)
        reference = (
            orbit_normal_ecef(*partner)
            if self._reference == "orbit_normal"
            else vertical_ecef(partner[0])
        )
        # A reference axis along the line of sight leaves no angle: the last one stands.
        with suppress(ValueError):
            angle = frame_angle_rad(
                gimbal(now.los_enu), gimbal(enu_from_ecef(basis, reference)), axes.up
            )
            state = state._replace(frame_angle_rad=angle)
        azimuth, elevation = azimuth_elevation(now.los_enu)
        cos_pitch = max(math.cos(axes.pitch_rad), SMALLEST_COS_PITCH)
        return state, PointingCommand(
            valid=1,
            fix_age_s=fix_age_s,
            target_yaw_rad=axes.yaw_rad,
            target_pitch_rad=axes.pitch_rad,
            yaw_rate_rad_s=dot(motion, axes.right) / cos_pitch,
            pitch_rate_rad_s=dot(motion, axes.up),
            azimuth_rad=azimuth,
            elevation_rad=elevation,
            range_m=now.range_m,
            range_rate_m_s=now.range_rate_m_s,
            light_time_s=now.light_time_s,
            doppler=now.doppler,
            point_ahead_x_rad=dot(ahead, axes.right),
            point_ahead_y_rad=dot(ahead, axes.up),
            frame_angle_rad=state.frame_angle_rad,
        )
