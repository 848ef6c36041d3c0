"""Files of compiled code: each with the SHA-256 of its name and content in front, in a folder that the user owns."""

import contextlib
import functools
import hashlib
import importlib.util
import inspect
import os
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs

from mien.system.folders import has_cache_folder

FOLDER_VARIABLE = "NUMBA_CACHE_DIR"
SUFFIX = ".kernel"
_MAX_BYTES = 16 << 20  # of a file; bounds memory
_DIGEST_BYTES = hashlib.sha256().digest_size


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


def write_checked(path: Path, content: bytes) -> None:
    """Write a file with the SHA-256 of its name and content in front, whole or not at all. Raises `OSError`."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as draft:
        try:
            draft.write(_digest(path, content) + content)
            draft.close()
            Path(draft.name).replace(path)
        finally:
            # Also where a person interrupts it: nobody would delete the draft.
            with contextlib.suppress(OSError):
                Path(draft.name).unlink(missing_ok=True)


def read_checked(path: Path, *, packaged: bool = False) -> bytes | None:
    """Return the content of a file after its SHA-256, None when it is missing, foreign, damaged or that of another name.

    What lies in the package is as trusted as its modules: the owner does not matter, and it may be a link, as uv installs them.
    """
    try:
        with open(path, "rb", opener=_open_at_once if packaged else _open_plain) as file:
            facts = os.fstat(file.fileno())
            # Machine code is run: nobody else may have written it, nor may write it.
            if not stat.S_ISREG(facts.st_mode) or not (packaged or _is_private(facts)):
                return None
            content = file.read(_MAX_BYTES)
    except OSError:
        return None
    digest, rest = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
    return rest if _digest(path, rest) == digest else None


def delete_oldest(folder: Path, pattern: str, most: int) -> None:
    """Delete the files of a pattern that were written first, down to a number of them; what cannot be deleted stays."""
    dated = []
    for each in folder.glob(pattern):
        with contextlib.suppress(OSError):
            dated.append((each.stat().st_mtime, each))
    for _, each in sorted(dated)[: max(0, len(dated) - most)]:
        with contextlib.suppress(OSError):
            each.unlink()


def _open_plain(path: str, flags: int) -> int:
    """Open a file that is no link, and do not wait where it is a pipe."""
    return _open_at_once(path, flags | getattr(os, "O_NOFOLLOW", 0))


def _open_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _is_private(facts: os.stat_result) -> bool:
    if sys.platform == "win32":
        return True
    return facts.st_uid in {os.geteuid(), 0} and not facts.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _digest(path: Path, content: bytes) -> bytes:
    # With the name: in a shared folder others may rename files, and one kernel must not run in place of another.
    return hashlib.sha256(path.name.encode() + content).digest()


def code_digest(function: Callable[..., Any]) -> str:
    """Return the SHA-256 of a kernel's file and of the parts, constants and instructions that it takes from elsewhere."""
    file = inspect.getfile(function)
    digest = hashlib.sha256(Path(file).read_bytes())
    digest.update(repr(sorted(_taken(function, file, set()))).encode())
    return digest.hexdigest()


def _taken(function: Callable[..., Any], file: str, seen: set[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    for name in function.__code__.co_names:
        value = function.__globals__.get(name)
        if (function.__module__, name) in seen or value is None:
            continue
        seen.add((function.__module__, name))
        if isinstance(value, np.ndarray):
            yield name, f"{value.dtype}{value.shape}{hashlib.sha256(value.tobytes()).hexdigest()}"
        elif isinstance(value, (int, float, str, tuple, np.generic)):
            yield name, repr(value)
        elif hasattr(value, "py_func"):
            other = inspect.getfile(value.py_func)
            if other != file:
                yield name, hashlib.sha256(Path(other).read_bytes()).hexdigest()
            yield from _taken(value.py_func, file, seen)
        elif hasattr(value, "compiled"):
            yield name, repr([module_digest(each) for each in value.modules])


@functools.cache
def module_digest(module: str) -> str:
    """Return the SHA-256 of a module's file, which is not imported."""
    found = importlib.util.find_spec(module)
    assert found is not None
    assert found.origin is not None
    return hashlib.sha256(Path(found.origin).read_bytes()).hexdigest()
