"""The key hand-over of a flight: takes the ticks of two loops, outside of any loop's tick."""

from collections import deque
from typing import Any

from config.handover import Handover
from config.mission import Mission
from config.pattern import public_pattern
from terminal.bus import Bus
from terminal.handover import streams
from terminal.handover.publisher import Publisher
from terminal.handover.streams import TimingTick
from terminal.window import Window


class KeyHandover:
    """Sends what the timing and link rings of `bus` get from now on."""

    def __init__(self, settings: Handover, mission: Mission, bus: Bus, window: Window) -> None:
        """Raises InputError as `Publisher` does."""
        source = mission.source
        self._pattern = public_pattern(
            source.pattern_length, source.public_share, source.pattern_seed
        )
        self._begin = streams.begin(mission, window.start_tai_ns, window.end_tai_ns)
        self._bus = bus
        self._publisher = Publisher(settings)
        # In an uplink the partner has the clicks.
        receives = mission.direction == "downlink"
        self._timing: deque[TimingTick] = bus.timing.subscribe() if receives else deque()
        self._link = bus.link.subscribe()
        self._began = False
        self._t_ns = window.start_tai_ns

    @property
    def endpoint(self) -> str:
        """As bound, with the port that was chosen where the URL left it open."""
        return self._publisher.endpoint

    def drain(self, t_ns: int) -> None:
        """Send what has come since the last call; TAI ns. Never waits for a reader."""
        self._t_ns = t_ns
        send = self._publisher.send
        if self._publisher.listen() or not self._began:
            # For who comes late: what was agreed, and from which numbers on it will hear.
            self._began = True
            sequence = self._publisher.sequence
            told = {**self._begin, "next_sequence": {s: sequence[s] for s in ("raw", "sifted")}}
            send("begin", t_ns, told, {})
        timing, link = list(self._timing), list(self._link)
        self._timing.clear()
        self._link.clear()
        for stream, body in (
            ("raw", streams.raw(timing, self._pattern)),
            ("sifted", streams.sifted(link)),
        ):
            if body is not None:
                send(stream, t_ns, *body)
        send("estimate", t_ns, streams.estimate(self._bus.link.command), {})

    def close(self) -> None:
        """Send the rest and the end, and give readers a moment to take it."""
        try:
            self.drain(self._t_ns)
            told = {
                "next_sequence": dict(self._publisher.sequence),
                "overflows_by_stream": dict(self._publisher.overflows),
            }
            self._publisher.send("end", self._t_ns, told, {})
        finally:
            self._publisher.close()

    def told(self) -> dict[str, Any]:
        """For the summary."""
        return {
            "messages": dict(self._publisher.sequence),
            "overflows": dict(self._publisher.overflows),
            "clients_refused": self._publisher.refused,
        }
