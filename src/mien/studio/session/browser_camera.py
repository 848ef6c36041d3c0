"""Camera of the person's browser: H.264, JPEG or plain pictures over a WebSocket."""

import contextlib
import queue
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import av
import cv2
import numpy as np
from av.error import FFmpegError
from av.packet import Packet

from mien.errors import MediaTooLarge, SourceLost
from mien.media.frames.colour_space import ToBgr, space_of
from mien.studio.session import plain_picture
from mien.types import LIVE_TIME_BASE, Frame, Image, StreamInfo

HEADER = struct.Struct("<B3xId")
"""Kind, sequence, capture time in ms since the epoch."""
H264_KEY, H264_DELTA, JPEG, PLAIN = 1, 2, 3, 4  # kinds of pictures; plain ones as in `plain_picture`
_MAX_PIXELS = 3840 * 2160  # 4K


@dataclass(frozen=True, slots=True)
class CameraTuning:
    """Numbers of a browser's camera."""

    max_queued_pictures: int = 6  # the page has two in flight; more than that piled up elsewhere
    silence_s: float = 4.0  # without a picture for this long, the source is lost
    max_age_s: float = 1.0  # a capture time further from now is of another clock
    poll_s: float = 0.2  # time within which `stop` is noticed


DEFAULT_TUNING = CameraTuning()


@dataclass(frozen=True, slots=True)
class Picture:
    """Message of the browser, not yet decoded."""

    kind: int
    sequence: int
    capture_ms: float
    data: bytes


class BrowserFeed:
    """Queue of pictures from the pages: one page feeds at a time, the newest page wins."""

    def __init__(self, tuning: CameraTuning = DEFAULT_TUNING) -> None:
        self._tuning = tuning
        self._lock = threading.Lock()
        self._feeder: str | None = None
        self._on_taken: Callable[[int], None] = lambda sequence: None
        self._on_replaced: Callable[[], None] = lambda: None
        self._want_key: Callable[[], None] = lambda: None
        self._pictures: queue.Queue[Picture] = queue.Queue(self._tuning.max_queued_pictures)

    @property
    def feeder(self) -> str | None:
        """Return the id of the page that feeds."""
        return self._feeder

    def begin(
        self, feeder: str, on_taken: Callable[[int], None], on_replaced: Callable[[], None], want_key: Callable[[], None]
    ) -> None:
        """Start a page, and notify the one it replaces. The callbacks come from any thread and must not block."""
        self.forget()
        with self._lock:
            replaced = self._on_replaced if self._feeder is not None else None
            self._feeder, self._on_taken, self._on_replaced, self._want_key = feeder, on_taken, on_replaced, want_key
        if replaced is not None:
            replaced()

    def end(self, feeder: str) -> None:
        """Remove the page, unless another one already feeds."""
        with self._lock:
            if self._feeder != feeder:
                return
            self._feeder = None
        self.forget()

    def give(self, feeder: str, picture: Picture) -> None:
        """Queue a picture of this page; when the queue is full, drop it and request a key frame."""
        with self._lock:
            if feeder != self._feeder:
                return
            want_key, on_taken = self._want_key, self._on_taken
            # Under the lock, so that a picture is either forgotten with the queue or lies in the new one.
            is_full = self._pictures.full()
            if not is_full:
                self._pictures.put_nowait(picture)
        if is_full:
            want_key()
            on_taken(picture.sequence)

    def take(self, timeout_s: float) -> tuple[str, Picture] | None:
        """Wait for the next picture; return it with the id of its page, or None."""
        with self._lock:
            feeder, pictures, on_taken = self._feeder, self._pictures, self._on_taken
        try:
            picture = pictures.get(timeout=timeout_s)
        except queue.Empty:
            return None
        on_taken(picture.sequence)
        return feeder or "", picture

    def forget(self) -> None:
        """Drop and acknowledge the queued pictures: they are older than the camera that is about to take some."""
        with self._lock:
            dropped, on_taken = self._pictures, self._on_taken
            self._pictures = queue.Queue(self._tuning.max_queued_pictures)
        with contextlib.suppress(queue.Empty):
            while True:
                # A page that is not told would wait for them, and never send again.
                on_taken(dropped.get_nowait().sequence)

    def request_key(self) -> None:
        """Request a key frame from the page."""
        self._want_key()


class BrowserCamera:
    """A `contracts.LiveSource` over a feed; all frames have the size of the first. Raises `SourceLost` in silence."""

    def __init__(self, feed: BrowserFeed, tuning: CameraTuning = DEFAULT_TUNING) -> None:
        self._tuning = tuning
        self._feed = feed
        self._stopped = threading.Event()
        self._feeder = ""
        self._decoder: av.VideoCodecContext | None = None
        self._to_bgr: ToBgr | None = None
        self._shape: tuple[int, int] | None = None
        self._first: Frame | None = None
        self._index = 0
        self._last_pts = 0

    @property
    def info(self) -> StreamInfo:
        """Return the size of the frames; zero before the first."""
        height, width = self._shape or (0, 0)
        return StreamInfo(width, height, LIVE_TIME_BASE)

    def read(self) -> Frame | None:
        """Return the next frame, None after `stop`. Raises `SourceLost`."""
        if self._first is not None:
            first, self._first = self._first, None
            return first
        return self._next(self._tuning.silence_s)

    def stop(self) -> None:
        """Make a waiting or later `read` return None; for any thread."""
        self._stopped.set()

    def __enter__(self) -> Self:
        self._feed.forget()
        self._feed.request_key()
        self._first = self._next(self._tuning.silence_s)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stopped.set()
        self._decoder = None

    def _next(self, timeout_s: float) -> Frame | None:
        deadline_s = time.monotonic() + timeout_s
        while not self._stopped.is_set():
            taken = self._feed.take(self._tuning.poll_s)
            image = None if taken is None else self._image(*taken)
            if taken is not None and image is not None:
                return self._stamped(image, taken[1].capture_ms)
            if time.monotonic() > deadline_s:
                raise SourceLost("no page sends its camera", "allow the camera in the browser, and keep its tab in front")
        return None

    def _image(self, feeder: str, picture: Picture) -> Image | None:
        if feeder != self._feeder:
            self._feeder, self._decoder = feeder, None
        image = self._decoded(picture)
        if image is None:
            return None
        if self._shape is None:
            self._shape = image.shape[0], image.shape[1]
        if image.shape[:2] != self._shape:
            image = np.asarray(cv2.resize(image, (self._shape[1], self._shape[0]), interpolation=cv2.INTER_AREA), np.uint8)
        return image

    def _decoded(self, picture: Picture) -> Image | None:
        if picture.kind == JPEG:
            return self._from_jpeg(picture.data)
        if picture.kind == PLAIN:
            # A page that encodes again begins with a key frame.
            self._decoder = None
            return plain_picture.read(picture.data)
        return self._from_h264(picture)

    def _from_jpeg(self, data: bytes) -> Image | None:
        size = jpeg_size(data)
        if size is None:
            return None
        _check_size(*size)
        decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        return None if decoded is None else np.asarray(decoded, np.uint8)

    def _from_h264(self, picture: Picture) -> Image | None:
        if self._decoder is None:
            if picture.kind != H264_KEY:
                self._feed.request_key()
                return None
            self._decoder = _decoder()
        try:
            frames = self._decoder.decode(Packet(picture.data))
        except (FFmpegError, ValueError):
            self._decoder = None
            self._feed.request_key()
            return None
        if not frames:
            return None
        frame = frames[-1]
        _check_size(frame.width, frame.height)
        if self._to_bgr is None or self._shape != (frame.height, frame.width):
            self._to_bgr = ToBgr(space_of(frame), frame.width, frame.height)
        return self._to_bgr.convert(frame)

    def _stamped(self, image: Image, capture_ms: float) -> Frame:
        now_s = time.monotonic()
        captured_s = capture_ms / 1000 - (time.time() - now_s)
        if not now_s - self._tuning.max_age_s < captured_s <= now_s:
            captured_s = now_s
        self._last_pts = max(self._last_pts + 1, round(captured_s / LIVE_TIME_BASE))
        self._index += 1
        return Frame(image, self._index - 1, self._last_pts, LIVE_TIME_BASE)


def _check_size(width: int, height: int) -> None:
    if width * height > _MAX_PIXELS:
        raise MediaTooLarge(f"the browser's pictures are too large: {width} x {height}", "choose a smaller size")


def _decoder() -> av.VideoCodecContext:
    context = av.CodecContext.create("h264", "r")
    assert isinstance(context, av.VideoCodecContext)
    context.thread_count = 1
    context.options = {"flags": "low_delay"}
    return context


def jpeg_size(data: bytes) -> tuple[int, int] | None:
    """Return width and height from the header, None for anything but a JPEG."""
    if data[:2] != b"\xff\xd8":
        return None
    place = 2
    while place + 9 < len(data):
        if data[place] != 0xFF:
            return None
        marker, length = data[place + 1], int.from_bytes(data[place + 2 : place + 4], "big")
        if marker in {0x00, 0x01, 0xFF} or 0xD0 <= marker <= 0xDA or length < 2:
            # Allowed in places, but decoders may continue differently.
            return None
        if 0xC0 <= marker <= 0xCF and marker not in {0xC4, 0xC8, 0xCC}:
            return int.from_bytes(data[place + 7 : place + 9], "big"), int.from_bytes(data[place + 5 : place + 7], "big")
        place += 2 + length
    return None
