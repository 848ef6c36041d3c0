"""Libraries of kernels: the Python functions around machine code give what numba gives, and refuse what they cannot take."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mien.imaging import kernel_library
from mien.imaging.kernel_files import code_digest, write_checked
from mien.imaging.kernel_library import (
    COMMON_X86,
    PACKAGED,
    Contents,
    Library,
    kernel_name,
    library_bytes,
    library_name,
    library_paths,
    own_library,
    read_library,
)
from mien.imaging.kernels import Kernel, kernel
from mien.types import Array

pytestmark = pytest.mark.skipif(not kernel_library.can_load(), reason="NOT TESTED: libraries are for Linux on x86-64")
TYPES = (
    "const uint8[:,::1]", "float32[:]", "int64", "float64", "bool", "(int64, float64[::1])", "float64[::1]",
)  # fmt: skip
"""One of each kind that the table knows."""


@kernel
def mixed(picture: Array, spread: Array, whole: int, real: float, truth: bool, pair: tuple[int, Array], out: Array) -> None:
    """Write the sums of what it was given, by way of an array of its own."""
    own = np.zeros(picture.shape[1])
    for y in range(picture.shape[0]):
        for x in range(picture.shape[1]):
            own[x] += picture[y, x]
    out[0] = own.sum() + spread.sum()
    out[1] = whole + real
    out[2] = 1.0 if truth else 0.0
    out[3] = pair[0] + pair[1][0]


@pytest.fixture(scope="module")
def contents() -> Contents:
    """Return a library with the one kernel."""
    from mien.imaging import kernel_compiler, kernel_object

    assert isinstance(mixed, Kernel)
    module = kernel_object.Merged(kernel_library.TYPES_NAME, len(kernel_library.TYPES))
    name = module.add(kernel_compiler.uncached_kernel(mixed.py_func, fast=True), "mixed.0", TYPES)
    return Contents({kernel_name(mixed): (code_digest(mixed.py_func), (name,))}, (module.emitted(),))


class _Other:
    """The function that gets what a kernel does not take."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, *arguments: Any) -> None:
        self.calls += 1


@pytest.fixture
def other() -> _Other:
    """Return a function that counts its calls."""
    return _Other()


@pytest.fixture
def function(contents: Contents, other: _Other) -> Callable[..., None]:
    """Return the kernel in machine code."""
    assert isinstance(mixed, Kernel)
    found = Library(contents).function(mixed.py_func, other)
    assert found is not None
    return found


def _arguments(**changed: Any) -> list[Any]:
    picture = np.arange(12, dtype=np.uint8).reshape(3, 4)
    given = {
        "picture": picture, "spread": np.arange(8, dtype=np.float32)[::2], "whole": 7, "real": 0.5, "truth": True,
        "pair": (3, np.array([0.25])), "out": np.zeros(4),
    }  # fmt: skip
    return list({**given, **changed}.values())


def _read_only(array: Array) -> Array:
    array.setflags(write=False)
    return array


class _Subclass(np.ndarray[Any, Any]):
    """An array whose methods may do anything."""


def test_a_kernel_gives_what_numba_gives(function: Callable[..., None], other: _Other) -> None:
    assert isinstance(mixed, Kernel)
    arguments, expected = _arguments(), _arguments()
    function(*arguments)
    mixed.compiled()(*expected)
    assert arguments[-1].tolist() == expected[-1].tolist() == [66 + 12, 7.5, 1, 3.25]
    assert other.calls == 0


@pytest.mark.parametrize(
    "changed",
    [
        {"picture": _read_only(np.ones((3, 4), np.uint8))},
        {"spread": np.ones(3, np.float32)},
        {"whole": np.int64(7)},
        {"real": np.float64(0.5)},
        {"truth": False},
        {"picture": np.zeros((0, 4), np.uint8)},
        {"picture": np.ones((64, 100), np.uint8)},
    ],
    ids=["read-only where it is read", "contiguous", "int64", "float64", "false", "empty", "enough to release the GIL"],
)
def test_it_takes_what_numba_counts_as_the_same(function: Callable[..., None], other: _Other, changed: dict[str, Any]) -> None:
    assert isinstance(mixed, Kernel)
    arguments, expected = _arguments(**changed), _arguments(**changed)
    function(*arguments)
    mixed.compiled()(*expected)
    assert arguments[-1].tolist() == expected[-1].tolist()
    assert other.calls == 0


@pytest.mark.parametrize(
    "changed",
    [
        {"picture": np.ones((3, 4), np.int8)},
        {"picture": np.ones((3, 8), np.uint8)[:, ::2]},
        {"picture": np.ones((3, 4, 1), np.uint8)},
        {"picture": [[1, 2]]},
        {"picture": None},
        {"picture": np.ones((3, 4), np.uint8).view(_Subclass)},
        {"spread": np.ones(3, ">f4")},
        {"spread": np.ones(9, np.uint8)[1:].view(np.float32)},
        {"whole": 7.0},
        {"whole": True},
        {"whole": 1 << 63},
        {"real": 1},
        {"real": np.float32(1)},
        {"truth": 1},
        {"pair": (3,)},
        {"pair": (3, np.array([1]))},
        {"pair": [3, np.array([1.0])]},
        {"out": _read_only(np.zeros(4))},
    ],
    ids=lambda changed: f"{next(iter(changed))}-{type(next(iter(changed.values()))).__name__}",
)
def test_what_it_does_not_take_goes_to_the_other(function: Callable[..., None], other: _Other, changed: dict[str, Any]) -> None:
    arguments = _arguments(**changed)
    before = arguments[-1].copy()
    function(*arguments)
    assert other.calls == 1
    assert (arguments[-1] == before).all()


@pytest.mark.parametrize("count", [0, 6, 8])
def test_another_number_of_arguments_goes_to_the_other(function: Callable[..., None], other: _Other, count: int) -> None:
    function(*[*_arguments(), 1][:count])
    assert other.calls == 1


def test_what_the_other_raises_is_raised(contents: Contents) -> None:
    def failing(*arguments: Any) -> None:
        raise ValueError("of the other")

    assert isinstance(mixed, Kernel)
    found = Library(contents).function(mixed.py_func, failing)
    assert found is not None
    with pytest.raises(ValueError, match="of the other"):
        found(1)


def test_the_code_of_another_source_is_not_used(contents: Contents, other: _Other) -> None:
    assert isinstance(mixed, Kernel)
    ((name, (_, functions)),) = contents.kernels.items()
    assert Library(Contents({name: ("another", functions)}, contents.code)).function(mixed.py_func, other) is None
    assert Library(Contents({}, contents.code)).function(mixed.py_func, other) is None


def test_a_file_gives_what_was_written(contents: Contents, tmp_path: Path) -> None:
    write_checked(tmp_path / "file", library_bytes(contents))
    assert read_library(tmp_path / "file") == contents


@pytest.mark.parametrize("damage", ["missing", "cut", "another form", "another maker"])
def test_a_damaged_file_is_not_used(contents: Contents, tmp_path: Path, damage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "file"
    content = library_bytes(contents)
    match damage:
        case "cut":
            write_checked(file, content)
            file.write_bytes(file.read_bytes()[:-1])
        case "another form":
            write_checked(file, content)
            monkeypatch.setattr(kernel_library, "FORMAT", kernel_library.FORMAT + 1)
        case "another maker":
            write_checked(file, content)
            assert read_library(file) == contents
            monkeypatch.setattr(kernel_library, "module_digest", lambda _: "changed")
    assert read_library(file) is None


_KNOWN = "fpu avx avx2 bmi1 bmi2 f16c fma abm movbe popcnt sse4_2"


@pytest.mark.parametrize(("flags", "packaged"), [(_KNOWN, True), (_KNOWN.replace(" avx2", ""), False), ("", False)])
def test_the_packaged_library_needs_all_that_it_is_built_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, flags: str, packaged: bool
) -> None:
    monkeypatch.setattr("mien.system.processor.described_processor", lambda: f"flags\t\t: {flags}\n")
    found = [path.name for path in library_paths(tmp_path) if path.parent == PACKAGED]
    assert found == ([library_name(COMMON_X86)] if packaged else [])


@pytest.mark.parametrize(("described", "own"), [("flags\t\t: fpu\n", True), ("", False), ("processor\t: 0\n", False)])
def test_a_processor_that_is_not_described_has_no_library_of_its_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, described: str, own: bool
) -> None:
    monkeypatch.setattr("mien.system.processor.described_processor", lambda: described)
    assert (own_library(tmp_path) is not None) == own
    assert [path.parent for path in library_paths(tmp_path)] == ([tmp_path] if own else [])


def test_code_that_asks_for_a_name_which_this_python_lacks_is_not_loaded(
    contents: Contents, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = kernel_library.undefined(contents.code[0])
    assert {"PyLong_AsLongLong", "malloc"} <= names
    monkeypatch.setattr(kernel_library, "undefined", lambda _: {*names, "PyRemoved_Function"})
    with pytest.raises(RuntimeError, match="this Python has no PyRemoved_Function"):
        Library(contents)


def test_nothing_is_loaded_where_a_system_forbids_machine_code(contents: Contents, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden() -> None:
        raise PermissionError("cannot allocate executable memory")

    monkeypatch.setattr("llvmlite.binding.check_jit_execution", forbidden)
    with pytest.raises(PermissionError):
        Library(contents)


_FAR = """
import ctypes, sys
from pathlib import Path
from mien.imaging.kernel_library import Library, read_library
import llvmlite.binding

contents = read_library(Path(sys.argv[1]))
llvmlite.binding.initialize_native_target()
process = ctypes.CDLL(None)
take, drop = process.mmap, process.munmap
take.restype, take.argtypes = ctypes.c_void_p, [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
drop.argtypes = ctypes.c_void_p, ctypes.c_size_t
PRIVATE, FIXED, ANONYMOUS, NO_RESERVE = 0x2, 0x10, 0x20, 0x4000

def held(size, at=None):
    return take(at, size, 0, PRIVATE | ANONYMOUS | NO_RESERVE | (FIXED if at else 0), -1, 0)

page = held(4096)
for _ in range(4):
    held(1 << 30)
areas = [[int(each, 16) for each in line.split()[0].split("-")] for line in open("/proc/self/maps")]
for (_, end), (start, _) in zip(areas, areas[1:]):
    if 1 << 46 < end < start < end + (1 << 30):
        held(start - end, end)
drop(page, 4096)
Library(contents)
print("loaded")
"""


def test_code_and_constants_lie_side_by_side_where_room_is_scattered(contents: Contents, tmp_path: Path) -> None:
    write_checked(tmp_path / "file", library_bytes(contents))
    # A hole of one page, and the next room 4 GB away: where parts are placed one by one, LLVM ends the process.
    command = [sys.executable, "-P", "-c", _FAR, str(tmp_path / "file")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "loaded\n"), done.stderr


@pytest.mark.parametrize("name", ["NUMBA_BOUNDSCHECK", "NUMBA_DISABLE_JIT", "NUMBA_CPU_FEATURES"])
def test_numba_compiles_where_other_code_is_asked_for(monkeypatch: pytest.MonkeyPatch, other: _Other, name: str) -> None:
    def opened() -> tuple[Library, ...]:
        raise AssertionError("a library was opened")

    assert isinstance(mixed, Kernel)
    monkeypatch.setattr(kernel_library, "_libraries", opened)
    monkeypatch.setenv(name, "1")
    assert kernel_library.find_code(mixed.py_func, other) is None
