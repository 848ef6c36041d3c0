"""Interlaced video: de-interlacing with FFmpeg's bwdif, and field flags for encoders."""

from collections import deque
from fractions import Fraction

from av import VideoFrame
from av.error import BlockingIOError as NothingYet
from av.error import EOFError as EndOfFile
from av.filter import Graph
from av.video.format import VideoFormat

from mien.media.frames.pyav import fraction

TOP_FIRST, BOTTOM_FIRST = 2, 3
"""FFmpeg's AVFieldOrder for fields that are coded in display order."""
_TOP_SHOWN_FIRST, _BOTTOM_SHOWN_FIRST = (TOP_FIRST, 5), (BOTTOM_FIRST, 4)
"""AVFieldOrder by display order, whatever the coding order."""
_FLAGLESS_CODECS = {"mjpeg", "ffv1", "huffyuv", "ffvhuff", "utvideo", "magicyuv", "png", "qtrle", "jpeg2000"}
"""Codecs without an interlaced flag in each frame: the field order of the container applies."""
_DEINTERLACE = ("bwdif", "mode=send_frame:deint={which}")
_FILTER_THREADS = 2
"""Threads of a filter graph; chosen, not measured."""


def has_fields(field_order: int) -> bool:
    """Return True if the field order of a stream is interlaced."""
    return field_order in (*_TOP_SHOWN_FIRST, *_BOTTOM_SHOWN_FIRST)


def stream_order(field_order: int, codec: str) -> str | None:
    """Return the field order of a stream whose frames carry no flags, "tff" or "bff"; None if they do, or it is progressive."""
    if codec not in _FLAGLESS_CODECS:
        return None
    return "tff" if field_order in _TOP_SHOWN_FIRST else "bff" if field_order in _BOTTOM_SHOWN_FIRST else None


def shown_order(field_order: int) -> str:
    """Return the display order of the fields, "tff" or "bff"; "tff", by far the most common, if it is unknown."""
    return "bff" if field_order in _BOTTOM_SHOWN_FIRST else "tff"


class _Filter:
    """Filter graph for frames of one size and format."""

    def __init__(self, frame: VideoFrame, *filters: tuple[str, str]) -> None:
        self.shape = frame.width, frame.height, frame.format.name
        self._graph = Graph()
        self._graph.threads = _FILTER_THREADS
        source = self._graph.add_buffer(
            width=frame.width, height=frame.height, format=VideoFormat(frame.format.name), time_base=Fraction(1, 1000)
        )
        nodes = [self._graph.add(name, arguments) for name, arguments in filters]
        self._graph.link_nodes(source, *nodes, self._graph.add("buffersink")).configure()

    def push(self, frame: VideoFrame | None) -> list[VideoFrame]:
        """Add a frame, or None at the end; return the frames that are ready."""
        self._graph.vpush(frame)
        ready = []
        while True:
            try:
                ready.append(self._graph.vpull())
            except (NothingYet, EndOfFile):
                return ready


class Deinterlacer:
    """De-interlacer with one progressive frame per frame, in order, with its time; progressive frames pass unchanged.

    There is no delay up to the first interlaced frame; from there on it is one frame, since bwdif uses both neighbours. With
    `order` None, the flags of each frame decide; with "tff" or "bff", every frame counts as interlaced in that order.
    """

    def __init__(self, order: str | None = None) -> None:
        self._order = order
        self._filter: _Filter | None = None
        self._times: deque[tuple[int | None, int | None]] = deque()
        self._time_base: Fraction | None = None

    def push(self, frame: VideoFrame) -> list[VideoFrame]:
        """Add a frame; return the frames that are ready."""
        interlaced = frame.interlaced_frame or self._order is not None
        ready: list[VideoFrame] = []
        if self._filter is not None and self._filter.shape != (frame.width, frame.height, frame.format.name):
            ready = self.flush()
        if self._filter is None:
            if not interlaced:
                return [*ready, frame]
            self._filter = _Filter(frame, *self._chain())
        # The last frames of a decoder come without a time base.
        self._time_base = fraction(frame.time_base) or self._time_base
        self._times.append((frame.pts, frame.dts))
        return [*ready, *self._timed(self._filter.push(frame))]

    def flush(self) -> list[VideoFrame]:
        """Return the frame that still waits for its neighbour, if any; `push` may follow."""
        if self._filter is None:
            return []
        rest = self._timed(self._filter.push(None))
        self._filter = None
        self._times.clear()
        return rest

    def _chain(self) -> list[tuple[str, str]]:
        name, arguments = _DEINTERLACE
        if self._order is None:
            return [(name, arguments.format(which="interlaced"))]
        return [("setfield", f"mode={self._order}"), (name, arguments.format(which="all"))]

    def _timed(self, frames: list[VideoFrame]) -> list[VideoFrame]:
        for frame in frames:
            # The filter doubles the clock.
            frame.pts, frame.dts = self._times.popleft()
            if self._time_base is not None:
                frame.time_base = self._time_base
        return frames


class FieldFlags:
    """Setter of interlaced flags, "tff" or "bff", on frames for an encoder."""

    def __init__(self, order: str) -> None:
        self._order = order
        self._filter: _Filter | None = None

    def set(self, frame: VideoFrame) -> VideoFrame:
        """Return the picture with flags, without its time."""
        if self._filter is None:
            self._filter = _Filter(frame, ("setfield", f"mode={self._order}"))
        (flagged,) = self._filter.push(frame)
        return flagged
