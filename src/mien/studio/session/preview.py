"""Preview: the labelled picture for the pages that watch, JPEG over WebSockets, two frames in flight for each."""

import asyncio
import struct
import threading
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import cv2
import numpy as np

from mien.studio.session.pictures import jpeg
from mien.types import Image, LabelledFrame

HEADER = struct.Struct("<IIdII")
"""Sequence, bytes of the faces, capture time in ms since the epoch, bytes of the picture after, bytes of the picture before.
The pictures follow in this order, then the faces as JSON."""
IN_FLIGHT = 2  # one is decoded while the next is on its way; more would add delay
_ACKNOWLEDGED_WITHIN_S = 2.0  # a page that was suspended may have lost a frame; the queue to it is bounded, too
_JPEG_QUALITY = 80  # chosen by eye
_MAX_ORIGINALS = 4  # on a busy machine the preview's thread is one to two frames behind
_FIRST_WIDTH_PIXELS = 1280  # until the page says how wide it is


@dataclass(frozen=True, slots=True)
class Originals:
    """The picture of one frame as it was, and the same with the parser's classes drawn over it; for the page alone.

    `faces` is JSON: the faces in the frame as in `face_numbers.described`.
    """

    before: Image | None = None
    classes: Image | None = None
    faces: bytes = b""


class Viewer:
    """One page. Made and used on the event loop; `HubSink` only reads its wishes and hands it messages.

    `width` 0 wants no picture; `before` wants the picture as it was, too, `classes` that with the parser's classes over it,
    `faces` the places and numbers of the faces.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.width = _FIRST_WIDTH_PIXELS
        self.before = False
        self.classes = False
        self.faces = False
        self._loop = loop
        self._messages: asyncio.Queue[bytes] = asyncio.Queue()
        self._pending: dict[int, float] = {}
        """Sequence and time of the frames that the page has not acknowledged."""
        self._sequence = 0

    @property
    def ready(self) -> bool:
        """Return True when the page takes another frame; one that was not acknowledged in time is given up."""
        oldest_s = time.monotonic() - _ACKNOWLEDGED_WITHIN_S
        waiting = [sent_s for sent_s in list(self._pending.values()) if sent_s > oldest_s]
        return self.width > 0 and len(waiting) < IN_FLIGHT

    def offer(self, capture_ms: float, after: bytes, before: bytes, faces: bytes = b"") -> None:
        """Send a frame; for the sink's thread, and only when `ready`."""
        self._sequence += 1
        sent_s = time.monotonic()
        for number, earlier_s in list(self._pending.items()):
            if sent_s - earlier_s > _ACKNOWLEDGED_WITHIN_S:
                self._pending.pop(number, None)
        self._pending[self._sequence] = sent_s
        message = HEADER.pack(self._sequence, len(faces), capture_ms, len(after), len(before)) + after + before + faces
        self._loop.call_soon_threadsafe(self._put, message)

    def _put(self, message: bytes) -> None:
        # A page that acknowledges what it does not read must not fill the memory.
        if self._messages.qsize() < IN_FLIGHT:
            self._messages.put_nowait(message)

    def acknowledged(self, sequence: int) -> None:
        """Note that the page has drawn a frame."""
        self._pending.pop(sequence, None)

    async def next(self) -> bytes:
        """Wait for the next message to the page."""
        return await self._messages.get()


class PreviewHub:
    """All pages that watch, and the last pictures as they were."""

    def __init__(self) -> None:
        self._viewers: set[Viewer] = set()
        self._lock = threading.Lock()
        self._originals: dict[int, Originals] = {}

    def join(self, viewer: Viewer) -> None:
        """Add a page."""
        with self._lock:
            self._viewers.add(viewer)

    def leave(self, viewer: Viewer) -> None:
        """Remove a page."""
        with self._lock:
            self._viewers.discard(viewer)

    @property
    def count(self) -> int:
        """Return the number of pages that watch."""
        return len(self._viewers)

    @property
    def wants_before(self) -> bool:
        """Return True when a page shows the picture as it was."""
        with self._lock:
            return any(viewer.before and viewer.width > 0 for viewer in self._viewers)

    @property
    def wants_classes(self) -> bool:
        """Return True when a page shows what the parser sees."""
        with self._lock:
            return any(viewer.classes and viewer.width > 0 for viewer in self._viewers)

    @property
    def wants_faces(self) -> bool:
        """Return True when a page shows the numbers of faces."""
        with self._lock:
            return any(viewer.faces and viewer.width > 0 for viewer in self._viewers)

    def note_originals(self, pts: int, originals: Originals) -> None:
        """Keep the picture as it was for the frame of this time; the page alone shows it, beside the labelled one."""
        is_empty = originals.before is None and originals.classes is None and not originals.faces
        kept = {} if is_empty else {**self._originals, pts: originals}
        self._originals = dict(list(kept.items())[-_MAX_ORIGINALS:])

    def ready(self) -> list[Viewer]:
        """Return the pages that take another frame."""
        with self._lock:
            return [viewer for viewer in self._viewers if viewer.ready]

    def originals_of(self, pts: int) -> Originals:
        """Return the picture as it was for the frame of this time, as far as it is kept."""
        return self._originals.get(pts, Originals())


class HubSink:
    """A `contracts.FrameSink` that encodes a frame once for each wanted size, and not at all when no page is ready."""

    def __init__(self, hub: PreviewHub) -> None:
        self._hub = hub

    def write(self, labelled: LabelledFrame) -> None:
        """Send the frame to all pages that are ready."""
        viewers = self._hub.ready()
        if not viewers:
            return
        frame = labelled.frame
        captured_ms = 1000 * (frame.time_s + time.time() - time.monotonic())
        encoded: dict[tuple[int, str], bytes] = {}
        originals = self._hub.originals_of(frame.pts)

        def jpeg_of(image: Image, width: int, name: str) -> bytes:
            if (width, name) not in encoded:
                encoded[width, name] = _jpeg(image, width)
            return encoded[width, name]

        for viewer in viewers:
            # Read once: the page may change it at any time.
            width = min(viewer.width, frame.image.shape[1])
            if width <= 0:
                continue
            before = b""
            if viewer.classes and originals.classes is not None:
                before = jpeg_of(originals.classes, width, "classes")
            elif viewer.before and originals.before is not None:
                before = jpeg_of(originals.before, width, "before")
            faces = originals.faces if viewer.faces else b""
            viewer.offer(captured_ms, jpeg_of(frame.image, width, "after"), before, faces)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        return None


def _jpeg(image: Image, width: int) -> bytes:
    if width < image.shape[1]:
        height = max(1, round(image.shape[0] * width / image.shape[1]))
        image = np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
    return jpeg(image, _JPEG_QUALITY)
