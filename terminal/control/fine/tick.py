"""Compiled: one tick of the mirror loop, from the counts of a scan to those of the mirror.

The mirror hides what the light does: residual plus mirror, by the mirror's model, is the
disturbance as if the mirror stood still. Where that will be when the command takes effect is the
predictor's to say, and the command is what brings the modelled mirror there. The model moves by
what was really sent, clipped and rounded: nothing winds up.
"""

from math import nan, sqrt

from terminal.compiled import compiled
from terminal.control.fine.detector import offset_in_spots
from terminal.control.fine.events import LOOP_OPEN, FineEvent
from terminal.control.fine.probe import begin, foresee, listen, next_chip
from terminal.control.fine.state import RING, LoopState
from terminal.control.prediction.memory import Memory
from terminal.control.prediction.predictor import predict

_OPEN = int(LOOP_OPEN)
_STUCK, _SATURATED = int(FineEvent.SENSOR_STUCK), int(FineEvent.SENSOR_SATURATED)
_INTEGRATOR, _PROBING = int(FineEvent.INTEGRATOR), int(FineEvent.PROBING)
_OF_THE_TICK = _STUCK | _SATURATED | _PROBING

_ADC_END = 32767
_BACKGROUND_S = 0.5
_STUCK_S = 0.025
_REPEATS_S = 1.0
_RELEASE_S = 0.05
"""An open loop lets the mirror back to its centre without a jump."""
_OFFLOAD_S = 0.1
"""Low pass of the mirror for the gimbal: below its bandwidth, above the coarse loop's rate."""
_RMS_S, _SLOW_S, _DOWN_S, _NOT_YET_S = 0.1, 5.0, 0.3, 0.5
_HANDOVER_S = 0.01
"""Time constant in which a loop that closes takes the mirror from where it stands."""
_MOST_MISSED = 100
_DIVERGES, _DOUBTFUL = 9.0, 1.5
"""Mean square residual over that of the last seconds, at which the mirror's answer is probed."""
_DOUBTFUL_S, _AT_STOP_S = 0.05, 0.1
_SETTLED_S, _FAR_S = 0.1, 0.02
"""A loop that has been closed so long does not leave the light half a spot away for so long."""


@compiled
def tick(
    loop: LoopState,
    memory: Memory,
    t_ns: int,
    a: int,
    b: int,
    c: int,
    d: int,
    fresh: int,
    enable: int,
    aim_x: float,
    aim_y: float,
    missed: int,
) -> tuple[int, int, float, float, float, float, float, int, int, float, int, int]:
    """The fields of FineCommand in their order up to its events, and whether a probe has ended.

    missed: ticks since the last that did not take place; the mirror kept its command.
    """
    s = loop[0]
    if not enable:
        s.probe_ticks = 0
    for _ in range(min(missed, _MOST_MISSED)):
        predict(memory, nan, nan)
        if s.probe_ticks:
            foresee(loop)
        s.before_known = 0
        _advance(loop)
    passed_s = s.tick_s * (1 + missed)
    s.events &= ~_OF_THE_TICK
    beacon = usable = 0
    if fresh:
        s.last_scan_ns = t_ns
        total = a + b + c + d - s.background_counts
        if total < s.min_sum_counts:
            # Light that is no beacon lies evenly: it adds to the sum, and so would lower the gain.
            # Bounded, for a beacon that rises slowly looks like it.
            s.background_counts += total * min(passed_s / _BACKGROUND_S, 1.0)
            s.background_counts = min(s.background_counts, s.most_background)
        else:
            beacon = 1
            _judge_scan(loop, a, b, c, d)
            right, above = (a + d - b - c) / total, (a + b - c - d) / total
            s.residual[0] = s.spot_rad * offset_in_spots(right, s.linear) - aim_x
            s.residual[1] = s.spot_rad * offset_in_spots(above, s.linear) - aim_y
            usable = int(s.events & (_STUCK | _SATURATED) == 0)
    s.dark_s = 0.0 if usable else s.dark_s + passed_s
    target_x, target_y = _foresee(loop, memory, usable, aim_x, aim_y)
    trusted = s.verified != 0 and s.events & _OPEN == 0 and not (s.probe_ticks and s.probe_open)
    closed = int(enable != 0 and s.dark_s < s.drop_s and trusted)
    if enable and s.closed and not closed and _far_out(loop):
        # It did not fade, it was driven off the cell.
        s.verified, s.wait_s = 0, 0.0
    if not closed and not s.probe_open:
        s.probe_ticks = 0  # It asked a closed loop.
    s.closed_s = s.closed_s + passed_s if closed else 0.0
    s.closed = closed
    _watch(loop, enable, usable, passed_s)
    if s.probe_ticks:
        s.events |= _PROBING
        listen(loop, usable)
        next_chip(loop)
        if s.probe_open:  # It may have begun in this tick.
            s.closed = closed = 0
    _command(loop, target_x - aim_x, target_y - aim_y, usable, passed_s)
    x_counts, y_counts = _send(loop, passed_s)
    ended = 0
    if s.probe_ticks:
        foresee(loop)
        s.probe_ticks -= 1
        ended = int(s.probe_ticks == 0)
    _advance(loop)
    return (
        x_counts,
        y_counts,
        s.residual[0] if usable else 0.0,
        s.residual[1] if usable else 0.0,
        s.mean_rad[0],
        s.mean_rad[1],
        sqrt(s.mean_square),
        closed,
        beacon,
        (t_ns - s.last_scan_ns) * 1e-9 if s.last_scan_ns else 1e9,
        s.events,
        ended,
    )


@compiled
def _far_out(loop: LoopState) -> bool:
    s = loop[0]
    return bool(max(abs(s.residual[0]), abs(s.residual[1])) > 0.5 * s.spot_rad)


@compiled
def _judge_scan(loop: LoopState, a: int, b: int, c: int, d: int) -> None:
    """Marks a scan at the converter's end, and one that a detector which is usually alive repeats
    far too often."""
    s = loop[0]
    last = s.last_scan
    same = a == last[0] and b == last[1] and c == last[2] and d == last[3]
    last[0], last[1], last[2], last[3] = a, b, c, d
    s.same_scans = s.same_scans + 1 if same else 0
    if s.same_scans * s.tick_s <= _STUCK_S:
        repeats = 1.0 if same else 0.0
        s.usual_repeats += (repeats - s.usual_repeats) * min(s.tick_s / _REPEATS_S, 1.0)
    elif s.usual_repeats < 0.5:
        s.events |= _STUCK
    if max(max(abs(a), abs(b)), max(abs(c), abs(d))) >= _ADC_END:
        s.events |= _SATURATED


@compiled
def _foresee(
    loop: LoopState, memory: Memory, usable: int, aim_x: float, aim_y: float
) -> tuple[float, float]:
    """Where the disturbance will be at the scan that the next command first changes."""
    s = loop[0]
    if not usable:
        return predict(memory, nan, nan)
    slot = s.tick & (RING - 1)
    x = s.residual[0] + aim_x + s.placed[0, slot]
    y = s.residual[1] + aim_y + s.placed[1, slot]
    return predict(memory, x, y)


@compiled
def _watch(loop: LoopState, enable: int, usable: int, passed_s: float) -> None:
    """Follows the residual, and has the mirror's answer probed before it is trusted, and where the
    loop does worse than it did."""
    s = loop[0]
    if s.closed and usable:
        square = s.residual[0] ** 2 + s.residual[1] ** 2
        s.mean_square += (square - s.mean_square) * min(passed_s / _RMS_S, 1.0)
        if s.closed_s > _NOT_YET_S:
            # Down faster than up: what a loop that has just closed leaves is no measure.
            slowly_s = _SLOW_S if s.mean_square > s.slow_square else _DOWN_S
            s.slow_square += (s.mean_square - s.slow_square) * min(passed_s / slowly_s, 1.0)
        else:
            s.slow_square = s.mean_square
    elif not s.closed:
        # Nothing is known of a residual that is not looked at, but it lies on the cell.
        s.mean_square = s.spot_rad * s.spot_rad
    s.wait_s -= passed_s
    worse = s.mean_square / s.slow_square if s.closed and s.slow_square > 0.0 else 0.0
    if worse < _DOUBTFUL:
        s.suspect_s, s.at_stop = 0.0, s.limited
    else:
        s.suspect_s += passed_s
    far = s.closed != 0 and s.closed_s > _SETTLED_S and _far_out(loop)
    s.far_s = s.far_s + passed_s if far else 0.0
    # A mirror that came to its stop while all was well leaves what it must, for a while.
    patience_s = _AT_STOP_S if s.at_stop else 0.0
    if not enable or not usable or (s.probe_ticks and s.probe_open):
        return
    diverges = worse > _DIVERGES and s.suspect_s > patience_s and s.closed_s > _NOT_YET_S
    if s.far_s > _FAR_S + patience_s:
        begin(loop, 1)
    elif s.probe_ticks:
        return
    elif diverges:
        # It may be a gust: the loop stays closed unless the answer is another.
        begin(loop, 0)
    elif s.wait_s > 0.0:
        return
    elif not s.verified or s.events & _INTEGRATOR:
        begin(loop, 1)
    elif s.suspect_s > _DOUBTFUL_S + patience_s and s.closed_s > _NOT_YET_S:
        begin(loop, 0)


@compiled
def _command(loop: LoopState, want_x: float, want_y: float, usable: int, passed_s: float) -> None:
    """What is to be sent, along the detector's axes, into `sent_rad`."""
    s = loop[0]
    probing = s.probe_ticks > 0
    a11, a12, pull, lean = s.steering[0], s.steering[1], s.steering[6], s.steering[7]
    for axis in range(2):
        if probing and s.probe_open:
            s.hold_rad[axis] *= 1.0 - min(passed_s / _RELEASE_S, 1.0)
            want = s.hold_rad[axis] + s.chip[axis]
        elif not s.closed:
            s.sent_rad[axis] *= 1.0 - min(passed_s / _RELEASE_S, 1.0)
            continue
        elif s.events & _INTEGRATOR:
            if usable:
                s.sent_rad[axis] += s.gain * s.residual[axis]
            continue
        else:
            want = want_x if axis == 0 else want_y
            if s.closed_s < 10.0 * _HANDOVER_S:
                share = min(s.closed_s / _HANDOVER_S, 1.0)
                want = s.place[axis] + (want - s.place[axis]) * share
            if probing:
                want += s.chip[axis]
        free = a11 * s.place[axis] + a12 * s.speed[axis]
        s.sent_rad[axis] = pull * (want - free) + lean * want


@compiled
def _send(loop: LoopState, passed_s: float) -> tuple[int, int]:
    """Limits the command of each axis of the mirror; `sent_rad` becomes what it is after that,
    `driven_rad` what is left of it in counts."""
    s = loop[0]
    step = s.most_step_rad * passed_s / s.tick_s
    x, y = s.sent_rad[0], s.sent_rad[1]
    s.limited = 0
    for axis in range(2):
        u = s.to_command[axis, 0] * x + s.to_command[axis, 1] * y
        last = s.command_rad[axis]
        u = min(max(u, last - step), last + step)
        if not abs(u) < s.stroke_rad:
            u = min(max(u, -s.stroke_rad), s.stroke_rad)
            s.limited = 1
        s.command_rad[axis] = u
    x, y = s.command_rad[0], s.command_rad[1]
    x_counts, y_counts = round(x * s.counts_per_rad), round(y * s.counts_per_rad)
    for axis in range(2):
        p, q = s.from_command[axis, 0], s.from_command[axis, 1]
        s.sent_rad[axis] = p * x + q * y
        share = min(passed_s / _OFFLOAD_S, 1.0)
        s.mean_rad[axis] += (s.sent_rad[axis] - s.mean_rad[axis]) * share
        s.driven_rad[axis] = (p * x_counts + q * y_counts) / s.counts_per_rad
    return x_counts, y_counts


@compiled
def _advance(loop: LoopState) -> None:
    """The modelled mirror, one sample on under the last command."""
    s = loop[0]
    m = s.steering
    a11, a12, a21, a22, b1, b2 = m[0], m[1], m[2], m[3], m[4], m[5]
    later = (s.tick + s.delay) & (RING - 1)
    for axis in range(2):
        place, speed, sent = s.place[axis], s.speed[axis], s.driven_rad[axis]
        s.place[axis] = a11 * place + a12 * speed + b1 * sent
        s.speed[axis] = a21 * place + a22 * speed + b2 * sent
        s.placed[axis, later] = s.place[axis]
    s.tick += 1
