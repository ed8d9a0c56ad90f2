"""The life of a link as one state machine. `TRANSITIONS` is the whole of it: read or draw it.

`docs/modes.md` is the drawing, made from the table by `diagram`.
"""

from typing import NamedTuple

from config.terminal import TerminalConfig
from terminal.control.guidance.keep_out import AVERTED
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
    Transition(Mode.ACQUIRE, "partner_set", Mode.POINT),
    Transition(Mode.TRACK, "partner_set", Mode.POINT),
    Transition(Mode.LOST, "partner_set", Mode.POINT),
    Transition(Mode.ACQUIRE, "beacon_centred", Mode.TRACK),
    Transition(Mode.TRACK, "false_lock", Mode.ACQUIRE),
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
"""Modes in which our own beacon shines toward the partner, unless it is in a keep-out in which the
gimbal looks elsewhere."""

UNSAFE_IN = frozenset({Mode.ACQUIRE, Mode.TRACK, Mode.LINK, Mode.LOST})
"""Modes that transmit, so that silence matters; STANDBY and POINT do nothing that could harm."""


class Timers(NamedTuple):
    """State of the machine: the mode, since when, and for how long conditions have held."""

    mode: Mode = Mode.STANDBY
    since_ns: int = 0
    no_beacon_s: float = 0.0
    unseen_s: float = 0.0
    """Without the camera's beacon, whatever the quad cell shows."""
    dark_s: float = 0.0
    """Tracked without light on the quad cell, or far from it."""
    lit: bool = False
    """The quad cell has shown light since this beacon is tracked."""
    near_s: float = 0.0
    far_s: float = 0.0
    settled_s: float = 0.0
    adrift_s: float = 0.0
    clear_s: float = 0.0
    fine_enable: bool = False
    false_locks: int = 0


DARK_S = 2.0
"""The beacon lights the quad cell as soon as it is centred, tenths of a second after the camera has
handed it over. A spot that does not in this time is something else."""

QUAD_ALONE_S = 10.0
"""The quad cell sees any light, a bright sky too. Without the camera it is believed for so long."""

SET_RAD = 1.0e-3
"""A partner has set when it is this far under the horizon over which it is sought: the elevation of
one that stands there shakes by less."""

FALSE_LOCKS = 1 << 16
"""Counted modulo this."""

ADRIFT = 3.0
"""A closed loop whose residual is this many times what counts as settled holds nothing."""

CLEAR_S = 1.0
"""All must be well this long before SAFE is left."""

Step = tuple[Timers, ModesCommand]


def _held(condition: bool, so_far_s: float, dt_s: float) -> float:
    return so_far_s + dt_s if condition else 0.0


def _seen(s: ModesSample) -> bool:
    """An unconfirmed spot may be anything."""
    return bool(s.camera_found and s.camera_confirmed)


def _near(config: TerminalConfig, s: ModesSample) -> bool:
    return _seen(s) and s.camera_error_rad < config.coarse.handover_rad


def guards(
    config: TerminalConfig, timers: Timers, s: ModesSample, unsafe: Unsafe
) -> dict[str, bool]:
    """All conditions that the table names, by name."""
    return {
        "window_open": bool(s.window_open and s.pointing_valid),
        "window_over": not s.window_open and timers.mode is not Mode.STANDBY,
        "unsafe": bool(unsafe) and timers.mode in UNSAFE_IN,
        "all_clear": timers.clear_s >= CLEAR_S,
        "partner_set": bool(s.pointing_valid)
        and s.elevation_rad < config.keep_out.horizon_rad - SET_RAD,
        "on_target": bool(
            s.gimbal_on_target and s.elevation_rad > config.keep_out.horizon_rad and not unsafe
        ),
        # A camera that has not yet heard of the last false lock would bring it back.
        "beacon_centred": _near(config, s) and s.camera_false_locks == timers.false_locks,
        "false_lock": timers.dark_s > DARK_S
        or (timers.no_beacon_s > config.safety.lost_after_s and not timers.lit),
        "beacon_gone": timers.no_beacon_s > config.safety.lost_after_s
        or timers.unseen_s > QUAD_ALONE_S,
        "fine_settled": timers.settled_s >= config.fine.settled_s and not s.keep_out,
        "keep_out": bool(s.keep_out),
        "fine_open": not s.fine_closed,
        "fine_adrift": timers.adrift_s > config.safety.lost_after_s,
        "coast_over": (s.t_ns - timers.since_ns) * 1e-9 > config.safety.reacquire_after_s,
    }


def _moved(timers: Timers, guard: str, target: Mode, t_ns: int) -> Timers:
    """In the next mode."""
    if guard == "false_lock":
        timers = timers._replace(false_locks=(timers.false_locks + 1) % FALSE_LOCKS)
    if guard == "beacon_centred":
        timers = timers._replace(lit=False)
    return timers._replace(mode=target, since_ns=t_ns, near_s=0.0, settled_s=0.0)


def step(config: TerminalConfig, timers: Timers, s: ModesSample, dt_s: float) -> Step:
    """One tick: conditions, at most one transition, and what the mode allows."""
    unsafe = check(config.safety, s)
    seen = _seen(s)
    far = seen and s.camera_error_rad > config.coarse.release_rad
    # Light on the cell holds the beam only while the mirror loop acts on it.
    held = bool(s.fine_closed and s.fine_beacon)
    settled = bool(s.fine_closed) and s.fine_rms_rad < config.fine.settled_rad
    adrift = bool(s.fine_closed) and s.fine_rms_rad > ADRIFT * config.fine.settled_rad
    borne_out = bool(s.fine_beacon) and not far
    # Sent beside the partner on purpose, the quad cell stays dark.
    dark = timers.mode is Mode.TRACK and bool(s.beacon_leads) and not borne_out
    timers = timers._replace(
        no_beacon_s=_held(not (seen or held), timers.no_beacon_s, dt_s),
        unseen_s=_held(not seen, timers.unseen_s, dt_s),
        dark_s=_held(dark, timers.dark_s, dt_s),
        lit=timers.lit or bool(s.fine_beacon),
        near_s=_held(_near(config, s), timers.near_s, dt_s),
        far_s=_held(far, timers.far_s, dt_s),
        settled_s=_held(settled, timers.settled_s, dt_s),
        adrift_s=_held(adrift, timers.adrift_s, dt_s),
        clear_s=_held(not unsafe, timers.clear_s, dt_s),
    )
    holds = guards(config, timers, s, unsafe)
    for source, guard, target in TRANSITIONS:
        if source in (None, timers.mode) and timers.mode is not target and holds[guard]:
            timers = _moved(timers, guard, target, s.t_ns)
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
        beacon_on=mode in BEACON_ON and not unsafe and not s.keep_out & AVERTED,
        shutter_open=mode is Mode.LINK and not unsafe and not s.keep_out,
        unsafe=int(unsafe),
        false_locks=timers.false_locks,
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
