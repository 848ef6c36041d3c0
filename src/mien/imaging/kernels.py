"""How the pixel kernels are compiled: once, kept on disk for the next start, and without holding the GIL."""

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from mien.system.folders import has_cache_folder


def _import_numba() -> ModuleType:
    """Import numba without PyYAML: with it, a file in the current folder says where numba takes compiled code from."""
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
    """Compile a function over arrays at its first call; indices are not checked, so callers must."""
    options = {"nogil": True, "fastmath": True, "error_model": "numpy", "boundscheck": False}
    compile_it: Any = numba.njit
    compiled = None
    if _has_place(function):
        # Neither the package nor the cache folder may be writable: then each start compiles again, which takes seconds.
        with suppress(RuntimeError):
            compiled = compile_it(cache=True, **options)(function)
            _save_if_there_is_room(compiled._cache)
    if compiled is None:
        compiled = compile_it(**options)(function)
    kept: _Kernel = compiled
    return kept


def kernel_part(function: _Part) -> _Part:
    """A small function that kernels of the same file share; compiled into each of them."""
    compile_it: Any = numba.njit
    part: _Part = compile_it(inline="always", error_model="numpy", fastmath=True, boundscheck=False)(function)
    return part


def _has_place(function: Callable[..., None]) -> bool:
    """Return whether numba's cache has a place: without one it would use the current folder, and load what lies there."""
    beside = Path(function.__code__.co_filename).parent
    kept = beside / "__pycache__"
    return (
        has_cache_folder() or os.access(kept if kept.exists() else beside, os.W_OK) or bool(os.environ.get("NUMBA_CACHE_DIR"))
    )


def _save_if_there_is_room(cache: Any) -> None:
    """A full disk must not stop the work for which the kernel was compiled; numba leaves nothing half written."""
    save = cache.save_overload

    def save_quietly(signature: Any, data: Any) -> None:
        with suppress(OSError):
            save(signature, data)

    cache.save_overload = save_quietly
