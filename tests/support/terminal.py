"""A person at a terminal, who answers a question of a command."""

import re
import selectors
import subprocess
import sys
import time
from collections.abc import Sequence

from tests.support.deadline import DEADLINE_S

CTRL_C = "\x03"

_COLOURS = re.compile(rb"\x1b\[[0-9;]*m")
_IN_A_TERMINAL = """
import os, pty, sys
os.environ["COLUMNS"] = "200"
sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))
"""
"""Runs a command at a terminal of its own; in a process of its own, because a process with threads must not fork."""
_AGAIN_S = 10.0  # until a person presses Ctrl-C again; chosen, longer than a command takes to end


def answered(command: Sequence[str], question: str, typed: str) -> tuple[int, bytes]:
    """Run `command` at a terminal, type `typed` once it asks `question`; return its exit code and what it has printed.

    A Ctrl-C between the question and the reading of the answer changes nothing, as in every Python program: the person
    presses it again.
    """
    said, asked = b"", False
    deadline = time.monotonic() + DEADLINE_S
    with (
        subprocess.Popen(
            [sys.executable, "-c", _IN_A_TERMINAL, *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
        ) as process,
        selectors.DefaultSelector() as selector,
    ):
        assert process.stdin is not None
        assert process.stdout is not None
        selector.register(process.stdout, selectors.EVENT_READ)
        while True:
            if not selector.select(_AGAIN_S):
                if time.monotonic() > deadline:
                    process.kill()
                    raise AssertionError(f"the command waits for ever: {said.decode(errors='replace')}")
                if asked and typed == CTRL_C:
                    process.stdin.write(typed.encode())
                continue
            part = process.stdout.read(4096)
            if not part:
                break
            said += part
            # The whole question: what ends in a colon before it may be the half of a line, and Ctrl-C then comes too soon.
            if not asked and _COLOURS.sub(b"", said).rstrip().endswith(question.encode()):
                process.stdin.write(typed.encode())
                asked = True
    return process.returncode, said
