"""Verification of files for the page, a process each.

A file that takes too long, or that crashes the reader, then neither ends the studio nor costs it frames.
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

MAX_RUNNING = 2  # each takes a core; the live picture needs the others
TIMEOUT_S = 180.0  # a signed file of 8 GB, the largest that the studio takes, was verified in 12 s
_NICENESS = 10  # the live picture comes first


class VerifierBusy(UsageError):
    """The maximum number of files is being verified."""

    def __init__(self) -> None:
        super().__init__(f"{MAX_RUNNING} files are already being verified", "try again when they are done")


class Verification:
    """Starts and ends the processes. Safe to use from several threads.

    Without `with_ledger` the report does not reveal what this machine made earlier: for studios that others use.
    """

    def __init__(
        self, data: Path, settings: Callable[[], Settings], *, with_ledger: bool = True, timeout_s: float = TIMEOUT_S
    ) -> None:
        self._data = data
        self._with_ledger = with_ledger
        self._settings = settings
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._children: set[subprocess.Popen[bytes]] = set()
        self._is_closed = False

    @property
    def count(self) -> int:
        """Return the number of files that are being verified."""
        return len(self._children)

    def examine(self, path: Path, name: str) -> dict[str, Any]:
        """Wait for the report on the file, in which it is called `name`, and return it as JSON values.

        Raises `VerifierBusy`, or `MediaError` when the file cannot be opened or takes longer than `timeout_s`.
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
                answer, _ = child.communicate(json.dumps(order).encode(), self._timeout_s)
            except subprocess.TimeoutExpired:
                raise MediaError(
                    f"{name} was not verified within {self._timeout_s:.0f} seconds", "it may be damaged; try a part of it"
                ) from None
        if child.returncode:
            raise UnreadableMedia(f"{name} cannot be verified: the reader crashed", "it may be damaged; save it again")
        found: dict[str, Any] = json.loads(answer)
        if "error" in found:
            raise MediaError(found["error"], found["remedy"], key=found["code"])
        return found

    def close(self) -> None:
        """End running processes; refuse later requests."""
        with self._lock:
            self._is_closed = True
            for child in self._children:
                child.kill()

    @contextmanager
    def _running(self) -> "Iterator[subprocess.Popen[bytes]]":
        command, clean = python_module(__name__), environment()
        pipe, nowhere = subprocess.PIPE, subprocess.DEVNULL
        with self._lock:
            if self._is_closed or len(self._children) >= MAX_RUNNING:
                raise VerifierBusy
            # In a session of its own: Ctrl-C reaches the studio alone, which ends the child.
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
    """Run the child: read an order from the input, write the report to the output."""
    _lower_priority()
    order = json.loads(sys.stdin.buffer.read())
    path, name = Path(order["path"]), str(order["name"])
    settings = replace(Settings(), max_pixels=order["max_pixels"], max_bytes=order["max_bytes"])
    try:
        verifier = open_verifier(Path(order["data"]), (), settings, with_ledger=order["with_ledger"])
        answer = verifier.examine(path).described()
    except MienError as error:
        answer = {"error": str(error), "remedy": error.remedy, "code": error.code}
    # The upload has a random name that the person does not know.
    sys.stdout.write(json.dumps(answer).replace(_inside_json(str(path)), _inside_json(name)))


def _inside_json(text: str) -> str:
    return json.dumps(text)[1:-1]


def _lower_priority() -> None:
    """Leave the processor to the live picture first."""
    if sys.platform == "win32":
        psutil.Process().nice(psutil.BELOW_NORMAL_PRIORITY_CLASS)
    else:
        os.nice(_NICENESS)


if __name__ == "__main__":
    main()
