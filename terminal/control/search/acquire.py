"""The search while it runs: over which field, where it looks now, and what the partner is told."""

from bisect import bisect_right
from typing import NamedTuple

from config.mission import Mission
from config.terminal import Acquisition, TerminalConfig
from terminal.control.image.beacon import camera_geometry
from terminal.control.search import roles as roles_of
from terminal.control.search.footprint import GaussianBeam
from terminal.control.search.roles import Note, Role, RoleSample, RoleState, Telling
from terminal.control.search.scan import Scan, search_scan
from terminal.control.search.scan_limits import ScanLimits, scan_limits
from terminal.control.search.uncertainty import (
    Uncertainty,
    predicted_uncertainty,
    uncertainty_after_loss,
)
from terminal.mode import Mode
from terminal.pointing_messages import AcquisitionCommand, AcquisitionSample

SPARE_FRAMES = 1
"""The scan leaves time for one frame more than confirm: one may miss the beacon."""

HELD_S = 1.0
"""A beacon that was tracked and lit the quad cell for so long was the partner: the prediction is
corrected by it."""

COVERS = 2
"""Made at once, in a tick; after the wider one a new scan is made, over the field of then."""

WIDEST_SIGMA_RAD = 0.05
"""A scan over more would last for hours, and take long to make: of a prediction that is worse, the
middle is sought."""

PARTNER_THRESHOLD = 0.5
"""Share of our beacon's peak that the partner is taken to need."""

BACK_ON_PATH_S = 1.0
"""After a halt the scan goes on from a little before it: the gimbal has to find back."""


class SearchSettings(NamedTuple):
    """Constants of a search."""

    acquisition: Acquisition
    limits: ScanLimits
    tracking_sigma_rad: float
    lag_s: float
    scans_on_tie: bool
    """Of two that give each other the turn at the same time, who sends the quantum states scans."""


class SearchState(NamedTuple):
    """The scan that runs (None: none), how far it is, and when the partner was last held."""

    scan: Scan | None = None
    scan_s: float = 0.0
    field: Uncertainty = Uncertainty(0.0, 0.0, 0.0)
    held_s: float = 0.0
    held_ns: int = 0
    """0: never."""
    false_locks: int = 0
    """Those that are known here."""
    roles: RoleState = RoleState()


def frames_to_confirm(a: Acquisition) -> int:
    """How many have to show the beacon: with a tone agreed, as many as it takes to hear it."""
    return max(a.confirm_frames, a.beacon.modulation_frames if a.beacon.modulation_hz else 0)


def search_limits(config: TerminalConfig) -> ScanLimits:
    """How dense and how fast a scan may be: for the camera's field, and with a partner that looks
    for our beacon for that beam too."""
    a, camera = config.acquisition, camera_geometry(config)
    diameter_rad = min(camera.columns, camera.rows) * camera.pixel_rad
    if a.role != "alone":
        beam = GaussianBeam(config.optics.uplink_beacon_divergence_rad, PARTNER_THRESHOLD, 0.0)
        diameter_rad = min(diameter_rad, beam.sure_diameter_rad)
    limits = scan_limits(
        diameter_rad,
        a.overlap,
        a.jitter_rad,
        1.0 / config.rates.camera_hz,
        frames_to_confirm(a) + SPARE_FRAMES,
        a.acceleration_rad_s2,
    )
    return limits._replace(speed_rad_s=min(limits.speed_rad_s, a.speed_rad_s))


def settings_of(mission: Mission, config: TerminalConfig) -> SearchSettings:
    """The constants of `step`. Raises ValueError for a beam or field too small to scan with."""
    return SearchSettings(
        config.acquisition,
        search_limits(config),
        config.coarse.handover_rad,
        config.coarse.gimbal_lag_s,
        mission.direction == "uplink",
    )


def field_of_uncertainty(
    k: SearchSettings, state: SearchState, s: AcquisitionSample
) -> Uncertainty:
    """Where the partner may stand, from the prediction and from when it was last held."""
    predicted = predicted_uncertainty(
        min(s.sigma_rad, WIDEST_SIGMA_RAD),
        s.along_sigma_s,
        s.los_rate_x_rad_s,
        s.los_rate_y_rad_s,
    )
    if not state.held_ns:
        return predicted
    a = k.acquisition
    return uncertainty_after_loss(
        predicted,
        (s.t_ns - state.held_ns) * 1e-9,
        k.tracking_sigma_rad,
        a.attitude_drift_rad_per_sqrt_s,
        a.rate_sigma_rad_s,
    )


def _begun(k: SearchSettings, state: SearchState, s: AcquisitionSample) -> SearchState:
    roles = roles_of.begin(k.acquisition, s.t_ns)
    return _over_field(k, state._replace(held_s=0.0, roles=roles), s)


def _over_field(k: SearchSettings, state: SearchState, s: AcquisitionSample) -> SearchState:
    """A scan from its start, over the field as it is now: after a loss it grows on and on."""
    field = field_of_uncertainty(k, state, s)
    a = k.acquisition
    scan = search_scan(
        field, k.limits, pattern=a.pattern, coverage=a.coverage, widening=a.widening, covers=COVERS
    )
    return state._replace(scan=scan, scan_s=0.0, field=field)


def step(
    k: SearchSettings, state: SearchState, s: AcquisitionSample, dt_s: float
) -> tuple[SearchState, AcquisitionCommand]:
    """One tick. Nothing is sought outside ACQUIRE; a beacon that is confirmed halts the scan."""
    if s.mode in (Mode.STANDBY, Mode.SAFE, Mode.POINT):
        return SearchState(false_locks=s.false_locks), AcquisitionCommand()
    if s.false_locks != state.false_locks:
        # The prediction is corrected no more: the coarse loop drops what it learned, too.
        state = SearchState(false_locks=s.false_locks)
    if s.mode != Mode.ACQUIRE:
        return _held(k, state, s, dt_s)
    if state.scan is None:
        state = _begun(k, state, s)
    elif _scans(state, s):
        scan_s = state.scan_s + dt_s
        over = scan_s >= state.scan.duration_s
        state = _over_field(k, state, s) if over else state._replace(scan_s=scan_s)
    assert state.scan is not None
    state, telling = _roles(k, state, state.scan, s)
    scan, roles = state.scan, state.roles
    assert scan is not None

    x = y = rate_x = rate_y = 0.0
    if roles.role is Role.RETURN:
        x, y = roles.returns_to.x_rad, roles.returns_to.y_rad
    elif roles.role is not Role.STARE:
        x, y = scan.offset(state.scan_s)
    if _scans(state, s):
        # The gimbal does late what it is told: it is told that much ahead.
        rate_x, rate_y = scan.rate(state.scan_s + k.lag_s)
    if roles.role is not Role.ALONE:
        state = state._replace(roles=roles_of.looked(roles, s.t_ns, x, y))
    axes = state.field.axes()
    return state, AcquisitionCommand(
        role=roles.role,
        scan_x_rad=x,
        scan_y_rad=y,
        scan_rate_x_rad_s=rate_x,
        scan_rate_y_rad_s=rate_y,
        sweep=bisect_right(scan.covers_s, state.scan_s),
        sigma_major_rad=axes.major_rad,
        sigma_minor_rad=axes.minor_rad,
        note=telling.note,
        note_t_ns=telling.t_ns,
    )


def _scans(state: SearchState, s: AcquisitionSample) -> bool:
    """Whether the scan moves on; a beacon that is confirmed halts it."""
    return state.roles.role in (Role.ALONE, Role.SCAN) and not s.camera_confirmed


def _roles(
    k: SearchSettings, state: SearchState, scan: Scan, s: AcquisitionSample
) -> tuple[SearchState, Telling]:
    """Who scans from now on. A turn is the first cover: a wider one would outlast the partner's
    patience, which we do not know."""
    before = state.roles
    roles, telling = roles_of.step(
        k.acquisition,
        before,
        RoleSample(
            s.t_ns,
            Note(s.note),
            s.note_t_ns,
            bool(s.camera_confirmed),
            s.camera_frame_t_ns,
            state.scan_s >= scan.covers_s[0],
        ),
        k.scans_on_tie,
    )
    state = state._replace(roles=roles)
    if roles.role is Role.SCAN and before.role is Role.STARE:
        state = _over_field(k, state, s)
    elif roles.role is Role.SCAN and before.role is Role.RETURN:
        state = state._replace(scan_s=max(0.0, state.scan_s - BACK_ON_PATH_S))
    return state, telling


def _held(
    k: SearchSettings, state: SearchState, s: AcquisitionSample, dt_s: float
) -> tuple[SearchState, AcquisitionCommand]:
    """TRACK, LINK, LOST: no search; until the link stands, the partner is told that it is seen."""
    lit = bool(s.quad_lit) and s.mode != Mode.LOST
    held_s = 0.0 if s.mode == Mode.LOST else state.held_s + (dt_s if lit else 0.0)
    held_ns = s.t_ns if lit and held_s >= HELD_S else state.held_ns
    state = state._replace(scan=None, scan_s=0.0, held_s=held_s, held_ns=held_ns)
    if k.acquisition.role == "alone" or s.mode != Mode.TRACK:
        return state, AcquisitionCommand()
    roles = roles_of.saw(state.roles, bool(s.camera_confirmed), s.t_ns, s.camera_frame_t_ns)
    roles, telling = roles_of.tell(k.acquisition, roles, s.t_ns)
    command = AcquisitionCommand(note=telling.note, note_t_ns=telling.t_ns)
    return state._replace(roles=roles), command
