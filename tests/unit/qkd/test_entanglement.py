"""Correlations, CHSH, visibility and fidelity: against closed forms, Born's rule and its bounds."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from terminal.qkd.entanglement import (
    BASIS_ANGLES_RAD,
    CHSH_TURN_RAD,
    Clicks,
    accidentals,
    chsh,
    coincidences,
    correlation,
    lone,
    shared,
    tables,
)

TURNED = math.pi / 8
EMPTY = Clicks(np.empty(0, np.int64), np.empty(0, np.uint8), np.empty(0))


def clicks(slot: list[int], channel: list[int], turn_rad: float = 0.0) -> Clicks:
    return Clicks(np.array(slot), np.array(channel, np.uint8), np.full(len(slot), turn_rad))


def _pauli(angle_rad: float) -> NDArray[np.float64]:
    """+1 along this angle, -1 across."""
    c, s = math.cos(2 * angle_rad), math.sin(2 * angle_rad)
    return np.array([[c, s], [s, -c]])


def outcomes(rho: NDArray[np.complex128], turn_rad: float, n: float) -> NDArray[np.int64]:
    """(4, 4) mean counts of n coincidences by Born's rule, rounded."""
    table = np.empty((4, 4))
    for i in range(4):
        for j in range(4):
            a = _pauli(turn_rad + BASIS_ANGLES_RAD[i // 2]) * (-1) ** (i % 2)
            b = _pauli(BASIS_ANGLES_RAD[j // 2]) * (-1) ** (j % 2)
            joint = np.kron(np.eye(2) + a, np.eye(2) + b) / 4
            table[i, j] = n / 4 * np.trace(rho @ joint).real
    return np.rint(table).astype(np.int64)


def bell(name: str) -> NDArray[np.float64]:
    v = {
        "phi+": [1, 0, 0, 1],
        "phi-": [1, 0, 0, -1],
        "psi+": [0, 1, 1, 0],
        "psi-": [0, 1, -1, 0],
    }[name]
    return np.outer(v, v) / 2.0


CORNERS = ((0, 0), (0, 1), (1, 0), (1, 1))
BELL = [bell(name) for name in ("phi+", "phi-", "psi+", "psi-")]


def test_clicks_of_the_same_slot_that_are_alone_there_coincide() -> None:
    first = lone(clicks([9, 3, 5, 5, 7], [0, 1, 2, 3, 2]))
    second = lone(clicks([7, 3, 5, 8, 9, 9], [3, 1, 0, 0, 0, 1]))
    found = coincidences(first, second)
    assert found.slot.tolist() == [3, 7]
    assert found.first.tolist() == [1, 2]
    assert found.second.tolist() == [1, 3]


def test_a_lag_finds_what_is_so_many_slots_later_at_the_second_end() -> None:
    first, second = clicks([10, 20, 30], [0, 1, 2]), clicks([17, 27, 40], [3, 2, 1])
    assert coincidences(first, second).slot.size == 0
    found = coincidences(first, second, 7)
    assert found.slot.tolist() == [10, 20]
    assert found.second.tolist() == [3, 2]
    assert coincidences(second, first, -7).slot.tolist() == [17, 27]


def test_turns_are_those_of_the_first_over_the_second() -> None:
    first = Clicks(np.arange(4), np.zeros(4, np.uint8), np.array([0.0, 0.0, TURNED, TURNED]))
    second = Clicks(np.arange(4), np.zeros(4, np.uint8), np.array([0.0, TURNED, 0.0, TURNED]))
    seen = tables(coincidences(first, second))
    assert {round(turn, 9): int(t.sum()) for turn, t in seen.items()} == {
        round(-TURNED, 9): 1,
        0.0: 2,
        round(TURNED, 9): 1,
    }


def test_accidentals_of_two_strangers_are_what_they_have_at_lag_zero() -> None:
    """Two independent streams: coincidences by chance alone, n1 n2 / slots."""
    rng = np.random.default_rng(3)
    slots, n = 2_000_000, 40_000

    def stream() -> Clicks:
        slot = np.sort(rng.choice(slots, n, replace=False))
        return Clicks(slot, rng.integers(0, 4, n).astype(np.uint8), np.zeros(n))

    a, b = stream(), stream()
    due = n * n / slots
    by_lags = accidentals(a, b, [k * 1000 for k in range(-10, 11) if k])
    assert by_lags.value == pytest.approx(due, abs=4.5 * by_lags.sigma + 0.006 * due)
    assert by_lags.sigma == pytest.approx(math.sqrt(due / 20), rel=0.05)
    here = coincidences(a, b).slot.size
    assert here == pytest.approx(by_lags.value, abs=4.5 * math.sqrt(due))


@pytest.mark.parametrize("lags", [[], [0], [5, 0]])
def test_accidentals_need_lags_off_the_pairs(lags: list[int]) -> None:
    with pytest.raises(ValueError, match="lags_slots"):
        accidentals(EMPTY, EMPTY, lags)


@given(st.floats(-0.8, 0.8), st.floats(0.25, 1.0))
def test_correlations_of_a_werner_state_are_malus_law(turn_rad: float, fidelity: float) -> None:
    rho = fidelity * BELL[0] + (1 - fidelity) / 3 * (np.eye(4) - BELL[0])
    contrast = (4 * fidelity - 1) / 3
    table = outcomes(rho, turn_rad, 1e9)
    for a, b in CORNERS:
        angle_rad = turn_rad + BASIS_ANGLES_RAD[a] - BASIS_ANGLES_RAD[b]
        e = correlation(table, a, b)
        assert e.value == pytest.approx(contrast * math.cos(2 * angle_rad), abs=1e-7)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("fidelity", [1.0, 0.9, 0.5])
def test_chsh_of_a_werner_state(sign: int, fidelity: float) -> None:
    rho = fidelity * BELL[0] + (1 - fidelity) / 3 * (np.eye(4) - BELL[0])
    s = chsh({sign * TURNED: outcomes(rho, sign * TURNED, 1e9)})
    assert s is not None
    assert s.value == pytest.approx((4 * fidelity - 1) / 3 * 2 * math.sqrt(2), abs=1e-6)


@settings(max_examples=50)
@given(
    arrays(
        np.float64,
        (4, 4),
        elements=st.floats(-1, 1).map(lambda x: 0.0 if abs(x) < 1e-3 else x),
    ),
    arrays(
        np.float64,
        (4, 4),
        elements=st.floats(-1, 1).map(lambda x: 0.0 if abs(x) < 1e-3 else x),
    ),
)
def test_any_state_keeps_within_quantum_mechanics(re: NDArray, im: NDArray) -> None:
    """|S| <= 2 sqrt(2) (Cirel'son 1980), and the lower bound of the fidelity holds."""
    m = re + 1j * im
    rho = m @ m.conj().T + 1e-9 * np.eye(4)
    rho /= np.trace(rho).real
    s = chsh({TURNED: outcomes(rho, TURNED, 1e9)})
    if s is not None:
        assert abs(s.value) <= 2 * math.sqrt(2) + 1e-3
    known = shared(outcomes(rho, 0.0, 1e9))
    if known is not None:
        true = float(np.trace(rho @ BELL[0]).real)
        assert true >= known.least_fidelity.value - 1e-6


@given(st.lists(st.floats(0.0, 1.0), min_size=4, max_size=4).filter(lambda w: sum(w) > 0.1))
def test_fidelity_of_a_bell_diagonal_state_that_keeps_the_assumption(weights: list[float]) -> None:
    """-<S3 S3> = <S2 S2> where Psi+ and Psi- weigh alike."""
    w = np.array(weights) / sum(weights)
    w[2] = w[3] = (w[2] + w[3]) / 2
    rho = sum(x * state for x, state in zip(w, BELL, strict=True))
    known = shared(outcomes(np.asarray(rho, complex), 0.0, 1e9))
    assert known is not None
    assert known.fidelity.value == pytest.approx(w[0], abs=1e-7)


def test_local_coins_do_not_beat_the_bell_bound() -> None:
    """Both ends answer by a hidden direction that they share: S comes to 2, not more."""
    rng = np.random.default_rng(11)
    n = 400_000
    hidden = rng.uniform(0, math.pi, n)
    basis = rng.integers(0, 2, (2, n))
    angles = np.array(BASIS_ANGLES_RAD)

    def channel(which: int, turn_rad: float) -> NDArray[np.uint8]:
        across = np.cos(2 * (hidden - angles[basis[which]] - turn_rad)) < 0
        return (2 * basis[which] + across).astype(np.uint8)

    first = Clicks(np.arange(n), channel(0, TURNED), np.full(n, TURNED))
    second = Clicks(np.arange(n), channel(1, 0.0), np.zeros(n))
    s = chsh(tables(coincidences(first, second)))
    assert s is not None
    assert s.value == pytest.approx(2.0, abs=4 * s.sigma)


def test_sigmas_are_the_scatter_of_repeated_runs() -> None:
    rng = np.random.default_rng(5)
    rho = 0.9 * BELL[0] + 0.1 / 3 * (np.eye(4) - BELL[0])

    def scatter(turn_rad: float, pick: object) -> tuple[float, float]:
        p = outcomes(rho, turn_rad, 1e9) / 1e9
        runs = [pick(rng.multinomial(4000, p.ravel()).reshape(4, 4)) for _ in range(800)]  # type: ignore[operator]
        return float(np.std([r.value for r in runs])), float(np.mean([r.sigma for r in runs]))

    for turn_rad, pick in (
        (0.0, lambda t: correlation(t, 0, 0)),
        (0.0, lambda t: correlation(t, 0, 1)),
        (0.0, lambda t: shared(t).fidelity),
        (0.0, lambda t: shared(t).least_fidelity),
        (TURNED, lambda t: chsh({TURNED: t})),
    ):
        seen, claimed = scatter(turn_rad, pick)
        # 800 runs know a standard deviation to 2.5 %.
        assert claimed == pytest.approx(seen, rel=0.1)


def test_turns_elsewhere_and_empty_tables_say_nothing() -> None:
    rho = BELL[0]
    assert chsh({}) is None
    assert chsh({0.0: outcomes(rho, 0.0, 1e6)}) is None
    assert chsh({TURNED: np.zeros((4, 4), np.int64)}) is None
    assert shared(np.zeros((4, 4), np.int64)) is None
    assert correlation(np.zeros((4, 4), np.int64), 0, 0) == (0.0, 1.0, 0)
    assert tables(coincidences(EMPTY, EMPTY)) == {}


def test_few_counts_that_agree_are_not_certain() -> None:
    table = np.zeros((4, 4), np.int64)
    table[0, 0] = 2
    e = correlation(table, 0, 0)
    assert e.value == 1.0
    assert e.sigma >= 0.5


@pytest.mark.parametrize(
    "bad",
    [
        Clicks(np.array([1, 2]), np.array([0], np.uint8), np.zeros(2)),
        Clicks(np.array([1, 2]), np.array([0, 1], np.uint8), np.zeros(1)),
        Clicks(np.array([[1]]), np.array([[0]], np.uint8), np.zeros((1, 1))),
        Clicks(np.array([-1, 2]), np.array([0, 1], np.uint8), np.zeros(2)),
        Clicks(np.array([1, 2]), np.array([0, 4], np.uint8), np.zeros(2)),
        Clicks(np.array([1, 2]), np.array([0, 1], np.uint8), np.array([0.0, math.nan])),
    ],
)
def test_what_no_receiver_can_have_seen_is_refused(bad: Clicks) -> None:
    with pytest.raises(ValueError, match="clicks"):
        lone(bad)


def test_the_sum_is_largest_at_its_turn() -> None:
    tried = np.radians(np.arange(0.0, 45.0, 0.5))
    sums = []
    for turn_rad in tried:
        e = [correlation(outcomes(BELL[0], turn_rad, 1e9), a, b).value for a, b in CORNERS]
        sums.append(e[0] + e[3] + e[1] - e[2])
    assert tried[np.argmax(sums)] == pytest.approx(CHSH_TURN_RAD)
