"""CURVE key files, in the format of zmq.auth and CZMQ (ZPL): public, or with the secret key."""

import os
import re
import stat
from pathlib import Path
from typing import NamedTuple

from config.errors import InputError

LONGEST_FILE = 64 * 1024
OTHERS = stat.S_IRWXG | stat.S_IRWXO

_LINE = re.compile(r'^\s*(public-key|secret-key)\s*=\s*"?([^"\n]*)"?\s*$', re.MULTILINE)

_PUBLIC_NOTE = "# CURVE public key: for the other end; it is no secret.\n"
_SECRET_NOTE = "# CURVE secret key: this end's alone. Never copy it.\n"


class KeyPair(NamedTuple):
    """Z85 text, 40 bytes each."""

    public: bytes
    secret: bytes


class Files(NamedTuple):
    """Of one key pair."""

    public: Path
    secret: Path


def write_pair(folder: Path, name: str) -> Files:
    """Make a key pair and write NAME.key and NAME.key_secret, the latter for this user alone.

    Raises InputError: a file is there already, or cannot be written.
    """
    import zmq

    public, secret = (key.decode() for key in zmq.curve_keypair())
    files = Files(folder / f"{name}.key", folder / f"{name}.key_secret")
    body = f'metadata\n    made-by = "qsky"\ncurve\n    public-key = "{public}"\n'
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: cannot make the folder: {error.strerror}") from error
    for path in files:
        if path.exists():
            raise InputError(f"{path}: is there already; a key in use is not overwritten")
    _write(files.secret, _SECRET_NOTE + body + f'    secret-key = "{secret}"\n', 0o600)
    _write(files.public, _PUBLIC_NOTE + body, 0o644)
    return files


def read_public(path: Path, key: str) -> bytes:
    """The public key in a file. `key`: of the config that named it, for the message.

    Raises InputError: no such file, or no public key in it.
    """
    return _key(_text(path, key), "public-key", path, key)


def read_pair(path: Path, key: str) -> KeyPair:
    """The key pair in a file of secrets.

    Raises InputError: no such file, one that others may read, or keys that are no pair.
    """
    import zmq

    text = _text(path, key, secret=True)
    pair = KeyPair(_key(text, "public-key", path, key), _key(text, "secret-key", path, key))
    if zmq.curve_public(pair.secret) != pair.public:
        raise InputError(f"{key}: {path}: public-key does not belong to secret-key")
    return pair


def _text(path: Path, key: str, *, secret: bool = False) -> str:
    try:
        # To open a pipe is to wait for who writes to it.
        if not stat.S_ISREG(path.stat().st_mode):
            raise InputError(f"{key}: {path}: is no regular file")
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            data = file.read(LONGEST_FILE + 1)
    except ValueError as error:
        raise InputError(f"{key}: {str(path)!r}: is no name of a file") from error
    except OSError as error:
        raise InputError(
            f"{key}: {path}: cannot read: {error.strerror}; `qsky handover keys` makes key files"
        ) from error
    if len(data) > LONGEST_FILE:
        raise InputError(f"{key}: {path}: too long for a key file")
    # A public file that was named by mistake may be read by all.
    if secret and mode & OTHERS and b"secret-key" in data:
        raise InputError(
            f"{key}: {path}: others than its owner may use it (mode {mode & 0o777:o}): "
            f"chmod 600 {path}, and make a new key if somebody may have read it"
        )
    return data.decode("utf-8", "replace")


def _key(text: str, name: str, path: Path, key: str) -> bytes:
    from zmq.utils import z85

    found = [value for label, value in _LINE.findall(text) if label == name]
    if len(found) != 1:
        raise InputError(f"{key}: {path}: needs one line {name}, has {len(found)}")
    try:
        raw: bytes = found[0].encode("ascii")
        if len(raw) != 40 or z85.encode(z85.decode(raw)) != raw:
            raise ValueError(f"{len(raw)} characters")
    except (ValueError, LookupError, OverflowError) as error:
        raise InputError(f"{key}: {path}: {name} is no key of 40 Z85 characters") from error
    return raw


def _write(path: Path, text: str, mode: int) -> None:
    """A new file, which has had no other mode at any moment."""
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as file:
            file.write(text)
    except OSError as error:
        raise InputError(f"{path}: cannot write: {error.strerror}") from error
