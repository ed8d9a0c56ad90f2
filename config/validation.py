"""What no type can say about a scenario: fields that must fit each other, and plausible units."""

import math
from collections.abc import Iterator
from datetime import datetime, timedelta

from config.aim_checks import aim_problems, refraction_problems
from config.divergence_checks import EXPANDER, divergence_problems
from config.explain import meant
from config.handover import handover_problems
from config.mission import FixedWindow, PassWindow, PlatformPartner, SatellitePartner, Track
from config.polarization_checks import RETARDER, polarization_problems
from config.problem import Problem
from config.ranges import RANGES, unit_hint
from config.scenario import Scenario
from config.terminal import LEAST_SPAN, MIRROR_DAC_COUNTS, Device

DEVICE_ROLES = (
    "gimbal",
    "navigation",
    "camera",
    "quad",
    "mirror",
    "point_ahead",
    "waveplate",
    "tagger",
    "laser",
    "classical",
)
"""What every terminal is made of."""

OPTIONAL_ROLES = (EXPANDER, RETARDER, "polarimeter")

LATITUDE_LIMIT_DEG = 89.0
"""A flight path is laid out in metres east and north, which mean nothing at the poles."""

LATERAL_LIMIT_M_S2 = 50.0
"""No carrier of a terminal turns at more than 5 g."""

MIRROR_SCALE_TOLERANCE = 1e-3
"""Between the scale of a mirror and its stroke; more than rounding is a contradiction."""

DELAY_SIGMAS = 5.0
"""Of the detectors' delays, which have to lie within half a slot."""

PASS_LIMIT_S = 7200.0
"""No pass lasts longer."""


def find_problems(scenario: Scenario) -> Iterator[Problem]:
    """All that is wrong, in no order of weight; nothing if the scenario can be flown."""
    yield from _ranges(scenario)
    yield from _window(scenario)
    yield from _track("mission.track", scenario.mission.track)
    if isinstance(scenario.mission.partner, PlatformPartner):
        yield from _track("mission.partner.track", scenario.mission.partner.track)
    yield from _source(scenario)
    yield from _direction(scenario)
    yield from refraction_problems(scenario)
    yield from aim_problems(scenario)
    yield from _rates(scenario)
    yield from _mirror_answer(scenario)
    yield from _devices(scenario)
    yield from _stream_rates(scenario)
    yield from _gate(scenario)
    yield from handover_problems(scenario.terminal.handover, "terminal.handover")
    yield from _detector_delays(scenario)
    yield from _faults(scenario)


def _ranges(scenario: Scenario) -> Iterator[Problem]:
    for limit in RANGES:
        value: object = scenario
        for name in limit.key.split("."):
            value = getattr(value, name, None)
        if value is None:  # a field of another kind of partner or window
            continue
        several = isinstance(value, tuple)
        for i, number in enumerate(value if isinstance(value, tuple) else (value,)):
            key = f"{limit.key}[{i}]" if several else limit.key
            hint = unit_hint(key, number)
            if hint:
                yield Problem(key, f"{number:g} is outside {limit.low:g} to {limit.high:g}{hint}")


def _window(scenario: Scenario) -> Iterator[Problem]:
    window, partner = scenario.mission.window, scenario.mission.partner
    if isinstance(window, PassWindow):
        key, text = "mission.window.search_start_utc", window.search_start_utc
        if not isinstance(partner, SatellitePartner):
            yield Problem(
                "mission.window.kind",
                "best_pass needs a partner of kind satellite: use fixed for a platform",
            )
    else:
        key, text = "mission.window.start_utc", window.start_utc
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        yield Problem(key, f"{text[:40]!r} is no time: write it like 2026-06-21T22:15:00Z")
        return
    if moment.utcoffset() not in (None, timedelta(0)):
        yield Problem(key, f"{text[:40]!r} is not UTC: write it like 2026-06-21T22:15:00Z")


def _track(key: str, track: Track) -> Iterator[Problem]:
    if abs(track.latitude_deg) > LATITUDE_LIMIT_DEG:
        yield Problem(
            f"{key}.latitude_deg",
            f"{track.latitude_deg:g} is too near to a pole: at most {LATITUDE_LIMIT_DEG:g} degrees",
        )
    if track.radius_m > 0.0 and track.speed_m_s**2 / track.radius_m > LATERAL_LIMIT_M_S2:
        yield Problem(
            f"{key}.radius_m",
            f"{track.radius_m:g} is too tight a circle at {track.speed_m_s:g} m/s: is this in km?",
        )


def _source(scenario: Scenario) -> Iterator[Problem]:
    source = scenario.mission.source
    signal, decoy, vacuum = source.intensities
    if not (signal > decoy > vacuum and signal > decoy + vacuum):
        yield Problem(
            "mission.source.intensities",
            f"{signal:g}, {decoy:g}, {vacuum:g} must fall (signal, decoy, vacuum), and signal must "
            "exceed decoy + vacuum",
        )
    total = math.fsum(source.intensity_probabilities)
    if abs(total - 1.0) > 1e-9:
        yield Problem(
            "mission.source.intensity_probabilities",
            f"sum to {total:.10g} and must sum to 1",
        )
    if source.pattern_length.bit_count() != 1:
        below = 1 << (source.pattern_length.bit_length() - 1)
        yield Problem(
            "mission.source.pattern_length",
            f"{source.pattern_length} is no power of two: take {below} or {2 * below}",
        )
    if source.pairs is not None:
        yield from _track("mission.source.pairs.second_track", source.pairs.second_track)
        if scenario.mission.direction == "uplink":
            yield Problem(
                "mission.source.pairs",
                "pairs come from the partner to two terminals: leave them out of an uplink",
            )
    elif any(scenario.terminal.polarization.turns_rad):
        yield Problem(
            "terminal.polarization.turns_rad",
            "an analyser that is turned away from the sender's frame makes no key: only a link of "
            "entangled pairs (mission.source.pairs) is measured so",
        )


def _direction(scenario: Scenario) -> Iterator[Problem]:
    mission = scenario.mission
    if mission.direction == "uplink" and mission.receiver is None:
        yield Problem(
            "mission.receiver", "missing: an uplink needs the receive optics of the partner"
        )
    if mission.direction == "uplink" and mission.security.least_track_quality != "poor":
        yield Problem(
            "mission.security.least_track_quality",
            "means nothing in an uplink, where the partner chooses what counts: leave it out",
        )
    if mission.direction == "downlink" and mission.receiver is not None:
        yield Problem(
            "mission.receiver",
            "means nothing in a downlink, where terminal.optics receives: leave it out, or set "
            "mission.direction to uplink",
        )


def _rates(scenario: Scenario) -> Iterator[Problem]:
    rates = scenario.terminal.rates
    for name in rates.__struct_fields__:
        rate_hz: int = getattr(rates, name)
        if rates.fine_hz % rate_hz:
            yield Problem(
                f"terminal.rates.{name}",
                f"{rate_hz} does not divide the fine rate: {rates.fine_hz} must be a multiple",
            )


def _mirror_answer(scenario: Scenario) -> Iterator[Problem]:
    (a, b), (c, d) = scenario.terminal.fine.response.matrix
    if not abs(a * d - b * c) > LEAST_SPAN * (a * a + b * b + c * c + d * d):
        yield Problem(
            "terminal.fine.response.matrix",
            "both axes of the mirror move the light along nearly one line: it cannot be steered",
        )


def _devices(scenario: Scenario) -> Iterator[Problem]:
    devices = scenario.terminal.devices
    for name in devices:
        if name not in (*DEVICE_ROLES, *OPTIONAL_ROLES):
            hint = meant(name, [*DEVICE_ROLES, *OPTIONAL_ROLES])
            yield Problem(f"terminal.devices.{name}", f"no device of a terminal{hint}")
    for name in DEVICE_ROLES:
        if name not in devices:
            yield Problem(f"terminal.devices.{name}", "missing: every terminal has this device")
    yield from divergence_problems(scenario)
    yield from polarization_problems(scenario)
    yield from _camera(devices.get("camera"))
    for role, stroke_rad in (
        ("mirror", scenario.terminal.optics.mirror_stroke_rad),
        ("point_ahead", scenario.terminal.optics.point_ahead_stroke_rad),
    ):
        if role in devices:
            yield from _mirror(role, devices[role], stroke_rad)


def _camera(camera: Device | None) -> Iterator[Problem]:
    # The flight software needs the sensor's size and scale, and has them from the driver's options.
    for option, kind, least in (("columns", int, 16), ("rows", int, 16), ("pixel_rad", float, 0.0)):
        value = camera.options.get(option) if camera else least + 1
        if isinstance(value, bool) or not isinstance(value, kind) or value <= least:
            yield Problem(
                f"terminal.devices.camera.options.{option}",
                f"must be {'a whole number' if kind is int else 'a number'} over {least:g}, "
                f"is {value!r}",
            )


def _mirror(role: str, mirror: Device, stroke_rad: float) -> Iterator[Problem]:
    # The loops take the stroke for the whole range of the DAC; another scale would go unheard.
    scale = mirror.options.get("counts_per_rad")
    if not isinstance(scale, int | float) or isinstance(scale, bool):
        return  # missing or no number: the driver says so
    if abs(scale * stroke_rad / MIRROR_DAC_COUNTS - 1.0) > MIRROR_SCALE_TOLERANCE:
        yield Problem(
            f"terminal.devices.{role}.options.counts_per_rad",
            f"{scale:g} does not fit terminal.optics.{role}_stroke_rad: {stroke_rad:g} rad are the "
            f"DAC's {MIRROR_DAC_COUNTS} counts, so write {MIRROR_DAC_COUNTS / stroke_rad:g}",
        )


def _stream_rates(scenario: Scenario) -> Iterator[Problem]:
    # A device that streams at another rate than its loop runs looks as if scans or fixes were lost.
    rates, devices = scenario.terminal.rates, scenario.terminal.devices
    for role, loop, rate_hz in (
        ("quad", "fine_hz", rates.fine_hz),
        ("navigation", "pointing_hz", rates.pointing_hz),
        ("polarimeter", "polarization_hz", rates.polarization_hz),
    ):
        streamed = devices[role].options.get("rate_hz", rate_hz) if role in devices else rate_hz
        if streamed != rate_hz:
            yield Problem(
                f"terminal.devices.{role}.options.rate_hz",
                f"{streamed!r} is not terminal.rates.{loop}: write {rate_hz}",
            )


def _gate(scenario: Scenario) -> Iterator[Problem]:
    half_slot_s = 0.5 / scenario.mission.source.pulse_rate_hz
    gates_s = {"terminal.timing.gate_half_width_s": scenario.terminal.timing.gate_half_width_s}
    if scenario.mission.receiver:
        gates_s["mission.receiver.gate_half_width_s"] = scenario.mission.receiver.gate_half_width_s
    for key, gate_s in gates_s.items():
        if gate_s >= half_slot_s:
            yield Problem(
                key,
                f"{gate_s:g} must be under half a slot, {half_slot_s:g} s at "
                "mission.source.pulse_rate_hz",
            )
    timing = scenario.terminal.timing
    if timing.gate_least_half_width_s > timing.gate_half_width_s:
        yield Problem(
            "terminal.timing.gate_least_half_width_s",
            f"{timing.gate_least_half_width_s:g} must not be above gate_half_width_s, "
            f"{timing.gate_half_width_s:g}",
        )


def _detector_delays(scenario: Scenario) -> Iterator[Problem]:
    # The spread is one sigma. Over half a slot later a detector's clicks belong to the next slot.
    half_slot_s = 0.5 / scenario.mission.source.pulse_rate_hz
    delay_s = scenario.world.detectors.channel_delay_s
    if DELAY_SIGMAS * delay_s >= half_slot_s:
        yield Problem(
            "world.detectors.channel_delay_s",
            f"{delay_s:g} must be under a tenth of a slot, {half_slot_s / DELAY_SIGMAS:g} s at "
            "mission.source.pulse_rate_hz: it is one sigma, and clicks over half a slot late "
            "belong to the next",
        )


def _faults(scenario: Scenario) -> Iterator[Problem]:
    window = scenario.mission.window
    end_s = window.duration_s if isinstance(window, FixedWindow) else PASS_LIMIT_S
    for i, fault in enumerate(scenario.world.faults):
        if fault.at_s >= end_s:
            yield Problem(
                f"world.faults[{i}].at_s",
                f"{fault.at_s:g} is after the end of the window ({end_s:g} s): "
                "count from its start",
            )
