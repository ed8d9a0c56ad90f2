"""What lies between a mirror's converter and its springs: rounding, stop, slew rate, hysteresis.

Hysteresis by the Prandtl-Ishlinskii model, a sum of play operators: Kuhnen, "Modeling,
identification and compensation of complex hysteretic nonlinearities", European Journal of
Control 9 (2003) 407. It does not depend on the rate, and lies between amplifier and resonance.
"""

from config.fine_truth import MirrorTruth

DAC_LIMIT = 32767.0
PLAYS = 3


class PlayOperators:
    """Hysteresis of one axis.

    Plays of radius i / (2 n) of the stroke, i = 1..n, equal weights. Over the full stroke each
    play of radius r lags by r on the way up and down, so that the loop at the centre is 2 w r wide:
    with the weights' sum at 4 n / (n + 1) of the width that is asked for, it is so wide. Small
    strokes, which move no play, have the gain 1 - that sum, as piezo stacks have less gain there.
    """

    def __init__(self, width: float, stroke: float) -> None:
        """width: over the full travel of 2 stroke."""
        total = 4.0 * PLAYS / (PLAYS + 1.0) * width
        self._linear, self._weight = 1.0 - total, total / PLAYS
        first = stroke / (2.0 * PLAYS)
        self._radii = (first, 2.0 * first, 3.0 * first)
        self._at = (0.0, 0.0, 0.0)

    def step(self, drive: float) -> float:
        """Where the axis would stand under this drive."""
        r1, r2, r3 = self._radii
        at1, at2, at3 = self._at
        # Written out and compared: a loop with min and max costs three times as much.
        if drive - at1 > r1:
            at1 = drive - r1
        elif at1 - drive > r1:
            at1 = drive + r1
        if drive - at2 > r2:
            at2 = drive - r2
        elif at2 - drive > r2:
            at2 = drive + r2
        if drive - at3 > r3:
            at3 = drive - r3
        elif at3 - drive > r3:
            at3 = drive + r3
        self._at = at1, at2, at3
        return self._linear * drive + self._weight * (at1 + at2 + at3)


class MirrorDrive:
    """Both axes, in counts of the converter."""

    def __init__(self, truth: MirrorTruth, rad_per_count: float, rate_hz: float) -> None:
        self._dac_step = truth.dac_step_counts
        self._half_step = truth.dac_step_counts // 2
        self._reach = truth.reach * DAC_LIMIT
        limit_rad = truth.max_rate_rad_s / rate_hz
        self._most = limit_rad / rad_per_count if limit_rad > 0.0 else 2.0 * DAC_LIMIT
        self._hysteresis = (
            (PlayOperators(truth.hysteresis, DAC_LIMIT), PlayOperators(truth.hysteresis, DAC_LIMIT))
            if truth.hysteresis > 0.0
            else None
        )
        self._x = self._y = 0.0

    def angles(self, x_counts: int, y_counts: int) -> tuple[float, float]:
        """Drive of the two axes for one scan, counts."""
        self._x = x = self._axis(self._x, x_counts)
        self._y = y = self._axis(self._y, y_counts)
        if self._hysteresis is None:
            return x, y
        hysteresis_x, hysteresis_y = self._hysteresis
        return hysteresis_x.step(x), hysteresis_y.step(y)

    def _axis(self, before: float, counts: int) -> float:
        step, reach, most = self._dac_step, self._reach, self._most
        aim: float = (counts + self._half_step) // step * step if step > 1 else counts
        if aim > reach:
            aim = reach
        elif aim < -reach:
            aim = -reach
        if aim - before > most:
            return before + most
        if before - aim > most:
            return before - most
        return aim


def drive_of(truth: MirrorTruth, rad_per_count: float, rate_hz: float) -> MirrorDrive | None:
    """None where a mirror does what its converter says: that costs nothing."""
    simple = MirrorTruth(
        resonance_hz=truth.resonance_hz,
        damping=truth.damping,
        delay_samples=truth.delay_samples,
        gain=truth.gain,
        rotation_rad=truth.rotation_rad,
        cross_coupling=truth.cross_coupling,
    )
    return None if truth == simple else MirrorDrive(truth, rad_per_count, rate_hz)
