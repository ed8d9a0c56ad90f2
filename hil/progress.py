"""What a person sees while a flight goes on: a bar on a terminal, plain lines elsewhere."""

import math
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from hil.flight import Progress
from terminal.mode import Mode

LINE_EVERY_S = 10.0


def _text(p: Progress) -> str:
    qber = "    -  " if p.qber is None else f"{100 * p.qber:5.2f} %"
    return (
        f"{Mode(p.mode).name:8} elevation {math.degrees(p.elevation_rad):5.1f} deg  "
        f"QBER {qber}  key {p.secret_key_bits:9.0f} bit"
    )


@contextmanager
def shown(title: str) -> Iterator[Callable[[Progress], None]]:
    """A function to call with each progress, while the context is open. Writes to stderr."""
    if not sys.stderr.isatty():
        last = -LINE_EVERY_S

        def line(p: Progress) -> None:
            nonlocal last
            if p.elapsed_s - last >= LINE_EVERY_S or p.elapsed_s >= p.duration_s:
                last = p.elapsed_s
                print(f"{p.elapsed_s:6.1f} / {p.duration_s:.0f} s  {_text(p)}", file=sys.stderr)

        yield line
        return

    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        TextColumn("{task.completed:5.0f}/{task.total:.0f} s"),
        TextColumn("{task.fields[text]}"),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(title, total=1.0, text="")

        def update(p: Progress) -> None:
            bar.update(task, total=p.duration_s, completed=p.elapsed_s, text=_text(p))

        yield update
