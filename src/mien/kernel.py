"""How the pixel kernels are compiled: once, kept on disk for the next start, and without holding the GIL."""

from collections.abc import Callable
from typing import Any, TypeVar

import numba

_Kernel = TypeVar("_Kernel", bound=Callable[..., None])


def kernel(function: _Kernel) -> _Kernel:
    """Compile a function over arrays at its first call; indices are not checked, so callers must."""
    options = {"nogil": True, "fastmath": True, "error_model": "numpy", "boundscheck": False}
    compile_it: Any = numba.njit
    try:
        compiled: _Kernel = compile_it(cache=True, **options)(function)
    except RuntimeError:
        # Neither the package nor the home folder can be written to: then every start compiles anew, in seconds.
        compiled = compile_it(**options)(function)
    return compiled
