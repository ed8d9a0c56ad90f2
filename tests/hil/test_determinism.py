"""The same seed gives the same bytes, in another process too; another seed gives others."""

from pathlib import Path

import pytest
from flights import Flown, flown, qsky

DURATION_S = 12.0
WALL_CLOCK = ("wall_s", "compute_us")


@pytest.fixture(scope="module")
def twice(tmp_path_factory: pytest.TempPathFactory) -> tuple[Flown, Flown]:
    """By the command, each with another order of Python's hashes."""
    flights = []
    for hash_seed in ("1", "2"):
        out: Path = tmp_path_factory.mktemp("same")
        arguments = ("run", "leo_haps_downlink", "--out", str(out), "--seed", "7")
        done = qsky(*arguments, "--duration-s", str(DURATION_S), PYTHONHASHSEED=hash_seed)
        assert done.returncode == 0, done.stderr
        flights.append(Flown.read(out))
    return flights[0], flights[1]


def _simulated(flight: Flown) -> dict[str, object]:
    return {name: v for name, v in flight.summary.items() if name not in WALL_CLOCK}


def test_the_flight_has_something_to_differ_in(twice: tuple[Flown, Flown]) -> None:
    assert twice[0].modes[-1] == "LINK"
    assert twice[0].summary["clock"]["locked_s"] > 2.0
    assert twice[0].summary["counts"]["sifted"] > 1000


def test_same_seed_gives_the_same_recording(twice: tuple[Flown, Flown]) -> None:
    one, two = (flight.folder / "pass.mcap" for flight in twice)
    assert one.read_bytes() == two.read_bytes()


def test_same_seed_gives_the_same_summary_but_for_the_wall_clock(
    twice: tuple[Flown, Flown],
) -> None:
    assert _simulated(twice[0]) == _simulated(twice[1])


def test_another_seed_gives_another_world(twice: tuple[Flown, Flown], tmp_path: Path) -> None:
    other = flown(tmp_path, "leo_haps_downlink", DURATION_S, seed=8)
    mine = twice[0].columns("truth")
    theirs = other.columns("truth")
    # The pass is the same to a few hundred metres, all that is random is not.
    assert mine["range_m"] == pytest.approx(theirs["range_m"], abs=3000.0)
    for name in ("coarse_error_x_rad", "oscillator_offset", "plate_rad"):
        # The first record comes before the plant has moved.
        assert not (mine[name] == theirs[name])[1:].any(), name
    assert other.summary["counts"] != twice[0].summary["counts"]
