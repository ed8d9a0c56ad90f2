"""A drone and a platform that search each other: they find each other, and as soon as planned."""

from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import pytest
from msgspec.structs import replace

from config.loader import load_scenario
from config.scenario import Scenario
from hil.flight import GRID_NS, Flight, window_of
from sim_devices.carrier import GRID_HZ
from terminal.control.search.acquire import settings_of
from terminal.control.search.acquisition_time import TimeDistribution, quantile_interval
from terminal.control.search.confirmation import Looks
from terminal.control.search.roles import Note, Role
from terminal.control.search.scan import search_scan
from terminal.control.search.uncertainty import Uncertainty
from terminal.mode import Mode
from terminal.mutual_planning import plan_by_two
from terminal.search_planning import looks, pull_in

SEEDS = range(1, 17)
LIMIT_S = 40.0
Begin = Literal["scan", "stare"]


def scenario(ours: Begin, partners: Begin, latency_s: float, fine_hz: int) -> Scenario:
    """The scenario with these roles; a slower mirror loop flies faster."""
    base = load_scenario("haps_laps_search")
    terminal, partner = base.terminal, base.world.partner
    assert partner.search
    quad = terminal.devices["quad"]
    devices = {
        **terminal.devices,
        "quad": replace(quad, options={**quad.options, "rate_hz": fine_hz}),
    }
    terminal = replace(
        terminal,
        acquisition=replace(terminal.acquisition, role=ours),
        devices=devices,
        rates=replace(terminal.rates, fine_hz=fine_hz),
    )
    search = replace(partner.search, begins=partners)
    partner = replace(partner, search=search, reply_latency_s=latency_s)
    return replace(base, terminal=terminal, world=replace(base.world, partner=partner))


class Searched(NamedTuple):
    """Seconds since the window opened; None: not within the limit."""

    acquire_s: float
    reached_s: float | None
    roles: tuple[Role, ...]
    """Of the terminal, in order."""
    told: frozenset[Note]
    """To the partner."""


def search(folder: Path, what: Scenario, seed: int, goal: Mode) -> Searched:
    """Fly until the goal is reached."""
    flight = Flight(what, seed, window_of(what, LIMIT_S), folder, lambda progress: None)
    acquire_s, reached_s = 0.0, None
    roles: list[Role] = []
    told = set()
    try:
        for i in range(round(LIMIT_S * GRID_HZ)):
            flight.begin_grid()
            flight.fine_ticks()
            flight.end_grid()
            mode, command = Mode(flight.bus.modes.command.mode), flight.bus.acquisition.command
            t_s = i * GRID_NS * 1e-9
            if mode is Mode.ACQUIRE:
                acquire_s = acquire_s or t_s
                if command.role and (not roles or roles[-1] != command.role):
                    roles.append(Role(command.role))
            told.add(Note(command.note))
            if mode is goal:
                reached_s = t_s
                break
    finally:
        flight.close()
    return Searched(acquire_s, reached_s, tuple(roles), frozenset(told - {Note.NONE}))


@pytest.mark.parametrize(
    ("ours", "partners", "latency_s"),
    [("scan", "stare", 0.05), ("scan", "stare", 1.5), ("stare", "scan", 1.5)],
)
def test_reaches_link(tmp_path: Path, ours: Begin, partners: Begin, latency_s: float) -> None:
    found = search(tmp_path, scenario(ours, partners, latency_s, 2000), 1, Mode.LINK)
    assert found.reached_s is not None
    assert found.roles[0] is Role[ours.upper()]
    assert Note.SEEN in found.told


def test_a_partner_that_gives_its_turn_away_is_heard(tmp_path: Path) -> None:
    """Its scan cannot show it to us where it stands outside of our camera's field."""
    what = scenario("stare", "scan", 1.5, 500)
    found = search(tmp_path, what, 2, Mode.TRACK)
    search_ = what.world.partner.search
    assert search_
    assert Role.SCAN in found.roles
    assert found.reached_s is not None
    cover_s = np.pi * search_.scan_radius_rad**2
    cover_s /= search_.scan_spacing_rad * search_.scan_speed_rad_s
    # Its word comes after its cover and the channel's latency, well before our patience is over.
    assert found.reached_s > 0.9 * cover_s + 1.5
    assert found.reached_s < what.terminal.acquisition.stare_s


def planned(what: Scenario) -> TimeDistribution:
    """From ACQUIRE to a centred beacon, by the plan that `qsky plan` makes, but with the world's
    sigmas and the partner's own time to confirm."""
    config, truth = what.terminal, what.world
    k = settings_of(what.mission, config)
    a = config.acquisition
    known = truth.navigation.attitude_bias_rad**2 + truth.gimbal.mounting_error_rad**2
    field = Uncertainty(known, 0.0, known)
    scan = search_scan(field, k.limits, coverage=a.coverage, widening=a.widening, covers=2)
    assert truth.partner.search
    partner_looks = Looks(GRID_HZ, round(truth.partner.search.confirm_s * GRID_HZ), 1.0, 0.0)
    loop = pull_in(config)
    return plan_by_two(field, scan, config, looks(config), partner_looks, loop, LIMIT_S).time


@pytest.mark.slow
def test_it_takes_as_long_as_planned(tmp_path: Path) -> None:
    what = scenario("scan", "stare", 0.05, 500)
    found = [search(tmp_path / str(seed), what, seed, Mode.TRACK) for seed in SEEDS]
    took_s = [np.inf if f.reached_s is None else f.reached_s - f.acquire_s for f in found]
    plan = planned(what)
    for share in (0.5, 0.95):
        low_s, high_s = quantile_interval(plan, share, len(took_s))
        drawn_s = float(np.quantile(took_s, share, method="inverted_cdf"))
        assert low_s <= drawn_s <= high_s, (share, sorted(took_s))
