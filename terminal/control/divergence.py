"""Width of the sent beam, from measured jitter and the receiver's counts, by a slow stage.

Only where the terminal sends. Until the link stands the beam is at its widest. From then on the
width is the one that promises the greatest counts (`beam_width`), averaged over what is believed of
the beam's standing offset (`beam_offset`). It is changed for a gain worth it, and not oftener than
the stage and the reports can follow; where the offset matters and is not known, a width that tells
more about it is tried for a moment.
"""

from enum import IntFlag
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from config.divergence import Divergence
from config.mission import Mission, Receiver
from config.terminal import TerminalConfig
from terminal.control import beam_offset, expander
from terminal.control.beam_jitter import CORRELATION_S, Jitter, measured
from terminal.control.beam_width import Sent, fading_squared, mean_share, widths_rad
from terminal.quantum_messages import DivergenceCommand, DivergenceSample

Array = NDArray[np.float64]

DECIDE_NS = 500_000_000
"""Between two looks at the choice."""
HISTORY_S = 8.0
"""How far back a report may reach."""
SHORTEST_REPORT_S, LONGEST_REPORT_S = 0.2, 5.0
SECOND = 1e-9
MOST_RANGE_M, MOST_RMS_RAD = 1e9, 1.0
"""What is beyond is no measurement."""


class Flag(IntFlag):
    """What is not as it should be, or is going on."""

    SILENT = 1
    """The stage does not tell its position: the width is the last one known."""
    STUCK = 2
    """The stage rests elsewhere than where it was sent."""
    NO_JITTER = 4
    """No link, or only just: at the widest."""
    PROBING = 8
    """A width is tried to learn the offset."""


class Past(NamedTuple):
    """What was in force from a tick on."""

    t_ns: int
    width_rad: float
    jitter_rad: float
    range_m: float
    usable: bool


class State(NamedTuple):
    """Of the policy."""

    belief: beam_offset.Belief
    jitter: Jitter = Jitter()
    closed_ns: int = 0
    """When the fine loop last held the beacon in LINK: before, it is still settling."""
    stage: expander.Stage = expander.Stage()
    past: tuple[Past, ...] = ()
    counted_until_ns: int = 0
    counted: int = 0
    counted_s: float = 0.0
    """Seconds behind `counted_vacuum`."""
    first_vacuum: int = -1
    wandered_ns: int = 0
    decide_ns: int = 0
    changed_ns: int = 0
    probe_until_ns: int = 0
    probed_ns: int = 0
    gain: float = 0.0


def _rates(mission: Mission, receiver: Receiver) -> tuple[float, float]:
    """(clicks a second in key slots per unit of transmittance, sifted share of noise clicks in
    vacuum slots)."""
    source, security = mission.source, mission.security
    mean = sum(
        p * mu for p, mu in zip(source.intensity_probabilities, source.intensities, strict=True)
    )
    rate = source.pulse_rate_hz * (1.0 - source.public_share) * mean
    x = source.basis_x_probability
    matched = x * x * (1.0 - security.disclosed_x_share) + (1.0 - x) ** 2
    return (
        rate * receiver.transmittance * receiver.detector_efficiency,
        source.intensity_probabilities[2] * matched,
    )


def _in_reach(s: DivergenceSample) -> bool:
    return 0.0 < s.range_m < MOST_RANGE_M


class Policy:
    """The step of the divergence loop, with what it needs of mission and terminal."""

    def __init__(self, mission: Mission, config: TerminalConfig) -> None:
        self._k = config.divergence
        self._mission_rad = mission.beam.full_divergence_rad
        self._spot_rad = config.optics.quad_spot_rad
        self._sends = self._k is not None and mission.receiver is not None
        if self._k is None or mission.receiver is None:
            return
        self._curve = expander.curve_of(self._k)
        self._sent = Sent(
            mission.source.wavelength_m, mission.receiver.aperture_m, *self._curve.limits_rad
        )
        self._widths = widths_rad(self._sent)
        self._rate_hz, self._vacuum_share = _rates(mission, mission.receiver)
        self._dark_vacuum = mission.source.intensities[2] == 0.0

    def initial(self) -> State:
        """Before anything is known."""
        return State(beam_offset.prior(self._k.offset_sigma_rad if self._k else 1e-6))

    def step(
        self, state: State, s: DivergenceSample, dt_s: float
    ) -> tuple[State, DivergenceCommand]:
        """One look at stage, jitter and reports; sometimes a move."""
        k = self._k
        if k is None or not self._sends:
            return state, DivergenceCommand()
        state = self._heard(state, s, dt_s, k)
        state = self._reported(state, s)
        wanted_rad, flags, state = self._wanted(state, s, k)
        stage = state.stage
        move = self._due(state, wanted_rad, s.t_ns, k)
        if move:
            changed_ns = 0 if flags & Flag.NO_JITTER else s.t_ns
            state = state._replace(
                stage=expander.sent(stage, wanted_rad, s.t_ns), changed_ns=changed_ns
            )
        if stage.silent(s.t_ns, k.max_age_s):
            flags |= Flag.SILENT
        if stage.stuck:
            flags |= Flag.STUCK
        return state, DivergenceCommand(
            position=self._curve.position_for(wanted_rad) if move else 0.0,
            move=move,
            full_divergence_rad=stage.width_rad,
            wanted_rad=wanted_rad,
            jitter_rad=state.jitter.rad,
            jitter_sigma_rad=state.jitter.sigma_rad,
            offset_rad=beam_offset.offset_rad(state.belief),
            gain=state.gain,
            flags=flags,
        )

    def _heard(self, state: State, s: DivergenceSample, dt_s: float, k: Divergence) -> State:
        jitter, closed_ns = state.jitter, state.closed_ns
        if s.linked and s.fine_closed and 0.0 <= s.fine_rms_rad <= MOST_RMS_RAD:
            closed_ns = s.t_ns
            jitter = measured(
                state.jitter,
                s.fine_rms_rad,
                s.quad_sum_counts,
                s.quad_diagonal_counts,
                self._spot_rad,
                dt_s,
                k.jitter_window_s,
            )
        elif (s.t_ns - closed_ns) * SECOND > k.coast_s:
            jitter = Jitter()
        stage = expander.heard(
            state.stage,
            self._curve,
            k.tolerance_rad,
            s.stage_t_ns,
            s.stage_position,
            bool(s.stage_moving),
        )
        silent = stage.silent(s.t_ns, k.max_age_s)
        usable = bool(s.linked) and jitter.known and not stage.moving and not silent
        now = Past(s.t_ns, stage.width_rad, jitter.rad, s.range_m, usable and _in_reach(s))
        kept = [p for p in state.past if (s.t_ns - p.t_ns) * SECOND < HISTORY_S]
        return state._replace(jitter=jitter, closed_ns=closed_ns, stage=stage, past=(*kept, now))

    def _reported(self, state: State, s: DivergenceSample) -> State:
        """The belief after the newest report, if there is a new one that can be used."""
        since_ns, until_ns = state.counted_until_ns, s.counted_until_ns
        if until_ns <= since_ns:
            return state
        counted, seconds = s.counted - state.counted, (until_ns - since_ns) * SECOND
        state = state._replace(counted_until_ns=until_ns, counted=s.counted)
        if not since_ns:
            return state._replace(first_vacuum=s.counted_vacuum)
        inside = [p for p in state.past if since_ns <= p.t_ns < until_ns]
        whole = bool(inside) and all(p.usable for p in inside)
        if counted < 0 or not whole or not SHORTEST_REPORT_S <= seconds <= LONGEST_REPORT_S:
            return state._replace(first_vacuum=s.counted_vacuum, counted_s=0.0)
        counted_s = state.counted_s + seconds
        noise_hz = 0.0
        if self._dark_vacuum:
            # Half a click in a second more than was counted: nothing seen is not nothing there.
            vacuum = max(s.counted_vacuum - state.first_vacuum, 0) + 0.5
            noise_hz = vacuum / self._vacuum_share / (counted_s + 1.0)
        width, jitter, range_m = (
            np.array([getattr(p, name) for p in inside])[:, np.newaxis]
            for name in ("width_rad", "jitter_rad", "range_m")
        )
        belief = state.belief
        share = mean_share(self._sent, width, range_m, jitter, belief.offset_rad)
        belief = beam_offset.informed(
            beam_offset.wandered(belief, seconds),
            counted,
            self._rate_hz * seconds * share.mean(axis=0),
            fading_squared(width, jitter, belief.offset_rad).mean(axis=0)
            * (CORRELATION_S / seconds),
            noise_hz * seconds,
        )
        return state._replace(belief=belief, counted_s=counted_s)

    def _wanted(
        self, state: State, s: DivergenceSample, k: Divergence
    ) -> tuple[float, Flag, State]:
        """Full angle that shall be in force."""
        if k.policy == "fixed":
            return self._mission_rad, Flag(0), state
        if not state.jitter.known or not _in_reach(s):
            idle = state._replace(gain=0.0, decide_ns=0, changed_ns=0, probe_until_ns=0)
            return self._sent.widest_rad, Flag.NO_JITTER, idle
        standing = state.stage.target_rad or state.stage.width_rad or self._sent.widest_rad
        if s.t_ns < state.probe_until_ns:
            return standing, Flag.PROBING, state
        if s.t_ns < state.decide_ns:
            return standing, Flag(0), state
        state = state._replace(decide_ns=s.t_ns + DECIDE_NS)
        widths = np.append(self._widths, standing)
        share = mean_share(
            self._sent,
            widths[:, np.newaxis],
            s.range_m,
            state.jitter.rad,
            state.belief.offset_rad,
        )
        choice = beam_offset.choose(state.belief, share)
        gain = 1.0 / max(float(choice.score[-1]), 1e-9) - 1.0
        state = state._replace(gain=gain)
        if (s.t_ns - state.changed_ns) * SECOND < k.hold_s:
            return standing, Flag(0), state
        if gain > k.least_gain:
            return float(widths[choice.best]), Flag(0), state
        rested_s = (s.t_ns - state.probed_ns) * SECOND
        if s.linked and choice.unsure > k.probe_gain and rested_s >= k.probe_interval_s:
            state = state._replace(
                probed_ns=s.t_ns, probe_until_ns=s.t_ns + round(k.hold_s / SECOND)
            )
            return float(widths[choice.telling]), Flag.PROBING, state
        return standing, Flag(0), state

    def _due(self, state: State, wanted_rad: float, t_ns: int, k: Divergence) -> bool:
        """Whether a move is to be sent now."""
        stage = state.stage
        if stage.silent(t_ns, k.max_age_s) or stage.busy(t_ns):
            return False
        if stage.stuck:
            return (t_ns - stage.sent_ns) * SECOND >= k.retry_s
        standing_rad = stage.target_rad or stage.width_rad
        return abs(wanted_rad - standing_rad) > k.tolerance_rad
