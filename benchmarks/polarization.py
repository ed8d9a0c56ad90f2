"""`python -m benchmarks.polarization`: how soon and how well the polarisation frames agree.

Whole flights against the truth, with the errors that nobody on board knows set to the worst: 3
degrees of plate offset (6 of the frame), and half a degree of each end's attitude about the line of
sight (1 of the frame) of the sign that adds to them; then all with the other sign. Beside each the
time that the Fisher information of all public and disclosed counts needs for half a degree
(`hil.polarization_score`). And 10 degrees of phase of either sign before a variable retarder: it
is held to what a retarder on its axis can correct; beside it stands all that is left, with the part
of the plate's own error that none can. Both are of the time outside of dithers.
"""

import argparse
import math
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from config.loader import load_scenario
from config.scenario import Scenario
from hil.flight import Flight, window_of

PLATE_OFFSET_RAD = math.radians(3.0)
ATTITUDE_RAD = math.radians(0.5)
"""Of either end."""
PHASE_RAD = math.radians(10.0)
MOST_FRAME_DEG = 0.5
MOST_RATIO = 2.0
MOST_PHASE_DEG = 1.0
FRAME_CASES = ("leo_haps_downlink", "leo_haps_zenith")
PHASE_CASE = "leo_haps_retarder"


class Result(NamedTuple):
    """Of one flight; None: it did not come so far."""

    frame_deg_rms: float | None
    converged_s: float | None
    fisher_s: float | None
    phase_deg_rms: float | None
    correctable_deg_rms: float | None
    phase_converged_s: float | None
    qber: float | None
    secret_key_bits: float

    @property
    def ratio(self) -> float:
        """Time to converge over that of the information."""
        if self.converged_s is None or not self.fisher_s:
            return math.inf
        return self.converged_s / self.fisher_s

    @property
    def frames_agree(self) -> bool:
        """As asked for."""
        return (self.frame_deg_rms or math.inf) < MOST_FRAME_DEG and self.ratio <= MOST_RATIO


def flown(scenario: Scenario, seed: int, sign: float, duration_s: float | None) -> Result:
    """A flight with the errors forced, all of this sign in their effect on the frame."""
    with tempfile.TemporaryDirectory() as folder:
        flight = Flight(
            scenario, seed, window_of(scenario, duration_s), Path(folder), lambda progress: None
        )
        draws = flight.world.draws
        # The plate's offset takes twice itself from the frame's error, the reference adds to it.
        flight.world.replace_draws(
            draws._replace(
                plate=draws.plate._replace(offset_rad=sign * PLATE_OFFSET_RAD),
                reference_rad=-sign * 2.0 * ATTITUDE_RAD,
            )
        )
        try:
            flight.lock_step()
        finally:
            flight.close()
        summary = flight.summary()
    return Result(
        summary["polarization_error_deg_rms"],
        summary["polarization_converged_s"],
        summary["polarization_fisher_s"],
        summary["phase_error_deg_rms"],
        summary["phase_correctable_deg_rms"],
        summary["phase_converged_s"],
        summary["qber_true"],
        summary["secret_key_bits"],
    )


def with_phase(scenario: Scenario, phase_rad: float) -> Scenario:
    """The receiving optics' own."""
    world = scenario.world
    polarization = msgspec.structs.replace(world.polarization, retardance_rad=phase_rad)
    return msgspec.structs.replace(
        scenario, world=msgspec.structs.replace(world, polarization=polarization)
    )


def _number(value: float | None, form: str) -> str:
    return "none" if value is None else format(value, form)


def told(name: str, seed: int, sign: float, result: Result, holds: bool) -> None:
    """One line."""
    print(
        f"{name}, seed {seed}, errors {'+' if sign > 0 else '-'}: frame "
        f"{_number(result.frame_deg_rms, '.3f')} deg rms after {_number(result.converged_s, '.2f')}"
        f" s, information {_number(result.fisher_s, '.2f')} s, ratio {result.ratio:.2f}; phase "
        f"left {_number(result.phase_deg_rms, '.2f')} deg rms, of that correctable "
        f"{_number(result.correctable_deg_rms, '.2f')}, under 1 after "
        f"{_number(result.phase_converged_s, '.1f')} s; error rate "
        f"{100 * (result.qber or math.nan):.2f} %, key {result.secret_key_bits / 1000:.1f} kbit: "
        f"{'holds' if holds else 'FAILS'}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.polarization", description=__doc__)
    parser.add_argument("--seeds", type=int, default=2, help="flights of each sign (default: 2)")
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--duration-s", type=float, help="of each flight (default: all of it)")
    parser.add_argument("--scenario", choices=(*FRAME_CASES, PHASE_CASE), help="only this one")
    options: Any = parser.parse_args()
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    good = True
    for name in (*FRAME_CASES, PHASE_CASE):
        if options.scenario not in (None, name):
            continue
        for seed in seeds:
            for sign in (1.0, -1.0):
                scenario = load_scenario(name)
                if name == PHASE_CASE:
                    scenario = with_phase(scenario, sign * PHASE_RAD)
                result = flown(scenario, seed, sign, options.duration_s)
                holds = result.frames_agree
                if name == PHASE_CASE:
                    holds = holds and (result.correctable_deg_rms or math.inf) < MOST_PHASE_DEG
                told(name, seed, sign, result, holds)
                good &= holds
    sys.exit(not good)


if __name__ == "__main__":
    main()
