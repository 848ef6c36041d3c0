"""A file that is either written whole or not at all."""

import errno
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from mien.errors import MienError, OutputError, UsageError
from mien.media.files.file_names import windows_fault
from mien.media.files.receipt import receipt_path
from mien.media.files.temporary_files import discard, temporary_path

_IS_WINDOWS = os.name == "nt"
_REMEDIES = {
    errno.ENOSPC: "free some space or write to another disk",
    errno.EDQUOT: "free some space in your quota or write to another disk",
    errno.EFBIG: "the file system or a limit does not allow a file so large: write to another disk",
    errno.EACCES: "choose a folder that you may write to",
    errno.EPERM: "choose a folder that you may write to",
    errno.EROFS: "the disk is read-only: choose another",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.ENOENT: "create the folder first",
}


_OF_THE_CONTENT = {errno.EINVAL, errno.ERANGE, errno.EDOM, errno.ENOSYS, errno.EAGAIN, errno.ENOMEM}
"""Numbers with which FFmpeg refuses what it is given, wherever that is written."""


def is_of_the_place(error: Exception) -> bool:
    """Tell errors of FFmpeg or the system that come from the disk or folder from those of what is written."""
    number = getattr(error, "errno", None)
    return number in errno.errorcode and number not in _OF_THE_CONTENT


def output_error(error: OSError, path: Path) -> OutputError:
    """What went wrong while `path` was written, and what to do."""
    reason = os.strerror(error.errno) if error.errno else str(error)
    return OutputError(f"cannot write {path}: {reason}", _REMEDIES.get(error.errno or 0, "choose another place"))


class Journal(Protocol):
    """Remembers temporary files across runs."""

    def begin(self, path: Path) -> None:
        """Note a file before it is made."""
        ...

    def end(self, path: Path) -> None:
        """Forget a file that is gone."""
        ...


@contextmanager
def spoken_of(path: Path, name: str) -> Iterator[None]:
    """Errors that are raised inside speak of the file by the name that the user knows."""
    try:
        yield
    except MienError as error:
        named = [text.replace(str(path), name).replace(path.name, Path(name).name) for text in (str(error), error.remedy)]
        error.args, error.remedy = (named[0], *error.args[1:]), named[1]
        raise


class OutputFile:
    """Gives a temporary name beside `path` and renames it on `commit`; left without a commit, nothing remains.

    A receipt that was made beside the temporary file goes with it.

    Entering raises `OutputError` or `UsageError` before any work is done: folder missing or read-only, path is a folder, is
    one of the `inputs`, or exists and `overwrite` is off. It leaves no file behind, so that an interruption between entering
    and the body of the `with` leaves none either; `journal` notes the name before a file can have it.
    """

    def __init__(
        self, path: Path, *, overwrite: bool, inputs: Sequence[Path] = (), journal: Journal | None = None
    ) -> None:  # fmt: skip
        self.path = path
        self._overwrite = overwrite
        self._inputs = tuple(inputs)
        self._journal = journal
        self.temporary = temporary_path(path)

    def __enter__(self) -> Self:
        self.check()
        if self._journal is not None:
            self._journal.begin(self.temporary)
        self._try_folder()
        return self

    def _try_folder(self) -> None:
        """Make a file and remove it at once, which shows whether the folder can be written to."""
        try:
            try:
                self.temporary.touch(mode=0o666, exist_ok=False)
            finally:
                self.temporary.unlink(missing_ok=True)
        except OSError as error:
            raise output_error(error, self.path) from error

    def check(self, *, folder_is_made: bool = False) -> None:
        """Raise what is already known to be in the way; with `folder_is_made` the folder may be missing, its own may not."""
        fault = windows_fault(str(self.path)) if _IS_WINDOWS else None
        if fault:
            raise OutputError(fault, "choose another name for the output")
        for given in self._inputs:
            if same_file(self.path, given):
                raise UsageError(f"the output {self.path} is also an input", "choose another name for the output")
        try:
            if self.path.is_dir():
                raise OutputError(f"{self.path} is a folder", f"name a file in it, such as {self.path / 'out'}")
            if receipt_path(self.path).is_dir():
                raise OutputError(f"{receipt_path(self.path)} is a folder", "move it away: the receipt goes there")
            for path in (self.path, receipt_path(self.path)):
                if (path.exists() or path.is_symlink()) and not self._overwrite:
                    raise OutputError(f"{path} exists already", "choose another name, or replace it with --overwrite")
            if not (self.path.parent.parent if folder_is_made else self.path.parent).is_dir():
                raise OutputError(f"the folder {self.path.parent} does not exist", "create the folder first")
        except OSError as error:
            raise output_error(error, self.path) from error

    def commit(self) -> None:
        """Make the file appear under its name, flushed to the disk."""
        try:
            receipt, place = receipt_path(self.temporary), receipt_path(self.path)
            has_receipt = receipt.exists()
            for path in (self.temporary, *((receipt,) if has_receipt else ())):
                with path.open("rb+") as written:
                    os.fsync(written.fileno())
            if has_receipt:
                # First, so that at no moment there is a file without it.
                receipt.replace(place)
            elif self._overwrite:
                # The receipt of the file that is replaced says nothing of this one.
                place.unlink(missing_ok=True)
            try:
                if self._overwrite:
                    self.temporary.replace(self.path)
                else:
                    self._appear()
            except BaseException:
                if has_receipt:
                    place.unlink(missing_ok=True)
                raise
        except OSError as error:
            raise output_error(error, self.path) from error

    def _appear(self) -> None:
        """Rename without replacing a file that has come into being meanwhile."""
        try:
            os.link(self.temporary, self.path)
        except FileExistsError:
            raise OutputError(
                f"{self.path} has appeared while the result was made",
                "choose another name, or replace it with --overwrite",
            ) from None
        except OSError:
            # Some file systems (FAT, network shares) have no hard links; there the check is all that can be had.
            self.check()
            self.temporary.replace(self.path)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if discard(self.temporary) and self._journal is not None:
            self._journal.end(self.temporary)


def same_file(path: Path, given: Path) -> bool:
    """Return whether two names mean one file, by link or by name."""
    try:
        return path.samefile(given)
    except OSError:
        return path.absolute() == given.absolute()
