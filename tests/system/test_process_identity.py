"""Processes are recognised: one that runs, one that has ended, a reused number, one of another machine."""

import subprocess
import sys
from dataclasses import replace

import pytest

from mien.system.process_identity import ProcessIdentity, parsed, runs_here, this_process
from tests.support.deadline import wait_until


def test_this_process_runs() -> None:
    assert runs_here(this_process()) is True
    assert parsed(str(this_process())) == this_process()


def test_a_reused_number_is_not_the_process() -> None:
    assert runs_here(replace(this_process(), start="another")) is False


def test_a_process_of_another_machine_cannot_be_seen() -> None:
    assert runs_here(replace(this_process(), machine="elsewhere")) is None


@pytest.mark.parametrize("reaped", [True, False])
def test_a_process_that_has_ended_does_not_run(reaped: bool) -> None:
    code = "from mien.system.process_identity import this_process; print(this_process(), flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        identity = parsed(child.stdout.readline().strip())
        assert identity is not None
        assert runs_here(identity) is True
        child.stdin.close()
        # At the end of its output it exits; unread, its exit code keeps a zombie.
        child.stdout.read()
        if reaped:
            child.wait()
        else:
            wait_until(lambda: not runs_here(identity), "the process has ended")
        assert runs_here(identity) is False


@pytest.mark.parametrize("text", ["", "machine", "machine:x:y", ":1:2", "machine:1:"])
def test_other_text_is_no_process(text: str) -> None:
    assert parsed(text) is None


def test_a_number_that_no_system_has_does_not_run() -> None:
    assert runs_here(ProcessIdentity(this_process().machine, 1 << 40, "1")) is False
