"""Compiled: a small pseudo-random motion of the mirror, and how it shows in the detector.

Both axes are moved at once by independent chips. What the residual does is set against the modelled
motion shifted by each delay that may be: sums of products that `verdict` reads.
"""

from terminal.compiled import compiled
from terminal.control.fine.state import CANDIDATES, RING, LoopState

PROBE_SCANS = 400
_MOST_TICKS = 2000
_CHIP_TICKS = 2
_EDGE_SPOTS = 0.9
"""Beyond this offset a scan tells the direction, not the place."""
_LEAST_SPOTS = 2e-3
_MOST_SPOTS = 0.08
_OPEN_SPOTS = 0.03
"""Size of the motion in units of the spot: with the loop closed as large as the residual."""


@compiled
def begin(loop: LoopState, with_open_loop: int) -> None:
    """A probe from the next command on."""
    s = loop[0]
    s.probe_ticks, s.probe_open = _MOST_TICKS, with_open_loop
    size = (0.5 * s.slow_square) ** 0.5 / s.spot_rad
    size = _OPEN_SPOTS if with_open_loop else min(max(size, _LEAST_SPOTS), _MOST_SPOTS)
    s.probe_size_rad = size * s.spot_rad
    s.hold_rad[:] = s.place
    s.probe_place[:] = 0.0
    s.probe_speed[:] = 0.0
    s.probe_placed[:] = 0.0
    _forget(loop)


@compiled
def _forget(loop: LoopState) -> None:
    s = loop[0]
    s.answer[:] = 0.0
    s.asked[:] = 0.0
    s.heard[:] = 0.0
    s.scans = s.before_known = 0


@compiled
def next_chip(loop: LoopState) -> None:
    """The probe's motion from the next command on: a Galois register of period 65535."""
    s = loop[0]
    if s.probe_ticks % _CHIP_TICKS:
        return
    for axis in range(2):
        low = s.probe_register & 1
        s.probe_register >>= 1
        if low:
            s.probe_register ^= 0xB400
        s.chip[axis] = s.probe_size_rad if low else -s.probe_size_rad


@compiled
def foresee(loop: LoopState) -> None:
    """The modelled motion under the newest chip, at the scan that its command first changes."""
    s = loop[0]
    m = s.steering
    a11, a12, a21, a22, b1, b2 = m[0], m[1], m[2], m[3], m[4], m[5]
    pull, lean = m[6], m[7]
    later = (s.tick + s.delay) & (RING - 1)
    for axis in range(2):
        free = a11 * s.probe_place[axis] + a12 * s.probe_speed[axis]
        u = pull * (s.chip[axis] - free) + lean * s.chip[axis]
        speed = a21 * s.probe_place[axis] + a22 * s.probe_speed[axis] + b2 * u
        s.probe_place[axis], s.probe_speed[axis] = free + b1 * u, speed
        s.probe_placed[axis, later] = s.probe_place[axis]


@compiled
def listen(loop: LoopState, usable: int) -> None:
    """Takes the residual of this scan into the sums; enough of them end the probe."""
    s = loop[0]
    edge = _EDGE_SPOTS * s.spot_rad
    if usable and (abs(s.residual[0]) > edge or abs(s.residual[1]) > edge):
        usable = 0
        if s.probe_open:
            # The light comes back from where it was driven to: what was heard on the way is
            # worthless.
            _forget(loop)
    if usable and s.before_known:
        for candidate in range(CANDIDATES):
            # Had the mirror another delay, the motion would show in a later scan, or an earlier.
            scan = s.tick + s.delay - 1 - candidate
            now, last = scan & (RING - 1), (scan - 1) & (RING - 1)
            for axis in range(2):
                moved = s.probe_placed[axis, now] - s.probe_placed[axis, last]
                s.asked[axis, candidate] += moved * moved
                for seen in range(2):
                    s.answer[seen, axis, candidate] += moved * (s.residual[seen] - s.before[seen])
        for seen in range(2):
            s.heard[seen] += (s.residual[seen] - s.before[seen]) ** 2
        s.scans += 1
        if s.scans == PROBE_SCANS:
            s.probe_ticks = 1
    s.before_known = usable
    s.before[:] = s.residual
