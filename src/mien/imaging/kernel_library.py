"""Libraries of kernels that were compiled beforehand: one file of machine code, loaded without numba.

One comes with the package, for all processors of a kind; one that `mien doctor --prepare` made for this very processor takes
precedence. A kernel whose source has changed since is not taken from a library: numba compiles it.
"""

import ctypes
import functools
import json
import logging
import os
import platform
import struct
import sys
import sysconfig
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mien.imaging.kernel_files import code_digest, kernel_folder, module_digest, read_checked
from mien.system.processor import described_flags, has_all, processor_digest

FORMAT = 1
"""Version of the file format: other versions are not read."""
_MAKERS = tuple(f"mien.imaging.{name}" for name in ("kernel_compiler", "kernel_glue", "kernel_object"))
"""Modules that libraries are made by: what others, or earlier versions of them, made is not read."""
PACKAGED = Path(__file__).parent / "prebuilt"
"""Folder of the library that comes in the package; it need not exist."""
COMMON_X86 = "x86-64-v3"
"""Processors that a library is built for beforehand: Intel since Haswell (2013), AMD since Excavator (2015)."""
_COMMON_FEATURES = frozenset(("avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe", "popcnt"))
TYPES_NAME = "mien_types"
TYPES = "ndarray", "int64", "float64", "float32"
"""NumPy types in the table of a library, by which its functions recognise their arguments."""
_CHECKING = "NUMBA_BOUNDSCHECK", "NUMBA_DISABLE_JIT", "NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES"
"""Variables that ask numba for other code than a library holds."""
_FASTCALL = 0x80  # METH_FASTCALL of Python's methodobject.h
_SYMBOLS = 2  # SHT_SYMTAB of the ELF specification
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Contents:
    """Contents of a library: for each kernel the digest of its source and the names of its functions, and the machine code."""

    kernels: dict[str, tuple[str, tuple[str, ...]]]
    code: tuple[bytes, ...]


class _Method(ctypes.Structure):
    """PyMethodDef of Python's methodobject.h."""

    _fields_ = (("name", ctypes.c_char_p), ("call", ctypes.c_void_p), ("flags", ctypes.c_int), ("doc", ctypes.c_char_p))


class Library:
    """Machine code in memory, and the Python functions that run it."""

    def __init__(self, contents: Contents) -> None:
        self._kernels = contents.kernels
        self._address = _loaded(contents.code)
        self._methods: list[_Method] = []
        table = (ctypes.c_void_p * len(TYPES)).from_address(self._address(TYPES_NAME))
        table[:] = [id(getattr(np, name)) for name in TYPES]

    def function(self, kernel: Callable[..., None], other: Callable[..., None]) -> Callable[..., None] | None:
        """Return a function for a kernel, None where this is not its code; arguments of other types go to `other`."""
        digest, names = self._kernels.get(kernel_name(kernel), ("", ()))
        if digest != code_digest(kernel):
            return None
        made = ctypes.pythonapi.PyCFunction_NewEx
        made.restype, made.argtypes = ctypes.py_object, (ctypes.c_void_p, ctypes.py_object, ctypes.py_object)
        for name in reversed(names):
            method = _Method(kernel.__name__.encode(), self._address(name), _FASTCALL, None)
            self._methods.append(method)
            # With the library as its module: the code stays as long as the function.
            other = made(ctypes.byref(method), other, self)
        return other


def find_code(kernel: Callable[..., None], other: Callable[..., None]) -> Callable[..., None] | None:
    """Return a function for a kernel from the libraries of this machine, None where none has it."""
    if any(os.environ.get(name, "0") not in {"", "0"} for name in _CHECKING):
        return None
    found = (library.function(kernel, other) for library in _libraries())
    return next((each for each in found if each is not None), None)


@functools.cache
def _libraries() -> tuple[Library, ...]:
    opened = []
    for path in library_paths(kernel_folder()):
        try:
            contents = read_library(path)
            if contents is not None:
                opened.append(Library(contents))
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RuntimeError) as error:
            _log.info("the library of kernels %s cannot be loaded: %s", path, error)
    return tuple(opened)


def library_paths(folder: Path | None) -> tuple[Path, ...]:
    """Return where libraries that this processor and Python can run may lie, the best first."""
    own = own_library(folder)
    found = () if own is None else (own,)
    return (*found, PACKAGED / library_name(COMMON_X86)) if can_load() and has_all(_COMMON_FEATURES) else found


def own_library(folder: Path | None) -> Path | None:
    """Return the place of the library for this very processor, None where there cannot be one.

    Without a description, as in a container that hides it, all processors have the same name: one would run another's code.
    """
    return folder / library_name(processor_digest()) if folder and can_load() and described_flags() else None


def library_name(processors: str) -> str:
    """Return the name of the file for some processors."""
    return f"kernels-{processors}.library"


def can_load() -> bool:
    """Return True where machine code and Python objects have the layout that libraries are written for."""
    return (
        sys.platform == "linux"
        and platform.machine() == "x86_64"
        and sys.implementation.name == "cpython"
        and not sysconfig.get_config_var("Py_GIL_DISABLED")
        and not hasattr(sys, "gettotalrefcount")
    )


def kernel_name(kernel: Callable[..., None]) -> str:
    """Return the name of a kernel with its module."""
    return f"{kernel.__module__}.{kernel.__qualname__}"


def read_library(path: Path) -> Contents | None:
    """Return the contents of a file, None where it is missing, damaged, foreign or of another format."""
    content = read_checked(path, packaged=path.parent == PACKAGED)
    if content is None:
        return None
    head, _, code = content.partition(b"\n")
    row = json.loads(head)
    if row["format"] != _format():
        return None
    kernels = {name: (digest, tuple(names)) for name, (digest, names) in row["kernels"].items()}
    parts, start = [], 0
    for size in row["sizes"]:
        parts.append(code[start : start + size])
        start += size
    return Contents(kernels, tuple(parts))


def library_bytes(contents: Contents) -> bytes:
    """Return the contents as they lie in a file after its SHA-256."""
    row = {"format": _format(), "kernels": contents.kernels, "sizes": [len(each) for each in contents.code]}
    return json.dumps(row, sort_keys=True).encode() + b"\n" + b"".join(contents.code)


def _format() -> list[object]:
    return [FORMAT, *map(module_digest, _MAKERS)]


def undefined(emitted: bytes) -> set[str]:
    """Return the names that an object file, ELF for 64 bits, takes from elsewhere."""
    sections, count = struct.unpack_from("<Q", emitted, 0x28)[0], struct.unpack_from("<H", emitted, 0x3C)[0]
    headers = [struct.unpack_from("<IIQQQQIIQQ", emitted, sections + 64 * index) for index in range(count)]
    found = set()
    for kind, start, size, link in ((each[1], each[4], each[5], each[6]) for each in headers):
        if kind != _SYMBOLS:
            continue
        texts = headers[link][4]
        # The first symbol is none.
        for at in range(start + 24, start + size, 24):
            name, _, _, section = struct.unpack_from("<IBBH", emitted, at)
            if section == 0:
                found.add(emitted[texts + name : emitted.index(b"\0", texts + name)].decode())
    return found


def _loaded(code: tuple[bytes, ...]) -> Callable[[str], int]:
    """Load object files and return a function that finds the address of a name. Raises `RuntimeError`."""
    import llvmlite.binding as llvm

    process = ctypes.CDLL(None)
    asked = set[str]().union(*map(undefined, code)) - {TYPES_NAME}
    missing = sorted(name for name in asked if not hasattr(process, name))
    if missing:
        # LLVM would end the process.
        raise RuntimeError(f"this Python has no {', '.join(missing)}")
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    # Where a system forbids machine code that a program makes, as systemd can, LLVM goes on and the process crashes.
    llvm.check_jit_execution()
    machine: Any = llvm.Target.from_default_triple().create_target_machine(reloc="pic")
    # With llvmlite's memory manager, which lays code and constants side by side: LLVM's own puts them where there is room, and
    # ends the process where that is more than 2 GB apart, as large networks can make it.
    engine: Any = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine, use_lmm=True)
    for each in code:
        engine.add_object_file(llvm.ObjectFileRef.from_data(each))
    engine.finalize_object()

    def address(name: str) -> int:
        found: int = engine.get_function_address(name) or engine.get_global_value_address(name)
        if not found:
            raise RuntimeError(f"there is no {name}")
        return found

    return address
