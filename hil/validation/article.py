"""Figures and claims of the article that the scenarios follow."""

from collections.abc import Callable
from functools import cache

from config.loader import scenario_names
from hil.validation.check import AS_STATED, Check, Printed, Tolerance
from terminal.figures import coherence, fig2, fig3

TITLE = "The article: figures and claims"
ABOUT = """\
Trinh & Sugiura, "Quantum Internet in the Sky", IEEE Commun. Mag., doi 10.1109/MCOM.003.2300835.
What each figure rests on: [figures](figures.md)."""
_CLAIM = Tolerance(AS_STATED)
_FITTED = f"extra loss of {fig2.FITTED_EXTRA_LOSS_DB} dB, fitted to this number"
_SKY = f"sky of {fig3.DAY:g} W/m2/sr/um, receiver"
_AIR = "HV 5/7, wind of 5 m/s at the ground"
_NO_CLOUDS = "one site, one terminal: no network of sites is planned"


@cache
def _mbit(pointing: str) -> float:
    setting = fig2.Setting(fig2.JITTERS_URAD[pointing])
    return fig2.key(setting).key.secret_key_bits / 1e6


def _greenwood_hz(wavelength_nm: float) -> float:
    """The largest up to 80 degrees."""
    return max(
        coherence.greenwood_of(coherence.TRUE, wavelength_nm, z) for z in coherence.ZENITH_DEG
    )


def _fidelity(setting: fig3.Setting) -> float:
    return 100.0 * fig3.pair_fidelity(setting)


def checks() -> list[Check]:
    wide, cloud = fig3.Setting(fig3.BEAMS_URAD[1]), fig3.Setting(radiance_w_m2_sr_um=150.0)
    return [
        _claim("Fig 2", "key at 100 s, weak error", Printed("0.6"), "Mbit", lambda: _mbit("weak"),
               Tolerance(), _FITTED),
        _claim("Fig 2", "key at 100 s, moderate error", Printed("0.2", "<"), "Mbit",
               lambda: _mbit("moderate"), _CLAIM, "9.9 urad; the loss fitted for weak"),
        _claim("Fig 2", "key at 100 s, strong error", Printed("0.2", "<"), "Mbit",
               lambda: _mbit("strong"), _CLAIM, "13.2 urad; the loss fitted for weak"),
        _claim("Fig 3", "slant distance, 20 km to 1 km at 40 degrees", Printed("24.8"), "km",
               lambda: fig3.Setting().range_m / 1e3, Tolerance()),
        _claim("Fig 3", "fidelity by day, 33 urad", Printed("80", ">"), "%",
               lambda: _fidelity(fig3.Setting()), _CLAIM, _SKY),
        _claim("Fig 3", "fidelity by day, 33 urad, bright cloud of 150 W/m2/sr/um",
               Printed("80", ">"), "%",
               lambda: _fidelity(cloud), _CLAIM, "which sky \"by day\" means; receiver",
               f"holds up to a sky of {fig3.brightest(fig3.Setting()):.0f}"),
        _claim("Fig 3", "fidelity by day, 1 mrad: no entanglement left", Printed("50", "<"), "%",
               lambda: _fidelity(wide), Tolerance("1/2: a pair below it is separable"), _SKY),
        _claim("Fig 4", "Greenwood frequency, 1550 nm, to 80 degrees: 1.5 kHz correct it",
               Printed("1500", "<"), "Hz", lambda: _greenwood_hz(1550.0), _CLAIM, _AIR),
        _claim("Fig 4", "1.5 kHz correct 810 nm only below", Printed("60"), "deg",
               lambda: coherence.corrected_to_deg(coherence.TRUE, 810.0), Tolerance(), _AIR,
               f"at most {_greenwood_hz(810.0):.0f} Hz up to 80 degrees, the end of the figure; "
               "see [figures](figures.md)"),
        _claim("Table I", "links between satellite, platform, drone and ground that fly both ways",
               Printed("4"), "", _links, Tolerance("a count", 0.0)),
        _gap("adaptive optics at the receiver (turbulence)", "no wavefront is sensed or corrected"),
        _gap("pre-compensation of the uplink (turbulence)", "the beam's width alone is controlled"),
        _gap("site diversity against clouds", _NO_CLOUDS),
    ]  # fmt: skip


def _links() -> float:
    """For which there is a scenario each way."""
    links = ("leo_ground", "leo_haps", "leo_laps", "haps_laps")
    names = scenario_names()
    return sum({f"{link}_downlink", f"{link}_uplink"} <= set(names) for link in links)


def _claim(
    figure: str,
    claim: str,
    printed: Printed,
    unit: str,
    ours: Callable[[], float],
    tolerance: Tolerance,
    not_printed: str = "",
    note: str = "",
) -> Check:
    return Check(
        claim, f"the article, {figure}", printed, unit, ours, tolerance, not_printed, note=note
    )


def _gap(claim: str, note: str) -> Check:
    return Check(claim, "the article, Table I", None, "", None, note=note)
