"""Output file that is written whole or not at all."""

import errno
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from mien.errors import DiskFull, MienError, OutputError, UsageError
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


_FULL = {errno.ENOSPC, errno.EDQUOT}
_CONTENT_ERRORS = {errno.EINVAL, errno.ERANGE, errno.EDOM, errno.ENOSYS, errno.EAGAIN, errno.ENOMEM}
"""Numbers by which FFmpeg rejects its input, wherever the output goes."""


def is_of_the_place(error: Exception) -> bool:
    """Return whether an error of FFmpeg or the system comes from the disk or folder, not from the content."""
    number = getattr(error, "errno", None)
    return number in errno.errorcode and number not in _CONTENT_ERRORS


def output_error(error: OSError, path: Path) -> OutputError:
    """Translate an error of writing `path`, with its remedy."""
    reason = os.strerror(error.errno) if error.errno else str(error)
    kind = DiskFull if error.errno in _FULL else OutputError
    return kind(f"cannot write {path}: {reason}", _REMEDIES.get(error.errno or 0, "choose another place"))


class Journal(Protocol):
    """Memory of temporary files across runs."""

    def begin(self, path: Path) -> None:
        """Record a file before it is created."""
        ...

    def end(self, path: Path) -> None:
        """Forget a file that was removed."""
        ...


@contextmanager
def named_in_errors(path: Path, name: str) -> Iterator[None]:
    """Rename the file in errors raised inside to the name that the user knows."""
    try:
        yield
    except MienError as error:

        def renamed(text: str) -> str:
            return text.replace(str(path), name).replace(path.name, Path(name).name)

        error.args, error.remedy = (renamed(str(error)), *error.args[1:]), renamed(error.remedy)
        error.values = {key: renamed(value) if isinstance(value, str) else value for key, value in error.values.items()}
        raise


class OutputFile:
    """Temporary file beside `path`, renamed on `commit`; without a commit, nothing remains.

    A receipt beside the temporary file is renamed or removed with it.

    Entering raises `OutputError` or `UsageError` before any work is done: folder missing or read-only, path is a folder, is
    one of the `inputs`, or exists and `overwrite` is off. It leaves no file behind, so that an interruption between entering
    and the body of the `with` leaves none either; `journal` records the name before a file can have it.
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
        """Create a file and remove it at once, to find out whether the folder is writable."""
        try:
            try:
                self.temporary.touch(mode=0o666, exist_ok=False)
            finally:
                self.temporary.unlink(missing_ok=True)
        except OSError as error:
            raise output_error(error, self.path) from error

    def check(self, *, folder_is_made: bool = False) -> None:
        """Raise known obstacles; with `folder_is_made` the folder may be missing, but its own folder may not."""
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
        """Flush the file to the disk and give it its name."""
        try:
            receipt, place = receipt_path(self.temporary), receipt_path(self.path)
            has_receipt = receipt.exists()
            for path in (self.temporary, *((receipt,) if has_receipt else ())):
                with path.open("rb+") as written:
                    os.fsync(written.fileno())
            if has_receipt:
                # First, so that the file never exists without it.
                receipt.replace(place)
            elif self._overwrite:
                # The receipt of the replaced file does not describe this one.
                place.unlink(missing_ok=True)
            try:
                if self._overwrite:
                    self.temporary.replace(self.path)
                else:
                    self._rename_to_new()
            except BaseException:
                if has_receipt:
                    place.unlink(missing_ok=True)
                raise
        except OSError as error:
            raise output_error(error, self.path) from error

    def _rename_to_new(self) -> None:
        """Rename without replacing a file that appeared meanwhile."""
        try:
            os.link(self.temporary, self.path)
        except FileExistsError:
            raise OutputError(
                f"{self.path} appeared while the result was made",
                "choose another name, or replace it with --overwrite",
            ) from None
        except OSError:
            # Some file systems (FAT, network shares) have no hard links; there the check has to do.
            self.check()
            self.temporary.replace(self.path)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if discard(self.temporary) and self._journal is not None:
            self._journal.end(self.temporary)


def same_file(path: Path, given: Path) -> bool:
    """Return whether two paths lead to one file, by link or by name."""
    try:
        return path.samefile(given)
    except OSError:
        return path.absolute() == given.absolute()
