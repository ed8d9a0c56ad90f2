"""Archives that numpy cannot read: one clear error, whatever numpy raises."""

from pathlib import Path

import numpy as np
import pytest

from config.errors import InputError
from terminal.npz_file import read_arrays
from terminal.track_file import read_recording

CENTRAL = b"PK\x01\x02"
"""Signature of an entry of the archive's directory; then the fields of APPNOTE.TXT, 4.3.12."""


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    path = tmp_path / "whole.npz"
    angle = np.zeros((50, 2))
    np.savez(path, angle_rad=angle, noise_rad=angle, rate_hz=5000.0)
    read_recording(path)
    return path


@pytest.mark.parametrize(
    ("offset", "value"), [(6, 123), (8, 1), (10, 99)], ids=["version", "encrypted", "packing"]
)
def test_an_archive_of_a_kind_that_is_not_known(whole: Path, offset: int, value: int) -> None:
    content = bytearray(whole.read_bytes())
    content[content.index(CENTRAL) + offset] = value
    whole.write_bytes(content)
    for read in (lambda path: read_arrays(path, "angle_rad=..."), read_recording):
        with pytest.raises(InputError, match=r"whole\.npz: is cut off, or no \.npz: write it"):
            read(whole)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
def test_an_archive_that_is_cut_off(whole: Path, share: float) -> None:
    content = whole.read_bytes()
    whole.write_bytes(content[: int(share * len(content))])
    with pytest.raises(InputError, match="is cut off"):
        read_arrays(whole, "angle_rad=...")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read: No such file"):
        read_arrays(tmp_path / "none.npz", "angle_rad=...")
