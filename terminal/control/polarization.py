"""Half-wave plate and retarder: geometry feeds forward, the photons trim.

docs/polarization.md says what is seen by what. Pure: `PolarizationPolicy.step` gets all it uses in
its Sample.
"""

import math
from typing import NamedTuple

import numpy as np

from config.mission import Mission
from config.polarization import Polarization
from terminal.control import phase_control, plate_drive, plate_order, retarder_order
from terminal.control.beacon_polarimeter import BeaconFrame, Reading
from terminal.control.beacon_trim import trimmed
from terminal.control.count_background import CountBackground
from terminal.control.exposure_ledger import Ledger, News, Stand, booked
from terminal.control.frame_filter import FrameSigmas
from terminal.control.frame_model import Analyser
from terminal.control.frame_told import is_quarter, told
from terminal.control.frame_tracking import Rules, Tracking, fresh, renamed, tracked
from terminal.control.name_search import NameSearch, Naming, searched
from terminal.control.plate_order import PlateOrder, Wish
from terminal.control.plate_target import QUARTER, Course, rate_rad_s
from terminal.control.polarization_flags import PolarizationFlag
from terminal.control.polarization_path import PlateAim, path_of
from terminal.control.retarder_order import RetarderOrder
from terminal.optics.polarization import Jones
from terminal.quantum_messages import PolarizationCommand, PolarizationSample

LINE_OF_SIGHT_RAD_S = math.radians(1.0)
"""Usual in a low orbit's pass: errors of attitude show in the frame as they turn with it."""
DISCLOSE_WITHIN_S = 2.0
"""Slots of so long before can be disclosed in one tick; more is impossible."""


class PolarizationState(NamedTuple):
    """Between two ticks."""

    tracking: Tracking
    drive: plate_drive.Drive = plate_drive.Drive()
    retarder: phase_control.Drive = phase_control.Drive()
    ledger: Ledger = Ledger()
    beacon: BeaconFrame = BeaconFrame()
    t_ns: int = 0
    frame_rad: float = math.nan
    """Predicted at the last tick; nan: it was not."""
    frame_rate_rad_s: float = 0.0
    aim: PlateAim = PlateAim()
    aim_rate_rad_s: float = 0.0
    retardance_rad: float = 0.0
    """Of the retarder, for this aim."""
    target_rad: float = 0.0
    misalignment_rad: float = 0.0
    rests_on_beacon: bool = False
    relabelled_ns: int = 0
    names: NameSearch = NameSearch()


class PolarizationPolicy:
    """The step of the polarisation loop, with what it needs to know beforehand."""

    def __init__(
        self,
        mission: Mission,
        config: Polarization,
        start_tai_ns: int,
        period_s: float,
        acquire_clicks: int,
        course: Course = Course(),  # noqa: B008
    ) -> None:
        """config: with its calibration applied. acquire_clicks: of the clock search. course: only
        a plate with ends needs one."""
        plate, source = config.plate, mission.source
        self._config, self._plate = config, plate
        self._start_ns, self._period_s, self._course = start_tai_ns, period_s, course
        self._path = path_of(config)
        sigmas = FrameSigmas(
            offset_rad=config.reference_sigma_rad,
            rate_rad_s=config.reference_sigma_rad * LINE_OF_SIGHT_RAD_S,
            plate_scale=plate.scale_sigma,
            plate_zero_rad=plate.zero_sigma_rad,
            phase_rad=max(config.phase_sigma_rad, 1e-6),
            plate_retardance_rad=plate.retardance_sigma_rad,
        )
        self._rules = Rules(
            Analyser(config.channels.efficiency, config.channels.leak, config.phase_axis_rad),
            self._path,
            plate.retardance_rad,
            sigmas,
            config.phase_rad,
            config.trim_window_s,
            config.trim_min_clicks,
        )
        self._slot_hz, self._acquire_clicks = source.pulse_rate_hz, acquire_clicks
        self._background = CountBackground(mission, config.channels)

    def initial(self) -> PolarizationState:
        """Before the first tick."""
        return PolarizationState(fresh(self._rules))

    def step(
        self, state: PolarizationState, s: PolarizationSample, dt_s: float
    ) -> tuple[PolarizationState, PolarizationCommand]:
        """Plate and retarder for now; the trim once counts are worth it."""
        before_ns = state.t_ns or s.t_ns - round(dt_s * 1e9)
        drive = plate_drive.heard(
            state.drive,
            self._plate,
            s.plate_t_ns,
            s.plate_angle_rad,
            bool(s.plate_moving),
            before_ns,
            s.t_ns,
        )
        retarder = state.retarder
        if self._config.retarder is not None:
            retarder = phase_control.heard(
                retarder, self._config.retarder, s.retarder_t_ns, s.retarder_drive_v, s.t_ns
            )
        state = state._replace(drive=drive, retarder=retarder, t_ns=s.t_ns)
        train = self._path.train(s.yaw_rad, s.pitch_rad)
        state = self._predicted(state, s, train, dt_s)
        stand = self._stand(state, train, before_ns, s.t_ns, dt_s)
        flags = PolarizationFlag(0)
        state, bad = self._counted(state, s, stand, before_ns)
        flags |= bad
        if s.beacon_fresh and math.isfinite(state.frame_rad):
            reading = Reading(s.beacon_h, s.beacon_v, s.beacon_d, s.beacon_a)
            beacon, tracking, bad = trimmed(state.beacon, state.tracking, reading, stand, state.aim)
            rests_on_beacon = state.rests_on_beacon or tracking is not state.tracking
            state = state._replace(
                beacon=beacon, tracking=tracking, rests_on_beacon=rests_on_beacon
            )
            flags |= bad
        return self._commanded(self._renamed(state, s), s, train, flags)

    def _predicted(
        self, state: PolarizationState, s: PolarizationSample, train: Jones, dt_s: float
    ) -> PolarizationState:
        """Frame and best plate angle as geometry has them, and how fast they move."""
        if not s.pointing_valid or not math.isfinite(s.frame_angle_rad):
            return state._replace(frame_rad=math.nan, frame_rate_rad_s=0.0, aim_rate_rad_s=0.0)
        now, retardance = state.tracking, self._retardance(state)
        phase_rad = now.now.phase_rad(self._axis_rad(state))
        aim = self._path.aim(train, retardance, phase_rad, now.labels.mirrored)
        rate = aim_rate = 0.0
        if math.isfinite(state.frame_rad) and dt_s > 0.0:
            rate = rate_rad_s(state.frame_rad, s.frame_angle_rad, dt_s, math.pi)
            # A retarder that steps is no motion that goes on.
            if not self._path.is_plain and retardance == state.retardance_rad:
                aim_rate = rate_rad_s(state.aim.axis_rad, aim.axis_rad, dt_s, QUARTER)
        return state._replace(
            frame_rad=s.frame_angle_rad,
            frame_rate_rad_s=rate,
            aim=aim,
            aim_rate_rad_s=aim_rate,
            retardance_rad=retardance,
        )

    def _stand(
        self, state: PolarizationState, train: Jones, before_ns: int, t_ns: int, dt_s: float
    ) -> Stand | None:
        """How the optics stood since the last tick; None: not at rest, or not known."""
        known = math.isfinite(state.frame_rad) and state.drive.steady(before_ns, t_ns)
        if self._config.retarder is not None:
            known = known and state.retarder.steady(before_ns)
        if not known or before_ns < state.relabelled_ns:
            return None
        return Stand(
            state.frame_rad - 0.5 * dt_s * state.frame_rate_rad_s,
            state.drive.angle_rad - self._plate.zero_rad,
            np.eye(4) if self._path.is_plain else self._path.known(train, self._retardance(state)),
        )

    def _counted(
        self, state: PolarizationState, s: PolarizationSample, stand: Stand | None, before_ns: int
    ) -> tuple[PolarizationState, PolarizationFlag]:
        public_hz, disclosed_hz = self._background.hz(s.background_hz, s.gate_half_width_s)
        tick_s = (s.t_ns - before_ns) * 1e-9
        news = News(
            before_ns,
            s.t_ns,
            s.public_counts,
            s.disclosed_counts,
            s.disclosed_from_ns,
            s.disclosed_until_ns,
            public_hz * tick_s,
            disclosed_hz,
        )
        ledger, flags = booked(
            state.ledger, news, stand, self._slot_hz * (tick_s + DISCLOSE_WITHIN_S)
        )
        dithering = state.retarder.side != 0
        tracking, ledger = tracked(self._rules, state.tracking, ledger, dithering, s.t_ns)
        seen = tracking.seen
        if (
            seen is not None
            and seen is not state.tracking.seen
            and seen.rotation_sigma_rad < math.inf
        ):
            state = state._replace(
                misalignment_rad=self._misalignment(state, tracking, s), rests_on_beacon=False
            )
        if tracking.relabelled:
            # Clicks of up to now carry the old names.
            state = state._replace(relabelled_ns=s.t_ns)
        return state._replace(ledger=ledger, tracking=tracking), flags

    def _misalignment(
        self, state: PolarizationState, tracking: Tracking, s: PolarizationSample
    ) -> float:
        shown, seen = tracking.exposure, tracking.seen
        if shown is None or seen is None:
            return state.misalignment_rad
        wanted_rad = shown.frame_rad + seen.rotation_rad + self.turn_rad(s.t_ns)
        return math.remainder(wanted_rad - state.aim.frame_for(shown.plate_rad), math.pi)

    def _renamed(self, state: PolarizationState, s: PolarizationSample) -> PolarizationState:
        """Under the next naming, where all clicks found no clock under that of now."""
        tracking = state.tracking
        quarter = is_quarter(tracking.now.trim_rad(self._axis_rad(state)))
        names, naming = searched(
            state.names,
            Naming(tracking.labels, quarter),
            bool(s.clock_known),
            s.searched_clicks,
            self._acquire_clicks,
            s.t_ns,
        )
        state = state._replace(names=names)
        if naming is None:
            return state
        tracking = renamed(self._rules, naming.labels, QUARTER * naming.quarter)
        return state._replace(
            tracking=tracking,
            ledger=state.ledger._replace(entries=(), clicks=0.0),
            beacon=BeaconFrame(),
            rests_on_beacon=False,
            relabelled_ns=s.t_ns,
        )

    def _commanded(
        self,
        state: PolarizationState,
        s: PolarizationSample,
        train: Jones,
        flags: PolarizationFlag,
    ) -> tuple[PolarizationState, PolarizationCommand]:
        drive, tracking = state.drive, state.tracking
        turn_rad = self.turn_rad(s.t_ns)
        trim_rad = tracking.now.trim_rad(self._axis_rad(state))
        order = PlateOrder(state.target_rad)
        if not math.isfinite(state.frame_rad):
            flags |= PolarizationFlag.NO_PREDICTION
        elif drive.told_ns:
            wish = Wish(
                state.aim.axis_for(state.frame_rad + trim_rad + turn_rad),
                state.aim_rate_rad_s + 0.5 * state.aim.sense * state.frame_rate_rad_s,
                self._course.at((s.t_ns - self._start_ns) * 1e-9),
                bool(s.linked),
            )
            order = plate_order.ordered(
                self._plate, self._config.deadband_rad, drive, wish, self._period_s, s.t_ns
            )
            state = state._replace(target_rad=order.target_rad)
        if order.ends:
            flags |= PolarizationFlag.TRAVEL_END
        if order.move:
            state = state._replace(drive=plate_drive.sent(drive, order.target_rad, s.t_ns))
        if drive.silent(s.t_ns):
            flags |= PolarizationFlag.PLATE_SILENT
        if drive.stuck:
            flags |= PolarizationFlag.PLATE_STUCK
        settled, drive_order = order.settled, RetarderOrder()
        if self._config.retarder is not None:
            retarder, drive_order, more = retarder_order.ordered(
                self._config.retarder,
                self._path,
                train,
                state.retarder,
                tracking.now,
                self._axis_rad(state),
                bool(s.linked),
                s.t_ns,
            )
            flags |= more
            settled = settled and retarder.steady(s.t_ns) and not retarder.side
            state = state._replace(retarder=retarder)
        seen = tracking.seen
        flags |= told(tracking, trim_rad, state.names.trying)
        if state.rests_on_beacon:
            flags |= PolarizationFlag.BEACON_USED
        return state, PolarizationCommand(
            plate_target_rad=state.target_rad % (2.0 * math.pi),
            move=order.move,
            trim_rad=trim_rad,
            trim_sigma_rad=tracking.now.trim_sigma_rad(self._axis_rad(state)),
            misalignment_rad=state.misalignment_rad,
            turn_rad=turn_rad,
            settled=settled,
            swapped=tracking.labels.swapped,
            forget=state.names.forget(s.t_ns),
            phase_rad=tracking.now.phase_rad(self._axis_rad(state)),
            phase_sigma_rad=tracking.now.phase_sigma_rad(self._axis_rad(state)),
            cos_phase=seen.cos_phase if seen and math.isfinite(seen.cos_phase) else 1.0,
            contrast=seen.contrast if seen and math.isfinite(seen.contrast) else 1.0,
            uncorrected_error=self._uncorrected_error(state),
            retarder_drive_v=drive_order.drive_v,
            drive=drive_order.due,
            retarder_target_rad=drive_order.retardance_rad,
            clicks=state.ledger.clicks,
            rotation_sigma_rad=_finite(seen.rotation_sigma_rad) if seen else 0.0,
            flags=int(flags),
        )

    def _axis_rad(self, state: PolarizationState) -> float:
        """Of the plate, by its encoder."""
        return state.drive.angle_rad - self._plate.zero_rad

    def _retardance(self, state: PolarizationState) -> float:
        """Of the retarder, by its drive as it was told last; 0 without one."""
        if self._config.retarder is None:
            return 0.0
        return phase_control.retardance_rad(self._config.retarder, state.retarder.drive_v)

    def _uncorrected_error(self, state: PolarizationState) -> float:
        """Without a retarder the counts show the phase's size."""
        seen = state.tracking.seen
        if self._path.is_plain and seen and math.isfinite(seen.cos_phase):
            left_rad = math.acos(min(1.0, max(-1.0, seen.cos_phase)))
            return PlateAim(left_rad=left_rad).error_rate
        return state.aim.error_rate

    def turn_rad(self, t_ns: int) -> float:
        """By which the analyser is turned on purpose at this time: the same in any replay."""
        turns = self._config.turns_rad
        if len(turns) == 1:
            return turns[0]
        return turns[int((t_ns - self._start_ns) * 1e-9 / self._config.turn_every_s) % len(turns)]


def _finite(value: float) -> float:
    return value if math.isfinite(value) else 0.0
