"""The protocol that makes the most of a pass: intensities, their probabilities, the basis choice.

The length that is climbed is not cut at 0: cut, most of the domain is a plateau of zeros. It starts
cold and draws nothing at random, so the answer depends on the question alone: a scan of the whole
domain, then from its best points, apart from each other, clouds that move to their better quarter
and take that one's shape (cross-entropy method); the highest goes on alone. Slopes would be of
little use: where keys are short the length is a staircase, since the leakage counts whole errors.

Where the scan meets no key, the pass is made longer until there is one, and the best protocol is
followed down to the true length: what gives a key gives one from any longer block, so the last
protocol to survive was among them before.
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
_STARTS, _APART = 4, 0.2
"""Clouds at first, and the least distance between them, in the cube."""
_TOGETHER, _ALONE, _FOLLOWING, _LAST = 6, 10, 6, 12
"""Generations."""
_FIRST_SPREAD = 0.12
_WIDER, _LEAST_SPREAD = 2.0, 0.01
"""How a cloud that has shrunk is made ready for a somewhat different hill."""

_FOURFOLD = 8
"""How often a pass is made four times as long, at most, in search of a key."""
_SHORTEN = 0.6


class Optimum(NamedTuple):
    """The best protocol and what it is worth."""

    intensities: Triple
    probabilities: Triple
    basis_x_probability: float
    key: KeyEstimate
    longer_pass: float
    """1 with a key. Without one: a pass about so many times as long has one, and the protocol is
    that pass's; one shorter than 0.6 times that has none. Infinite: none up to 65,536 times."""


class _Clouds(NamedTuple):
    """Some at once."""

    place: Array
    """(n, d): the best point that each met."""
    covariance: Array
    """(n, d, d): where its neighbours are about as good."""
    height: Array
    """(n,)."""

    @property
    def has_key(self) -> bool:
        return bool(self.height.max() > 0.0)

    @property
    def highest(self) -> "_Clouds":
        top = int(np.argmax(self.height))
        return _Clouds(*(field[top : top + 1] for field in self))


def optimise(link: Link, domain: Domain, rules: KeyRules) -> Optimum:
    """The protocol of `domain` with the longest key over `link`.

    domain: as checked by `check_domain`.
    """
    coarse = _coarsened(link)
    places, length = _scan(coarse, domain, rules)
    worth = _worth(coarse, domain, rules, length)
    clouds = _climb(worth, _spread_about(places, _FIRST_SPREAD), _TOGETHER)
    cloud = _climb(worth, clouds.highest, _ALONE)
    has_key = cloud.has_key
    while has_key and length > 1.0:
        shorter = max(1.0, _SHORTEN * length)
        followed = _climb(_worth(coarse, domain, rules, shorter), _widened(cloud), _FOLLOWING)
        has_key = followed.has_key
        if has_key:
            cloud, length = followed, shorter
    # The coarse pass is not the true one, which may have the last bit that this one has not.
    if _SHORTEN * length <= 1.0:
        last = _climb(_worth(link, domain, rules), _widened(cloud), _LAST)
        if last.has_key:
            return _optimum(link, domain, rules, last.place[0], 1.0)
    return _optimum(link, domain, rules, cloud.place[0], length if cloud.has_key else np.inf)


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


def _scan(link: Link, domain: Domain, rules: KeyRules) -> tuple[Array, float]:
    """((n, d) best points of all over the domain, how much longer the pass had to be for a key)."""
    places = _evenly(_SCANNED, len(domain.free))
    protocol = protocol_at(places, domain)
    counts = counts_over(link, *protocol)

    def worth_of(length: float) -> Array:
        longer = Counts(*(length * field for field in counts))
        return bound_key(longer, *protocol[:2], rules).unclipped_key_bits

    length, worth = 1.0, worth_of(1.0)
    if worth.max() <= 0.0:
        none, some = 0, _FOURFOLD
        while some - none > 1:
            middle = (none + some) // 2
            none, some = (none, middle) if worth_of(4.0**middle).max() > 0.0 else (middle, some)
        length = 4.0**some
        worth = worth_of(length)
    kept: list[Array] = []
    for place in places[np.argsort(-worth, kind="stable")]:
        if all(np.abs(place - other).max(initial=0.0) > _APART for other in kept):
            kept.append(place)
        if len(kept) == _STARTS:
            break
    return np.array(kept), length


def _evenly(count: int, axes: int) -> Array:
    """(count, axes) points that fill the unit cube evenly: multiples of the powers of the
    generalised golden ratio (Roberts 2018)."""
    ratio = 2.0
    for _ in range(60):
        ratio = (1.0 + ratio) ** (1.0 / (axes + 1))
    steps = ratio ** -np.arange(1.0, axes + 1.0)
    spread: Array = (0.5 + np.arange(1, count + 1)[:, np.newaxis] * steps) % 1.0
    return spread


def _spread_about(places: Array, spread: float) -> _Clouds:
    n, axes = places.shape
    return _Clouds(places, np.tile(spread**2 * np.eye(axes), (n, 1, 1)), np.full(n, -np.inf))


def _widened(clouds: _Clouds) -> _Clouds:
    fresh = _spread_about(clouds.place, _LEAST_SPREAD)
    return fresh._replace(covariance=fresh.covariance + _WIDER**2 * clouds.covariance)


def _climb(worth: Worth, start: _Clouds, generations: int) -> _Clouds:
    """The clouds after some generations, none lower than it was."""
    n, axes = start.place.shape
    ranks = np.log(_BETTER + 0.5) - np.log(np.arange(1, _BETTER + 1))
    weights = ranks / ranks.sum()
    normal = ndtri(_evenly(_CLOUD * generations, axes)).reshape(generations, _CLOUD, axes)
    middle, covariance = start.place, start.covariance
    best, height = start.place, worth(start.place)
    for drawn in normal:
        root = np.linalg.cholesky(covariance)
        places = np.clip(middle[:, np.newaxis] + drawn @ root.swapaxes(1, 2), 0.0, 1.0)
        heights = worth(places)
        order = np.argsort(-heights, axis=1, kind="stable")[:, :_BETTER]
        better = np.take_along_axis(places, order[..., np.newaxis], axis=1)
        top = heights[np.arange(n), order[:, 0]]
        best = np.where((top > height)[:, np.newaxis], better[:, 0], best)
        height = np.maximum(top, height)
        # About the old middle, so that a cloud grows along a slope and shrinks about a top.
        moved = better - middle[:, np.newaxis]
        middle = middle + weights @ moved
        shape = (weights[:, np.newaxis] * moved).swapaxes(1, 2) @ moved
        covariance = _KEPT * covariance + (1.0 - _KEPT) * shape + 1e-12 * np.eye(axes)
    return _Clouds(best, covariance, height)
