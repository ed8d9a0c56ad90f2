"""A precise ephemeris from a file whose format its content tells."""

from dataclasses import replace
from pathlib import Path

from terminal.geometry import cpf, oem, sp3
from terminal.geometry.celestial import itrf_piece
from terminal.geometry.eop import EarthOrientation, EopError, EopTable
from terminal.geometry.ephemeris import EphemerisError
from terminal.geometry.ephemeris_table import EphemerisTable, Frame
from terminal.geometry.table_ephemeris import TableEphemeris

_LARGEST_BYTES = 20_000_000
"""Some 150,000 records."""
_FORMATS = "CCSDS OEM (KVN), SP3-c or -d, ILRS CPF"
_PARSERS = (("CCSDS_OEM_VERS", oem.parse), ("#", sp3.parse), ("H1", cpf.parse), ("h1", cpf.parse))


def read(path: Path, earth: EarthOrientation | None) -> TableEphemeris:
    """The ephemeris in a file of CCSDS OEM (KVN), SP3-c, SP3-d, or ILRS CPF.

    `earth` turns files in GCRF, EME2000 and TEME; those in an Earth-fixed frame do not need it.
    Raises EphemerisError for a file that cannot be read, is too large, broken or of no such format,
    for a frame among the stars without `earth`, and with an EopTable that does not reach that far
    or is too old for precise work then (EopTable.check_precise).
    """
    return interpolated(read_table(path), earth)


def read_table(path: Path) -> EphemerisTable:
    """The records of a file, in its own frame. Raises EphemerisError."""
    try:
        size = path.stat().st_size
        if size > _LARGEST_BYTES:
            raise EphemerisError(
                f"{path}: is {size / 1e6:.0f} MB, more than {_LARGEST_BYTES / 1e6:.0f}: leave one "
                "satellite and the days of use in the file"
            )
        content = path.read_bytes()
    except OSError as error:
        raise EphemerisError(f"{path}: cannot read the ephemeris: {error.strerror}") from error
    if content.startswith((b"\x1f\x8b", b"\x1f\x9d")):
        raise EphemerisError(f"{path}: is compressed; unpack it first")
    if b"\0" in content:
        raise EphemerisError(f"{path}: is a binary file; expected {_FORMATS}")
    text = content.decode("utf-8-sig", errors="replace")
    return parse_table(text, str(path))


def parse_table(text: str, source: str) -> EphemerisTable:
    """The records in the text of a file; `source` names it in errors. Raises EphemerisError."""
    for start, parse in _PARSERS:
        if text.startswith(start):
            return parse(text, source)
    first = text[:20].split("\n")[0]
    raise EphemerisError(f"{source}, line 1: starts with {first!r}; expected {_FORMATS}")


def interpolated(table: EphemerisTable, earth: EarthOrientation | None) -> TableEphemeris:
    """The table in the ITRF, with its polynomials. Raises EphemerisError as `read` does."""
    if table.frame is not Frame.ITRF:
        if earth is None:
            raise EphemerisError(
                f"{table.source}: is in {table.frame.value} and needs the Earth's orientation to "
                "the time: give --eop FILE, in IERS finals2000A format"
            )
        try:
            if isinstance(earth, EopTable):
                earth.check_precise(max(int(piece.times_ns[-1]) for piece in table.pieces))
            pieces = [itrf_piece(piece, table.frame, earth) for piece in table.pieces]
        except EopError as error:
            raise EphemerisError(f"{table.source}: {error}") from error
        table = replace(table, frame=Frame.ITRF, pieces=pieces)
    return TableEphemeris(table)
