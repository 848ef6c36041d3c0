"""How the pixel kernels are compiled: once, kept on disk for the next start, and without holding the GIL."""

from collections.abc import Callable
from typing import Any, TypeVar

import numba

_Kernel = TypeVar("_Kernel", bound=Callable[..., None])


def kernel(function: _Kernel) -> _Kernel:
    """Compile a function over arrays at its first call; indices are not checked, so callers must."""
    compile_it: Any = numba.njit(cache=True, nogil=True, fastmath=True, error_model="numpy", boundscheck=False)
    compiled: _Kernel = compile_it(function)
    return compiled
