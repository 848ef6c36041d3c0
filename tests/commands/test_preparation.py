"""`mien doctor --prepare`: `scripts/install` runs it whole; here are its edges."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from mien.commands import preparation
from mien.commands.main import main
from mien.imaging import kernel_builder
from mien.imaging.kernel_files import kernel_folder
from mien.imaging.kernel_library import can_load, library_name, own_library
from mien.system.processor import processor_digest
from mien.system.programs import environment, python_module


@pytest.fixture
def swapped(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """Replace the swaps by notes of what they would have swapped."""
    notes: list[tuple[str, ...]] = []

    def swap(photo: Path, target: Path, output: Path, data: Path, *more: str) -> None:
        notes.append((photo.name, target.name, *more))

    monkeypatch.setattr(preparation, "_swap", swap)
    monkeypatch.setattr(kernel_builder, "build", lambda _: None)
    monkeypatch.setattr(preparation, "warm_up", lambda *_: None)
    return notes


def test_a_picture_and_a_film_are_swapped(
    swapped: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    (tmp_path / "one.kernel").touch()
    assert main(["doctor", "--prepare"]) == 0
    assert [each[1:] for each in swapped] == [("grace_hopper.jpg",), ("clip.mp4", "--end", "0.2")]
    assert str(tmp_path) in capsys.readouterr().err.replace("\n", "")


@pytest.mark.parametrize(("folder", "words"), [("relative", "no folder"), ("empty", "cannot be kept")])
def test_a_machine_that_keeps_nothing(
    swapped: list[Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    folder: str,
    words: str,
) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", "kernels" if folder == "relative" else str(tmp_path))
    assert main(["doctor", "--prepare"]) == 2
    assert words in capsys.readouterr().err


@pytest.mark.skipif(not can_load(), reason="NOT TESTED: libraries are for Linux on x86-64")
@pytest.mark.usefixtures("swapped")
def test_a_library_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []

    def build(path: Path) -> None:
        made.append(path.name)
        path.touch()

    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(kernel_builder, "build", build)
    monkeypatch.setattr(kernel_builder, "is_complete", lambda path: path.exists())
    for _ in range(2):
        assert main(["doctor", "--prepare"]) == 0
    assert made == [library_name(processor_digest())]


@pytest.mark.skipif(not can_load(), reason="NOT TESTED: libraries are for Linux on x86-64")
@pytest.mark.parametrize("error", [OSError("no space"), RuntimeError("kernels could not be compiled")])
@pytest.mark.usefixtures("swapped")
def test_a_library_that_cannot_be_made_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception
) -> None:
    def failing(path: Path) -> None:
        raise error

    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(kernel_builder, "build", failing)
    assert main(["doctor", "--prepare"]) == 2
    assert str(error) in capsys.readouterr().err.replace("\n", " ")


def test_a_failed_swap_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(kernel_builder, "build", lambda _: None)
    monkeypatch.setattr(preparation, "python_module", lambda *_: ["sh", "-c", "echo no room >&2; exit 5"])
    assert main(["doctor", "--prepare"]) == 1
    assert "no room" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.skipif(own_library(Path(os.sep)) is None, reason="NOT TESTED: libraries are for Linux on x86-64")
def test_nothing_that_a_picture_or_a_film_calls_is_compiled_beside_the_library(tmp_path: Path) -> None:
    library, known = own_library(tmp_path), own_library(kernel_folder())
    assert library
    # The one of this machine saves half a minute, unless a kernel has changed since.
    if known and kernel_builder.is_complete(known):
        shutil.copy(known, library)
    inherited = {name: value for name, value in environment().items() if not name.startswith(("NUMBA_", "MIEN_PLAIN"))}
    command = python_module("mien.commands.main", "doctor", "--prepare")
    done = subprocess.run(command, env={**inherited, "NUMBA_CACHE_DIR": str(tmp_path)}, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert kernel_builder.is_complete(library), "assets/kernel_types.csv has types that a kernel cannot be compiled for"
    compiled = sorted({file.name.rpartition("-")[0] for file in tmp_path.glob("*.kernel")})
    assert compiled == [], "assets/kernel_types.csv lacks types that these are called with"
