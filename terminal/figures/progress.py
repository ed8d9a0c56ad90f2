"""How far the figures are, on standard error where someone looks."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple


class Progress(NamedTuple):
    expect: Callable[[int], None]
    """So many steps more will come."""
    step: Callable[[], None]
    """One of them is done."""


SILENT = Progress(lambda steps: None, lambda: None)


@contextmanager
def shown(what: str) -> Iterator[Progress]:
    """A bar on standard error; nothing where that is no terminal."""
    from rich.console import Console
    from rich.progress import Progress as Bar

    console = Console(stderr=True)
    with Bar(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(what, total=0)
        total = 0

        def expect(steps: int) -> None:
            nonlocal total
            total += steps
            bar.update(task, total=total)

        yield Progress(expect, lambda: bar.advance(task))
