"""`qsky emulate`. Only typer and the standard library are imported before the command runs."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer


def emulate(
    device: Annotated[str | None, typer.Argument(help="Which one; see --list.")] = None,
    pty: Annotated[
        Path | None,
        typer.Option(help="Serve a pseudo-terminal under this symbolic link.", metavar="LINK"),
    ] = None,
    tcp: Annotated[
        int | None,
        typer.Option(help="Serve one client on this TCP port of the machine.", min=0, max=65535),
    ] = None,
    list_: Annotated[bool, typer.Option("--list", help="Name the devices and end.")] = False,
    truth: Annotated[
        Path | None,
        typer.Option(help="Tell the device's true state in this memory-mapped file."),
    ] = None,
    scenario: Annotated[
        str | None,
        typer.Option(help="With this scenario's physics, else standing alone."),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Of the scenario.", min=0)] = None,
    start_monotonic_ns: Annotated[
        int | None, typer.Option(help="Monotonic time of this machine at which ...")
    ] = None,
    start_tai_ns: Annotated[
        int | None, typer.Option(help="... the device's time is this TAI; else it follows UTC.")
    ] = None,
) -> None:
    """Serve an emulated device: it answers with the bytes of the real one, in real time.

    A driver finds it under the url pty:LINK or tcp://127.0.0.1:PORT. Ends on Ctrl-C or SIGTERM, and
    takes its link with it.

    Examples:

        qsky emulate --list

        qsky emulate waveplate_ell14 --pty plate.pty

        qsky emulate laser_scpi --tcp 5025
    """
    from config.errors import InputError
    from sim_devices import catalogue
    from sim_devices.endpoints import PseudoTerminal, TcpPort, serve, stop_on_signal
    from sim_devices.truth_share import TruthWriter

    if list_:
        for name in sorted(catalogue.STANDALONE):
            typer.echo(f"{name:<22}{catalogue.DESCRIPTIONS[name]}")
        return
    if device is None:
        raise InputError("which device? `qsky emulate --list` names them")
    catalogue.check(device)
    if (pty is None) == (tcp is None):
        raise InputError("give one of --pty LINK and --tcp PORT")
    time_ns = _clock(start_monotonic_ns, start_tai_ns)
    if scenario is None:
        served = catalogue.standalone(device)
    else:
        start_ns = time_ns() if start_tai_ns is None else start_tai_ns
        served = catalogue.in_scenario(device, scenario, seed, start_ns)
    if truth is not None and not served.truth_names:
        raise InputError(f"--truth: {device} has no state of its own to tell")

    with ExitStack() as stack:
        stopped = stack.enter_context(stop_on_signal())
        endpoint = PseudoTerminal(pty) if pty is not None else TcpPort(tcp or 0)
        stack.callback(endpoint.close)
        tell: Callable[[int], None] = lambda t_ns: None  # noqa: E731
        if truth is not None:
            writer = TruthWriter(truth, served.truth_names)
            stack.callback(writer.close)
            tell = lambda t_ns: writer.write(t_ns, served.truth())  # noqa: E731
        typer.echo(f"{device} on {endpoint.name}")
        serve(endpoint, served.emulator, time_ns, stopped, tell)


def _clock(start_monotonic_ns: int | None, start_tai_ns: int | None) -> Callable[[], int]:
    """TAI of the device, driven by the machine's monotonic time; without a start, from UTC."""
    from config.errors import InputError
    from terminal.geometry.time_scales import tai_ns_from_posix_ns

    if start_monotonic_ns is None and start_tai_ns is None:
        start_monotonic_ns = time.monotonic_ns()
        start_tai_ns = tai_ns_from_posix_ns(time.time_ns())
    if start_monotonic_ns is None or start_tai_ns is None:
        raise InputError("--start-monotonic-ns and --start-tai-ns go together")
    offset_ns = start_tai_ns - start_monotonic_ns
    return lambda: time.monotonic_ns() + offset_ns
