"""What the mirror loop keeps: one record, so that a compiled tick takes one argument for it."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from config.terminal import MIRROR_DAC_COUNTS, TerminalConfig
from terminal.control.mirror_response import MirrorResponse, inverse, steering

RING = 64
"""Scans whose model positions are kept: more than the longest delay, a power of two."""
CANDIDATES = 24
"""Delays that a probe tells apart, from one sample on: some more than may be configured."""
PATIENCE_S = 2.0
"""Between a probe that found all well and the next."""

_LOOP = np.dtype(
    [
        # From the configuration.
        ("tick_s", np.float64),
        ("spot_rad", np.float64),
        ("linear", np.int64),  # the detector's reading grows with the offset all over
        ("min_sum_counts", np.int64),
        ("drop_s", np.float64),
        ("stroke_rad", np.float64),
        ("counts_per_rad", np.float64),
        ("most_step_rad", np.float64),  # of a command, from one tick to the next
        ("delay", np.int64),
        ("from_command", np.float64, (2, 2)),  # the mirror's axes in the detector's
        ("to_command", np.float64, (2, 2)),
        ("steering", np.float64, 8),
        ("gain", np.float64),  # of the fallback
        # The mirror by its model, along the detector's axes, `delay` - 1 samples ahead.
        ("tick", np.int64),
        ("place", np.float64, 2),
        ("speed", np.float64, 2),
        ("sent_rad", np.float64, 2),  # the last command, along the detector's axes
        ("driven_rad", np.float64, 2),  # the same in whole counts: what moves the mirror
        ("command_rad", np.float64, 2),  # the same along the mirror's
        ("limited", np.int64),  # by the mirror's stroke
        ("at_stop", np.int64),  # the same when last the residual was as usual
        ("placed", np.float64, (2, RING)),  # by scan
        # The loop.
        ("closed", np.int64),
        ("closed_s", np.float64),
        ("dark_s", np.float64),
        ("last_scan_ns", np.int64),
        ("residual", np.float64, 2),
        ("mean_rad", np.float64, 2),  # low-passed command, along the detector's axes
        ("mean_square", np.float64),
        ("slow_square", np.float64),  # of the same over seconds, while all is well
        # The detector.
        ("background_counts", np.float64),  # sum of the channels without the beacon
        ("most_background", np.float64),
        ("last_scan", np.int64, 4),
        ("same_scans", np.int64),
        ("usual_repeats", np.float64),
        # Faults, and the probe that finds them.
        ("events", np.int64),
        ("verified", np.int64),
        ("suspect_s", np.float64),
        ("far_s", np.float64),
        ("wait_s", np.float64),  # until another probe may begin
        ("patience_s", np.float64),  # the next such wait
        ("probe_ticks", np.int64),  # left; 0: none is under way
        ("probe_open", np.int64),  # the mirror stands still but for the probe
        ("probe_register", np.int64),
        ("probe_size_rad", np.float64),
        ("chip", np.float64, 2),
        ("hold_rad", np.float64, 2),
        ("probe_place", np.float64, 2),
        ("probe_speed", np.float64, 2),
        ("probe_placed", np.float64, (2, RING)),  # by scan
        ("before", np.float64, 2),  # residual of the scan before
        ("before_known", np.int64),
        ("answer", np.float64, (2, 2, CANDIDATES)),  # residual, probe, delay
        ("asked", np.float64, (2, CANDIDATES)),
        ("heard", np.float64, 2),
        ("scans", np.int64),
    ],
    align=True,
)

LoopState = NDArray[Any]
"""(1,) of the record above."""


def response_of(config: TerminalConfig) -> MirrorResponse:
    """The mirror's answer as configured."""
    r = config.fine.response
    return MirrorResponse(r.matrix, r.resonance_hz, r.damping, r.delay_samples)


def new_state(config: TerminalConfig) -> LoopState:
    """A loop that is open.

    Raises:
        ValueError: a response by which the mirror cannot be steered.
    """
    response, rate_hz = response_of(config), float(config.rates.fine_hz)
    fine = config.fine
    state = np.zeros(1, _LOOP)
    state["tick_s"] = 1.0 / rate_hz
    state["linear"] = config.optics.position_detector == "lateral_effect"
    state["min_sum_counts"] = fine.min_sum_counts
    state["drop_s"] = fine.drop_s
    state["stroke_rad"] = config.optics.mirror_stroke_rad
    state["counts_per_rad"] = MIRROR_DAC_COUNTS / config.optics.mirror_stroke_rad
    state["most_step_rad"] = fine.max_rate_rad_s / rate_hz
    state["gain"] = fine.gain
    state["background_counts"] = fine.background_counts
    state["most_background"] = max(fine.background_counts, float(fine.min_sum_counts))
    set_response(state, response, config.optics.quad_spot_rad, rate_hz)
    state["patience_s"] = PATIENCE_S
    state["dark_s"] = 1.0
    state["mean_square"] = state["spot_rad"] ** 2
    state["usual_repeats"] = 1.0
    state["probe_register"] = 0xACE1
    return state


def set_response(
    state: LoopState, response: MirrorResponse, spot_rad: float, rate_hz: float
) -> None:
    """Takes a calibration: the mirror's commands are true radians, the detector's axes the sky's,
    so that what its matrix says of gain is the detector's, whose spot is as much larger or smaller.

    spot_rad: as configured.
    Raises:
        ValueError: a response by which the mirror cannot be steered.
    """
    back = np.array(inverse(response.matrix))
    gain = abs(float(np.linalg.det(response.matrix))) ** 0.5
    state["delay"] = response.delay_samples
    state["spot_rad"] = spot_rad / gain
    state["from_command"] = np.array(response.matrix) / gain
    state["to_command"] = back * gain
    state["steering"] = steering(response.resonance_hz, response.damping, rate_hz)
