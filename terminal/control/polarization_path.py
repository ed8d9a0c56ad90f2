"""What stands between the gimbal and the half-wave plate, as far as it is known.

Light meets, in this order: the phase of the optics on the gimbal, the two mirrors of a `coude`
path, the variable retarder, the plate.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from config.polarization import Polarization
from terminal.optics.fold_mirrors import alt_az_train
from terminal.optics.polarization import Jones, mueller, retarder
from terminal.optics.polarization_compensation import best_retarder, half_wave_limit

IDEAL_MIRROR = 1e9j
"""An index at which s and p are reflected alike."""
_NOTHING: Jones = np.eye(2, dtype=complex)


class PlateAim(NamedTuple):
    """Where the plate stands best: axis_rad + sense * (frame rotation) / 2."""

    axis_rad: float = 0.0
    sense: float = 1.0
    left_rad: float = 0.0
    """Retardance that no plate angle corrects, 0 to pi."""

    def axis_for(self, frame_rad: float) -> float:
        return self.axis_rad + 0.5 * self.sense * frame_rad

    def frame_for(self, axis_rad: float) -> float:
        """Which rotation the plate undoes with its axis there."""
        return 2.0 * self.sense * (axis_rad - self.axis_rad)

    @property
    def error_rate(self) -> float:
        """Of both bases in the mean, that this leaves at best."""
        return 0.5 * math.sin(0.5 * self.left_rad) ** 2


class Path(NamedTuple):
    """The parts that are constant."""

    is_coude: bool
    mirror_index: complex
    phase_axis_rad: float
    """Along it linear light leads: a fast axis."""
    retarder_fast_rad: float | None
    """None: there is no retarder."""

    @property
    def is_plain(self) -> bool:
        """Nothing but a phase stands before the plate."""
        return not self.is_coude and self.retarder_fast_rad is None

    def train(self, yaw_rad: float, pitch_rad: float) -> Jones:
        """(2, 2) of the mirrors at these joint angles."""
        return alt_az_train(yaw_rad, pitch_rad, self.mirror_index) if self.is_coude else _NOTHING

    def known(self, train: Jones, retardance_rad: float) -> NDArray[np.float64]:
        """(4, 4) Mueller matrix of mirrors and retarder; its best state passes whole."""
        matrix = mueller(self._retarded(train, retardance_rad))
        return np.asarray(matrix / matrix[0, 0])

    def phase(self, phase_rad: float) -> NDArray[np.float64]:
        """(4, 4) Mueller matrix of a phase on the gimbal."""
        return mueller(retarder(self.phase_axis_rad, phase_rad))

    def aim(
        self, train: Jones, retardance_rad: float, phase_rad: float, mirrored: bool
    ) -> PlateAim:
        """For channels of which D stands at -45 degrees, or with `mirrored` at +45.

        The plate's own retardance error doesn't move its best angle: the share of the light that it
        leaves unturned shows H and V too well by as much as D and A too badly.
        """
        if self.is_plain and not mirrored:
            # Behind a retarder about any axis the best angle is that for the rotation alone.
            return PlateAim(0.0, 1.0, abs(math.remainder(phase_rad, 2.0 * math.pi)))
        turn_rad = phase_rad + (math.pi if mirrored else 0.0)
        optics = self._retarded(train, retardance_rad) @ retarder(self.phase_axis_rad, turn_rad)
        limit = half_wave_limit(optics, swapped=not mirrored)
        return PlateAim(limit.plate_rad, -1.0 if mirrored else 1.0, limit.retardance_rad)

    def best_retardance_rad(self, train: Jones, phase_rad: float) -> float:
        """Of the variable retarder, up to whole turns. Raises ValueError without one."""
        if self.retarder_fast_rad is None:
            raise ValueError("there is no retarder")
        optics = train @ retarder(self.phase_axis_rad, phase_rad)
        return best_retarder(optics, self.retarder_fast_rad)

    def _retarded(self, train: Jones, retardance_rad: float) -> Jones:
        if self.retarder_fast_rad is None:
            return train
        return np.asarray(retarder(self.retarder_fast_rad, retardance_rad) @ train)


def path_of(config: Polarization) -> Path:
    """From the configuration, which gives the retarder's slow axis."""
    return Path(
        config.path == "coude",
        complex(*config.fold_index) if config.fold_index else IDEAL_MIRROR,
        config.phase_axis_rad,
        None if config.retarder is None else config.retarder.axis_rad + 0.5 * math.pi,
    )
