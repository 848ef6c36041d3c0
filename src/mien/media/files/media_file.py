"""Context managers that readers and writers of one media file share."""

import contextlib
from abc import ABC, abstractmethod
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

from av.container import OutputContainer
from av.error import FFmpegError

from mien.errors import UnreadableMedia, UsageError
from mien.media.files.output_file import OutputFile


class MediaFileReader(ABC):
    """A reader that closes its file when it is left."""

    path: Path

    @abstractmethod
    def close(self) -> None:
        """Close the file; more than once is allowed."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _nothing(self, *, decoded_any: bool) -> UnreadableMedia | UsageError:
        """Return the error of a file without a single wanted frame."""
        if decoded_any:
            return UsageError(f"no frame of {self.path} lies in the chosen part", "choose another --start or --end")
        return UnreadableMedia(f"no frame of {self.path} can be decoded", "check the file, or fetch or save it again")


class MediaFileWriter(ABC):
    """A writer that finishes its file when it is left without an error, and else removes it."""

    _output: OutputFile
    _container: OutputContainer
    _finished: bool

    @abstractmethod
    def finish(self) -> None:
        """Write what the encoder still holds and the end of the file, once."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is not None:
            self._abandon()
            return
        try:
            self.finish()
        except BaseException:
            self._abandon()
            raise

    def _abandon(self) -> None:
        """Give up: first the file goes, so that closing does not spend time on finishing it."""
        self._finished = True
        with contextlib.suppress(OSError):
            self._output.temporary.unlink()
        with contextlib.suppress(FFmpegError, OSError, ValueError):
            self._container.close()


def part_bounds(start_s: float | None, end_s: float | None) -> tuple[Fraction | None, Fraction | None]:
    """Return the bounds of the wanted part exactly as they were written; raise `UsageError` for an empty part."""
    start, end = (None if seconds is None else Fraction(str(seconds)) for seconds in (start_s, end_s))
    if start is not None and end is not None and end <= start:
        raise UsageError(f"the part from {float(start):g} s to {float(end):g} s is empty", "end after the start")
    return start, end
