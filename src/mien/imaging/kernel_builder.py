"""Build of a library of kernels: all of `assets/kernel_types.csv` compiled for some processors, by several processes.

`python -m mien.imaging.kernel_builder --package` builds the one that comes in the package, into it.
"""

import hashlib
import importlib
import logging
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from importlib import resources
from pathlib import Path

from mien.imaging.kernel_files import FOLDER_VARIABLE, code_digest, delete_oldest, write_checked
from mien.imaging.kernel_library import (
    COMMON_X86,
    PACKAGED,
    TYPES,
    TYPES_NAME,
    Contents,
    can_load,
    library_bytes,
    library_name,
    read_library,
)
from mien.imaging.kernels import PLAIN_VARIABLE
from mien.system.processor import available_cores
from mien.system.programs import environment, python_module

_log = logging.getLogger(__name__)
_MODULE = "mien.imaging.kernel_builder"
_TABLE = "assets/kernel_types.csv"
_MOST_LIBRARIES = 8  # of 0.6 MB, one for each processor that a home folder was prepared on; the oldest are deleted
_PROCESSES = 8  # at most: each imports numba, a second, and the dearest kernel takes 5 of the 30 seconds of all


def build(path: Path, processors: str | None = None) -> None:
    """Compile all kernels and write the library. Raises `OSError`, and `RuntimeError` for what cannot be compiled."""
    count = max(1, min(available_cores(), _PROCESSES))
    chosen = {"NUMBA_CPU_NAME": processors, "NUMBA_CPU_FEATURES": ""} if processors else {}
    inherited = {name: value for name, value in environment().items() if not name.startswith(("NUMBA_", PLAIN_VARIABLE))}
    with tempfile.TemporaryDirectory(prefix="mien-kernels-") as folder:
        # What it compiles is for this library alone.
        settings = {**inherited, **chosen, FOLDER_VARIABLE: folder}
        files = [Path(folder) / f"{number}.part" for number in range(count)]
        with ExitStack() as stack:
            started = []
            for number, file in enumerate(files):
                process = subprocess.Popen(
                    python_module(_MODULE, "--part", str(file), str(number), str(count)),
                    stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=settings,
                )  # fmt: skip
                started.append(stack.enter_context(process))
                # Where this is interrupted, none stays behind: it would write into a folder that is gone.
                stack.callback(process.kill)
            said = [each.communicate()[1].decode("utf-8", "replace").strip()[-600:] for each in started]
        if any(each.returncode for each in started):
            raise RuntimeError(f"kernels could not be compiled: {' '.join(said)}")
        parts = [read_library(file) for file in files]
    kernels: dict[str, tuple[str, tuple[str, ...]]] = {}
    for part in parts:
        assert part is not None
        kernels |= part.kernels
    write_checked(path, library_bytes(Contents(kernels, tuple(code for part in parts if part for code in part.code))))
    delete_oldest(path.parent, library_name("*"), _MOST_LIBRARIES)


def is_complete(path: Path) -> bool:
    """Return True where a library holds all kernels as their sources, and the table, are now."""
    known = read_library(path)
    return known is not None and all(
        known.kernels.get(name) == (code_digest(_kernel(name)), tuple(_symbol(name, types) for types in rows))
        for name, rows in _by_name().items()
    )


def read_types() -> list[tuple[str, tuple[str, ...]]]:
    """Return the kernels with the types that they are compiled for, one kernel's together."""
    lines = resources.files("mien").joinpath(_TABLE).read_text("utf-8").splitlines()
    return [(name, tuple(types)) for name, *types in (line.split("; ") for line in lines)]


def build_part(path: Path, number: int, count: int) -> None:
    """Compile every `count`th kernel from `number` on, and write them as a library."""
    from mien.imaging import kernel_compiler, kernel_object
    from mien.imaging.compiler import numba

    by_name = _by_name()
    module = kernel_object.Merged(TYPES_NAME, len(TYPES) if number == 0 else 0)
    kernels = {}
    for name in sorted(by_name)[number::count]:
        function = _kernel(name)
        compiled = kernel_compiler.uncached_kernel(function, fast=True)
        try:
            made = tuple(module.add(compiled, _symbol(name, types), types) for types in by_name[name])
        except numba.core.errors.NumbaError as error:
            # The others are as fast without it.
            _log.warning("%s is not in the library: %s", name, error)
            continue
        kernels[name] = code_digest(function), made
    write_checked(path, library_bytes(Contents(kernels, (module.emitted(),))))


def _by_name() -> dict[str, list[tuple[str, ...]]]:
    found: dict[str, list[tuple[str, ...]]] = {}
    for name, types in read_types():
        found.setdefault(name, []).append(types)
    return found


def _symbol(name: str, types: Sequence[str]) -> str:
    """Return the name of a kernel's function for some types."""
    return f"{name}.{hashlib.sha256('; '.join(types).encode()).hexdigest()[:8]}"


def _kernel(name: str) -> Callable[..., None]:
    """Return the function of a kernel, in Python."""
    place, _, attribute = name.rpartition(".")
    function: Callable[..., None] = getattr(importlib.import_module(place), attribute).py_func
    return function


def main(arguments: list[str]) -> None:
    """Build a library, or a part of one."""
    if arguments[0] == "--package":
        if can_load():
            build(PACKAGED / library_name(COMMON_X86), COMMON_X86)
    elif arguments[0] == "--part":
        build_part(Path(arguments[1]), int(arguments[2]), int(arguments[3]))
    else:
        raise SystemExit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
