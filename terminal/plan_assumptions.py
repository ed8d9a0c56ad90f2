"""What a plan has to assume of the world, since no terminal knows it before the flight."""

from math import degrees, exp
from typing import NamedTuple

from msgspec import Struct

from config.mission import Mission
from config.polarization import Polarization
from config.terminal import TerminalConfig
from terminal.geometry.refraction import standard_air

SENDER_JITTER_RAD = 3.3e-6
"""Trinh & Sugiura, IEEE Commun. Mag., doi 10.1109/MCOM.003.2300835: a satellite's "weak" error."""
SETTLED_OVER_JITTER = 3.0
"""[?] What counts as settled is set so much wider than what the fine loop leaves."""
GROUND_TRANSMITTANCE = 0.7
HAZE_HEIGHT_M = 2_000.0
"""[?] Clear air at 800 nm: most of the extinction is by aerosols, which thin out this fast."""
NIGHT_RADIANCE, DAY_RADIANCE = 1.5e-3, 1.5
"""W m-2 sr-1 um-1. Full moon, and [2nd] a clear day on the ground: Miao et al., New J. Phys. 7, 215
(2005). [?] By day the sky is taken to shine as much as there is air above, which scatters."""
SUNLIT_GROUND_RADIANCE = 100.0
"""What an uplink's receiver looks down on by day: 1.1 kW m-2 um-1 of sunlight near 800 nm, times an
albedo of 0.3, over pi."""
DARK_RATE_HZ = 25.0
"""Micius ground receiver: under this."""
INTRINSIC_QBER = 0.005
"""As Sidhu et al., npj Quantum Inf. 8, 18 (2022)."""
AFTERPULSE_PROBABILITY = 5.0e-3
ATTITUDE_SIGMA_RAD = 3.0e-3
"""Of a GNSS-aided inertial unit, per axis."""
POSITION_SIGMA_M = 5.0


class Given(NamedTuple):
    """What the options of the command say; None: the default."""

    jitter_rad: float | None = None
    zenith_transmittance: float | None = None
    background_w_m2_sr_um: float | None = None
    dark_rate_hz: float | None = None
    intrinsic_qber: float | None = None
    attitude_sigma_rad: float | None = None


class Assumed(NamedTuple):
    """Of the link."""

    jitter_rad: float
    """Of the sender's beam, 1-sigma per axis."""
    zenith_transmittance: float
    """Between two platforms: along the link."""
    background_w_m2_sr_um: float
    dark_rate_hz: float
    intrinsic_qber: float
    attitude_sigma_rad: float
    """1-sigma per axis that the navigation unit will state."""


class Assumption(Struct, frozen=True):
    """One of them, as it is shown."""

    what: str
    value: float | None
    """None: something left out."""
    unit: str
    why: str
    option: str
    """With which to say otherwise; empty where there is none."""


def assume(
    given: Given, mission: Mission, config: TerminalConfig, day: bool
) -> tuple[Assumed, list[Assumption]]:
    """Values, and what is to be said about them. day: the Sun is up at the terminal."""
    uplink = mission.direction == "uplink"
    own_rad = config.fine.settled_rad / SETTLED_OVER_JITTER
    radiance, sky = NIGHT_RADIANCE, "full moon"
    air_above = standard_air(mission.track.altitude_m).pressure_pa / standard_air(0.0).pressure_pa
    if day and uplink:
        radiance, sky = SUNLIT_GROUND_RADIANCE, "sunlit ground"
    elif day:
        radiance, sky = DAY_RADIANCE * air_above, "clear day, by the air above"
    clear = GROUND_TRANSMITTANCE ** exp(-mission.track.altitude_m / HAZE_HEIGHT_M)
    values = Assumed(
        _or(given.jitter_rad, own_rad if uplink else SENDER_JITTER_RAD),
        _or(given.zenith_transmittance, clear),
        _or(given.background_w_m2_sr_um, radiance),
        _or(given.dark_rate_hz, DARK_RATE_HZ),
        _or(given.intrinsic_qber, INTRINSIC_QBER),
        _or(given.attitude_sigma_rad, ATTITUDE_SIGMA_RAD),
    )
    jitter = "a third of fine.settled_rad" if uplink else "a satellite's weak error"
    air = "clear air, exponential with height"
    shown = [
        _shown("sender's jitter per axis", values.jitter_rad * 1e6, "urad", jitter, "jitter-urad"),
        _shown("transmittance of the air", values.zenith_transmittance, "", air, "air"),
        _shown("sky radiance", values.background_w_m2_sr_um, "W/m2/sr/um", sky, "sky-radiance"),
        _shown("dark counts of a detector", values.dark_rate_hz, "Hz", "silicon", "dark-hz"),
        _shown("intrinsic error", values.intrinsic_qber, "", "polarisation optics", "qber"),
        _shown(
            "navigation's attitude sigma",
            values.attitude_sigma_rad * 1e3,
            "mrad",
            "GNSS-aided inertial",
            "attitude-mrad",
        ),
        _shown("afterpulse probability", AFTERPULSE_PROBABILITY, "", "silicon", ""),
        _shown("gimbal at the start", 0.0, "rad", "all joints in the middle", ""),
        _phase(config.polarization),
    ]
    left_out = (
        "detectors' dead time",
        "scintillation",
        "errors of following polarisation frame and gate",
        "light lost at the field stop",
        "time to lock the clock",
    )
    shown += [Assumption(what, None, "", "left out", "") for what in left_out]
    return values, shown


def _phase(optics: Polarization) -> Assumption:
    """Of the terminal's optics, as far as its configuration knows it."""
    if optics.path == "coude" and optics.fold_index is not None:
        n, k = optics.fold_index
        why = f"polarization.phase_rad, and fold mirrors of index {n:g} + {k:g}i"
    elif optics.path == "coude":
        why = "polarization.phase_rad; ideal fold mirrors"
    else:
        why = "polarization.phase_rad"
    return _shown("phase of the optics on the gimbal", degrees(optics.phase_rad), "deg", why, "")


def _or(given: float | None, default: float) -> float:
    return default if given is None else given


def _shown(what: str, value: float, unit: str, why: str, option: str) -> Assumption:
    return Assumption(what, value, unit, why, f"--{option}" if option else "")
