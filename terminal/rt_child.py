"""The process that `qsky rt-check` measures: the fine loop's, on devices that answer at once."""

import msgspec

from terminal.dummy_bench import DummyBench
from terminal.fine_memory import FineJob, FineReport
from terminal.fine_process import as_child, serve


def _on_dummies(line: bytes) -> FineReport:
    job = msgspec.json.decode(line, type=FineJob)
    bench = DummyBench(job.config)
    return serve(job, bench, bench)


def main() -> None:
    """The process; one flight after the other."""
    as_child(_on_dummies)
