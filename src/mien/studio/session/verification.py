"""Looks into files for the page, each in a process of its own.

There a file that nobody can read in time, or that breaks the reader, ends neither the studio nor takes frames from it.
"""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil

from mien.errors import MediaError, MienError, UnreadableMedia, UsageError
from mien.provenance.trust import open_verifier
from mien.settings import Settings
from mien.system.programs import environment, python_module

MOST_AT_ONCE = 2
MOST_S = 180.0
"""A signed file of 8 GB, the largest that the studio takes, was looked through in 12 s."""
_NICE = 10


class VerifierBusy(UsageError):
    """As many files as may be are being looked into."""

    def __init__(self) -> None:
        super().__init__(f"{MOST_AT_ONCE} files are being looked into already", "try again when they are done")


class Verification:
    """Starts the processes and ends them; safe to use from several threads.

    Without `with_ledger` nobody learns what this machine made at other times: for studios that others use.
    """

    def __init__(
        self, data: Path, settings: Callable[[], Settings], *, with_ledger: bool = True, most_s: float = MOST_S
    ) -> None:
        self._data = data
        self._with_ledger = with_ledger
        self._settings = settings
        self._most_s = most_s
        self._lock = threading.Lock()
        self._children: set[subprocess.Popen[bytes]] = set()
        self._is_closed = False

    @property
    def count(self) -> int:
        """Files that are being looked into."""
        return len(self._children)

    def examine(self, path: Path, name: str) -> dict[str, Any]:
        """The described report on the file, which is spoken of as `name`; waits for it.

        Raises `VerifierBusy`, or `MediaError` when the file cannot be opened or takes longer than `most_s` seconds.
        """
        settings = self._settings()
        order = {
            "path": str(path),
            "name": name,
            "data": str(self._data),
            "with_ledger": self._with_ledger,
            "max_pixels": settings.max_pixels,
            "max_bytes": settings.max_bytes,
        }
        with self._running() as child:
            try:
                answer, _ = child.communicate(json.dumps(order).encode(), self._most_s)
            except subprocess.TimeoutExpired:
                raise MediaError(
                    f"{name} was not looked through within {self._most_s:.0f} seconds", "it may be damaged; try a piece of it"
                ) from None
        if child.returncode:
            raise UnreadableMedia(f"{name} cannot be looked into: the reader broke off", "it may be damaged; save it anew")
        found: dict[str, Any] = json.loads(answer)
        if "error" in found:
            raise MediaError(found["error"], found["remedy"])
        return found

    def close(self) -> None:
        """End what still runs; later requests are refused."""
        with self._lock:
            self._is_closed = True
            for child in self._children:
                child.kill()

    @contextmanager
    def _running(self) -> "Iterator[subprocess.Popen[bytes]]":
        command, clean = python_module(__name__), environment()
        pipe, nowhere = subprocess.PIPE, subprocess.DEVNULL
        with self._lock:
            if self._is_closed or len(self._children) >= MOST_AT_ONCE:
                raise VerifierBusy
            # In a session of its own, Ctrl-C reaches the studio alone, which ends the child.
            child = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=nowhere, env=clean, start_new_session=True)
            self._children.add(child)
        try:
            with child:
                try:
                    yield child
                finally:
                    child.kill()
        finally:
            with self._lock:
                self._children.discard(child)


def main() -> None:
    """The child: takes an order on its input, gives the report on its output."""
    _step_back()
    order = json.loads(sys.stdin.buffer.read())
    path, name = Path(order["path"]), str(order["name"])
    settings = replace(Settings(), max_pixels=order["max_pixels"], max_bytes=order["max_bytes"])
    try:
        verifier = open_verifier(Path(order["data"]), (), settings, with_ledger=order["with_ledger"])
        answer = verifier.examine(path).described()
    except MienError as error:
        answer = {"error": str(error), "remedy": error.remedy}
    # The upload lies under a name that the person does not know.
    sys.stdout.write(json.dumps(answer).replace(_inside_json(str(path)), _inside_json(name)))


def _inside_json(text: str) -> str:
    return json.dumps(text)[1:-1]


def _step_back() -> None:
    """The live picture goes first."""
    if sys.platform == "win32":
        psutil.Process().nice(psutil.BELOW_NORMAL_PRIORITY_CLASS)
    else:
        os.nice(_NICE)


if __name__ == "__main__":
    main()
