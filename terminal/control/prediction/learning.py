"""Compiled: sums over the tape, and the least-squares weights that follow from them.

In an exponential window that ends at tick k, the product sum of past values i and j is the sum for
lag j - i that ended i ticks earlier. So one row of sums a tick is all that has to be kept; the
matrix of the normal equations follows when it is needed, exactly, by taking the newest products
off again. Building and solving it is spread over many ticks: no tick is long.
"""

from terminal.compiled import compiled
from terminal.control.prediction.memory import AXES, KEPT, LAGS, RIDGE, TAPS, WINDOWS, Memory

_COPY, _BUILD, _ELIMINATE, _BACK = 0, 1, 2, 3
_SHORT_ROWS = 8
"""Rows that a tick can do where one costs little."""
_LARGEST_WEIGHT = 1e3
"""A sound prediction has weights of a few units; more is rounding."""


@compiled
def add_products(memory: Memory, axis: int) -> None:
    """The newest value of the tape, times itself and those before it, into the sums."""
    m = memory[0]
    place, used = m.place, TAPS + m.delay + 1
    tape = m.tape[axis, place - LAGS + 1 : place + 1]
    newest = tape[LAGS - 1]
    for window in range(WINDOWS):
        sums, forget = m.sums[axis, window], m.forget[window]
        m.total[axis, window] = forget * m.total[axis, window] + newest
        for j in range(LAGS - used, LAGS):
            sums[j] = forget * sums[j] + newest * tape[j]


@compiled
def learn(memory: Memory) -> None:
    """One tick's share of the work on the weights of all axes and windows in turn."""
    m = memory[0]
    for _ in range(m.rows_a_tick):
        if m.stage == _COPY:
            _copy(memory)
        elif m.stage == _BUILD:
            _build(memory)
        elif m.stage == _ELIMINATE:
            _eliminate(memory)
        else:
            _back(memory)


@compiled
def _older(memory: Memory) -> None:
    """Takes the newest products off the lags: the row of sums one tick earlier."""
    m = memory[0]
    used = TAPS + m.delay + 1
    values = m.copy[m.top - LAGS + 1 : m.top + 1]
    newest, lags = values[LAGS - 1], m.lags
    per_forget = 1.0 / m.forget[m.window]
    for j in range(LAGS - used, LAGS):
        lags[j] = (lags[j] - newest * values[j]) * per_forget
    m.top -= 1


@compiled
def _copy(memory: Memory) -> None:
    m = memory[0]
    axis, window, place = m.axis, m.window, m.place
    if m.missing[axis] or m.seen[axis] < 2 * LAGS or m.weight[axis] <= 0.0:
        _turn(memory)
        return
    m.copy[:] = m.tape[axis, place - KEPT + 1 : place + 1]
    m.top = KEPT - 1
    m.lags[:] = m.sums[axis, window]
    forget, delay, totals = m.forget[window], m.delay, m.totals
    totals[0] = m.total[axis, window]
    for j in range(TAPS + delay):
        totals[j + 1] = (totals[j] - m.copy[KEPT - 1 - j]) / forget
    m.ticks = (1.0 - forget ** (m.tick + 1)) / (1.0 - forget)
    # What each value is foreseen from, from its mean: a prediction with a constant.
    for i in range(TAPS):
        means = totals[0] * totals[delay + i] / m.ticks
        m.matrix[i, TAPS] = m.lags[LAGS - 1 - delay - i] - means
    for _ in range(delay - 1):
        _older(memory)
    for i in range(TAPS):
        means = totals[delay - 1] * totals[delay + i] / m.ticks
        m.matrix[i, TAPS + 1] = m.lags[LAGS - 2 - i] - means
    _older(memory)
    m.ridge = RIDGE * m.ticks * m.square[axis] / m.weight[axis]
    m.row, m.stage = 0, _BUILD


@compiled
def _build(memory: Memory) -> None:
    m = memory[0]
    for _ in range(_SHORT_ROWS):
        row, matrix = m.row, m.matrix
        share = m.totals[m.delay + row] / m.ticks
        for j in range(row, TAPS):
            matrix[row, j] = m.lags[LAGS - 1 - j + row] - share * m.totals[m.delay + j]
        matrix[row, row] += m.ridge
        _older(memory)
        m.row += 1
        if m.row == TAPS:
            m.row, m.stage = 0, _ELIMINATE
            return


@compiled
def _eliminate(memory: Memory) -> None:
    """One pivot of a symmetric elimination: only the upper triangle is kept."""
    m = memory[0]
    row, matrix = m.row, m.matrix
    pivot = matrix[row, row]
    if not pivot > 0.0:
        _turn(memory)
        return
    top = matrix[row]
    for i in range(row + 1, TAPS):
        factor, line = top[i] / pivot, matrix[i]
        for j in range(i, TAPS + 2):
            line[j] -= factor * top[j]
    m.row += 1
    if m.row == TAPS:
        m.row, m.stage = TAPS - 1, _BACK


@compiled
def _back(memory: Memory) -> None:
    m = memory[0]
    for _ in range(_SHORT_ROWS):
        row, line = m.row, m.matrix[m.row]
        ahead, following = line[TAPS], line[TAPS + 1]
        for j in range(row + 1, TAPS):
            ahead -= line[j] * m.matrix[j, TAPS]
            following -= line[j] * m.matrix[j, TAPS + 1]
        line[TAPS], line[TAPS + 1] = ahead / line[row], following / line[row]
        m.row -= 1
        if m.row < 0:
            _install(memory)
            _turn(memory)
            return


@compiled
def _install(memory: Memory) -> None:
    m = memory[0]
    axis, window, matrix = m.axis, m.window, m.matrix
    for i in range(TAPS):
        if not (
            abs(matrix[i, TAPS]) < _LARGEST_WEIGHT and abs(matrix[i, TAPS + 1]) < _LARGEST_WEIGHT
        ):
            return
    ahead, following = m.totals[0], m.totals[m.delay - 1]
    for i in range(TAPS):
        m.ahead[axis, window, TAPS - 1 - i] = matrix[i, TAPS]
        m.next[axis, window, TAPS - 1 - i] = matrix[i, TAPS + 1]
        ahead -= matrix[i, TAPS] * m.totals[m.delay + i]
        following -= matrix[i, TAPS + 1] * m.totals[m.delay + i]
    m.constant[axis, window, 0] = ahead / m.ticks
    m.constant[axis, window, 1] = following / m.ticks
    m.learned[axis, window] += 1


@compiled
def _turn(memory: Memory) -> None:
    """On to the other axis, then to the next window."""
    m = memory[0]
    m.stage = _COPY
    m.axis += 1
    if m.axis == AXES:
        m.axis = 0
        m.window = (m.window + 1) % WINDOWS
