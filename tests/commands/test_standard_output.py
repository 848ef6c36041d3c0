"""The standard output: what cannot be printed is told in one line, and the exit code says so."""

import os
import subprocess
from pathlib import Path
from typing import IO

import pytest

from mien.system.programs import environment, python_module

_FULL = Path("/dev/full")


def _run(stdout: "int | IO[bytes]", *arguments: str, unbuffered: bool = False) -> "subprocess.CompletedProcess[bytes]":
    settings = {name: value for name, value in environment().items() if name != "PYTHONUNBUFFERED"}
    if unbuffered:
        settings["PYTHONUNBUFFERED"] = "1"
    command = python_module("mien", *arguments)
    return subprocess.run(command, stdout=stdout, stderr=subprocess.PIPE, env=settings, check=False)


@pytest.mark.posix
@pytest.mark.parametrize("unbuffered", [False, True])
@pytest.mark.parametrize("command", ["settings", "tokens", "--help", "--version"])
def test_a_full_disk_is_told_in_one_line(command: str, *, unbuffered: bool) -> None:
    if not _FULL.exists():
        pytest.skip("NOT TESTED: this system has no /dev/full")
    with _FULL.open("wb") as full:
        done = _run(full, command, unbuffered=unbuffered)
    assert done.returncode == 5
    assert done.stderr.decode().splitlines() == [
        "mien: what mien prints cannot be written: No space left on device",
        "      make room, or print to another place",
    ]


@pytest.mark.posix
@pytest.mark.parametrize("command", ["settings", "--help"])
def test_a_reader_that_has_gone_is_no_error_to_tell(command: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as pipe:
        done = _run(pipe, command)
    assert (done.returncode, done.stderr) == (1, b"")


@pytest.mark.parametrize("unbuffered", [False, True])
def test_a_file_gets_all_that_is_printed(tmp_path: Path, *, unbuffered: bool) -> None:
    listed = tmp_path / "list.txt"
    with listed.open("wb") as file:
        done = _run(file, "settings", unbuffered=unbuffered)
    assert (done.returncode, done.stderr) == (0, b"")
    assert listed.read_bytes() == _run(subprocess.PIPE, "settings").stdout
    assert b"max_pixels" in listed.read_bytes()
