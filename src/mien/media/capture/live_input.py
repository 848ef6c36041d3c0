"""Base of all live inputs: opened through FFmpeg, decoded at once, with the newest frame on offer."""

import errno
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from av import VideoFrame
from av.codec.context import Flags, ThreadType
from av.container import InputContainer
from av.error import ExitError, FFmpegError, InvalidDataError
from av.packet import Packet
from av.video.stream import VideoStream

from mien.errors import Cancelled, MediaTooLarge, SourceLost
from mien.media.frames.colour_space import ColourSpace, ToBgr, space_of
from mien.media.frames.dolby_vision import check_base_layer
from mien.media.frames.interlace import Deinterlacer, stream_order
from mien.media.frames.pyav import fraction, open_reading
from mien.types import LIVE_TIME_BASE, Frame, Image, StreamInfo

LIVE_MAX_PIXELS = 7680 * 4320
"""Largest live picture, 8K, unless a limit is given."""
SILENCE_S = 5.0
"""A source that is silent for longer is lost."""
NOT_WAITING = "nobuffer+4"
"""`fflags` for devices: discard the packets of the probing, and report "nothing yet" instead of waiting. FFmpeg has no name
for the second, AVFMT_FLAG_NONBLOCK = 4; without it a hanging camera would block the thread that reads it."""
_POLL_S = 0.002  # between two questions to a device that has nothing yet
_MAX_REORDER_S = 1.0
"""A frame that is earlier than the last by less is out of order and dropped; by more, the clock has started over."""
_FINAL_ERRORS = {errno.EBUSY, errno.ENOENT, errno.ENODEV, errno.ENXIO, errno.EACCES, errno.EPERM}


@dataclass(frozen=True, slots=True)
class Opening:
    """One way to open a source by FFmpeg; `file` is a name or an object with `read`, `connect_s` bounds the opening."""

    file: Any
    format: str | None
    options: Mapping[str, str] = field(default_factory=dict)
    connect_s: float = SILENCE_S


def open_live(opening: Opening, silence_s: float) -> InputContainer:
    """Open a source; raise the errors of PyAV. Reading it raises `ExitError` after `silence_s` of silence."""
    timeout = opening.connect_s, silence_s
    return open_reading(opening.file, format=opening.format, options=opening.options, timeout=timeout)


def translated(what: str, error: Exception, silence_s: float) -> SourceLost:
    """Translate an error of PyAV. FFmpeg's own text may hold a URL with a password, so it is not passed on."""
    number = getattr(error, "errno", None)
    if number == errno.EBUSY:
        return SourceLost(f"{what} is used by another program", "close that program, or choose another device")
    if number in {errno.ENOENT, errno.ENODEV, errno.ENXIO}:
        return SourceLost(f"{what} is not there", "plug it in, or choose another device")
    if number in {errno.EACCES, errno.EPERM}:
        remedy = "allow it in the system's privacy settings; on Linux join the groups video and audio"
        return SourceLost(f"{what} may not be opened", remedy)
    if isinstance(error, ExitError) or number == errno.ETIMEDOUT:
        return silence_error(what, silence_s)
    reason = getattr(error, "strerror", None) or type(error).__name__
    return SourceLost(f"{what} cannot be read: {reason}", "check it with another program, or choose another")


def gone_error(what: str) -> SourceLost:
    """Return the error of a source that was there a moment ago."""
    return SourceLost(f"{what} went away", "check that it is still there, or choose another")


def silence_error(what: str, silence_s: float) -> SourceLost:
    """Return the error of a source that delivers nothing any more."""
    return SourceLost(f"{what} has given nothing for {silence_s:g} s", "check that it is switched on and sending")


@dataclass(frozen=True, slots=True)
class _Captured:
    """A decoded frame and its time of capture, in seconds of the monotonic clock."""

    frame: VideoFrame
    time_s: float


class LiveInput:
    """A `contracts.FrameSource` of the newest frame; frames that were not read in time are dropped, not queued.

    Frames are BGR of the size of the first one, stamped with the monotonic clock. Entering opens the source and waits for
    its first frame. Entering and `read` raise `SourceLost` (missing, busy, gone, silent for 5 s) or `MediaTooLarge`.
    A subclass lists the ways to open its source in `_openings`, best first, and translates its errors in `_lost`.
    """

    def __init__(
        self,
        what: str,
        *,
        max_pixels: int = LIVE_MAX_PIXELS,
        silence_s: float = SILENCE_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.dropped = 0
        """Frames that were replaced by newer ones before they were read."""
        self._what = what
        # True if the source may end in the ordinary way; then `read` returns None.
        self._ends = False
        self._max_pixels = max_pixels
        self._silence_s = silence_s
        self._clock = clock
        self._changed = threading.Condition()
        self._stopped = threading.Event()
        self._newest: _Captured | None = None
        self._failure: Exception | None = None
        self._over = False
        self._container: InputContainer | None = None
        self._thread: threading.Thread | None = None
        self._to_bgr: ToBgr | None = None
        self._size = 0, 0
        self._info = StreamInfo(0, 0, LIVE_TIME_BASE)
        self._index = 0
        self._last_pts = -1

    @property
    def info(self) -> StreamInfo:
        """Size and announced rate; the size is 0 until the source is entered."""
        return self._info

    def read(self) -> Frame | None:
        """Return the newest frame that was not read yet, waiting for it; None after `stop` and at an ordinary end."""
        shot = self._wait(take=True)
        if shot is None:
            return None
        image = self._picture(shot.frame)
        pts = self._last_pts = max(round(shot.time_s / LIVE_TIME_BASE), self._last_pts + 1)
        self._index += 1
        return Frame(image, self._index - 1, pts, LIVE_TIME_BASE)

    def stop(self) -> None:
        """Make a waiting `read` and all later ones return None; may be called from any thread."""
        self._stopped.set()
        with self._changed:
            self._changed.notify_all()

    def __enter__(self) -> Self:
        try:
            self._container = self._opened()
            video = self._video_of(self._container)
            self._thread = threading.Thread(target=self._pump, args=(self._container, video), name=f"reader of {self._what}")
            self._thread.start()
            self._info = self._described(video)
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._close()

    # Hooks of a subclass.

    def _openings(self) -> Sequence[Opening]:
        """Return the ways to open the source, best first."""
        raise NotImplementedError

    def _space(self, frame: VideoFrame) -> ColourSpace:
        return space_of(frame)

    def _taken_at(self, packet: "Packet[VideoStream]", arrival_s: float) -> float:
        """Return the time of capture of the frame in the packet, on the monotonic clock."""
        return arrival_s

    def _picture(self, frame: VideoFrame) -> Image:
        space = self._space(frame)
        if self._to_bgr is None:
            check_base_layer(frame, self._what)
            self._to_bgr, self._size = ToBgr(space, frame.width, frame.height), (frame.width, frame.height)
        return self._to_bgr.convert(frame, space if (frame.width, frame.height) == self._size else None)

    def _lost(self, error: Exception) -> SourceLost:
        """Translate an error of PyAV."""
        return translated(self._what, error, self._silence_s)

    def _released(self) -> None:
        """Clean up after the source is closed, or could not be opened."""

    # Implementation.

    def _opened(self) -> InputContainer:
        openings = self._openings()
        for number, opening in enumerate(openings, 1):
            try:
                return self._try(opening)
            except (FFmpegError, OSError, ValueError) as error:
                if number == len(openings) or getattr(error, "errno", None) in _FINAL_ERRORS:
                    raise self._lost(error) from None
        raise SourceLost(f"{self._what} cannot be opened", "choose another device")

    def _try(self, opening: Opening) -> InputContainer:
        return open_live(opening, self._silence_s)

    def _video_of(self, container: InputContainer) -> VideoStream:
        video = next(iter(container.streams.video), None)
        if video is None or video.codec_context is None:
            raise SourceLost(f"{self._what} has no video that can be decoded", "let it send H.264, or choose another")
        context = video.codec_context
        self._check_size(context.width, context.height)
        # Frame threads would hold back one frame each.
        context.thread_type = ThreadType.SLICE
        context.flags |= Flags.low_delay
        return video

    def _check_size(self, width: int, height: int) -> None:
        if width * height > self._max_pixels:
            raise MediaTooLarge(
                f"{self._what} sends {width}x{height} pixels, the limit is {self._max_pixels:,} pixels",
                "choose a smaller picture or raise --max-pixels",
            )

    def _described(self, video: VideoStream) -> StreamInfo:
        shot = self._wait(take=False)
        if shot is None:
            if self._stopped.is_set():
                raise Cancelled(f"{self._what} was stopped before its first picture")
            raise SourceLost(f"{self._what} ended before its first picture", "check that it is sending")
        height, width = self._picture(shot.frame).shape[:2]
        rate = fraction(video.guessed_rate) or fraction(video.average_rate)
        return StreamInfo(width, height, LIVE_TIME_BASE, rate)

    def _wait(self, *, take: bool) -> _Captured | None:
        """Return the newest frame; None when the source has ended or was stopped. Raises the error of the reading thread."""
        with self._changed:
            in_time = self._changed.wait_for(lambda: self._newest or self._over or self._stopped.is_set(), self._silence_s)
            if self._stopped.is_set():
                return None
            shot = self._newest
            if take:
                self._newest = None
            if shot is None and self._failure is not None:
                raise self._failure
            if not in_time:
                raise silence_error(self._what, self._silence_s)
            return shot

    def _pump(self, container: InputContainer, video: VideoStream) -> None:
        """Decode all frames and keep the newest; runs in a thread of its own until the source ends or is stopped."""
        failure: Exception | None = None
        try:
            for shot in self._shots(container, video):
                with self._changed:
                    self.dropped += self._newest is not None
                    self._newest = shot
                    self._changed.notify_all()
            if not self._ends:
                failure = gone_error(self._what)
        except FFmpegError as error:
            failure = gone_error(self._what) if error.errno == errno.ENODEV else self._lost(error)
        except Exception as error:  # noqa: BLE001 - the border of the thread: `read` raises it
            failure = error
        with self._changed:
            self._failure, self._over = failure, True
            self._changed.notify_all()

    def _shots(self, container: InputContainer, video: VideoStream) -> Iterator[_Captured]:
        last = decoded = None
        shift = 0
        taken: deque[float] = deque()
        fields = Deinterlacer(stream_order(video.codec_context.field_order, video.codec_context.codec.canonical_name))
        for packet in self._packets(container, video):
            time_s = self._taken_at(packet, self._clock())
            if packet.dts is not None:
                if decoded is not None and packet.dts + shift <= decoded:
                    # The sender's clock has started over, perhaps by less than `_MAX_REORDER_S`.
                    shift = decoded + max(packet.duration or 0, 1) - packet.dts
                decoded = packet.dts + shift
                packet.pts = None if packet.pts is None else packet.pts + shift
            try:
                frames = video.decode(packet)
            except InvalidDataError:
                # A stream that is joined in the middle begins with packets that cannot be decoded.
                continue
            for frame in frames:
                self._check_size(frame.width, frame.height)
                # Without the usual delay a decoder may return a frame out of order.
                if last is not None and frame.time is not None and 0 <= last - frame.time < _MAX_REORDER_S:
                    continue
                last = frame.time
                # De-interlacing needs the next frame: each comes out one later, with its own time.
                taken.append(time_s)
                yield from (_Captured(ready, taken.popleft()) for ready in fields.push(frame))
        yield from (_Captured(ready, taken.popleft()) for ready in fields.flush())

    def _packets(self, container: InputContainer, video: VideoStream) -> "Iterator[Packet[VideoStream]]":
        while not self._stopped.is_set():
            try:
                for packet in container.demux(video):
                    if self._stopped.is_set():
                        return
                    if packet.size:
                        yield packet
            except BlockingIOError:
                self._stopped.wait(_POLL_S)
            else:
                return

    def _close(self) -> None:
        self.stop()
        self._interrupt()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        if self._container is not None:
            self._container.close()
            self._container = None
        self._newest = None
        self._released()

    def _interrupt(self) -> None:
        """End the waiting of the reading thread, if the source can; called before the thread is joined."""
