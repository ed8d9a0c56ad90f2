"""For all tests: hypothesis judges no wall time, and what takes long begins first."""

import pytest
from hypothesis import settings

# On a busy machine wall time tells nothing.
settings.register_profile("qsky", deadline=None)
settings.load_profile("qsky")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Flights, and files with slow tests, first: at the end one worker would do them alone.

    That holds with `--no-loadscope-reorder`, as the Makefile has it.
    """
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow and item.path.parent.name != "hil")
