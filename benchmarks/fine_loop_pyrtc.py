"""Times pyRTC's loop on a tip-tilt signal; run by benchmarks.fine_loop where pyrtcao is installed.

Prints [p50, p99] of one iteration in us. Nothing of qsky is imported: its interpreter need not have
it.
"""

import json
import logging
from importlib import import_module
from time import perf_counter_ns

import numpy as np

TICKS = 20_000


def main() -> None:
    logging.disable(logging.CRITICAL)
    loops, streams = import_module("pyrtc.loop"), import_module("pyrtc.streams")

    signal = streams.create_stream("signal", (2,), np.float32)
    streams.create_stream("wfc", (2,), np.float32)
    loop = loops.Loop({"gain": 0.3})
    loop.cm = np.eye(2, dtype=np.float32)
    loop.gain = 0.3
    try:
        rng = np.random.default_rng(0)
        spent = []
        for row in rng.normal(size=(TICKS, 2)).astype(np.float32):
            signal.write(row)
            started = perf_counter_ns()
            loop.standard_integrator()
            spent.append((perf_counter_ns() - started) * 1e-3)
    finally:
        streams.clear_shms(["signal", "wfc"])
    print(json.dumps(np.percentile(spent[1000:], [50, 99]).tolist()))


if __name__ == "__main__":
    main()
