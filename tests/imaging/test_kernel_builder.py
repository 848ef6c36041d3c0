"""The table of kernels: each is in it, with types that numba knows, and the build says what it cannot compile."""

import contextlib
import os
import re
import signal
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import mien
from mien.imaging import kernel_builder
from mien.imaging.kernel_builder import build, build_part, is_complete, read_types
from mien.imaging.kernel_library import library_name, read_library
from mien.imaging.kernels import Instructions
from mien.types import Array

_KERNEL = re.compile(r"^@kernel\ndef (\w+)", re.MULTILINE)
_IMPORT = re.compile(r"^from (mien[.\w]*) import", re.MULTILINE)
_WITHOUT_INSTRUCTIONS = ("mien.imaging.compiler", "mien.imaging.kernels", "mien.system.processor")
CHEAP = ("mien.swap.memory.observer_kernels.follow_light", "mien.imaging.draw._take")


def _kernels() -> set[str]:
    """Return the names of all kernels, from the sources."""
    root = Path(mien.__file__).parent
    found = set()
    for file in root.rglob("*.py"):
        module = ".".join(("mien", *file.relative_to(root).with_suffix("").parts))
        found |= {f"{module}.{name}" for name in _KERNEL.findall(file.read_text("utf-8"))}
    return found


def test_each_kernel_is_compiled_beforehand() -> None:
    listed = {name for name, _ in read_types()}
    assert listed == _kernels(), "assets/kernel_types.csv needs a line for each kernel with the types of its arguments"


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


def test_a_picture_that_may_not_be_written_is_shrunk_by_the_library() -> None:
    """Compiling the kernel for it takes seconds, in the midst of a stream."""
    kinds = dict(read_types())["mien.imaging.area_kernels.shrink_area"]
    assert kinds[0] == "const uint8[:,::1]"


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


@pytest.mark.usefixtures("few")
def test_a_library_for_other_types_is_not_complete(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build_part(tmp_path / "file", 0, 1)
    rows = [(name, ("float64[::1]", *types[1:])) for name, types in kernel_builder.read_types()]
    monkeypatch.setattr(kernel_builder, "read_types", lambda: rows)
    assert not is_complete(tmp_path / "file")


@pytest.mark.usefixtures("few")
def test_libraries_of_many_processors_do_not_heap_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Here(contextlib.AbstractContextManager[Any]):
        """A process of the build, in this one."""

        returncode = 0

        def __init__(self, command: list[str], **_: Any) -> None:
            build_part(Path(command[-3]), int(command[-2]), int(command[-1]))

        def communicate(self) -> tuple[bytes, bytes]:
            return b"", b""

        def kill(self) -> None: ...

        def __exit__(self, *_: object) -> None: ...

    monkeypatch.setattr(subprocess, "Popen", Here)
    monkeypatch.setattr(kernel_builder, "_MOST_LIBRARIES", 2)
    for age, name in enumerate(("newer", "older", "oldest"), 1):
        (tmp_path / library_name(name)).touch()
        os.utime(tmp_path / library_name(name), (age * -1000 + 10_000,) * 2)
    (tmp_path / "machine.json").touch()
    build(tmp_path / library_name("own"))
    assert {each.name for each in tmp_path.iterdir()} == {library_name("own"), library_name("newer"), "machine.json"}
    assert is_complete(tmp_path / library_name("own"))


def test_a_build_that_is_interrupted_ends_its_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[subprocess.Popen[bytes]] = []

    class Interrupted(subprocess.Popen[bytes]):
        def __init__(self, command: list[str], **more: Any) -> None:
            super().__init__([sys.executable, "-c", "input()"], **more | {"stdin": subprocess.PIPE})
            started.append(self)

        def communicate(self, *_: Any, **__: Any) -> Any:
            raise KeyboardInterrupt

    monkeypatch.setattr(kernel_builder, "available_cores", lambda: 2)
    monkeypatch.setattr(subprocess, "Popen", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        build(tmp_path / "file")
    assert [process.returncode for process in started] == [-signal.SIGKILL] * 2


def test_instructions_name_all_modules_that_write_them() -> None:
    for name, _ in read_types():
        place, _, attribute = name.rpartition(".")
        function = getattr(import_module(place), attribute).py_func
        for value in function.__globals__.values():
            if isinstance(value, Instructions):
                known = {*value.modules, place, *_WITHOUT_INSTRUCTIONS}
                written = [Path(str(import_module(each).__file__)).read_text("utf-8") for each in value.modules]
                taken = {each for text in written for each in _IMPORT.findall(text)}
                assert taken <= known, f"{name} needs {taken - known}"


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
