"""What the clock's lock has to show: streams of many kinds, and of none."""

import math
from typing import NamedTuple

from benchmarks.clock_streams import Stream

NO_JERK, LOW_ORBIT_JERK, FREE_JERK = 0.0, 5e-9, math.inf
"""One sigma about zero, 1/s^2: what is taken as known of the jerk by the bound on the frequency's
error. A straight fly-by at speed v and distance d has 0.859 v^3 / (c d^2) at most, by the third
derivative of hypot(d, v t) at v t = d / 2: 3.4e-9 at 600 km and 7500 m/s, 5e-9 at 490 km."""


class Case(NamedTuple):
    """Streams of one kind, and what the clock has to show on them."""

    name: str
    stream: Stream
    public_share: float = 1.0
    length: int = 2**20
    lock: bool = True
    """False: a wrong lock is all that can be judged."""
    jerk_per_s2: float | None = None
    """What the bound on the frequency's error takes as known of the jerk, one sigma about zero;
    None: the frequency is not judged."""
    other_pattern: bool = False
    """The stream has another pattern than the one looked for."""
    file: bool = False
    max_clicks: int | None = None
    seeds_share: float = 1.0
    """Of the seeds asked for, where a stream takes long."""


_FEW = Stream(clicks=300)
_MANY = Stream(clicks=1000, background=0.5, rate_hz=1500.0)
_REST = Stream(speed_m_s=0.0)
_CHIRP = _REST._replace(frequency_offset=2e-5, drift_per_s=4e-7)
_LIMITS = _FEW._replace(speed_m_s=0.0, frequency_offset=3e-5, drift_per_s=5e-7)
_SHORT = 2**16
_TENTH = _FEW._replace(clicks=3000, rate_hz=4000.0)
CASES = (
    Case("lock: 500 cps, 30 %, 0.49 s", Stream(background=0.3)),
    Case("lock: 500 cps, 30 %, 0.49 s, file", Stream(background=0.3), file=True),
    Case("lock: 300 clicks, 20 %, 2^16", _FEW, length=_SHORT),
    Case("lock: 300 clicks, 20 %, 2^20", _FEW),
    Case("lock: 300 clicks, 20 %, 2^24", _FEW, length=2**24, seeds_share=0.1),
    Case("lock: 300 clicks, 20 %, 5 ns", _FEW._replace(slot_period_s=5e-9)),
    Case(
        "lock: 300 clicks, 20 %, --max-clicks",
        _FEW._replace(clicks=1200),
        file=True,
        max_clicks=300,
    ),
    Case("lock: 300 of 3000 public, 20 %", _TENTH, 0.1),
    Case("lock: 300 of 3000 public, 20 %, 2^24", _TENTH, 0.1, 2**24, seeds_share=0.1),
    Case("lock: 1000 clicks, 50 %, 2^16", _MANY, length=_SHORT),
    Case("lock: 1000 clicks, 50 %, 2^20", _MANY),
    Case("lock: 1000 clicks, 50 %, 2^24", _MANY, length=2**24, seeds_share=0.1),
    Case(
        "lock: 1000 clicks, 50 %, --max-clicks",
        _MANY._replace(clicks=3000),
        file=True,
        max_clicks=1000,
    ),
    Case("lock: 1000 of 10000 public, 50 %", _MANY._replace(clicks=10000, rate_hz=2e4), 0.1),
    Case("lock: 300 clicks, 100 cps, 20 %", _FEW._replace(rate_hz=100.0, start_s=-40.0)),
    Case("lock: 1000 clicks, 100 cps, 50 %", _MANY._replace(rate_hz=100.0, start_s=-40.0)),
    Case("lock: 1000 clicks, 1 Mcps, 20 %", _FEW._replace(clicks=1000, rate_hz=1e6)),
    Case("lock: +30 ppm, +5e-7 /s", _LIMITS),
    Case("lock: -30 ppm, -5e-7 /s", _LIMITS._replace(frequency_offset=-3e-5, drift_per_s=-5e-7)),
    Case("lock: +30 ppm, -5e-7 /s", _LIMITS._replace(drift_per_s=-5e-7)),
    Case("frequency: 20 %", _REST._replace(clicks=300), length=_SHORT, jerk_per_s2=NO_JERK),
    Case("frequency: fly-by, 20 %", _FEW, length=_SHORT, jerk_per_s2=LOW_ORBIT_JERK),
    Case(
        "frequency: chirp, 50 %",
        _CHIRP._replace(clicks=1000, background=0.5, rate_hz=1500.0),
        length=_SHORT,
        jerk_per_s2=NO_JERK,
    ),
    Case(
        "frequency: 100 cps, largest jerk, 20 %",
        _FEW._replace(rate_hz=100.0, start_s=-40.0),
        length=_SHORT,
        jerk_per_s2=LOW_ORBIT_JERK,
    ),
    Case(
        "frequency: chirp, 20 %, file, 0.6 s",
        _CHIRP._replace(span_s=0.6),
        length=_SHORT,
        jerk_per_s2=NO_JERK,
        file=True,
    ),
    Case(
        "frequency: chirp, 50 %, file, 0.7 s",
        _CHIRP._replace(background=0.5, rate_hz=1500.0, span_s=0.7),
        length=_SHORT,
        jerk_per_s2=NO_JERK,
        file=True,
    ),
    Case(
        "frequency: chirp, 50 %, file, 5 s",
        _CHIRP._replace(background=0.5, rate_hz=1500.0, span_s=5.0),
        length=_SHORT,
        jerk_per_s2=NO_JERK,
        file=True,
    ),
    Case(
        "frequency: fly-by, 30 %, file, 0.6 s",
        Stream(background=0.3, span_s=0.6),
        length=_SHORT,
        jerk_per_s2=NO_JERK,
        file=True,
    ),
    Case(
        "frequency: fly-by, 20 %, file, 3 s",
        Stream(rate_hz=1500.0, span_s=3.0),
        length=_SHORT,
        jerk_per_s2=FREE_JERK,
        file=True,
    ),
    Case("none: noise", _FEW._replace(background=1.0, clicks=600), length=_SHORT, lock=False),
    Case(
        "none: noise, 2 kcps",
        _FEW._replace(background=1.0, clicks=400, rate_hz=2000.0),
        length=_SHORT,
        lock=False,
    ),
    Case(
        "none: noise, 1 Mcps",
        _FEW._replace(background=1.0, clicks=5000, rate_hz=1e6),
        length=_SHORT,
        lock=False,
    ),
    Case(
        "none: noise, file, 1.1 s",
        Stream(background=1.0, rate_hz=300.0, span_s=1.1),
        length=_SHORT,
        lock=False,
        file=True,
    ),
    Case("none: wrong pattern", _FEW, length=_SHORT, lock=False, other_pattern=True),
    Case(
        "none: wrong pattern, 1500 clicks",
        _FEW._replace(clicks=1500, rate_hz=3000.0),
        length=_SHORT,
        lock=False,
        other_pattern=True,
    ),
    Case(
        "none: wrong pattern, 10 % public",
        _TENTH,
        0.1,
        length=_SHORT,
        lock=False,
        other_pattern=True,
    ),
    Case(
        "none: wrong pattern, file, 1.5 s",
        Stream(span_s=1.5),
        length=_SHORT,
        lock=False,
        other_pattern=True,
        file=True,
    ),
    Case("none: too weak, 60 clicks", _FEW._replace(clicks=60), length=_SHORT, lock=False),
    Case("none: too weak, 90 clicks", _FEW._replace(clicks=90), length=_SHORT, lock=False),
    Case(
        "none: too weak, 90 % background",
        _FEW._replace(clicks=1500, rate_hz=4000.0, background=0.9),
        length=_SHORT,
        lock=False,
    ),
    Case(
        "none: too weak, 80 % background",
        _FEW._replace(clicks=1000, rate_hz=2000.0, background=0.8),
        length=_SHORT,
        lock=False,
    ),
    Case("none: too weak, 35 % errors", _FEW._replace(error_rate=0.35), length=_SHORT, lock=False),
    Case("none: too weak, 1 % public", _FEW, 0.01, length=_SHORT, lock=False),
    Case(
        "none: too weak, 1.3 ns jitter, 5 ns",
        _FEW._replace(jitter_s=1.3e-9, slot_period_s=5e-9, clicks=1000, rate_hz=2000.0),
        length=_SHORT,
        lock=False,
    ),
)
