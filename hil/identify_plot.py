"""What `qsky identify` measured against what it fitted, as a picture."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from hil.plot_style import GIMBAL, INK, LIMIT, MUTED, OWN, plain
from terminal.control.identification.fit import pulse_response
from terminal.control.identification.identify import Identified
from terminal.output import save_plot

Array = NDArray[np.float64]

_FREQUENCIES = 400
_NAMES = ("x by x", "x by y"), ("y by x", "y by y")


def draw(found: Identified, rate_hz: float, file: Path) -> None:
    """Above, impulse response and step response by element; below, gain and phase of both axes.

    Raises:
        InputError: a file that cannot be written, or a kind of picture that is not known.
    """
    measured, model = found.impulse.response, found.model
    lags = measured.shape[2]
    modelled = model.matrix[:, :, None] * pulse_response(
        model.resonance, model.damping, model.delay, lags
    )
    sigma = np.sqrt(np.diag(found.impulse.covariance)).reshape(measured.shape)
    t_ms = 1e3 * np.arange(1, lags + 1) / rate_hz
    figure = Figure(figsize=(11.0, 7.6), layout="constrained")
    panels = figure.subplots(2, 2)
    _impulses(panels[0][0], t_ms, measured, modelled, sigma)
    _steps(panels[0][1], t_ms, measured, modelled, sigma)
    _frequencies((panels[1][0], panels[1][1]), rate_hz, measured, modelled)
    for axes in panels.ravel():
        plain(axes)
    strength = np.abs(modelled).max(axis=(0, 1))
    settled = int(np.flatnonzero(strength > 0.01 * strength.max())[-1]) + 1
    for axes in panels[0]:
        axes.set_xlim(0.0, t_ms[min(settled + settled // 2, lags - 1)])
    panels[0][1].legend(frameon=False, fontsize=9, loc="center right")
    save_plot(figure, file)


def _impulses(axes: Axes, t_ms: Array, measured: Array, modelled: Array, sigma: Array) -> None:
    for i, color in ((0, OWN), (1, GIMBAL)):
        axes.errorbar(t_ms, measured[i, i], 3.0 * sigma[i, i], fmt="o", ms=3.5, lw=0.8, color=color)
        axes.plot(t_ms, modelled[i, i], color=INK, lw=1.0)
    axes.set(title="impulse response (bars: 3 sigma)", xlabel="ms after the command's scan")


def _steps(axes: Axes, t_ms: Array, measured: Array, modelled: Array, sigma: Array) -> None:
    colors = (OWN, LIMIT), (MUTED, GIMBAL)
    for i in range(2):
        for j in range(2):
            step = np.cumsum(measured[i, j])
            axes.plot(
                t_ms, step, "o", ms=3.5, color=colors[i][j], label=f"{_NAMES[i][j]}, measured"
            )
            label = "fitted" if i == j == 1 else None
            axes.plot(t_ms, np.cumsum(modelled[i, j]), color=INK, lw=1.0, label=label)
    axes.set(title="step response, detector by command", xlabel="ms after the command's scan")


def _frequencies(
    panels: tuple[Axes, Axes], rate_hz: float, measured: Array, modelled: Array
) -> None:
    lags = np.arange(1, measured.shape[2] + 1)
    f_hz = np.geomspace(rate_hz / (2.0 * len(lags)), rate_hz / 2.0, _FREQUENCIES)
    turn = np.exp(-2j * np.pi * np.outer(f_hz / rate_hz, lags))
    for i, (name, color) in enumerate((("x", OWN), ("y", GIMBAL))):
        seen, fitted = turn @ measured[i, i], turn @ modelled[i, i]
        for axes, what in zip(panels, (_gain, _phase_deg), strict=True):
            axes.semilogx(
                f_hz, what(seen), color=color, lw=2.4, alpha=0.6, label=f"{name}, measured"
            )
            axes.semilogx(f_hz, what(fitted), color=INK, lw=1.0, ls="--")
    panels[0].set(title="gain", xlabel="Hz", ylabel="detector over command")
    panels[1].set(title="phase, delay included", xlabel="Hz", ylabel="degrees")
    panels[0].legend(frameon=False, fontsize=9)


def _gain(response: NDArray[np.complex128]) -> Array:
    return np.asarray(np.abs(response))


def _phase_deg(response: NDArray[np.complex128]) -> Array:
    return np.asarray(np.degrees(np.unwrap(np.angle(response))))
