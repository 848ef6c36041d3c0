"""Reader of a video file: upright BGR frames with their own presentation times."""

from collections.abc import Callable, Generator
from dataclasses import replace
from fractions import Fraction
from itertools import islice
from math import ceil
from pathlib import Path

import av
from av import VideoFrame
from av.container import InputContainer
from av.error import EOFError as EndOfFile
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Disposition, Stream
from av.video.stream import VideoStream

from mien.errors import MediaTooLarge, UnreadableMedia, UnsupportedMedia, UsageError
from mien.imaging.alpha import over_white
from mien.media.files.file_check import check_size
from mien.media.files.media_file import MediaFileReader, part_bounds
from mien.media.files.packets import FREE_RUNNING, NO_MOTION, PacketReader, Survey, open_input, survey
from mien.media.files.video_info import VideoInfo
from mien.media.frames.alpha import alpha_decoder, alpha_of, has_alpha
from mien.media.frames.colour_space import ToBgr, space_of
from mien.media.frames.dolby_vision import check_base_layer
from mien.media.frames.interlace import Deinterlacer, has_fields, shown_order, stream_order
from mien.media.frames.orientation import Orientation, orientation_of
from mien.media.frames.pyav import fraction, known_fraction
from mien.types import Frame, Note

_SHORTFALL_S = Fraction(1, 2)  # by which a file may end early without a note
_SLACK_S = Fraction(1, 2000)  # half a millisecond: clocks of 1/1000 s have already rounded the times that users enter

_SKIMMED = {"h264", "hevc"}
"""Codecs whose wanted frames stay the same bits, at the same times, when frames that none is made from are left out before
them; those of MPEG-2 and AV1 get times of their neighbours. The first of interlaced ones is
de-interlaced without the one before."""


class VideoReader(MediaFileReader):
    """A `contracts.FrameSource` of a file: frames upright, in order, with the pts and the time base of the file.

    The constructor opens the file and decodes the first wanted frame; `start_s` and `end_s` are seconds on a player's clock.
    Raises `UnreadableMedia` (missing, a folder, empty, no video, damaged), `UnsupportedMedia`, `MediaTooLarge` (known
    from the header, before decoding) or `UsageError` (no frame between start and end). `surveyed` is the `survey` of an
    earlier reader of the same file, which saves a second pass over a transport or program stream.
    Interlaced frames are de-interlaced unless `keep_fields`; transparent ones are composited over white unless `keep_alpha`.
    With `from_key` the first frame is the key frame before `start_s`. `passing` is called for each frame that is decoded on
    the way to `start_s`; what it raises ends the constructor. With `skim` only those are that later frames are made from.
    """

    def __init__(
        self,
        path: Path,
        *,
        max_pixels: int,
        max_bytes: int,
        start_s: float | None = None,
        end_s: float | None = None,
        surveyed: Survey | None = None,
        keep_fields: bool = False,
        keep_alpha: bool = False,
        from_key: bool = False,
        passing: Callable[[], None] | None = None,
        skim: bool = False,
    ) -> None:
        self.path = path
        self._keep_fields, self._keep_alpha = keep_fields, keep_alpha
        self._from_key, self._passing, self._skim = from_key, passing, skim
        self._interlaced_frames = 0
        self._fields_kept: bool | None = None
        self._max_pixels = max_pixels
        self._notes: dict[tuple[str, str], int] = {}
        self._index = 0
        self._last_pts: int | None = None
        self._reached_end = self._decoded_any = False
        self._next: VideoFrame | None = None
        self.survey = surveyed
        check_size(path, max_bytes)
        self._start, self._end = part_bounds(start_s, end_s)
        self._container = open_input(path)
        try:
            self._open()
        except BaseException:
            self._container.close()
            raise

    @property
    def info(self) -> VideoInfo:
        """Properties of the video, known from the start."""
        return self._info

    @property
    def copied(self) -> tuple[Stream, ...]:
        """Streams of sound and subtitles, which an output copies."""
        return tuple(stream for stream in self._container.streams if stream.type in {"audio", "subtitle"})

    @property
    def warnings(self) -> tuple[str, ...]:
        """Notes for the user; complete when the last frame has been read."""
        notes = [self._told(key, text, count=count) for (key, text), count in self._notes.items()]
        damaged, jumps, interlaced = self._packets.damaged, self._packets.jumps, self._interlaced_frames
        if damaged:
            notes.append(self._told("damaged", "{name} is damaged in {n} places; the readable parts were used", n=damaged))
        if jumps:
            times = "once" if jumps == 1 else "{n} times"
            text = f"the clock of {{name}} starts over or leaps {times}; the parts follow each other without a gap"
            notes.append(self._told("clock-leaps", text, n=jumps))
        early = self._missing_at_the_end()
        if interlaced and not self._info.interlaced:
            text = "{n} frames in the midst of {name} were interlaced: de-interlaced"
            notes.append(self._told("interlaced-midst", text, n=interlaced))
        return (*notes, early) if early else tuple(notes)

    def read(self) -> Frame | None:
        """Return the next frame, None at the end. Raises `MediaTooLarge` if the frames grow beyond the limit."""
        frame = self._next
        if frame is None:
            return None
        self._next = next(self._frames, None)
        return self._converted(frame)

    def skip_to(self, pts: int) -> None:
        """Go on with the first frame from `pts` on, from the key frame before it where the file can be read from there.

        Of a file whose key frames are no clean beginnings, the frames are others than those that `read` gives in order.
        """
        if self.survey is None and self._seek(pts):
            self._packets = PacketReader(self._container, (self._stream,))
            self._last_pts = None
            self._frames = self._wanted(pts)
            self._next = next(self._frames, None)
        while self._next is not None and (self._next.pts or 0) < pts:
            self._next = next(self._frames, None)

    def close(self) -> None:
        """Close the file; more than once is allowed."""
        self._next = None
        self._frames.close()
        self._container.close()

    def _open(self) -> None:
        self._stream = _moving_stream(self.path, self._container)
        context = self._stream.codec_context
        self._check_pixels(context.width, context.height)
        context.thread_type = "AUTO"
        self._decoder = alpha_decoder(self._stream) or context
        self._base = known_fraction(self._stream.time_base, Fraction(1, av.time_base))
        self._rate = fraction(self._stream.guessed_rate) or fraction(self._stream.average_rate)
        zero = Fraction(self._container.start_time or 0, av.time_base)
        if self._container.format.name in FREE_RUNNING:
            self.survey = self.survey or survey(self.path, self._stream.index)
            zero = self.survey.start if self.survey else zero
        else:
            # A player's clock shows 0 for times before zero.
            zero = max(zero, Fraction(0))
        self._begin = None if self._start is None else self._start + zero
        self._until = None if self._end is None else self._end + zero
        self._packets = PacketReader(self._container, (self._stream,))
        self._frames = self._wanted()
        first = next(self._frames, None)
        if first is None:
            raise self._nothing(decoded_any=self._decoded_any)
        self._next = first
        self._info = self._describe(first, zero)

    def _describe(self, first: VideoFrame, zero: Fraction) -> VideoInfo:
        self._size = first.width, first.height
        orientation = orientation_of(first)
        if orientation is None:
            text = f"{{name}} asks for a rotation by {first.rotation} degrees; only multiples of 90 are applied"
            self._note("odd-rotation", text)
        self._orientation = orientation or Orientation()
        space = space_of(first)
        if self._orientation.transposed:
            # Players guess the colours of an untagged video from its size, which the rotation changes.
            space = replace(space, tagged=True)
        kept, alpha = bool(self._fields_kept), has_alpha(first)
        if kept and self._orientation != Orientation():
            raise UsageError(f"{self.path.name} is interlaced and rotated", "use --interlaced deinterlace")
        self._has_alpha = alpha
        self._to_bgr = ToBgr(space, *self._size, by_fields=kept)
        width, height = self._orientation.size(*self._size)
        shape = known_fraction(self._stream.sample_aspect_ratio, Fraction(1))
        count, duration = self._length(zero)
        return VideoInfo(
            width=width,
            height=height,
            time_base=self._base,
            rate=self._rate,
            frame_count=count,
            duration_s=duration,
            codec=self._stream.codec_context.codec.canonical_name,
            stream_index=self._stream.index,
            space=space,
            rotation=first.rotation if orientation else 0,
            pixel_aspect=1 / shape if self._orientation.transposed else shape,
            interlaced=kept or self._interlaced_frames > 0,
            fields=shown_order(self._stream.codec_context.field_order) if kept else None,
            deep=max(component.bits for component in first.format.components) > 8,
            alpha=alpha and self._keep_alpha,
            flattened=alpha and not self._keep_alpha,
            dolby_vision=check_base_layer(first, self.path.name),
            zero=zero,
            origin=self._origin(first, zero),
            first=(first.pts or 0) * self._base,
            begin=self._begin,
            end=self._until,
            stream_end=self._stream_end(),
        )

    def _origin(self, first: VideoFrame, zero: Fraction) -> Fraction:
        if self._begin is not None:
            return (first.pts or 0) * self._base
        return zero if self._container.format.name in FREE_RUNNING else Fraction(0)

    def _length(self, zero: Fraction) -> tuple[int | None, float | None]:
        """Return frames (estimated if the file does not count them) and seconds of the wanted part."""
        announced = self._container.duration
        whole = self._stream_end() or (None if announced is None else zero + Fraction(announced, av.time_base))
        stop = min((time for time in (whole, self._until) if time is not None), default=None)
        duration = None if stop is None else max(stop - (zero if self._begin is None else self._begin), Fraction(0))
        counted = self.survey.frames if self.survey else self._stream.frames
        count = counted if self._begin is None and self._until is None else 0
        if not count and duration is not None and self._rate:
            count = round(duration * self._rate)
        return count or None, None if duration is None else float(duration)

    def _stream_end(self) -> Fraction | None:
        if self.survey is not None:
            return self.survey.end
        if self._container.format.name == "avi" and self._stream.frames and self._rate:
            # Its duration is guessed from the size of the file; the frame count is from the header.
            return self._stream.frames / self._rate
        if self._stream.duration is not None:
            return ((self._stream.start_time or 0) + self._stream.duration) * self._base
        return _tagged_duration(self._stream.metadata)

    def _wanted(self, first: int | None = None) -> Generator[VideoFrame, None, None]:
        """Yield frames from `first`, else `begin`, to `end`, exact to the frame, each with a later pts than the one before."""
        begin, until = self._ticks(self._begin) if first is None else first, self._ticks(self._until)
        for frame in self._from(begin):
            self._decoded_any = True
            pts = self._pts(frame)
            if self._last_pts is not None and pts <= self._last_pts:
                self._note("timeless", "{count} frames had no time of their own and were placed after the frame before")
                pts = self._last_pts + 1
            frame.pts = self._last_pts = pts
            if until is not None and pts >= until:
                return
            if begin is None or pts >= begin or self._from_key:
                yield frame
            elif self._passing is not None:
                self._passing()
        self._reached_end = True

    def _from(self, begin: int | None) -> Generator[VideoFrame, None, None]:
        """Yield decoded frames from the key frame before `begin` on, or from the start if times must be counted."""
        if begin is not None and self.survey is not None:
            yield from self._decoded(self.survey.key_before(begin * self._base))
            return
        if begin is None or not self._seek(begin):
            yield from self._decoded()
            return
        frames = self._decoded()
        first = next(frames, None)
        counted = first is not None and first.pts is None and self._stream.codec_context.has_b_frames
        if first is not None and not counted and self._pts(first) <= begin:
            yield first
            yield from frames
        elif self._seek(self._stream.start_time or 0):
            yield from self._decoded()

    def _seek(self, pts: int) -> bool:
        try:
            self._container.seek(pts, stream=self._stream)
        except FFmpegError:
            return False
        self._decoder.flush_buffers()
        return True

    def _decoded(self, first: int = 0) -> Generator[VideoFrame, None, None]:
        """Yield progressive frames, unless fields are kept, from packet number `first` on."""
        context = self._stream.codec_context
        order = stream_order(context.field_order, context.codec.canonical_name)
        fields = Deinterlacer(order)
        for frame in self._stored(first):
            interlaced = frame.interlaced_frame or order is not None
            if self._fields_kept is None:
                # Decided once: an output is flagged interlaced as a whole or not at all.
                self._fields_kept = self._keep_fields and (interlaced or has_fields(context.field_order))
            self._interlaced_frames += interlaced
            yield from (frame,) if self._fields_kept else fields.push(frame)
        yield from fields.flush()

    def _stored(self, first: int) -> Generator[VideoFrame, None, None]:
        skimmed = self._skim and self._stream.codec_context.codec.canonical_name in _SKIMMED
        wanted = self._ticks(self._begin) if skimmed else None
        for packet in islice(self._packets, first, None):
            if wanted is not None:
                passed = packet.pts is not None and packet.pts < wanted
                self._decoder.skip_frame = "NONREF" if passed else "DEFAULT"
            yield from self._decode(packet)
        yield from self._decode(None)

    def _decode(self, packet: "Packet[Stream] | None") -> list[VideoFrame]:
        try:
            frames = self._decoder.decode(packet)
        except EndOfFile:
            return []
        except FFmpegError:
            self._packets.damaged += 1
            return []
        for frame in frames:
            self._check_pixels(frame.width, frame.height)
            if frame.is_corrupt:
                self._note("partial", "{count} frames could be read only in part")
        return frames

    def _converted(self, frame: VideoFrame) -> Frame:
        same_size = (frame.width, frame.height) == self._size
        if not same_size:
            self._note("rescaled", "{count} frames had another size and were scaled to that of the first")
        # Joined files may change from HDR to SDR, or their matrix, in the middle.
        image, alpha = self._to_bgr.convert(frame, space_of(frame) if same_size else None), None
        if self._has_alpha:
            alpha = alpha_of(frame, *self._size)
            image, alpha = (image, alpha) if self._keep_alpha else (over_white(image, alpha), None)
        image = self._orientation.turn(image)
        alpha = None if alpha is None else self._orientation.turn(alpha)
        self._index += 1
        return Frame(image, self._index - 1, int(frame.pts or 0), self._base, alpha)

    def _check_pixels(self, width: int, height: int) -> None:
        if width * height > self._max_pixels:
            raise MediaTooLarge(
                f"{self.path} has frames of {width}x{height} pixels, the limit is {self._max_pixels:,} pixels",
                "use a smaller video or raise --max-pixels",
            )

    def _pts(self, frame: VideoFrame) -> int:
        """Return the frame's own time; in AVI, which has none, its packet's, or one frame after the one before."""
        if frame.pts is not None:
            return frame.pts
        # Frames are decoded in display order only without B-frames.
        if frame.dts is not None and not self._stream.codec_context.has_b_frames:
            return frame.dts
        step = max(1, round(1 / ((self._rate or 25) * self._base)))
        return (self._stream.start_time or 0) if self._last_pts is None else self._last_pts + step

    def _ticks(self, time: Fraction | None) -> int | None:
        if time is None:
            return None
        return ceil(time / self._base - min(Fraction(1, 2), _SLACK_S / self._base))

    def _note(self, key: str, text: str) -> None:
        self._notes[key, text] = self._notes.get((key, text), 0) + 1

    def _told(self, key: str, text: str, **values: str | int | float) -> Note:
        return Note.of(key, text, name=self.path.name, **values)

    def _missing_at_the_end(self) -> Note | None:
        expected = self._info.stream_end
        if not self._reached_end or expected is None or self._last_pts is None:
            return None
        step = 1 / self._rate if self._rate else Fraction(0)
        end = self._last_pts * self._base + step
        if expected - end <= max(_SHORTFALL_S, 2 * step):
            return None
        text = "{name} ends early: {seconds} s of the {announced} s that its header announces"
        return self._told("ends-early", text, seconds=f"{float(end):.1f}", announced=f"{float(expected):.1f}")


def _moving_stream(path: Path, container: InputContainer) -> VideoStream:
    """Return the default video stream, else the first; covers and thumbnails do not count."""
    streams = [stream for stream in container.streams.video if not stream.disposition & NO_MOTION]
    if not streams:
        what = "holds only sound" if container.streams.audio else "holds no video stream"
        raise UnreadableMedia(f"{path} {what}", "name a file with moving pictures")
    stream = next((stream for stream in streams if stream.disposition & Disposition.default), streams[0])
    if stream.codec_context is None:
        raise UnsupportedMedia(f"{path} has a video codec that mien cannot decode", "convert it to H.264 first")
    return stream


def _tagged_duration(metadata: dict[str, str]) -> Fraction | None:
    """Return the duration in Matroska's tag of the stream, `HH:MM:SS.fraction`."""
    text = next((value for name, value in metadata.items() if name.upper().partition("-")[0] == "DURATION"), "")
    try:
        hours, minutes, seconds = text.split(":")
        return Fraction(hours) * 3600 + Fraction(minutes) * 60 + Fraction(seconds)
    except ValueError:
        return None
