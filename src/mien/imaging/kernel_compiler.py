"""Compilation of pixel kernels by numba, with its cache on the disk."""

from collections.abc import Callable
from types import FunctionType
from typing import Any

from mien.imaging.compiler import numba
from mien.imaging.kernel_cache import cached


def compiled_kernel(function: Callable[..., None], *, fast: bool) -> Any:
    """Return a numba function with a cache; without `fast`, all of this process are for any processor of the family."""
    return cached(uncached_kernel(function, fast=fast), function)


def uncached_kernel(function: Callable[..., None], *, fast: bool) -> Any:
    """Return a numba function that is compiled at its first call."""
    return _compiled(function, fast, nogil=True)


def compiled_part(function: Callable[..., Any], *, fast: bool) -> Any:
    """Return a numba function that is compiled into those that call it."""
    return _compiled(function, fast, inline="always")


def _compiled(function: Callable[..., Any], fast: bool, **more: Any) -> Any:
    if not fast:
        # Before the first kernel is compiled or loaded, which fixes both.
        numba.config.CPU_NAME, numba.config.CPU_FEATURES = "generic", ""
    return numba.njit(fastmath=fast, error_model="numpy", boundscheck=False, **more)(_bound(function))


def _bound(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function with numba functions in place of the kernels and parts that it calls."""
    assert isinstance(function, FunctionType)
    names: dict[str, Any] = {name: function.__globals__.get(name) for name in function.__code__.co_names}
    found = {name: value.compiled() for name, value in names.items() if hasattr(value, "compiled")}
    if not found:
        return function
    bound = FunctionType(function.__code__, {**function.__globals__, **found}, function.__name__, function.__defaults__)
    bound.__module__, bound.__qualname__, bound.__doc__ = function.__module__, function.__qualname__, function.__doc__
    return bound
