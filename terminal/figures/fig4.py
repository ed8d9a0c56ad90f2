"""Fig 4: Fried parameter and Greenwood frequency of a LEO downlink over the zenith angle."""

from typing import Any

from matplotlib.figure import Figure

from terminal.figures.coherence import (
    ADAPTIVE_OPTICS_HZ,
    FITTED_SLEW_RAD_S,
    OVERHEAD_RAD_S,
    ROOF_M,
    TRUE,
    VARIANTS,
    WAVELENGTHS_NM,
    ZENITH_DEG,
    coherence,
    corrected_to_deg,
    greenwood_of,
)
from terminal.figures.page import Assumption, Claim, FigureResult, Moved, items
from terminal.figures.progress import Progress
from terminal.optics.turbulence import high_wind_m_s

_STYLES: dict[str, tuple[str, Any, float]] = {
    "greenwood_hz": ("wind and slew", "-", 2.0),
    "greenwood_no_slew_hz": ("wind alone", "--", 1.2),
    "greenwood_slew_times_height_hz": ("slew times height", ":", 1.2),
    "greenwood_constant_overhead_slew_hz": ("overhead slew kept", (0, (1, 4)), 1.6),
    "greenwood_fitted_hz": ("fit to the article", "-.", 0.7),
}


def fig4(progress: Progress) -> FigureResult:
    """All curves."""
    progress.expect(1)
    rows: list[tuple[float | str, ...]] = []
    for wavelength_nm in WAVELENGTHS_NM:
        for zenith_deg in ZENITH_DEG:
            on_roof_m = coherence(TRUE._replace(station_m=ROOF_M), wavelength_nm, zenith_deg)[0]
            r0_m = coherence(TRUE, wavelength_nm, zenith_deg)[0]
            f_hz = [coherence(s, wavelength_nm, zenith_deg)[1] for s in VARIANTS.values()]
            rows.append((wavelength_nm, zenith_deg, r0_m, on_roof_m, *f_hz))
    progress.step()
    return FigureResult(
        "fig4",
        "Fig 4: Fried parameter and Greenwood frequency, LEO 535 km to the ground",
        _GIVEN,
        _ASSUMED,
        _FITTED,
        _claims(),
        (
            "f_G, 1550 nm at 0/60/80",
            "f_G, 810 nm at 0/60/80",
            "1.5 kHz do up to, deg",
            "r0 at 0, 1550/810 nm, cm",
        ),
        _moved(),
        _notes(),
        ("wavelength_nm", "zenith_deg", "r0_m", f"r0_from_{ROOF_M:g}_m_up_m", *VARIANTS),
        rows,
        _draw,
    )


def _claims() -> list[Claim]:
    most = {nm: max(greenwood_of(TRUE, nm, z) for z in ZENITH_DEG) for nm in WAVELENGTHS_NM}
    return [
        Claim(
            "1.5 kHz correct 1550 nm below 80 degrees",
            f"Greenwood frequency at most {most[1550.0]:.0f} Hz",
            "follows",
        ),
        Claim(
            "the same correct 810 nm only below 60 degrees",
            f"at most {most[810.0]:.0f} Hz up to 80 degrees: 1.5 kHz are enough everywhere",
            "**does not follow** from the stated physics",
        ),
    ]


def _moved() -> list[Moved]:
    base = TRUE
    changes = [
        ("as assumed", base),
        ("slew times height, not distance", base._replace(slant=False)),
        ("no slew", base._replace(slewing=False)),
        (
            f"slew of {1e3 * OVERHEAD_RAD_S:.1f} mrad/s at all angles",
            base._replace(constant_slew_rad_s=OVERHEAD_RAD_S),
        ),
        (f"station {ROOF_M:g} m over the ground", base._replace(station_m=ROOF_M)),
        ("the same, slew times height", base._replace(station_m=ROOF_M, slant=False)),
        ("wind at the ground 10 m/s", base._replace(ground_wind_m_s=10.0)),
        ("LEO at 400 km", base._replace(orbit_m=400e3)),
        (
            f"fit: {1e3 * FITTED_SLEW_RAD_S:g} mrad/s, also in HV's w",
            VARIANTS["greenwood_fitted_hz"],
        ),
    ]
    moved = []
    for change, setting in changes:
        results = [
            "/".join(f"{greenwood_of(setting, nm, z):.0f}" for z in (0.0, 60.0, 80.0))
            for nm in WAVELENGTHS_NM
        ]
        r0 = "/".join(f"{100 * coherence(setting, nm, 0.0)[0]:.1f}" for nm in WAVELENGTHS_NM)
        reach = "/".join(f"{corrected_to_deg(setting, nm):.0f}" for nm in WAVELENGTHS_NM)
        moved.append(Moved(change, (*results, reach, r0)))
    return moved


_ASSUMED = [
    Assumption("profile", "Hufnagel-Valley 5/7: w 21 m/s, A 1.7e-14", "the usual one; not stated"),
    Assumption("station", "on the ground, at sea level", "not stated; 40 m up: r0 is a fifth more"),
    Assumption("wind", "Bufton's, 5 m/s at the ground, all of it across the line", "not stated"),
    Assumption(
        "slew",
        "of a pass through the zenith, round Earth at rest; the line sweeps slew times distance",
        "not stated; the slew falls toward the horizon as the distance grows",
    ),
    Assumption("wave", "plane, Kolmogorov, plane-parallel air", "customary; to 80 degrees"),
    Assumption(
        "corrected",
        "where the Greenwood frequency is under 1.5 kHz",
        "bandwidth, or rate of the wavefront sensor: not stated",
    ),
]
_GIVEN = items(
    """
    LEO at 535 km; 810 nm and 1550 nm; zenith angles to 80 degrees

    wind plus slew in the turbulence profile

    adaptive optics of 1.5 kHz correct 1550 nm at all zenith angles below 80 degrees, and 810 nm
    only below 60
    """
)
_FITTED = items(
    """
    Nothing in the main curves. The column greenwood_fitted_hz and the thin lines are a fit, shown
    only to tell what the 810 nm claim would take.
    """
)


def _notes() -> list[str]:
    far, near = greenwood_of(TRUE, 1550.0, 80.0), greenwood_of(TRUE, 810.0, 60.0)
    tenth = ADAPTIVE_OPTICS_HZ / 10
    w_m_s = high_wind_m_s(TRUE.ground_wind_m_s, FITTED_SLEW_RAD_S)
    overhead = greenwood_of(TRUE, 810.0, 0.0)
    kept = VARIANTS["greenwood_constant_overhead_slew_hz"]
    kept_hz, kept_deg = greenwood_of(kept, 1550.0, 80.0), corrected_to_deg(kept, 810.0)
    fit = greenwood_of(VARIANTS["greenwood_fitted_hz"], 810.0, 60.0)
    over = ADAPTIVE_OPTICS_HZ / near
    return items(
        f"""
        The two claims together are one about a scale: 810 nm at 60 degrees ({near:.0f} Hz) lies
        just over 1550 nm at 80 degrees ({far:.0f} Hz). A corrector that follows up to about
        {near:.0f} Hz does what the article says. That would be 1.5 kHz over {over:.1f}, if 1.5 kHz
        is the rate of the wavefront sensor and not the bandwidth; but this factor is chosen after
        the fact. With the rule of thumb of a tenth ({tenth:.0f} Hz) 810 nm would be corrected
        nowhere ({overhead:.0f} Hz at the zenith).

        Nearest to the claim with 1.5 kHz as the bandwidth and the turbulence left alone: the slew
        overhead ({1e3 * OVERHEAD_RAD_S:.1f} mrad/s) is kept at all angles while the distance grows.
        Then 1550 nm has {kept_hz:.0f} Hz at 80 degrees, and 810 nm is corrected to {kept_deg:.0f}.
        But the further the satellite, the slower turns the line of sight.

        Exactly 60 degrees with 1.5 kHz as the bandwidth takes a constant slew of
        {1e3 * FITTED_SLEW_RAD_S:g} mrad/s that also makes the air more turbulent (w = {w_m_s:.0f}
        m/s instead of 21): {fit:.0f} Hz. That is a fit, and a moving line of sight makes no
        turbulence.

        With slew times height in place of distance the frequency falls from the zenith to 60
        degrees; a threshold would then exclude the zenith first.
        """
    )


def _draw(figure: Figure) -> None:
    left, right = figure.subplots(1, 2)
    for nm, colour in zip(WAVELENGTHS_NM, ("tab:red", "tab:blue"), strict=True):
        for station_m, style in ((0.0, "-"), (ROOF_M, "--")):
            setting = TRUE._replace(station_m=station_m)
            curve = [100 * coherence(setting, nm, z)[0] for z in ZENITH_DEG]
            left.plot(
                ZENITH_DEG, curve, style, color=colour, label=f"{nm:g} nm, from {station_m:g} m up"
            )
        for name, (what, style, width) in _STYLES.items():
            label = f"{nm:g} nm, {what}"
            curve = [greenwood_of(VARIANTS[name], nm, z) for z in ZENITH_DEG]
            right.semilogy(
                ZENITH_DEG, curve, linestyle=style, linewidth=width, color=colour, label=label
            )
    right.axhline(ADAPTIVE_OPTICS_HZ, color="0.5", lw=0.8)
    right.text(1, ADAPTIVE_OPTICS_HZ * 1.05, "1.5 kHz", fontsize=8, color="0.4")
    left.set(xlabel="zenith angle, degrees", ylabel="Fried parameter r0, cm", ylim=(0, None))
    right.set(xlabel="zenith angle, degrees", ylabel="Greenwood frequency, Hz", ylim=(2, 6000))
    left.legend(frameon=False, fontsize=8)
    right.legend(frameon=False, fontsize=7, ncols=2, loc="lower left", bbox_to_anchor=(0, 0))
    figure.suptitle("LEO 535 km to the ground, HV 5/7, Bufton's wind")
