"""For all tests: hypothesis judges no wall time, which on a busy machine tells nothing."""

from hypothesis import settings

settings.register_profile("qsky", deadline=None)
settings.load_profile("qsky")
