"""What the public channel owes its user, on the emulator in process and behind TCP."""

from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray
from wire import LoopbackTransport

from drivers.classical_link import MOST_CLICKS, FramedClassicalLink
from drivers.protocols import PartnerNote, SiftReply, TallyReport
from sim_devices.classical_link import ClassicalLinkEmulator
from sim_devices.emulator import InProcessTransport, SimClock

T0_NS = 1_800_000_000 * 10**9
MS_NS = 1_000_000
LATENCY_NS = 30 * MS_NS
U8 = NDArray[np.uint8]


class Partner:
    """Tells of every slot what follows from its number; keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[list[int], list[int], list[int]]] = []
        self.notes: list[tuple[int, int]] = []

    @staticmethod
    def memory(slot: NDArray[np.int64], disclose: U8) -> tuple[U8, U8, U8]:
        basis = (slot & 1).astype(np.uint8)
        intensity = (slot % 3).astype(np.uint8)
        bit = np.where(disclose, (slot >> 1) & 1, 255).astype(np.uint8)
        return basis, intensity, bit

    def answer(self, slot: NDArray[np.int64], basis: U8, disclose: U8) -> tuple[U8, U8, U8]:
        self.asked.append((slot.tolist(), basis.tolist(), disclose.tolist()))
        return self.memory(slot, disclose)

    def noted(self, kind: int, note_t_ns: int) -> None:
        self.notes.append((kind, note_t_ns))


class Bench:
    """A driver, the partner behind the channel, and the clock of both."""

    def __init__(self, transport_class: type) -> None:
        self.clock = SimClock(T0_NS)
        self.partner = Partner()
        self.far_end = ClassicalLinkEmulator(self.partner, latency_ns=LATENCY_NS)
        self.before_next_poll = b""
        """Rubbish on the line."""
        self.flip_next_command = False
        self.transport = transport_class(self, self.clock)
        self.link = FramedClassicalLink(self.transport)
        self.rng = np.random.default_rng(5)

    def receive(self, data: bytes, t_ns: int) -> None:
        if self.flip_next_command:
            data = bytes([data[0] ^ 1]) + data[1:]
            self.flip_next_command = False
        self.far_end.receive(data, t_ns)

    def poll(self, t_ns: int) -> bytes:
        sent = self.before_next_poll + self.far_end.poll(t_ns)
        self.before_next_poll = b""
        return sent

    def announce(self, request: int, count: int = 5) -> tuple[NDArray[np.int64], U8, U8]:
        slot = np.sort(self.rng.integers(0, 1 << 40, count))
        basis, disclose = self.rng.integers(0, 2, (2, count)).astype(np.uint8)
        self.link.announce(request, slot, basis, disclose, self.clock.t_ns)
        return slot, basis, disclose

    def after(self, nanoseconds: int) -> list[SiftReply | TallyReport]:
        self.clock.t_ns += nanoseconds
        return self.link.poll(self.clock.t_ns)

    def reply_bytes(self, *requests: int) -> list[bytes]:
        """Replies as they left the partner, taken off the line."""
        frames = []
        for request in requests:
            self.announce(request)
            frames.append(self.far_end.poll(self.clock.t_ns + LATENCY_NS))
        return frames


@pytest.fixture(params=[InProcessTransport, LoopbackTransport], ids=["in_process", "tcp"])
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    bench = Bench(request.param)
    yield bench
    bench.link.close()


def test_nothing_before_the_first_reply(bench: Bench):
    assert bench.link.poll(bench.clock.t_ns) == []


@pytest.mark.parametrize("count", [0, 1, 5, 20_000])
def test_an_announcement_is_answered_after_the_latency(bench: Bench, count: int):
    slot, basis, disclose = bench.announce(7, count)
    assert bench.partner.asked == [(slot.tolist(), basis.tolist(), disclose.tolist())]
    assert bench.after(LATENCY_NS - 1) == []
    (reply,) = bench.after(1)
    assert reply.request == 7
    for told, known in zip(reply[1:], Partner.memory(slot, disclose), strict=True):
        assert told.dtype == np.uint8
        assert np.array_equal(told, known)
    assert bench.link.poll(bench.clock.t_ns) == []
    assert bench.link.health == (0, 0, 0, 0, "")


def test_slots_of_any_size(bench: Bench):
    slot = np.array([-(2**63), -1, 0, 2**63 - 1])
    none = np.zeros(4, np.uint8)
    bench.link.announce(2**32 - 1, slot, none, none, bench.clock.t_ns)
    assert bench.partner.asked[0][0] == slot.tolist()
    assert bench.after(LATENCY_NS)[0].request == 2**32 - 1


def test_every_code_goes_through(bench: Bench):
    """All 12 answers there are, and the bit that is kept."""

    class Codes:
        def answer(self, slot, basis, disclose):
            code = slot.astype(np.uint8)
            bit = np.where(code % 3 == 2, 255, code % 3)
            return code // 9 % 2, code // 3 % 3, bit.astype(np.uint8)

    bench.far_end = ClassicalLinkEmulator(Codes(), latency_ns=0)
    codes = np.arange(18)
    zero = np.zeros(18, np.uint8)
    bench.link.announce(1, codes, zero, zero, bench.clock.t_ns)
    (reply,) = bench.link.poll(bench.clock.t_ns)
    assert reply.basis.tolist() == [0] * 9 + [1] * 9
    assert reply.intensity.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2] * 2
    assert reply.bit.tolist() == [0, 1, 255] * 6


def test_a_tally_comes_unasked_after_the_latency(bench: Bench):
    counts = np.arange(28) * 10**12
    bench.far_end.tell(3, T0_NS, counts)
    assert bench.after(LATENCY_NS - 1) == []
    (tally,) = bench.after(1)
    assert (tally.seq, tally.t_ns) == (3, T0_NS)
    assert tally.counts.tolist() == counts.tolist()
    assert bench.link.health == (0, 0, 0, 0, "")


def test_tallies_and_replies_keep_their_order(bench: Bench):
    none = np.zeros(28, np.int64)
    bench.far_end.tell(1, T0_NS, none)
    bench.announce(8)
    bench.far_end.tell(2, T0_NS, none)
    assert [frame[0] for frame in bench.after(LATENCY_NS)] == [1, 8, 2]


def test_several_replies_in_one_poll(bench: Bench):
    for request in (1, 2, 3):
        bench.announce(request)
    assert [r.request for r in bench.after(LATENCY_NS)] == [1, 2, 3]


def test_out_of_order_and_repeated_replies_are_given_as_they_come(bench: Bench):
    first, second, third = bench.reply_bytes(1, 2, 3)
    bench.before_next_poll = third + first + first + second + third
    assert [r.request for r in bench.link.poll(bench.clock.t_ns)] == [3, 1, 1, 2, 3]


def test_a_reply_to_no_request_is_given_through(bench: Bench):
    (frame,) = bench.reply_bytes(99)
    bench.link = FramedClassicalLink(bench.transport)
    bench.before_next_poll = frame
    assert bench.link.poll(bench.clock.t_ns)[0].request == 99


def test_a_reply_with_a_flipped_bit_is_dropped_wherever_it_is(bench: Bench):
    bad, good = bench.reply_bytes(1, 2)
    for position in range(8 * len(bad)):
        flipped = bytearray(bad)
        flipped[position // 8] ^= 1 << position % 8
        # A length that grew is waited for; what follows fills it.
        bench.before_next_poll = bytes(flipped) + good
        given = bench.link.poll(bench.clock.t_ns)
        assert [r.request for r in given] == [2]
    assert bench.link.health.bad_frames > 0
    assert bench.link.health.last_error


def test_a_reply_cut_short_costs_only_itself(bench: Bench):
    cut, good, better = bench.reply_bytes(1, 2, 3)
    for size in range(len(cut)):
        bench.before_next_poll = cut[:size] + good + better
        assert [r.request for r in bench.link.poll(bench.clock.t_ns)] == [2, 3]


def test_a_corrupt_announcement_is_not_answered_and_the_next_one_is(bench: Bench):
    bench.flip_next_command = True
    bench.announce(1)
    bench.announce(2)
    assert [r.request for r in bench.after(LATENCY_NS)] == [2]
    assert len(bench.partner.asked) == 1


@pytest.mark.parametrize(
    ("request_number", "count", "basis_count"),
    [(-1, 1, 1), (2**32, 1, 1), (1, MOST_CLICKS + 1, MOST_CLICKS + 1), (1, 3, 2)],
)
def test_impossible_announcements_are_refused(
    bench: Bench, request_number: int, count: int, basis_count: int
):
    basis = np.zeros(basis_count, np.uint8)
    with pytest.raises(ValueError):
        bench.link.announce(request_number, np.zeros(count, np.int64), basis, basis, T0_NS)
    assert bench.partner.asked == []


SEEN, YOUR_TURN = 1, 2
NOTES = [(SEEN, T0_NS - 5), (YOUR_TURN, 0), (SEEN, 2**63 - 1)]


@pytest.mark.parametrize("note", NOTES)
def test_a_note_of_ours_arrives_after_the_latency(bench: Bench, note: tuple[int, int]):
    bench.link.tell(*note, bench.clock.t_ns)
    bench.after(LATENCY_NS - 1)
    assert bench.partner.notes == []
    bench.after(1)
    assert bench.partner.notes == [note]
    bench.after(LATENCY_NS)
    assert bench.partner.notes == [note]


@pytest.mark.parametrize("note", [*NOTES, (SEEN, -(2**63))])
def test_a_note_of_the_partner_arrives_after_the_latency(bench: Bench, note: tuple[int, int]):
    bench.far_end.note(*note, bench.clock.t_ns)
    bench.clock.t_ns += LATENCY_NS - 1
    assert bench.link.note(bench.clock.t_ns) is None
    bench.clock.t_ns += 1
    assert bench.link.note(bench.clock.t_ns) == PartnerNote(1, *note)
    assert bench.link.note(bench.clock.t_ns) is None
    assert bench.link.health == (0, 0, 0, 0, "")


def test_notes_are_numbered_and_only_the_newest_is_given(bench: Bench):
    for k in range(5):
        bench.far_end.note(SEEN, T0_NS + k, bench.clock.t_ns)
    bench.clock.t_ns += LATENCY_NS
    assert bench.link.note(bench.clock.t_ns) == PartnerNote(5, SEEN, T0_NS + 4)
    assert bench.link.note(bench.clock.t_ns) is None


def test_who_asks_for_notes_takes_no_reply_away_and_the_other_way_round(bench: Bench):
    """Two loops ask one link, each for its own frames."""
    bench.announce(1)
    bench.far_end.note(YOUR_TURN, T0_NS, bench.clock.t_ns)
    bench.announce(2)
    bench.clock.t_ns += LATENCY_NS
    assert bench.link.note(bench.clock.t_ns) == PartnerNote(1, YOUR_TURN, T0_NS)
    assert [r.request for r in bench.link.poll(bench.clock.t_ns)] == [1, 2]
    bench.announce(3)
    bench.far_end.note(SEEN, T0_NS, bench.clock.t_ns)
    assert [r.request for r in bench.after(LATENCY_NS)] == [3]
    assert bench.link.note(bench.clock.t_ns) == PartnerNote(2, SEEN, T0_NS)


def test_a_note_among_announcements_reaches_the_partner(bench: Bench):
    bench.announce(1)
    bench.link.tell(SEEN, T0_NS, bench.clock.t_ns)
    bench.flip_next_command = True
    bench.link.tell(YOUR_TURN, T0_NS, bench.clock.t_ns)
    bench.link.tell(YOUR_TURN, T0_NS + 1, bench.clock.t_ns)
    bench.announce(2)
    assert [r.request for r in bench.after(LATENCY_NS)] == [1, 2]
    assert bench.partner.notes == [(SEEN, T0_NS), (YOUR_TURN, T0_NS + 1)]


@pytest.mark.parametrize(
    "note", [(0, T0_NS), (3, T0_NS), (-1, T0_NS), (SEEN, -1), (YOUR_TURN, 2**63)]
)
def test_impossible_notes_are_refused(bench: Bench, note: tuple[int, int]):
    with pytest.raises(ValueError):
        bench.link.tell(*note, bench.clock.t_ns)
    bench.after(LATENCY_NS)
    assert bench.partner.notes == []


def _note_bytes(bench: Bench, *notes: tuple[int, int]) -> list[bytes]:
    """Notes as they left the partner, taken off the line."""
    frames = []
    for note in notes:
        bench.far_end.note(*note, bench.clock.t_ns)
        frames.append(bench.far_end.poll(bench.clock.t_ns + LATENCY_NS))
    return frames


def test_a_note_with_a_flipped_bit_is_dropped_wherever_it_is(bench: Bench):
    bad, good = _note_bytes(bench, (SEEN, T0_NS), (YOUR_TURN, T0_NS))
    for position in range(8 * len(bad)):
        flipped = bytearray(bad)
        flipped[position // 8] ^= 1 << position % 8
        bench.before_next_poll = bytes(flipped) + good
        assert bench.link.note(bench.clock.t_ns) == PartnerNote(2, YOUR_TURN, T0_NS)
        assert bench.link.note(bench.clock.t_ns) is None
    assert bench.link.health.bad_frames > 0


def test_a_note_cut_short_costs_only_itself(bench: Bench):
    cut, good, better = _note_bytes(bench, (SEEN, 1), (SEEN, 2), (SEEN, 3))
    for size in range(len(cut)):
        bench.before_next_poll = cut[:size] + good
        assert bench.link.note(bench.clock.t_ns) == PartnerNote(2, SEEN, 2)
    for piece in (better[:7], better[7:20], better[20:-1]):
        bench.before_next_poll = piece
        assert bench.link.note(bench.clock.t_ns) is None
    bench.before_next_poll = better[-1:]
    assert bench.link.note(bench.clock.t_ns) == PartnerNote(3, SEEN, 3)
