"""A recovered clock, and what it says of each click."""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from terminal.timetags.blind import BlindLock
from terminal.timetags.clock_following import UNSURE_SHARE
from terminal.timetags.clock_path import ClockPath, Pieces
from terminal.timetags.knot_phases import Phases
from terminal.timetags.mixture import Array

_ACCEPTED = 0.5


class Clicks(NamedTuple):
    """What is known of each click, (n,)."""

    slot: NDArray[np.int64]
    """Pattern index of the nearest slot, -1 where the slot is not sure."""
    residual_s: Array
    """From the slot's centre, detector delay taken off; 0 without a slot."""
    weight: Array
    """Probability that the click is signal; 0 without a slot."""
    accepted: NDArray[np.bool_]
    """More likely signal than background: the window follows both."""


class RecoveredStretch(NamedTuple):
    """The smoothed clock over one stretch."""

    lock: BlindLock
    path: ClockPath
    phases: Phases
    begin_ps: int
    end_ps: int
    """Clicks in between, both included, belong to it."""
    late: bool
    """See `stream_tracking.Stretch`."""


class _SlotPieces(NamedTuple):
    """Between all knots of a stretch, (k,) each."""

    pieces: Pieces
    sure: NDArray[np.bool_]
    """Whether the slots are."""
    fraction: Array
    """Share of signal."""


@dataclass(frozen=True)
class Recovery:
    """The clock of a whole stream."""

    stretches: list[RecoveredStretch]
    """In order of time; none: no lock."""
    clicks: int
    first_ps: int
    first_channel: int
    last_ps: int
    failed_audits: int
    last_attempt: BlindLock | None
    """To lock, without success."""
    searches: int
    """Attempts to lock, with and without success."""
    pattern_length: int
    slot_period_s: float

    @property
    def locks(self) -> int:
        """A stretch from which something was cut out is of one lock all the same."""
        return len({id(stretch.lock) for stretch in self.stretches})

    def at_first_click(self) -> tuple[float, float, int | None]:
        """Frequency offset, drift per s, and pattern index (None: not sure), at the earliest click.

        f = rate / (1 - rate) for phase(t) of the given rate, and the derivative of that.

        Raises:
            ValueError: there is no lock.
        """
        if not self.stretches:
            raise ValueError("clock recovery: no lock")
        path = self.stretches[0].path
        t = (self.first_ps - path.reference_time_ps) * 1e-12
        # Outside of the knots, on from the nearest one.
        k = int(np.argmin(np.abs(path.t_s - t)))
        dt = t - float(path.t_s[k])
        _, rate, drift, jerk = path.clock.state[k].tolist()
        rate, drift = rate + dt * (drift + 0.5 * dt * jerk), drift + dt * jerk
        first = self.assign(np.array([self.first_ps]), np.array([self.first_channel], np.uint8))
        slot = int(first.slot[0])
        scale = 1.0 / (1.0 - rate)
        return rate * scale, drift * scale**2, slot if slot >= 0 else None

    def assign(self, time_ps: NDArray[np.int64], channel: NDArray[np.uint8]) -> Clicks:
        """Slots, residuals and weights of clicks of the stream, (n,), ascending in time."""
        n = time_ps.size
        clicks = Clicks(np.empty(n, np.int64), np.empty(n), np.empty(n), np.empty(n, np.bool_))
        done = 0
        for k, stretch in enumerate(self.stretches):
            begin = max(done, int(np.searchsorted(time_ps, stretch.begin_ps)))
            end = int(np.searchsorted(time_ps, stretch.end_ps, side="right"))
            if begin < end:
                _clear(clicks, slice(done, begin))
                done = end
                self._fill(clicks, k, time_ps, channel, slice(begin, end))
        _clear(clicks, slice(done, n))
        return clicks

    def _fill(
        self,
        clicks: Clicks,
        k: int,
        time_ps: NDArray[np.int64],
        channel: NDArray[np.uint8],
        part: slice,
    ) -> None:
        """That part of the clicks, all of them of stretch k."""
        from terminal.timetags import kernels

        phases = self.stretches[k].phases
        kernels.assign(
            time_ps[part],
            channel[part],
            *self._pieces[k],
            phases.delay_s,
            phases.sigma_s,
            self.pattern_length,
            self.slot_period_s,
            _ACCEPTED,
            clicks.slot[part],
            clicks.residual_s[part],
            clicks.weight[part],
            clicks.accepted[part],
        )

    @cached_property
    def _pieces(self) -> list[_SlotPieces]:
        """Of each stretch."""
        limit_s = UNSURE_SHARE * self.slot_period_s
        return [
            _slot_pieces(stretch, limit_s, self.slot_period_s, self.pattern_length)
            for stretch in self.stretches
        ]


def _slot_pieces(
    stretch: RecoveredStretch, limit_s: float, slot_period_s: float, length: int
) -> _SlotPieces:
    path, phases = stretch.path, stretch.phases
    pieces, _ = path.pieces(path.begin_ps, path.end_ps, slot_period_s, length)
    knot = np.minimum(np.searchsorted(phases.t_s, path.t_s[1:]), phases.t_s.size - 1)
    variance = path.clock.covariance[:, 0, 0]
    worst_s = np.sqrt(np.maximum(variance[:-1], variance[1:]))
    return _SlotPieces(pieces, worst_s <= limit_s, phases.fraction[knot])


def _clear(clicks: Clicks, part: slice) -> None:
    """Clicks without a slot."""
    clicks.slot[part], clicks.residual_s[part], clicks.weight[part] = -1, 0.0, 0.0
    clicks.accepted[part] = False
