"""Film or animation whose own mark is looked for while models and source photo are prepared."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import Event
from types import TracebackType
from typing import Self

from mien.assembly import factory
from mien.batch.marking import first_mark_id
from mien.models.library.store import Store
from mien.provenance.mark.windows import readable, windows_of
from mien.safety.content_check import FileContentCheck
from mien.settings import Settings
from mien.types import Image


def target_windows(
    target: Path, settings: Settings, start_s: float | None = None, end_s: float | None = None
) -> Iterator[list[Image]]:
    """Yield windows of a target, or of its part, in which a mark may lie. Raises `MediaError`."""
    return readable(
        windows_of(target, max_pixels=settings.max_pixels, max_bytes=settings.max_bytes, start_s=start_s, end_s=end_s)
    )


class FilmAhead:
    """Beginning of the swap of one film, in a thread within the `with`: decoding and reading need no GIL.

    An error of the thread is raised where its result is asked for; on leaving, the thread has ended, after the window that it
    was at.
    """

    def __init__(self, windows: Iterator[list[Image]]) -> None:
        self._windows = windows
        self._left = Event()
        self._pool = ThreadPoolExecutor(1, "ahead")

    def mark_id(self) -> int:
        """Return what `first_mark_id` returns; raises a `MediaError` or `MarkImpossible`."""
        return self._mark_id.result()

    def content(self) -> FileContentCheck:
        """Return the opened content check; raises a `ModelError`."""
        return self._content.result()

    def _looked(self) -> Iterator[list[Image]]:
        for window in self._windows:
            if self._left.is_set():
                return
            yield window

    def __enter__(self) -> Self:
        self._mark_id: Future[int] = self._pool.submit(lambda: first_mark_id(self._looked()))
        self._content: Future[FileContentCheck] = self._pool.submit(factory.open_content_check, Store())
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._left.set()
        self._pool.shutdown(cancel_futures=True)
