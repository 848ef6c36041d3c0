"""Interlaced video: made progressive by FFmpeg's bwdif, or kept and flagged."""

from collections import deque
from fractions import Fraction

from av import VideoFrame
from av.error import BlockingIOError as NothingYet
from av.error import EOFError as EndOfFile
from av.filter import Graph
from av.video.format import VideoFormat

TOP_FIRST, BOTTOM_FIRST = 2, 3
"""FFmpeg's AVFieldOrder for fields that are coded in the order in which they are shown."""
_TOP_SHOWN_FIRST, _BOTTOM_SHOWN_FIRST = (TOP_FIRST, 5), (BOTTOM_FIRST, 4)
_SAID_BY_STREAM_ALONE = {"mjpeg", "ffv1", "huffyuv", "ffvhuff", "utvideo", "magicyuv", "png", "qtrle", "jpeg2000"}
"""Codecs that have no flag of their own in each frame, so that the order in the container counts."""
_DEINTERLACE = ("bwdif", "mode=send_frame:deint={which}")
_THREADS = 2


def stream_order(field_order: int, codec: str) -> str | None:
    """The order that holds for every frame of a stream whose frames do not say it: "tff", "bff", None where they do."""
    if codec not in _SAID_BY_STREAM_ALONE:
        return None
    return "tff" if field_order in _TOP_SHOWN_FIRST else "bff" if field_order in _BOTTOM_SHOWN_FIRST else None


def shown_order(field_order: int) -> str:
    """Which field of a stream is shown first, "tff" or "bff"; "tff", which nearly all video has, where it is not known."""
    return "bff" if field_order in _BOTTOM_SHOWN_FIRST else "tff"


class _Filter:
    """A chain of filters between frames of one size and format."""

    def __init__(self, frame: VideoFrame, *filters: tuple[str, str]) -> None:
        self.shape = frame.width, frame.height, frame.format.name
        self._graph = Graph()
        self._graph.threads = _THREADS
        source = self._graph.add_buffer(
            width=frame.width, height=frame.height, format=VideoFormat(frame.format.name), time_base=Fraction(1, 1000)
        )
        nodes = [self._graph.add(name, arguments) for name, arguments in filters]
        self._graph.link_nodes(source, *nodes, self._graph.add("buffersink")).configure()

    def push(self, frame: VideoFrame | None) -> list[VideoFrame]:
        """The frames that are ready; None as the frame ends the chain."""
        self._graph.vpush(frame)
        ready = []
        while True:
            try:
                ready.append(self._graph.vpull())
            except (NothingYet, EndOfFile):
                return ready


class Deinterlacer:
    """Gives one progressive frame for each frame, in order, with its time; progressive frames pass as they are.

    Nothing is delayed up to the first interlaced frame; from there on, every frame comes out when the next has gone in, since
    bwdif looks at both neighbours. Frames that are not flagged as interlaced are not touched (`order` None), or all frames
    are taken for interlaced, the top ("tff") or bottom field first ("bff").
    """

    def __init__(self, order: str | None = None) -> None:
        self._order = order
        self._filter: _Filter | None = None
        self._times: deque[tuple[int | None, int | None]] = deque()
        self._time_base: Fraction | None = None

    def push(self, frame: VideoFrame) -> list[VideoFrame]:
        """The frames that are ready now."""
        interlaced = frame.interlaced_frame or self._order is not None
        ready: list[VideoFrame] = []
        if self._filter is not None and self._filter.shape != (frame.width, frame.height, frame.format.name):
            ready = self.flush()
        if self._filter is None:
            if not interlaced:
                return [*ready, frame]
            self._filter = _Filter(frame, *self._chain())
        # The last frames of a decoder come without a time base.
        self._time_base = frame.time_base or self._time_base
        self._times.append((frame.pts, frame.dts))
        return [*ready, *self._timed(self._filter.push(frame))]

    def flush(self) -> list[VideoFrame]:
        """The frame that still waits for its neighbour, if any; `push` may follow."""
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
    """Flags frames as interlaced, "tff" or "bff", for an encoder."""

    def __init__(self, order: str) -> None:
        self._order = order
        self._filter: _Filter | None = None

    def set(self, frame: VideoFrame) -> VideoFrame:
        """The same picture, flagged; its time is lost."""
        if self._filter is None:
            self._filter = _Filter(frame, ("setfield", f"mode={self._order}"))
        (flagged,) = self._filter.push(frame)
        return flagged
