"""Stars as bright as the beacon behind a platform partner: motion does not tell them from it."""

import math

from msgspec.structs import replace

from benchmarks.acquisition import acquire
from config.loader import load_scenario
from config.scenario import Scenario

STARS = 2.0
"""In the mean in the camera's field, where a clear sky has far less than one of such stars."""

TONE = {"modulation_hz": 20.0, "modulation_depth": 0.5}
SEEDS = (1, 2)
SEEDS_WITHOUT = (1, 2, 3, 4)


def among_stars(tone: bool) -> Scenario:
    """The mirror is not used before the beacon is centred: a slow fine loop flies faster."""
    base = load_scenario("haps_laps_downlink")
    terminal, quad = base.terminal, base.terminal.devices["quad"]
    agreed = TONE if tone else {}
    beacon = replace(terminal.acquisition.beacon, modulation_frames=16, **agreed)
    terminal = replace(
        terminal,
        rates=replace(terminal.rates, fine_hz=500),
        devices={
            **terminal.devices,
            "quad": replace(quad, options={**quad.options, "rate_hz": 500}),
        },
        acquisition=replace(terminal.acquisition, beacon=beacon),
    )
    world = replace(base.world, beacon=replace(base.world.beacon, stars=STARS, **agreed))
    return replace(base, terminal=terminal, world=world)


def test_with_a_tone_agreed_no_star_is_ever_tracked() -> None:
    for seed in SEEDS:
        outcome = acquire(among_stars(tone=True), 20.0, seed)
        assert math.isfinite(outcome.took_s)
        assert outcome.false == 0


def test_without_a_tone_a_star_is_tracked_and_given_up() -> None:
    """For two seconds of darkness on the quad cell and what it takes to be centred. What comes
    next may be another star: with so many of them the search need not end in time. Nor need
    the first that is seen be a star."""
    outcomes = [acquire(among_stars(tone=False), 20.0, seed) for seed in SEEDS_WITHOUT]
    assert any(outcome.false for outcome in outcomes)
    for outcome in outcomes:
        assert math.isfinite(outcome.took_s) or outcome.false > 3
