"""The partner's true path, by another route than the terminal's estimate.

A satellite's state is taken once from its elements at the start, disturbed by the ephemeris error,
and from there integrated numerically in the Earth-fixed rotating frame with the field's zonal
terms J2 to J4 (EGM96) and the Coriolis and centrifugal accelerations. The terminal evaluates SGP4
at each instant instead.
"""

import math
from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import solve_ivp
from sgp4.api import WGS72, Satrec

from config.mission import Mission, SatellitePartner
from config.world import PartnerTruth
from sim_devices.track import TruePath
from terminal.mission_ephemeris import partner_ephemeris

Array = NDArray[np.float64]

GM_M3_S2 = 3.986004418e14
EARTH_RADIUS_M = 6378136.3
J2, J3, J4 = 1.0826267e-3, -2.5327e-6, -1.6196e-6
OMEGA_RAD_S = 7.292115e-5


class PartnerPath(Protocol):
    """Where the partner truly is."""

    def position_ecef_m(self, t_s: Array) -> Array:
        """(n, 3) at seconds since the start of the window."""

    def velocity_ecef_m_s(self, t_s: Array) -> Array:
        """(n, 3), relative to the rotating Earth."""


def earth_rotation_angle_gmst_rad(ut1_julian_days: float, tt_julian_days: float) -> float:
    """GMST: Earth rotation angle plus precession in right ascension (IAU 2006; Capitaine 2003)."""
    d = ut1_julian_days - 2451545.0
    era = 2.0 * math.pi * (0.7790572732640 + 1.00273781191135448 * d)
    t = (tt_julian_days - 2451545.0) / 36525.0
    seconds_of_arc = 0.014506 + t * (4612.156534 + t * (1.3915817 + t * -0.00000044))
    return (era + math.radians(seconds_of_arc / 3600.0)) % (2.0 * math.pi)


def _acceleration(state: Array) -> Array:
    """d/dt of (position, velocity) in the rotating frame."""
    x, y, z, vx, vy, vz = state
    r2 = x * x + y * y + z * z
    r = math.sqrt(r2)
    q = EARTH_RADIUS_M / r
    s = z / r
    common = -GM_M3_S2 / (r2 * r)
    # Gradient of the zonal potential (Montenbruck & Gill 2000, section 3.2, in closed form).
    j2 = 1.5 * J2 * q * q
    j3 = 2.5 * J3 * q**3
    j4 = 0.625 * J4 * q**4
    horizontal = (
        1 + j2 * (1 - 5 * s * s) + j3 * s * (3 - 7 * s * s) - j4 * (3 - 42 * s * s + 63 * s**4)
    )
    vertical = 1 + j2 * (3 - 5 * s * s) - j4 * (15 - 70 * s * s + 63 * s**4)
    # The J3 term of the vertical component stays finite at the equator: written apart.
    az = common * (z * vertical + r * j3 * (6 * s * s - 7 * s**4 - 0.6))
    w = OMEGA_RAD_S
    return np.array(
        [
            vx,
            vy,
            vz,
            common * x * horizontal + 2 * w * vy + w * w * x,
            common * y * horizontal - 2 * w * vx + w * w * y,
            az,
        ]
    )


def state_of_elements(
    tle: tuple[str, str], utc_jd: tuple[float, float], ut1_minus_utc_s: float
) -> tuple[Array, Array]:
    """Earth-fixed position (m) and velocity (m/s) at a UTC Julian date (day, fraction).

    Raises ValueError if the elements give no position then.
    """
    jd, fraction = utc_jd
    error, position_km, velocity_km_s = Satrec.twoline2rv(*tle, WGS72).sgp4(jd, fraction)
    if error:
        raise ValueError(f"elements give no position at the start of the window (code {error})")
    ut1 = jd + fraction + ut1_minus_utc_s / 86400.0
    gmst = earth_rotation_angle_gmst_rad(ut1, jd + fraction + 69.0 / 86400.0)
    c, s = math.cos(gmst), math.sin(gmst)
    to_earth_fixed = np.array([[c, s, 0], [-s, c, 0], [0, 0, 1.0]])
    r = to_earth_fixed @ (np.array(position_km) * 1e3)
    v_inertial = to_earth_fixed @ (np.array(velocity_km_s) * 1e3)
    return r, v_inertial - np.cross([0, 0, OMEGA_RAD_S], r)


def shifted(r: Array, v: Array, error_rtn_m: Array) -> tuple[Array, Array]:
    """Shifted radially, along the motion among the stars and across, with that motion kept."""
    omega = np.array([0.0, 0.0, OMEGA_RAD_S])
    radial = r / np.linalg.norm(r)
    across = np.cross(r, v + np.cross(omega, r))
    across /= np.linalg.norm(across)
    shift = error_rtn_m @ np.array([radial, np.cross(across, radial), across])
    return r + shift, v - np.cross(omega, shift)


class SatellitePath:
    """Numerically integrated orbit."""

    def __init__(self, r: Array, v: Array, duration_s: float, margin_s: float = 1.0) -> None:
        """r, v: Earth-fixed position (m) and velocity relative to the Earth (m/s) at t_s = 0.
        `margin_s`: how far before it, and past the duration, the path is asked for."""
        span = (-margin_s, duration_s + margin_s)
        state = solve_ivp(
            lambda _, y: _acceleration(y),
            (0.0, span[0]),
            np.concatenate([r, v]),
            method="DOP853",
            rtol=1e-12,
            atol=1e-7,
        ).y[:, -1]
        self._solution: Callable[[Array], Array] = solve_ivp(  # type: ignore[assignment]
            lambda _, y: _acceleration(y),
            span,
            state,
            method="DOP853",
            rtol=1e-12,
            atol=1e-7,
            dense_output=True,
        ).sol

    def position_ecef_m(self, t_s: Array) -> Array:
        return np.asarray(self._solution(t_s)[:3].T)

    def velocity_ecef_m_s(self, t_s: Array) -> Array:
        return np.asarray(self._solution(t_s)[3:].T)


class EarlyPath:
    """A path along which the partner comes `early_s` before its time, over the Earth's surface."""

    def __init__(self, path: PartnerPath, early_s: float) -> None:
        self._path, self._early_s = path, early_s

    def position_ecef_m(self, t_s: Array) -> Array:
        return self._path.position_ecef_m(t_s + self._early_s)

    def velocity_ecef_m_s(self, t_s: Array) -> Array:
        return self._path.velocity_ecef_m_s(t_s + self._early_s)


def true_partner_path(
    mission: Mission,
    truth: PartnerTruth,
    start_tai_ns: int,
    utc_jd: tuple[float, float],
    duration_s: float,
    rng: np.random.Generator,
    early_s: float = 0.0,
) -> PartnerPath:
    """The partner's path with its error drawn: radial, along, across; or east, north, up.

    `early_s`: by how much it passes earlier than its ephemeris says.
    """
    error = rng.normal(size=3) * np.array(truth.ephemeris_error_m)
    partner = mission.partner
    path: PartnerPath
    if isinstance(partner, SatellitePartner):
        if partner.ephemeris is None:
            r, v = state_of_elements(partner.tle, utc_jd, mission.earth.ut1_minus_utc_s)
        else:  # once, at the start: from there on it is our own integration
            state = partner_ephemeris(mission, start_tai_ns).state_ecef(start_tai_ns)
            r, v = np.array(state[0]), np.array(state[1])
        path = SatellitePath(*shifted(r, v, error), duration_s, 1.0 + abs(early_s))
    else:
        path = TruePath(partner.track, tuple(error))
    return EarlyPath(path, early_s) if early_s else path
