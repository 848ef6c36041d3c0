"""Target picture that is read and searched for faces while the source photo is prepared."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

from mien.assembly import factory
from mien.media.files.picture_read import Picture
from mien.models.library.store import Store
from mien.safety.content_check import FileContentCheck
from mien.settings import Settings
from mien.swap.cast import Treatment
from mien.types import TrackedFace


class PictureAhead:
    """Beginning of the swap of one picture, in a thread within the `with`: most of it needs no GIL.

    An error of the thread is raised where its result is asked for; on leaving, the thread has ended. `others` are those who
    wear no face.
    """

    def __init__(
        self, read: Callable[[], Picture], settings: Settings, models: factory.Models, others: Treatment = "leave"
    ) -> None:
        self.tracker = factory.open_picture_tracker(factory.hiding_settings(settings, others), models)
        """Tracker that is given the picture."""
        self._read = read
        self._pool = ThreadPoolExecutor(1, "ahead")

    def picture(self) -> Picture:
        """Return the picture; raises a `MediaError`."""
        return self._picture.result()

    def content(self) -> FileContentCheck:
        """Return the opened content check; raises a `ModelError`."""
        return self._content.result()

    def faces(self) -> tuple[TrackedFace, ...]:
        """Return the faces of the picture as its tracker sees them."""
        return self._faces.result()

    def _search(self) -> tuple[TrackedFace, ...]:
        return self.tracker.update(self._picture.result().frame)

    def __enter__(self) -> Self:
        self._picture: Future[Picture] = self._pool.submit(self._read)
        self._content: Future[FileContentCheck] = self._pool.submit(factory.open_content_check, Store())
        self._faces: Future[tuple[TrackedFace, ...]] = self._pool.submit(self._search)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._pool.shutdown(cancel_futures=True)
