"""Between loops: each loop pushes its ticks into its ring; others see the newest, or all since.

Pushing is all that a fast loop does for the record: the packed bytes lie in the ring until the
recorder takes them, outside of the tick. A ring that nobody empties drops and counts.
"""

from collections import deque
from typing import Any, Generic, TypeVar

from terminal.codec import TickCodec
from terminal.messages import (
    MESSAGES,
    CameraCommand,
    CameraSample,
    FineCommand,
    FineSample,
    ModesCommand,
    ModesSample,
    PointAheadCommand,
    PointAheadSample,
)
from terminal.pointing_messages import (
    AcquisitionCommand,
    AcquisitionSample,
    CoarseCommand,
    CoarseSample,
    GuidanceCommand,
    GuidanceSample,
    PointingCommand,
    PointingSample,
)
from terminal.quantum_messages import (
    DivergenceCommand,
    DivergenceSample,
    LinkCommand,
    LinkSample,
    PolarizationCommand,
    PolarizationSample,
    TimingCommand,
    TimingSample,
)

M = TypeVar("M")
C = TypeVar("C")

MAX_PENDING_TICKS = 100_000
"""About 20 s of the fine loop."""


class Ring(Generic[M, C]):
    """The ticks of one loop."""

    def __init__(self, name: str, initial: C) -> None:
        self.codec = TickCodec(MESSAGES[name])
        self._pack = self.codec.pack
        self.sample: M | None = None
        self.command: C = initial
        self.seq = 0
        """Number of ticks pushed so far."""
        self.lost = 0
        """Ticks dropped because the recorder did not take them."""
        self.pending: list[bytes] = []
        self._subscribers: list[deque[tuple[M, C]]] = []

    def push(self, sample: M, command: C) -> None:
        self.sample = sample
        self.command = command
        if len(self.pending) < MAX_PENDING_TICKS:
            self.pending.append(self._pack(self.seq, sample, command))
        else:
            self.lost += 1
        self.seq += 1
        if self._subscribers:
            for queue in self._subscribers:
                queue.append((sample, command))

    def take(self) -> list[bytes]:
        """Packed ticks since the last call."""
        pending, self.pending = self.pending, []
        return pending

    def subscribe(self) -> deque[tuple[M, C]]:
        """A queue that gets every tick from now on, for a slower loop that must see them all.

        Of a reader that stops, only the newest 10,000 wait.
        """
        queue: deque[tuple[M, C]] = deque(maxlen=10_000)
        self._subscribers.append(queue)
        return queue


class Bus:
    """One ring for each loop, by name."""

    def __init__(self) -> None:
        self.pointing: Ring[PointingSample, PointingCommand] = Ring("pointing", PointingCommand())
        self.guidance: Ring[GuidanceSample, GuidanceCommand] = Ring("guidance", GuidanceCommand())
        self.camera: Ring[CameraSample, CameraCommand] = Ring("camera", CameraCommand())
        self.modes: Ring[ModesSample, ModesCommand] = Ring("modes", ModesCommand())
        self.acquisition: Ring[AcquisitionSample, AcquisitionCommand] = Ring(
            "acquisition", AcquisitionCommand()
        )
        self.coarse: Ring[CoarseSample, CoarseCommand] = Ring("coarse", CoarseCommand())
        self.fine: Ring[FineSample, FineCommand] = Ring("fine", FineCommand())
        self.point_ahead: Ring[PointAheadSample, PointAheadCommand] = Ring(
            "point_ahead", PointAheadCommand()
        )
        self.polarization: Ring[PolarizationSample, PolarizationCommand] = Ring(
            "polarization", PolarizationCommand()
        )
        self.timing: Ring[TimingSample, TimingCommand] = Ring("timing", TimingCommand())
        self.link: Ring[LinkSample, LinkCommand] = Ring("link", LinkCommand())
        self.divergence: Ring[DivergenceSample, DivergenceCommand] = Ring(
            "divergence", DivergenceCommand()
        )

    def rings(self) -> dict[str, Ring[Any, Any]]:
        """All rings by the name of their loop."""
        return {name: getattr(self, name) for name in MESSAGES}
