"""Compiled kernels on the disk: kept, found again, and never believed when they are damaged or of another origin."""

import os
import pickle
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mien.imaging import kernel_cache
from mien.imaging.compiler import numba
from mien.imaging.kernel_cache import KernelCache
from mien.imaging.kernel_files import SUFFIX, read_checked, write_checked

STEP = 3
"""A constant that the kernel takes from its module."""


def _add(values: "np.ndarray[Any, Any]") -> None:
    for index in range(len(values)):
        values[index] += STEP


class _Run:
    """One start: the kernel with a cache, and what it adds to 1, 2; `compiled` tells whether it had to be compiled."""

    def __init__(self, folder: Path | None) -> None:
        function = numba.njit(nogil=True)(_add)
        function._cache = KernelCache(_add, folder)
        values = np.array([1, 2], np.int32)
        function(values)
        self.values = values.tolist()
        self.compiled = sum(function.stats.cache_misses.values()) == 1


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the compiled kernel."""
    folder = tmp_path_factory.mktemp("kernels")
    assert _Run(folder).compiled
    return folder


@pytest.fixture
def folder(filled: Path, tmp_path: Path) -> Path:
    """Return a copy of the folder, to spoil."""
    return Path(shutil.copytree(filled, tmp_path / "kernels"))


def _only(folder: Path) -> Path:
    (file,) = folder.iterdir()
    return file


def test_a_second_start_compiles_nothing(filled: Path) -> None:
    run = _Run(filled)
    assert not run.compiled
    assert run.values == [4, 5]


@pytest.mark.parametrize("damage", ["cut", "flipped", "garbage", "empty", "another pickle", "not a pickle"])
def test_a_damaged_file_is_compiled_again(folder: Path, damage: str) -> None:
    file = _only(folder)
    content = file.read_bytes()
    half = len(content) // 2
    match damage:
        case "cut":
            file.write_bytes(content[:half])
        case "flipped":
            file.write_bytes(content[:half] + bytes([content[half] ^ 1]) + content[half + 1 :])
        case "garbage":
            file.write_bytes(bytes(range(256)) * 40)
        case "empty":
            file.write_bytes(b"")
        case "another pickle":
            write_checked(file, pickle.dumps(("of", "another", "build")))
        case _:
            write_checked(file, b"whole, but no pickle")
    run = _Run(folder)
    assert run.compiled
    assert run.values == [4, 5]
    assert not _Run(folder).compiled, "the damaged file was not replaced"


@pytest.mark.parametrize("changed", ["version", "processor", "constant"])
def test_what_the_code_depends_on_is_in_the_name(folder: Path, monkeypatch: pytest.MonkeyPatch, changed: str) -> None:
    if changed == "version":
        monkeypatch.setattr(numba, "__version__", "0.0.1")
    elif changed == "processor":
        codegen = type(numba.core.registry.cpu_target.target_context.codegen())
        monkeypatch.setattr(codegen, "magic_tuple", lambda _: ("x86_64-unknown-linux-gnu", "generic", ""))
    else:
        monkeypatch.setitem(globals(), "STEP", 7)
    run = _Run(folder)
    assert run.compiled
    assert run.values == ([8, 9] if changed == "constant" else [4, 5])


@pytest.mark.posix
def test_a_file_of_another_user_is_not_run(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    owner = _only(folder).stat().st_uid
    if owner == 0:
        pytest.skip("NOT TESTED as root: what root has written is trusted")
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    assert _Run(folder).compiled


@pytest.mark.posix
@pytest.mark.parametrize("place", ["writable by all", "writable by the group", "link", "pipe"])
def test_a_file_that_others_may_change_is_not_run(folder: Path, place: str) -> None:
    file = _only(folder)
    match place:
        case "link":
            file.rename(folder / "elsewhere")
            file.symlink_to(folder / "elsewhere")
        case "pipe":
            file.unlink()
            os.mkfifo(file)
        case _:
            file.chmod(0o666 if place.endswith("all") else 0o660)
    run = _Run(folder)
    assert run.compiled
    assert run.values == [4, 5]


def test_a_file_under_the_name_of_another_is_not_run(folder: Path) -> None:
    file = _only(folder)
    assert read_checked(file) is not None
    assert read_checked(file.rename(folder / f"another{SUFFIX}")) is None


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    run = _Run(tmp_path / "file" / "kernels")
    assert run.compiled
    assert run.values == [4, 5]


def test_without_a_folder_it_is_compiled_each_time() -> None:
    assert _Run(None).compiled


def test_old_files_are_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel_cache, "_MAX_FILES", 2)
    for number in range(3):
        (tmp_path / f"{number}.kernel").write_bytes(b"")
        os.utime(tmp_path / f"{number}.kernel", (number, number))
    _Run(tmp_path)
    assert {"2.kernel"} == {each.name for each in tmp_path.iterdir()} & {"0.kernel", "1.kernel", "2.kernel"}
