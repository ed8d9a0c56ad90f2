"""The composition root: every loop, its rate, its devices. Start reading here.

`Terminal.tick` is the main loop's body: whoever owns the time (lock-step world, real-time pacer)
calls it once per period. In real time the fine loop runs in a process of its own
(`terminal.fine_process`), and the others here, as `SLOW`. So far that is
`qsky run --realtime`, with the simulated plant in that process (`hil.fine_process`):
`terminal.fine_process.main`, which opens real devices, is started by tests only.
"""

from collections.abc import Sequence
from math import gcd
from typing import Any

from terminal.context import Context
from terminal.loop import Blueprint, Loop
from terminal.loops import (
    acquisition,
    camera,
    coarse,
    divergence,
    fine,
    guidance,
    link,
    modes,
    point_ahead,
    pointing,
    polarization,
    timing,
)

# In the order in which they run within a tick: what is seen, what it means, what is done.
BLUEPRINTS = (
    Blueprint("pointing", pointing.make, pointing.bind),
    Blueprint("guidance", guidance.make, guidance.bind),
    Blueprint("camera", camera.make, camera.bind),
    Blueprint("modes", modes.make, modes.bind),
    Blueprint("acquisition", acquisition.make, acquisition.bind),
    Blueprint("coarse", coarse.make, coarse.bind),
    Blueprint("fine", fine.make, fine.bind),
    Blueprint("point_ahead", point_ahead.make, point_ahead.bind),
    Blueprint("timing", timing.make, timing.bind),
    Blueprint("link", link.make, link.bind),
    Blueprint("polarization", polarization.make, polarization.bind),
    Blueprint("divergence", divergence.make, divergence.bind),
)


SLOW = tuple(blueprint for blueprint in BLUEPRINTS if blueprint.name != "fine")
"""All but the fine loop."""


class Terminal:
    """Loops of one terminal in one process, stepped from outside."""

    def __init__(
        self,
        context: Context,
        blueprints: Sequence[Blueprint] | None = None,
        tick_hz: int | None = None,
    ) -> None:
        """
        blueprints: of the loops that run here; None: of all.
        tick_hz: how often `tick` is called, a multiple of every loop's rate; None: the fine rate.

        Raises TleError or EphemerisError where the mission cannot be predicted.
        """
        self.bus = context.bus
        self.loops: list[Loop[Any, Any, Any]] = []
        rates = context.config.rates
        for name, make, bind in BLUEPRINTS if blueprints is None else blueprints:
            rate_hz: int = getattr(rates, f"{name}_hz")
            state, step = make(context.mission, context.config, context.window.start_tai_ns)
            read, write = bind(context)
            ring = getattr(context.bus, name)
            self.loops.append(Loop(name, rate_hz, state, step, read, write, ring))
        tick_hz = tick_hz or rates.fine_hz
        self._fine = next((loop for loop in self.loops if loop.name == "fine"), None)
        self._every = [tick_hz // loop.rate_hz for loop in self.loops]
        self._due = [0] * len(self.loops)
        self._slow_every = gcd(*(tick_hz // x.rate_hz for x in self.loops if x is not self._fine))
        self._slow_due = 0
        self._tick = -1

    def tick(self, t_ns: int, passed: int = 1) -> None:
        """Run all loops that are due, `passed` periods after the last call.

        More than one means an overrun: what was missed is skipped, not caught up.
        """
        k = self._tick = self._tick + passed
        # Most ticks belong to the fine loop alone.
        if k < self._slow_due:
            if self._fine is not None:
                self._fine.tick(t_ns)
            return
        self._slow_due = (k // self._slow_every + 1) * self._slow_every
        for i, loop in enumerate(self.loops):
            if k >= self._due[i]:
                self._due[i] = (k // self._every[i] + 1) * self._every[i]
                loop.tick(t_ns)
