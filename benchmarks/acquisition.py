"""`python -m benchmarks.acquisition`: do searches take the time that was planned?

Every seed is a flight in lock-step through the devices' bytes, from the start of the window until
the true beacon is tracked in the middle of the camera's image, or until the search has lasted too
long: what is tracked first may be a false spot, which the terminal has to find out by itself. The
times from ACQUIRE to that TRACK are compared with the planned distribution, in which nothing is
fitted.
"""

import argparse
import gc
import json
import math
import tempfile
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from config.loader import load_scenario
from config.scenario import Scenario
from hil.flight import GRID_NS, Flight, window_of
from sim_devices.carrier import GRID_HZ
from terminal.control.image.beacon import camera_geometry
from terminal.control.search.acquisition_time import TimeDistribution, quantile_interval
from terminal.mode import Mode
from terminal.search_planning import planned_search

SCENARIO = Path(__file__).with_name("acquisition.yaml")

LIMIT_S = 60.0
"""A search that takes longer has failed."""
LONGEST_SLEW_S = 30.0
"""Time for what comes before the search."""

SHARE_WANTED = 0.99
QUANTILES = (0.5, 0.95)
CONFIDENCE = 0.99

KEPT_STEPS = GRID_HZ // 2
"""Truth of the last half second: frames are answered much sooner."""


class Outcome(NamedTuple):
    """One flight."""

    seed: int
    began_s: float
    """Of the search, since the start of the window; inf: never."""
    took_s: float
    """From the first ACQUIRE until the true beacon is tracked; inf: not within the limit."""
    true_error_rad: float
    """Of the beacon from the middle of the image, by the world's truth, in the frame that ended the
    search; inf without one."""
    false: int
    """How often before something was tracked that is not the beacon."""


def acquire(scenario: Scenario, limit_s: float, seed: int) -> Outcome:
    """Fly until the beacon is tracked.

    Raises InputError or DeviceError where the scenario cannot be flown.
    """
    with tempfile.TemporaryDirectory(prefix="qsky-acquisition-") as folder:
        window = window_of(scenario, LONGEST_SLEW_S + limit_s)
        flight = Flight(scenario, seed, window, Path(folder), lambda progress: None)
        gc.disable()
        try:
            return _fly(flight, seed, limit_s)
        finally:
            gc.enable()
            flight.close()


def _fly(flight: Flight, seed: int, limit_s: float) -> Outcome:
    bus, world, window = flight.bus, flight.world, flight.window
    seen: deque[tuple[int, float, float]] = deque(maxlen=KEPT_STEPS)
    began_s = math.inf
    camera = camera_geometry(flight.scenario.terminal)
    reach_rad = flight.scenario.terminal.coarse.handover_rad + camera.pixel_rad
    false, before = 0, Mode.STANDBY
    for step in range((window.end_tai_ns - window.start_tai_ns) // GRID_NS):
        t_s = step / GRID_HZ
        flight.begin_grid()
        seen.append((world.clock.t_ns, *world.plant.seen_rad))
        flight.fine_ticks()
        flight.end_grid()
        mode = Mode(bus.modes.command.mode)
        if mode is Mode.ACQUIRE and began_s == math.inf:
            began_s = t_s
        if mode is Mode.TRACK and bus.camera.command.found:
            error_rad = _true_error_rad(seen, bus.camera.command.frame_t_ns)
            if error_rad <= reach_rad:
                return Outcome(seed, began_s, t_s - began_s, error_rad, false)
            false += before is not Mode.TRACK
        before = mode
        if t_s - began_s >= limit_s:
            break
    return Outcome(seed, began_s, math.inf, math.inf, false)


def _true_error_rad(seen: Iterable[tuple[int, float, float]], frame_t_ns: int) -> float:
    """The smaller one at the two grid points that the exposure lies between: in a pull-in the image
    moves by more than the hand-over radius from one to the other."""
    return min(math.hypot(x, y) for t_ns, x, y in seen if abs(t_ns - frame_t_ns) < GRID_NS)


def campaign(
    scenario: Scenario, seeds: Iterable[int], workers: int, limit_s: float = LIMIT_S
) -> Iterator[Outcome]:
    """All seeds, in their order."""
    fly = partial(acquire, scenario, limit_s)
    # A fork of a process that has threads, as of OpenCV or ZeroMQ, may never come round.
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        yield from pool.map(fly, seeds)


def planned(scenario: Scenario, limit_s: float = LIMIT_S) -> TimeDistribution:
    """What the terminal expects of its search, from its own configuration and the accuracy that
    its navigation unit states."""
    return planned_search(
        scenario.mission,
        scenario.terminal,
        window_of(scenario, None).start_tai_ns,
        attitude_sigma_rad=scenario.world.navigation.attitude_bias_rad,
        limit_s=limit_s,
    ).time


def verdict(plan: TimeDistribution, outcomes: list[Outcome]) -> dict[str, Any]:
    """Flown against planned; `passed` says whether all holds that is asked for."""
    times_s = np.array([outcome.took_s for outcome in outcomes])
    share = float(np.isfinite(times_s).mean())
    quantiles = []
    for q in QUANTILES:
        low_s, high_s = quantile_interval(plan, q, len(outcomes), CONFIDENCE)
        flown_s = float(np.quantile(times_s, q, method="inverted_cdf"))
        quantiles.append(
            {
                "share": q,
                "planned_s": plan.quantile_s(q),
                "interval_s": [low_s, high_s],
                "flown_s": flown_s,
                "inside": low_s <= flown_s <= high_s,
            }
        )
    return {
        "flights": len(outcomes),
        "acquired": share,
        "planned": plan.probability,
        "false": sum(outcome.false > 0 for outcome in outcomes),
        "quantiles": quantiles,
        "passed": share >= SHARE_WANTED and all(row["inside"] for row in quantiles),
    }


def table(answer: dict[str, Any]) -> Table:
    """The verdict for people."""
    shown = Table(
        title=f"{answer['flights']} flights, {answer['false']} tracked a false spot first"
    )
    for column in ("what", "planned", f"{CONFIDENCE:.0%} interval", "flown", "inside"):
        shown.add_column(column, justify="left" if column == "what" else "right")
    wanted = "yes" if answer["acquired"] >= SHARE_WANTED else "NO"
    shown.add_row(
        f"acquired within {LIMIT_S:g} s",
        f"{answer['planned']:.2%}",
        f"{SHARE_WANTED:.0%} wanted",
        f"{answer['acquired']:.2%}",
        wanted,
    )
    for row in answer["quantiles"]:
        low_s, high_s = row["interval_s"]
        shown.add_row(
            f"{row['share']:.0%} of them within",
            f"{row['planned_s']:.2f} s",
            f"{low_s:.2f} .. {high_s:.2f} s",
            f"{row['flown_s']:.2f} s",
            "yes" if row["inside"] else "NO",
        )
    return shown


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.acquisition", description=__doc__)
    parser.add_argument("--seeds", type=int, default=500, help="1 to this (default: 500)")
    parser.add_argument("--workers", type=int, default=2, help="processes (default: 2)")
    parser.add_argument("--scenario", default=str(SCENARIO), help="another one, a file or a name")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write all outcomes here too")
    options = parser.parse_args()
    scenario = load_scenario(options.scenario)
    console = Console(width=110)
    flights = campaign(scenario, range(1, options.seeds + 1), options.workers)
    outcomes = list(track(flights, "flying", total=options.seeds, console=console))
    answer = verdict(planned(scenario), outcomes)
    console.print(table(answer))
    if options.json:
        flown = [outcome._asdict() for outcome in outcomes]
        answer = {"scenario": scenario.name, **answer, "outcomes": flown}
        options.json.write_text(json.dumps(answer, indent=1) + "\n")
    return 0 if answer["passed"] else 1


if __name__ == "__main__":
    raise SystemExit(main())
