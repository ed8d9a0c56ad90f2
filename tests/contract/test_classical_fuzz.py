"""Notes of a search among any bytes at all, at both ends of the public channel."""

from hypothesis import given, settings
from hypothesis import strategies as st
from wire import ScriptedTransport

from drivers.classical_link import FramedClassicalLink, encode_note
from sim_devices.classical_link import ClassicalLinkEmulator

T0_NS = 1_800_000_000 * 10**9


class Partner:
    """Keeps the notes; nothing in here announces clicks."""

    def __init__(self) -> None:
        self.notes: list[tuple[int, int]] = []

    def answer(self, slot, basis, disclose):
        raise AssertionError("no announcement was sent")

    def noted(self, kind: int, note_t_ns: int) -> None:
        self.notes.append((kind, note_t_ns))


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.binary(max_size=60)
        | st.sampled_from([b"QL01", b"QL01\x04", b"QL01\x04\x01\x00\x00\x00"])
        | st.tuples(st.integers(1, 2), st.integers(0, 2**63 - 1)),
        max_size=12,
    ),
    st.integers(1, 40),
)
def test_of_any_bytes_only_whole_notes_are_taken_and_none_of_these_is_lost(
    parts: list[bytes | tuple[int, int]], piece: int
):
    """Both ends; after rubbish that looks like the beginning of a frame, its end is waited for."""
    partner = Partner()
    far_end = ClassicalLinkEmulator(partner, latency_ns=0)
    sent = [encode_note(1, *p) if isinstance(p, tuple) else p for p in parts]
    told = [p for p in parts if isinstance(p, tuple)]
    # What completes the longest frame that the rubbish may have begun.
    line = b"".join(sent) + bytes(30)
    link = FramedClassicalLink(
        ScriptedTransport(*(line[i : i + piece] for i in range(0, len(line), piece)))
    )
    heard = []
    for start in range(0, len(line), piece):
        far_end.receive(line[start : start + piece], T0_NS)
        far_end.poll(T0_NS)
        if note := link.note(T0_NS):
            heard.append((note.kind, note.t_ns))
    assert all(note in told for note in heard)
    assert all(note in told for note in partner.notes)
    if piece <= 29 and not any(isinstance(p, bytes) and b"QL01" in p for p in parts):
        # No two notes end in one piece: none hides another.
        assert heard == told
        assert partner.notes == told
