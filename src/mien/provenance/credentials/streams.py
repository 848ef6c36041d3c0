"""Files as the C library sees them."""

import io
import os
from pathlib import Path
from typing import Any

_READ_BYTES = 1 << 20


class ChunkedFile(io.FileIO):
    """The library asks for hundreds of megabytes at once; it is content with less. What fails is noted in `failures`, because
    the library only says that something did.
    """

    def __init__(self, path: Path, mode: str, failures: list[BaseException] | None = None) -> None:
        super().__init__(path, mode)
        self._failures = failures

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(_READ_BYTES if size is None or size < 0 else min(size, _READ_BYTES)) or b""

    def write(self, data: Any, /) -> int:
        # A full disk takes a part and says so by the count only, for which the library does not look.
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
    """Takes the copy of the file that the library writes even when the manifest stays outside."""

    def __init__(self) -> None:
        super().__init__()
        self._at = self._end = 0

    def read(self, size: int = -1, /) -> bytes:
        return b""

    def write(self, data: Any, /) -> int:
        self._at += len(data)
        self._end = max(self._end, self._at)
        return len(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        self._at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._end}[whence]
        return self._at

    def tell(self) -> int:
        return self._at
