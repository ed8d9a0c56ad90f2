"""The protocol that makes the most of a pass: intensities, their probabilities, the basis choice.

The length that is climbed is not cut at 0: cut, most of the domain is a plateau of zeros. It starts
cold and draws nothing at random, so the answer depends on the question alone: a scan of the whole
domain, then from its best point a cloud that moves to its better quarter and takes that one's shape
(cross-entropy method). Slopes would be of little use: where keys are short the length is a
staircase, since the leakage counts whole errors. Where the scan meets no key, the pass is made
longer until there is one, and the best protocol is followed down to the true length: what gives a
key gives one from any longer block, so the last protocol to survive was among them before.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from terminal.qkd.decoy_bounds import Counts, KeyRules, bound_key
from terminal.qkd.expected import Link, counts_over, key_over
from terminal.qkd.finite_key import KeyEstimate, Triple
from terminal.qkd.protocol_domain import Domain, protocol_at

Array = NDArray[np.float64]
Worth = Callable[[Array], Array]
"""Unclipped key (...) of points (..., d) of the cube."""

_SCANNED = 1024
_COARSE_SLOTS = 32
"""Of the pass as the search sees it, but for its last generations."""

_CLOUD, _BETTER = 64, 16
_KEPT = 0.1
"""Of a cloud's covariance, in the next one's."""
_GENERATIONS, _FOLLOWING, _LAST = 16, 6, 12
_FIRST_SPREAD = 0.12
_WIDER, _LEAST_SPREAD = 2.0, 0.01
"""How a cloud that has shrunk is made ready for a somewhat different hill."""

_LONGER = tuple(4.0**k for k in range(9))
_SHORTEN = 0.6


class Optimum(NamedTuple):
    """The best protocol and what it is worth."""

    intensities: Triple
    probabilities: Triple
    basis_x_probability: float
    key: KeyEstimate
    longer_pass: float
    """1 with a key. Without one, the protocol is that of a pass which is so many times as long and
    has one; a shorter one than 0.6 times that has none. Infinite: none up to 65,536 times."""


class _Cloud(NamedTuple):
    place: Array
    """(d,): the best point met."""
    covariance: Array
    """(d, d): where its neighbours are about as good."""
    height: float


def optimise(link: Link, domain: Domain, rules: KeyRules) -> Optimum:
    """The protocol of `domain` with the longest key over `link`.

    domain: as checked by `check_domain`.
    """
    axes = len(domain.free)
    if not axes:
        return _optimum(link, domain, rules, np.empty(0), 1.0)
    coarse = _coarsened(link)
    place, length = _scan(coarse, domain, rules, axes)
    cloud = _Cloud(place, _FIRST_SPREAD**2 * np.eye(axes), -np.inf)
    cloud = _climb(_worth(coarse, domain, rules, length), cloud, _GENERATIONS)
    has_key = cloud.height > 0.0
    while has_key and length > 1.0:
        shorter = max(1.0, _SHORTEN * length)
        followed = _climb(_worth(coarse, domain, rules, shorter), _widened(cloud), _FOLLOWING)
        has_key = followed.height > 0.0
        if has_key:
            cloud, length = followed, shorter
    # The coarse pass is not the true one: what it calls the last bit is tried on the true one.
    last = _climb(_worth(link, domain, rules), _widened(cloud), _LAST)
    if last.height > 0.0:
        return _optimum(link, domain, rules, last.place, 1.0)
    return _optimum(link, domain, rules, cloud.place, length if cloud.height > 0.0 else np.inf)


def _optimum(
    link: Link, domain: Domain, rules: KeyRules, place: Array, longer_pass: float
) -> Optimum:
    chosen = protocol_at(place, domain)
    key = key_over(link, *chosen, rules)
    mu1, mu2, mu3 = chosen.intensities.tolist()
    p1, p2, p3 = chosen.probabilities.tolist()
    return Optimum(
        (mu1, mu2, mu3),
        (p1, p2, p3),
        float(chosen.basis_x_probability),
        key,
        longer_pass,
    )


def _worth(link: Link, domain: Domain, rules: KeyRules, length: float = 1.0) -> Worth:
    """Key over a pass that is `length` times as long."""
    longer = link._replace(pulses=length * link.pulses)

    def worth(places: Array) -> Array:
        protocol = protocol_at(places, domain)
        counts = counts_over(longer, *protocol)
        return bound_key(counts, *protocol[:2], rules).unclipped_key_bits

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


def _scan(link: Link, domain: Domain, rules: KeyRules, axes: int) -> tuple[Array, float]:
    """((d,) best point of all over the domain, how much longer the pass had to be for a key)."""
    places = _spread(_SCANNED, axes)
    protocol = protocol_at(places, domain)
    counts = counts_over(link, *protocol)
    for length in _LONGER:
        longer = Counts(*(length * field for field in counts))
        worth = bound_key(longer, *protocol[:2], rules).unclipped_key_bits
        if worth.max() > 0.0:
            break
    return places[np.argmax(worth)], length


def _spread(count: int, axes: int) -> Array:
    """(count, axes) points that fill the unit cube evenly: multiples of the powers of the
    generalised golden ratio (Roberts 2018)."""
    ratio = 2.0
    for _ in range(60):
        ratio = (1.0 + ratio) ** (1.0 / (axes + 1))
    steps = ratio ** -np.arange(1.0, axes + 1.0)
    spread: Array = (0.5 + np.arange(1, count + 1)[:, np.newaxis] * steps) % 1.0
    return spread


def _widened(cloud: _Cloud) -> _Cloud:
    floor = _LEAST_SPREAD**2 * np.eye(len(cloud.place))
    return _Cloud(cloud.place, _WIDER**2 * cloud.covariance + floor, -np.inf)


def _climb(worth: Worth, start: _Cloud, generations: int) -> _Cloud:
    """The cloud after some generations, never lower than the start."""
    axes = len(start.place)
    ranks = np.log(_BETTER + 0.5) - np.log(np.arange(1, _BETTER + 1))
    weights = ranks / ranks.sum()
    normal = ndtri(_spread(_CLOUD * generations, axes)).reshape(generations, _CLOUD, axes)
    middle, covariance = start.place, start.covariance
    best, height = start.place, float(worth(start.place))
    for drawn in normal:
        places = np.clip(middle + drawn @ np.linalg.cholesky(covariance).T, 0.0, 1.0)
        heights = worth(places)
        order = np.argsort(-heights, kind="stable")[:_BETTER]
        better = places[order]
        if heights[order[0]] > height:
            best, height = better[0], float(heights[order[0]])
        # About the old middle, so that the cloud grows along a slope and shrinks about a top.
        moved = better - middle
        middle = middle + weights @ moved
        shape = (weights[:, np.newaxis] * moved).T @ moved
        covariance = _KEPT * covariance + (1.0 - _KEPT) * shape + 1e-12 * np.eye(axes)
    return _Cloud(best, covariance, height)
