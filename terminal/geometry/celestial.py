"""From axes that rest among the stars to the Earth's: IAU 2006/2000A precession and nutation.

The computation is ERFA's (the BSD-licensed form of the IAU's SOFA), CIO based: IERS Conventions
2010, chapter 5. Left out are the celestial pole offsets dX, dY (0.3 mas at most since 2003, as
published in finals2000A: 1 cm in a low orbit) and tides within a day (eop.py).
"""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from terminal.geometry.earth import ecef_from_teme
from terminal.geometry.eop import EarthOrientation
from terminal.geometry.ephemeris_table import Frame, Piece
from terminal.geometry.time_scales import (
    DAY_NS,
    J2000_JULIAN_DATE,
    SECOND_NS,
    posix_ns_from_tai_ns,
)

Floats = NDArray[np.float64]

_UNIX_JULIAN_DATE = 2440587.5
_TT_MINUS_TAI_NS = 32_184_000_000
_ROTATION_RAD_S = 7.292_115_146_706_979e-5
"""Rate of the Earth rotation angle (IERS Conventions 2010, 5.15) in UT1; a day that is longer by
4 ms changes it by 5e-8."""

_POLE_STEP_S = 60


def itrf_piece(piece: Piece, frame: Frame, earth: EarthOrientation) -> Piece:
    """The piece, which is in `frame`, in the ITRF; velocities relative to the turning Earth.

    Velocities leave out how much longer a day is than 86,400 s: 0.01 mm/s in a low orbit. Raises
    EopError where `earth` has no answer.
    """
    if frame is Frame.ITRF:
        return piece
    turn = _from_teme if frame is Frame.TEME else _from_stars
    still = np.zeros_like(piece.positions_m)
    velocities = still if piece.velocities_m_s is None else piece.velocities_m_s
    bias = _frame_bias() if frame is Frame.EME2000 else np.eye(3)
    # The bias turns GCRF into EME2000: rows times it turn back.
    positions, velocities = turn(piece.times_ns, piece.positions_m @ bias, velocities @ bias, earth)
    kept = None if piece.velocities_m_s is None else velocities
    return replace(piece, positions_m=positions, velocities_m_s=kept)


def _from_teme(
    times_ns: NDArray[np.int64], positions: Floats, velocities: Floats, earth: EarthOrientation
) -> tuple[Floats, Floats]:
    states = [
        ecef_from_teme(position, velocity, t_ns, *earth.at(t_ns))
        for t_ns, position, velocity in zip(
            times_ns.tolist(), positions.tolist(), velocities.tolist(), strict=True
        )
    ]
    return np.array([p for p, _ in states]), np.array([v for _, v in states])


def _from_stars(
    times_ns: NDArray[np.int64], positions: Floats, velocities: Floats, earth: EarthOrientation
) -> tuple[Floats, Floats]:
    """From GCRF."""
    erfa = _erfa()
    eops = [earth.at(t_ns) for t_ns in times_ns.tolist()]
    ut1_minus_utc_s, pole_x_rad, pole_y_rad = np.array(eops).T
    terrestrial = _julian_date(times_ns + _TT_MINUS_TAI_NS)
    utc_ns = np.array([posix_ns_from_tai_ns(t_ns) for t_ns in times_ns.tolist()])
    universal = _julian_date(utc_ns + np.round(ut1_minus_utc_s * SECOND_NS).astype(np.int64))
    # Turned to the axes of the celestial pole, about it by the Earth rotation angle, and to the
    # axes of the crust.
    to_pole = erfa.c2i06a(*terrestrial)
    angle_rad = erfa.era00(*universal)
    to_crust = erfa.pom00(pole_x_rad, pole_y_rad, erfa.sp00(*terrestrial))
    # The pole moves: 0.06 mm/s in a low orbit.
    later = _julian_date(times_ns + _TT_MINUS_TAI_NS + _POLE_STEP_S * SECOND_NS)
    pole_rate = (erfa.c2i06a(*later) - to_pole) / _POLE_STEP_S
    velocities = _each(erfa.rz(angle_rad, to_pole), velocities)
    velocities += _each(erfa.rz(angle_rad, pole_rate), positions)
    positions = _each(erfa.rz(angle_rad, to_pole), positions)
    velocities[:, 0] += _ROTATION_RAD_S * positions[:, 1]
    velocities[:, 1] -= _ROTATION_RAD_S * positions[:, 0]
    return _each(to_crust, positions), _each(to_crust, velocities)


def _each(matrices: Floats, vectors: Floats) -> Floats:
    """(n, 3, 3) times (n, 3)."""
    products: Floats = np.einsum("nij,nj->ni", matrices, vectors)
    return products


def _frame_bias() -> Floats:
    """(3, 3), turns GCRF into the mean equator and equinox of J2000.0."""
    bias: Floats = _erfa().bp06(J2000_JULIAN_DATE, 0.0)[0]
    return bias


def _erfa() -> Any:
    """Imported only where a frame among the stars is used: it takes 20 ms."""
    import erfa

    return erfa


def _julian_date(since_1970_ns: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Two parts, as ERFA wants it."""
    days, of_day_ns = np.divmod(since_1970_ns, DAY_NS)
    return _UNIX_JULIAN_DATE + days, of_day_ns / DAY_NS
