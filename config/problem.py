"""What a check of a scenario says."""

from typing import NamedTuple


class Problem(NamedTuple):
    """A key like `terminal.fine.gain`, what is wrong with it, and what to do."""

    key: str
    text: str
