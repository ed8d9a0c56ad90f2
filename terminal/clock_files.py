"""The files that `qsky clock simulate` writes."""

from pathlib import Path

import numpy as np

from config.errors import InputError
from terminal.clock_simulation import StreamPlan, simulate_stream
from terminal.output import write_json
from terminal.timetags.formats import write_a1, write_npz


def write_simulation(folder: Path, plan: StreamPlan, tag_format: str) -> None:
    """tags.npz or tags.a1, pattern.npz, slots.npy, truth.json in `folder`, made where missing.

    Raises:
        InputError: something cannot be written.
    """
    stream = simulate_stream(plan)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(folder / "pattern.npz", state=stream.state)
        np.save(folder / "slots.npy", stream.slot)
    except OSError as error:
        raise InputError(f"--out: {folder}: cannot write: {error.strerror}") from error
    tags = folder / f"tags.{tag_format}"
    if tag_format == "a1":
        write_a1(tags, stream.time_ps, stream.channel)
    else:
        write_npz(tags, stream.time_ps, stream.channel)
    truth = {
        **plan._asdict(),
        "clicks": int(stream.time_ps.size),
        "signal_clicks": int(np.count_nonzero(stream.is_signal)),
        "frequency_offset": stream.frequency_offset,
        "frequency_slope_per_s": stream.drift_per_s,
        "offset_slots": stream.offset_slots,
    }
    write_json(folder / "truth.json", truth)
