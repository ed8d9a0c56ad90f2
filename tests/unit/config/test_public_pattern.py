"""The public pattern: SplitMix64 against its published outputs, and the statistics of the slots."""

import numpy as np
import pytest

from config.pattern import NOT_PUBLIC, public_pattern, splitmix64

# First outputs for seed 1234567: Rosetta Code, "Pseudo-random numbers/Splitmix64".
PUBLISHED = [
    6457827717110365317,
    3203168211198807973,
    9817491932198370423,
    4593380528125082431,
    16408922859458223821,
]


def test_splitmix64_published_outputs() -> None:
    assert splitmix64(1234567, 5).tolist() == PUBLISHED


def test_splitmix64_against_the_sequential_definition() -> None:
    mask = (1 << 64) - 1
    for seed in (0, -1, 2**63, 2**64 - 1):
        state, expected = seed & mask, []
        for _ in range(100):
            state = (state + 0x9E3779B97F4A7C15) & mask
            z = state
            z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
            z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
            expected.append(z ^ (z >> 31))
        assert splitmix64(seed, 100).tolist() == expected


def test_the_pattern_from_the_published_outputs() -> None:
    # By hand: public where output / 2^64 < 0.25 (only the 2nd and the 4th are), state = last bits.
    pattern = public_pattern(5, 0.25, 1234567)
    assert pattern.dtype == np.uint8
    assert pattern.tolist() == [
        NOT_PUBLIC,
        PUBLISHED[1] % 4,
        NOT_PUBLIC,
        PUBLISHED[3] % 4,
        NOT_PUBLIC,
    ]


@pytest.mark.parametrize(("share", "seed"), [(0.01, 1), (0.1, 7), (0.5, 12345), (0.9, 2**40)])
def test_share_and_states_are_binomial(share: float, seed: int) -> None:
    n = 2**20
    pattern = public_pattern(n, share, seed)
    counts = np.bincount(pattern, minlength=256)
    assert counts[4:255].sum() == 0
    public = n - counts[NOT_PUBLIC]
    # Five standard deviations: 6e-7 for each of a handful of fixed draws.
    assert abs(public - n * share) < 5 * np.sqrt(n * share * (1 - share))
    assert np.all(np.abs(counts[:4] - public / 4) < 5 * np.sqrt(public * 3 / 16))


def test_slots_are_independent_of_their_neighbours_and_of_other_seeds() -> None:
    n = 2**20
    first = (public_pattern(n, 0.5, 1) != NOT_PUBLIC).astype(float) - 0.5
    second = (public_pattern(n, 0.5, 2) != NOT_PUBLIC).astype(float) - 0.5
    spectrum = np.fft.rfft(first)
    auto = np.fft.irfft(np.abs(spectrum) ** 2)[1:]
    cross = np.fft.irfft(spectrum * np.conj(np.fft.rfft(second)))
    # Each correlation is normal with sigma sqrt(n) / 4; the largest of 2^20 exceeds 7 sigma with
    # probability 3e-6.
    assert np.max(np.abs(auto)) < 7 * np.sqrt(n) / 4
    assert np.max(np.abs(cross)) < 7 * np.sqrt(n) / 4
