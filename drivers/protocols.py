"""What the hardware can do. A real device is one file that offers one of these.

No call blocks: `poll` takes what has arrived, commands are written and answered later. Every call
gets the time `t_ns` (TAI, int64) from its caller; a driver never asks a clock. Readings carry the
device's own time or the time they were taken from the wire, and a sequence number where the device
gives one, so that whoever reads can see age and loss.
"""

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray


class DeviceError(Exception):
    """A device that cannot be used as configured: says which, what, and what to do."""


class Health(NamedTuple):
    """What went wrong on the wire so far; counters only grow."""

    garbage_bytes: int = 0
    bad_frames: int = 0
    timeouts: int = 0
    device_errors: int = 0
    last_error: str = ""


class Driver(Protocol):
    """Common to all."""

    @property
    def health(self) -> Health: ...

    def close(self) -> None: ...


class GimbalState(NamedTuple):
    """Joint angles of a gimbal relative to its base; t_ns: when taken from the wire.

    Boresight = Rz(yaw) Rx(roll) Ry(pitch) x in the base's axes forward, right, down.
    """

    t_ns: int
    seq: int
    yaw_rad: float
    """About the base's down axis: positive turns the line of sight right, clockwise from above.

    It counts on over half a turn, so that it tells how far the cable is wound up.
    """
    pitch_rad: float
    """Positive turns the line of sight up."""
    motors_on: bool
    roll_rad: float = 0.0
    """Between yaw and pitch, about the yawed forward axis: positive turns the right side down."""


class Gimbal(Driver, Protocol):
    """A stabilised gimbal under rate control, of two axes or three."""

    def poll(self, t_ns: int) -> GimbalState | None:
        """Newest state, None before the first. The same state again if nothing new came."""

    def command_rate(
        self, yaw_rad_s: float, pitch_rad_s: float, t_ns: int, roll_rad_s: float = 0.0
    ) -> None:
        """Inertial rates of the payload about the yaw, the pitch and the roll axis.

        The roll axis is left alone until it is given a rate other than 0. Thereafter it too is
        held in space, at 0 as at any other rate.
        """

    def motors(self, on: bool, t_ns: int) -> None: ...


class NavigationFix(NamedTuple):
    """One solution of the navigation unit. t_ns: when it was valid, by the unit's own clock."""

    t_ns: int
    seq: int
    latitude_rad: float
    longitude_rad: float
    altitude_m: float
    """Above the WGS-84 ellipsoid."""
    velocity_north_m_s: float
    velocity_east_m_s: float
    velocity_down_m_s: float
    q_ned_from_body: tuple[float, float, float, float]
    """Scalar first (w, x, y, z); body axes: x forward, y right, z down."""
    attitude_sigma_rad: float
    position_sigma_m: float


class Navigation(Driver, Protocol):
    def poll(self, t_ns: int) -> NavigationFix | None:
        """Newest fix, None before the first."""


class Frame(NamedTuple):
    """One camera image. Pixel (row 0, column 0) is top left, looking out along the boresight."""

    t_ns: int
    """Middle of the exposure."""
    seq: int
    exposure_us: int
    left: int
    """Column of the sensor that the image's first column is."""
    top: int
    pixels: NDArray[np.uint8]
    """(rows, columns)"""


class Camera(Driver, Protocol):
    sensor_shape: tuple[int, int]
    """(rows, columns)"""
    pixel_rad: float
    """Angle on the sky per pixel."""

    def poll(self, t_ns: int) -> Frame | None:
        """The newest frame not yet given, or None."""

    def window(self, left: int, top: int, columns: int, rows: int, t_ns: int) -> None:
        """Read out only this part of the sensor, from one of the next frames on."""

    def expose(self, exposure_us: int, t_ns: int) -> None:
        """Expose so long, from one of the next frames on; each frame tells how it was exposed."""


class QuadScan(NamedTuple):
    """One reading of the quad cell's four quadrants in ADC counts.

    a: upper right, b: upper left, c: lower left, d: lower right, looking out along the boresight.
    lost: scans that were missed since the one before.
    """

    t_ns: int
    seq: int
    a: int
    b: int
    c: int
    d: int
    lost: int


class QuadDetector(Driver, Protocol):
    def poll(self, t_ns: int) -> QuadScan | None:
        """The newest scan not yet given, or None."""


class Mirror(Driver, Protocol):
    counts_per_rad: float
    """DAC counts per radian on the sky."""
    max_counts: int
    """Largest magnitude of a command."""

    def command(self, x_counts: int, y_counts: int, t_ns: int) -> None:
        """Tilt that moves the line of sight by x right and y up; one write a call."""


class PlateState(NamedTuple):
    """Angle of the wave plate's axis at its encoder, rad in [0, 2 pi)."""

    t_ns: int
    seq: int
    angle_rad: float
    moving: bool


class WavePlate(Driver, Protocol):
    def poll(self, t_ns: int) -> PlateState | None: ...

    def move_to(self, angle_rad: float, t_ns: int) -> bool:
        """False if the plate is still busy and the command was not sent."""


class RetarderState(NamedTuple):
    """What drives a variable retarder."""

    t_ns: int
    """When it was told."""
    seq: int
    drive_v: float


class Retarder(Driver, Protocol):
    """A liquid-crystal retarder on a fixed axis."""

    def poll(self, t_ns: int) -> RetarderState | None:
        """Newest state, None before the first."""

    def drive(self, drive_v: float, t_ns: int) -> bool:
        """False if the controller is not known yet or busy, or the drive is out of its range."""


class ExpanderState(NamedTuple):
    """Where the stage of a beam expander stands."""

    t_ns: int
    """Of the position."""
    seq: int
    position: float
    """Metres of travel of a linear stage, dioptres of a tunable lens."""
    moving: bool


class Expander(Driver, Protocol):
    """What sets the width of the sent beam: a linear stage, or a tunable lens."""

    def poll(self, t_ns: int) -> ExpanderState | None:
        """Newest state, None before the first."""

    def move_to(self, position: float, t_ns: int) -> bool:
        """False if the stage is not known yet or busy, and the move was not accepted."""


class TagBlock(NamedTuple):
    """Clicks since the block before, in order of arrival at the tagger."""

    seq: int
    time_ps: NDArray[np.int64]
    """On the tagger's own clock. Clock recovery takes its zero for the start of the window, to
    within half a public pattern (milliseconds): the counter has to be set then."""
    channel: NDArray[np.uint8]
    """0..3"""
    step_back: bool
    """The stream went back in time inside this block: a defect."""


class TimeTagger(Driver, Protocol):
    def poll(self, t_ns: int) -> TagBlock:
        """All that has arrived since the last call; may be empty."""


class LaserState(NamedTuple):
    """Beacon laser and receive shutter, as read back."""

    t_ns: int
    seq: int
    beacon_on: bool
    shutter_open: bool
    interlock_ok: bool


class Laser(Driver, Protocol):
    def poll(self, t_ns: int) -> LaserState | None: ...

    def beacon(self, on: bool, t_ns: int) -> None: ...

    def shutter(self, is_open: bool, t_ns: int) -> None: ...


class SiftReply(NamedTuple):
    """What the sender tells of one announcement. One entry per announced click, in its order."""

    request: int
    """Number of the announcement that this answers."""
    basis: NDArray[np.uint8]
    """0 = X (H/V), 1 = Z (D/A)."""
    intensity: NDArray[np.uint8]
    """0, 1, 2 = signal, decoy, vacuum."""
    bit: NDArray[np.uint8]
    """0 or 1 where the sender disclosed it, 255 where it keeps it."""


class TallyReport(NamedTuple):
    """What a partner that receives (uplink) has counted since its start."""

    seq: int
    """Grows by one from report to report."""
    t_ns: int
    """Up to which slots are counted, by the partner's clock (TAI): when they left us."""
    counts: NDArray[np.int64]
    """(28,), as told: see `terminal.qkd.tally`."""


class PartnerNote(NamedTuple):
    """What the partner says of the search for each other."""

    seq: int
    kind: int
    """1: it saw our beacon at `t_ns`; 2: it is our turn to scan."""
    t_ns: int


class ClassicalLink(Driver, Protocol):
    """The public channel to the partner."""

    def announce(
        self,
        request: int,
        slot: NDArray[np.int64],
        basis: NDArray[np.uint8],
        disclose: NDArray[np.uint8],
        t_ns: int,
    ) -> None:
        """Detected slots, the basis each was measured in, and 1 where the bit is asked for.

        The sender discloses a bit where it was asked for and where the bases differ.
        """

    def poll(self, t_ns: int) -> list[SiftReply | TallyReport]:
        """What arrived since the last call, in order."""

    def tell(self, kind: int, note_t_ns: int, t_ns: int) -> None:
        """Send a note of that kind and time; as `PartnerNote`, of ourselves."""

    def note(self, t_ns: int) -> PartnerNote | None:
        """The newest note that arrived since the last call."""
