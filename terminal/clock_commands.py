"""The commands `qsky clock ...`. Nothing heavy is imported before one runs."""

from pathlib import Path
from typing import Annotated

import typer

from config.errors import InputError
from terminal.commands import JsonOut
from terminal.output import emit

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Recover clocks from the photons themselves: slots, repetition rates, pairs.",
)

Tags = Annotated[
    Path, typer.Argument(metavar="TAGS", help="Time tags: .npz, .a1, .ptu, .qutag, .ttbin.")
]
ChannelsText = Annotated[
    str | None,
    typer.Option(
        "--channels", metavar="H,V,D,A", help="The device's channels, where not in ascending order."
    ),
]


@app.command()
def recover(
    tags: Tags,
    pattern: Annotated[
        Path,
        typer.Option(
            "--pattern",
            metavar="FILE.npz",
            help="Array `state`, a number a slot: 0..3 = H V D A, 255 = not public.",
        ),
    ],
    slot_ps: Annotated[float, typer.Option("--slot-ps", help="Nominal slot period.")],
    max_clicks: Annotated[
        int | None,
        typer.Option("--max-clicks", help="Lock on so many first clicks or not at all."),
    ] = None,
    slots: Annotated[
        Path | None,
        typer.Option(
            "--slots",
            metavar="OUT.npy",
            help="Pattern index of every click in the file's order; -1: not sure.",
        ),
    ] = None,
    channels: ChannelsText = None,
    json_out: JsonOut = None,
) -> None:
    """Find frequency, drift and slot number of the sender's clock in single photons.

    Searches +-30 ppm, +-5e-7 /s and every slot of the pattern, then follows the clock through the
    file. A stream that does not show the pattern is answered by "locked": false.

    Examples:

      qsky clock recover pass.ptu --pattern pattern.npz --slot-ps 10000

      qsky clock recover pass.a1 --pattern pattern.npz --slot-ps 5000 --slots slots.npy --json -
    """
    from terminal import clock_input
    from terminal.clock_answers import recovery_answer
    from terminal.clock_slots import slots_file
    from terminal.clock_tables import table
    from terminal.clock_totals import settle
    from terminal.timetags.file_recovery import recover as recover_file

    clock_input.check_range(
        "--slot-ps", slot_ps, clock_input.LEAST_SLOT_PS, clock_input.MOST_SLOT_PS
    )
    if max_clicks is not None and max_clicks < 1:
        raise InputError(f"--max-clicks: must be positive, got {max_clicks}")
    public = clock_input.read_pattern(pattern)
    stream = clock_input.TagStream(tags, clock_input.read_channels(channels))
    with slots_file(slots, stream.clicks, [tags, pattern]) as row:
        recovery = recover_file(stream.distinct_blocks, public, slot_ps * 1e-12, max_clicks)
        found = settle(stream, recovery, public, row)
    answer = recovery_answer(stream, found)
    emit(answer, json_out, lambda: table(answer))


@app.command()
def period(
    tags: Tags,
    near_hz: Annotated[float, typer.Option("--near-hz", help="Repetition rate, known to 25 ppm.")],
    json_out: JsonOut = None,
) -> None:
    """Measure the mean repetition rate of a pulsed source from its photons alone.

    On the tagger's clock, over the whole file, with its uncertainty (one sigma).

    Example:

      qsky clock period laser.ptu --near-hz 80e6 --json -
    """
    from terminal import clock_input
    from terminal.clock_answers import repetition_answer
    from terminal.clock_tables import table
    from terminal.timetags.repetition import repetition

    clock_input.check_range("--near-hz", near_hz, 1e3, 2e10)
    stream = clock_input.TagStream(tags, "all")
    answer = repetition_answer(stream, repetition(stream.times, near_hz))
    emit(answer, json_out, lambda: table(answer))


@app.command()
def pair(
    a: Annotated[Path, typer.Argument(metavar="A", help="Time tags of one side.")],
    b: Annotated[Path, typer.Argument(metavar="B", help="Time tags of the other side.")],
    max_offset_s: Annotated[
        float, typer.Option("--max-offset-s", help="Search offsets up to this, either way.")
    ] = 1.0,
    max_ppm: Annotated[
        float, typer.Option("--max-ppm", help="Search rates up to this, either way.")
    ] = 50.0,
    json_out: JsonOut = None,
) -> None:
    """Put two streams of a photon-pair source on one time scale.

    Pairs lie at t_b = t_a + offset + frequency_offset x + drift / 2 x^2, x being t_a from the
    earliest click of A.

    Example:

      qsky clock pair alice.a1 bob.a1 --json -
    """
    from terminal import clock_input
    from terminal.clock_answers import pair_answer
    from terminal.clock_tables import table
    from terminal.timetags.pairs import find_pairs

    clock_input.check_range("--max-offset-s", max_offset_s, 1e-6, 100.0)
    clock_input.check_range("--max-ppm", max_ppm, 0.0, 1000.0)
    first, second = clock_input.TagStream(a, "all"), clock_input.TagStream(b, "all")
    lock = find_pairs(first.all_times(), second.all_times(), max_offset_s, max_ppm * 1e-6)
    answer = pair_answer(first, second, lock)
    emit(answer, json_out, lambda: table(answer))


@app.command()
def simulate(
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for the files.")],
    duration_s: Annotated[float, typer.Option("--duration-s")] = 2.0,
    rate_hz: Annotated[float, typer.Option("--rate-hz", help="Of all clicks.")] = 1000.0,
    background: Annotated[
        float, typer.Option("--background", help="Share of the clicks that is no signal.")
    ] = 0.2,
    jitter_ps: Annotated[float, typer.Option("--jitter-ps", help="One sigma.")] = 212.0,
    slot_ps: Annotated[float, typer.Option("--slot-ps")] = 10_000.0,
    ppm: Annotated[
        float, typer.Option("--ppm", help="Slot period over nominal at the start.")
    ] = 0.0,
    drift_per_s: Annotated[float, typer.Option("--drift-per-s")] = 0.0,
    flyby_km: Annotated[
        float | None,
        typer.Option(
            "--flyby-km", help="Add the Doppler of a sender that passes at this distance midway."
        ),
    ] = None,
    pattern_slots: Annotated[int, typer.Option("--pattern-slots")] = 1 << 20,
    public_share: Annotated[float, typer.Option("--public-share")] = 1.0,
    error_rate: Annotated[float, typer.Option("--error-rate")] = 0.02,
    delays_ps: Annotated[
        str, typer.Option("--delays-ps", metavar="H,V,D,A", help="Of the detectors.")
    ] = "0,0,0,0",
    seed: Annotated[int, typer.Option("--seed")] = 1,
    tag_format: Annotated[str, typer.Option("--format", help="npz or a1.")] = "npz",
) -> None:
    """Write a test stream with its truth.

    In DIR: tags.npz or tags.a1, pattern.npz, slots.npy (pattern index of each click's nearest
    slot) and truth.json.

    Example:

      qsky clock simulate --out demo --flyby-km 600 --rate-hz 500 --duration-s 10
    """
    from terminal.clock_files import write_simulation
    from terminal.clock_input import check_range, read_delays
    from terminal.clock_simulation import StreamPlan

    if tag_format not in ("npz", "a1"):
        raise InputError(f"--format: must be npz or a1, got {tag_format!r}")
    check_range("--duration-s", duration_s, 1e-3, 1e4)
    check_range("--rate-hz", rate_hz, 0.0, 1e8)
    check_range("--rate-hz times --duration-s", rate_hz * duration_s, 0.0, 1e8)
    check_range("--background", background, 0.0, 1.0)
    check_range("--jitter-ps", jitter_ps, 0.0, 1e6)
    check_range("--slot-ps", slot_ps, 50.0, 1e7)
    check_range("--ppm", ppm, -1000.0, 1000.0)
    check_range("--drift-per-s", drift_per_s, -1e-5, 1e-5)
    check_range("--pattern-slots", pattern_slots, 1, 1 << 26)
    check_range("--public-share", public_share, 0.0, 1.0)
    check_range("--error-rate", error_rate, 0.0, 1.0)
    check_range("--seed", seed, 0, 2**63)
    if flyby_km is not None:
        check_range("--flyby-km", flyby_km, 1.0, 1e5)
    plan = StreamPlan(
        duration_s=duration_s,
        rate_hz=rate_hz,
        background=background,
        jitter_ps=jitter_ps,
        slot_ps=slot_ps,
        ppm=ppm,
        drift_per_s=drift_per_s,
        pattern_slots=pattern_slots,
        public_share=public_share,
        error_rate=error_rate,
        flyby_km=flyby_km,
        seed=seed,
        delays_ps=read_delays(delays_ps, slot_ps),
    )
    write_simulation(out, plan, tag_format)
