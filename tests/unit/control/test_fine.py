"""The mirror loop closed over a quad cell, a delay and a disturbance, all of the test's own."""

import math
from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import solve_discrete_lyapunov

from config.loader import load_scenario
from terminal.codec import TickCodec
from terminal.control.fine import RELEASE_TIME_CONSTANT_S, FineState, limits_of, step
from terminal.messages import MESSAGES, FineCommand, FineSample

CONFIG = load_scenario("leo_haps_downlink").terminal
LIMITS = limits_of(CONFIG)
STROKE_RAD, GAIN = LIMITS.stroke_rad, LIMITS.gain
RATE_HZ = 5000.0
DT_S = 1.0 / RATE_HZ
START_NS = 10**18
LIGHT = 8000.0


def counts(x_rad: float, y_rad: float) -> tuple[int, int, int, int]:
    """A Gaussian spot on the four quadrants a, b, c, d."""
    scale = math.sqrt(2.0) / LIMITS.spot_rad
    right, above = 0.5 + 0.5 * math.erf(scale * x_rad), 0.5 + 0.5 * math.erf(scale * y_rad)
    a, b = right * above, (1.0 - right) * above
    c, d = (1.0 - right) * (1.0 - above), right * (1.0 - above)
    return round(LIGHT * a), round(LIGHT * b), round(LIGHT * c), round(LIGHT * d)


class ClosedLoop:
    """The light as seen behind a mirror that obeys `delay` scans late."""

    def __init__(self, delay: int = 2, enable: int = 1) -> None:
        self.state = FineState()
        self.command = FineCommand()
        self.enable = enable
        self.t_ns = START_NS
        self.aim_rad = (0.0, 0.0)
        self._waiting = [(0.0, 0.0)] * delay

    def tick(self, x_rad: float, y_rad: float = 0.0, light: bool = True) -> FineCommand:
        """One scan with the beacon at this angle; `error` is what was left of it."""
        mirror_x, mirror_y = self._waiting.pop(0)
        self.error = x_rad - mirror_x, y_rad - mirror_y
        quadrants = counts(*self.error) if light else (0, 0, 0, 0)
        self.t_ns += round(DT_S * 1e9)
        sample = FineSample(self.t_ns, *quadrants, 1, 0, self.enable, *self.aim_rad)
        self.state, self.command = step(LIMITS, self.state, sample, DT_S)
        per_count = STROKE_RAD / 32767.0
        self._waiting.append((self.command.x_counts * per_count, self.command.y_counts * per_count))
        return self.command

    def run(self, angles: Iterable[float]) -> list[float]:
        errors = []
        for angle in angles:
            self.tick(angle)
            errors.append(self.error[0])
        return errors

    @property
    def mirror_rad(self) -> float:
        return self.command.x_counts * STROKE_RAD / 32767.0


@pytest.mark.parametrize("delay", [1, 2, 3])
def test_step_response_is_that_of_an_integrator_with_delay(delay: int) -> None:
    """e[k] = a - u[k - D], u[k] = u[k - 1] + g e[k], of its own arithmetic, for a small step."""
    angle = 5e-6
    seen = ClosedLoop(delay).run([angle] * 60)
    u = [0.0] * delay
    expected = []
    for _ in range(60):
        error = angle - u[-delay]
        expected.append(error)
        u.append(u[-1] + GAIN * error)
    # 150 urad / 1.6 over 8000 counts: one count is 12 nrad, a step of the DAC 31.
    np.testing.assert_allclose(seen, expected, atol=50e-9)
    assert max(abs(e) for e in seen[40:]) < 0.1e-6


def test_a_large_step_settles_too() -> None:
    """Where the quad cell saturates the loop is only slower."""
    errors = ClosedLoop().run([400e-6] * 200)
    assert abs(errors[-1]) < 0.1e-6
    assert min(errors) > -40e-6


def test_closing_moves_the_mirror_by_no_more_than_one_correction() -> None:
    loop = ClosedLoop(enable=0)
    for _ in range(50):
        assert loop.tick(100e-6).x_counts == 0
    assert not loop.command.closed
    loop.enable = 1
    command = loop.tick(100e-6)
    assert command.closed
    assert loop.mirror_rad == pytest.approx(GAIN * command.x_rad, abs=STROKE_RAD / 32767.0)
    # Opened and closed again on the way back to the centre.
    for _ in range(200):
        loop.tick(100e-6)
    loop.enable = 0
    for _ in range(100):
        loop.tick(100e-6)
    before = loop.mirror_rad
    assert 10e-6 < before < 90e-6
    loop.enable = 1
    command = loop.tick(100e-6)
    correction = GAIN * command.x_rad
    assert loop.mirror_rad - before == pytest.approx(correction, abs=2 * STROKE_RAD / 32767.0)


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_the_integrator_does_not_wind_up_at_the_stop(side: float) -> None:
    loop = ClosedLoop()
    for _ in range(5000):
        loop.tick(side * 1.5 * STROKE_RAD, -side * 1.5 * STROKE_RAD)
    assert (loop.command.x_counts, loop.command.y_counts) == (side * 32767, -side * 32767)
    # After the delay, the first light on the other side brings it off the stop.
    for _ in range(3):
        command = loop.tick(side * 0.5 * STROKE_RAD)
    assert abs(command.x_counts) < 32767
    errors = loop.run([side * 0.5 * STROKE_RAD] * 200)
    assert abs(errors[-1]) < 0.1e-6


def test_darkness_holds_then_opens_then_releases() -> None:
    loop = ClosedLoop()
    loop.run([200e-6] * 300)
    held = loop.command.x_counts
    ticks = round(CONFIG.fine.drop_s * RATE_HZ)
    for _ in range(ticks - 1):
        command = loop.tick(200e-6, light=False)
        assert (command.closed, command.beacon, command.x_counts) == (1, 0, held)
    loop.tick(200e-6, light=False)
    command = loop.tick(200e-6, light=False)
    assert not command.closed
    ticks = round(RELEASE_TIME_CONSTANT_S * RATE_HZ)
    moves = [command.x_counts]
    moves += [loop.tick(200e-6, light=False).x_counts for _ in range(ticks)]
    assert moves == sorted(moves, reverse=True)
    assert moves[-1] / moves[0] == pytest.approx(math.exp(-1.0), rel=0.01)
    # Light closes it again at once.
    assert loop.tick(200e-6).closed


def test_a_scan_that_did_not_come_is_darkness() -> None:
    loop = ClosedLoop()
    loop.run([50e-6] * 100)
    sample = FineSample(loop.t_ns, 0, 0, 0, 0, 0, 0, 1)
    _, command = step(LIMITS, loop.state, sample._replace(t_ns=loop.t_ns + 200_000), DT_S)
    assert (command.beacon, command.x_counts) == (0, loop.command.x_counts)
    assert command.scan_age_s == pytest.approx(DT_S)


def residual_rms_rad(delay: int, corner_hz: float, rms_rad: float, noise_rad: float) -> float:
    """Integrator of gain g on a first-order Gauss-Markov angle, by the Lyapunov equation.

    State (a, u[k-1], ..., u[k-D]); a[k+1] = p a[k] + w; the error is a[k] - u[k-D].
    """
    pole = math.exp(-2.0 * math.pi * corner_hz / RATE_HZ)
    n = 1 + delay
    a, b = np.zeros((n, n)), np.zeros((n, 2))
    a[0, 0], b[0, 0] = pole, rms_rad * math.sqrt(1.0 - pole**2)
    a[1, 1] = 1.0
    a[1, 0], b[1, 1] = GAIN, GAIN * noise_rad
    a[1, delay] -= GAIN
    for i in range(2, n):
        a[i, i - 1] = 1.0
    covariance = solve_discrete_lyapunov(a, b @ b.T)
    error = np.zeros(n)
    error[0], error[delay] = 1.0, -1.0
    return math.sqrt(error @ covariance @ error)


@pytest.mark.parametrize("delay", [1, 2])
def test_residual_on_the_silex_spectrum_is_that_of_the_closed_form(delay: int) -> None:
    """ESA/SILEX: 160 / (1 + f^2) urad^2/Hz one-sided is a Gauss-Markov angle of variance 80 pi
    urad^2 and corner 1 Hz. 40 s of flight hold some 20,000 independent residuals: 1 % of rms."""
    rms_rad, ticks = math.sqrt(80.0 * math.pi) * 1e-6, 100_000
    rng = np.random.default_rng(5)
    pole = math.exp(-2.0 * math.pi / RATE_HZ)
    drive = rms_rad * math.sqrt(1.0 - pole**2) * rng.normal(size=ticks)
    angle, angles = 0.0, []
    for w in drive.tolist():
        angle = pole * angle + w
        angles.append(angle)
    errors = np.array(ClosedLoop(delay).run(angles)[1000:])
    # Quad and DAC steps of 12 and 31 nrad are all the noise there is.
    expected = residual_rms_rad(delay, 1.0, rms_rad, 12e-9)
    assert float(np.sqrt(np.mean(errors**2))) == pytest.approx(expected, rel=0.03)


def test_offload_and_rms_are_low_passes() -> None:
    """Of 0.1 s each; the mean square starts from a milliradian, so its root has 0.2 s."""
    loop = ClosedLoop()
    loop.run([100e-6] * 5000)
    assert loop.command.mean_mirror_x_rad == pytest.approx(100e-6, rel=1e-3)
    assert loop.command.rms_rad == pytest.approx(1e-3 * math.exp(-1.0 / 0.2), rel=0.02)


ticks = st.tuples(
    *[st.integers(-32768, 32767)] * 4, st.booleans(), st.booleans(), st.floats(1e-5, 5.0)
)


@settings(deadline=None)
@given(st.lists(ticks, max_size=30))
def test_whatever_comes_and_however_late_the_command_fits_the_dac(
    rows: list[tuple[int, int, int, int, bool, bool, float]],
) -> None:
    codec, state, t_ns = TickCodec(MESSAGES["fine"]), FineState(), START_NS
    for a, b, c, d, fresh, enable, dt_s in rows:
        t_ns += round(dt_s * 1e9)
        sample = FineSample(t_ns, a, b, c, d, int(fresh), 0, int(enable))
        state, command = step(LIMITS, state, sample, dt_s)
        codec.pack(0, sample, command)
        assert max(abs(command.x_counts), abs(command.y_counts)) <= 32767
        assert max(abs(command.mean_mirror_x_rad), abs(command.mean_mirror_y_rad)) <= STROKE_RAD


@pytest.mark.parametrize("aim_rad", [(50e-6, 0.0), (-30e-6, 70e-6)])
def test_the_beacon_is_held_where_it_shall_stand(aim_rad: tuple[float, float]) -> None:
    """A moved tracking point: against the true angle, not the cell's bent scale."""
    loop = ClosedLoop()
    loop.aim_rad = aim_rad
    loop.run([20e-6] * 200)
    assert loop.error == pytest.approx(aim_rad, abs=0.1e-6)
    # What the loop calls its residual is what is left to the point, not to the centre.
    assert math.hypot(loop.command.x_rad, loop.command.y_rad) < 0.1e-6
