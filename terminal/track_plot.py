"""What `qsky track` did, as a picture: the residual as time goes on, and spectra."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.signal import welch

from terminal.output import save_plot
from terminal.track import integrate
from terminal.track_file import Recording

Array = NDArray[np.float64]

_STRETCH_S = 0.1
_SEGMENTS = 12
_URAD = 1e6
_LOOP, _INTEGRATOR, _DISTURBANCE, _BOUND = "tab:blue", "tab:orange", "0.6", "tab:green"


def draw(
    recording: Recording,
    residual_rad: Array,
    answer: dict[str, Any],
    delay: int,
    scored_from: int,
    file: Path,
) -> None:
    """One column an axis: rms over tenths of a second above, spectra of the scored part below.

    Raises:
        InputError: a file that cannot be written, or a kind of picture that is not known.
    """
    figure = Figure(figsize=(11.0, 7.4), layout="constrained")
    panels = figure.subplots(2, 2, sharey="row", squeeze=False)
    for i, name in enumerate("xy"):
        angle, noise = recording.angle_rad[:, i].copy(), recording.noise_rad[:, i].copy()
        plain = integrate(angle, noise, delay, answer["integrator_gain"][i])
        upper, lower = panels[0][i], panels[1][i]
        for values, colour, label in (
            (plain, _INTEGRATOR, "best integrator in hindsight"),
            (residual_rad[:, i], _LOOP, "this loop"),
        ):
            upper.semilogy(*_rms_over_time(values, recording.rate_hz), color=colour, label=label)
            lower.loglog(
                *_spectrum(values[scored_from:], recording.rate_hz), color=colour, label=label
            )
        lower.loglog(
            *_spectrum(angle[scored_from:], recording.rate_hz),
            color=_DISTURBANCE,
            label="disturbance",
            zorder=0,
        )
        if answer["bound_urad_rms"] is not None:
            bound = answer["bound_urad_rms"][i]
            upper.axhline(bound, color=_BOUND, linestyle="--", label="bound of any controller")
        upper.axvspan(0.0, scored_from / recording.rate_hz, color="0.93", zorder=0)
        upper.set(title=f"axis {name}", xlabel="s")
        lower.set(xlabel="Hz")
    panels[0][0].set_ylabel(f"rms over {_STRETCH_S:g} s, urad (grey: learning, not scored)")
    panels[1][0].set_ylabel("urad²/Hz, one-sided")
    panels[0][1].legend(frameon=False, fontsize=9)
    panels[1][1].legend(frameon=False, fontsize=9)
    save_plot(figure, file)


def _rms_over_time(values: Array, rate_hz: float) -> tuple[Array, Array]:
    """(s, urad) by stretches."""
    length = max(1, round(_STRETCH_S * rate_hz))
    whole = values[: len(values) // length * length].reshape(-1, length)
    times = np.asarray((np.arange(len(whole)) + 0.5) * length / rate_hz, np.float64)
    left = _URAD * np.sqrt(np.mean(np.square(whole), axis=1))
    return times, np.asarray(left, np.float64)


def _spectrum(values: Array, rate_hz: float) -> tuple[Array, Array]:
    """(Hz, urad^2/Hz)."""
    f, density = welch(_URAD * values, rate_hz, nperseg=max(16, len(values) // _SEGMENTS))
    return np.asarray(f[1:], np.float64), np.asarray(density[1:], np.float64)
