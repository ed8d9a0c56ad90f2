"""What one call of the devices in the fine loop costs: driver and emulator in one process."""

from collections.abc import Callable
from statistics import median
from time import perf_counter_ns

from drivers.mirror_iio import IioMirror
from drivers.quad_iio import IioQuad
from sim_devices.emulator import InProcessTransport, SimClock
from sim_devices.mirror_iio import IioMirrorEmulator
from sim_devices.quad_iio import IioQuadEmulator

START_NS = 1_800_000_000 * 10**9
PERIOD_NS = 200_000
CALLS = 5000
ROUNDS = 9


def cost_us(call: Callable[[], None]) -> float:
    """Median over rounds of the mean cost of a call, the empty loop taken off."""

    def round_ns(once: Callable[[], None]) -> float:
        start = perf_counter_ns()
        for _ in range(CALLS):
            once()
        return (perf_counter_ns() - start) / CALLS

    def nothing() -> None:
        pass

    return (
        median(round_ns(call) for _ in range(ROUNDS))
        - median(round_ns(nothing) for _ in range(ROUNDS))
    ) / 1000


def measure() -> dict[str, float]:
    """Microseconds by what was called."""
    clock = SimClock(START_NS)
    adc, dac = IioQuadEmulator(), IioMirrorEmulator()
    quad = IioQuad(InProcessTransport(adc, clock))
    mirror = IioMirror(InProcessTransport(dac, clock), counts_per_rad=1e7)

    def tick() -> None:
        clock.t_ns += PERIOD_NS
        adc.push(clock.t_ns, 1000, 2000, 3000, 4000)

    def push_and_read() -> None:
        tick()
        adc.poll(clock.t_ns)

    def push_and_poll() -> None:
        tick()
        quad.poll(clock.t_ns)

    def command() -> None:
        mirror.command(1234, -4321, clock.t_ns)

    def dac_alone() -> None:
        dac.receive(b"\x01\x02\x03\x04", clock.t_ns)

    push_and_poll()  # the first two scans find the alignment
    push_and_poll()
    emulator, both = cost_us(push_and_read), cost_us(push_and_poll)
    push_and_poll()
    return {
        "quad: emulator's push and poll": emulator,
        "quad: push, then driver's poll through to the emulator": both,
        "quad: of that, driver and transport": both - emulator,
        "mirror: emulator's receive": cost_us(dac_alone),
        "mirror: driver's command through to the emulator": cost_us(command),
    }


def main() -> None:
    for what, microseconds in measure().items():
        print(f"{what:55s} {microseconds:6.2f} us")


if __name__ == "__main__":
    main()
