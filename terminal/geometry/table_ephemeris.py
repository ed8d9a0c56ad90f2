"""A precise ephemeris between its records: polynomials, and how far they can be trusted.

Between two records the position is the polynomial through the `half` records before and the `half`
behind: through positions alone (Lagrange, 12 of them), or positions and velocities (Hermite, 10).
The file itself shows which is better, and how good it is: every record that has enough neighbours
is hidden, interpolated from them, and compared. The largest difference is the stated error.

It is an upper bound: a hidden record leaves a gap that holds the intervals on both of its sides.
Where the orbit's curvature makes the error, theory has the middle of an interval better than a
hidden record by (C(2h, h) / 4^h)^2, twenty times, for Lagrange, and by the square of that for
Hermite; where rounding or a wrong number makes it, the two are about equal. So a wrong number in a
record shows. Real orbits 800 km high, 180 s from record to record, have 0.15 m.
"""

from bisect import bisect_right
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from terminal.geometry.ephemeris import EphemerisError
from terminal.geometry.ephemeris_table import EphemerisTable, Frame, Piece, refused
from terminal.geometry.time_scales import utc_text
from terminal.geometry.vector import Vec

Floats = NDArray[np.float64]

LARGEST_ERROR_M = 10.0
"""Stated error beyond which a file is refused: 20 urad at 500 km, a quantum beam's width."""
_CONTRADICTION_M_S = 10.0
"""Velocities this far from the change of the positions are of another frame or unit."""
_NEGLIGIBLE_M = 1e-9
"""Terms that are smaller everywhere are left out: half of them, mostly."""
_NS = 1e-9


class _Method(NamedTuple):
    half: int
    """Records on each side."""
    with_velocities: bool


_LAGRANGE = _Method(6, False)
_HERMITE = _Method(5, True)


@dataclass(frozen=True, slots=True)
class _Arc:
    """A piece made ready: for each interval a polynomial in u, which goes from -1 to 1 over it."""

    start_ns: int
    end_ns: int
    times_ns: list[int]
    """Start of each interval."""
    halves_s: list[float]
    """Half the length of each."""
    coefficients: Floats
    """(intervals, terms, 3), metres, from the constant term up"""
    error_m: float

    def state(self, t_ns: int) -> tuple[Vec, Vec]:
        """Position and its derivative at a time of the arc."""
        k = max(0, bisect_right(self.times_ns, t_ns) - 1)
        per_s = 1.0 / self.halves_s[k]
        u = (t_ns - self.times_ns[k]) * _NS * per_s - 1.0
        rows = self.coefficients[k].tolist()
        # Horner's scheme for the value and, along with it, for the derivative.
        x, y, z = rows.pop()
        vx = vy = vz = 0.0
        for cx, cy, cz in reversed(rows):
            vx, vy, vz = vx * u + x, vy * u + y, vz * u + z
            x, y, z = x * u + cx, y * u + cy, z * u + cz
        return (x, y, z), (vx * per_s, vy * per_s, vz * per_s)


class TableEphemeris:
    """Ephemeris of a table in the ITRF.

    The first and the last few records of each piece only serve the interpolation: polynomials are
    used in their middle alone, so that the stated error holds everywhere.
    """

    def __init__(self, table: EphemerisTable) -> None:
        """Raises EphemerisError for a table that is not in the ITRF, without a piece that can be
        interpolated, of a stated error over LARGEST_ERROR_M, or with velocities that contradict its
        positions."""
        if table.frame is not Frame.ITRF:
            raise EphemerisError(f"{table.source}: is in {table.frame.value}, not in ITRF")
        self.source = table.source
        self.satellite = table.satellite
        arcs = [_arc(piece, table.source) for piece in table.pieces]
        self._arcs = [arc for arc in arcs if arc is not None and arc.start_ns <= arc.end_ns]
        if not self._arcs:
            raise EphemerisError(
                f"{table.source}: too few records to interpolate: {2 * _HERMITE.half + 2} "
                f"with or {2 * _LAGRANGE.half + 2} without velocities are needed in one stretch, "
                "the time of use in their midst; get a longer file"
            )
        self._starts_ns = [arc.start_ns for arc in self._arcs]
        self.interpolation_error_m = max(arc.error_m for arc in self._arcs)
        """Upper bound of the distance between the interpolated and the true position, as far as
        the file is true at its records."""

    @property
    def spans_ns(self) -> list[tuple[int, int]]:
        """First and last TAI time of each stretch in which there is an answer."""
        return [(arc.start_ns, arc.end_ns) for arc in self._arcs]

    def state_ecef(self, t_ns: int) -> tuple[Vec, Vec]:
        """Position (m) and its derivative (m/s) in the ITRF at a TAI time. Raises EphemerisError
        outside the stretches of the file."""
        arc = self._arcs[max(0, bisect_right(self._starts_ns, t_ns) - 1)]
        if not arc.start_ns <= t_ns <= arc.end_ns:
            self._refuse(t_ns)
        return arc.state(t_ns)

    def _refuse(self, t_ns: int) -> None:
        spans = [f"{utc_text(start)} to {utc_text(end)}" for start, end in self.spans_ns]
        more = f" and {len(spans) - 2} more" if len(spans) > 2 else ""
        raise EphemerisError(
            f"{self.source}: has no position of {self.satellite} for {utc_text(t_ns)}: it serves "
            f"{', '.join(spans[:2])}{more} (records at the ends only support the interpolation); "
            "get a file for that time"
        )


def _arc(piece: Piece, source: str) -> _Arc | None:
    """None for a piece with too few records. Raises EphemerisError."""
    velocities = piece.velocities_m_s
    count = len(piece.times_ns)
    methods = [_LAGRANGE] if velocities is None else [_LAGRANGE, _HERMITE]
    found = {m: _hidden_errors_m(piece, m) for m in methods if count > 2 * m.half + 1}
    if not found:
        return None
    best = min(found, key=lambda method: float(found[method].max()))
    errors_m = found[best]
    step_s = float(np.median(np.diff(piece.times_ns))) * _NS
    worst = int(errors_m.argmax())
    line, error_m = piece.lines[worst + best.half], float(errors_m[worst])
    # "Not under" catches what is not a number, too.
    if not error_m <= LARGEST_ERROR_M:
        what = (
            f"this position is {error_m:.4g} m from where its neighbours have it (limit "
            f"{LARGEST_ERROR_M:g} m): a wrong number here or nearby, or {step_s:g} s are too long "
            "a step"
        )
        raise refused(source, line, what, "get the file again, or with shorter steps")
    if _HERMITE in found and float(found[_HERMITE].max()) > _CONTRADICTION_M_S * step_s:
        line = piece.lines[int(found[_HERMITE].argmax()) + _HERMITE.half]
        what = "the velocities here are not the change of the positions"
        raise refused(source, line, what, "get the file again, both in one frame")
    # From the first to the last record that could be hidden: one beyond would go unseen.
    start, end = best.half, count - 1 - best.half
    times_ns = piece.times_ns.tolist()
    windows = np.arange(start, end)[:, None] + np.arange(1 - best.half, 1 + best.half)
    nodes_s, coefficients = _newton(piece, windows, np.arange(start, end), best)
    halves_s = 0.5 * np.diff(piece.times_ns[start : end + 1]) * _NS
    return _Arc(
        max(times_ns[start], piece.useful_ns[0]),
        min(times_ns[end], piece.useful_ns[1]),
        times_ns[start:end],
        halves_s.tolist(),
        _centred(nodes_s, coefficients, halves_s),
        error_m,
    )


def _hidden_errors_m(piece: Piece, method: _Method) -> Floats:
    """How far each record with enough neighbours is from where these have it, metres."""
    half = method.half
    hidden = np.arange(half, len(piece.times_ns) - half)
    around = np.array([*range(-half, 0), *range(1, half + 1)])
    nodes_s, coefficients = _newton(piece, hidden[:, None] + around, hidden, method)
    value = coefficients[:, -1]
    for i in range(nodes_s.shape[1] - 2, -1, -1):
        value = coefficients[:, i] - value * nodes_s[:, i, None]
    distances: Floats = np.linalg.norm(value - piece.positions_m[hidden], axis=1)
    return distances


def _newton(
    piece: Piece, windows: NDArray[np.int64], origins: NDArray[np.int64], method: _Method
) -> tuple[Floats, Floats]:
    """Newton's form through each window of records, by divided differences: nodes in seconds from
    the record `origins`, (windows, order), and coefficients, (windows, order, 3).

    With velocities every node stands twice, and the divided difference of such a pair is the
    derivative (Stoer & Bulirsch, "Introduction to Numerical Analysis", 2.1.5).
    """
    since_ns = piece.times_ns[windows] - piece.times_ns[origins][:, None]
    nodes_s: Floats = since_ns.astype(np.float64) * _NS
    table = piece.positions_m[windows]
    velocities = piece.velocities_m_s if method.with_velocities else None
    if velocities is not None:
        nodes_s, table = np.repeat(nodes_s, 2, axis=1), np.repeat(table, 2, axis=1)
    coefficients = [table[:, 0]]
    for order in range(1, nodes_s.shape[1]):
        apart_s = nodes_s[:, order:] - nodes_s[:, :-order]
        rise = np.diff(table, axis=1)
        if order == 1 and velocities is not None:
            apart_s[:, ::2] = 1.0
            rise[:, ::2] = velocities[windows]
        table = rise / apart_s[..., None]
        coefficients.append(table[:, 0])
    return nodes_s, np.stack(coefficients, axis=1)


def _centred(nodes_s: Floats, newton: Floats, halves_s: Floats) -> Floats:
    """Newton's forms as powers of u = s / half - 1, seconds s from the start of the interval."""
    halves = halves_s[:, None, None]
    powers = np.zeros_like(newton)
    powers[:, 0] = newton[:, -1]
    for i in range(nodes_s.shape[1] - 2, -1, -1):
        times_u = powers[:, :-1] * halves
        powers *= halves - nodes_s[:, i, None, None]
        powers[:, 1:] += times_u
        powers[:, 0] += newton[:, i]
    needed = np.abs(powers).max(axis=(0, 2)) > _NEGLIGIBLE_M
    return powers[:, : int(np.flatnonzero(needed)[-1]) + 1].copy()
