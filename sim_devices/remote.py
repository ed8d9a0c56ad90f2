"""Devices whose emulator runs in another process: the world knows their state by what they tell."""

from collections.abc import Callable
from typing import NamedTuple, Protocol

LONGEST_EXTRAPOLATION_S = 0.1
"""A process that has stopped telling is not extrapolated for ever."""


class Joints(Protocol):
    """What the world needs to know of a gimbal, simulated here or elsewhere."""

    def joints_at(self, index: int) -> tuple[float, float, float]:
        """(yaw, pitch, roll) rad at a grid point that is at most one step ahead of the present."""


class Plate(Protocol):
    """What the world needs to know of a wave plate."""

    @property
    def turned_rad(self) -> float:
        """Encoder angle at the last advance, counted on over whole turns."""

    def advance(self, t_ns: int) -> None: ...


class JointReading(NamedTuple):
    """Joint angles and joint rates at a time, as another process has told them."""

    t_ns: int
    yaw_rad: float
    pitch_rad: float
    roll_rad: float
    yaw_rate_rad_s: float
    pitch_rate_rad_s: float
    roll_rate_rad_s: float


class RemoteGimbal:
    """Joints, extrapolated by their rates to the world's grid."""

    def __init__(self, read: Callable[[], JointReading], step_s: float, start_tai_ns: int) -> None:
        self._read = read
        self._step_s = step_s
        self._start_tai_ns = start_tai_ns

    def joints_at(self, index: int) -> tuple[float, float, float]:
        told = self._read()
        ahead_s = self._step_s * index - (told.t_ns - self._start_tai_ns) * 1e-9
        ahead_s = max(-LONGEST_EXTRAPOLATION_S, min(LONGEST_EXTRAPOLATION_S, ahead_s))
        return (
            told.yaw_rad + told.yaw_rate_rad_s * ahead_s,
            told.pitch_rad + told.pitch_rate_rad_s * ahead_s,
            told.roll_rad + told.roll_rate_rad_s * ahead_s,
        )


class RemotePlate:
    """How far the plate has turned, as last told."""

    def __init__(self, read: Callable[[], float | None]) -> None:
        self._read = read
        self.turned_rad = 0.0

    def advance(self, t_ns: int) -> None:
        told = self._read()
        if told is not None:
            self.turned_rad = told
