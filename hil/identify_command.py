"""The command `qsky identify`. Nothing heavy is imported before it runs."""

import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from config.errors import InputError, RunError
from hil.written_files import check_written
from terminal.commands import JsonOut

if TYPE_CHECKING:
    from config.terminal import TerminalConfig
    from terminal.control.identification.reading import Detector

EXCITATION_SEED = 1
"""Of the sequences that move the mirror: the same each time."""
_MOST_BACKGROUND = 4 * 32767.0
"""All four channels at the converter's end."""
LEAD_S = 60.0
"""An emulated bench is done so long before the window opens: a pass can be flown by it."""


def identify(
    scenario: Annotated[
        str, typer.Argument(help="A scenario file, or the name of one in config/scenarios.")
    ],
    out: Annotated[
        Path, typer.Option("--out", metavar="FILE.yaml", help="Write the calibration here.")
    ],
    seed: Annotated[
        int | None,
        typer.Option("--seed", min=0, max=2**63 - 1, help="Of an emulated bench's noise."),
    ] = None,
    duration_s: Annotated[
        float, typer.Option("--duration-s", help="Rest, half amplitude and full together.")
    ] = 4.0,
    amplitude_share: Annotated[
        float,
        typer.Option("--amplitude-share", help="Commands over the spot's 1/e^2 half angle."),
    ] = 0.05,
    valid_days: Annotated[float, typer.Option("--valid-days", help="From now on.")] = 30.0,
    background_counts: Annotated[
        float | None,
        typer.Option(
            "--background-counts",
            help="Sum of the detector's four channels without the light. An emulated bench "
            "measures it first; real devices need it: without it, the command says what they sum "
            "to now, and ends.",
        ),
    ] = None,
    disturbance: Annotated[
        bool,
        typer.Option("--disturbance", help="Move an emulated bench's light as the scenario does."),
    ] = False,
    plot: Annotated[
        Path | None,
        typer.Option("--plot", metavar="FILE", help="Draw measured and fitted: .png .svg .pdf."),
    ] = None,
    json_out: JsonOut = None,
) -> None:
    """Measure how the mirror answers in the position detector, and design the controller.

    Moves the mirror by two small pseudo-random sequences under a light that stands still, fits gain
    matrix, resonance, damping and delay, and writes a dated calibration that a terminal flies by
    (`fine.calibration`). Devices with `inproc:` URLs are emulated, others are the real ones. The
    mirror ends at its centre. Light that lies evenly on the detector and is not the beacon's would
    lower the gain: it is taken off (`--background-counts`), as in flight. A measurement that shows
    no response to fly by is refused (exit 1).

    Examples:

      qsky identify leo_haps_downlink --out mirror.yaml

      qsky identify bench.yaml --out mirror.yaml --duration-s 10 --plot mirror.png --json -

      qsky identify laboratory.yaml --out mirror.yaml --background-counts 310
    """
    from config.loader import load_scenario
    from config.response_calibration import write_response
    from hil.identify_bench import open_bench
    from hil.identify_report import answer_of, table
    from terminal.control.identification.excitation import MirrorLimits, excite
    from terminal.control.identification.identify import identify as identified
    from terminal.control.identification.refusal import IdentificationError
    from terminal.output import emit
    from terminal.response_file import calibration_of, counts_per_rad
    from terminal.response_measurement import measure

    _check("--duration-s", duration_s, 0.5, 600.0)
    _check("--amplitude-share", amplitude_share, 1e-4, 1.0)
    _check("--valid-days", valid_days, 1e-3, 3660.0)
    if background_counts is not None:
        _check("--background-counts", background_counts, -_MOST_BACKGROUND, _MOST_BACKGROUND)
    check_written(scenario, {"--out": out, "--json": json_out, "--plot": plot})
    loaded = load_scenario(scenario)
    config = loaded.terminal
    use_seed = loaded.world.seed if seed is None else seed
    rate_hz = float(config.rates.fine_hz)
    per_rad = counts_per_rad(config)
    limits = MirrorLimits(per_rad, config.optics.mirror_stroke_rad, config.fine.max_rate_rad_s)
    # SIGTERM ends it as Ctrl-C does: the mirror at its centre, devices closed.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        asked_rad = amplitude_share * config.optics.quad_spot_rad
        excitation = excite(asked_rad, limits, rate_hz, duration_s, EXCITATION_SEED)
        bench = open_bench(loaded, use_seed, duration_s + LEAD_S, disturbance)
        try:
            if background_counts is None:
                background_counts = bench.background_counts(rate_hz)
            detector = _detector(config, background_counts)
            scans = measure(bench.quad, bench.mirror, bench.advance, excitation, detector, rate_hz)
            measured_tai_ns = bench.advance()
        finally:
            bench.close()
        found = identified(scans, excitation, detector, per_rad, rate_hz)
    except IdentificationError as error:
        raise RunError(f"{scenario}: no calibration: {error}") from error
    except InputError as error:
        raise InputError(f"{scenario}: {error}") from error
    calibration = calibration_of(
        found,
        config,
        excitation.amplitude_rad,
        measured_tai_ns,
        valid_days,
        bench.source,
        background_counts,
    )
    # What was measured comes first: nothing that fails after it can take it away.
    write_response(out, calibration)
    answer = answer_of(loaded, calibration, found, excitation, bench.noise_rad)
    emit(answer, json_out, lambda: table(answer))
    if plot is not None:
        from hil.identify_plot import draw

        draw(found, rate_hz, plot)


def _check(option: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise InputError(f"{option}: must be {low:g} to {high:g}, got {value:g}")


def _detector(config: "TerminalConfig", background_counts: float) -> "Detector":
    from terminal.control.identification.reading import Detector

    return Detector(
        config.optics.quad_spot_rad,
        config.fine.min_sum_counts,
        config.optics.position_detector == "lateral_effect",
        background_counts,
    )
