"""`python -m benchmarks.pointing`: the pointing solution against skyfield, and what it costs.

Satellites in low, medium and geostationary orbits, seen from sites that have them overhead, high
and low, from the equator to high latitudes; UT1 = UTC, as `qsky plan` has it without a table.
"""

import argparse
import json
from collections.abc import Iterator
from math import cos, degrees, radians, remainder, sin
from pathlib import Path
from typing import NamedTuple

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.cost import Cost, cost
from benchmarks.plan_referee import Referee, without_ut1
from terminal.geometry.earth import Geodetic, ecef_from_geodetic, geodetic_from_ecef
from terminal.geometry.ephemeris import SatelliteEphemeris
from terminal.geometry.light_time import solve
from terminal.geometry.time_scales import SECOND_NS
from terminal.geometry.tle import parse_tle

LEO = (
    "1 41731U 16051A   16353.90152003  .00000364  00000-0  17957-4 0  9993",
    "2 41731  97.3699 267.4500 0013200 178.5836 246.0824 15.23915303 19063",
)
# From the verification set of AIAA 2006-6753: NAVSTAR 53, and a geostationary satellite.
MEO = (
    "1 28129U 03058A   06175.57071136 -.00000104  00000-0  10000-3 0   459",
    "2 28129  54.7298 324.8098 0048506 266.2640  93.1663  2.00562768 18443",
)
GEO = (
    "1 28626U 05008A   06176.46683397 -.00000205  00000-0  10000-3 0  2190",
    "2 28626   0.0019 286.9433 0000335  13.7918  55.6504  1.00270176  4891",
)
SATELLITES = {"LEO": LEO, "MEO": MEO, "GEO": GEO}
TIMES = 12
SPAN_S = 86_400
AWAY_DEG = ((0.0, 0.0), (0.02, 1.0), (9.0, 2.5), (16.0, 5.0))
"""Sites: degrees from the point under the satellite, and in which direction, rad."""


class Worst(NamedTuple):
    """Largest departures from the referee."""

    direction_urad: float
    range_m: float
    range_rate_m_s: float
    point_ahead_urad: float
    solutions: int


def _sites(ephemeris: SatelliteEphemeris, t_ns: int) -> Iterator[tuple[float, float, float]]:
    under = geodetic_from_ecef(ephemeris.state_ecef(t_ns)[0])
    for away_deg, bearing in AWAY_DEG:
        latitude = min(89.0, max(-89.0, degrees(under.latitude_rad) + away_deg * cos(bearing)))
        east = away_deg * sin(bearing) / cos(radians(latitude))
        yield latitude, remainder(degrees(under.longitude_rad) + east, 360.0), 300.0


def accuracy(lines: tuple[str, str]) -> Worst:
    """Of one satellite over a day."""
    tle = parse_tle(*lines)
    ephemeris = SatelliteEphemeris(tle, 0.0, 2.0)
    timescale = without_ut1(tle.epoch_tai_ns)
    off = []
    for k in range(TIMES):
        t_ns = tle.epoch_tai_ns + k * SPAN_S * SECOND_NS // TIMES
        for site in _sites(ephemeris, t_ns):
            place = Geodetic(radians(site[0]), radians(site[1]), site[2])
            own = solve(t_ns, ecef_from_geodetic(*place), (0.0, 0.0, 0.0), *place[:2], ephemeris)
            referee = Referee(lines, site, timescale)
            theirs = referee.seen(t_ns)
            los, launch = np.array(own.los_enu), np.array(own.launch_enu)
            ahead = (launch - los) - (theirs.launch_enu - theirs.los_enu)
            off.append(
                (
                    1e6 * float(np.linalg.norm(los - theirs.los_enu)),
                    abs(own.range_m - theirs.range_m),
                    abs(own.range_rate_m_s - referee.range_rate_m_s(t_ns)),
                    1e6 * float(np.linalg.norm(ahead)),
                )
            )
    worst = np.max(np.array(off), axis=0).tolist()
    return Worst(worst[0], worst[1], worst[2], worst[3], len(off))


def solution_cost() -> Cost:
    """One full solution for the low satellite, state by SGP4 included."""
    tle = parse_tle(*LEO)
    ephemeris = SatelliteEphemeris(tle, 0.0, 2.0)
    position = ecef_from_geodetic(0.6, 2.4, 20_000.0)
    start_ns = tle.epoch_tai_ns

    def many() -> int:
        for k in range(200):
            solve(start_ns + k * SECOND_NS, position, (20.0, 3.0, 0.1), 0.6, 2.4, ephemeris)
        return 200

    return cost(many)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    table = Table(title="largest departure from skyfield")
    for heading in (
        "orbit",
        "direction\nurad",
        "range\nm",
        "rate\nm/s",
        "ahead\nurad",
        "solutions",
    ):
        table.add_column(heading, justify="right")
    found = {orbit: accuracy(lines) for orbit, lines in SATELLITES.items()}
    for orbit, worst in found.items():
        table.add_row(orbit, *(f"{v:.1e}" for v in worst[:4]), str(worst.solutions))
    each = solution_cost()
    Console().print(table)
    Console().print(f"one full solution: {each.us:.1f} us, {each.units:.2f} units of `make bench`")
    if arguments.json:
        answer = {orbit: worst._asdict() for orbit, worst in found.items()}
        arguments.json.write_text(json.dumps({**answer, "solution": each._asdict()}, indent=2))


if __name__ == "__main__":
    main()
