"""`mien` as a program: how it begins, and how it ends."""

import atexit
import runpy
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from mien.system.programs import environment

_PROGRAM = """
import atexit, sys
from pathlib import Path
from types import SimpleNamespace
from mien.__main__ import run

class Kept:
    def __del__(self):
        print("taken apart")

kept = Kept()

def command():
    atexit.register(print, "registered later")
    print("done")
    {end}

sys.modules["mien.commands.main"] = SimpleNamespace(main=command)
run()
"""


def test_ctrl_c_before_the_command_has_begun_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> int:
        raise KeyboardInterrupt

    monkeypatch.setitem(sys.modules, "mien.commands.main", SimpleNamespace(main=interrupted))
    monkeypatch.setattr(sys, "path", ["", *sys.path])
    # It would end the tests.
    monkeypatch.setattr(atexit, "register", lambda _: None)
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("mien", run_name="__main__")
    assert ended.value.code == 130


def test_a_finished_program_is_not_taken_apart() -> None:
    done = _run("return 3")
    assert (done.returncode, done.stdout, done.stderr) == (3, "done\nregistered later\n", "")


def test_an_error_that_nobody_catches_ends_as_ever() -> None:
    done = _run("raise LookupError('lost')")
    assert (done.returncode, done.stdout) == (1, "done\nregistered later\ntaken apart\n")
    assert done.stderr.endswith("LookupError: lost\n")


def test_an_exit_within_the_command_keeps_its_code() -> None:
    assert _run("sys.exit(2)").returncode == 2


@pytest.mark.posix
def test_last_words_that_cannot_be_written_are_told() -> None:
    settings = {name: value for name, value in environment().items() if name != "PYTHONUNBUFFERED"}
    command = [sys.executable, "-P", "-c", _PROGRAM.format(end="return 0")]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, env=settings, check=False)
    assert done.returncode == 120
    assert b"No space left" in done.stderr


def _run(end: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-P", "-c", _PROGRAM.format(end=end)]
    return subprocess.run(command, capture_output=True, text=True, env=environment(), check=False)
