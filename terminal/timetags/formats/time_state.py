"""What `click_kernels.watch` carries from block to block of the times of a file's clicks: int64."""

from typing import Final

LEAST_TIME_PS: Final = -(1 << 61)
MOST_TIME_PS: Final = 1 << 62
"""27 days before to 53 days after zero: differences of such times do not overflow."""

# Over all clicks.
LAST_PS: Final = 0
STEP_BACK_PS: Final = 1
STEPS_BACK: Final = 2
FIRST_STEP_BACK: Final = 3
CLICKS: Final = 4
# Over those of the channels that are taken, at times in range.
EARLIEST_PS: Final = 5
LATEST_PS: Final = 6
LATENESS_PS: Final = 7
# Of the channels that are taken, others.
OUT_OF_RANGE: Final = 8
SIZE: Final = 9
