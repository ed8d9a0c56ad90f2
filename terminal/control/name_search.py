"""Which states are which, while no clock is found: they may be exchanged from the very start.

A clock is proved by the states that the pattern sent, by the names that the detectors have. With D
and A exchanged what one basis shows for the right slots the other shows against them, and none is
found. So one naming after the other is tried. The clock that is found proves it; from then on the
counts judge (`state_labels`).
"""

from itertools import product
from typing import NamedTuple

from terminal.control.state_labels import Labels

FILLINGS = 1.5
"""Of the clock search, in clicks, for each naming: one has what a lock takes at 80 % background."""
LEAST_S = 4.0
"""For each naming: the clock is searched for in parts, one a tick."""
PROVED_S = 10.0
"""A clock known for so long proves the names; one that is lost before may have come by chance."""
FORGET_S = 0.5
"""After a new naming, while the plate may still turn: clicks of up to then are not searched."""


class Naming(NamedTuple):
    """One way in which states may be exchanged."""

    labels: Labels = Labels()
    quarter: bool = False
    """The frame stands a quarter turn off: H and V, D and A have changed places together."""


NAMINGS = [
    Naming(Labels(swapped, mirrored), quarter)
    for mirrored, quarter, swapped in [
        *product([False], [False, True], [False, True]),
        *product([True], [False, True], [True, False]),
    ]
]
"""The likely ones first. A mirror taken to be missing that is not may find a clock by chance, where
the frame stands so, and then turns the plate the wrong way."""


class NameSearch(NamedTuple):
    """Between two ticks."""

    clicks: float = 0.0
    """That came in vain by the naming of now ..."""
    since_ns: int = 0
    """... since then; 0: a clock is known, or none is looked for."""
    tries: int = 0
    """Namings given up since names were proved last."""
    home: Naming = Naming()
    """The naming before the first try."""
    known_ns: int = 0
    """Since when a clock is known; 0: none is."""

    def forget(self, t_ns: int) -> bool:
        """Whether clicks of up to now are of another naming."""
        return self.trying and (t_ns - self.since_ns) * 1e-9 < FORGET_S

    @property
    def trying(self) -> bool:
        return self.tries > 0 and not self.known_ns


def searched(
    search: NameSearch, now: Naming, clock_known: bool, clicks: int, acquire_clicks: int, t_ns: int
) -> tuple[NameSearch, Naming | None]:
    """After a tick, and the naming to try next; None: that of now stays.

    clicks: in which a clock was looked for in vain. acquire_clicks: of one filling.
    """
    if clock_known:
        known_ns = search.known_ns or t_ns
        if (t_ns - known_ns) * 1e-9 >= PROVED_S:
            return NameSearch(known_ns=known_ns), None
        return search._replace(clicks=0.0, since_ns=0, known_ns=known_ns), None
    search = search._replace(known_ns=0)
    if not search.since_ns:
        if not clicks:
            return search, None
        return search._replace(since_ns=t_ns, home=search.home if search.tries else now), None
    search = search._replace(clicks=search.clicks + clicks)
    if search.clicks < FILLINGS * acquire_clicks or (t_ns - search.since_ns) * 1e-9 < LEAST_S:
        return search, None
    tries, home = search.tries + 1, search.home
    if tries % 2:
        others = [one for one in NAMINGS if one != home]
        chosen = others[tries // 2 % len(others)]
    else:
        # Names are seldom the cause: a weak signal has half of the time as before.
        chosen = home
    return NameSearch(0.0, t_ns, tries, home), chosen
