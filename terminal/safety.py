"""What must never happen. Silence is unsafe: data older than its limit counts as bad, and so do
data as far in the future, which would hide a silence that follows.

Unsafe closes the shutter and turns the beacon off; `terminal.modes` enters SAFE on any of these.
"""

from enum import IntFlag

from config.terminal import Safety
from terminal.messages import ModesSample


class Unsafe(IntFlag):
    """Why the terminal may not transmit or open its shutter."""

    NAVIGATION_SILENT = 1
    GIMBAL_SILENT = 2
    QUAD_SILENT = 4
    LASER_SILENT = 8
    INTERLOCK_OPEN = 16


LASER_MAX_AGE_S = 2.0
"""The laser controller is asked five times a second; ten missed answers are silence."""


def check(limits: Safety, sample: ModesSample) -> Unsafe:
    """All reasons that hold now; 0 if it is safe to transmit."""
    unsafe = Unsafe(0)
    # Not `age > limit`: a NaN age must count as silence.
    if not abs(sample.navigation_age_s) <= limits.navigation_max_age_s:
        unsafe |= Unsafe.NAVIGATION_SILENT
    if not abs(sample.gimbal_age_s) <= limits.gimbal_max_age_s:
        unsafe |= Unsafe.GIMBAL_SILENT
    if not abs(sample.quad_age_s) <= limits.quad_max_age_s:
        unsafe |= Unsafe.QUAD_SILENT
    if not abs(sample.laser_age_s) <= LASER_MAX_AGE_S:
        unsafe |= Unsafe.LASER_SILENT
    if not sample.interlock_ok:
        unsafe |= Unsafe.INTERLOCK_OPEN
    return unsafe
