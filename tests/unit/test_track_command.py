"""`qsky track`: the contract's loop, what it is held against, and files that are wrong."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from terminal import track as loop

Array = NDArray[np.float64]
Run = Callable[..., tuple[int, str, str]]

RATE_HZ = 2000.0
KECK = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "keck_tip_tilt"


def disturbance(n: int, seed: int = 0) -> tuple[Array, Array]:
    """Angle and noise (n, 2) rad: a random walk that is held back, a line, white noise."""
    rng = np.random.default_rng(seed)
    angle, last = np.empty((n, 2)), np.zeros(2)
    for k in range(n):
        last = 0.998 * last + 1e-6 * rng.normal(size=2)
        angle[k] = last
    line = 5e-6 * np.sin(2 * np.pi * 60.0 * np.arange(n) / RATE_HZ)
    return angle + line[:, None], 0.5e-6 * rng.normal(size=(n, 2))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    angle, noise = disturbance(12_000)
    noise[7000:7040, 0] = math.nan
    path = tmp_path / "recorded.npz"
    np.savez(path, angle_rad=angle, noise_rad=noise, rate_hz=RATE_HZ)
    return path


def answer(qsky: Run, file: Path, *options: str) -> dict[str, Any]:
    code, out, err = qsky(
        "track", str(file), "--delay-samples", "2", "--train-s", "2", "--json", "-", *options
    )
    assert (code, err) == (0, "")
    result: dict[str, Any] = json.loads(out)
    return result


def test_the_answer_is_that_of_the_residual(qsky: Run, file: Path, tmp_path: Path) -> None:
    out = tmp_path / "residual.npy"
    got = answer(qsky, file, "--residual", str(out))
    residual, angle = np.load(out), np.load(file)["angle_rad"]
    assert residual.shape == angle.shape
    assert got["residual_urad_rms"] == pytest.approx(
        1e6 * np.sqrt(np.mean(residual[4000:] ** 2, axis=0)), rel=1e-12
    )
    # u is 0 before the start, and seen two samples later.
    np.testing.assert_array_equal(residual[:2], angle[:2])
    assert got["compute_us_per_tick"] > 0.0
    assert got["bound_urad_rms"] is None


def plain_integrator(angle: Array, noise: Array, delay: int, gain: float) -> Array:
    """As the contract says it, in the plainest Python."""
    u: list[float] = []
    e: list[float] = []
    for k, (a, w) in enumerate(zip(angle.tolist(), noise.tolist(), strict=True)):
        e.append(a - (u[k - delay] if k >= delay else 0.0))
        last = u[-1] if u else 0.0
        u.append(last if math.isnan(w) else last + gain * (e[-1] + w))
    return np.array(e)


def test_the_integrator_is_the_best_of_all_gains(qsky: Run, file: Path) -> None:
    got = answer(qsky, file)
    data = np.load(file)
    for i in (0, 1):
        angle, noise = data["angle_rad"][:, i], data["noise_rad"][:, i]

        def left(gain: float, angle: Array = angle, noise: Array = noise) -> float:
            error = plain_integrator(angle, noise, 2, gain)[4000:]
            return float(1e6 * np.sqrt(np.mean(error**2)))

        assert got["integrator_urad_rms"][i] == pytest.approx(left(got["integrator_gain"][i]))
        assert got["integrator_urad_rms"][i] <= min(map(left, np.arange(0.02, 0.9, 0.04))) * 1.0001


def test_hindsight_is_numpys_least_squares() -> None:
    angle, noise = disturbance(9000, seed=4)
    x, w = angle[:, 0], noise[:, 0]
    got = loop.hindsight_rms(x, w, 3, 2000)
    seen = x + w
    ticks = np.arange(2000, 9000)
    centre = float(np.mean(seen[2000 - loop.TAPS - 3 :]))
    past = np.stack([seen[ticks - 3 - i] for i in range(loop.TAPS)], 1) - centre
    weights = np.linalg.lstsq(past, x[ticks] - centre, rcond=None)[0]
    left = x[ticks] - centre - past @ weights
    assert got == pytest.approx(float(np.sqrt(np.mean(left**2))), rel=1e-6)


def test_it_knows_nothing_of_the_future(tmp_path: Path) -> None:
    angle, noise = disturbance(6000)
    whole = loop.close_loop(angle, noise, RATE_HZ, 2).residual_rad
    part = loop.close_loop(angle[:4000], noise[:4000], RATE_HZ, 2).residual_rad
    np.testing.assert_array_equal(whole[:4000], part)


def test_a_file_that_tells_its_bound_is_held_against_it(qsky: Run, file: Path) -> None:
    data = dict(np.load(file))
    np.savez(file, **data, bound_urad_rms=np.array([1.0, 2.0]), delay_samples=2)
    got = answer(qsky, file)
    assert got["bound_urad_rms"] == [1.0, 2.0]
    assert got["over_bound"][1] == pytest.approx(got["residual_urad_rms"][1] / 2.0)
    np.savez(file, **data, bound_urad_rms=np.array([1.0, 2.0]), delay_samples=3)
    assert answer(qsky, file)["bound_urad_rms"] is None


def test_a_table_and_a_picture_for_people(qsky: Run, file: Path, tmp_path: Path) -> None:
    picture = tmp_path / "track.png"
    code, out, err = qsky(
        "track", str(file), "--delay-samples", "1", "--train-s", "2", "--plot", str(picture)
    )
    assert (code, err) == (0, "")
    assert "residual, urad rms" in out
    assert picture.read_bytes().startswith(b"\x89PNG")


def altered(**changes: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda data: {k: v for k, v in {**data, **changes}.items() if v is not None}


GOOD: dict[str, Any] = {
    "angle_rad": np.zeros((500, 2)),
    "noise_rad": np.zeros((500, 2)),
    "rate_hz": 1000.0,
}
WRONG = {
    "no angle": (altered(angle_rad=None), "angle_rad: missing"),
    "no noise": (altered(noise_rad=None), "noise_rad: missing"),
    "no rate": (altered(rate_hz=None), "rate_hz: missing"),
    "one axis": (altered(angle_rad=np.zeros(500)), "shape (n, 2)"),
    "other length": (altered(noise_rad=np.zeros((499, 2))), "must be the same"),
    "text": (altered(angle_rad=np.full((500, 2), "a")), "must be numbers"),
    "complex": (altered(angle_rad=np.zeros((500, 2), complex)), "must be numbers"),
    "empty": (altered(angle_rad=np.zeros((0, 2)), noise_rad=np.zeros((0, 2))), "shape (n, 2)"),
    "angle not known": (altered(angle_rad=np.full((500, 2), np.nan)), "finite at every tick"),
    "endless noise": (altered(noise_rad=np.full((500, 2), np.inf)), "noise_rad"),
    "rate 0": (altered(rate_hz=0.0), "rate_hz: must be 1 to"),
    "rate not known": (altered(rate_hz=np.nan), "rate_hz: must be 1 to"),
    "no delay": (altered(bound_urad_rms=np.ones(2), delay_samples=np.nan), "delay_samples"),
    "two rates": (altered(rate_hz=np.ones(2)), "one number"),
    "no bound": (altered(bound_urad_rms=np.zeros(2), delay_samples=2), "two positive"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_file_is_one_line(qsky: Run, tmp_path: Path, name: str) -> None:
    alter, said = WRONG[name]
    path = tmp_path / "wrong.npz"
    np.savez(path, **alter(GOOD))
    code, out, err = qsky("track", str(path), "--delay-samples", "2", "--train-s", "0.1")
    assert (code, out) == (2, "")
    assert said in err
    assert str(path) in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("content", [b"", b"angle", b"PK\x03\x04cut off"])
def test_a_file_that_is_no_archive_is_one_line(qsky: Run, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "no.npz"
    path.write_bytes(content)
    code, _, err = qsky("track", str(path), "--delay-samples", "2", "--train-s", "1")
    assert code == 2
    assert "is cut off, or no .npz" in err


def test_an_array_alone_is_no_archive(qsky: Run, tmp_path: Path) -> None:
    path = tmp_path / "angle.npy"
    np.save(path, np.zeros((500, 2)))
    code, _, err = qsky("track", str(path), "--delay-samples", "2", "--train-s", "1")
    assert code == 2
    assert "is cut off, or no .npz" in err


def test_where_nothing_was_ever_measured_the_mirror_stays(qsky: Run, tmp_path: Path) -> None:
    path = tmp_path / "dark.npz"
    angle, noise = disturbance(5000)
    np.savez(path, angle_rad=angle, noise_rad=np.full_like(noise, np.nan), rate_hz=RATE_HZ)
    got = answer(qsky, path)
    assert got["residual_urad_rms"] == pytest.approx(
        1e6 * np.sqrt(np.mean(angle[4000:] ** 2, axis=0)), rel=1e-12
    )
    assert got["hindsight_linear_urad_rms"] == [None, None]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--delay-samples", "0", "--train-s", "1"], "--delay-samples"),
        (["--delay-samples", "41", "--train-s", "1"], "--delay-samples"),
        (["--delay-samples", "2", "--train-s", "-1"], "--train-s"),
        (["--delay-samples", "2", "--train-s", "6"], "--train-s"),
        (["--delay-samples", "2", "--train-s", "nan"], "--train-s"),
    ],
)
def test_options_out_of_range(qsky: Run, file: Path, options: list[str], said: str) -> None:
    code, _, err = qsky("track", str(file), *options)
    assert code == 2
    assert said in err


def test_the_residual_does_not_take_the_place_of_its_source(qsky: Run, file: Path) -> None:
    before = file.read_bytes()
    code, _, err = qsky(
        "track", str(file), "--delay-samples", "2", "--train-s", "2", "--residual", str(file)
    )
    assert code == 2
    assert "is an input" in err
    assert file.read_bytes() == before


@pytest.mark.skipif(not KECK.exists(), reason="the recording is not at hand")
def test_on_a_real_recording_it_gains_half_of_what_hindsight_gains() -> None:
    """Against the loop that was recorded, and a linear predictor of 80 values fitted to the first
    5 s, which leaves 2.1 and 0.9 % less than it."""
    angle = np.load(KECK / "OpenLoop_n0088.npy").astype(float)
    recorded = angle - np.load(KECK / "Commands_n0088.npy").astype(float)
    left = loop.close_loop(angle, np.zeros_like(angle), 1000.0, 1).residual_rad
    ratio = np.sqrt(np.mean(left[5000:] ** 2, axis=0) / np.mean(recorded[5000:] ** 2, axis=0))
    assert (ratio < 1.0 - np.array([0.021, 0.009]) / 2.0).all()
