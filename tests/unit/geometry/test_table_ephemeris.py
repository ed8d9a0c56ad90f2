"""Interpolated ephemerides against the orbits they were sampled from, and their stated error."""

from math import comb, pi

import numpy as np
import pytest
from orbit_files import (
    START_NS,
    Orbit,
    cpf_text,
    earth_fixed,
    kepler_orbit,
    low_orbit,
    oem_text,
    sp3_text,
)

from terminal.geometry.eop import Eop, SteadyEarth
from terminal.geometry.ephemeris import Ephemeris, EphemerisError
from terminal.geometry.ephemeris_file import interpolated, parse_table
from terminal.geometry.ephemeris_table import EphemerisTable, Frame, PieceBuilder
from terminal.geometry.table_ephemeris import TableEphemeris
from terminal.geometry.time_scales import SECOND_NS, tai_ns_from_utc

ORBITS = {
    "low": lambda: earth_fixed(low_orbit()),
    "navigation": lambda: earth_fixed(kepler_orbit(26_560e3, 0.01, 0.96)),
    "geostationary": lambda: earth_fixed(kepler_orbit(42_164e3, 1e-4, 0.01)),
    "eccentric": lambda: earth_fixed(kepler_orbit(26_560e3, 0.7, 1.1)),
}
RESOLUTION_M = {oem_text: 0.9e-6, sp3_text: 0.9e-3, cpf_text: 0.9e-3}
"""Half the last digit, in three dimensions."""


def ready(text: str) -> TableEphemeris:
    return interpolated(parse_table(text, "file"), None)


def largest_errors(
    ephemeris: TableEphemeris, orbit: Orbit, count: int = 400
) -> tuple[float, float]:
    """Of position (m) and velocity (m/s) against the truth, over the span of use."""
    (start_ns, end_ns), *_ = ephemeris.spans_ns
    position_m, velocity_m_s = 0.0, 0.0
    for t_ns in np.linspace(start_ns, end_ns, count).astype(np.int64).tolist():
        found, moving = ephemeris.state_ecef(t_ns)
        true, truly_moving = orbit((t_ns - START_NS) * 1e-9)
        position_m = max(position_m, float(np.linalg.norm(found - true)))
        velocity_m_s = max(velocity_m_s, float(np.linalg.norm(moving - truly_moving)))
    return position_m, velocity_m_s


@pytest.mark.parametrize("write", [oem_text, sp3_text, cpf_text])
@pytest.mark.parametrize(
    ("name", "step_s"),
    [
        ("low", 60), ("low", 180), ("low", 300),
        ("eccentric", 60), ("eccentric", 180),
        ("navigation", 60), ("navigation", 300), ("navigation", 900),
        ("geostationary", 60), ("geostationary", 900),
    ],
)  # fmt: skip
def test_the_stated_error_holds_and_is_not_empty_words(write, name: str, step_s: int) -> None:
    orbit = ORBITS[name]()
    ephemeris = ready(write(orbit, step_s, min(100, 29_000 // step_s)))
    error_m, error_m_s = largest_errors(ephemeris, orbit)
    assert error_m <= ephemeris.interpolation_error_m
    # Where the curvature rules, theory has the hidden record 20 times worse for 12 positions, and
    # the square of (C(10, 5) / 4^5)^2, 270 times, for 10 pairs; the middle of the spread is that of
    # rounding.
    pessimism = (4**5 / comb(10, 5)) ** 4
    assert ephemeris.interpolation_error_m < pessimism * error_m
    # What turns a position error into a velocity error is a derivative over the step.
    assert error_m_s < 10.0 * ephemeris.interpolation_error_m / step_s


@pytest.mark.parametrize("write", [oem_text, sp3_text, cpf_text])
def test_a_low_orbit_at_one_minute_is_as_good_as_the_digits_of_its_file(write) -> None:
    orbit = earth_fixed(low_orbit())
    error_m, error_m_s = largest_errors(ready(write(orbit, 60, 120)), orbit)
    assert error_m < 1.5 * RESOLUTION_M[write]
    assert error_m_s < 1e-4


def test_velocities_make_good_a_long_step() -> None:
    """At 600 s positions alone are refused, positions and velocities are good to centimetres."""
    orbit = earth_fixed(low_orbit())
    with pytest.raises(EphemerisError, match="600 s are too long a step"):
        ready(sp3_text(orbit, 600, 48, velocities=False))
    with_velocities = ready(sp3_text(orbit, 600, 48))
    error_m, _ = largest_errors(with_velocities, orbit)
    assert error_m <= with_velocities.interpolation_error_m < 0.1


def test_one_revolution_in_six_records_is_refused() -> None:
    with pytest.raises(EphemerisError, match=r"line \d+: this position is .* 900 s are too long"):
        ready(oem_text(earth_fixed(low_orbit()), 900, 33))


@pytest.mark.parametrize("step_s", [60, 300])
def test_turned_records_are_interpolated_as_well_as_those_in_the_frame_of_the_file(
    step_s: int,
) -> None:
    """The records are turned to the ITRF and then interpolated. In the other order, by the same
    polynomials: the error is not larger by more than a tenth, or than a micrometre."""
    earth = SteadyEarth(Eop(-0.4, 5e-7, 1e-6))
    coarse = parse_table(oem_text(low_orbit(), step_s, 60, "GCRF"), "file")
    turned_after = TableEphemeris(EphemerisTable("file", "X", Frame.ITRF, coarse.pieces))
    turned_before = interpolated(coarse, earth)
    (start_ns, end_ns), *_ = turned_before.spans_ns
    times = np.linspace(start_ns, end_ns, 13).astype(np.int64).tolist()
    # Each of these times as a record of its own, to turn the truth by the same code.
    truth = interpolated(parse_table(oem_text(low_orbit(), 20, 900, "GCRF"), "file"), earth)
    before, after = [], []
    for t_ns in times:
        before.append(np.subtract(turned_before.state_ecef(t_ns)[0], truth.state_ecef(t_ns)[0]))
        true, _ = low_orbit()((t_ns - START_NS) * 1e-9)
        after.append(np.subtract(turned_after.state_ecef(t_ns)[0], true))
    largest = [float(np.linalg.norm(errors, axis=1).max()) for errors in (before, after)]
    assert largest[0] < 1.1 * largest[1] + 3e-6


@pytest.mark.parametrize("name", ORBITS)
def test_velocity_is_the_derivative_of_the_position(name: str) -> None:
    ephemeris: Ephemeris = ready(oem_text(ORBITS[name](), 120, 60))
    for minute in range(20, 90, 7):
        t_ns = START_NS + minute * 60 * SECOND_NS + 123_456_789
        p = {
            k: np.array(ephemeris.state_ecef(t_ns + k * SECOND_NS // 4)[0]) for k in (-2, -1, 1, 2)
        }
        slope = (8 * (p[1] - p[-1]) - (p[2] - p[-2])) / 3.0
        # Doubles of 4e7 m resolve 7e-9 m; twelve times that over 0.25 s, and the files' polynomials
        # meet at records within a micrometre.
        assert ephemeris.state_ecef(t_ns)[1] == pytest.approx(slope, abs=1e-5)


def test_records_are_met_exactly_and_both_sides_agree() -> None:
    orbit = earth_fixed(low_orbit())
    ephemeris = ready(oem_text(orbit, 60, 60))
    for k in range(7, 50):
        t_ns = START_NS + k * 60 * SECOND_NS
        true, _ = orbit(k * 60.0)
        assert ephemeris.state_ecef(t_ns)[0] == pytest.approx(true, abs=1e-6)
        before, after = ephemeris.state_ecef(t_ns - 1), ephemeris.state_ecef(t_ns + 1)
        moved = np.subtract(after[0], before[0]) - 2e-9 * np.array(before[1])
        assert moved == pytest.approx(0.0, abs=1e-7)


def test_outside_the_span_is_refused_and_the_span_is_told() -> None:
    ephemeris = ready(cpf_text(earth_fixed(low_orbit()), 60, 40))
    assert ephemeris.spans_ns == [(START_NS + 360 * SECOND_NS, START_NS + 33 * 60 * SECOND_NS)]
    ephemeris.state_ecef(START_NS + 360 * SECOND_NS)
    ephemeris.state_ecef(START_NS + 33 * 60 * SECOND_NS)
    message = (
        "file: has no position of micius for 2016-12-19T14:05:59.999Z: it serves "
        "2016-12-19T14:06:00.000Z to 2016-12-19T14:33:00.000Z .* get a file for that time"
    )
    with pytest.raises(EphemerisError, match=message):
        ephemeris.state_ecef(START_NS + 360 * SECOND_NS - 1_000_000)
    with pytest.raises(EphemerisError, match="has no position of micius"):
        ephemeris.state_ecef(START_NS + 33 * 60 * SECOND_NS + 1)


@pytest.mark.parametrize("count", [1, 2, 13])
def test_too_few_records(count: int) -> None:
    text = cpf_text(earth_fixed(low_orbit()), 60, count)
    with pytest.raises(EphemerisError, match=r"too few records to interpolate: .* get a longer"):
        ready(text)


def test_no_frame_among_the_stars_without_the_earth() -> None:
    text = oem_text(low_orbit(), 60, 60, "EME2000")
    with pytest.raises(EphemerisError, match=r"file: is in EME2000 and needs .* finals2000A"):
        ready(text)
    with pytest.raises(EphemerisError, match="file: is in EME2000, not in ITRF"):
        TableEphemeris(parse_table(text, "file"))


@pytest.mark.parametrize("turning", [1.0, -1.0])
def test_velocities_of_another_frame_are_refused(turning: float) -> None:
    """Positions of the turning frame with velocities against the stars."""
    builder = PieceBuilder()
    fixed = earth_fixed(low_orbit())
    for k in range(60):
        position, velocity = fixed(60.0 * k)
        builder.add(k + 1, START_NS + 60 * k * SECOND_NS, tuple(position))
        spin = turning * np.cross([0.0, 0.0, 7.292115e-5], position)
        builder.add_velocity(tuple(velocity + spin))
    table = EphemerisTable("file", "X", Frame.ITRF, [builder.build()])
    with pytest.raises(EphemerisError, match=r"file, line \d+: the velocities here are not"):
        TableEphemeris(table)


@pytest.mark.parametrize("offset_m", [0.01, 1.0, 9.0, 30.0, 1e5])
@pytest.mark.parametrize("record", [0, 1, 5, 6, 7, 30, 58])
def test_a_wrong_number_is_refused_or_within_what_is_stated(offset_m: float, record: int) -> None:
    orbit = earth_fixed(low_orbit())
    builder = PieceBuilder()
    for k in range(60):
        position, _ = orbit(60.0 * k)
        wrong = np.array([0.0, offset_m, 0.0]) if k == record else np.zeros(3)
        builder.add(k + 1, START_NS + 60 * k * SECOND_NS, tuple(position + wrong))
    table = EphemerisTable("file", "X", Frame.ITRF, [builder.build()])
    try:
        ephemeris = TableEphemeris(table)
    except EphemerisError as error:
        assert offset_m > 9.0
        assert f"file, line {record + 1}: this position" in str(error) or not 6 <= record < 54  # noqa: PT017
        return
    # Equal at the wrong record itself, so rounding decides.
    assert largest_errors(ephemeris, orbit)[0] <= ephemeris.interpolation_error_m + 1e-7


def test_pieces_answer_each_for_its_own_time() -> None:
    orbit = earth_fixed(kepler_orbit(7e6, 0.01, pi / 3))
    pieces = []
    for first in (0, 100):
        builder = PieceBuilder()
        for k in range(first, first + 40):
            builder.add(k + 1, START_NS + 60 * k * SECOND_NS, tuple(orbit(60.0 * k)[0]))
        pieces.append(builder.build())
    ephemeris = TableEphemeris(EphemerisTable("file", "X", Frame.ITRF, pieces))
    for minute in (6, 20, 33, 106, 133):
        found, _ = ephemeris.state_ecef(START_NS + 60 * minute * SECOND_NS)
        assert found == pytest.approx(orbit(60.0 * minute)[0], abs=1e-6)
    for minute in (5, 34, 70, 105, 134):
        with pytest.raises(EphemerisError, match=r"it serves 2016-12-19T14:06:00\.000Z to"):
            ephemeris.state_ecef(START_NS + 60 * minute * SECOND_NS)


def test_a_leap_second_within_the_file() -> None:
    """UTC repeats a second of POSIX time; the orbit does not."""
    start_ns = tai_ns_from_utc("2016-12-31T23:40:00Z")
    orbit = earth_fixed(low_orbit())
    times = [f"2016-12-31T23:{m:02}:00" for m in range(40, 60)]
    times += [f"2017-01-01T00:{m:02}:00" for m in range(20)]
    header = oem_text(orbit, 60, 2).split("2016-12-19T14:00:00.000000 ")[0]
    header = header.replace("2016-12-19T14:00:00.000000", times[0])
    lines = [header.replace("2016-12-19T14:01:00.000000", times[-1]).rstrip("\n")]
    for k, utc in enumerate(times):
        position, velocity = orbit(60.0 * k + (k >= 20))
        lines.append(f"{utc} " + " ".join(f"{v / 1e3:.9f}" for v in (*position, *velocity)))
    ephemeris = ready("\n".join(lines) + "\n")
    for utc, since_s in (("2016-12-31T23:59:60.5Z", 1200.5), ("2017-01-01T00:00:00Z", 1201.0)):
        t_ns = tai_ns_from_utc(utc)
        assert t_ns - start_ns == since_s * SECOND_NS
        assert ephemeris.state_ecef(t_ns)[0] == pytest.approx(orbit(since_s)[0], abs=1e-5)
