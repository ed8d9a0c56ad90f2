"""Where raw and sifted clicks are handed over, and who may take them."""

import ipaddress
import re
from collections.abc import Iterator
from typing import Annotated, NamedTuple

from msgspec import Meta

from config.fields import Count, Spec
from config.problem import Problem

_TCP = re.compile(r"tcp://(\[[0-9A-Fa-f:.%a-z]+\]|[A-Za-z0-9._*-]+):([0-9]{1,5}|\*)")
_IPC = re.compile(r"ipc:///?[^\s\0\ud800-\udfff@*][^\s\0\ud800-\udfff]*")
"""No name of a file has a NUL or half a character in it."""

FileName = Annotated[str, Meta(min_length=1)]


class Handover(Spec, frozen=True):
    """The key hand-over (docs/key-handover.md). Key files are made by `qsky handover keys`."""

    url: str
    """To bind: tcp://HOST:PORT, or ipc://PATH. Key bits go out here."""
    server_secret_key_file: FileName | None = None
    """CURVE key pair of this end. Without it there is neither secrecy nor a check of who reads, so
    it is needed wherever the URL can be reached from another machine."""
    client_public_key_files: tuple[FileName, ...] = ()
    """Of those who may read."""
    high_water_messages: Count = 256
    """So many messages wait for a slow reader, 40 s of a flight in real time; it loses what comes
    then."""


class Address(NamedTuple):
    """What a URL says."""

    is_local: bool
    """Nobody on another machine can reach it."""
    is_ipv6: bool


def parse_url(url: str) -> Address:
    """Raises ValueError for anything but tcp://HOST:PORT and ipc://PATH."""
    if _IPC.fullmatch(url):
        return Address(True, False)
    found = _TCP.fullmatch(url)
    if found is None:
        raise ValueError(f"{url!r} is neither tcp://HOST:PORT nor ipc://PATH")
    host, port = found.groups()
    if port != "*" and not 1 <= int(port) <= 65535:
        raise ValueError(f"port {port} is not in 1 to 65535")
    is_ipv6 = host.startswith("[")
    try:
        # A name may mean another machine tomorrow, an interface always does; "localhost" is agreed.
        is_local = host == "localhost" or ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        if is_ipv6:
            raise ValueError(f"{host} is no address") from None
        is_local = False
    return Address(is_local, is_ipv6)


def handover_problems(handover: Handover | None, key: str) -> Iterator[Problem]:
    """What is wrong with it; `key`: where it stands."""
    if handover is None:
        return
    try:
        address = parse_url(handover.url)
    except ValueError as error:
        yield Problem(f"{key}.url", str(error))
        return
    has_key = handover.server_secret_key_file is not None
    if not address.is_local and not has_key:
        yield Problem(
            f"{key}.url",
            f"{handover.url} can be reached from other machines, and key bits go out there: "
            "give server_secret_key_file and client_public_key_files (made by "
            "`qsky handover keys`), or bind to tcp://127.0.0.1:PORT",
        )
    if has_key and not handover.client_public_key_files:
        yield Problem(f"{key}.client_public_key_files", "missing: with a key, only these may read")
    if handover.client_public_key_files and not has_key:
        yield Problem(
            f"{key}.server_secret_key_file",
            "missing: without it client_public_key_files keep nobody out",
        )
