"""Compiled kernels on the disk: one checked file for each kernel, signature, processor and version.

numba's own cache lies beside the source, so that a new installation compiles everything again. It runs a damaged file, and it
loads all that a compilation needs before it loads a kernel. This cache lies in the user's cache folder, checks each file by its
SHA-256, and loads kernels alone.
"""

import hashlib
import inspect
import logging
import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mien.imaging.compiler import numba
from mien.imaging.kernel_files import SUFFIX, code_digest, delete_oldest, kernel_folder, read_checked, write_checked

_MAX_FILES = 512  # 70 kernels of 30 to 150 KB for each version and processor; the oldest are deleted
_UNREADABLE = (
    pickle.UnpicklingError, EOFError, ValueError, TypeError, KeyError, IndexError, AttributeError, ImportError, RuntimeError,
)  # fmt: skip
"""Errors of a file that numba cannot make a kernel of; its SHA-256 was right, so another build of numba wrote it."""
_log = logging.getLogger(__name__)


def cached(compiled: Any, function: Callable[..., Any]) -> Any:
    """Give a numba function the cache of its Python function, and return it; without a folder it compiles at each start."""
    compiled._cache = KernelCache(function, kernel_folder(), options=repr(sorted(compiled.targetoptions.items())))
    return compiled


class KernelCache(numba.core.caching.NullCache):  # type: ignore[misc, name-defined]
    """Cache of one kernel, as numba calls it; what cannot be read is compiled again, and what cannot be written is left out."""

    def __init__(self, function: Callable[..., Any], folder: Path | None, options: str = "") -> None:
        self._function = function
        self._folder = folder
        self._options = options
        self._name = f"{function.__module__}.{function.__qualname__}"
        self._numba = _implementation()
        self._numba._lineno = function.__code__.co_firstlineno
        self._numba._locator = _Place(inspect.getfile(function))

    @property
    def cache_path(self) -> str | None:
        """Folder of the files."""
        return None if self._folder is None else str(self._folder)

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return the compiled kernel for a signature, None when it has to be compiled."""
        if self._folder is None:
            return None
        content = read_checked(self._folder / self._file_name(sig, target_context.codegen().magic_tuple()))
        if content is None:
            return None
        # All that machine code needs of the runtime; the rest, a tenth of a second, is for compilations only.
        numba.core.runtime.rtsys.initialize(target_context)
        try:
            return self._numba.rebuild(target_context, pickle.loads(content))
        except _UNREADABLE as error:
            _log.info("the compiled kernel %s cannot be loaded: %s", self._name, error)
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Write a compiled kernel; a full or read-only disk is logged, for the work must continue."""
        if self._folder is None or not self._numba.check_cachable(data):
            return
        try:
            content = numba.core.serialize.dumps(self._numba.reduce(data))
            write_checked(self._folder / self._file_name(sig, data.codegen.magic_tuple()), content)
            delete_oldest(self._folder, f"*{SUFFIX}", _MAX_FILES)
        except OSError as error:
            _log.info("the compiled kernel %s cannot be kept in %s: %s", self._name, self._folder, error.strerror)

    def _file_name(self, signature: Any, target: tuple[str, str, str]) -> str:
        """Return the name of a file, which stands for everything that the machine code depends on."""
        versions = numba.__version__, sys.implementation.cache_tag
        parts = (self._name, code_digest(self._function), self._options, versions, signature, target)
        return f"{self._name}-{hashlib.sha256(repr(parts).encode()).hexdigest()[:32]}{SUFFIX}"


def _implementation() -> Any:
    """Return numba's own way to make bytes of a kernel and a kernel of bytes, without the folder that it would choose."""
    kind = numba.core.caching.CompileResultCacheImpl
    return kind.__new__(kind)


class _Place:
    """Locator in the sense of numba, for the text of its warnings."""

    def __init__(self, source: str) -> None:
        self._py_file = source
