"""S-Fifteen time tagger (TDC2, timestamp7): its a1 stream of 64-bit words.

Source: fpfind's published format notes and test files. Words are little-endian, low half first.
Bits 63..10: time in units of 1/256 ns; bit 4: marker, no detection, whatever bits 3..0 say; bits
3..0: detectors, several at once in a coincidence; bits 9..5 carry no meaning here [?].
[P] In tests/data/timestamp7_c14_rollover (one card, 1000 words) a marker comes every 131.072 us
(2^25 units), and some words come up to 97 us too late behind later ones: disorder within a marker's
period is the card's own and no defect. What makes it is not documented [?].
The time wraps after 2^54 units, 19.5 h: that shows as a step back.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from drivers.protocols import Health, TagBlock
from drivers.transport import Transport

WORD = np.dtype("<u8")
WORD_BYTES = 8
UNITS_PER_NS = 256
MARKER_BIT = np.uint64(1 << 4)
EVENT_BITS = np.uint64(0b11111)
DETECTOR_BITS = np.arange(4, dtype=np.uint64)

DISORDER_UNITS = 1 << 25
"""Words may come so much too late."""
AHEAD_NS = 1_000_000_000
"""No click is from the future: a stream that runs further ahead of the time that has passed is
misaligned. Also the longest step within a run of words that shows where words begin."""
RUN_WORDS = 4
LONGEST_UNITS = 1 << 62
SEARCH_BYTES = RUN_WORDS * WORD_BYTES + WORD_BYTES - 1
"""Fewer bytes can't show all eight alignments."""
WINDOW_BYTES = 4096
"""Looked at together in a search."""
SEARCHES_A_POLL = 16
BACKLOG_BYTES = 1 << 23
"""A million words; what waits beyond is dropped. Both bound the cost of a poll."""

Times = NDArray[np.int64]


def times_of(words: NDArray[np.uint64]) -> Times:
    """Times of words in units of 1/256 ns; below 2^54."""
    return (words >> np.uint64(10)).astype(np.int64)


def picoseconds(units: Times) -> Times:
    """Nearest ps (halves up) of times in 1/256 ns: 1000/256 = 125/32, and 2^54 * 125 < 2^63."""
    return (units * 125 + 16) >> 5


def clicks_of(words: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """(index of the word, channel 0..3) of every click; one for each detector bit, markers none."""
    hit = ((words[:, None] >> DETECTOR_BITS) & np.uint64(1)).astype(bool)
    hit[(words & MARKER_BIT) != 0] = False
    index, channel = np.nonzero(hit)
    return index, channel.astype(np.uint8)


class Run(NamedTuple):
    """Words in a row that make sense together, at one alignment."""

    position: int
    """Of the first, in bytes."""
    words: int
    time: int
    """Of the first, units."""
    span: int
    """From the first to the last of RUN_WORDS, units."""


def runs_in(data: bytes) -> list[Run]:
    """The first run of each of the eight alignments, where there is one.

    Words make sense that have a detector or marker bit, and whose times neither step back nor far
    ahead. A wrong alignment takes bits of time for flags, and flags of the next word for the top of
    its time: it lasts only while those happen to agree.
    """
    runs: list[Run] = []
    for offset in range(WORD_BYTES):
        count = (len(data) - offset) // WORD_BYTES
        if count < RUN_WORDS:
            break
        words = np.frombuffer(data, WORD, count, offset)
        time, event = times_of(words), (words & EVENT_BITS) != 0
        step = np.diff(time)
        good = (step >= -DISORDER_UNITS) & (step <= AHEAD_NS * UNITS_PER_NS)
        good &= event[1:] & event[:-1]
        starts = np.flatnonzero(good[:-2] & good[1:-1] & good[2:])
        if starts.size:
            i = int(starts[0])
            ends = np.flatnonzero(~good[i:])
            length = int(ends[0]) + 1 if ends.size else count - i
            span = abs(int(time[i + RUN_WORDS - 1] - time[i]))
            runs.append(Run(offset + WORD_BYTES * i, length, int(time[i]), span))
    return runs


class A1Tagger:
    """drivers.protocols.TimeTagger on the a1 stream.

    The stream has no header: words begin where a run of them belongs together, and what is before
    counts as garbage. So the first words are held until there are enough of them to tell, and so
    are those after a break, which times that step back or run ahead make known. Times of a block
    are sorted; between blocks they may step back by the card's own disorder. `step_back`: by more.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._buffer = b""
        self._newest: int | None = None
        """Latest time accepted, units."""
        self._latest = 0
        """No word that fitted when they were last looked at could be later, units."""
        self._heard_ns = 0
        """When words were last accepted."""
        self._ran_ahead = False
        """So the stream broke last: by a time that can't have come yet."""
        self._seq = -1
        self._garbage_bytes = 0
        self._bad_frames = 0
        self._last_error = ""

    @property
    def health(self) -> Health:
        """bad_frames: how often the stream broke (a slip, or times that stepped)."""
        return Health(self._garbage_bytes, self._bad_frames, last_error=self._last_error)

    def close(self) -> None:
        self._transport.close()

    def poll(self, t_ns: int) -> TagBlock:
        self._buffer += self._transport.read()
        if len(self._buffer) > BACKLOG_BYTES:
            self._drop((len(self._buffer) - BACKLOG_BYTES) // WORD_BYTES * WORD_BYTES)
        step_back = False
        accepted = [self._take(t_ns)]
        for _ in range(SEARCHES_A_POLL):
            if len(self._buffer) < SEARCH_BYTES:
                break  # All taken, or too little to tell what is wrong: wait.
            runs = runs_in(self._buffer[:WINDOW_BYTES])
            if not runs:
                self._drop(min(len(self._buffer), WINDOW_BYTES) - SEARCH_BYTES + 1)
                continue
            self._drop(self._likeliest(runs).position)
            step_back |= self._restart(t_ns)
            accepted.append(self._take(t_ns))
        return self._block(np.concatenate(accepted), step_back)

    def _take(self, t_ns: int) -> NDArray[np.uint64]:
        """Cut off the words that fit what came before."""
        words = np.frombuffer(self._buffer, WORD, len(self._buffer) // WORD_BYTES)
        if not words.size or self._newest is None:
            return words[:0]
        time = times_of(words)
        passed_ns = max(0, t_ns - self._heard_ns) + AHEAD_NS
        self._latest = latest = min(self._newest + passed_ns * UNITS_PER_NS, LONGEST_UNITS)
        reached = np.maximum(np.maximum.accumulate(time), self._newest)
        fits = (time >= reached - DISORDER_UNITS) & (time <= latest) & ((words & EVENT_BITS) != 0)
        count = words.size if fits.all() else int(np.argmin(fits))
        self._ran_ahead = count < words.size and int(time[count]) > latest
        if count:
            self._newest, self._heard_ns = int(reached[count - 1]), t_ns
            self._buffer = self._buffer[count * WORD_BYTES :]
        return words[:count]

    def _likeliest(self, runs: list[Run]) -> Run:
        """Where the stream goes on: best from the time it had, else where words make most sense."""
        if self._newest is not None:
            earliest = self._newest - DISORDER_UNITS
            continuing = [run for run in runs if earliest <= run.time <= self._latest]
            if continuing:
                return min(continuing)
        first = min(runs).position
        near = [run for run in runs if run.position < first + WORD_BYTES]
        longest = max(run.words for run in near)
        likely = [run for run in near if run.words >= longest - 1]
        # A clock that was set keeps its alignment. One that ran ahead may have lost it: with a byte
        # too many in front, time runs 256 times too fast.
        same = [run for run in likely if run.position % WORD_BYTES == 0]
        if same and not self._ran_ahead:
            return same[0]
        return min(likely, key=lambda run: run.span)

    def _restart(self, t_ns: int) -> bool:
        """Go on from the word that the buffer begins with; True if that is a step back in time."""
        time = int.from_bytes(self._buffer[:WORD_BYTES], "little") >> 10
        before, self._newest, self._heard_ns = self._newest, time, t_ns
        if before is None:
            return False
        self._bad_frames += 1
        is_back = time < before - DISORDER_UNITS
        self._last_error = "time stepped back" if is_back else "stream slipped or ran ahead"
        return is_back

    def _drop(self, size: int) -> None:
        self._garbage_bytes += size
        self._buffer = self._buffer[size:]

    def _block(self, words: NDArray[np.uint64], step_back: bool) -> TagBlock:
        time = times_of(words)
        if not step_back and np.any(time[1:] < time[:-1]):
            order = np.argsort(time, kind="stable")
            words, time = words[order], time[order]
        index, channel = clicks_of(words)
        self._seq += 1
        return TagBlock(self._seq, picoseconds(time[index]), channel, step_back)
