"""Libraries of kernels: the Python functions around machine code give what numba gives, and refuse what they cannot take."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mien.imaging import kernel_library
from mien.imaging.kernel_files import code_digest, write_checked
from mien.imaging.kernel_library import (
    COMMON_X86,
    Contents,
    Library,
    kernel_name,
    library_bytes,
    library_name,
    library_paths,
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
    ],
    ids=["read-only where it is read", "contiguous", "int64", "float64", "false", "empty"],
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


@pytest.mark.parametrize("damage", ["missing", "cut", "another form"])
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
    assert read_library(file) is None


_KNOWN = "fpu avx avx2 bmi1 bmi2 f16c fma abm movbe popcnt sse4_2"


@pytest.mark.parametrize(("flags", "packaged"), [(_KNOWN, True), (_KNOWN.replace(" avx2", ""), False), ("", False)])
def test_the_packaged_library_needs_all_that_it_is_built_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, flags: str, packaged: bool
) -> None:
    monkeypatch.setattr("mien.system.processor.described_processor", lambda: f"flags\t\t: {flags}\n")
    own, *rest = library_paths(tmp_path)
    assert own.parent == tmp_path
    assert [each.name for each in rest] == ([library_name(COMMON_X86)] if packaged else [])


@pytest.mark.parametrize("name", ["NUMBA_BOUNDSCHECK", "NUMBA_DISABLE_JIT"])
def test_numba_compiles_where_other_code_is_asked_for(monkeypatch: pytest.MonkeyPatch, other: _Other, name: str) -> None:
    def opened() -> tuple[Library, ...]:
        raise AssertionError("a library was opened")

    assert isinstance(mixed, Kernel)
    monkeypatch.setattr(kernel_library, "_libraries", opened)
    monkeypatch.setenv(name, "1")
    assert kernel_library.find_code(mixed.py_func, other) is None
