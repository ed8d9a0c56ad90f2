"""From navigation fixes to the partner's direction in the gimbal's base, its motion, its light.

Frames: ENU and NED at the terminal; body (x forward, y right, z down); gimbal base, the body turned
by the mounting. The gimbal's centre lies beside the navigation unit by the lever arm.
"""

from contextlib import suppress
from math import cos, hypot, pi, prod, radians, remainder, sqrt
from typing import NamedTuple

from config.mission import Mission, SatellitePartner
from config.terminal import TerminalConfig
from terminal.control import navigation
from terminal.control.mounting.along_pass import SigmaAlong
from terminal.control.navigation import NavigationEvent, NavigationState, Solution
from terminal.control.partner_errors import partner_errors
from terminal.geometry.body import Fix, arm_enu, enu_from_ned, q_ecef_from_ned
from terminal.geometry.earth import (
    curvature_radii_m,
    ecef_from_enu,
    ecef_from_geodetic,
    enu_basis,
    geodetic_from_ecef,
    inertial_velocity,
)
from terminal.geometry.ephemeris import Ephemeris, EphemerisError
from terminal.geometry.lift import Lift, lifted
from terminal.geometry.light_time import PointingSolution, azimuth_elevation, solve
from terminal.geometry.polarization_frame import orbit_normal_ecef, vertical_ecef
from terminal.geometry.quaternion import (
    conjugate,
    from_rotation_vector,
    multiply,
    rotate,
)
from terminal.geometry.vector import Vec, add, norm, scale, subtract
from terminal.pointing_messages import PointingCommand, PointingSample

POSITION_TIME_CONSTANT_S = 20.0
"""Fixes correct the dead-reckoned position this slowly: the clock needs a smooth light time, and
a decimetre of position noise is 0.3 ns."""

POSITION_RESET_M = 100.0
"""A fix further than this from the dead-reckoned position starts the filter anew."""

LONGEST_RECKONING_S = 60.0
"""A fix further than this from now, before or after, says nothing of where the terminal is."""

RATE_SPAN_NS = 50_000_000
"""Apparent rates are a difference over this span: up to 3 urad/s of error at LEO accelerations."""


class Place(NamedTuple):
    """The smoothed position of the navigation unit (rad, rad, m) at a time."""

    t_ns: int
    latitude_rad: float
    longitude_rad: float
    altitude_m: float
    off_m: float = 0.0
    """From the last fix: what the filter has still to make up for."""


class PointingState(NamedTuple):
    """What the past fixes have left."""

    navigation: NavigationState = NavigationState()
    place: Place | None = None


def fix_of(sample: PointingSample) -> Fix | None:
    """The fix that a sample carries, if any."""
    s = sample
    if not s.fix_t_ns:
        return None
    return Fix(
        s.fix_t_ns,
        s.latitude_rad,
        s.longitude_rad,
        s.altitude_m,
        (s.velocity_north_m_s, s.velocity_east_m_s, s.velocity_down_m_s),
        (s.q_ned_from_body_w, s.q_ned_from_body_x, s.q_ned_from_body_y, s.q_ned_from_body_z),
        s.attitude_sigma_rad,
        s.position_sigma_m,
    )


def follow(place: Place | None, fix: Fix, t_ns: int) -> tuple[Place, bool]:
    """Dead reckoning by the fix's velocity, slowly corrected toward it; and whether the position
    was taken anew from the fix, so that the light time steps. None: at the first fix."""
    north_m_s, east_m_s, down_m_s = fix.velocity_ned_m_s
    meridian_m, prime_vertical_m = curvature_radii_m(fix.latitude_rad)
    north_m = meridian_m + fix.altitude_m
    # At the very pole longitudes mean nothing, but they must not divide by zero.
    east_m = max(1.0, (prime_vertical_m + fix.altitude_m) * cos(fix.latitude_rad))
    ahead_s = (t_ns - fix.t_ns) * 1e-9
    latitude = fix.latitude_rad + north_m_s * ahead_s / north_m
    longitude = fix.longitude_rad + east_m_s * ahead_s / east_m
    altitude = fix.altitude_m - down_m_s * ahead_s
    if place is None:
        return Place(t_ns, latitude, longitude, altitude), False
    dt_s = (t_ns - place.t_ns) * 1e-9
    lat = place.latitude_rad + north_m_s * dt_s / north_m
    lon = place.longitude_rad + east_m_s * dt_s / east_m
    alt = place.altitude_m - down_m_s * dt_s
    # The short way round, also over the date line.
    off_east_rad = remainder(longitude - lon, 2.0 * pi)
    off_m = hypot((latitude - lat) * north_m, off_east_rad * east_m, altitude - alt)
    if off_m >= POSITION_RESET_M:
        return Place(t_ns, latitude, longitude, altitude), True
    weight = max(0.0, min(1.0, dt_s / POSITION_TIME_CONSTANT_S))
    return (
        Place(
            t_ns,
            lat + weight * (latitude - lat),
            remainder(lon + weight * off_east_rad, 2.0 * pi),
            alt + weight * (altitude - alt),
            off_m,
        ),
        False,
    )


class Predictor:
    """What `step` needs besides state and sample: ephemeris, mounting, air, and their errors."""

    def __init__(
        self,
        mission: Mission,
        config: TerminalConfig,
        start_tai_ns: int,
        ephemeris: Ephemeris,
        mounting_sigma: SigmaAlong,
    ) -> None:
        """ephemeris: the partner's. mounting_sigma: 1-sigma per axis of where the gimbal looks.

        Raises EphemerisError or RefractionError if refraction is asked for where it isn't known.
        """
        self._ephemeris = ephemeris
        self._q_gimbal_from_body = conjugate(
            from_rotation_vector(config.mounting.rotation_vector_rad)
        )
        self._arm_body_m = config.mounting.lever_arm_m
        self._partner = mission.partner
        self._errors = partner_errors(mission)
        self._mounting_sigma = mounting_sigma
        self._timing_sigma_s = config.acquisition.timing_sigma_s
        self._max_age_s = config.safety.navigation_max_age_s
        self._lifts: tuple[Lift, Lift, Lift] | None = None
        """Of the partner's beacon, of the signal, and of what we send: the signal in an uplink,
        else our own beacon."""
        if mission.refraction:
            track, partner = mission.track, self._ephemeris.state_ecef(start_tai_ns)[0]
            radius_m = sqrt(prod(curvature_radii_m(radians(track.latitude_deg))))
            beacon, signal = (
                Lift(track.altitude_m, radius_m, geodetic_from_ecef(partner).altitude_m, length)
                for length in (config.optics.beacon_wavelength_m, mission.source.wavelength_m)
            )
            self._lifts = beacon, signal, signal if mission.direction == "uplink" else beacon

    def step(
        self, state: PointingState, sample: PointingSample, dt_s: float
    ) -> tuple[PointingState, PointingCommand]:
        """Prediction at the sample's time; not valid without a good fix that is young enough, nor
        where the ephemeris has no place of the partner."""
        t_ns = sample.t_ns
        judged, events = navigation.step(state.navigation, fix_of(sample), t_ns, self._max_age_s)
        state = state._replace(navigation=judged)
        body = navigation.solution(judged, t_ns)
        if body is None:
            return state, PointingCommand(events=int(events))
        if abs(body.age_s) > LONGEST_RECKONING_S:
            return state, PointingCommand(events=int(events), fix_age_s=body.age_s)
        place, stepped = follow(state.place, body.fix, t_ns)
        if stepped:
            events |= NavigationEvent.LIGHT_TIME_STEP
        try:
            command = self._predict(t_ns, place, body)
        except EphemerisError:
            # With the age of no fix at all: whoever guards the shutter takes it for silence.
            events |= NavigationEvent.NO_EPHEMERIS
            return state._replace(place=place), PointingCommand(events=int(events))
        valid = abs(body.age_s) <= self._max_age_s
        return state._replace(place=place), command._replace(valid=int(valid), events=int(events))

    def _predict(self, t_ns: int, place: Place, body: Solution) -> PointingCommand:
        latitude, longitude = place.latitude_rad, place.longitude_rad
        basis = enu_basis(latitude, longitude)
        arm, arm_velocity = arm_enu(self._arm_body_m, body.q_ned_from_body, body.rate_body_rad_s)
        velocity_enu = add(enu_from_ned(body.fix.velocity_ned_m_s), arm_velocity)
        velocity = ecef_from_enu(basis, velocity_enu)
        position = add(
            ecef_from_geodetic(latitude, longitude, place.altitude_m), ecef_from_enu(basis, arm)
        )
        moved = add(position, scale(RATE_SPAN_NS * 1e-9, velocity))
        now = solve(t_ns, position, velocity, latitude, longitude, self._ephemeris)
        later = solve(t_ns + RATE_SPAN_NS, moved, velocity, latitude, longitude, self._ephemeris)
        los_enu, launch_enu, signal_offset_rad = self._seen(now)
        motion_enu = scale(1e9 / RATE_SPAN_NS, subtract(self._seen(later)[0], los_enu))

        q_gimbal_from_ned = multiply(self._q_gimbal_from_body, conjugate(body.q_ned_from_body))
        q_gimbal_from_ecef = multiply(
            q_gimbal_from_ned, conjugate(q_ecef_from_ned(latitude, longitude))
        )

        def gimbal(vector_enu: Vec) -> Vec:
            # ENU and NED change into each other in the same way.
            return rotate(q_gimbal_from_ned, enu_from_ned(vector_enu))

        partner = self._ephemeris.state_ecef(t_ns)
        sigma_rad, along_sigma_s = self._sigmas(t_ns, partner, now.range_m, place, body)
        azimuth, elevation = azimuth_elevation(los_enu)
        return PointingCommand(
            0,
            0,
            body.age_s,
            *gimbal(los_enu),
            *gimbal(motion_enu),
            *gimbal(subtract(launch_enu, los_enu)),
            *rotate(q_gimbal_from_ecef, self._reference_ecef(*partner)),
            *q_gimbal_from_ecef,
            sigma_rad,
            along_sigma_s,
            azimuth,
            elevation,
            now.range_m,
            now.range_rate_m_s,
            now.light_time_s,
            now.doppler,
            signal_offset_rad,
        )

    def _seen(self, solution: PointingSolution) -> tuple[Vec, Vec, float]:
        """(los_enu, launch_enu, signal_offset_rad) through the air, which bends each light's way
        by its colour."""
        if self._lifts is None:
            return solution.los_enu, solution.launch_enu, 0.0
        beacon, signal, sent = self._lifts
        elevation = azimuth_elevation(solution.los_enu)[1]
        leaves = azimuth_elevation(solution.launch_enu)[1]
        lift_rad = beacon.rad(elevation)
        return (
            lifted(solution.los_enu, lift_rad),
            lifted(solution.launch_enu, sent.rad(leaves)),
            signal.rad(elevation) - lift_rad,
        )

    def _reference_ecef(self, position: Vec, velocity: Vec) -> Vec:
        """The sender's H axis; the null vector where it has none."""
        if self._partner.reference_axis == "vertical":
            return vertical_ecef(position)
        with suppress(ValueError):
            return orbit_normal_ecef(position, velocity)
        return 0.0, 0.0, 0.0

    def _sigmas(
        self, t_ns: int, partner: tuple[Vec, Vec], range_m: float, place: Place, body: Solution
    ) -> tuple[float, float]:
        """(sigma_rad, along_sigma_s), 1-sigma: per axis on the sky, and along the path as time."""
        errors, along_s = self._errors, 0.0
        if isinstance(self._partner, SatellitePartner):
            along_s = errors.along_at_m(t_ns) / norm(inertial_velocity(*partner))
        own_m = hypot(body.position_sigma_m, place.off_m)
        return (
            hypot(
                body.attitude_sigma_rad,
                self._mounting_sigma.at_rad(t_ns),
                errors.beside_m / range_m,
                own_m / range_m,
            ),
            hypot(along_s, self._timing_sigma_s),
        )
