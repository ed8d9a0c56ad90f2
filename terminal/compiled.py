"""Functions compiled by numba, once for a machine where there is a place to keep the result.

numba takes half a second to import: import the modules whose functions are compiled only where
they are called.
"""

from collections.abc import Callable
from functools import partial
from typing import ParamSpec, TypeVar

from numba import njit

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
