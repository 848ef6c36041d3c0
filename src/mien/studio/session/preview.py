"""Preview: the labelled picture for the pages that watch, over WebSockets, two frames in flight for each.

It is JPEG, or plain (`plain_picture`) for a page on the same machine, where bytes cost less than compression.
"""

import asyncio
import struct
import threading
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import numpy as np

from mien.studio.session import plain_picture
from mien.studio.session.pictures import jpeg, narrowed
from mien.types import Image, LabelledFrame

HEADER = struct.Struct("<IIdII")
"""Sequence, bytes of the faces, capture time in ms since the epoch, bytes of the picture after, bytes of the picture before.
The pictures follow in this order, then the faces as JSON. A plain one starts with the name of its layout."""
IN_FLIGHT = 2  # one is decoded while the next is on its way; more would add delay
_ACKNOWLEDGED_WITHIN_S = 2.0  # a page that was suspended may have lost a frame; the queue to it is bounded, too
_SLOW_S = 0.2  # a plain 720p picture, drawn and acknowledged: 10 to 60 ms on two busy cores, 280 over 5 MB/s
_MAX_SLOW_PICTURES = 10  # more than are slow before those that are fast, and plain pictures end for this page
_JPEG_QUALITY = 80  # chosen by eye
_SAME_AGAIN_S = 1.0  # drawing the card of an idle page 5 times a second took 0.3 of a core of Chromium; for what was lost
_MAX_ORIGINALS = 4  # on a busy machine the preview's thread is one to two frames behind
_ROWS_APART = 60  # 12 rows of 720p: 0.01 ms
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
    `faces` the places and numbers of the faces, `plain` pictures without compression. A way that turns out to be slow, such
    as a tunnel to another machine, gets JPEG all the same.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.width = _FIRST_WIDTH_PIXELS
        self.before = False
        self.classes = False
        self.faces = False
        self.plain = False
        self._slow_pictures = 0
        self._loop = loop
        self._messages: asyncio.Queue[bytes] = asyncio.Queue()
        self._pending: dict[int, float] = {}
        """Sequence and time of the frames that the page has not acknowledged."""
        self._sequence = 0
        self._held: tuple[int, int, bool] | None = None
        self._held_s = 0.0

    @property
    def ready(self) -> bool:
        """Return True when the page takes another frame; one that was not acknowledged in time is given up."""
        oldest_s = time.monotonic() - _ACKNOWLEDGED_WITHIN_S
        waiting = [sent_s for sent_s in list(self._pending.values()) if sent_s > oldest_s]
        return self.width > 0 and len(waiting) < IN_FLIGHT

    def lacks(self, picture: tuple[int, int, bool]) -> bool:
        """Return True when the page was not sent this picture, or a while ago: number, width, and whether it is plain."""
        now_s = time.monotonic()
        if picture == self._held and now_s - self._held_s < _SAME_AGAIN_S:
            return False
        self._held, self._held_s = picture, now_s
        return True

    def wished(self) -> None:
        """Note that the page shows pictures in another way: the next one is sent in any case."""
        self._held = None

    def offer(self, capture_ms: float, after: bytes, before: bytes, faces: bytes = b"") -> None:
        """Send a frame; for the sink's thread, and only when `ready`."""
        self._sequence += 1
        sent_s = time.monotonic()
        for number, earlier_s in list(self._pending.items()):
            if sent_s - earlier_s > _ACKNOWLEDGED_WITHIN_S and self._pending.pop(number, None) is not None:
                self._note_way(is_slow=True)
        self._pending[self._sequence] = sent_s
        message = HEADER.pack(self._sequence, len(faces), capture_ms, len(after), len(before)) + after + before + faces
        self._loop.call_soon_threadsafe(self._put, message)

    def _put(self, message: bytes) -> None:
        # A page that acknowledges what it does not read must not fill the memory.
        if self._messages.qsize() < IN_FLIGHT:
            self._messages.put_nowait(message)

    def acknowledged(self, sequence: int) -> None:
        """Note that the page has drawn a frame."""
        sent_s = self._pending.pop(sequence, None)
        # One that was given up has been counted then.
        if sent_s is not None:
            self._note_way(is_slow=time.monotonic() - sent_s > _SLOW_S)

    def _note_way(self, *, is_slow: bool) -> None:
        if not self.takes_plain:
            return
        self._slow_pictures = max(0, self._slow_pictures + (1 if is_slow else -1))

    @property
    def takes_plain(self) -> bool:
        """Return True when pictures go to the page without compression."""
        return self.plain and self._slow_pictures < _MAX_SLOW_PICTURES

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
    """A `contracts.FrameSink` that encodes a frame once for each wanted size, and not at all when no page is ready.

    A picture that stays the same, such as the card while there is no input, is sent once a second.
    """

    def __init__(self, hub: PreviewHub) -> None:
        self._hub = hub
        self._last: Image | None = None
        self._number = 0
        """Of different pictures in a row."""

    def write(self, labelled: LabelledFrame) -> None:
        """Send the frame to all pages that are ready."""
        viewers = self._hub.ready()
        if not viewers:
            return
        frame = labelled.frame
        captured_ms = 1000 * (frame.time_s + time.time() - time.monotonic())
        encoded: dict[tuple[int, str, bool], bytes] = {}
        originals = self._hub.originals_of(frame.pts)
        if self._last is None or not _is_same(self._last, frame.image):
            self._number += 1
        self._last = frame.image

        def encoded_of(image: Image, viewer: Viewer, width: int, name: str) -> bytes:
            key = width, name, viewer.takes_plain
            if key not in encoded:
                encoded[key] = _encoded(narrowed(image, width, nearly=key[2]), plain=key[2])
            return encoded[key]

        for viewer in viewers:
            # Read once: the page may change it at any time.
            width = min(viewer.width, frame.image.shape[1])
            if width <= 0:
                continue
            before = b""
            if viewer.classes and originals.classes is not None:
                before = encoded_of(originals.classes, viewer, width, "classes")
            elif viewer.before and originals.before is not None:
                before = encoded_of(originals.before, viewer, width, "before")
            faces = originals.faces if viewer.faces else b""
            if not (viewer.lacks((self._number, width, viewer.takes_plain)) or before or faces):
                continue
            viewer.offer(captured_ms, encoded_of(frame.image, viewer, width, "after"), before, faces)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        return None


def _is_same(one: Image, other: Image) -> bool:
    """Compare two pictures; a few rows first, which differ in nearly all that do."""
    return np.array_equal(one[::_ROWS_APART], other[::_ROWS_APART]) and np.array_equal(one, other)


def _encoded(image: Image, *, plain: bool) -> bytes:
    return (plain_picture.written(image) if plain else None) or jpeg(image, _JPEG_QUALITY)
