"""Compilation of the pixel kernels by numba: cached on disk, and run without the GIL."""

import os
from collections.abc import Callable
from typing import Any, TypeVar

from mien.imaging.compiler import numba
from mien.imaging.kernel_cache import cached, kernel_folder
from mien.system.machine_record import read_record

PLAIN_VARIABLE = "MIEN_PLAIN_KERNELS"
"""Environment variable that, set to 1, asks for kernels without fast arithmetic, for any processor of the family."""
_Kernel = TypeVar("_Kernel", bound=Callable[..., None])
_Part = TypeVar("_Part", bound=Callable[..., Any])


def _is_fast() -> bool:
    """Return False where kernels have to do without what this processor has beyond others of its family."""
    if os.environ.get(PLAIN_VARIABLE) != "1" and read_record(kernel_folder()).kernels:
        return True
    # Before the first kernel is compiled or loaded, which fixes both.
    numba.config.CPU_NAME, numba.config.CPU_FEATURES = "generic", ""
    return False


FAST = _is_fast()
"""True where kernels may use all that this processor has, and fast arithmetic."""


def kernel(function: _Kernel) -> _Kernel:
    """Compile a function over arrays at its first call; it does not check indices, so its callers must."""
    compile_it: Any = numba.njit(nogil=True, fastmath=FAST, error_model="numpy", boundscheck=False)
    result: _Kernel = cached(compile_it(function))
    return result


def kernel_part(function: _Part) -> _Part:
    """Mark a small function that kernels of the same file share; it is compiled into each of them."""
    compile_it: Any = numba.njit
    part: _Part = compile_it(inline="always", error_model="numpy", fastmath=FAST, boundscheck=False)(function)
    return part
