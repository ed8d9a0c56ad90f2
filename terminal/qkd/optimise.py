"""The protocol that makes the most of a pass: intensities, their probabilities, the basis choice.

The length that is climbed is not cut at 0: cut, most of the domain is a plateau of zeros. It starts
cold and draws nothing at random, so the answer depends on the question alone: a scan of the whole
domain, then damped Newton steps from its best points. Where the scan meets no key, the pass is made
longer until there is one, and the best protocol is followed down to the true length: a protocol
that gives a key gives one from any longer block, so what is the last to survive was there before.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from terminal.qkd.decoy_bounds import Counts, KeyRules, bound_key
from terminal.qkd.expected import Link, counts_over
from terminal.qkd.finite_key import KeyEstimate, Triple, estimate_of
from terminal.qkd.protocol_domain import Domain, protocol_at

Array = NDArray[np.float64]
Worth = Callable[[Array], Array]
"""Unclipped key (...) of points (..., d) of the cube."""

_SCANNED = 2048
_STARTS = 3
_APART = 0.15
"""Between starts, in the cube: nearer ones climb the same hill."""
_COARSE_SLOTS = 32
_STEPS = (0.03, 0.03, 0.02, 0.02, 0.01, 0.01)
_LAST_STEPS = (0.01, 0.005, 0.005)
_LONGER = (4.0, 16.0, 256.0, 65536.0)
_SHORTEN = 0.6
_DAMPING = np.array([0.0, 1e-3, 1e-2, 0.1, 0.3, 1.0, 10.0])
_LONGEST_STEP = 0.3


class Optimum(NamedTuple):
    """The best protocol and what it is worth."""

    intensities: Triple
    probabilities: Triple
    basis_x_probability: float
    key: KeyEstimate


def optimise(link: Link, domain: Domain, rules: KeyRules) -> Optimum:
    """The protocol of `domain` with the longest key over `link`.

    Without a key anywhere, the protocol that is nearest to one. domain: as checked by
    `check_domain`.
    """
    axes = len(domain.free)
    coarse = _coarsened(link)
    best = np.full(axes, 0.5)
    if axes:
        starts, length = _starts(coarse, domain, rules, axes)
        worth = _worth(coarse, domain, rules, length)
        best = _climb(worth, starts, _STEPS)
        while length > 1.0:
            length = max(1.0, _SHORTEN * length)
            worth = _worth(coarse, domain, rules, length)
            best = _climb(worth, best[np.newaxis], _STEPS[2:])
        best = _climb(_worth(link, domain, rules), best[np.newaxis], _LAST_STEPS)
    chosen = protocol_at(best, domain)
    counts = counts_over(link, *chosen)
    key = estimate_of(bound_key(counts, chosen.intensities, chosen.probabilities, rules))
    mu1, mu2, mu3 = chosen.intensities.tolist()
    p1, p2, p3 = chosen.probabilities.tolist()
    return Optimum((mu1, mu2, mu3), (p1, p2, p3), float(chosen.basis_x_probability), key)


def _worth(link: Link, domain: Domain, rules: KeyRules, length: float = 1.0) -> Worth:
    """Key over a pass that is `length` times as long."""
    longer = link._replace(pulses=length * link.pulses)

    def worth(places: Array) -> Array:
        protocol = protocol_at(places, domain)
        counts = counts_over(longer, *protocol)
        bounds = bound_key(counts, protocol.intensities, protocol.probabilities, rules)
        return bounds.unclipped_key_bits

    return worth


def _coarsened(link: Link) -> Link:
    """The same light and pulses in fewer slots: neighbours in transmittance become one."""
    slots = link.transmittance.size
    if slots <= _COARSE_SLOTS:
        return link
    order = np.argsort(link.transmittance, kind="stable")
    first = np.arange(_COARSE_SLOTS) * slots // _COARSE_SLOTS
    pulses = np.add.reduceat(link.pulses[order], first)
    light = np.add.reduceat((link.pulses * link.transmittance)[order], first)
    mean = np.divide(light, pulses, out=np.zeros_like(light), where=pulses > 0)
    return link._replace(transmittance=mean, pulses=pulses)


def _starts(link: Link, domain: Domain, rules: KeyRules, axes: int) -> tuple[Array, float]:
    """((n, d) best points of a scan, apart from each other; how much longer the pass had to be)."""
    places = _spread(_SCANNED, axes)
    protocol = protocol_at(places, domain)
    counts = counts_over(link, *protocol)
    for length in (1.0, *_LONGER):
        longer = Counts(*(length * field for field in counts))
        bounds = bound_key(longer, protocol.intensities, protocol.probabilities, rules)
        worth = bounds.unclipped_key_bits
        if worth.max() > 0.0:
            break
    kept: list[Array] = []
    for i in np.argsort(-worth, kind="stable"):
        if all(np.abs(places[i] - other).max() > _APART for other in kept):
            kept.append(places[i])
        if len(kept) == _STARTS:
            break
    return np.array(kept), length


def _spread(count: int, axes: int) -> Array:
    """(count, axes) points that fill the unit cube evenly: multiples of the powers of the
    generalised golden ratio (Roberts 2018)."""
    ratio = 2.0
    for _ in range(60):
        ratio = (1.0 + ratio) ** (1.0 / (axes + 1))
    steps = ratio ** -np.arange(1.0, axes + 1.0)
    spread: Array = (0.5 + np.arange(1, count + 1)[:, np.newaxis] * steps) % 1.0
    return spread


def _climb(worth: Worth, starts: Array, steps: tuple[float, ...]) -> Array:
    """The best point (d,) met on the way from the starts (n, d), never worse than any of them."""
    best, height = starts, worth(starts)
    for step in steps:
        centre = np.clip(best, step, 1.0 - step)
        around = centre[:, np.newaxis] + step * _stencil(best.shape[1])
        heights = worth(around)
        tried = np.clip(_newton(centre, best, heights, step), 0.0, 1.0)
        places = np.concatenate([best[:, np.newaxis], around, tried], axis=1)
        heights = np.concatenate([height[:, np.newaxis], heights, worth(tried)], axis=1)
        top = np.argmax(heights, axis=1)[:, np.newaxis]
        best = np.take_along_axis(places, top[..., np.newaxis], axis=1)[:, 0]
        height = np.take_along_axis(heights, top, axis=1)[:, 0]
    return best[np.argmax(height)]


def _stencil(axes: int) -> Array:
    """(1 + 2d + d(d-1)/2, d): the middle, both ways along each axis, both of each two axes."""
    unit = np.eye(axes)
    first, second = np.triu_indices(axes, 1)
    return np.concatenate([np.zeros((1, axes)), unit, -unit, unit[first] + unit[second]])


def _newton(centre: Array, best: Array, heights: Array, step: float) -> Array:
    """(n, damping, d): where the parabola through a stencil's `heights` would have its top, more
    and more held back. An axis whose best is at the cube's face, and still climbs there, stays."""
    axes = centre.shape[1]
    middle, ahead, behind = heights[:, :1], heights[:, 1 : axes + 1], heights[:, axes + 1 :][:, :axes]
    slope = (ahead - behind) / (2.0 * step)
    curve = np.zeros((len(centre), axes, axes))
    first, second = np.triu_indices(axes, 1)
    cross = heights[:, 1 + 2 * axes :] - ahead[:, first] - ahead[:, second] + middle
    curve[:, first, second] = curve[:, second, first] = cross / step**2
    curve[:, range(axes), range(axes)] = (ahead - 2.0 * middle + behind) / step**2

    held = ((best <= 0.0) & (slope < 0.0)) | ((best >= 1.0) & (slope > 0.0))
    to_face = np.where(held, best - centre, 0.0)
    slope = np.where(held, 0.0, slope + (curve @ to_face[..., np.newaxis])[..., 0])
    curve = np.where(held[:, :, np.newaxis] | held[:, np.newaxis, :], 0.0, curve)

    bend, axis = np.linalg.eigh(curve)
    along = (slope[:, np.newaxis, :] @ axis)[:, 0]
    bend = np.abs(bend)
    damped = bend[:, np.newaxis] + (_DAMPING[:, np.newaxis] + 1e-9) * (
        bend.max(axis=1)[:, np.newaxis, np.newaxis] + 1e-300
    )
    move = (along[:, np.newaxis] / damped) @ axis.swapaxes(1, 2)
    longest = np.abs(move).max(axis=2, keepdims=True)
    move *= np.minimum(1.0, _LONGEST_STEP / np.maximum(longest, 1e-300))
    return (centre + to_face)[:, np.newaxis] + move
