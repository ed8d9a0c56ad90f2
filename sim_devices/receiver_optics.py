"""The terminal's polarisation optics as they truly are: path, retarder, wave plate, detectors.

Light meets, in this order: the phase of the optics on the gimbal, the two mirrors of a `coude`
path, the variable retarder, the wave plate, and a polarising splitter for each basis.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from config.polarization import Polarization
from config.world import PolarizationTruth
from sim_devices.coude_path import coude_mueller
from sim_devices.optical_axes import Vec
from sim_devices.polarization_optics import retarded, splitter, turned
from sim_devices.randomness import stream

Array = NDArray[np.float64]


class PlateErrors(NamedTuple):
    """What nobody on board knows of the wave plate; drawn once."""

    offset_rad: float = 0.0
    """Its axis at the encoder's zero, from H."""
    scale: float = 0.0
    """It turns by what its encoder says times 1 + scale."""
    retardance_rad: float = math.pi
    wedge: float = 0.0
    """Relative change of the flux, once a turn ..."""
    wedge_rad: float = 0.0
    """... which is brightest with its axis here."""

    @classmethod
    def drawn(cls, truth: PolarizationTruth, seed: int) -> "PlateErrors":
        """Each from a stream of its own."""

        def normal(name: str) -> float:
            return float(stream(seed, name).normal())

        return cls(
            truth.plate_offset_rad * normal("plate"),
            truth.plate_scale * normal("plate_scale"),
            math.pi + truth.plate_retardance_error_rad * normal("plate_retardance"),
            truth.plate_wedge * normal("plate_wedge"),
            float(stream(seed, "plate_wedge_phase").uniform(0.0, 2.0 * math.pi)),
        )

    def axis_rad(self, turned_rad: float) -> float:
        """True axis where the encoder, counted on over whole turns, says so."""
        return (1.0 + self.scale) * turned_rad + self.offset_rad


class OpticsView(NamedTuple):
    """How the optics stand at a moment."""

    frame_rad: float
    """The sender's H axis in the image, from right toward up."""
    plate_rad: float
    """True axis of the wave plate, in the analyser's frame."""
    retarder_rad: float = 0.0
    """True retardance of the variable retarder; 0 without one."""
    image: tuple[Vec, Vec, Vec] | None = None
    """Boresight, right, up in the base's axes; for a `coude` path."""
    swapped: bool = False
    """Detectors D and A have changed places."""


class ReceiverOptics:
    """What of it is constant."""

    def __init__(
        self,
        truth: PolarizationTruth,
        basis_x_probability: float,
        config: Polarization | None = None,
        plate: PlateErrors | None = None,
    ) -> None:
        """config: path and retarder's axis; None: on the gimbal, no retarder. plate: None: a
        half-wave plate without errors."""
        self.plate = plate or PlateErrors()
        self._phase = retarded(0.0, truth.retardance_rad)
        self.is_coude = config is not None and config.path == "coude"
        self._index = complex(*truth.fold_index) if truth.fold_index else None
        retarder = config.retarder if config else None
        # The calibration is about the slow axis.
        self._retarder_rad = retarder.axis_rad + 0.5 * math.pi if retarder else None
        self._correcting_rad = 0.5 * math.pi if self._retarder_rad is None else self._retarder_rad
        self._splitter = splitter(
            basis_x_probability, truth.intrinsic_qber, truth.channel_efficiency, truth.channel_leak
        )
        self._polarimeter = splitter(0.5, 0.0)

    def path(self, view: OpticsView) -> Array:
        """(4, 4) Mueller matrix from the sender's frame to before the variable retarder."""
        path = self._phase @ turned(view.frame_rad)
        if self.is_coude and view.image is not None:
            path = coude_mueller(view.image, self._index) @ path
        return np.asarray(path)

    def before_plate(self, view: OpticsView, path: Array) -> Array:
        """(4, 4) of `path` of this view, and the variable retarder."""
        if self._retarder_rad is None:
            return path
        return np.asarray(retarded(self._retarder_rad, view.retarder_rad) @ path)

    def behind_plate(self, view: OpticsView, before: Array) -> Array:
        """(4, 4) of the whole way: what is `before_plate` of this view, and the plate."""
        plate = self.plate
        # Its brightest place passes whole.
        flux = 1.0 + plate.wedge * math.cos(view.plate_rad - plate.wedge_rad)
        flux /= 1.0 + abs(plate.wedge)
        return np.asarray(flux * retarded(view.plate_rad, plate.retardance_rad) @ before)

    def whole(self, view: OpticsView) -> Array:
        """(4, 4) from the sender's frame to behind the plate."""
        return self.behind_plate(view, self.before_plate(view, self.path(view)))

    def correctable_rad(self, view: OpticsView, before: Array) -> float:
        """Retardance that the variable retarder lacks for the least phase behind the plate, from
        -pi to pi; without one, what one with its slow axis along `right` should have.

        before: `before_plate` of this view. By Rodrigues' formula the part of the light's S3 axis
        that lies along the axis sought goes with b cos d + c sin d, for d more.
        """
        plate = retarded(view.plate_rad, self.plate.retardance_rad)
        axis = np.array(
            [math.cos(2.0 * self._correcting_rad), math.sin(2.0 * self._correcting_rad), 0.0]
        )
        # The plate turns this one to -S3.
        sought, seen = -plate[3, 1:], before[1:, 3]
        b = float(sought @ seen - (sought @ axis) * (axis @ seen))
        c = float(sought @ np.cross(axis, seen))
        return math.atan2(c, b)

    def stokes_to_channels(self, view: OpticsView) -> Array:
        """(4, 4): a photon's Stokes vector (1, S1, S2, S3) in the sender's frame to the probability
        that it clicks in a channel (row, H V D A). Columns may sum to less than 1."""
        rows = self._splitter[[0, 1, 3, 2]] if view.swapped else self._splitter
        return np.asarray(rows @ self.whole(view))

    def polarimeter_shares(self, view: OpticsView, polarization: float) -> Array:
        """(4,) of the beacon's light on four ideal detectors H V D A behind the plate.

        polarization: degree of linear polarisation, along the sender's H axis. Plate, mirrors and
        retarder are taken to act on the beacon's wavelength as on the signal's.
        """
        beacon = np.array([1.0, polarization, 0.0, 0.0])
        return np.asarray(self._polarimeter @ self.whole(view) @ beacon)
