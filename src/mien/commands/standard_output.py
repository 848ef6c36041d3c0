"""The standard output, where it is a file or a pipe: `mien verify FILE > list.txt` on a full disk."""

import io
import sys
from typing import TYPE_CHECKING

from mien.errors import OutputError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class StandardOutput(io.FileIO):
    """The file behind `sys.stdout`. What cannot be written raises `OutputError`, once; what follows goes nowhere.

    A reader that has gone (`mien models | head`) stays a `BrokenPipeError`.
    """

    _failed = False

    def write(self, data: "ReadableBuffer", /) -> int:
        """Write the bytes and return how many were taken."""
        if self._failed:
            return memoryview(data).nbytes
        try:
            return super().write(data)
        except OSError as error:
            # Python tries again while it exits, and would complain in its own words.
            self._failed = True
            if isinstance(error, BrokenPipeError):
                raise
            remedy = "make room, or print to another place"
            raise OutputError(f"what mien prints cannot be written: {error.strerror or error}", remedy) from error


def watch() -> None:
    """Put a `StandardOutput` behind `sys.stdout`, unless that is a terminal, closed, or somebody else's."""
    given = sys.stdout
    if given is None or given is not sys.__stdout__ or not isinstance(given, io.TextIOWrapper) or given.isatty():
        return
    raw = StandardOutput(given.fileno(), "w", closefd=False)
    # `python -u` asks for no buffer.
    buffer = raw if given.write_through else io.BufferedWriter(raw)
    sys.stdout = io.TextIOWrapper(buffer, encoding=given.encoding, errors=given.errors, write_through=given.write_through)
