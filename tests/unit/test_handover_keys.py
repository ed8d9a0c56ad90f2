"""Key files and URLs of the hand-over: what is good is taken, all else is refused by name."""

import os
import stat
from pathlib import Path

import pytest
import zmq.auth
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.errors import InputError
from config.handover import Handover, handover_problems, parse_url
from terminal.handover.keys import read_pair, read_public, write_pair


def test_files_are_those_of_the_library(tmp_path: Path) -> None:
    """Both ways: pyzmq's own reader takes ours, and ours takes pyzmq's."""
    files = write_pair(tmp_path / "made", "server")
    pair = read_pair(files.secret, "key")
    assert zmq.auth.load_certificate(files.secret) == (pair.public, pair.secret)
    assert zmq.auth.load_certificate(files.public) == (pair.public, None)
    assert read_public(files.public, "key") == pair.public
    public_file, secret_file = zmq.auth.create_certificates(str(tmp_path), "theirs")
    Path(secret_file).chmod(0o600)
    theirs = zmq.auth.load_certificate(secret_file)
    assert read_pair(Path(secret_file), "key") == theirs
    assert read_public(Path(public_file), "key") == theirs[0]


def test_the_secret_is_its_owners_alone(tmp_path: Path) -> None:
    files = write_pair(tmp_path, "server")
    assert stat.S_IMODE(files.secret.stat().st_mode) == 0o600
    assert b"secret-key" not in files.public.read_bytes()


def test_a_key_in_use_is_not_overwritten(tmp_path: Path) -> None:
    before = write_pair(tmp_path, "server").secret.read_bytes()
    with pytest.raises(InputError, match=r"server\.key: is there already"):
        write_pair(tmp_path, "server")
    assert (tmp_path / "server.key_secret").read_bytes() == before


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o666, 0o611])
def test_a_secret_that_others_may_use_is_refused(tmp_path: Path, mode: int) -> None:
    secret = write_pair(tmp_path, "server").secret
    secret.chmod(mode)
    with pytest.raises(InputError, match=r"terminal\.handover\.x: .*chmod 600"):
        read_pair(secret, "terminal.handover.x")


def test_a_public_file_in_place_of_the_secret_one_is_called_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="needs one line secret-key, has 0"):
        read_pair(write_pair(tmp_path, "server").public, "k")


def test_what_is_no_key_file_is_refused(tmp_path: Path) -> None:
    files = write_pair(tmp_path, "server")
    other = write_pair(tmp_path, "other")
    text = files.secret.read_text()
    public = read_pair(files.secret, "k").public.decode()
    wrong = {
        "missing": ("", "cannot read"),
        "empty": ("", "needs one line public-key"),
        "short": (text.replace(public, public[:39]), "no key of 40"),
        "letter": (text.replace(public, "~" + public[1:]), "no key of 40"),
        "twice": (text + f'public-key = "{public}"\n', "has 2"),
        "no_secret": (files.public.read_text(), "needs one line secret-key"),
        "no_pair": (
            text.replace(public, read_public(other.public, "k").decode()),
            "does not belong",
        ),
        "long": (text + "#" * 100_000, "too long"),
    }
    for name, (content, problem) in wrong.items():
        path = tmp_path / name
        if name != "missing":
            path.write_text(content)
            path.chmod(0o600)
        with pytest.raises(InputError, match=f"k: .*{name}: .*{problem}"):
            read_pair(path, "k")
    with pytest.raises(InputError, match="no regular file"):
        read_public(tmp_path, "k")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="no regular file"):
        read_public(tmp_path / "pipe", "k")
    for name in ("nul\0", "half\ud800"):
        with pytest.raises(InputError, match=r"k: .*is no name of a file"):
            read_public(tmp_path / name, "k")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "key"
    path.write_bytes(b'public-key = "' + data)
    path.chmod(0o600)
    with pytest.raises(InputError):
        read_pair(path, "k")


@pytest.mark.parametrize(
    "url",
    [
        "tcp://127.0.0.1:5555", "tcp://127.3.2.1:*", "tcp://localhost:1", "tcp://[::1]:65535",
        "ipc:///run/qsky.sock", "ipc://here.sock",
    ],
)  # fmt: skip
def test_what_stays_on_the_machine_needs_no_key(url: str) -> None:
    assert parse_url(url).is_local
    assert list(handover_problems(Handover(url=url), "h")) == []


@pytest.mark.parametrize(
    "url",
    [
        "tcp://*:5555", "tcp://0.0.0.0:5555", "tcp://192.0.2.7:5555", "tcp://eth0:5555",
        "tcp://[::]:5555", "tcp://localhost.example.org:5555", "tcp://128.0.0.1:1",
    ],
)  # fmt: skip
def test_what_others_can_reach_needs_keys(url: str) -> None:
    (problem,) = handover_problems(Handover(url=url), "terminal.handover")
    assert problem.key == "terminal.handover.url"
    assert "key bits go out there" in problem.text
    keys = {"server_secret_key_file": "s", "client_public_key_files": ("c",)}
    assert list(handover_problems(Handover(url=url, **keys), "h")) == []


@pytest.mark.parametrize(
    "url",
    [
        "", "tcp://", "tcp://127.0.0.1", "tcp://127.0.0.1:0", "tcp://127.0.0.1:65536",
        "udp://127.0.0.1:5", "tcp://127.0.0.1:5;tcp://*:6", "ipc://", "ipc://@abstract", "ipc://*",
        "ipc:///run/a\0b", "ipc:///run/\udcff",
        "tcp://[::zz]:5", "inproc://x", "tcp://127.0.0.1:5555\n", "tcp://a b:5",
    ],
)  # fmt: skip
def test_other_urls_are_refused(url: str) -> None:
    (problem,) = handover_problems(Handover(url=url), "h")
    assert problem.key == "h.url"


def test_keys_come_both_or_not_at_all() -> None:
    local = "tcp://127.0.0.1:5555"
    (problem,) = handover_problems(Handover(url=local, server_secret_key_file="s"), "h")
    assert problem.key == "h.client_public_key_files"
    (problem,) = handover_problems(Handover(url=local, client_public_key_files=("c",)), "h")
    assert problem.key == "h.server_secret_key_file"
