"""Child processes and programs that do not depend on the current folder, which may hold anything.

A download folder can contain `ffmpeg`, `numpy.py` or `libm.so.6`. Python puts the current folder on `sys.path` for `-m`,
Windows searches it for programs and libraries, and an empty entry of `PATH` or `LD_LIBRARY_PATH` names it: OpenCV's package
adds one to the environment of every child when it is imported.
"""

import ctypes
import errno
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

SEARCH_PATHS = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH")
"""Environment variables that hold lists of folders with programs and libraries."""


def environment(inherited: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the environment for a child process: as inherited, with absolute folders alone in the search paths."""
    kept = dict(inherited)
    for name in SEARCH_PATHS:
        if name in kept:
            kept[name] = os.pathsep.join(_absolute(kept[name]))
            if not kept[name]:
                del kept[name]
    # An unset PATH stands for the system's default, of which the current folder is a part in some C libraries.
    kept.setdefault("PATH", _DEFAULT_PATH)
    if sys.platform == "win32":
        # Windows then leaves the current folder out when it looks for a program.
        kept["NoDefaultCurrentDirectoryInExePath"] = "1"
    return kept


def harden() -> None:
    """Keep relative folders out of this process's search paths; on Windows, the current folder out of its library search, too.

    The loader of Linux and macOS read its variables when the process began; for this process a change comes too late.
    """
    safe = environment()
    for name in SEARCH_PATHS:
        if name not in safe:
            os.environ.pop(name, None)
    os.environ.update(safe)
    if sys.platform == "win32":
        ctypes.windll.kernel32.SetDllDirectoryW("")


def find_program(name: str) -> str | None:
    """Return the absolute path of a program on the PATH; relative folders in it and the current folder do not count."""
    suffix = ".exe" if os.name == "nt" and not Path(name).suffix else ""
    folders = _absolute(os.environ.get("PATH", _DEFAULT_PATH))
    return next(filter(None, (shutil.which(str(Path(folder) / (name + suffix))) for folder in folders)), None)


def resolved(command: Sequence[str]) -> list[str]:
    """Return a person's command with its program as `find_program` finds it; one with a folder in its name stays as it is.

    Raises `FileNotFoundError`.
    """
    program, *arguments = command
    if Path(program).name != program:
        return [program, *arguments]
    found = find_program(program)
    if found is None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), program)
    return [found, *arguments]


def python_module(name: str, *arguments: str) -> list[str]:
    """Return the command that runs a module with this Python, without the current folder on its `sys.path`."""
    return [sys.executable, "-P", "-m", name, *arguments]


_DEFAULT_PATH = os.pathsep.join(folder for folder in os.defpath.split(os.pathsep) if Path(folder).is_absolute())


def _absolute(entries: str) -> list[str]:
    return [entry for entry in entries.split(os.pathsep) if Path(entry).is_absolute()]
