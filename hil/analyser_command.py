"""The command `qsky calibrate-analyser`. Nothing heavy is imported before it runs."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from config.errors import InputError, RunError
from hil.written_files import check_written
from terminal.commands import JsonOut

if TYPE_CHECKING:
    from hil.analyser_bench import Plan
    from terminal.analyser_scan import AnalyserScan

SCAN = ".npz"


def calibrate_analyser(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SCENARIO|SCAN.npz",
            help="Whose wave plate and time tagger to scan with: a scenario file, or the name of "
            "one in config/scenarios. Or a recorded scan.",
        ),
    ],
    out: Annotated[
        Path, typer.Option("--out", metavar="FILE.yaml", help="Write the calibration here.")
    ],
    seed: Annotated[
        int | None,
        typer.Option("--seed", min=0, max=2**63 - 1, help="Of an emulated bench."),
    ] = None,
    angles: Annotated[
        int, typer.Option("--angles", help="Of the plate over a turn, for each state sent.")
    ] = 48,
    exposure_s: Annotated[float, typer.Option("--exposure-s", help="At each angle.")] = 0.5,
    sent_sigma_mrad: Annotated[
        float,
        typer.Option(
            "--sent-sigma-mrad", help="How far off H the polariser's marks may be, 1 sigma."
        ),
    ] = 1.0,
    dead_time_ns: Annotated[
        float, typer.Option("--dead-time-ns", help="Of a detector: counts are corrected for it.")
    ] = 45.0,
    valid_days: Annotated[float, typer.Option("--valid-days", help="From the scan on.")] = 30.0,
    scan_out: Annotated[
        Path | None, typer.Option("--scan-out", metavar="FILE.npz", help="Keep the scan.")
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option("--plot", metavar="FILE", help="Draw counts and fit: .png .svg .pdf."),
    ] = None,
    json_out: JsonOut = None,
) -> None:
    """Measure the half-wave plate and the four analyser channels.

    Turns the plate under linear light of two orthogonal states (H, V) put in before it, counts
    clicks, and fits the plate's zero, retardance, scale and wedge, and each channel's efficiency
    and leak. Writes a dated calibration that a terminal flies by (`polarization.calibration`).
    Devices with `inproc:` URLs are emulated, and the answer then says the truth too; for real ones
    the command asks you to set the light. A recorded scan is fitted again: its own numbers count,
    not the options of the scan. A scan that shows no plate to fly by is refused (exit 1).

    Examples:

      qsky calibrate-analyser leo_haps_downlink --out analyser.yaml

      qsky calibrate-analyser laboratory.yaml --out analyser.yaml --scan-out scan.npz

      qsky calibrate-analyser scan.npz --out analyser.yaml --plot analyser.png --json -
    """
    from config.analyser_calibration import write_analyser
    from hil.analyser_report import answer_of, table
    from terminal.analyser_file import calibration_of
    from terminal.analyser_scan import check_scan, read_scan, write_scan
    from terminal.control.plate_calibration import PlateCalibrationError, calibrate_plate
    from terminal.output import emit

    _check("--valid-days", valid_days, 1e-3, 3660.0)
    recorded = source.endswith(SCAN)
    check_written(
        source, {"--out": out, "--json": json_out, "--plot": plot, "--scan-out": scan_out}
    )
    if scan_out is not None:
        _check_scan_out(scan_out, recorded)
    truth: dict[str, float] | None = None
    try:
        if recorded:
            scan = read_scan(Path(source))
        else:
            plan = _plan(angles, exposure_s, sent_sigma_mrad, dead_time_ns)
            scan, truth = _scanned(source, seed, plan)
            if scan_out is not None:
                write_scan(scan_out, scan)
            check_scan(scan, source)
        given = scan.for_fit()
        found = calibrate_plate(given)
    except PlateCalibrationError as error:
        raise RunError(f"{source}: no calibration: {error}") from error
    calibration = calibration_of(found, scan, valid_days)
    # What was measured comes first: nothing that fails after it can take it away.
    write_analyser(out, calibration)
    answer = answer_of(calibration, truth)
    emit(answer, json_out, lambda: table(answer))
    if plot is not None:
        from hil.analyser_plot import draw

        draw(given, found, plot)


def _scanned(
    scenario: str, seed: int | None, plan: "Plan"
) -> "tuple[AnalyserScan, dict[str, float] | None]":
    """The scan, and the truth of an emulated bench."""
    import signal

    from config.loader import load_scenario
    from hil.analyser_bench import open_bench, scan
    from hil.analyser_report import true_values

    loaded = load_scenario(scenario)
    use_seed = loaded.world.seed if seed is None else seed
    # SIGTERM ends it as Ctrl-C does: devices closed.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        bench = open_bench(loaded, use_seed, plan, _ask)
    except InputError as error:
        raise InputError(f"{scenario}: {error}") from error
    try:
        made = scan(bench, loaded, plan)
    finally:
        bench.close()
    light = bench.light
    return made, true_values(loaded.world.polarization, light.plate) if light else None


def _ask(what: str) -> None:
    typer.prompt(f"{what}, then press Enter", default="", show_default=False, err=True)


def _plan(angles: int, exposure_s: float, sent_sigma_mrad: float, dead_time_ns: float) -> "Plan":
    from hil.analyser_bench import Plan
    from terminal.analyser_scan import LEAST_ANGLES

    _check("--angles", angles, LEAST_ANGLES, 720)
    _check("--exposure-s", exposure_s, 0.01, 60.0)
    _check("--sent-sigma-mrad", sent_sigma_mrad, 0.0, 100.0)
    _check("--dead-time-ns", dead_time_ns, 0.0, 1e5)
    return Plan(angles, exposure_s, 1e-3 * sent_sigma_mrad, 1e-9 * dead_time_ns)


def _check(option: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise InputError(f"{option}: must be {low:g} to {high:g}, got {value:g}")


def _check_scan_out(file: Path, recorded: bool) -> None:
    if recorded:
        raise InputError("--scan-out: the scan is recorded already: leave it out")
    if file.suffix != SCAN:
        raise InputError(f"--scan-out: {file}: must end in {SCAN}, to be read again")
