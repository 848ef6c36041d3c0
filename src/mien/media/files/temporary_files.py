"""Temporary files beside outputs: their names, and the journal by which those of a killed run are removed at the next start."""

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
_KEPT_LETTERS = 40
"""Of the output's name, so that the temporary one is never too long."""


def temporary_path(path: Path) -> Path:
    """Return a new name beside `path`: hidden, unmistakably ours, with the extension, from which muxers guess the format."""
    stem = path.stem if is_temporary(path) else path.stem[:_KEPT_LETTERS]
    return path.with_name(f".{stem}.mien-{secrets.token_hex(8)}.part{path.suffix}")


def is_temporary(path: Path) -> bool:
    """Return whether a name is one of `temporary_path`."""
    return _NAME.fullmatch(path.name) is not None


def discard(path: Path) -> bool:
    """Remove a temporary file and its receipt; False when one of them is still there."""
    gone = True
    for each in (path, receipt_path(path)):
        try:
            each.unlink(missing_ok=True)
        except OSError:
            gone = False
    return gone


def discard_drafts(path: Path) -> None:
    """Remove temporary files named after `path`, which a run that was killed while it signed the file leaves beside it."""
    for of in (path, receipt_path(path)):
        start = "." + (of.stem if is_temporary(of) else of.stem[:_KEPT_LETTERS])
        with contextlib.suppress(OSError):
            for each in list(of.parent.iterdir()):
                if each.suffix == of.suffix and is_temporary(each) and each.name.rpartition(".mien-")[0] == start:
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
        """Note a temporary file before it is made."""
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
        """Remove at the end what an interruption at an unlucky moment has left of this run's files."""
        try:
            yield
        finally:
            for path in list(self._mine):
                discard_drafts(path)
                if discard(path):
                    self.end(path)

    def tidy(self) -> None:
        """Remove the files of runs that have ended without doing so: noted here, named as ours, their process gone."""
        with self._database.opened() as connection:
            all_noted = _TEMPORARIES.rows(connection)
        for noted, machine, process, began in all_noted:
            path = Path(os.fsdecode(noted))
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
    """Return what process numbers belong to: this machine and, on Linux, this container."""
    try:
        space = Path("/proc/self/ns/pid").stat().st_ino
    except OSError:
        space = 0
    return f"{platform.node()} {space}"


def _may_run(process: int, began: float) -> bool:
    """Return whether the process may still run. A number used again counts as running: times move when the clock is set."""
    if process == os.getpid():
        return abs(psutil.Process().create_time() - began) < 1
    try:
        return psutil.pid_exists(process)
    except OverflowError:
        return False
