"""Fidelity against limits, and against photons on a beam splitter, state by state."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from terminal.optics.fidelity import Arm, fidelity

BELL = np.array([1, 0, 0, 1]) / math.sqrt(2)
OTHERS = [np.array(v) / math.sqrt(2) for v in ((1, 0, 0, -1), (0, 1, 1, 0), (0, 1, -1, 0))]


def _kraus(eta, background):
    """What one photon's polarisation becomes where just one photon arrives.

    A beam splitter of transmittance eta mixes it with a background mode that holds nothing (1 - n)
    or one photon of either polarisation (n/2 each). Written from the amplitudes of each mode:
    t = sqrt(eta), r = i sqrt(1 - eta).
    """
    t, r = math.sqrt(eta), 1j * math.sqrt(1 - eta)
    for sky, share in ((None, 1 - background), (0, background / 2), (1, background / 2)):
        # Keyed by what leaves to the environment: amplitudes [arriving, sent].
        left: dict[tuple[int, ...], np.ndarray] = {}
        for sent in (0, 1):
            photons = [(sent, (t, r))] + ([] if sky is None else [(sky, (r, t))])
            for ports in itertools.product((0, 1), repeat=len(photons)):
                arriving = [p for (p, _), port in zip(photons, ports, strict=True) if port == 0]
                lost = [p for (p, _), port in zip(photons, ports, strict=True) if port == 1]
                if len(arriving) != 1:
                    continue
                amplitude = np.prod([a[port] for (_, a), port in zip(photons, ports, strict=True)])
                operator = left.setdefault(tuple(lost), np.zeros((2, 2), complex))
                operator[arriving[0], sent] += amplitude
        for operator in left.values():
            yield math.sqrt(share) * operator


def _by_states(first, second, source_fidelity):
    def project(v):
        return np.outer(v, v.conj())

    sent = source_fidelity * project(BELL)
    sent = sent + (1 - source_fidelity) / 3 * sum(project(v) for v in OTHERS)
    out = np.zeros((4, 4), complex)
    for a in _kraus(*first):
        for b in _kraus(*second):
            both = np.kron(a, b)
            out += both @ sent @ both.conj().T
    return float((BELL @ out @ BELL).real / np.trace(out).real)


@given(
    st.tuples(st.floats(1e-4, 1), st.floats(0, 0.05)),
    st.tuples(st.floats(1e-4, 1), st.floats(0, 0.05)),
    st.floats(0, 1),
)
def test_photons_on_a_beam_splitter(first, second, source_fidelity):
    expected = _by_states(first, second, source_fidelity)
    found = fidelity(Arm(*first), Arm(*second), source_fidelity)
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-12)


@given(st.floats(1e-6, 1), st.floats(1e-6, 1), st.floats(0, 1))
def test_loss_alone_leaves_the_fidelity(eta1, eta2, source_fidelity):
    found = fidelity(Arm(eta1, 0.0), Arm(eta2, 0.0), source_fidelity)
    assert found == pytest.approx(source_fidelity, abs=1e-12)


def test_drowned_is_a_quarter():
    assert fidelity(Arm(0.0, 1e-3), Arm(0.0, 1e-3)) == pytest.approx(0.25, abs=1e-12)
    assert fidelity(Arm(1e-9, 1e-3), Arm(1.0, 0.0)) == pytest.approx(0.25, abs=1e-5)


@given(st.floats(1e-3, 1), st.floats(0, 0.05), st.floats(1e-4, 0.05))
def test_more_background_is_worse(eta, background, more):
    bright = fidelity(Arm(eta, background + more), Arm(eta, background))
    assert 0.25 - 1e-12 <= bright <= fidelity(Arm(eta, background), Arm(eta, background)) + 1e-12


@pytest.mark.parametrize(
    ("arm", "source"),
    [(Arm(1.1, 0.0), 1.0), (Arm(-0.1, 0.0), 1.0), (Arm(0.5, 0.6), 1.0), (Arm(0.5, 0.0), 1.5),
     (Arm(0.0, 0.0), 1.0), (Arm(math.nan, 0.0), 1.0)],
)  # fmt: skip
def test_numbers_that_cannot_be(arm, source):
    with pytest.raises(ValueError, match=r"need|nothing"):
        fidelity(arm, Arm(0.5, 1e-3), source)
