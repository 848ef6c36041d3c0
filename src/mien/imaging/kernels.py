"""Compilation of the pixel kernels by numba: cached on disk, and run without the GIL."""

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from mien.system.folders import has_cache_folder


def _import_numba() -> ModuleType:
    """Import numba without PyYAML: with it, a file in the current folder could make numba load compiled code from elsewhere."""
    modules: dict[str, Any] = sys.modules
    yaml = modules.get("yaml")
    modules["yaml"] = None  # makes the import fail
    try:
        import numba
    finally:
        del modules["yaml"]
        if yaml is not None:
            modules["yaml"] = yaml
    return numba


numba = _import_numba()
_Kernel = TypeVar("_Kernel", bound=Callable[..., None])
_Part = TypeVar("_Part", bound=Callable[..., Any])


def kernel(function: _Kernel) -> _Kernel:
    """Compile a function over arrays at its first call; it does not check indices, so its callers must."""
    options = {"nogil": True, "fastmath": True, "error_model": "numpy", "boundscheck": False}
    compile_it: Any = numba.njit
    compiled = None
    if _has_cache_place(function):
        # If neither the package nor the cache folder is writable, each start compiles again, which takes seconds.
        with suppress(RuntimeError):
            compiled = compile_it(cache=True, **options)(function)
            _tolerate_full_disk(compiled._cache)
    if compiled is None:
        compiled = compile_it(**options)(function)
    result: _Kernel = compiled
    return result


def kernel_part(function: _Part) -> _Part:
    """Mark a small function that kernels of the same file share; it is compiled into each of them."""
    compile_it: Any = numba.njit
    part: _Part = compile_it(inline="always", error_model="numpy", fastmath=True, boundscheck=False)(function)
    return part


def _has_cache_place(function: Callable[..., None]) -> bool:
    """Return whether numba's cache has a folder: without one it would use the current folder, and load what lies there."""
    beside = Path(function.__code__.co_filename).parent
    own_cache = beside / "__pycache__"
    return (
        has_cache_folder()
        or os.access(own_cache if own_cache.exists() else beside, os.W_OK)
        or bool(os.environ.get("NUMBA_CACHE_DIR"))
    )


def _tolerate_full_disk(cache: Any) -> None:
    """Ignore errors of the disk when a kernel is saved: the work must continue, and numba leaves nothing half written."""
    save = cache.save_overload

    def save_quietly(signature: Any, data: Any) -> None:
        with suppress(OSError):
            save(signature, data)

    cache.save_overload = save_quietly
