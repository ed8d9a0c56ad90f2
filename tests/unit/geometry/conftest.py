"""Shared by the geometry tests: elements, and the outside libraries that judge."""

import pytest
from hypothesis import settings
from known_elements import MICIUS
from skyfield.api import load
from skyfield.timelib import Timescale

from terminal.geometry.tle import Tle, parse_tle

# A busy machine is no failure.
settings.register_profile("no_deadline", deadline=None)
settings.load_profile("no_deadline")


@pytest.fixture
def micius() -> Tle:
    return parse_tle(*MICIUS)


@pytest.fixture(scope="session")
def timescale() -> Timescale:
    """Skyfield's time, with the Earth rotation that it carries in itself."""
    return load.timescale(builtin=True)
