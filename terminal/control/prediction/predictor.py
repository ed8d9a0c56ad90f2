"""Compiled: one tick of the predictor, both axes.

Several experts say where the disturbance will be `delay` ticks from now: least squares over a short
and a long window, two integrators, a constant rate. Their blend counts each by how well it has
done of late (exponential weights: Vovk 1990), so nothing is lost where the learned ones fail, and
after a change the one leads that has learned it first.
"""

from math import exp, isnan, sqrt

from terminal.compiled import compiled
from terminal.control.prediction.learning import add_products, learn
from terminal.control.prediction.memory import (
    AXES,
    BLEND,
    BRISK,
    EXPERTS,
    JUMP_SIGMA,
    KEPT,
    RING,
    SLOPE,
    SMOOTH,
    TAPE,
    TAPS,
    WINDOWS,
    Memory,
)

_TRACK_GAIN = 0.5
_TRACK_RATE_GAIN = _TRACK_GAIN**2 / (2.0 - _TRACK_GAIN)
"""Alpha and beta of Benedict and Bordner (1962)."""
_LARGEST_RISE = 4.0
"""In the dark the disturbance is not believed farther out than so many of its own rms."""


@compiled
def predict(memory: Memory, x: float, y: float) -> tuple[float, float]:
    """Takes the disturbance seen at this tick, gives it `delay` ticks from now, in the same unit.

    NaN: nothing was seen. Before anything was ever seen the answer is 0.
    """
    m = memory[0]
    m.place += 1
    if m.place == TAPE:
        for axis in range(AXES):
            for j in range(KEPT):
                m.tape[axis, j] = m.tape[axis, TAPE - KEPT + j]
        m.place = KEPT
    _see(memory, 0, x)
    _see(memory, 1, y)
    for axis in range(AXES):
        add_products(memory, axis)
        _foresee(memory, axis)
    learn(memory)
    now = (m.tick + m.delay) & (RING - 1)
    m.tick += 1
    return m.made[0, BLEND, now], m.made[1, BLEND, now]


@compiled
def _see(memory: Memory, axis: int, value: float) -> None:
    m = memory[0]
    if isnan(value) or _set_aside(memory, axis, value):
        m.missing[axis] += 1
        m.tape[axis, m.place] = _in_the_dark(memory, axis)
        m.track[axis, 0] += m.track[axis, 1]
        return
    m.missing[axis] = 0
    if not m.seen[axis]:
        m.level[axis] = value
        m.track[axis, 0] = value
        m.steered[axis] = value
        m.made[axis] = value
    else:
        _score(memory, axis, value)
    m.seen[axis] += 1
    m.tape[axis, m.place] = value - m.level[axis]
    error = value - m.track[axis, 0] - m.track[axis, 1]
    m.track[axis, 0] += m.track[axis, 1] + _TRACK_GAIN * error
    m.track[axis, 1] += _TRACK_RATE_GAIN * error


@compiled
def _largest_square(memory: Memory, axis: int) -> float:
    """Of a one-step error that is no jump; without bound before it is known what is usual."""
    m = memory[0]
    if 2.0 * m.weight[axis] * (1.0 - m.forget_error) <= 1.0:
        return 1e300
    largest: float = JUMP_SIGMA**2 * max(m.square[axis], 1e-300) / m.weight[axis]
    return largest


@compiled
def _set_aside(memory: Memory, axis: int, value: float) -> bool:
    """Whether a value far off is left out until the next one has told what it was.

    So it is where single values far off have been seen more often than steps: there a wrong
    answer costs as much as the spike is high, and waiting one tick more of a step.
    """
    m = memory[0]
    error = value - m.level[axis] - m.expected[axis]
    far = m.seen[axis] != 0 and error * error > _largest_square(memory, axis)
    waited, m.waiting[axis] = m.waiting[axis], 0
    if waited:
        m.spikes[axis] += int(not far)
        return False
    if far and m.spikes[axis] > m.jumps[axis]:
        m.waiting[axis] = 1
        return True
    return False


@compiled
def _in_the_dark(memory: Memory, axis: int) -> float:
    m = memory[0]
    largest = _largest_rise(memory, axis)
    within: float = min(max(m.expected[axis], -largest), largest)
    return within


@compiled
def _largest_rise(memory: Memory, axis: int) -> float:
    m = memory[0]
    sums = m.sums[axis, WINDOWS - 1]
    ticks = min(1.0 / (1.0 - m.forget[WINDOWS - 1]), float(m.tick + 1))
    largest: float = _LARGEST_RISE * sqrt(sums[sums.size - 1] / ticks)
    return largest


@compiled
def _score(memory: Memory, axis: int, value: float) -> None:
    """What each expert said of this tick against what was seen; a jump moves the level."""
    m = memory[0]
    now, made = m.tick & (RING - 1), m.made[axis]
    error = value - m.level[axis] - m.expected[axis]
    square, largest = error * error, _largest_square(memory, axis)
    if square > largest:
        _jump(memory, axis, error)
        square = largest
    else:
        m.jumped[axis] = 0.0
    m.square[axis] = m.forget_error * m.square[axis] + square
    m.weight[axis] = m.forget_error * m.weight[axis] + 1.0
    for expert in range(EXPERTS):
        off = value - made[expert, now]
        m.loss[axis, expert] = m.forget_error * m.loss[axis, expert] + off * off
    for i in range(2):
        m.steered[axis, i] += m.gain[i] * (value - made[SMOOTH + i, now])


@compiled
def _jump(memory: Memory, axis: int, error: float) -> None:
    """Moves the level, and what was said before the jump, which could not know of it."""
    m = memory[0]
    if abs(error + m.jumped[axis]) < 0.5 * abs(error):
        # And back at once: it was a spike that was believed.
        error = -m.jumped[axis]
        m.jumped[axis] = 0.0
        m.jumps[axis] -= 1
        m.spikes[axis] += 1
    else:
        m.jumped[axis] = error
        m.jumps[axis] += 1
    m.level[axis] += error
    for j in range(RING):
        for expert in range(WINDOWS):
            m.made[axis, expert, j] += error
        m.made[axis, BLEND, j] += error


@compiled
def _foresee(memory: Memory, axis: int) -> None:
    m = memory[0]
    later, made, level = (m.tick + m.delay) & (RING - 1), m.made[axis], m.level[axis]
    place = m.place
    tape = m.tape[axis, place - TAPS + 1 : place + 1]
    m.expected[axis] = tape[TAPS - 1]
    for window in range(WINDOWS):
        if m.learned[axis, window]:
            constant = m.constant[axis, window]
            made[window, later] = level + constant[0] + _weighed(m.ahead[axis, window], tape)
            # The longer window has the last word.
            m.expected[axis] = constant[1] + _weighed(m.next[axis, window], tape)
        else:
            made[window, later] = m.steered[axis, 0]
    made[SMOOTH, later], made[BRISK, later] = m.steered[axis, 0], m.steered[axis, 1]
    made[SLOPE, later] = m.track[axis, 0] + m.delay * m.track[axis, 1]
    if m.missing[axis]:
        largest = _largest_rise(memory, axis)
        for expert in range(EXPERTS):
            if expert != SMOOTH and expert != BRISK:  # They hold.
                rise = made[expert, later] - level
                made[expert, later] = level + min(max(rise, -largest), largest)
    made[BLEND, later] = _blend(memory, axis, later)


@compiled
def _weighed(weights: Memory, values: Memory) -> float:
    # Four sums side by side: the processor does not wait for each addition.
    a = b = c = d = 0.0
    for j in range(0, TAPS, 4):
        a += weights[j] * values[j]
        b += weights[j + 1] * values[j + 1]
        c += weights[j + 2] * values[j + 2]
        d += weights[j + 3] * values[j + 3]
    return (a + b) + (c + d)


@compiled
def _blend(memory: Memory, axis: int, later: int) -> float:
    m = memory[0]
    loss, made, share = m.loss[axis], m.made[axis], m.share[axis]
    least = loss[0]
    for expert in range(1, EXPERTS):
        least = min(least, loss[expert])
    # The likelihood of Gaussian errors as large as the best expert's.
    scale = 0.5 * m.weight[axis] / max(least, 1e-300)
    total = said = 0.0
    for expert in range(EXPERTS):
        share[expert] = exp((least - loss[expert]) * scale)
        total += share[expert]
        said += share[expert] * made[expert, later]
    for expert in range(EXPERTS):
        share[expert] /= total
    return said / total
