"""Host of a check at the terminal: questions, and lines that are typed while pictures come."""

import os
import queue
import sys
import threading
from typing import TextIO

from mien.errors import UsageError

_LINE_BYTES = 4096  # of one line that is typed


class Host:
    """Lines of a terminal, read beside the pictures. `reading` is the file descriptor; None = nobody is there."""

    def __init__(self, reading: int | None, writing: TextIO) -> None:
        self._reading = reading
        self._writing = writing
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._over = reading is None

    @property
    def is_there(self) -> bool:
        """True while somebody can answer."""
        return not self._over

    def must_confirm(self, question: str, otherwise: str, remedy: str) -> None:
        """Ask a question; raise `UsageError` with what is the matter `otherwise` unless it is answered with yes."""
        if self.ask(f"{question} [y/N] ").lower() not in {"y", "yes"}:
            raise UsageError(otherwise, remedy)

    def ask(self, question: str) -> str:
        """Return what is typed after a question, without spaces around it; '' when nobody answers."""
        if not self.is_there:
            return ""
        self.listen()
        self._writing.write(question)
        self._writing.flush()
        return self._taken(self._lines.get())

    def ask_at_end(self, question: str) -> str:
        """Ask as `ask` does; Ctrl-C leaves this question and all later ones without an answer, and the check goes on."""
        try:
            return self.ask(question)
        except KeyboardInterrupt:
            self._over = True
            return ""

    def forget_typed(self) -> None:
        """Forget the lines that were typed since `listen`: they answer no later question."""
        while self._thread is not None and self.typed() is not None:
            pass

    def typed(self) -> str | None:
        """Return a line that was typed since the last one; None without one. Does not wait."""
        if not self.is_there:
            return None
        self.listen()
        try:
            line = self._lines.get_nowait()
        except queue.Empty:
            return None
        said = self._taken(line)
        return None if line is None else said

    def listen(self) -> None:
        """Read from here on what is typed."""
        if self._thread is None and self._reading is not None:
            # A thread that waits for a line must not keep the program alive, nor hold the lock of sys.stdin when it ends.
            self._thread = threading.Thread(target=self._read, name="lines of the host", daemon=True)
            self._thread.start()

    def _taken(self, line: str | None) -> str:
        self._over = self._over or line is None
        return (line or "").strip()

    def _read(self) -> None:
        assert self._reading is not None
        rest = b""
        try:
            while content := os.read(self._reading, _LINE_BYTES):
                *lines, rest = (rest + content).split(b"\n")
                for line in lines:
                    self._lines.put(line.decode("utf-8", "replace"))
        except OSError:
            # The terminal has gone.
            pass
        self._lines.put(None)


def host_at_terminal() -> Host:
    """Return the host at this terminal; nobody where there is none."""
    return Host(sys.stdin.fileno() if sys.stdin.isatty() else None, sys.stderr)
