"""What may be believed of the navigation unit: each fix is judged before the prediction uses it.

A fix that is refused changes nothing: position is reckoned on from the last good one by velocity,
attitude by body rate, and both grow unsure. A unit that jumps and stays there is believed in the
end, since it may have been wrong before; for a minute then either may be right, and the sigmas hold
all that lies between them. What no judge can see: an error that was there from the first fix on,
and one that comes while the unit is silent.
"""

from enum import IntFlag
from math import cos, hypot, pi, remainder, sqrt
from typing import NamedTuple

from terminal.control import attitude
from terminal.control.attitude import AttitudeState
from terminal.control.fix_values import believed_sigmas, in_range
from terminal.geometry.body import Fix
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
    """The position has been taken anew, so the light time steps. For people to read: clock recovery
    sees the step in the prediction itself, and has the slots proved anew."""
    NO_EPHEMERIS = 256
    """No word on the fixes: the ephemeris has no place of the partner, so nothing is predicted."""


MOST_AHEAD_S = 0.05
"""Our clock and the unit's agree better than this."""
AGE_LEARNING = 0.1
BACK_AGAIN_S = 0.03
"""A clock that went back is right again when the fixes' age is as it was, within this."""
PERSISTENCE_S = 3.0
"""Fixes that agree with each other, but not with what went before, are believed after this time."""
DOUBT_S = 60.0
"""So long after that the event stays, and the sigmas hold the step."""

JUMP_SIGMAS = 6.0
LEAST_JUMP_RAD, LEAST_JUMP_M = 3e-3, 20.0
"""What is smaller is left to the filters, and shows in the sigmas."""
GUST_RAD_S2, THRUST_M_S2 = 5.0, 5.0
"""Accelerations that may come from one fix to the next."""
SUDDEN_S = 0.1
"""For so long such a gust is reckoned with; what lasts longer shows in the filter."""
JUDGED_S = 0.3
"""From a unit that has just been wrong, a gap forgives no more than such a short one."""

MOVING_M_S = 0.1


class Followed(NamedTuple):
    """A run of fixes that fit together."""

    fix: Fix
    """The last one, its sigmas as believed."""
    attitude: AttitudeState
    since_ns: int
    position_noise_m2: float = 0.0
    """Power of the fixes' white noise, per axis."""
    step_rad: float = 0.0
    """How far its first fix lay from the good run then: the whole angle, not per axis ..."""
    step_m: float = 0.0
    """... and the whole distance."""


class Doubt(NamedTuple):
    """What is believed now and what was believed before differ by so much; either may be right."""

    until_ns: int = 0
    attitude_rad: float = 0.0
    position_m: float = 0.0

    def at(self, t_ns: int) -> "Doubt":
        """At TAI `t_ns`. It does not fade, since nothing becomes clear until it is over."""
        return self if t_ns < self.until_ns else Doubt()


class NavigationState(NamedTuple):
    """What is known of the unit."""

    good: Followed | None = None
    suspect: Followed | None = None
    """A run that does not fit to the good one."""
    seen: Fix | None = None
    """The newest fix, good or not."""
    events: NavigationEvent = NavigationEvent(0)
    """Those of the newest fix."""
    usual_age_s: float = 0.0
    """Low-passed age at which good fixes arrive."""
    clock_is_back: bool = False
    has_changed: bool = False
    doubt: Doubt = Doubt()


class Solution(NamedTuple):
    """Attitude now and what goes with it, from the last good fix."""

    fix: Fix
    age_s: float
    q_ned_from_body: tuple[float, float, float, float]
    rate_body_rad_s: Vec
    """Against the local level."""
    attitude_sigma_rad: float
    position_sigma_m: float
    """1-sigma per axis, reckoning and doubt included."""


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
    if t_ns < state.doubt.until_ns:
        events |= NavigationEvent.JUMP
    return state, events


def solution(state: NavigationState, t_ns: int) -> Solution | None:
    """The body at TAI `t_ns` by the last good fix, None without. Who wants a smooth position has to
    smooth it."""
    if state.good is None:
        return None
    fix, lies, doubt = state.good.fix, state.good.attitude, state.doubt.at(t_ns)
    age_s = (t_ns - fix.t_ns) * 1e-9
    return Solution(
        fix,
        age_s,
        attitude.at(lies, age_s),
        lies.rate_body_rad_s,
        hypot(fix.attitude_sigma_rad, attitude.drift_rad(lies, age_s), doubt.attitude_rad),
        hypot(fix.position_sigma_m, 0.5 * THRUST_M_S2 * age_s * age_s, doubt.position_m),
    )


def _judge(state: NavigationState, fix: Fix, t_ns: int, max_age_s: float) -> NavigationState:
    """With one more fix, used or refused."""
    if not in_range(fix):
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
            suspect = _begin(fix)._replace(
                step_rad=norm(attitude.surprise(good.attitude, fix.t_ns, fix.q_ned_from_body)),
                step_m=norm(_off_m(good.fix, fix)),
            )
        if (fix.t_ns - suspect.since_ns) * 1e-9 < PERSISTENCE_S:
            why = NavigationEvent.TIME_BACK if state.clock_is_back else NavigationEvent.JUMP
            return state._replace(suspect=suspect, events=why)
        good, usual_age_s = suspect, age_s
        # What was in doubt still is: none of the runs so far has been shown to be right.
        before = state.doubt.at(t_ns)
        doubt = Doubt(
            t_ns + round(DOUBT_S * 1e9),
            hypot(before.attitude_rad, suspect.step_rad),
            hypot(before.position_m, suspect.step_m),
        )
        state = state._replace(clock_is_back=False, doubt=doubt)
    good, absurd = _believed(good)
    return state._replace(
        good=good,
        suspect=None,
        events=NavigationEvent.ABSURD_ACCURACY if absurd else NavigationEvent(0),
        usual_age_s=usual_age_s,
    )


def _begin(fix: Fix) -> Followed:
    return Followed(fix, attitude.start(fix.t_ns, fix.q_ned_from_body), fix.t_ns)


def _extend(run: Followed, fix: Fix) -> Followed:
    # The difference of two fixes has twice the power of their noise; three axes.
    power = norm(_off_m(run.fix, fix)) ** 2 / 6.0
    weight = max(attitude.LEARNING, 1.0 / run.attitude.fixes)
    return run._replace(
        fix=fix,
        attitude=attitude.update(run.attitude, fix.t_ns, fix.q_ned_from_body),
        position_noise_m2=run.position_noise_m2 + weight * (power - run.position_noise_m2),
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
    fix, absurd = believed_sigmas(run.fix, noise_rad, noise_m)
    return run._replace(fix=fix), absurd
