"""The figures of the report in their order, each with what its caption says."""

import math
from collections.abc import Callable, Iterable, Sequence
from html import escape
from typing import Any

from matplotlib.figure import Figure

from hil import plots, plots_link
from hil.plot_series import Course, Span
from hil.plot_style import svg
from hil.report_data import FlightData
from hil.report_page import Card, section

Summary = dict[str, Any]

MOST_EVENTS = 15
"""Shown; the summary holds them all."""


def lookup(summary: Summary, *keys: str) -> Any:
    """A value deep in the summary, None where anything on the way is missing."""
    value: Any = summary
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def real(value: Any) -> float | None:
    """The value if it is a finite number, else None."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def pair(value: Any) -> tuple[float, float] | None:
    """[x, y] if both are finite numbers, else None."""
    numbers = [real(v) for v in value] if isinstance(value, list | tuple) else []
    if len(numbers) != 2 or numbers[0] is None or numbers[1] is None:
        return None
    return numbers[0], numbers[1]


def reals(value: Any) -> list[float]:
    """The numbers of a list, if all are finite; else none."""
    numbers = [real(v) for v in value] if isinstance(value, list | tuple) else []
    known = [n for n in numbers if n is not None]
    return known if len(known) == len(numbers) else []


def course_of(summary: Summary, data: FlightData) -> Course:
    """Time axis and modes; a flight without a length is drawn as one second."""
    spans = []
    for entry in _dicts(summary.get("modes")):
        start_s, end_s = real(entry.get("start_s")), real(entry.get("end_s"))
        if start_s is not None and end_s is not None:
            spans.append(Span(str(entry.get("mode")), start_s, end_s))
    recorded = data["truth"].t_s[-1:].tolist()
    duration_s = real(summary.get("simulated_s")) or max([0.0, *recorded])
    return Course(duration_s if duration_s > 0 else 1.0, tuple(spans))


def _dicts(value: Any) -> Iterable[dict[str, Any]]:
    return (v for v in value if isinstance(v, dict)) if isinstance(value, list) else ()


def safety_events(summary: Summary) -> list[tuple[float, str]]:
    """(time s, reasons in words)."""
    events = []
    for entry in _dicts(summary.get("safety_events")):
        t_s = real(entry.get("t_s"))
        names = entry.get("unsafe")
        words = ", ".join(str(n).lower().replace("_", " ") for n in names) if names else "unsafe"
        if t_s is not None:
            events.append((t_s, words))
    return events


def sections(summary: Summary, data: FlightData, course: Course, compute: Card) -> list[str]:
    """All figures, section by section, as HTML; and the card of computing times, made elsewhere.

    One arm of a pair source makes no key: its figures are left out.
    """
    makes_key = "arm" not in summary
    truth, timing, link = data["truth"], data["timing"], data["link"]
    events = safety_events(summary)[:MOST_EVENTS]
    bound = pair(summary.get("fine_bound_urad_rms"))

    def clock_known(name: str) -> float | None:
        return real(lookup(summary, "clock", name))

    def number_of(name: str) -> str:
        known = clock_known(name)
        return "an unknown number of" if known is None else f"{known:,.0f}"

    true_delays_ps = reals(lookup(summary, "clock", "channel_delays_true_ps"))
    oscillator = (
        clock_known("allan_deviation_1s_oscillator"),
        clock_known("allan_deviation_10s_oscillator"),
    )

    return [
        section(
            "The pass",
            [
                card(
                    "sky",
                    "Sky track",
                    lambda: plots.sky_track(course, truth),
                    "The partner's true direction: zenith in the centre, rim at the horizon, north "
                    "up, east right; rings every 30° of elevation. Coloured by mode, with the "
                    "seconds since the window opened.",
                ),
                card(
                    "timeline",
                    "Modes and events",
                    lambda: plots.mode_timeline(
                        course,
                        truth,
                        timing,
                        [(t_s, f"{n}") for n, (t_s, _) in enumerate(events, 1)],
                    ),
                    "Every stay in a mode over time in seconds; a pass without trouble goes down "
                    "the steps once and stays in LINK. Below: when the shutter was open, the clock "
                    f"locked, and the partner's beacon out. {_told(events)}",
                ),
            ],
        ),
        section(
            "Pointing and loss",
            [
                card(
                    "pointing",
                    "Pointing error, stage by stage",
                    lambda: plots.pointing_error(
                        course, truth, data["modes"], math.hypot(*bound) if bound else None
                    ),
                    "Above: true error in µrad rms, both axes together, on a logarithmic scale: "
                    "what the gimbal leaves, what the mirror leaves of that, and how far our own "
                    "beacon leaves from where the partner will be. Below, on a linear scale: the "
                    "error behind the mirror (grey), what the terminal believes it to be, and the "
                    "least that any controller could reach in this world's vibration and noise.",
                ),
                card(
                    "loss",
                    "Loss and range",
                    lambda: plots.loss_and_range(course, truth),
                    "Above: true loss in dB from the sender's aperture to a click, optics and "
                    "detectors included, jitter averaged out, as if the shutter were open. Below: "
                    "length of the light path in km. The loss follows the square of the range.",
                ),
            ],
        ),
        section(
            "Photons",
            [
                card(
                    "counts",
                    "Count rates",
                    lambda: plots_link.count_rates(course, timing, link),
                    "Clicks per second inside the time gate, outside it, and sifted, on a "
                    "logarithmic scale. In the gate: signal, which follows the loss. Out of it: "
                    "background, dark counts and the tails of the jitter; everything is out of "
                    "the gate while the clock is not locked.",
                ),
                *([_error_rate(summary, data, course)] if makes_key else []),
            ],
        ),
        section(
            "Clock and polarisation",
            [
                card(
                    "clock",
                    "Clock recovered from the photons",
                    lambda: plots_link.clock(
                        course, timing, truth, data.channel_delays_s, true_delays_ps
                    ),
                    "Above: the clock's frequency offset as estimated, less the true offset of our "
                    "oscillator, in parts per billion. What differs is Doppler that the ephemeris "
                    "does not predict: 1 ppb is 0.3 m/s. Middle, in ps on a logarithmic scale: the "
                    "clock's own 1σ of phase, the rms of clicks about their slots, which is the "
                    "detectors' jitter when all is well, and the half width of the gate, which "
                    "follows jitter and background. Bottom: by how many ps each detector's clicks "
                    "come late, about the mean of all, as found in the clicks and taken off; grey "
                    "the truth. A lost clock shows as a gap.",
                ),
                card(
                    "clock-quality",
                    "Background and stability",
                    lambda: plots_link.clock_quality(
                        course, timing, clock_known("background_true_hz"), oscillator
                    ),
                    "Above: background clicks per second, sky, dark counts and afterpulses "
                    "together, from the half of each slot far from its centre. Below: Allan "
                    "deviation of the recovered clock over 1 s and 10 s, from the last three "
                    "minutes, a constant drift taken out; it holds our oscillator, the sender's, "
                    "and Doppler that the ephemeris does not predict. Dashed: the background that "
                    "the world makes, and our oscillator alone, at 1 s (higher) and 10 s. The "
                    f"slots failed {number_of('audits_failed')} checks against the pattern; "
                    f"the clock was locked anew {number_of('relocks')} times.",
                ),
                card(
                    "polarisation",
                    "Polarisation frame",
                    lambda: plots_link.polarization(
                        course, data["guidance"], data["polarization"], truth
                    ),
                    "In degrees. Top: angle of the sender's H axis at the analyser, as geometry "
                    "predicts it and in truth. Then the correction that the photons add. Error: "
                    "what is left behind the wave plate in truth, in LINK. It should fall to zero "
                    "within seconds and stay. Phase: what mirrors, retarder and plate leave of an "
                    "ellipticity, in truth, in LINK; no turn of the plate undoes it. Where there "
                    "is a retarder it steps to and fro until it knows the phase.",
                ),
            ],
        ),
        section(
            "Key and computing time" if makes_key else "Computing time",
            [*([_secret_key(summary, data, course)] if makes_key else []), compute],
        ),
    ]


def card(name: str, title: str, draw: Callable[[], Figure], caption: str) -> Card:
    """A figure. name: unique on the page."""
    return Card(title, svg(draw(), name, escape(title)), caption)


def _error_rate(summary: Summary, data: FlightData, course: Course) -> Card:
    return card(
        "qber",
        "Error rate",
        lambda: plots_link.error_rate(
            course, data["link"], data["truth"], data.disclosed, real(summary.get("qber_true"))
        ),
        "Percent of the disclosed key-basis bits that are wrong: in windows of time with their 1σ, "
        "and over the pass so far. Dashed: what the world's truth implies for the whole pass. "
        "Grey: the part that the optics' frame and phase cause, half of what the true contrast of "
        "H and V lacks to 1.",
    )


def _secret_key(summary: Summary, data: FlightData, course: Course) -> Card:
    return card(
        "key",
        "Secret key, finite size",
        lambda: plots_link.secret_key(
            course, data["link"], real(summary.get("secret_key_bits_expected"))
        ),
        "Above: secret key in kbit if the pass ended at that moment; it starts late, because few "
        "clicks prove little. Dashed: the analytic link model for the whole pass. Below: upper "
        "bound of the phase error in percent, which falls as the statistics grow.",
    )


def _told(events: Sequence[tuple[float, str]]) -> str:
    """The safety events in words."""
    if not events:
        return "No safety event."
    told = "; ".join(f"{n}. {words} at {t_s:.1f} s" for n, (t_s, words) in enumerate(events, 1))
    return f"Vertical lines, safety events: {told}."
