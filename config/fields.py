"""Number types with their bounds, so that a wrong sign or unit is refused while reading."""

from typing import Annotated

import msgspec
from msgspec import Meta

Positive = Annotated[float, Meta(gt=0)]
NonNegative = Annotated[float, Meta(ge=0)]
Fraction = Annotated[float, Meta(ge=0, le=1)]
OpenFraction = Annotated[float, Meta(gt=0, lt=1)]
LatitudeDeg = Annotated[float, Meta(ge=-90, le=90)]
LongitudeDeg = Annotated[float, Meta(ge=-180, le=360)]
AltitudeM = Annotated[float, Meta(ge=-500, le=100_000)]
ElevationDeg = Annotated[float, Meta(ge=-90, le=90)]
Count = Annotated[int, Meta(ge=1)]
NonNegativeInt = Annotated[int, Meta(ge=0)]
Name = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]*\Z")]


class Spec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of everything that is read from a file: frozen, named fields only, no unknown keys."""
