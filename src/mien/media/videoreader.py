"""Reads video files: frames upright in BGR with their own presentation times, and every other packet untouched."""

import errno
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import cv2
import numpy as np
from av.stream import Disposition

from mien.errors import MediaTooLarge, UnreadableMedia, UnsupportedMedia, UsageError
from mien.media.colourspace import ColourSpace, ToBgr, space_of
from mien.media.picture import check_file
from mien.types import Frame, Image, StreamInfo

DEMUXERS = "mov,matroska,avi,mpegts,mpeg,flv,ogg,asf,h264,hevc,ivf,mjpeg,m4v,obu,gif"
"""Formats that are opened; playlists, which could name other files or addresses, are not among them."""
_TURNS = {90: cv2.ROTATE_90_COUNTERCLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_CLOCKWISE}
_MOST_DAMAGE = 1000
_CLEARLY_SHORT_S = 2.0


@dataclass(frozen=True, slots=True)
class VideoInfo(StreamInfo):
    """What the writer and the person need to know; width, height and pixel shape are upright, as shown."""

    codec: str = ""
    space: ColourSpace = ColourSpace(1, 2, 2, full_range=False, tagged=False)
    rotation: int = 0
    pixel_aspect: Fraction | None = None
    interlaced: bool = False
    deep: bool = False


class VideoReader:
    """A `contracts.FrameSource` for one file.

    `read` gives frames from `start_s` up to `end_s`, seconds on the player's clock; with a start, times begin again at 0.
    Packets of the streams in `copied` gather between frames and are taken with `take_packets`.
    Raises `UnreadableMedia`, `UnsupportedMedia` or `MediaTooLarge` when it is made.
    """

    def __init__(
        self,
        path: Path,
        *,
        max_pixels: int,
        max_bytes: int,
        start_s: float | None = None,
        end_s: float | None = None,
    ) -> None:
        size = check_file(path)
        if size > max_bytes:
            raise MediaTooLarge(f"{path} has {size:,} bytes, the limit is {max_bytes:,}", "raise --max-bytes or cut the file")
        self.path = path
        self.container = _open(path)
        self.warnings: list[str] = []
        try:
            self.video_stream = self._video_stream()
            self._check_header(max_pixels)
            self.copied = tuple(s for s in self.container.streams if s.type in {"audio", "subtitle"})
            self._read_packets: list[av.Packet] = []
            self._set_range(start_s, end_s)
            self._packets = self.container.demux([self.video_stream, *self.copied])
            self._decoded = self._decode()
            self._damaged = 0
            self._index = 0
            self._last_pts: int | None = None
            self._resized = False
            first = self._next_decoded()
            if first is None:
                raise UnreadableMedia(*self._nothing_there(start_s, end_s))
            self._pending: av.VideoFrame | None = first
            self.info = self._describe(first)
            self._to_bgr = ToBgr(self.info.space, first.width, first.height)
        except BaseException:
            self.container.close()
            raise

    @property
    def keeps_whole_time(self) -> bool:
        """Whether no part was chosen, so that chapters still fit."""
        return self._start is None and self._end is None

    def read(self) -> Frame | None:
        """The next frame, None at the end."""
        decoded, self._pending = self._pending or self._next_decoded(), None
        if decoded is None:
            return None
        if (decoded.width, decoded.height) != self._coded_wh and not self._resized:
            self._resized = True
            self.warnings.append("the picture changes its size in mid-video; it is scaled to the size it began with")
        image = _upright(self._to_bgr.convert(decoded), self.info.rotation)
        assert decoded.pts is not None
        frame = Frame(image, self._index, decoded.pts, self.info.time_base)
        self._index += 1
        return frame

    def take_packets(self) -> list[av.Packet]:
        """Packets of `copied` that have come up since the last call, in file order, times shifted like the frames'."""
        taken, self._read_packets = self._read_packets, []
        return taken

    def close(self) -> None:
        """Close the file; more than once is allowed."""
        self.container.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def finish(self) -> None:
        """Call at the end: adds warnings about what was damaged or missing."""
        if self._damaged:
            self.warnings.append(f"{self._damaged} damaged packets were skipped; the video may jump there")
        expected = self.info.duration_s
        if expected is not None and self._end is None and self._last_pts is not None:
            reached = float(self._last_pts * self.info.time_base)
            if expected - reached > max(_CLEARLY_SHORT_S, 0.05 * expected):
                self.warnings.append(
                    f"the file ends after {reached:.1f} s although it announces {expected:.1f} s: it was probably cut short"
                )

    def _video_stream(self) -> av.VideoStream:
        for stream in self.container.streams.video:
            if not stream.disposition & (Disposition.attached_pic | Disposition.timed_thumbnails):
                return stream
        raise UnreadableMedia(f"{self.path} has no video stream", "name a video or a picture")

    def _check_header(self, max_pixels: int) -> None:
        context = self.video_stream.codec_context
        if context is None:
            raise UnsupportedMedia(
                f"{self.path} uses a video codec that is not known here", "convert it to H.264, HEVC, VP9 or AV1"
            )
        if context.width * context.height > max_pixels:
            raise MediaTooLarge(
                f"{self.path} has {context.width} x {context.height} pixels a frame, the limit is {max_pixels:,}",
                "use a smaller video or raise --max-pixels",
            )
        self._max_pixels = max_pixels
        context.thread_type = "AUTO"

    def _set_range(self, start_s: float | None, end_s: float | None) -> None:
        if start_s is not None and end_s is not None and end_s <= start_s:
            raise UsageError(f"the end ({end_s:g} s) is not after the start ({start_s:g} s)", "swap --start and --end")
        begin = Fraction(self.container.start_time or 0, av.time_base)
        self._start = None if start_s is None else begin + Fraction(start_s).limit_denominator(1_000_000)
        self._end = None if end_s is None else begin + Fraction(end_s).limit_denominator(1_000_000)
        duration = self.container.duration
        if self._start is not None and duration and self._start - begin >= Fraction(duration, av.time_base):
            raise UsageError(
                f"the start ({start_s:g} s) lies behind the end of the video ({duration / av.time_base:.1f} s)",
                "choose an earlier --start",
            )
        if self._start is not None and self._start > begin:
            try:
                self.container.seek(int(self._start * av.time_base), backward=True)
            except av.error.FFmpegError:
                self.warnings.append("the file cannot be searched; everything before the start is read")

    def _decode(self) -> Iterator[av.VideoFrame]:
        """Frames of the wanted range with times; packets of other streams are put aside on the way."""
        for packet in self._demux():
            if packet.stream_index != self.video_stream.index:
                self._keep(packet)
                continue
            try:
                frames = packet.decode()
            except av.error.FFmpegError as error:
                self._count_damage(error)
                continue
            for frame in frames:
                if isinstance(frame, av.VideoFrame) and self._timed(frame):
                    yield frame
            if self._past_end(packet):
                break
        for packet in self._rest():
            self._keep(packet)

    def _demux(self) -> Iterator[av.Packet]:
        while True:
            try:
                packet = next(self._packets)
            except StopIteration:
                return
            except av.error.EOFError:
                return
            except av.error.FFmpegError as error:
                self._count_damage(error)
                continue
            yield packet

    def _rest(self) -> Iterator[av.Packet]:
        """After the last wanted frame: what the other streams still have up to the end of the range."""
        if self._end is None:
            return
        slack = self._end + 10
        for packet in self._demux():
            time = _time_of(packet)
            if time is not None and time > slack:
                return
            if packet.stream_index != self.video_stream.index:
                yield packet

    def _count_damage(self, error: av.error.FFmpegError) -> None:
        self._damaged += 1
        if error.errno == errno.EIO:
            raise UnreadableMedia(f"{self.path} cannot be read any further: {error.strerror}", "check the disk") from error
        if self._damaged > _MOST_DAMAGE:
            raise UnreadableMedia(f"{self.path} is damaged throughout", "fetch or save the file again") from error

    def _timed(self, frame: av.VideoFrame) -> bool:
        """Give the frame its time in the output; False when it lies outside the range."""
        base = self.video_stream.time_base or Fraction(1, 90_000)
        pts = frame.pts if frame.pts is not None else frame.dts
        if pts is None:
            rate = self.video_stream.average_rate or Fraction(25)
            pts = 0 if self._last_pts is None else self._last_pts + max(1, round(1 / (rate * base)))
            if self._start is not None:
                pts += round(self._start / base) if self._last_pts is None else 0
        if self._start is not None and (pts + Fraction(1, 2)) * base < self._start:
            return False
        if self._end is not None and pts * base >= self._end:
            return False
        if self._start is not None:
            pts -= int(self._start / base)
        if self._last_pts is not None and pts <= self._last_pts:
            # Players show such frames one after the other; a muxer refuses equal times.
            pts = self._last_pts + 1
        self._last_pts = pts
        frame.pts = pts
        return True

    def _past_end(self, packet: av.Packet) -> bool:
        """True when no later packet can hold a frame of the range: decoding order runs at most a second ahead."""
        if self._end is None or packet.dts is None or packet.time_base is None:
            return False
        return packet.dts * packet.time_base > self._end + 1

    def _keep(self, packet: av.Packet) -> None:
        time = _time_of(packet)
        if time is None or packet.size == 0:
            return
        if (self._start is not None and time < self._start) or (self._end is not None and time >= self._end):
            return
        if self._start is not None and packet.time_base is not None:
            shift = int(self._start / packet.time_base)
            packet.pts = None if packet.pts is None else packet.pts - shift
            packet.dts = None if packet.dts is None else packet.dts - shift
        self._read_packets.append(packet)

    def _next_decoded(self) -> av.VideoFrame | None:
        frame = next(self._decoded, None)
        if frame is not None and frame.width * frame.height > self._max_pixels:
            raise MediaTooLarge(
                f"{self.path} turns to {frame.width} x {frame.height} pixels a frame", "raise --max-pixels if that is right"
            )
        return frame

    def _nothing_there(self, start_s: float | None, end_s: float | None) -> tuple[str, str]:
        if start_s is not None or end_s is not None:
            return f"{self.path} has no frame in the chosen part", "choose another --start or --end"
        if self._damaged:
            return f"{self.path} holds no frame that can be decoded", "fetch or save the file again"
        return f"{self.path} holds no frame", "name a video with pictures in it"

    def _describe(self, first: av.VideoFrame) -> VideoInfo:
        stream = self.video_stream
        rotation = round(first.rotation / 90) * 90 % 360
        self._coded_wh = first.width, first.height
        wide = rotation % 180 == 0
        aspect = stream.sample_aspect_ratio
        if aspect is not None and not wide and aspect != 0:
            aspect = 1 / aspect
        duration = _duration_of(self.container, stream)
        if duration is not None and (self._start is not None or self._end is not None):
            begin = Fraction(self.container.start_time or 0, av.time_base)
            until = min(duration, float(self._end - begin)) if self._end is not None else duration
            duration = max(0.0, until - (float(self._start - begin) if self._start is not None else 0.0))
        rate = stream.average_rate or stream.guessed_rate
        whole = self._start is None and self._end is None
        count = stream.frames if stream.frames and whole else None
        if count is None and duration is not None and rate:
            count = round(duration * float(rate))
        return VideoInfo(
            width=first.width if wide else first.height,
            height=first.height if wide else first.width,
            time_base=stream.time_base or Fraction(1, 90_000),
            rate=rate,
            frame_count=count or None,
            duration_s=duration,
            codec=stream.codec_context.codec.canonical_name,
            space=space_of(first),
            rotation=rotation,
            pixel_aspect=aspect or None,
            interlaced=bool(first.interlaced_frame),
            deep=max(component.bits for component in first.format.components) > 8,
        )


def _open(path: Path) -> av.container.InputContainer:
    options = {"format_whitelist": DEMUXERS, "protocol_whitelist": "file"}
    try:
        # An absolute path with the protocol in front: a name such as `concat:x` or `-` stays a name.
        return av.open(f"file:{path.absolute()}", options=options, metadata_errors="replace")
    except av.error.FFmpegError as error:
        raise UnreadableMedia(
            f"{path} is not a video that can be read, or is cut short ({error.strerror})",
            "use a whole mp4, mov, mkv, webm or avi file",
        ) from error


def _duration_of(container: av.container.InputContainer, stream: av.VideoStream) -> float | None:
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    return container.duration / av.time_base if container.duration else None


def _time_of(packet: av.Packet) -> Fraction | None:
    stamp = packet.pts if packet.pts is not None else packet.dts
    return None if stamp is None or packet.time_base is None else stamp * packet.time_base


def _upright(image: Image, rotation: int) -> Image:
    return np.asarray(cv2.rotate(image, _TURNS[rotation]), np.uint8) if rotation in _TURNS else image
