"""Compilation of the pixel kernels by numba: cached on disk, and run without the GIL."""

from collections.abc import Callable
from typing import Any, TypeVar

from mien.imaging.compiler import numba
from mien.imaging.kernel_cache import cached

_Kernel = TypeVar("_Kernel", bound=Callable[..., None])
_Part = TypeVar("_Part", bound=Callable[..., Any])


def kernel(function: _Kernel) -> _Kernel:
    """Compile a function over arrays at its first call; it does not check indices, so its callers must."""
    compile_it: Any = numba.njit(nogil=True, fastmath=True, error_model="numpy", boundscheck=False)
    result: _Kernel = cached(compile_it(function))
    return result


def kernel_part(function: _Part) -> _Part:
    """Mark a small function that kernels of the same file share; it is compiled into each of them."""
    compile_it: Any = numba.njit
    part: _Part = compile_it(inline="always", error_model="numpy", fastmath=True, boundscheck=False)(function)
    return part
