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


class SatellitePath:
    """Numerically integrated orbit."""

    def __init__(
        self,
        tle: tuple[str, str],
        utc_jd: tuple[float, float],
        ut1_minus_utc_s: float,
        duration_s: float,
        error_rtn_m: Array,
    ) -> None:
        """`utc_jd`: UTC Julian date (day, fraction) of t_s = 0.

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
        r_inertial = np.array(position_km) * 1e3
        v_inertial = np.array(velocity_km_s) * 1e3
        radial = r_inertial / np.linalg.norm(r_inertial)
        across = np.cross(r_inertial, v_inertial)
        across /= np.linalg.norm(across)
        axes = np.array([radial, np.cross(across, radial), across])
        r = to_earth_fixed @ (r_inertial + error_rtn_m @ axes)
        v = to_earth_fixed @ v_inertial - np.cross([0, 0, OMEGA_RAD_S], r)
        span = (-1.0, duration_s + 1.0)
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


def true_partner_path(
    mission: Mission,
    truth: PartnerTruth,
    utc_jd: tuple[float, float],
    duration_s: float,
    rng: np.random.Generator,
) -> PartnerPath:
    """The partner's path with its error drawn: radial, along, across; or east, north, up."""
    error = rng.normal(size=3) * np.array(truth.ephemeris_error_m)
    partner = mission.partner
    if isinstance(partner, SatellitePartner):
        return SatellitePath(partner.tle, utc_jd, mission.earth.ut1_minus_utc_s, duration_s, error)
    return TruePath(partner.track, tuple(error))
