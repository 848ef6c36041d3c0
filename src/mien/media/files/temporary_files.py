"""Temporary files beside outputs: their names, and a journal by which those of a killed run are removed at the next start."""

import contextlib
import os
import platform
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from mien.media.files.receipt import receipt_path
from mien.system import rows
from mien.system.database import Database

_NAME = re.compile(r"\..*\.mien-[0-9a-f]{16}\.part(\.[^.]*)?", re.DOTALL)
_MAX_STEM_LETTERS = 40  # of the output's name; file systems limit a name to 255 bytes, and a letter has up to 4


def temporary_path(path: Path) -> Path:
    """Return a new name beside `path`: hidden, unmistakably ours, with the extension from which muxers guess the format."""
    stem = path.stem if is_temporary(path) else path.stem[:_MAX_STEM_LETTERS]
    return path.with_name(f".{stem}.mien-{secrets.token_hex(8)}.part{path.suffix}")


def is_temporary(path: Path) -> bool:
    """Return whether `temporary_path` made this name."""
    return _NAME.fullmatch(path.name) is not None


def discard(path: Path) -> bool:
    """Remove a temporary file and its receipt; return False when one of them is still there."""
    gone = True
    for each in (path, receipt_path(path)):
        try:
            each.unlink(missing_ok=True)
        except OSError:
            gone = False
    return gone


def discard_drafts(path: Path) -> None:
    """Remove temporary files named after `path`: a run that was killed while it signed the file leaves them beside it."""
    for output in (path, receipt_path(path)):
        start = "." + (output.stem if is_temporary(output) else output.stem[:_MAX_STEM_LETTERS])
        with contextlib.suppress(OSError):
            for each in list(output.parent.iterdir()):
                if each.suffix == output.suffix and is_temporary(each) and each.name.rpartition(".mien-")[0] == start:
                    each.unlink(missing_ok=True)


_TEMPORARIES: rows.Table[tuple[bytes, str, int, float]] = rows.Table(
    "temporaries",
    {"path": rows.blob, "machine": rows.text, "process": rows.PROCESS, "process_began": rows.real},
    rows.together,
)


class Temporaries:
    """Journal of the temporary files of this installation, in its database; knows which of them are stale.

    Every method that writes raises `ProvenanceError` when the database cannot be used.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._mine: dict[Path, None] = {}

    def begin(self, path: Path) -> None:
        """Enter a temporary file before it is made."""
        path = path.absolute()
        self._mine[path] = None
        with self._database.opened() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO temporaries (path, machine, process, process_began) VALUES (?, ?, ?, ?)",
                (os.fsencode(path), _machine(), os.getpid(), psutil.Process().create_time()),
            )

    def end(self, path: Path) -> None:
        """Forget a temporary file that has its final name or is gone."""
        path = path.absolute()
        with self._database.opened() as connection:
            connection.execute("DELETE FROM temporaries WHERE path = ?", (os.fsencode(path),))
        self._mine.pop(path, None)

    @contextmanager
    def cleaned(self) -> Iterator[None]:
        """Remove at the end the temporary files of this run that an interruption has left."""
        try:
            yield
        finally:
            for path in list(self._mine):
                discard_drafts(path)
                if discard(path):
                    self.end(path)

    def tidy(self) -> None:
        """Remove the files that ended runs have left: entered here, named as ours, their process gone."""
        with self._database.opened() as connection:
            entries = _TEMPORARIES.rows(connection)
        for name, machine, process, began in entries:
            path = Path(os.fsdecode(name))
            if machine != _machine() or _may_run(process, began):
                continue
            if not (path.is_absolute() and is_temporary(path)):
                self.end(path)
            elif _is_folder(path.parent):
                # A folder that is missing may be on a disk that comes back.
                discard_drafts(path)
                if discard(path):
                    self.end(path)


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return False


def _machine() -> str:
    """Return the scope of process numbers: this machine and, on Linux, this container."""
    try:
        space = Path("/proc/self/ns/pid").stat().st_ino
    except OSError:
        space = 0
    return f"{platform.node()} {space}"


def _may_run(process: int, began: float) -> bool:
    """Return whether the process may still run. A reused number counts as running: start times move when the clock is set."""
    if process == os.getpid():
        return abs(psutil.Process().create_time() - began) < 1
    try:
        return psutil.pid_exists(process)
    except OverflowError:
        return False
