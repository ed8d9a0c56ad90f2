"""All checks, by theme, in the order of the page."""

from typing import NamedTuple

from hil.validation import (
    air,
    article,
    beam,
    clock,
    keys,
    micius,
    pointing,
    polarisation,
    sky,
    slots,
)
from hil.validation.check import Judged, Kind, Status, judge
from terminal.figures.progress import Progress


class Theme(NamedTuple):
    """One part of the page."""

    title: str
    about: str
    judged: list[Judged]

    def number_of(self, status: Status, kind: Kind) -> int:
        return sum(row.status == status and row.check.kind == kind for row in self.judged)


def judge_all(progress: Progress) -> list[Theme]:
    """Takes some ten seconds."""
    rooms = (article, micius, keys, air, sky, beam, pointing, polarisation, clock, slots)
    checks = [(room.TITLE, room.ABOUT, room.checks()) for room in rooms]
    progress.expect(sum(len(rows) for _, _, rows in checks))
    themes = []
    for title, about, rows in checks:
        judged = []
        for check in rows:
            judged.append(judge(check))
            progress.step()
        themes.append(Theme(title, about, judged))
    return themes
