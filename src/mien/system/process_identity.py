"""Identity of a process that outlives it: who holds a piece of work, and whether that process still runs."""

import os
import platform
import sys
from dataclasses import dataclass
from pathlib import Path

import psutil

_START_FIELD = 19
"""Place of the start time in /proc/PID/stat, counted from the state, which follows the name in brackets (proc(5))."""
_MACHINE_LETTERS = 12  # of 32 hexadecimal ones: enough to tell machines apart
_SAME_START_S = 1.0  # systems without /proc give the start as a time; it is rounded in places


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """A process: its machine and, on Linux, its container; its number; its start, by which a reused number is recognised."""

    machine: str
    number: int
    start: str

    def __str__(self) -> str:
        return f"{self.machine}:{self.number}:{self.start}"


def this_process() -> ProcessIdentity:
    """Return the identity of the calling process."""
    number = os.getpid()
    return ProcessIdentity(this_machine(), number, _start_of(number) or "")


def parsed(text: str) -> ProcessIdentity | None:
    """Return the identity that `str` wrote; None for any other text."""
    machine, _, rest = text.partition(":")
    number, _, start = rest.partition(":")
    return ProcessIdentity(machine, int(number), start) if machine and start and number.isdecimal() else None


def runs_here(process: ProcessIdentity) -> bool | None:
    """Return whether a process of this machine still runs; None for one of another machine, which cannot be seen from here."""
    if process.machine != this_machine():
        return None
    start = _start_of(process.number)
    if start is None or sys.platform.startswith("linux"):
        return start == process.start
    try:
        return abs(float(start) - float(process.start)) < _SAME_START_S
    except ValueError:
        return False


def this_machine() -> str:
    """Return the scope of process numbers: this machine and, on Linux, this container."""
    try:
        space = Path("/proc/self/ns/pid").stat().st_ino
    except OSError:
        space = 0
    try:
        # Two machines on one network disk may have one name.
        installed = Path("/etc/machine-id").read_text("ascii").strip()[:_MACHINE_LETTERS]
    except (OSError, ValueError):
        installed = ""
    return f"{platform.node().replace(':', '-')}/{installed}/{space}"


def _start_of(number: int) -> str | None:
    """Return the start of a process as text, which does not move when the clock is set; None when it does not run."""
    if sys.platform.startswith("linux"):
        try:
            fields = Path(f"/proc/{number}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
            boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        except OSError:
            return None
        # A zombie has ended, and its parent has not read its exit code yet.
        return None if fields[0] in "ZX" else f"{boot}-{fields[_START_FIELD]}"
    try:
        return f"{psutil.Process(number).create_time():.3f}"
    except (psutil.Error, OverflowError, ValueError):
        return None
