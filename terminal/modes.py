"""The life of a link as one state machine. `TRANSITIONS` is the whole of it: read or draw it.

`docs/modes.md` is the drawing, made from the table by `diagram`.
"""

from typing import NamedTuple

from config.terminal import TerminalConfig
from terminal.messages import ModesCommand, ModesSample
from terminal.mode import Mode
from terminal.safety import Unsafe, check


class Transition(NamedTuple):
    """From `source` (None: from any) to `target` when the guard of that name holds."""

    source: Mode | None
    guard: str
    target: Mode


# In order of precedence: the first whose guard holds is taken.
TRANSITIONS = (
    Transition(None, "window_over", Mode.STANDBY),
    Transition(Mode.STANDBY, "window_open", Mode.POINT),
    Transition(None, "unsafe", Mode.SAFE),
    Transition(Mode.SAFE, "all_clear", Mode.POINT),
    Transition(Mode.POINT, "on_target", Mode.ACQUIRE),
    Transition(Mode.ACQUIRE, "beacon_centred", Mode.TRACK),
    Transition(Mode.TRACK, "beacon_gone", Mode.LOST),
    Transition(Mode.TRACK, "fine_settled", Mode.LINK),
    Transition(Mode.LINK, "beacon_gone", Mode.LOST),
    Transition(Mode.LINK, "keep_out", Mode.TRACK),
    Transition(Mode.LINK, "fine_open", Mode.TRACK),
    Transition(Mode.LINK, "fine_adrift", Mode.TRACK),
    Transition(Mode.LOST, "beacon_centred", Mode.TRACK),
    Transition(Mode.LOST, "coast_over", Mode.ACQUIRE),
)

BEACON_ON = frozenset({Mode.ACQUIRE, Mode.TRACK, Mode.LINK, Mode.LOST})
"""Modes in which our own beacon shines toward the partner."""

UNSAFE_IN = frozenset({Mode.ACQUIRE, Mode.TRACK, Mode.LINK, Mode.LOST})
"""Modes that transmit, so that silence matters; STANDBY and POINT do nothing that could harm."""


class Timers(NamedTuple):
    """State of the machine: the mode, since when, and for how long conditions have held."""

    mode: Mode = Mode.STANDBY
    since_ns: int = 0
    no_beacon_s: float = 0.0
    near_s: float = 0.0
    far_s: float = 0.0
    settled_s: float = 0.0
    adrift_s: float = 0.0
    clear_s: float = 0.0
    fine_enable: bool = False


ADRIFT = 3.0
"""A closed loop whose residual is this many times what counts as settled holds nothing."""

CLEAR_S = 1.0
"""All must be well this long before SAFE is left."""

Step = tuple[Timers, ModesCommand]


def _held(condition: bool, so_far_s: float, dt_s: float) -> float:
    return so_far_s + dt_s if condition else 0.0


def guards(
    config: TerminalConfig, timers: Timers, s: ModesSample, unsafe: Unsafe
) -> dict[str, bool]:
    """All conditions that the table names, by name."""
    return {
        "window_open": bool(s.window_open and s.pointing_valid),
        "window_over": not s.window_open and timers.mode is not Mode.STANDBY,
        "unsafe": bool(unsafe) and timers.mode in UNSAFE_IN,
        "all_clear": timers.clear_s >= CLEAR_S,
        "on_target": bool(
            s.gimbal_on_target and s.elevation_rad > config.keep_out.horizon_rad and not unsafe
        ),
        "beacon_centred": bool(s.camera_confirmed and s.camera_found)
        and s.camera_error_rad < config.coarse.handover_rad,
        "beacon_gone": timers.no_beacon_s > config.safety.lost_after_s,
        "fine_settled": timers.settled_s >= config.fine.settled_s and not s.keep_out,
        "keep_out": bool(s.keep_out),
        "fine_open": not s.fine_closed,
        "fine_adrift": timers.adrift_s > config.safety.lost_after_s,
        "coast_over": (s.t_ns - timers.since_ns) * 1e-9 > config.safety.reacquire_after_s,
    }


def step(config: TerminalConfig, timers: Timers, s: ModesSample, dt_s: float) -> Step:
    """One tick: conditions, at most one transition, and what the mode allows."""
    unsafe = check(config.safety, s)
    near = bool(s.camera_found) and s.camera_error_rad < config.coarse.handover_rad
    far = bool(s.camera_found) and s.camera_error_rad > config.coarse.release_rad
    settled = bool(s.fine_closed) and s.fine_rms_rad < config.fine.settled_rad
    adrift = bool(s.fine_closed) and s.fine_rms_rad > ADRIFT * config.fine.settled_rad
    timers = timers._replace(
        no_beacon_s=_held(not (s.camera_found or s.fine_beacon), timers.no_beacon_s, dt_s),
        near_s=_held(near, timers.near_s, dt_s),
        far_s=_held(far, timers.far_s, dt_s),
        settled_s=_held(settled, timers.settled_s, dt_s),
        adrift_s=_held(adrift, timers.adrift_s, dt_s),
        clear_s=_held(not unsafe, timers.clear_s, dt_s),
    )
    holds = guards(config, timers, s, unsafe)
    for source, guard, target in TRANSITIONS:
        if source in (None, timers.mode) and timers.mode is not target and holds[guard]:
            timers = timers._replace(mode=target, since_ns=s.t_ns, near_s=0.0, settled_s=0.0)
            break
    mode = timers.mode
    # The mirror takes over once the camera has held the beacon inside the quad cell's reach, and
    # keeps it until the beacon is lost, or has stood far outside for as long.
    handover_s = config.coarse.handover_s
    fine_enable = mode in (Mode.TRACK, Mode.LINK) and (
        timers.far_s < handover_s if timers.fine_enable else timers.near_s >= handover_s
    )
    timers = timers._replace(fine_enable=fine_enable)
    command = ModesCommand(
        mode=mode,
        since_ns=timers.since_ns,
        fine_enable=fine_enable,
        beacon_on=mode in BEACON_ON and not unsafe,
        shutter_open=mode is Mode.LINK and not unsafe and not s.keep_out,
        unsafe=int(unsafe),
    )
    return timers, command


def diagram() -> str:
    """The table as a Mermaid state diagram."""
    lines = ["stateDiagram-v2", "    [*] --> STANDBY"]
    for source, guard, target in TRANSITIONS:
        sources = [source] if source is not None else [m for m in Mode if m is not target]
        if guard == "unsafe":
            sources = [m for m in sources if m in UNSAFE_IN]
        lines += [f"    {s.name} --> {target.name}: {guard.replace('_', ' ')}" for s in sources]
    return "\n".join(lines) + "\n"
