"""Why no calibration comes of a measurement."""


class IdentificationError(Exception):
    """A measurement that shows no mirror response to fly by: says why, with figures, and what to
    do."""
