"""Functions compiled by numba, once for a machine where there is a place to keep the result.

numba takes half a second to import: import the modules whose functions are compiled only where
they are called.
"""

import os
from collections.abc import Callable
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import ParamSpec, TypeVar

_HERE = Path(__file__).parent
_ROOMS = ("control/fine", "control/prediction", "timetags")
"""Where compiled functions stand, and the constants that are compiled into them."""


def _cache_folder() -> Path:
    """One for each state of these rooms: numba looks at the file of a function alone, and would
    take an old one where a constant or a function that it calls has changed in another file."""
    digest = sha256()
    for room in _ROOMS:
        for path in sorted((_HERE / room).rglob("*.py")):
            digest.update(path.read_bytes())
    return _HERE / "__pycache__" / f"compiled-{digest.hexdigest()[:16]}"


# Read by numba when it is imported.
os.environ.setdefault("NUMBA_CACHE_DIR", str(_cache_folder()))

from numba import njit  # noqa: E402

_P = ParamSpec("_P")
_R = TypeVar("_R")


def compiled(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Compiled at the first call with arguments of new types.

    Array bounds are not checked, and a division by zero gives infinity.
    """
    # Multiply and add in one step is the only liberty that is taken with floats.
    compile_it = partial(njit, nogil=True, error_model="numpy", fastmath={"contract"})
    try:
        result: Callable[_P, _R] = compile_it(cache=True)(function)
    except RuntimeError:  # Neither the installation nor the home folder can be written.
        result = compile_it()(function)
    return result
