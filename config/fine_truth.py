"""The true position sensor and fast steering mirror: what the fine loop has to find out.

The defaults are devices as the terminal believes them to be. Source of the formulas:
`sim_devices.position_sensor` and `sim_devices.mirror_drive`.
"""

from typing import Annotated, Literal

from msgspec import Meta

from config.fields import Count, NonNegative, Positive, Spec

Turn = Annotated[float, Meta(ge=-3.2, le=3.2)]
"""Radians, counter-clockwise as the sky is seen."""


class QuadTruth(Spec, frozen=True):
    """The four-channel position sensor behind the mirror."""

    kind: Literal["quad_cell", "lateral_effect"] = "quad_cell"
    """Four quadrants under a spot, or a sheet that divides the photocurrent by distance."""
    spot_scale: Positive = 1.0
    """True spot over `terminal.optics.quad_spot_rad`; of a quad cell."""
    half_length_rad: Positive = 1.0e-3
    """From the middle to the electrodes, on the sky; of a lateral-effect detector. The terminal
    reads it right with quad_spot_rad = sqrt(8/pi) half_length_rad."""
    rotation_rad: Turn = 0.0
    """Of its axes against those of the sky."""
    cross_talk: Annotated[float, Meta(ge=0, lt=0.25)] = 0.0
    """Share of each channel's light that each of the three others shows instead."""
    channel_gains: tuple[Positive, Positive, Positive, Positive] = (1.0, 1.0, 1.0, 1.0)
    """Of a, b, c, d."""
    background_counts: NonNegative = 0.0
    """Of light that is no beacon and lies evenly on the sensor: sum of the four channels."""
    electrons_per_count: NonNegative = 0.0
    """Of the photocurrent, for its shot noise. 0: no shot noise."""


class MirrorTruth(Spec, frozen=True):
    """Fast steering mirror and the latency of the loop."""

    resonance_hz: Positive
    damping: Positive
    delay_samples: Annotated[int, Meta(ge=1, le=20)]
    """Scans between a reading and the first one that its command can change."""
    gain: tuple[Positive, Positive] = (1.0, 1.0)
    """True angle over the commanded one, x and y."""
    rotation_rad: Turn = 0.0
    """Of its axes against those of the sky."""
    cross_coupling: tuple[float, float] = (0.0, 0.0)
    """Share of a command in x by which y turns too, and of one in y by which x does."""
    reach: Annotated[float, Meta(gt=0, le=1)] = 1.0
    """Share of `terminal.optics.mirror_stroke_rad` at which it meets its stop."""
    max_rate_rad_s: NonNegative = 0.0
    """Slew rate of its amplifier, per axis on the sky. 0: no limit."""
    hysteresis: Annotated[float, Meta(ge=0, le=0.3)] = 0.0
    """Width of the open loop's hysteresis at the centre, over the full travel."""
    dac_step_counts: Count = 1
    """Commands are rounded to multiples of this: 16 for a converter of 12 bits."""
