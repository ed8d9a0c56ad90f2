"""What `qsky plan --scenario` plans: the scenario's own mission and terminal, and what the options
of the command change in them."""

from math import degrees
from pathlib import Path
from typing import NamedTuple

import msgspec

from config.errors import InputError
from config.explain import meant
from config.loader import PROFILES, load_scenario
from config.mission import FixedWindow, Mission, SatellitePartner, Track
from config.terminal import TerminalConfig
from config.yaml_strict import read_yaml
from terminal.geometry.earth import Geodetic
from terminal.geometry.time_scales import utc_text
from terminal.plan_input import check_positive, read_site, read_start, read_tle_lines
from terminal.window import Window, resolve_window

DEFAULT_PROFILE = "haps"
_LONGEST_S = 7200.0


class Changes(NamedTuple):
    """Options of the command; None: as the scenario has it."""

    tle: Path | None = None
    ephemeris: Path | None = None
    site: str | None = None
    start: str | None = None
    duration_s: float | None = None
    eop: str | None = None
    refraction: bool = False
    terminal: str | None = None


class Planned(NamedTuple):
    """A mission with its terminal, and when it is flown."""

    scenario: str
    mission: Mission
    config: TerminalConfig
    window: Window


def read_mission(name_or_path: str, changes: Changes) -> Planned:
    """Raises InputError for a scenario, an option, or both together that cannot be used."""
    scenario = load_scenario(name_or_path)
    config = scenario.terminal if changes.terminal is None else read_profile(changes.terminal)
    mission = _with_partner(scenario.mission, changes)
    if changes.site is not None:
        mission = msgspec.structs.replace(mission, track=_standing(read_site(changes.site)))
    if changes.eop is not None:
        file = None if changes.eop == "none" else changes.eop
        earth = msgspec.structs.replace(mission.earth, eop=file)
        if file is None:
            earth = msgspec.structs.replace(earth, ut1_minus_utc_s=0.0)
        mission = msgspec.structs.replace(mission, earth=earth)
    if changes.refraction:
        mission = msgspec.structs.replace(mission, refraction=True)
    mission, window = _with_window(mission, changes)
    return Planned(scenario.name, mission, config, window)


def read_profile(name: str) -> TerminalConfig:
    """A terminal that comes with the package. Raises InputError."""
    names = sorted(path.stem for path in PROFILES.glob("*.yaml"))
    if name not in names:
        raise InputError(f"--terminal: no profile {name!r}{meant(name, names)}")
    file = PROFILES / f"{name}.yaml"
    try:
        return msgspec.convert(read_yaml(file).value, TerminalConfig)
    except msgspec.ValidationError as error:
        raise InputError(f"{file}: {error}") from error


def _with_partner(mission: Mission, changes: Changes) -> Mission:
    if changes.tle is None and changes.ephemeris is None:
        return mission
    if changes.tle is not None and changes.ephemeris is not None:
        raise InputError("--tle, --ephemeris: at most one of the two can be given")
    partner = mission.partner
    if not isinstance(partner, SatellitePartner):
        raise InputError(
            "--tle, --ephemeris: the scenario's partner is a platform, which has neither"
        )
    if changes.tle is not None:
        lines = read_tle_lines(changes.tle)
        partner = msgspec.structs.replace(partner, tle=lines, ephemeris=None)
    else:
        partner = msgspec.structs.replace(partner, ephemeris=str(changes.ephemeris))
    return msgspec.structs.replace(mission, partner=partner)


def _standing(site: Geodetic) -> Track:
    return Track(
        degrees(site.latitude_rad), degrees(site.longitude_rad), site.altitude_m, 0.0, 0.0, 0.0
    )


def _with_window(mission: Mission, changes: Changes) -> tuple[Mission, Window]:
    """The window as resolved, and the mission with it as a fixed one where options say so."""
    if changes.duration_s is not None:
        check_positive("--duration-s", changes.duration_s)
        if changes.duration_s > _LONGEST_S:
            raise InputError(
                f"--duration-s: {changes.duration_s:g} is too long for a mission: at most "
                f"{_LONGEST_S:g}"
            )
    if changes.start is None and changes.duration_s is None:
        return mission, resolve_window(mission)
    duration_s = changes.duration_s
    if changes.start is not None:
        start_ns = read_start(changes.start)
        if duration_s is None:
            wanted = mission.window
            if not isinstance(wanted, FixedWindow):
                raise InputError(
                    "--duration-s: missing: the scenario looks for its own pass, so a --start "
                    "needs a duration"
                )
            duration_s = wanted.duration_s
    else:
        start_ns = resolve_window(mission).start_tai_ns
    assert duration_s is not None
    fixed = FixedWindow(utc_text(start_ns, 9), duration_s)
    mission = msgspec.structs.replace(mission, window=fixed)
    return mission, resolve_window(mission)
