"""The tables of the summary against the arrays that they come from."""

import numpy as np

from hil.quality_summary import counts_by_quality, gains_by_basis
from terminal.qkd.sifting import Tally
from terminal.quantum_messages import LinkCommand

POOR = Tally((5, 4, 3), (20, 10, 2), (2, 1, 0), (7, 0, 1), (1, 0, 1))
GOOD = Tally((50, 40, 30), (200, 100, 20), (20, 10, 0), (70, 0, 10), (10, 0, 10))


def test_counts_are_those_of_the_tallies() -> None:
    link = LinkCommand(
        detected_by_quality=np.array([1, 200, 3000]),
        slots_by_quality=np.array([10, 20, 30]),
        sifted_by_quality=np.array([POOR[:5], GOOD[:5]]).ravel(),
    )
    told = counts_by_quality(link)
    assert list(told) == ["off", "poor", "good"]
    for name, tally in (("off", Tally()), ("poor", POOR), ("good", GOOD)):
        of = told[name]
        assert tuple(of["x_kept"]) == tally.x
        assert tuple(of["x_disclosed"]) == tally.disclosed_x
        assert tuple(of["x_errors"]) == tally.errors_disclosed_x
        assert tuple(of["z"]) == tally.z
        assert tuple(of["z_errors"]) == tally.z_errors
        assert (of["sifted"], of["disclosed"]) == (tally.sifted, tally.disclosed)
        assert of["errors"] == sum(tally.z_errors) + sum(tally.errors_disclosed_x)
    assert [told[q]["detected"] for q in told] == [1, 200, 3000]
    assert [told[q]["key_slots"] for q in told] == [10, 20, 30]


def test_what_is_not_known_is_null() -> None:
    link = LinkCommand(gain=np.arange(6.0), error_rate=np.full(6, np.nan))
    told = gains_by_basis(link)
    assert [told[b][i]["gain"] for b in told for i in told[b]] == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    assert told["z"]["vacuum"]["error_rate"] is None
