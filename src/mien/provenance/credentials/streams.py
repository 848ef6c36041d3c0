"""Files as the C library sees them."""

import io
import os
from pathlib import Path
from typing import Any

_CHUNK_BYTES = 1 << 20  # bounds memory: the library asks for hundreds of megabytes at once


class ChunkedFile(io.FileIO):
    """File that returns at most 1 MB a read, with which the library is content.

    Errors of writing are appended to `failures`, because the library only reports that something failed.
    """

    def __init__(self, path: Path, mode: str, failures: list[BaseException] | None = None) -> None:
        super().__init__(path, mode)
        self._failures = failures

    def read(self, size: int | None = -1, /) -> bytes:
        """Return up to `size` bytes, never more than a chunk."""
        return super().read(_CHUNK_BYTES if size is None or size < 0 else min(size, _CHUNK_BYTES)) or b""

    def write(self, data: Any, /) -> int:
        """Write all of `data`. Raises `OSError`."""
        # A full disk takes a part and reports that by the count only, which the library does not check.
        left = memoryview(data).cast("B")
        try:
            while left:
                left = left[super().write(left) or 0 :]
            return len(data)
        except OSError as error:
            if self._failures is not None:
                self._failures.append(error)
            raise


class NullFile(io.RawIOBase):
    """File that forgets its content: the library writes a copy of the file even when the manifest stays outside."""

    def __init__(self) -> None:
        super().__init__()
        self._at = self._end = 0

    def read(self, size: int = -1, /) -> bytes:
        """Return nothing."""
        return b""

    def write(self, data: Any, /) -> int:
        """Move the position by the length of `data`."""
        self._at += len(data)
        self._end = max(self._end, self._at)
        return len(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Move the position; return it."""
        self._at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._end}[whence]
        return self._at

    def tell(self) -> int:
        """Return the position."""
        return self._at
