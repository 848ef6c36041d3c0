"""Preview: the labelled picture for the pages that watch, JPEG over WebSockets, two frames in flight for each."""

import asyncio
import struct
import threading
import time
from types import TracebackType
from typing import Self

import cv2
import numpy as np

from mien.studio.session.pictures import jpeg
from mien.types import Image, LabelledFrame

HEADER = struct.Struct("<IIdII")
"""Sequence, flags, capture time in ms since the epoch, bytes of the picture after, bytes of the picture before."""
IN_FLIGHT = 2  # one is decoded while the next is on its way; more would add delay
_JPEG_QUALITY = 80  # chosen by eye
_MAX_ORIGINALS = 4  # on a busy machine the preview's thread is one to two frames behind
_FIRST_WIDTH_PIXELS = 1280  # until the page says how wide it is


class Viewer:
    """One page. Made and used on the event loop; `HubSink` only reads its wishes and hands it messages.

    `width` 0 wants no picture; `before` wants the picture as it was, too.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.width = _FIRST_WIDTH_PIXELS
        self.before = False
        self._loop = loop
        self._messages: asyncio.Queue[bytes] = asyncio.Queue()
        self._pending: set[int] = set()
        self._sequence = 0

    @property
    def ready(self) -> bool:
        """Return True when the page takes another frame."""
        return self.width > 0 and len(self._pending) < IN_FLIGHT

    def offer(self, capture_ms: float, after: bytes, before: bytes) -> None:
        """Send a frame; for the sink's thread, and only when `ready`."""
        self._sequence += 1
        self._pending.add(self._sequence)
        message = HEADER.pack(self._sequence, 0, capture_ms, len(after), len(before)) + after + before
        self._loop.call_soon_threadsafe(self._put, message)

    def _put(self, message: bytes) -> None:
        # A page that acknowledges what it does not read must not fill the memory.
        if self._messages.qsize() < IN_FLIGHT:
            self._messages.put_nowait(message)

    def acknowledged(self, sequence: int) -> None:
        """Note that the page has drawn a frame."""
        self._pending.discard(sequence)

    async def next(self) -> bytes:
        """Wait for the next message to the page."""
        return await self._messages.get()


class PreviewHub:
    """All pages that watch, and the last pictures as they were."""

    def __init__(self) -> None:
        self._viewers: set[Viewer] = set()
        self._lock = threading.Lock()
        self._before: dict[int, Image] = {}

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

    def note_before(self, pts: int, image: Image | None) -> None:
        """Keep the picture as it was for the frame of this time; the page alone shows it, beside the labelled one."""
        kept = {} if image is None else {**self._before, pts: image}
        self._before = dict(list(kept.items())[-_MAX_ORIGINALS:])

    def ready(self) -> list[Viewer]:
        """Return the pages that take another frame."""
        with self._lock:
            return [viewer for viewer in self._viewers if viewer.ready]

    def before_of(self, pts: int) -> Image | None:
        """Return the picture as it was for the frame of this time, if it is kept."""
        return self._before.get(pts)


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
        encoded: dict[tuple[int, bool], bytes] = {}
        original = self._hub.before_of(frame.pts)
        for viewer in viewers:
            # Read once: the page may change it at any time.
            width = min(viewer.width, frame.image.shape[1])
            if width <= 0:
                continue
            key = (width, False)
            if key not in encoded:
                encoded[key] = _jpeg(frame.image, width)
            before = b""
            if viewer.before and original is not None:
                before = encoded.get((width, True)) or encoded.setdefault((width, True), _jpeg(original, width))
            viewer.offer(captured_ms, encoded[key], before)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        return None


def _jpeg(image: Image, width: int) -> bytes:
    if width < image.shape[1]:
        height = max(1, round(image.shape[0] * width / image.shape[1]))
        image = np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
    return jpeg(image, _JPEG_QUALITY)
