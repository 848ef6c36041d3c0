"""Child process that is fed bytes from a thread, so that a slow network never holds its caller."""

import contextlib
import re
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Sequence

from mien.errors import OutputError
from mien.system.programs import environment

_MAX_LINES = 20  # of the error stream, in memory
_SHOWN_LINES = 2  # of them, in an error
_FFMPEG_END = "Conversion failed!"
_FFMPEG_CONTEXT = re.compile(r"^\[[^\]]* @ 0x[0-9a-f]+\] ")
"""The part of FFmpeg that prints a line, such as `[tcp @ 0x55d0c8] `."""


class FedProcess:
    """A child process that takes bytes on its input and reports on its error stream.

    `ready` is the beginning of the line that says that it works; other lines say what went wrong. Raises `OutputError` if it
    cannot be started.
    """

    def __init__(self, command: Sequence[str], ready: str) -> None:
        self._ready_line = ready
        self._changed = threading.Condition()
        self._items: deque[bytes] = deque()
        self._reported: deque[str] = deque(maxlen=_MAX_LINES)
        self._ready = self._closing = False
        self._progress = time.monotonic()
        self.ended = False
        self.backlog = 0
        """Bytes that wait for the process."""
        try:
            self._process = _started(command)
        except OSError as error:
            raise OutputError(f"cannot start {command[0]}: {error.strerror}", "check how it is installed") from error
        loops = {"write": self._write, "listen": self._listen}
        self._threads = [threading.Thread(target=loop, name=f"mien-stream-{name}", daemon=True) for name, loop in loops.items()]
        for thread in self._threads:
            thread.start()

    @property
    def silent_s(self) -> float:
        """Seconds since the process last took bytes, while some wait; 0 when none do."""
        with self._changed:
            return time.monotonic() - self._progress if self.backlog else 0.0

    @property
    def last_words(self) -> str:
        """Return the last lines of the error stream."""
        with self._changed:
            return "; ".join(list(self._reported)[-_SHOWN_LINES:])

    def send(self, data: bytes) -> None:
        """Queue bytes for the process; never waits."""
        if not data:
            return
        with self._changed:
            if not self.backlog:
                self._progress = time.monotonic()
            self._items.append(data)
            self.backlog += len(data)
            self._changed.notify_all()

    def wait_ready(self, deadline: float) -> bool:
        """Wait for the process to be ready; False when it ended or the deadline, on the monotonic clock, has passed."""
        with self._changed:
            self._changed.wait_for(lambda: self._ready or self.ended, deadline - time.monotonic())
            return self._ready and not self.ended

    def close(self, limit_s: float) -> None:
        """Close the input and wait for the process to end, at most `limit_s`; then kill it."""
        with self._changed:
            self._closing = True
            if not limit_s:
                self._items.clear()
            self._changed.notify_all()
        try:
            self._process.wait(limit_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for thread in self._threads:
            thread.join()

    def _write(self) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(OSError), self._process.stdin as pipe:
            while (item := self._next()) is not None:
                pipe.write(item)
                pipe.flush()
                with self._changed:
                    self.backlog -= len(item)
                    self._progress = time.monotonic()

    def _next(self) -> bytes | None:
        with self._changed:
            self._changed.wait_for(lambda: self._items or self._closing or self.ended)
            return self._items.popleft() if self._items and not self.ended else None

    def _listen(self) -> None:
        assert self._process.stderr is not None
        with self._process.stderr as pipe:
            for line in pipe:
                text = line.decode(errors="replace").strip()
                with self._changed:
                    if text.startswith(self._ready_line):
                        self._ready = True
                        self._reported.clear()
                        self._changed.notify_all()
                    elif text and text != _FFMPEG_END:
                        self._reported.append(_FFMPEG_CONTEXT.sub("", text))
        self._process.wait()
        with self._changed:
            self.ended = True
            self._changed.notify_all()


def _started(command: Sequence[str]) -> "subprocess.Popen[bytes]":
    """Start a child that Ctrl-C does not reach: it ends when its input ends, after the last packet."""
    pipe, clean = subprocess.PIPE, environment()
    if sys.platform == "win32":
        apart = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
        return subprocess.Popen(command, stdin=pipe, stdout=subprocess.DEVNULL, stderr=pipe, env=clean, creationflags=apart)
    return subprocess.Popen(command, stdin=pipe, stdout=subprocess.DEVNULL, stderr=pipe, env=clean, start_new_session=True)
