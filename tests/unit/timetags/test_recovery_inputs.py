"""What comes in may be anything: nothing raises, locks on it, or is changed in place."""

import numpy as np
import pytest
from clock_truth import START_NS, Truth, ticks
from hypothesis import given, settings
from hypothesis import strategies as st
from recovery_flight import PATTERN, SETTINGS

from terminal.quantum_messages import TimingSample
from terminal.timetags import recovery, tracking
from terminal.timetags.recovery import SEARCHING, TimingState
from terminal.timetags.tracking import Track


def test_only_open_gate_and_good_stream_count() -> None:
    for change in ({"gate_open": 0}, {"stream_defect": 1}):
        for valid in (0, 1):
            state = TimingState()
            for tick in ticks(Truth(PATTERN, seed=8), 1.0):
                sample = tick.sample._replace(pointing_valid=valid, **change)
                state, command = recovery.step(SETTINGS, state, sample)
                assert command.status == SEARCHING
                assert np.all(command.slot == -1)
            assert state.collected.u_s.size == 0


def test_same_input_gives_the_same_bits_and_nothing_is_changed_in_place() -> None:
    samples = [tick.sample for tick in ticks(Truth(PATTERN, seed=9), 2.0)]
    for sample in samples:
        sample.time_ps.flags.writeable = False
        sample.channel.flags.writeable = False

    def bits() -> list[bytes]:
        state, out = TimingState(), []
        for sample in samples:
            before = state
            frozen = [np.array(x) for x in (before.public_counts, before.collected.u_s)]
            state, command = recovery.step(SETTINGS, state, sample)
            np.testing.assert_array_equal(before.public_counts, frozen[0])
            np.testing.assert_array_equal(before.collected.u_s, frozen[1])
            out.append(b"".join(np.asarray(x).tobytes() for x in command))
        return out

    assert bits() == bits()


ANY_FLOAT = st.floats(allow_nan=True, allow_infinity=True)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 10**10),
            ANY_FLOAT | st.floats(0.0, 0.01),
            ANY_FLOAT | st.floats(-3e-5, 3e-5),
            st.lists(st.integers(-(2**63), 2**63 - 1) | st.integers(0, 10**12), max_size=100),
            st.integers(0, 255),
            st.integers(0, 1),
        ),
        max_size=8,
    ),
    st.booleans(),
)
def test_nothing_that_comes_in_raises(
    rows: list[tuple[int, float, float, list[int], int, int]], tracking_already: bool
) -> None:
    state = TimingState()
    if tracking_already:
        mixture = tracking.Mixture(0.8, 2e-10)
        covariance = np.diag([1e-22, 1e-20, 1e-20, 0.0])
        state = state._replace(track=Track(0.0, 0.0, 0.0, 0.0, 0.0, covariance, mixture))
    for after_ns, delay_s, rate, times, channel, valid in rows:
        sample = TimingSample(
            START_NS + after_ns,
            valid,
            delay_s,
            rate,
            1,
            0,
            np.array(times, dtype=np.int64),
            np.full(len(times), channel, dtype=np.uint8),
        )
        state, command = recovery.step(SETTINGS, state, sample)
        assert command.slot.size == len(times)
        assert np.isfinite(command.phase_sigma_s)


MAD_CLICKS = {
    "all at one instant": lambda rng, n: np.full(n, 99_000_000_000),
    "two instants": lambda rng, n: np.sort(rng.integers(0, 2, n)) * 10**11,
    "few slots": lambda rng, n: np.sort(rng.integers(0, 20, n)) * 5000,
    "every slot": lambda rng, n: 5000 * np.arange(n),
    "evenly": lambda rng, n: np.linspace(0, 99_000_000_000, n).astype(np.int64),
    "in no order": lambda rng, n: rng.integers(0, 10**11, n),
    "from before": lambda rng, n: rng.integers(-8 * 10**11, 10**11, n),
    "in steps of two slots": lambda rng, n: np.sort(rng.integers(0, 10**7, n)) * 10_000,
}


@pytest.mark.parametrize("times", MAD_CLICKS)
@pytest.mark.parametrize("valid", [0, 1])
@pytest.mark.parametrize("one_channel", [False, True])
def test_a_mad_detector_neither_locks_nor_raises(times: str, valid: int, one_channel: bool) -> None:
    rng = np.random.default_rng(16)
    state = TimingState()
    for k in range(1, 21):
        n = int(rng.integers(1, 400))
        channel = np.full(n, 2) if one_channel else rng.integers(0, 4, n)
        sample = TimingSample(
            START_NS + k * 100_000_000, valid, 2e-3, 1e-6, 1, 0,
            (k - 1) * 10**11 + MAD_CLICKS[times](rng, n), channel.astype(np.uint8),
        )  # fmt: skip
        state, command = recovery.step(SETTINGS, state, sample)
        assert command.status == SEARCHING
        assert np.all(command.slot == -1)
