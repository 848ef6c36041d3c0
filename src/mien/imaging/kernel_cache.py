"""Compiled kernels on the disk: one checked file for each kernel, signature, processor and version.

numba's own cache lies beside the source, so that a new installation compiles everything again. It runs a damaged file, and it
loads all that a compilation needs before it loads a kernel. This cache lies in the user's cache folder, checks each file by its
SHA-256, and loads kernels alone.
"""

import contextlib
import hashlib
import inspect
import logging
import os
import pickle
import stat
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs

from mien.imaging.compiler import numba
from mien.system.folders import has_cache_folder

FOLDER_VARIABLE = "NUMBA_CACHE_DIR"
SUFFIX = ".kernel"
PREBUILT = Path(__file__).parent / "prebuilt"
"""Folder in the package for kernels that were compiled when an image was built; it need not exist."""
COMMON_X86 = "x86-64-v3"
"""Processors that kernels are built for beforehand: Intel since Haswell (2013), AMD since Excavator (2015)."""
_COMMON_FEATURES = frozenset(("+avx2", "+bmi", "+bmi2", "+f16c", "+fma", "+lzcnt", "+movbe", "+popcnt"))
_MAX_FILES = 512  # 50 kernels of 30 to 150 KB for each version and processor; the oldest are deleted
_MAX_BYTES = 16 << 20  # of a file; bounds memory
_DIGEST_BYTES = hashlib.sha256().digest_size
_UNREADABLE = (
    pickle.UnpicklingError, EOFError, ValueError, TypeError, KeyError, IndexError, AttributeError, ImportError, RuntimeError,
)  # fmt: skip
"""Errors of a file that numba cannot make a kernel of; its SHA-256 was right, so another build of numba wrote it."""
_log = logging.getLogger(__name__)


def kernel_folder() -> Path | None:
    """Return the folder for compiled kernels: NUMBA_CACHE_DIR, or one in the user's cache folder; None when neither is known.

    A relative folder is never used: what lies in the current folder would be run.
    """
    named = os.environ.get(FOLDER_VARIABLE, "")
    if named:
        return Path(named) if Path(named).is_absolute() else None
    if not has_cache_folder():
        return None
    folder = Path(platformdirs.user_cache_dir("mien", appauthor=False)) / "kernels"
    return folder if folder.is_absolute() else None


def cached(compiled: Any) -> Any:
    """Give a function of numba's its cache, and return the function; without a folder it is compiled at each start."""
    compiled._cache = KernelCache(compiled.py_func, kernel_folder(), options=repr(sorted(compiled.targetoptions.items())))
    return compiled


class KernelCache(numba.core.caching.NullCache):  # type: ignore[misc, name-defined]
    """Cache of one kernel, as numba calls it; what cannot be read is compiled again, and what cannot be written is left out."""

    def __init__(self, function: Callable[..., Any], folder: Path | None, prebuilt: Path = PREBUILT, options: str = "") -> None:
        self._function = function
        self._folder = folder
        self._prebuilt = prebuilt
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
        for path in self._candidates(sig, target_context.codegen()):
            content = read_checked(path)
            if content is None:
                continue
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
            _delete_oldest(self._folder)
        except OSError as error:
            _log.info("the compiled kernel %s cannot be kept in %s: %s", self._name, self._folder, error.strerror)

    def _candidates(self, signature: Any, codegen: Any) -> Iterator[Path]:
        """Yield the files that may hold the kernel: for this very processor, then for all that have what mien is built for."""
        exact = self._file_name(signature, codegen.magic_tuple())
        if self._folder is not None:
            yield self._folder / exact
        if self._prebuilt.is_dir():
            yield self._prebuilt / exact
            triple, _, features = codegen.magic_tuple()
            common = common_target(triple, features)
            if common is not None:
                yield self._prebuilt / self._file_name(signature, (triple, common, ""))

    def _file_name(self, signature: Any, target: tuple[str, str, str]) -> str:
        """Return the name of a file, which stands for everything that the machine code depends on."""
        versions = numba.__version__, sys.implementation.cache_tag
        parts = (self._name, code_digest(self._function), self._options, versions, signature, target)
        return f"{self._name}-{hashlib.sha256(repr(parts).encode()).hexdigest()[:32]}{SUFFIX}"


def code_digest(function: Callable[..., Any]) -> str:
    """Return the SHA-256 of a kernel's file and of what it, and its parts, take from elsewhere: constants and instructions."""
    digest = hashlib.sha256(Path(inspect.getfile(function)).read_bytes())
    digest.update(repr(sorted(_constants(function, set()))).encode())
    return digest.hexdigest()


def _constants(function: Callable[..., Any], seen: set[str]) -> Iterator[tuple[str, str]]:
    for name in function.__code__.co_names:
        value = function.__globals__.get(name)
        if name in seen or value is None:
            continue
        seen.add(name)
        if isinstance(value, np.ndarray):
            yield name, f"{value.dtype}{value.shape}{hashlib.sha256(value.tobytes()).hexdigest()}"
        elif isinstance(value, (int, float, str, tuple, np.generic)):
            yield name, repr(value)
        elif hasattr(value, "py_func"):
            yield from _constants(value.py_func, seen)
        elif hasattr(value, "_defn"):
            # Instructions that are written by a function of another file.
            yield name, hashlib.sha256(Path(inspect.getfile(value._defn)).read_bytes()).hexdigest()


def common_target(triple: str, features: str) -> str | None:
    """Return the processors that kernels are built for beforehand, None where this one lacks something that they have."""
    if not triple.startswith("x86_64"):
        return None
    return COMMON_X86 if set(features.split(",")) >= _COMMON_FEATURES else None


def _implementation() -> Any:
    """Return numba's own way to make bytes of a kernel and a kernel of bytes, without the folder that it would choose."""
    kind = numba.core.caching.CompileResultCacheImpl
    return kind.__new__(kind)


class _Place:
    """Locator in the sense of numba, for the text of its warnings."""

    def __init__(self, source: str) -> None:
        self._py_file = source


def write_checked(path: Path, content: bytes) -> None:
    """Write a file with the SHA-256 of its name and content in front, whole or not at all. Raises `OSError`."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as draft:
        try:
            draft.write(_digest(path, content) + content)
            draft.close()
            Path(draft.name).replace(path)
        except OSError:
            with contextlib.suppress(OSError):
                Path(draft.name).unlink()
            raise


def read_checked(path: Path) -> bytes | None:
    """Return the content of a file after its SHA-256, None when it is missing, foreign, damaged or that of another name."""
    try:
        with open(path, "rb", opener=_open_plain) as file:
            facts = os.fstat(file.fileno())
            # Machine code is run: nobody else may have written it, nor may write it.
            if not stat.S_ISREG(facts.st_mode) or not _is_private(facts):
                return None
            content = file.read(_MAX_BYTES)
    except OSError:
        return None
    digest, rest = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
    return rest if _digest(path, rest) == digest else None


def _open_plain(path: str, flags: int) -> int:
    """Open a file that is no link, and do not wait where it is a pipe."""
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))


def _is_private(facts: os.stat_result) -> bool:
    if sys.platform == "win32":
        return True
    return facts.st_uid in {os.geteuid(), 0} and not facts.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _digest(path: Path, content: bytes) -> bytes:
    # With the name: in a shared folder others may rename files, and one kernel must not run in place of another.
    return hashlib.sha256(path.name.encode() + content).digest()


def _delete_oldest(folder: Path) -> None:
    files = list(folder.glob(f"*{SUFFIX}"))
    for each in _oldest(files, len(files) - _MAX_FILES):
        with contextlib.suppress(OSError):
            each.unlink()


def _oldest(files: Iterable[Path], count: int) -> list[Path]:
    if count <= 0:
        return []
    dated = []
    for each in files:
        with contextlib.suppress(OSError):
            dated.append((each.stat().st_mtime, each))
    return [each for _, each in sorted(dated)[:count]]
