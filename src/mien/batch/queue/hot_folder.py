"""Hot folder: each file that appears in it becomes a job once, as soon as it is whole."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mien.batch.queue.store import JobStore
from mien.errors import UsageError
from mien.media.files.temporary_files import is_temporary
from mien.system import rows

STABLE_S = 5.0
"""Time in which size and time of change must stay the same: copies over a network pause for a second or two."""
_JUNK = frozenset({"thumbs.db", "desktop.ini"})
_UNFINISHED = frozenset({".part", ".crdownload", ".tmp", ".partial", ".download", ".filepart"})
_TAKEN = rows.Table(
    "taken",
    {
        "folder": rows.text,
        "path": rows.text,
        "size": rows.integer(0, (1 << 63) - 1),
        "mtime_ns": rows.integer(-(1 << 63), (1 << 63) - 1),
        "skipped": rows.text,
    },
    rows.together,
)


@dataclass(frozen=True, slots=True)
class Sighting:
    """A file as it was seen, and since when it has been like this."""

    size: int
    mtime_ns: int
    since_s: float


class HotFolder:
    """A folder that is looked at again and again. What was taken is remembered in the queue, also by later runs."""

    def __init__(self, store: JobStore, folder: Path) -> None:
        self.folder = folder.absolute()
        self._store = store
        self._seen: dict[Path, Sighting] = {}

    def ready(self) -> list[Path]:
        """Return the files that are whole and were not taken yet. Raises `UsageError` when the folder cannot be read."""
        now = self._store.clock.steady()
        taken, seen, found = self._taken(), dict[Path, Sighting](), list[Path]()
        for path, size, mtime_ns in self._files():
            if taken.get(_text(path)) == (size, mtime_ns):
                continue
            before = self._seen.get(path)
            same = before is not None and (before.size, before.mtime_ns) == (size, mtime_ns)
            seen[path] = before if same and before is not None else Sighting(size, mtime_ns, now)
            if now - seen[path].since_s >= STABLE_S:
                found.append(path)
        self._seen = seen
        return found

    def take(self, path: Path, skipped: str = "") -> None:
        """Remember that a file was taken, or why it was skipped. A file that changes later is taken again."""
        sighting = self._seen.pop(path)
        row = (_text(self.folder), _text(path), sighting.size, sighting.mtime_ns, _text(skipped))
        with self._store.database.opened() as connection:
            connection.execute("INSERT OR REPLACE INTO taken VALUES (?, ?, ?, ?, ?)", row)

    def _taken(self) -> dict[str, tuple[int, int]]:
        with self._store.database.reading() as connection:
            found = _TAKEN.rows(connection, "WHERE folder = ?", (_text(self.folder),))
        return {path: (size, mtime_ns) for _, path, size, mtime_ns, _ in found}

    def _files(self) -> Iterator[tuple[Path, int, int]]:
        try:
            with os.scandir(self.folder) as entries:
                found = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            raise UsageError(
                f"the folder {self.folder} cannot be read: {error.strerror}", "check its name and rights"
            ) from error
        for entry in found:
            path = Path(entry.path)
            if is_junk(path):
                continue
            try:
                facts = entry.stat()
                if entry.is_file() and facts.st_size:
                    yield path, facts.st_size, facts.st_mtime_ns
            except OSError:
                # It went away, or is a link to nothing.
                continue


def _text(words: Path | str) -> str:
    """Return a path or words about it as the queue can hold them: bytes of a name that are no text are spelled."""
    return str(words).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def is_junk(path: Path) -> bool:
    """Return True for hidden files, those of file managers, and downloads that are not finished."""
    name = path.name.lower()
    return name.startswith(".") or name in _JUNK or path.suffix.lower() in _UNFINISHED or is_temporary(path)


def skipped_files(store: JobStore) -> list[tuple[Path, str]]:
    """Return the files of all watched folders that were skipped, and why."""
    with store.database.reading() as connection:
        found = _TAKEN.rows(connection, "WHERE skipped != '' ORDER BY folder, path")
    return [(Path(path), why) for _, path, _, _, why in found]
