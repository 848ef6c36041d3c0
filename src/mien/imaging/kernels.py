"""Pixel kernels: functions over arrays in machine code, which run without the GIL; over few values they keep it.

The code comes from a library of kernels that were compiled beforehand; what no library holds, numba compiles at the first call.
Only then is numba imported: with it, the start of a picture takes a third more processor time.
"""

import functools
import importlib
import os
from collections.abc import Callable
from threading import Lock
from typing import Any, TypeVar, cast

from mien.imaging.kernel_files import kernel_folder
from mien.imaging.kernel_library import find_code
from mien.system.machine_record import read_record

PLAIN_VARIABLE = "MIEN_PLAIN_KERNELS"
"""Environment variable that, set to 1, asks for kernels without fast arithmetic, for any processor of the family."""
_Kernel = TypeVar("_Kernel", bound=Callable[..., None])
_Part = TypeVar("_Part", bound=Callable[..., Any])


def _is_fast() -> bool:
    """Return False where kernels have to do without what this processor has beyond others of its family."""
    return os.environ.get(PLAIN_VARIABLE) != "1" and read_record(kernel_folder()).kernels


FAST = _is_fast()
"""True where kernels may use all that this processor has, and fast arithmetic."""


def are_checked() -> bool:
    """Return True where the fast ways need no comparison with the slow ones: after one, and where none is used."""
    return not FAST or read_record(kernel_folder()).checked


class Kernel:
    """A function over arrays, in machine code from its first call on."""

    def __init__(self, function: Callable[..., None]) -> None:
        functools.update_wrapper(self, function)
        self.py_func = function
        self._compiled: Any = None
        self._compiling = Lock()
        self._run: Callable[..., None] = self._find_and_run

    def __call__(self, *arguments: Any) -> None:
        """Run the code for arguments of these types."""
        self._run(*arguments)

    def compiled(self) -> Any:
        """Return the numba function, which compiles, or finds in its cache, what is called."""
        from mien.imaging.kernel_compiler import compiled_kernel

        with self._compiling:
            if self._compiled is None:
                self._compiled = compiled_kernel(self.py_func, fast=FAST)
        return self._compiled

    def _find_and_run(self, *arguments: Any) -> None:
        self._run = (find_code(self.py_func, self._compile_and_run) if FAST else None) or self._compile_and_run
        self._run(*arguments)

    def _compile_and_run(self, *arguments: Any) -> None:
        self.compiled()(*arguments)


class Part:
    """A function that is compiled into each of the kernels that call it."""

    def __init__(self, function: Callable[..., Any]) -> None:
        functools.update_wrapper(self, function)
        self.py_func = function

    def __call__(self, *arguments: Any) -> Any:
        """Run the function in Python."""
        return self.py_func(*arguments)

    @functools.cache  # noqa: B019 - parts live as long as their modules
    def compiled(self) -> Any:
        """Return the numba function."""
        from mien.imaging.kernel_compiler import compiled_part

        return compiled_part(self.py_func, fast=FAST)


class Instructions:
    """A function for kernels whose instructions the first of some modules writes; it is imported when one is compiled."""

    def __init__(self, name: str, *modules: str) -> None:
        self._name = name
        self.modules = modules

    def __call__(self, *arguments: Any) -> Any:
        """Raise: there is no such function in Python."""
        raise NotImplementedError(f"{self._name} runs in kernels alone")

    def compiled(self) -> Any:
        """Return the numba function."""
        return getattr(importlib.import_module(self.modules[0]), self._name)


def kernel(function: _Kernel) -> _Kernel:
    """Make a function over arrays a kernel; it does not check indices, so its callers must."""
    return cast(_Kernel, Kernel(function))


def kernel_part(function: _Part) -> _Part:
    """Mark a small function that kernels of the same file share; it is compiled into each of them."""
    return cast(_Part, Part(function))
