"""The fine loop's step: a compiled tick, and what follows from a probe of the mirror."""

from typing import NamedTuple

from config.terminal import TerminalConfig
from terminal.control.fine.events import LOOP_OPEN, FineEvent
from terminal.control.fine.state import PATIENCE_S, LoopState, new_state
from terminal.control.fine.tick import tick
from terminal.control.fine.verdict import bearable, heard, verdict
from terminal.control.prediction.memory import Memory, new_memory
from terminal.messages import FineCommand, FineSample

_RETRY_S, _ASK_AGAIN_S, _ASK_INTEGRATOR_S = 0.1, 1.0, 5.0
_MOST_PATIENCE_S = 30.0
_FOUND_BY_PROBE = (
    FineEvent.MIRROR_STUCK
    | FineEvent.AXES_SWAPPED
    | FineEvent.SIGN_FLIPPED
    | FineEvent.DELAY_WRONG
    | FineEvent.RESPONSE_OFF
    | FineEvent.INTEGRATOR
)

new_tuple = tuple.__new__
"""Makes a NamedTuple of values in its order, at half the cost of calling its class."""


class FineState(NamedTuple):
    """Both records are written in place by each step."""

    loop: LoopState
    memory: Memory
    tick_s: float


def initial(config: TerminalConfig) -> FineState:
    """An open loop that has learned nothing.

    Raises:
        ValueError: a response by which the mirror cannot be steered.
    """
    rate_hz = float(config.rates.fine_hz)
    memory = new_memory(rate_hz, config.fine.response.delay_samples)
    return FineState(new_state(config), memory, 1.0 / rate_hz)


def step(state: FineState, s: FineSample, dt_s: float) -> tuple[FineState, FineCommand]:
    """One scan: residual, mirror command, and whether the loop is closed."""
    loop, memory, tick_s = state
    t_ns, a, b, c, d, fresh, _, enable, aim_x, aim_y = s
    missed = round(dt_s / tick_s) - 1 if dt_s > 1.5 * tick_s else 0
    answer = tick(loop, memory, t_ns, a, b, c, d, fresh, enable, aim_x, aim_y, missed)
    if answer[-1]:
        judge(loop)
    return state, new_tuple(FineCommand, answer[:-1])


def judge(loop: LoopState) -> None:
    """Draws the consequences of a probe that has ended."""
    s = loop[0]
    answer, delay_samples = heard(loop), int(s["delay"])
    found = None if answer is None else verdict(answer, delay_samples)
    if answer is None or found is None:
        s["wait_s"] = _RETRY_S
        if s["probe_open"]:
            # It was asked because feedback had become doubtful, and still is.
            s["verified"] = 0
        return
    if found and not s["probe_open"]:
        # Feedback may have made it: once more, with the loop open.
        s["verified"], s["wait_s"] = 0, 0.0
        return
    opens = bool(found & LOOP_OPEN) or not bearable(answer, delay_samples)
    steers = FineEvent.INTEGRATOR if found and not opens else FineEvent(0)
    s["events"] = int((FineEvent(int(s["events"])) & ~_FOUND_BY_PROBE) | found | steers)
    s["verified"] = int(not opens)
    if found:
        # An open loop has nothing to lose by being asked; the integrator does.
        s["wait_s"] = _ASK_AGAIN_S if opens else _ASK_INTEGRATOR_S
    elif s["probe_open"]:
        s["wait_s"] = s["patience_s"] = PATIENCE_S
    else:
        # Doubted without cause: each time longer it is left in peace.
        s["wait_s"] = s["patience_s"]
        s["patience_s"] = min(2.0 * float(s["patience_s"]), _MOST_PATIENCE_S)
