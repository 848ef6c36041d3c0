"""Files of a planned film in a folder that all workers see under one path."""

import contextlib
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from mien.assembly.job_store import PLAN_AGAIN, made_by_one, too_large
from mien.assembly.part_lease import FileMark, PartLease, linked
from mien.errors import OutputError, UsageError
from mien.media.files.output_file import output_error
from mien.types import Note


class FolderStore:
    """Store in a folder, private to its owner: it holds faces."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def address(self) -> str:
        """The folder."""
        return str(self._path)

    def named(self, name: str) -> str:
        """Return the path of a file."""
        return str(self._path / name)

    @contextmanager
    def created(self) -> Iterator[None]:
        """Make the folder, and remove it again after an error. Raises `OutputError`; `UsageError` where it holds something."""
        path = self._path
        try:
            if path.exists() and (not path.is_dir() or any(path.iterdir())):
                raise UsageError(f"{path} exists already", "name a new folder")
            path.mkdir(mode=0o700, exist_ok=True)
            path.chmod(0o700)
        except OSError as error:
            raise output_error(error, path) from error
        with made_by_one(self):
            yield

    def names(self, prefix: str = "") -> frozenset[str]:
        """Return the names of all files that begin so; none where there is no folder. Raises `OutputError`."""
        try:
            return frozenset(each.name for each in self._path.iterdir() if each.name.startswith(prefix))
        except FileNotFoundError:
            return frozenset()
        except OSError as error:
            raise OutputError(f"{self._path} cannot be read: {error.strerror}", "check the disk and the rights") from error

    def has(self, name: str) -> bool:
        """Return whether there is a file of this name."""
        return (self._path / name).exists()

    def find(self, name: str, most: int) -> bytes | None:
        """Return the content of a file, None where there is none. Raises `UsageError` for more than `most` bytes."""
        path = self._path / name
        try:
            with path.open("rb") as file:
                content = file.read(most + 1)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise UsageError(f"{path} cannot be read: {error.strerror}", PLAN_AGAIN) from error
        if len(content) > most:
            raise too_large(str(path), most)
        return content

    def write(self, name: str, content: bytes) -> None:
        """Write a file whole or not at all, readable by its owner alone. Raises `OutputError`."""
        with self._written(name, content) as temporary:
            temporary.replace(self._path / name)

    def create(self, name: str, content: bytes) -> bool:
        """Write a new file whole; return False, and change nothing, where it exists. Raises `OutputError`."""
        with self._written(name, content) as temporary:
            return linked(temporary, self._path / name)

    @contextmanager
    def _written(self, name: str, content: bytes) -> Iterator[Path]:
        temporary = self._path / f".{name}.{secrets.token_hex(8)}.part"
        try:
            with open(temporary, "xb", opener=_private) as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            yield temporary
        except OSError as error:
            raise output_error(error, self._path / name) from error
        finally:
            temporary.unlink(missing_ok=True)

    def draft(self, name: str) -> Path:
        """Return a new path in the folder; who holds the lease of this name is alone with its drafts."""
        for left in self._path.glob(f".{name}.*.draft"):
            # Of a run that was killed.
            left.unlink(missing_ok=True)
        return self._path / f".{name}.{os.getpid()}.draft"

    def hand_in(self, draft: Path, name: str) -> None:
        """Flush a draft to the disk and rename it. Raises `OutputError`."""
        try:
            with draft.open("rb+") as file:
                os.fsync(file.fileno())
            draft.replace(self._path / name)
        except OSError as error:
            raise output_error(error, self._path / name) from error

    def discard(self, draft: Path) -> None:
        """Remove the draft where it was not handed in."""
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)

    @contextmanager
    def fetched(self, name: str) -> Iterator[Path]:
        """Give the path of a file."""
        yield self._path / name

    def lease(self, name: str) -> PartLease:
        """Return the lease in a file of this name."""
        return PartLease(FileMark(self._path / name))

    def remove(self, own: Callable[[str], bool]) -> tuple[str, ...]:
        """Remove own files, and the folder where it is empty then. Return a note where that fails."""
        try:
            for each in list(self._path.iterdir()):
                if own(each.name):
                    each.unlink(missing_ok=True)
            if not any(self._path.iterdir()):
                self._path.rmdir()
        except OSError as error:
            text = "{path} shows faces and cannot be removed ({reason}): remove it yourself"
            return (Note.of("parts-left", text, path=str(self._path), reason=str(error.strerror)),)
        return ()


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
