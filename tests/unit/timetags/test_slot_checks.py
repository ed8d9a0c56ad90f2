"""Slots held against the pattern, with clicks drawn by Malus' law."""

import math

import numpy as np
import pytest

from terminal.fields import NO_COUNTS
from terminal.timetags.mixture import Array
from terminal.timetags.slot_checks import SlotChecks

ANGLE = np.radians([0.0, 90.0, 45.0, -45.0])
SHARE = np.array([0.35, 0.35, 0.15, 0.15])


class Light:
    """Public clicks of right slots: state and channel agree as the frame's angle lets them."""

    def __init__(self, seed: int, angle_rad: float = 0.0, error_rate: float = 0.02) -> None:
        self.rng = np.random.default_rng(seed)
        chance = np.cos(ANGLE[:, None] + angle_rad - ANGLE[None, :]) ** 2
        self.chance = error_rate + (1.0 - 2.0 * error_rate) * chance

    def counts(self, clicks: int, signal: Array, wrong: tuple[int, ...] = ()) -> Array:
        """signal: share of each channel's; wrong: channels whose clicks have the wrong slots."""
        found = np.zeros((4, 4))
        for channel, n in enumerate(self.rng.multinomial(clicks, SHARE).tolist()):
            right = self.chance[:, channel] / self.chance[:, channel].sum()
            share = 0.0 if channel in wrong else signal[channel]
            found[:, channel] = self.rng.multinomial(n, share * right + (1.0 - share) / 4.0)
        return found.ravel()


def seen(
    light: Light, signal: Array, blocks: int, wrong: tuple[int, ...] = ()
) -> tuple[list[list[int]], int]:
    """Detectors that are off after each block of 50 clicks, and how often all did not fit."""
    checks, off, failed = SlotChecks(), [], 0
    for _ in range(blocks):
        checks, fit = checks.after(light.counts(50, signal, wrong), signal)
        failed += not fit
        off.append(np.flatnonzero(checks.off_pattern).tolist())
    return off, failed


@pytest.mark.parametrize("angle_rad", [0.0, 0.3, math.pi / 4])
@pytest.mark.parametrize("signal", [0.95, 0.6])
def test_right_slots_pass_at_any_angle_of_the_frame(angle_rad: float, signal: float) -> None:
    for seed in range(20):
        light = Light(seed, angle_rad, error_rate=0.1)
        off, failed = seen(light, np.full(4, signal), 400)
        assert not any(off)
        assert failed == 0


@pytest.mark.parametrize("wrong", [(0,), (3,), (1, 2)])
def test_detectors_in_wrong_slots_are_named_and_all_together_still_fit(
    wrong: tuple[int, ...],
) -> None:
    off, failed = seen(Light(1, 0.1), np.full(4, 0.9), 400, wrong)
    assert failed == 0
    assert off[-1] == list(wrong)
    # 400 of signal: n q^2, a share of 0.15 of the 50 clicks of a block for the rarest.
    first = next(k for k, named in enumerate(off) if named)
    assert first <= 400 / (0.81 * SHARE[list(wrong)].min() * 50) * 1.3


def test_a_detector_that_fits_again_is_no_longer_named() -> None:
    light, signal, checks = Light(2), np.full(4, 0.9), SlotChecks()
    for k in range(400):
        checks, _ = checks.after(light.counts(50, signal, (0,) if k < 100 else ()), signal)
        if k == 99:
            assert checks.off_pattern.tolist() == [True, False, False, False]
    assert not checks.off_pattern.any()


def test_of_a_dark_detector_nothing_is_said() -> None:
    """Its clicks show no state, whatever their slots."""
    signal = np.array([0.9, 0.9, 0.01, 0.9])
    off, failed = seen(Light(3), signal, 400)
    assert not any(off)
    assert failed == 0


def test_wrong_slots_of_all_do_not_fit() -> None:
    """1000 clicks each time; wrong slots are taken for right with exp(-12)."""
    _, failed = seen(Light(4), np.full(4, 0.9), 400, (0, 1, 2, 3))
    assert failed == 20


def test_nothing_is_checked_of_nothing() -> None:
    checks, fit = SlotChecks().after(NO_COUNTS, np.full(4, 0.9))
    assert fit
    assert not checks.off_pattern.any()
