"""The catalogue of disturbances: line-of-sight jitter by name, with the source of each.

`?` marks what is assumed, as in the scenarios.
"""

import math
from typing import NamedTuple


class Mode(NamedTuple):
    """White noise through a low pass that leaves `rms_rad`, per axis."""

    rms_rad: float
    corner_hz: float
    damping: float = 0.0
    """First order where it is 0, else second order."""
    of_rotor: bool = False
    """Whether its frequency goes with the speed of the rotors."""


class RotorSteps(NamedTuple):
    """A rotor that changes its speed in steps, to another of a few."""

    speeds: tuple[float, ...]
    """Relative to the one for which the modes are given."""
    interval_s: float


class Events(NamedTuple):
    """Transients of both axes, at random times as of a Poisson process, in random directions."""

    kind: str
    """`step`: a new angle that stays; `gust`: amplitude / 2 (1 - cos(2 pi t / length)), the
    discrete gust of the airworthiness rules; `gap`: no measurement."""
    interval_s: float
    """Mean time between two."""
    amplitude_rad: float = 0.0
    """1 sigma, per axis."""
    length_s: float = 0.0
    """Mean; each is drawn between half and one and a half of it."""


class Disturbance(NamedTuple):
    """One entry of the catalogue."""

    description: str
    modes: tuple[Mode, ...]
    rotor: RotorSteps | None = None
    events: tuple[Events, ...] = ()


LINE_DAMPING = 1e-3
"""A line as a resonance this narrow: its phase wanders within about a second."""

# 160 / (1 + (f / 1 Hz)^2) urad^2/Hz one-sided = variance 80 pi urad^2, corner 1 Hz.
_ESA = (Mode(math.sqrt(80.0 * math.pi) * 1e-6, 1.0),)

DISTURBANCES: dict[str, Disturbance] = {
    "esa_silex": Disturbance("SILEX tracking specification of ESA: 16 urad, 1 Hz", _ESA),
    "esa_lines": Disturbance(
        "esa_silex and three wandering lines of 5 urad at 37, 90 and 145 Hz (?)",
        (*_ESA, *(Mode(5e-6, hz, LINE_DAMPING) for hz in (37.0, 90.0, 145.0))),
    ),
    "esa_steps": Disturbance(
        "esa_silex and steps of 20 urad every 2 s (?)", _ESA, events=(Events("step", 2.0, 20e-6),)
    ),
    "esa_gusts": Disturbance(
        "esa_silex and 1-cos gusts of 100 urad in 0.3 s, every 3 s (?)",
        _ESA,
        events=(Events("gust", 3.0, 100e-6, 0.3),),
    ),
    "esa_gaps": Disturbance(
        "esa_silex and gaps in the signal of 10 ms, every 0.5 s (?)",
        _ESA,
        events=(Events("gap", 0.5, length_s=10e-3),),
    ),
    # Published: 9.3 urad below 30 Hz; ?: the shape, 96 % of its power below 30 Hz.
    "micius": Disturbance(
        "Micius: 9.3 urad of microvibration below 30 Hz", (Mode(9.3e-6, 15.0, 0.7),)
    ),
    "haps": Disturbance(
        "platform at 20 km (?): sway 20 urad at 0.5 Hz, structure 5 at 8 Hz, fan 1 at 48 Hz",
        (Mode(20e-6, 0.5, 0.7), Mode(5e-6, 8.0, 0.3), Mode(1e-6, 48.0, LINE_DAMPING)),
    ),
    "drone": Disturbance(
        "what a drone's gimbal leaves (?): sway, structure, rotor lines at 90 and 180 Hz that step",
        (
            Mode(200e-6, 3.0, 0.7),
            Mode(50e-6, 12.0, 0.7),
            Mode(10e-6, 90.0, LINE_DAMPING, of_rotor=True),
            Mode(10e-6, 180.0, LINE_DAMPING, of_rotor=True),
        ),
        rotor=RotorSteps((0.94, 0.97, 1.0, 1.03, 1.06), 5.0),
    ),
    "aircraft": Disturbance(
        "fixed-wing aircraft (?): 30 urad at 1 Hz, 15 at 12 Hz, 5 at 60 Hz, and 1-cos gusts",
        (Mode(30e-6, 1.0, 0.7), Mode(15e-6, 12.0, 0.5), Mode(5e-6, 60.0, 0.1)),
        events=(Events("gust", 5.0, 200e-6, 0.5),),
    ),
}
