"""A lock followed over parts of a pass: the filter's error is what it says, and no slot slips.

`python -m benchmarks.clock_tracking` does the same over whole passes.
"""

import pytest

from benchmarks.clock_streams import Stream
from benchmarks.clock_tracking import Case, holds, run

PASS = Stream(background=0.5, wander_s=2e-11)


@pytest.mark.parametrize(
    "stream",
    [
        PASS._replace(rate_hz=100.0, span_s=160.0, start_s=-80.0),
        PASS._replace(rate_hz=1e3, span_s=20.0, start_s=-45.0),
        PASS._replace(rate_hz=1e5, span_s=4.0, start_s=-2.0, background=0.2),
    ],
    ids=["100 cps", "1 kcps, largest jerk", "100 kcps"],
)
def test_the_filters_error_is_what_it_states(stream: Stream) -> None:
    case = Case("", stream)
    assert holds(case, run(case, 2))


@pytest.mark.slow
@pytest.mark.parametrize("outage_s", [1.0, 5.0])
def test_slots_are_right_on_both_sides_of_an_outage(outage_s: float) -> None:
    stream = Stream(
        rate_hz=2e3, span_s=8.0 + outage_s, start_s=-4.0, silent_s=(4.0, 4.0 + outage_s)
    )
    case = Case("", stream, file=True)
    assert holds(case, run(case, 2))


@pytest.mark.slow
def test_a_long_faint_file_is_smoothed_without_a_slip() -> None:
    """More than a thousand knots of half background: rounding must not make a variance negative."""
    stream = PASS._replace(rate_hz=100.0, span_s=400.0, start_s=-200.0)
    case = Case("", stream, file=True)
    assert holds(case, run(case, 2))
