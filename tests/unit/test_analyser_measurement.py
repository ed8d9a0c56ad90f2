"""Counting on a bench whose tagger has queued clicks, as while an operator set the light."""

from collections import deque
from unittest.mock import MagicMock

import numpy as np
import pytest

from drivers.protocols import TagBlock
from terminal.analyser_measurement import BenchDevices, count

STEP_NS = 20_000_000
OLD_A_POLL = 1000
OLD_POLLS = 200
FRESH_HZ = 500.0


class QueuedTagger:
    """Clicks of V from before, handed out in portions; then one of H every 2 ms."""

    def __init__(self) -> None:
        self.old: deque[int] = deque(range(OLD_POLLS))
        self.told_ns = 0
        self.health = MagicMock()

    def poll(self, t_ns: int) -> TagBlock:
        if self.old:
            k = self.old.popleft()
            time_ps = np.arange(OLD_A_POLL, dtype=np.int64) + k * OLD_A_POLL
            return TagBlock(0, time_ps, np.ones(OLD_A_POLL, np.uint8), False)
        period_ns = round(1e9 / FRESH_HZ)
        first, last = self.told_ns // period_ns + 1, t_ns // period_ns
        self.told_ns = t_ns
        time_ps = np.arange(first, last + 1, dtype=np.int64) * period_ns * 1000 + 10**9
        return TagBlock(0, time_ps, np.zeros(time_ps.size, np.uint8), False)

    def close(self) -> None: ...


def bench(tagger: QueuedTagger) -> BenchDevices:
    now = [0]

    def advance() -> int:
        now[0] += STEP_NS
        return now[0]

    return BenchDevices(MagicMock(), tagger, advance, settle_s=0.0)


@pytest.mark.parametrize("lit", [False, True])
def test_clicks_that_queued_are_not_counted(lit: bool) -> None:
    clicks = count(bench(QueuedTagger()), 1.0, lit=lit)
    assert clicks[1] == 0.0
    assert clicks[0] == pytest.approx(FRESH_HZ, abs=0.03 * FRESH_HZ)
    assert clicks[2:].sum() == 0.0
