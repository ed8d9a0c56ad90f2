"""A window on a precise ephemeris: accepted only where the whole flight has a position."""

from pathlib import Path

import pytest
from msgspec.structs import replace
from orbit_files import earth_fixed, low_orbit, oem_text

from config.errors import InputError
from config.loader import load_scenario
from config.mission import FixedWindow, Mission, PassWindow
from terminal.geometry import ephemeris_file
from terminal.geometry.light_time import SPEED_OF_LIGHT_M_S
from terminal.geometry.time_scales import SECOND_NS, utc_text
from terminal.loops import pointing
from terminal.pointing_messages import PointingSample
from terminal.window import resolve_window

SCENARIO = load_scenario("leo_haps_downlink")
PLACE = 0.62, 2.44, 20_000.0


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("orbit") / "sat.oem"
    path.write_text(oem_text(earth_fixed(low_orbit()), 60.0, 25))
    return path


def served(file: Path) -> tuple[int, int]:
    """The first and the last time at which the file's ephemeris answers."""
    (span_ns,) = ephemeris_file.read(file, None).spans_ns
    return span_ns


def mission(file: Path, start_ns: int, duration_s: float) -> Mission:
    start = utc_text(start_ns, 9) if start_ns else "2016-12-19T14:00:00Z"
    return replace(
        SCENARIO.mission,
        window=FixedWindow(start, duration_s),
        partner=replace(SCENARIO.mission.partner, ephemeris=str(file)),
    )


@pytest.mark.parametrize(
    ("before_s", "after_s"), [(0.0, 0.0), (0.0, -2.0), (-2.0, 0.0), (-2.0, 9.0), (9.0, -2.0)]
)
def test_a_window_that_reaches_an_end_of_the_file_is_refused(
    file: Path, before_s: float, after_s: float
) -> None:
    """By so many seconds more than the file serves, before its start and after its end."""
    first_ns, last_ns = served(file)
    start_ns = first_ns - round(before_s * SECOND_NS)
    duration_s = (last_ns - start_ns) / SECOND_NS + after_s
    with pytest.raises(InputError, match=r"^mission.partner.ephemeris: .*has no position") as found:
        resolve_window(mission(file, start_ns, duration_s))
    assert "\n" not in str(found.value)


def test_an_accepted_window_is_predicted_from_its_first_tick_to_its_last(file: Path) -> None:
    first_ns, last_ns = served(file)
    start_ns = first_ns + 2 * SECOND_NS
    wanted = mission(file, start_ns, (last_ns - start_ns) / SECOND_NS - 2.0)
    window = resolve_window(wanted)
    # What the prediction looks beyond the window: less than the second that is asked for.
    assert 3e6 / SPEED_OF_LIGHT_M_S < 0.1
    state, step = pointing.make(wanted, SCENARIO.terminal, window.start_tai_ns)
    for t_ns in (window.start_tai_ns, window.end_tai_ns):
        sample = PointingSample(
            t_ns, t_ns, *PLACE, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1e-3
        )  # fmt: skip
        _, command = step(state, sample, 0.02)
        assert command.valid
        assert not command.events


def test_the_best_pass_is_refused_where_it_begins_with_the_file(file: Path) -> None:
    """The search may begin with the file's first position, a flight may not."""
    first_ns, last_ns = served(file)
    below = replace(SCENARIO.mission, partner=mission(file, 0, 1.0).partner)

    def searched(start_ns: int, end_ns: int) -> Mission:
        span = PassWindow(utc_text(start_ns, 9), (end_ns - start_ns) / (86_400 * SECOND_NS), -89.0)
        return replace(below, window=span)

    start_ns = -(-first_ns // SECOND_NS) * SECOND_NS
    with pytest.raises(InputError, match="has no position"):
        resolve_window(searched(start_ns, last_ns - 3 * SECOND_NS))
    inside = resolve_window(searched(start_ns + 2 * SECOND_NS, last_ns - 3 * SECOND_NS))
    assert inside.start_tai_ns == start_ns + 2 * SECOND_NS
