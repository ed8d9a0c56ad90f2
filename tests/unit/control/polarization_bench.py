"""A polarisation loop on a plate, a retarder and a receiver whose errors only the bench knows.

The true optics are `sim_devices.receiver_optics`, which shares no line with the estimate. Photons
are Poissonian; states of key slots are disclosed late, those of public slots at once.
"""

import math
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from config.loader import load_scenario
from config.polarization import Plate, Polarization
from config.world import PolarizationTruth
from sim_devices.polarization_optics import SENT_STOKES, left_of_frame
from sim_devices.receiver_optics import OpticsView, PlateErrors, ReceiverOptics
from terminal.control.plate_target import Course
from terminal.control.polarization import PolarizationPolicy
from terminal.geometry.gimbal_frame import Joints, image_axes
from terminal.quantum_messages import PolarizationCommand, PolarizationSample

Array = NDArray[np.float64]

MISSION = load_scenario("leo_haps_downlink").mission
CONFIG: Polarization = replace(
    load_scenario("leo_haps_downlink").terminal.polarization, plate=Plate()
)
"""The demo's, with a plate that goes round without end."""
ACQUIRE_CLICKS = 20_000
START_NS = 10**18
DT_S = 0.1
TICK_NS = 100_000_000
LATE_TICKS = 2
"""States of key slots are disclosed so many ticks after their photons."""
TRUTH = PolarizationTruth(plate_offset_rad=0.0, retardance_rad=0.0, intrinsic_qber=0.005)


@dataclass
class Bench:
    """One terminal; `run` flies it."""

    config: Polarization = CONFIG
    truth: PolarizationTruth = TRUTH
    plate: PlateErrors = PlateErrors(offset_rad=math.radians(3.0))  # noqa: RUF009
    predicted_rad: float = 0.6
    offset_rad: float = math.radians(0.5)
    """True frame angle less the predicted one."""
    clicks_per_s: float = 5000.0
    """Whose states become known."""
    seed: int = 3
    course: Course = Course()  # noqa: RUF009
    linked: bool = True

    needs_clock: bool = False
    """States become known only while a clock can be proved by them, as in a flight."""
    mirror_missing: bool = False
    swapped: bool = False
    stuck: bool = False
    silent: bool = False
    retarder_silent: bool = False
    beacon: float = 0.0
    """Degree of polarisation; 0: no polarimeter."""
    beacon_counts: float = 4000.0
    joints: tuple[float, float] = (0.3, 0.7)

    encoder_rad: float = 0.0
    retarder_v: float = 0.0
    moves: int = 0
    t_ns: int = START_NS
    log: list[tuple[float, float, PolarizationCommand]] = field(default_factory=list)
    """(s, true frame error rad, command) of each tick."""

    def __post_init__(self) -> None:
        self.policy = PolarizationPolicy(
            MISSION, self.config, START_NS, DT_S, ACQUIRE_CLICKS, self.course
        )
        self.state = self.policy.initial()
        self.command = PolarizationCommand()
        self.optics = ReceiverOptics(
            self.truth, MISSION.source.basis_x_probability, self.config, self.plate
        )
        self.rng = np.random.default_rng(self.seed)
        self.public, self.disclosed = np.zeros(16), np.zeros(16)
        self.late: deque[tuple[int, Array]] = deque()
        self.plate_t_ns = self.retarder_t_ns = START_NS
        self.ordered: float | None = None
        self.under_way: float | None = None
        self.known_names = False

    def view(self) -> OpticsView:
        axes = image_axes(Joints(*self.joints))
        frame_rad = self.predicted_rad + self.offset_rad
        if self.mirror_missing:
            # A mirror across H: as a half-wave retarder along it.
            frame_rad = -frame_rad
        return OpticsView(
            frame_rad,
            self.plate.axis_rad(self.encoder_rad),
            self.retardance(),
            (axes.boresight, axes.right, axes.up),
            self.swapped,
        )

    def retardance(self) -> float:
        if self.config.retarder is None:
            return 0.0
        drives, values = np.array(self.config.retarder.calibration).T
        return float(np.interp(self.retarder_v, drives, values))

    def path(self) -> Array:
        """(4, 4) of all before the detectors."""
        whole = self.optics.whole(self.view())
        if self.mirror_missing:
            whole = whole @ np.diag([1.0, 1.0, -1.0, -1.0])
        return np.asarray(whole)

    @property
    def error_rad(self) -> float:
        """Of the frame behind the plate, in truth."""
        path = self.path()
        if self.mirror_missing:
            # Named right, D stands at +45 degrees.
            path = np.diag([1.0, 1.0, -1.0, -1.0]) @ path
        return left_of_frame(path).frame_rad

    @property
    def phase_left_rad(self) -> float:
        """Between S3 before and after all plates, whose own reflection turns it round."""
        sphere = self.path()[1:, 1:] / self.path()[0, 0]
        return math.atan2(math.hypot(sphere[0, 2], sphere[1, 2]), -sphere[2, 2])

    def clicks(self) -> tuple[Array, Array]:
        """(public, key) clicks of a tick, (16,)."""
        rows = self.optics._splitter[[0, 1, 3, 2]] if self.swapped else self.optics._splitter
        shares = SENT_STOKES @ (rows @ self.path()).T
        if self.known_names:
            shares = shares[:, [0, 1, 3, 2]]
        p_x = MISSION.source.basis_x_probability
        key = np.array([p_x, p_x, 1.0 - p_x, 1.0 - p_x]) / 2.0
        told = np.ones((4, 4))
        told[:2, :2] = MISSION.security.disclosed_x_share
        key_mean = key[:, None] * shares * told * (1.0 - MISSION.source.public_share)
        public_mean = 0.25 * shares * MISSION.source.public_share
        scale = self.clicks_per_s * DT_S / float((key_mean + public_mean).sum())
        return (
            self.rng.poisson(public_mean.ravel() * scale).astype(float),
            self.rng.poisson(key_mean.ravel() * scale).astype(float),
        )

    def provable(self) -> bool:
        """Both bases show the states sent better than they contradict them, by 3 to 1: a chance
        click may contradict the right slots of a link with its frames 20 degrees off."""
        rows = self.optics._splitter[[0, 1, 3, 2]] if self.swapped else self.optics._splitter
        shares = SENT_STOKES @ (rows @ self.path()).T
        if self.command.swapped:
            shares = shares[:, [0, 1, 3, 2]]
        return all(
            shares[i, i] + shares[j, j] > 3.0 * (shares[i, j] + shares[j, i])
            for i, j in ((0, 1), (2, 3))
        )

    def run(self, seconds: float, rate_rad_s: float = 0.0, **changes: Any) -> "Bench":
        """changes: fields of the sample that are put in place of the true ones."""
        for _ in range(round(seconds / DT_S)):
            self.tick(rate_rad_s, changes)
        return self

    def tick(self, rate_rad_s: float, changes: dict[str, Any]) -> None:
        begin_ns, self.t_ns = self.t_ns, self.t_ns + TICK_NS
        self.predicted_rad += rate_rad_s * DT_S
        # What went out with the last look moves in this tick.
        if self.under_way is not None and not self.stuck:
            self.encoder_rad += math.remainder(self.under_way - self.encoder_rad, 2.0 * math.pi)
        self.under_way = self.ordered
        self.ordered = None
        found = not self.needs_clock or (self.provable() and not self.command.forget)
        if self.clicks_per_s and found:
            public, key = self.clicks()
            self.public = self.public + public
            self.late.append((begin_ns, key))
        span = (0, 0)
        if self.late and self.late[0][0] <= self.t_ns - LATE_TICKS * TICK_NS:
            span_ns, key = self.late.popleft()
            self.disclosed = self.disclosed + key
            span = (span_ns, span_ns + TICK_NS)
        if not self.silent:
            self.plate_t_ns = self.t_ns
        if not self.retarder_silent:
            self.retarder_t_ns = self.t_ns
        beacon = np.zeros(4, np.int64)
        if self.beacon:
            shares = self.optics.polarimeter_shares(self.view(), self.beacon)
            beacon = np.rint(self.rng.normal(self.beacon_counts * shares, 2.0)).astype(np.int64)
        sample = PolarizationSample(
            t_ns=self.t_ns,
            pointing_valid=1,
            linked=self.linked,
            # Known to half a turn, as an axis is.
            frame_angle_rad=math.remainder(self.predicted_rad, math.pi),
            yaw_rad=self.joints[0],
            pitch_rad=self.joints[1],
            plate_t_ns=self.plate_t_ns,
            plate_angle_rad=self.encoder_rad % (2.0 * math.pi),
            plate_moving=self.under_way is not None,
            retarder_t_ns=self.retarder_t_ns if self.config.retarder else 0,
            retarder_drive_v=self.retarder_v,
            beacon_fresh=bool(self.beacon),
            beacon_h=int(beacon[0]),
            beacon_v=int(beacon[1]),
            beacon_d=int(beacon[2]),
            beacon_a=int(beacon[3]),
            public_counts=self.public,
            disclosed_counts=self.disclosed,
            disclosed_from_ns=span[0],
            disclosed_until_ns=span[1],
            background_hz=0.0,
            gate_half_width_s=0.0,
            clock_known=found,
            searched_clicks=0 if found else round(self.clicks_per_s * DT_S),
        )._replace(**changes)
        self.known_names = bool(self.command.swapped)
        self.state, self.command = self.policy.step(self.state, sample, DT_S)
        if self.command.move and not self.silent:
            self.ordered = self.command.plate_target_rad
            self.moves += 1
        if self.command.drive and not self.retarder_silent:
            self.retarder_v = self.command.retarder_drive_v
        self.log.append(((self.t_ns - START_NS) * 1e-9, self.error_rad, self.command))

    def rms_deg(self, last_s: float) -> float:
        """Of the true frame error over the last seconds."""
        off = [error for _, error, _ in self.log[-round(last_s / DT_S) :]]
        return math.degrees(float(np.sqrt(np.mean(np.square(off)))))


def with_optics(**changes: Any) -> Polarization:
    """The bench's optics with other fields."""
    return replace(CONFIG, **changes)
