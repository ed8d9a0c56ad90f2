"""True orbits by other means than interpolation, and files written of them.

The writers follow the formats' specifications; they share nothing with the readers.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from math import cos, sin, sqrt

import numpy as np
from scipy.integrate import solve_ivp

from terminal.geometry.time_scales import tai_ns_from_utc

MU = 3.986004418e14
_J2, _RADIUS_M = 1.08262668e-3, 6_378_136.3
_TURN_RAD_S = 7.292115e-5
START_UTC = datetime(2016, 12, 19, 14, 0, 0, tzinfo=UTC)
START_NS = tai_ns_from_utc("2016-12-19T14:00:00Z")

State = tuple[np.ndarray, np.ndarray]
Orbit = Callable[[float], State]
"""Seconds from the start to position (m) and velocity (m/s)."""


@cache
def low_orbit(duration_s: float = 30_000.0) -> Orbit:
    """500 km, nearly polar, about an oblate Earth: integrated to 1e-13 in short steps."""

    def accelerate(_: float, state: np.ndarray) -> np.ndarray:
        x, y, z = state[:3]
        r = sqrt(x * x + y * y + z * z)
        pull = 1.5 * _J2 * (_RADIUS_M / r) ** 2
        level = 1.0 + pull * (1.0 - 5.0 * (z / r) ** 2)
        upright = 1.0 + pull * (3.0 - 5.0 * (z / r) ** 2)
        return np.array([*state[3:], *(-MU / r**3 * np.array([x * level, y * level, z * upright]))])

    r = 6_878_000.0
    v = sqrt(MU / r) * 1.001
    start = [r, 0.0, 0.0, 0.0, v * cos(1.7), v * sin(1.7)]
    solution = solve_ivp(
        accelerate, (0.0, duration_s), start, "DOP853", rtol=1e-13, atol=1e-9, max_step=20.0,
        dense_output=True,
    )  # fmt: skip

    def at(t_s: float) -> State:
        state = solution.sol(t_s)
        return state[:3], state[3:]

    return at


def kepler_orbit(semi_major_m: float, eccentricity: float, inclination_rad: float) -> Orbit:
    """Two bodies, closed form; from perigee at the start."""
    n = sqrt(MU / semi_major_m**3)
    b = sqrt(1.0 - eccentricity**2)
    tilt = np.array([[1.0, 0.0], [0.0, cos(inclination_rad)], [0.0, sin(inclination_rad)]])

    def at(t_s: float) -> State:
        e_anomaly = n * t_s
        for _ in range(50):
            e_anomaly -= (e_anomaly - eccentricity * sin(e_anomaly) - n * t_s) / (
                1.0 - eccentricity * cos(e_anomaly)
            )
        c, s = cos(e_anomaly), sin(e_anomaly)
        rate = n / (1.0 - eccentricity * c)
        flat = semi_major_m * np.array([c - eccentricity, b * s])
        moving = semi_major_m * rate * np.array([-s, b * c])
        return tilt @ flat, tilt @ moving

    return at


def earth_fixed(orbit: Orbit) -> Orbit:
    """The orbit as seen from an Earth that turns steadily."""

    def at(t_s: float) -> State:
        position, velocity = orbit(t_s)
        c, s = cos(_TURN_RAD_S * t_s), sin(_TURN_RAD_S * t_s)
        turn = np.array([[c, s, 0.0], [-s, c, 0.0], [0.0, 0.0, 1.0]])
        position = turn @ position
        return position, turn @ velocity - np.cross([0.0, 0.0, _TURN_RAD_S], position)

    return at


def times_s(step_s: float, count: int) -> list[float]:
    return [k * step_s for k in range(count)]


def oem_text(
    orbit: Orbit, step_s: float, count: int, frame: str = "ITRF2014", decimals: int = 9
) -> str:
    """One segment, UTC."""
    stamps = [START_UTC + timedelta(seconds=t) for t in times_s(step_s, count)]
    lines = [
        "CCSDS_OEM_VERS = 2.0",
        "COMMENT written by a test",
        "CREATION_DATE = 2016-12-18T00:00:00",
        "ORIGINATOR = TEST",
        "META_START",
        "OBJECT_NAME = MICIUS",
        "OBJECT_ID = 2016-051A",
        "CENTER_NAME = EARTH",
        f"REF_FRAME = {frame}",
        "TIME_SYSTEM = UTC",
        f"START_TIME = {stamps[0]:%Y-%m-%dT%H:%M:%S.%f}",
        f"STOP_TIME = {stamps[-1]:%Y-%m-%dT%H:%M:%S.%f}",
        "INTERPOLATION = HERMITE",
        "INTERPOLATION_DEGREE = 7",
        "META_STOP",
    ]
    for stamp, t in zip(stamps, times_s(step_s, count), strict=True):
        position, velocity = orbit(t)
        numbers = " ".join(f"{v / 1e3:.{decimals}f}" for v in (*position, *velocity))
        lines.append(f"{stamp:%Y-%m-%dT%H:%M:%S.%f} {numbers}")
    return "\n".join(lines) + "\n"


def sp3_text(
    orbit: Orbit, step_s: float, count: int, velocities: bool = True, system: str = "UTC"
) -> str:
    """SP3-c with one satellite; six decimals of a kilometre."""
    kind = "V" if velocities else "P"

    def stamp(t: float) -> str:
        at = START_UTC + timedelta(seconds=t)
        second = at.second + at.microsecond * 1e-6
        return f"{at.year:4} {at.month:2} {at.day:2} {at.hour:2} {at.minute:2} {second:11.8f}"

    empty = "  0" * 17
    lines = [
        f"#c{kind}{stamp(0.0)} {count:7}   SLR IGS14 FIT TEST",
        f"## 1928 136800.00000000 {step_s:14.8f} 57741 0.5833333333333",
        "+    1   L51" + empty[3:],
        *["+        " + empty] * 4,
        *["++       " + empty] * 5,
        f"%c L  cc {system} ccc cccc cccc cccc cccc ccccc ccccc ccccc ccccc",
        "%c cc cc ccc ccc cccc cccc cccc cccc ccccc ccccc ccccc ccccc",
        *["%f  0.0000000  0.000000000  0.00000000000  0.000000000000000"] * 2,
        *["%i    0    0    0    0      0      0      0      0         0"] * 2,
        *["/* " + "written by a test"] * 4,
    ]
    for t in times_s(step_s, count):
        position, velocity = orbit(t)
        lines.append(f"*  {stamp(t)}")
        lines.append("PL51" + "".join(f"{v / 1e3:14.6f}" for v in position) + f"{999999.999999:14}")
        if velocities:
            lines.append("VL51" + "".join(f"{v * 10.0:14.6f}" for v in velocity))
    return "\n".join([*lines, "EOF"]) + "\n"


def cpf_text(orbit: Orbit, step_s: float, count: int, version: int = 2) -> str:
    """Positions to the millimetre."""
    first, last = (START_UTC + timedelta(seconds=t) for t in (0.0, step_s * (count - 1)))
    sequence = "354 01" if version == 2 else "5354"
    lines = [
        f"H1 CPF  {version}  TST 2016 12 18 12  {sequence} micius     NONE",
        f"H2  1605101 9999    41731 {first:%Y %m %d %H %M %S} {last:%Y %m %d %H %M %S} "
        f"{step_s:5.0f} 1 1  0 0 0" + (" 1" if version == 2 else ""),
        "H9",
    ]
    for t in times_s(step_s, count):
        at = START_UTC + timedelta(seconds=t)
        midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
        mjd = (midnight - datetime(1858, 11, 17, tzinfo=UTC)).days
        seconds = (at - midnight).total_seconds()
        numbers = " ".join(f"{v:17.3f}" for v in orbit(t)[0])
        lines.append(f"10 0 {mjd} {seconds:13.6f}  0 {numbers}")
    return "\n".join([*lines, "99"]) + "\n"
