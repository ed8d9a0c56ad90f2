"""What may be believed of the navigation unit: each fix is judged before the prediction uses it.

A fix that is refused changes nothing: position is reckoned on from the last good one by velocity,
attitude by body rate, and both grow unsure. A unit that jumps and stays there is believed in the
end, since it may have been wrong before. What no judge can see: an error that was there from the
first fix on, and one that comes while the unit is silent.
"""

from enum import IntFlag
from math import cos, hypot, isfinite, pi, remainder, sqrt
from typing import NamedTuple

from terminal.control import attitude
from terminal.control.attitude import AttitudeState
from terminal.geometry.body import Fix, NavigationTrack
from terminal.geometry.earth import curvature_radii_m
from terminal.geometry.quaternion import normalise
from terminal.geometry.vector import Vec, norm


class NavigationEvent(IntFlag):
    """What is wrong with the fixes; one of the first five, and the newest is not used."""

    BAD_VALUE = 1
    """Not a number, out of range, or a quaternion that is no rotation."""
    TIME_BACK = 2
    """The unit's clock went back, and is not right again."""
    TIME_AHEAD = 4
    """The fix comes from the future."""
    STALE = 8
    """There is no fix that is young enough."""
    FROZEN = 16
    """New time, old values, though they have changed before or should."""
    JUMP = 32
    """Not where velocity, body rate, stated sigma and time allow, and so not used; or used after
    all, since it lasts, but still in doubt."""
    ABSURD_ACCURACY = 64
    """A sigma that is zero, no number, or far below the scatter of the fixes: replaced."""
    LIGHT_TIME_STEP = 128
    """The position has been taken anew, so the light time steps: the slot count is in question."""


MOST_AHEAD_S = 0.05
"""Our clock and the unit's agree better than this."""
AGE_LEARNING = 0.1
BACK_AGAIN_S = 0.03
"""A clock that went back is right again when the fixes' age is as it was, within this."""
PERSISTENCE_S = 3.0
"""Fixes that agree with each other, but not with what went before, are believed after this time."""
DOUBT_S = 60.0
"""So long after that the event stays."""

JUMP_SIGMAS = 6.0
LEAST_JUMP_RAD, LEAST_JUMP_M = 3e-3, 20.0
"""What is smaller is left to the filters, and shows in the sigmas."""
GUST_RAD_S2, THRUST_M_S2 = 5.0, 5.0
"""Accelerations that may come from one fix to the next."""
SUDDEN_S = 0.1
"""For so long such a gust is reckoned with; what lasts longer shows in the filter."""
JUDGED_S = 0.3
"""From a unit that has just been wrong, a gap forgives no more than such a short one."""

SMALLEST_SIGMA_RAD, SMALLEST_SIGMA_M = 20e-6, 0.01
"""Half of what the best survey systems claim after post-processing (0.0025 degrees, 0.02 m)."""
DOUBTED_SIGMA_RAD, DOUBTED_SIGMA_M = 5e-3, 10.0
"""Taken for a sigma that cannot be meant."""
ABSURD_RATIO = 5.0
UNIT_LENGTH = 1e-3
FASTEST_M_S = 1000.0
MOVING_M_S = 0.1


class Followed(NamedTuple):
    """A run of fixes that fit together."""

    fix: Fix
    """The last one, its sigmas as believed."""
    attitude: AttitudeState
    since_ns: int
    position_noise_m2: float = 0.0
    """Power of the fixes' white noise, per axis."""


class NavigationState(NamedTuple):
    """What is known of the unit."""

    good: Followed | None = None
    suspect: Followed | None = None
    """A run that does not fit to the good one."""
    track: NavigationTrack = NavigationTrack()
    """The good fixes of the last seconds."""
    seen: Fix | None = None
    """The newest fix, good or not."""
    events: NavigationEvent = NavigationEvent(0)
    """Those of the newest fix."""
    usual_age_s: float = 0.0
    """Low-passed age at which good fixes arrive."""
    clock_is_back: bool = False
    has_changed: bool = False
    doubted_until_ns: int = 0


class Solution(NamedTuple):
    """Attitude now and what goes with it, from the last good fix."""

    fix: Fix
    age_s: float
    q_ned_from_body: tuple[float, float, float, float]
    rate_body_rad_s: Vec
    """Against the local level."""
    attitude_sigma_rad: float
    position_sigma_m: float
    """1-sigma per axis, reckoning included."""


def step(
    state: NavigationState, fix: Fix | None, t_ns: int, max_age_s: float
) -> tuple[NavigationState, NavigationEvent]:
    """Judge the newest fix at TAI `t_ns`; the same fix may come again. None: none has come yet.

    Returns all events that hold now. The fix was used if `state.good` has its time.
    """
    if fix is not None and (state.seen is None or fix[:6] != state.seen[:6]):
        state = _judge(state, fix, t_ns, max_age_s)
    events = state.events
    if state.good is None or abs(t_ns - state.good.fix.t_ns) * 1e-9 > max_age_s:
        events |= NavigationEvent.STALE
    if t_ns < state.doubted_until_ns:
        events |= NavigationEvent.JUMP
    return state, events


def solution(good: Followed, t_ns: int) -> Solution:
    """The body at TAI `t_ns` by the last good fix. Position is left to whoever smooths it."""
    fix, lies = good.fix, good.attitude
    age_s = (t_ns - fix.t_ns) * 1e-9
    return Solution(
        fix,
        age_s,
        attitude.at(lies, age_s),
        lies.rate_body_rad_s,
        hypot(fix.attitude_sigma_rad, attitude.drift_rad(lies, age_s)),
        hypot(fix.position_sigma_m, 0.5 * THRUST_M_S2 * age_s * age_s),
    )


def _judge(state: NavigationState, fix: Fix, t_ns: int, max_age_s: float) -> NavigationState:
    """With one more fix, used or refused."""
    if not _in_range(fix):
        # Nothing of it is kept: not even its time.
        return state._replace(events=NavigationEvent.BAD_VALUE)
    seen, age_s = state.seen, (t_ns - fix.t_ns) * 1e-9
    same_values = seen is not None and seen[1:6] == fix[1:6]
    has_changed = state.has_changed or not (seen is None or same_values)
    # A clock that went back stays wrong while its time runs on past where it was.
    clock_is_back = (seen is not None and fix.t_ns <= seen.t_ns) or (
        state.clock_is_back and age_s > state.usual_age_s + BACK_AGAIN_S
    )
    state = state._replace(seen=fix, has_changed=has_changed, clock_is_back=clock_is_back)

    wrong = NavigationEvent(0)
    if same_values and (has_changed or norm(fix.velocity_ned_m_s) > MOVING_M_S):
        wrong |= NavigationEvent.FROZEN
    if age_s < -MOST_AHEAD_S:
        wrong |= NavigationEvent.TIME_AHEAD
    if age_s > max_age_s:
        wrong |= NavigationEvent.STALE
    if wrong:
        if clock_is_back:
            wrong |= NavigationEvent.TIME_BACK
        return state._replace(events=wrong)
    fix = fix._replace(q_ned_from_body=normalise(fix.q_ned_from_body))
    return _follow(state, fix, age_s, t_ns)


def _in_range(fix: Fix) -> bool:
    north, east, down = fix.velocity_ned_m_s
    place = fix.latitude_rad + fix.longitude_rad + fix.altitude_m
    w, x, y, z = fix.q_ned_from_body
    return (
        isfinite(place + north + east + down + w + x + y + z)
        and abs(fix.latitude_rad) <= 0.5 * pi
        and abs(fix.longitude_rad) <= 2.0 * pi
        and -1e3 <= fix.altitude_m <= 1e5
        and max(abs(north), abs(east), abs(down)) <= FASTEST_M_S
        and abs(sqrt(w * w + x * x + y * y + z * z) - 1.0) <= UNIT_LENGTH
    )


def _follow(state: NavigationState, fix: Fix, age_s: float, t_ns: int) -> NavigationState:
    """Use the fix where it fits: to the good run, else to the suspect one, else to a new one."""
    good, suspect = state.good, state.suspect
    silent = not state.events & ~NavigationEvent.ABSURD_ACCURACY
    if good is None:
        good, usual_age_s = _begin(fix), age_s
    elif (
        not state.clock_is_back
        and fix.t_ns > good.fix.t_ns
        and _fits(good, fix, only_silence_between=silent)
    ):
        good = _extend(good, fix)
        usual_age_s = state.usual_age_s + AGE_LEARNING * (age_s - state.usual_age_s)
    else:
        if suspect is not None and fix.t_ns > suspect.fix.t_ns and _fits(suspect, fix, True):
            suspect = _extend(suspect, fix)
        else:
            suspect = _begin(fix)
        if (fix.t_ns - suspect.since_ns) * 1e-9 < PERSISTENCE_S:
            why = NavigationEvent.TIME_BACK if state.clock_is_back else NavigationEvent.JUMP
            return state._replace(suspect=suspect, events=why)
        good, usual_age_s = suspect, age_s
        state = state._replace(
            track=NavigationTrack(),
            clock_is_back=False,
            doubted_until_ns=t_ns + round(DOUBT_S * 1e9),
        )
    good, absurd = _believed(good)
    return state._replace(
        good=good,
        suspect=None,
        track=state.track.add(good.fix),
        events=NavigationEvent.ABSURD_ACCURACY if absurd else NavigationEvent(0),
        usual_age_s=usual_age_s,
    )


def _begin(fix: Fix) -> Followed:
    return Followed(fix, attitude.start(fix.t_ns, fix.q_ned_from_body), fix.t_ns)


def _extend(run: Followed, fix: Fix) -> Followed:
    # The difference of two fixes has twice the power of their noise; three axes.
    power = norm(_off_m(run.fix, fix)) ** 2 / 6.0
    weight = max(attitude.LEARNING, 1.0 / run.attitude.fixes)
    return Followed(
        fix,
        attitude.update(run.attitude, fix.t_ns, fix.q_ned_from_body),
        run.since_ns,
        run.position_noise_m2 + weight * (power - run.position_noise_m2),
    )


def _off_m(before: Fix, fix: Fix) -> Vec:
    """North, east, down from where `before` would have come by the mean velocity."""
    dt_s = (fix.t_ns - before.t_ns) * 1e-9
    meridian_m, prime_vertical_m = curvature_radii_m(fix.latitude_rad)
    east_m = (prime_vertical_m + fix.altitude_m) * cos(fix.latitude_rad)
    (n0, e0, d0), (n1, e1, d1) = before.velocity_ned_m_s, fix.velocity_ned_m_s
    half_s = 0.5 * dt_s
    return (
        (fix.latitude_rad - before.latitude_rad) * (meridian_m + fix.altitude_m)
        - half_s * (n0 + n1),
        remainder(fix.longitude_rad - before.longitude_rad, 2.0 * pi) * east_m - half_s * (e0 + e1),
        before.altitude_m - fix.altitude_m - half_s * (d0 + d1),
    )


def _fits(run: Followed, fix: Fix, only_silence_between: bool) -> bool:
    """Whether a fix, younger than the run, may follow it."""
    gap_s = (fix.t_ns - run.fix.t_ns) * 1e-9
    judged_s = gap_s if only_silence_between else min(gap_s, JUDGED_S)
    noise_m = sqrt(run.position_noise_m2)
    allowed_m = (
        max(LEAST_JUMP_M, JUMP_SIGMAS * hypot(run.fix.position_sigma_m, noise_m))
        + 0.5 * THRUST_M_S2 * judged_s * judged_s
    )
    lies = run.attitude
    unsure_rad = hypot(run.fix.attitude_sigma_rad, attitude.drift_rad(lies, judged_s))
    allowed_rad = max(LEAST_JUMP_RAD, JUMP_SIGMAS * unsure_rad)
    if only_silence_between:
        allowed_rad += 0.5 * GUST_RAD_S2 * min(gap_s, SUDDEN_S) ** 2
    turned = attitude.surprise(lies, fix.t_ns, fix.q_ned_from_body)
    return norm(_off_m(run.fix, fix)) <= allowed_m and norm(turned) <= allowed_rad


def _believed(run: Followed) -> tuple[Followed, bool]:
    """The run, its last fix with sigmas that can be meant, and whether they had to be replaced."""
    noise_rad, noise_m = attitude.noise_rad(run.attitude), sqrt(run.position_noise_m2)
    sigma_rad, absurd = _sigma(
        run.fix.attitude_sigma_rad, noise_rad, SMALLEST_SIGMA_RAD, DOUBTED_SIGMA_RAD
    )
    sigma_m, absurd_m = _sigma(run.fix.position_sigma_m, noise_m, SMALLEST_SIGMA_M, DOUBTED_SIGMA_M)
    fix = run.fix._replace(attitude_sigma_rad=sigma_rad, position_sigma_m=sigma_m)
    return run._replace(fix=fix), absurd or absurd_m


def _sigma(claimed: float, noise: float, smallest: float, doubted: float) -> tuple[float, bool]:
    absurd = not (isfinite(claimed) and claimed >= smallest and noise <= ABSURD_RATIO * claimed)
    return (max(doubted, noise) if absurd else max(claimed, noise)), absurd
