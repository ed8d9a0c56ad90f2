"""The world's fast side in the fine loop's process, told of the rest of the world and telling back.

Once a grid step it learns where the gimbal will point, how bright the beacon is and what is broken;
once a tick it tells what was left behind the mirror.
"""

import struct
from collections.abc import Set as AbstractSet
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim_devices.carrier import GRID_HZ
from sim_devices.fast_side import FAST_FAULTS, FastSide
from terminal.shared_records import RecordReader, RecordWriter, SharedMemory

Array = NDArray[np.float64]
Point = tuple[float, float]

_GRID_NS = 1_000_000_000 // GRID_HZ
_AROUND = struct.Struct("<q5dI")
"""TAI ns, where the gimbal's error starts and ends in the step (x, y, x, y, rad), light in counts,
faults."""
_RESIDUAL = struct.Struct("<4d")
"""Behind the mirror (x, y), in front of it (x, y), rad."""
_RESIDUALS = 1 << 15


class FastMemory(NamedTuple):
    """What the two halves of the world share."""

    around: SharedMemory
    residual: SharedMemory

    @classmethod
    def create(cls) -> "FastMemory":
        return cls(
            SharedMemory.create(_AROUND.size, 64), SharedMemory.create(_RESIDUAL.size, _RESIDUALS)
        )

    @classmethod
    def attach(cls, fds: tuple[int, int]) -> "FastMemory":
        return cls(SharedMemory(fds[0]), SharedMemory(fds[1]))

    @property
    def fds(self) -> tuple[int, int]:
        return self.around.fd, self.residual.fd

    def close(self) -> None:
        self.around.close()
        self.residual.close()


class RemoteFast:
    """Stands in the world for the fast side that is elsewhere; also its plant."""

    def __init__(self, memory: FastMemory) -> None:
        self.sum_counts = 0.0
        self.seen_rad: Point = (0.0, 0.0)
        self._around = RecordWriter(memory.around)
        self._residuals = RecordReader(memory.residual)
        self._start: Point = (0.0, 0.0)
        self._end: Point = (0.0, 0.0)
        self._mirror: Point = (0.0, 0.0)
        self._broken = 0

    @property
    def plant(self) -> "RemoteFast":
        return self

    def segment(self, start: Point, end: Point, ticks: int) -> None:
        self._start, self._end = start, end

    def apply_faults(self, broken: AbstractSet[str]) -> None:
        self._broken = sum(1 << i for i, kind in enumerate(FAST_FAULTS) if kind in broken)

    def tick(self, t_ns: int) -> None:
        """Never: it ticks where it is. Raises RuntimeError."""
        raise RuntimeError("the fast side ticks in the fine loop's process")

    def tell(self, t_ns: int) -> None:
        """All that a grid step, begun at `t_ns`, has set."""
        self._around.push(
            _AROUND.pack(t_ns, *self._start, *self._end, self.sum_counts, self._broken)
        )

    def take_residual(self) -> tuple[Array, Array]:
        """(x, y) behind the mirror, rad, of all ticks told since the last call, (n,) each, n > 0.

        Where nothing was told the mirror stands where it stood, and the gimbal's error goes on.
        """
        records = self._residuals.take()
        if not records:
            self.seen_rad = self._end
            (x, y), (mirror_x, mirror_y) = self._end, self._mirror
            return np.array([x - mirror_x]), np.array([y - mirror_y])
        told = np.frombuffer(b"".join(records), "<f8").reshape(-1, 4)
        x, y, seen_x, seen_y = told[-1].tolist()
        self.seen_rad, self._mirror = (seen_x, seen_y), (seen_x - x, seen_y - y)
        return told[:, 0], told[:, 1]


class FastHere:
    """The fast side in the fine loop's process, one `tick` a period."""

    def __init__(self, fast: FastSide, memory: FastMemory, period_ns: int) -> None:
        self._fast = fast
        self._step_ticks = round(_GRID_NS / period_ns)
        self._around = RecordReader(memory.around)
        self._residuals = RecordWriter(memory.residual)
        self._seen: bytes | None = None
        self._hold_ns = 0

    def tick(self, t_ns: int) -> None:
        """One scan period."""
        newest = self._around.newest()
        if newest is not None and newest is not self._seen:
            self._learn(t_ns, newest, first=self._seen is None)
        elif self._hold_ns and t_ns >= self._hold_ns:
            # Nobody says where the gimbal points: it is not carried on for ever.
            gimbal = self._fast.plant.gimbal_rad
            self._fast.plant.segment(gimbal, gimbal, 1)
            self._hold_ns = 0
        self._fast.tick(t_ns)
        x, y = self._fast.plant.take_residual()
        self._residuals.push(_RESIDUAL.pack(x[-1], y[-1], *self._fast.plant.seen_rad))

    def _learn(self, t_ns: int, around: bytes, *, first: bool) -> None:
        """News come when the step has begun. The gimbal goes on without a jump, to where it will be
        a whole step from now if it moves on as it does in this one."""
        self._seen = around
        told_ns, start_x, start_y, end_x, end_y, sum_counts, broken = _AROUND.unpack(around)
        plant = self._fast.plant
        late = min(max(0, t_ns - told_ns), 2 * _GRID_NS) / _GRID_NS
        there = end_x + late * (end_x - start_x), end_y + late * (end_y - start_y)
        here = (start_x, start_y) if first else plant.gimbal_rad
        plant.segment(here, there, self._step_ticks)
        plant.sum_counts = sum_counts
        self._fast.apply_faults({k for i, k in enumerate(FAST_FAULTS) if broken >> i & 1})
        self._hold_ns = t_ns + 2 * _GRID_NS
