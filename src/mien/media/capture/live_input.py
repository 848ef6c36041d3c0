"""What all live pictures share: opened through FFmpeg, decoded at once, and always the newest."""

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

LIVE_MOST_PIXELS = 7680 * 4320
"""No live picture is larger than this unless a limit of its own is given."""
SILENCE_S = 5.0
"""A source that gives nothing for so long is lost."""
NOT_WAITING = "nobuffer+4"
"""`fflags` for devices: keep nothing of the probing, and answer "nothing yet" instead of waiting. FFmpeg has no name for
the second, AVFMT_FLAG_NONBLOCK = 4; without it a camera that hangs would hold the thread that reads it."""
_POLL_S = 0.002
_STEP_BACK_S = 1.0
_NO_USE_TRYING = {errno.EBUSY, errno.ENOENT, errno.ENODEV, errno.ENXIO, errno.EACCES, errno.EPERM}


@dataclass(frozen=True, slots=True)
class Opening:
    """One way to ask FFmpeg for a source; `file` is a name or an object with `read`, `connect_s` bounds the opening."""

    file: Any
    format: str | None
    options: Mapping[str, str] = field(default_factory=dict)
    connect_s: float = SILENCE_S


def open_live(opening: Opening, silence_s: float) -> InputContainer:
    """The source, opened; raises what PyAV raises. Reading it raises `ExitError` after so many seconds of silence."""
    timeout = opening.connect_s, silence_s
    return open_reading(opening.file, format=opening.format, options=opening.options, timeout=timeout)


def explained(what: str, error: Exception, silence_s: float) -> SourceLost:
    """What an error of PyAV means to a person. FFmpeg's own text may hold a URL with a password, so it is not passed on."""
    number = getattr(error, "errno", None)
    if number == errno.EBUSY:
        return SourceLost(f"{what} is used by another program", "close that program, or choose another device")
    if number in {errno.ENOENT, errno.ENODEV, errno.ENXIO}:
        return SourceLost(f"{what} is not there", "plug it in, or choose another device")
    if number in {errno.EACCES, errno.EPERM}:
        remedy = "allow it in the system's privacy settings; on Linux join the groups video and audio"
        return SourceLost(f"{what} may not be opened", remedy)
    if isinstance(error, ExitError) or number == errno.ETIMEDOUT:
        return silent(what, silence_s)
    reason = getattr(error, "strerror", None) or type(error).__name__
    return SourceLost(f"{what} cannot be read: {reason}", "check it with another program, or choose another")


def gone(what: str) -> SourceLost:
    """The error of a source that was there a moment ago."""
    return SourceLost(f"{what} went away", "check that it is still there, or choose another")


def silent(what: str, silence_s: float) -> SourceLost:
    """The error of a source that gives nothing any more."""
    return SourceLost(f"{what} has given nothing for {silence_s:g} s", "check that it is switched on and sending")


@dataclass(frozen=True, slots=True)
class _Shot:
    """A decoded picture and the second of the monotonic clock at which it was taken."""

    frame: VideoFrame
    time_s: float


class LiveInput:
    """A `contracts.FrameSource` that gives the newest picture: what nobody asked for in time is dropped, not queued.

    Frames are BGR of the size of the first one, stamped with the monotonic clock. Entering opens the source and waits for
    its first picture. Entering and `read` raise `SourceLost` (missing, busy, gone, silent for 5 s) or `MediaTooLarge`.
    A kind of source says in `_openings` how it is opened, best way first, and explains its errors in `_lost`.
    """

    def __init__(
        self,
        what: str,
        *,
        max_pixels: int = LIVE_MOST_PIXELS,
        silence_s: float = SILENCE_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.dropped = 0
        """Pictures that came while nobody asked."""
        self._what = what
        # Whether the source may come to an ordinary end, at which `read` gives None.
        self._ends = False
        self._max_pixels = max_pixels
        self._silence_s = silence_s
        self._clock = clock
        self._news = threading.Condition()
        self._stopped = threading.Event()
        self._newest: _Shot | None = None
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
        """The newest picture that was not read yet, waiting for it; None after `stop` and at an ordinary end."""
        shot = self._wait(take=True)
        if shot is None:
            return None
        image = self._picture(shot.frame)
        pts = self._last_pts = max(round(shot.time_s / LIVE_TIME_BASE), self._last_pts + 1)
        self._index += 1
        return Frame(image, self._index - 1, pts, LIVE_TIME_BASE)

    def stop(self) -> None:
        """Make a waiting `read` and all later ones give None; may be called from any thread."""
        self._stopped.set()
        with self._news:
            self._news.notify_all()

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

    # What a kind of source says of itself.

    def _openings(self) -> Sequence[Opening]:
        """The ways to open the source, best first."""
        raise NotImplementedError

    def _space(self, frame: VideoFrame) -> ColourSpace:
        return space_of(frame)

    def _taken_at(self, packet: "Packet[VideoStream]", arrival_s: float) -> float:
        """When the picture in the packet was taken, on the monotonic clock."""
        return arrival_s

    def _picture(self, frame: VideoFrame) -> Image:
        space = self._space(frame)
        if self._to_bgr is None:
            check_base_layer(frame, self._what)
            self._to_bgr, self._size = ToBgr(space, frame.width, frame.height), (frame.width, frame.height)
        return self._to_bgr.convert(frame, space if (frame.width, frame.height) == self._size else None)

    def _lost(self, error: Exception) -> SourceLost:
        """What went wrong, for a person."""
        return explained(self._what, error, self._silence_s)

    def _released(self) -> None:
        """Called once the source is closed, also when it could not be opened."""

    # The machinery.

    def _opened(self) -> InputContainer:
        openings = self._openings()
        for number, opening in enumerate(openings, 1):
            try:
                return self._try(opening)
            except (FFmpegError, OSError, ValueError) as error:
                if number == len(openings) or getattr(error, "errno", None) in _NO_USE_TRYING:
                    raise self._lost(error) from None
        raise SourceLost(f"{self._what} cannot be opened", "choose another device")

    def _try(self, opening: Opening) -> InputContainer:
        return open_live(opening, self._silence_s)

    def _video_of(self, container: InputContainer) -> VideoStream:
        video = next(iter(container.streams.video), None)
        if video is None or video.codec_context is None:
            raise SourceLost(f"{self._what} gives no picture that can be decoded", "let it send H.264, or choose another")
        context = video.codec_context
        self._check_size(context.width, context.height)
        # Threads that decode several pictures at once would hold back as many.
        context.thread_type = ThreadType.SLICE
        context.flags |= Flags.low_delay
        return video

    def _check_size(self, width: int, height: int) -> None:
        if width * height > self._max_pixels:
            raise MediaTooLarge(
                f"{self._what} gives {width}x{height} pixels, the limit is {self._max_pixels:,} pixels",
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

    def _wait(self, *, take: bool) -> _Shot | None:
        """The newest picture; None when the source has ended or was stopped. Raises what went wrong."""
        with self._news:
            in_time = self._news.wait_for(lambda: self._newest or self._over or self._stopped.is_set(), self._silence_s)
            if self._stopped.is_set():
                return None
            shot = self._newest
            if take:
                self._newest = None
            if shot is None and self._failure is not None:
                raise self._failure
            if not in_time:
                raise silent(self._what, self._silence_s)
            return shot

    def _pump(self, container: InputContainer, video: VideoStream) -> None:
        """Decode all there is and keep the newest; runs in a thread of its own until the source ends or is stopped."""
        failure: Exception | None = None
        try:
            for shot in self._shots(container, video):
                with self._news:
                    self.dropped += self._newest is not None
                    self._newest = shot
                    self._news.notify_all()
            if not self._ends:
                failure = gone(self._what)
        except FFmpegError as error:
            failure = gone(self._what) if error.errno == errno.ENODEV else self._lost(error)
        except Exception as error:  # noqa: BLE001 - the border of the thread: `read` raises it
            failure = error
        with self._news:
            self._failure, self._over = failure, True
            self._news.notify_all()

    def _shots(self, container: InputContainer, video: VideoStream) -> Iterator[_Shot]:
        last = decoded = None
        shift = 0
        taken: deque[float] = deque()
        fields = Deinterlacer(stream_order(video.codec_context.field_order, video.codec_context.codec.canonical_name))
        for packet in self._packets(container, video):
            time_s = self._taken_at(packet, self._clock())
            if packet.dts is not None:
                if decoded is not None and packet.dts + shift <= decoded:
                    # The sender's clock has started over, perhaps by less than the step below.
                    shift = decoded + max(packet.duration or 0, 1) - packet.dts
                decoded = packet.dts + shift
                packet.pts = None if packet.pts is None else packet.pts + shift
            try:
                frames = video.decode(packet)
            except InvalidDataError:
                # A stream that is joined in the middle begins with what cannot be decoded.
                continue
            for frame in frames:
                self._check_size(frame.width, frame.height)
                # Without the usual delay a decoder may give a picture out of turn; a larger step is a new beginning.
                if last is not None and frame.time is not None and 0 <= last - frame.time < _STEP_BACK_S:
                    continue
                last = frame.time
                # De-interlacing looks at the frame behind: a frame comes out one later, with the time that was its own.
                taken.append(time_s)
                yield from (_Shot(ready, taken.popleft()) for ready in fields.push(frame))
        yield from (_Shot(ready, taken.popleft()) for ready in fields.flush())

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
        """Called before the reading thread is awaited: a source that can end its waiting does so."""
