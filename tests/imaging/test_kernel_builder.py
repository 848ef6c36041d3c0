"""The table of kernels: each is in it, with types that numba knows, and the build says what it cannot compile."""

import re
from importlib import import_module
from pathlib import Path

import pytest

import mien
from mien.imaging import kernel_builder
from mien.imaging.kernel_builder import build, build_part, is_complete, read_types
from mien.imaging.kernel_library import read_library
from mien.types import Array

_KERNEL = re.compile(r"^@kernel\ndef (\w+)", re.MULTILINE)
CHEAP = ("mien.swap.memory.observer._follow", "mien.imaging.draw._take")


def _kernels() -> set[str]:
    """Return the names of all kernels, from the sources."""
    root = Path(mien.__file__).parent
    found = set()
    for file in root.rglob("*.py"):
        module = ".".join(("mien", *file.relative_to(root).with_suffix("").parts))
        found |= {f"{module}.{name}" for name in _KERNEL.findall(file.read_text("utf-8"))}
    return found


def test_each_kernel_is_compiled_beforehand() -> None:
    assert {name for name, _ in read_types()} == _kernels()


def test_types_are_known_and_as_many_as_a_kernel_takes() -> None:
    from mien.imaging.kernel_object import parse_type

    for name, types in read_types():
        place, _, attribute = name.rpartition(".")
        assert len(types) == getattr(import_module(place), attribute).py_func.__code__.co_argcount, name
        for each in types:
            parse_type(each)


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two kernels that are compiled at once."""
    rows = [(name, types) for name, types in read_types() if name in CHEAP]
    monkeypatch.setattr(kernel_builder, "read_types", lambda: rows)


@pytest.mark.usefixtures("few")
def test_parts_are_libraries(tmp_path: Path) -> None:
    for number in range(2):
        build_part(tmp_path / f"{number}", number, 2)
    parts = [read_library(tmp_path / f"{number}") for number in range(2)]
    names = [name for part in parts if part for name in part.kernels]
    assert sorted(names) == sorted(CHEAP)


@pytest.mark.usefixtures("few")
def test_a_library_is_complete_as_long_as_the_sources_are_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not is_complete(tmp_path / "file")
    build_part(tmp_path / "file", 0, 1)
    assert is_complete(tmp_path / "file")
    monkeypatch.setattr(kernel_builder, "code_digest", lambda _: "changed")
    assert not is_complete(tmp_path / "file")


def test_a_build_that_fails_says_why_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel_builder, "_MODULE", "mien.imaging.no_such_module")
    with pytest.raises(RuntimeError, match="no_such_module"):
        build(tmp_path / "file")
    assert list(tmp_path.iterdir()) == []


def test_a_kernel_that_needs_more_of_numba_than_a_library_holds_is_refused() -> None:
    from mien.imaging import kernel_compiler, kernel_object

    module = kernel_object.Merged("types", 0)
    module.add(kernel_compiler.uncached_kernel(_assigning, fast=True), "assigning", ("float64[:,::1]", "float64[:,::1]"))
    with pytest.raises(RuntimeError, match="write arrays in loops"):
        module.emitted()


def _assigning(one: Array, other: Array) -> None:
    one[:] = other
