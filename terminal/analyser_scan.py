"""The file of a plate scan: what the bench counted, to be looked at again at any time."""

import re
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from config.errors import InputError
from config.whole_file import replacing
from terminal.control.plate_calibration import PlateScan
from terminal.geometry.time_scales import tai_ns_from_utc, utc_text
from terminal.npz_file import read_arrays

Array = NDArray[np.float64]

LEAST_ANGLES = 16
"""The plate's signal goes round four times a turn, the wedge's once."""
_SAME_RAD = 1e-3
"""Plate angles nearer than this are one; a plate that moved less stood still."""
MOST_LOST = 0.05
"""Share of clicks that dead time may take: beyond, counts no longer scatter as Poisson's do."""
_STUCK_COUNTS = 4
"""Exposures of one channel that have its largest count: a counter at its end."""


class AnalyserScan(NamedTuple):
    """Exposures of a plate scan, and with what they were made."""

    plate_rad: Array
    """(n,) by the encoder."""
    sent_rad: Array
    """(n,) angle of the linear light sent, H 0, V pi / 2."""
    counts: Array
    """(n, 4) clicks of an exposure in H V D A."""
    background: Array
    """(4,) clicks without the light ..."""
    background_s: float
    """... in so long."""
    exposure_s: float
    dead_time_s: float
    """Of each detector, during which it sees nothing after a click."""
    basis_x_probability: float
    """Share of the light that the splitter sends to H and V."""
    sent_sigma_rad: float
    """1-sigma of what all sent angles are off together."""
    waveplate: str
    tagger: str
    """Names of the drivers."""
    source: Literal["emulated", "real"]
    measured_tai_ns: int
    """End of the scan."""

    def for_fit(self) -> PlateScan:
        """Dead time taken off: n / (1 - n tau / T), for a detector that is not held dead by what it
        misses (Knoll, Radiation Detection and Measurement, 4th ed., chapter 4.VII)."""
        counts = _alive(self.counts, self.exposure_s, self.dead_time_s)
        share = self.exposure_s / self.background_s
        background = share * _alive(self.background, self.background_s, self.dead_time_s)
        # One click more than was seen: none in the dark does not make it certain.
        sigma = share * np.sqrt(self.background + 1.0)
        return PlateScan(
            self.plate_rad, self.sent_rad, counts, background, sigma, self.sent_sigma_rad
        )


def _alive(counts: Array, time_s: float, dead_s: float) -> Array:
    return np.asarray(counts / (1.0 - counts * dead_s / time_s))


_ARRAYS = {"plate_rad": 1, "sent_rad": 1, "counts": 2, "background": 1}
_NUMBERS = {
    "background_s": (1e-3, 1e6),
    "exposure_s": (1e-6, 1e5),
    "dead_time_s": (0.0, 1e-3),
    "basis_x_probability": (1e-3, 1.0 - 1e-3),
    "sent_sigma_rad": (0.0, 0.5),
}
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_TEXTS = ("waveplate", "tagger", "source", "measured_utc")


def read_scan(path: Path) -> AnalyserScan:
    """Read what `write_scan` wrote, or a laboratory's own script with the same names.

    `measured_utc` is text like 2016-12-19T15:18:51Z.

    Raises:
        InputError: no such file, one that is cut off, or values that no scan of a plate has.
    """
    held = read_arrays(path, "plate_rad=..., ...")
    arrays = {name: _array(path, held, name, axes) for name, axes in _ARRAYS.items()}
    numbers = {name: _number(path, held, name, *bounds) for name, bounds in _NUMBERS.items()}
    texts = {name: _text(path, held, name) for name in _TEXTS}
    if texts["source"] not in ("emulated", "real"):
        raise InputError(f"{path}: source: must be emulated or real, not {texts['source']!r}")
    for name in ("waveplate", "tagger"):
        if not _NAME.fullmatch(texts[name]):
            raise InputError(f"{path}: {name}: {texts[name]!r} is no driver's name like tagger_a1")
    try:
        measured_ns = tai_ns_from_utc(texts.pop("measured_utc"))
    except ValueError as error:
        raise InputError(f"{path}: measured_utc: {error}") from error
    scan = AnalyserScan(**arrays, **numbers, **texts, measured_tai_ns=measured_ns)  # type: ignore[arg-type]
    check_scan(scan, path)
    return scan


def write_scan(path: Path, scan: AnalyserScan) -> None:
    """A .npz that is there in whole or not at all.

    Raises:
        InputError: it cannot be written.
    """
    held: dict[str, Any] = scan._asdict()
    held["measured_utc"] = utc_text(held.pop("measured_tai_ns"))
    with replacing(path) as file:
        np.savez(file, **held)


def check_scan(scan: AnalyserScan, path: Path | str) -> None:
    """Raises InputError for what no fit should see: says the key, and what to do."""
    n = len(scan.plate_rad)
    for name, shape in (("sent_rad", (n,)), ("counts", (n, 4)), ("background", (4,))):
        got = getattr(scan, name).shape
        if got != shape:
            raise InputError(
                f"{path}: {name}: has shape {got}, and {n} plate angles need {shape}: the scan is "
                "cut off"
            )
    for name in ("counts", "background"):
        if (getattr(scan, name) < 0.0).any():
            raise InputError(f"{path}: {name}: are negative: give clicks, background included")
    turned = np.mod(scan.plate_rad, 2.0 * np.pi)
    angles = np.sort(turned)
    if n == 0 or angles[-1] - angles[0] < _SAME_RAD:
        stood = f" at {np.degrees(angles[0]):.2f} deg" if n else ""
        raise InputError(
            f"{path}: plate_rad: the plate stood still{stood} in all {n} exposures: see that it "
            "turns"
        )
    distinct = 1 + int(np.count_nonzero(np.diff(angles) > _SAME_RAD))
    if distinct < LEAST_ANGLES:
        raise InputError(
            f"{path}: plate_rad: only {distinct} angles of the plate: scan a whole turn with "
            f"{LEAST_ANGLES} or more"
        )
    for clicks, time_s, name in (
        (scan.counts, scan.exposure_s, "counts"),
        (scan.background[None], scan.background_s, "background"),
    ):
        lost = clicks.max(axis=0) * scan.dead_time_s / time_s
        for channel, share in zip("HVDA", lost.tolist(), strict=True):
            if share > MOST_LOST:
                raise InputError(
                    f"{path}: {name}: channel {channel} is dead for {100.0 * share:.0f} % of an "
                    f"exposure, more than {100.0 * MOST_LOST:.0f} %: saturated; use less light"
                )
    for channel, clicks in zip("HVDA", scan.counts.T, strict=True):
        same = int(np.count_nonzero(clicks == clicks.max()))
        if clicks.max() > 1000.0 and same >= max(_STUCK_COUNTS, n // 20):
            raise InputError(
                f"{path}: counts: channel {channel} shows its largest, {clicks.max():.0f}, in "
                f"{same} exposures: the counter is at its end; use less light"
            )


def _array(path: Path, held: dict[str, NDArray[Any]], name: str, axes: int) -> Array:
    value = _held(path, held, name)
    if value.dtype.kind not in "iuf" or value.ndim != axes:
        raise InputError(
            f"{path}: {name}: must be numbers along {axes} "
            f"{'axis' if axes == 1 else 'axes'}, got {value.dtype} {value.shape}"
        )
    numbers = np.ascontiguousarray(value, dtype=np.float64)
    if not np.isfinite(numbers).all():
        first = int(np.argwhere(~np.isfinite(numbers))[0][0])
        raise InputError(f"{path}: {name}: is not finite at {first}")
    return numbers


def _number(path: Path, held: dict[str, NDArray[Any]], name: str, low: float, high: float) -> float:
    value = _held(path, held, name)
    if value.dtype.kind not in "iuf" or value.size != 1:
        raise InputError(f"{path}: {name}: must be one number")
    number = float(value.reshape(()))
    if not low <= number <= high:
        raise InputError(f"{path}: {name}: must be {low:g} to {high:g}, got {number:g}")
    return number


def _text(path: Path, held: dict[str, NDArray[Any]], name: str) -> str:
    value = _held(path, held, name)
    if value.dtype.kind != "U" or value.size != 1:
        raise InputError(f"{path}: {name}: must be one text")
    return str(value.reshape(()))


def _held(path: Path, held: dict[str, NDArray[Any]], name: str) -> NDArray[Any]:
    if name not in held:
        raise InputError(f"{path}: {name}: missing; there must be {', '.join(_keys())}")
    return held[name]


def _keys() -> tuple[str, ...]:
    return (*_ARRAYS, *_NUMBERS, *_TEXTS)
