"""Encoders of the pictures of a video: the format that all parts of it share, and one encoder for each part."""

import contextlib
import io
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil
from pathlib import Path

import av
from av import VideoFrame
from av.codec.context import Flags, ThreadType
from av.container import OutputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.video.reformatter import ColorRange
from av.video.stream import VideoStream

from mien.errors import UsageError
from mien.imaging.alpha import with_opaque
from mien.media.files.encoders import Encoder, candidates, plan_codec
from mien.media.files.video_info import VideoInfo
from mien.media.frames.colour_space import ColourSpace, FromBgr
from mien.media.frames.interlace import BOTTOM_FIRST, TOP_FIRST, FieldFlags
from mien.settings import Settings
from mien.system.scheduling import ordinary_scheduling
from mien.types import LabelledFrame

_MPEG4_MAX_TICKS_PER_S = 65535  # 16 bits in its header
_USUAL_RATE = Fraction(25)
_LONGEST_PART_S = 13  # a second more than `swap.parts` has
_USUAL_KEY_DISTANCE, _MOST_KEY_DISTANCE = 250, 400  # frames: that of x264 and x265, and what players still seek through quickly
_X265_SHORT_FRAMES = 10
"""Videos of at most this many frames get no B-frames in x265, which loses their clock; an upper bound, not measured exactly."""
_UNTIMED_FRAMES = 2
"""Frames of a part, at most, of which x265 gives any number as the time of decoding; they are decoded as they are shown."""


@dataclass(frozen=True, slots=True)
class PictureFormat:
    """Properties of the encoded pictures of one output, the same in every part of it; times are in ticks of `time_base`."""

    info: VideoInfo
    container: str
    encoder: Encoder
    space: ColourSpace
    time_base: Fraction

    @property
    def usual_duration(self) -> int:
        """Ticks of a usual frame."""
        return max(1, round(1 / ((self.info.rate or _USUAL_RATE) * self.time_base)))

    @property
    def can_be_cut(self) -> bool:
        """True where another encoder can go on after any frame.

        AVI counts frames from the first one on, and alpha lies beside the packets.
        """
        return self.container != "avi" and not self.info.alpha and not self.info.animated

    def add_to(self, container: OutputContainer) -> VideoStream:
        """Add a stream of this format, its encoder not yet opened."""
        info, space, encoder = self.info, self.space, self.encoder
        rate = info.rate or _USUAL_RATE
        video = container.add_stream(encoder.name, rate=rate, options=encoder.options, time_base=self.time_base)
        assert isinstance(video, VideoStream)
        video.width, video.height, video.pix_fmt = info.width, info.height, encoder.pixel_format
        context = video.codec_context
        context.sample_aspect_ratio = info.pixel_aspect
        if info.fields is not None:
            context.flags |= Flags.interlaced_dct | Flags.interlaced_me
            context.field_order = TOP_FIRST if info.fields == "tff" else BOTTOM_FIRST
        context.color_range = ColorRange.JPEG if space.full_range else ColorRange.MPEG
        if space.tagged:
            context.colorspace = space.matrix
        context.color_primaries, context.color_trc = space.primaries, space.transfer
        short = encoder.name == "libx265" and (info.frame_count or 0) <= _X265_SHORT_FRAMES
        if self.container == "avi" or info.animated or short:
            # AVI has one clock, in coding order; x265 loses the clock of short videos with B-frames; and MP4 ends with the
            # frame coded last, which matters if each frame has its own time.
            context.max_b_frames = 0
        if encoder.name in {"libx264", "libx265", "libvpx-vp9"}:
            context.gop_size = _key_distance(rate)
        if encoder.name == "libx264":
            # Threads of frames: slices, PyAV's default, leave a core idle and take 1 % more bytes.
            context.thread_type = ThreadType.FRAME
        if encoder.codec == "hevc" and self.container in {"mp4", "mov"}:
            context.codec_tag = "hvc1"
        return video

    def try_out(self) -> None:
        """Encode one frame: many encoders are compiled in, but only a trial shows whether the device works."""
        context = av.CodecContext.create(self.encoder.name, "w")
        assert isinstance(context, av.VideoCodecContext)
        context.width, context.height, context.pix_fmt = self.info.width, self.info.height, self.encoder.pixel_format
        context.time_base, context.framerate = 1 / _USUAL_RATE, _USUAL_RATE
        context.options = dict(self.encoder.options)
        frame = VideoFrame(self.info.width, self.info.height, self.encoder.pixel_format)
        frame.pts = 0
        if not [*context.encode(frame), *context.encode(None)]:
            raise ValueError(f"{self.encoder.name} returned no packet")


def picture_formats(info: VideoInfo, path: Path, settings: Settings) -> tuple[PictureFormat, ...]:
    """Return the formats of an output of this name, in the order in which to try them; the last one is always available.

    Raises `UsageError` for a name, codec and content that do not go together.
    """
    container, codec = plan_codec(path, settings, info.content)
    info = _on_grid(info) if container == "avi" else info
    space, base = _space_for(info, codec), _time_base_for(info, codec, container)
    encoders = candidates(codec, info.width, info.height, settings, info.content)
    return tuple(PictureFormat(info, container, encoder, space, base) for encoder in encoders)


def working_format(formats: Sequence[PictureFormat]) -> PictureFormat:
    """Return the first format whose encoder works, else the last one."""
    for each in formats[:-1]:
        with contextlib.suppress(FFmpegError, ValueError, OSError):
            each.try_out()
            return each
    return formats[-1]


def _key_distance(rate: Fraction) -> int:
    """Return the most frames from one key frame to the next: no more of them than at the begin of each part, up to 30 Hz."""
    return min(max(_USUAL_KEY_DISTANCE, ceil(_LONGEST_PART_S * rate)), _MOST_KEY_DISTANCE)


class PartEncoder:
    """Encoder of one part: labelled frames in order in, packets out. Raises what FFmpeg raises.

    `stream` is the unused stream of an output, None = one of its own.
    """

    def __init__(self, form: PictureFormat, stream: VideoStream | None = None) -> None:
        self._format = form
        if stream is None:
            self._holder = av.open(io.BytesIO(), "w", format=form.container)
            stream = form.add_to(self._holder)
            _quieten(form.encoder)
            with ordinary_scheduling():
                stream.codec_context.open()
        self._stream = stream
        self._convert = FromBgr(form.space, form.encoder.pixel_format, by_fields=form.info.fields is not None)
        self._flags = FieldFlags(form.info.fields) if form.info.fields is not None else None
        self._waiting: VideoFrame | None = None
        self._shown = 0
        self._last: int | None = None
        self._frames = 0
        self.rounded = False
        """True once a time had to be rounded to the rate of an AVI file."""
        self.crowded = 0
        """Frames that were left out, because an AVI file has no place for them."""

    @property
    def head(self) -> bytes:
        """Codec data that a decoder needs before the first packet."""
        return self._stream.codec_context.extradata or b""

    def encode(self, labelled: LabelledFrame) -> "Iterator[Packet[VideoStream]]":
        """Yield the packets that are ready after one more frame."""
        frame = labelled.frame
        ticks = self._ticks(frame.pts * frame.time_base - self._format.info.origin)
        if ticks is None:
            self.crowded += 1
            return
        alpha = None if frame.alpha is None else with_opaque(frame.alpha, labelled.badge_xyxy)
        picture = self._convert.convert(frame.image, alpha)
        if self._flags is not None:
            picture = self._flags.set(picture)
        picture.pts, picture.time_base = ticks, self._format.time_base
        # A frame waits for the next one, whose time ends it.
        yield from self._encode_waiting(picture.pts)
        self._waiting = picture

    def finish(self, until: Fraction | None) -> "Iterator[Packet[VideoStream]]":
        """Yield the rest; the last frame is shown until a time on the clock of the file, None = the end of the film."""
        ticks = None if until is None else round((until - self._format.info.origin) / self._format.time_base)
        yield from self._encode_waiting(ticks)
        rest = self._stream.encode(None)
        if self._frames <= _UNTIMED_FRAMES:
            for packet in rest:
                packet.dts = packet.pts
        if rest:
            # MP4 ends its track with the packet coded last, often not the frame shown last.
            rest[-1].duration = self._shown
        yield from rest

    def _encode_waiting(self, until: int | None) -> "Iterator[Packet[VideoStream]]":
        picture, self._waiting = self._waiting, None
        if picture is None or picture.pts is None:
            return
        duration = self._last_duration(picture.pts) if until is None else max(until - picture.pts, 1)
        picture.duration = self._shown = duration
        self._frames += 1
        yield from self._stream.encode(picture)

    def _ticks(self, time: Fraction) -> int | None:
        """Return the time in ticks, later than the frame before; None if AVI has no place for the frame."""
        exact = time / self._format.time_base
        ticks, avi = round(exact), self._format.container == "avi"
        if self._last is not None:
            if avi and self._last + 1 - exact > 1:
                # AVI frames cannot be closer: the sound would run ahead of the pictures.
                return None
            ticks = max(ticks, self._last + 1)
        self.rounded |= avi and abs(ticks - exact) > Fraction(1, 4)
        self._last = ticks
        return ticks

    def _last_duration(self, pts: int) -> int:
        """Return the ticks up to the end of the stream in the input, or those of a usual frame."""
        info = self._format.info
        if info.stream_end is None or info.end is not None:
            return self._format.usual_duration
        left = round((info.stream_end - info.origin) / self._format.time_base) - pts
        return left if left > 0 else self._format.usual_duration


def _quieten(encoder: Encoder) -> None:
    """Set the variable without which SVT-AV1 writes a log to the error stream."""
    if encoder.name == "libsvtav1":
        os.environ.setdefault("SVT_LOG", "1")


def open_stream(form: PictureFormat, container: OutputContainer) -> VideoStream:
    """Add a stream to an output, whose encoder opens with the head of the file."""
    _quieten(form.encoder)
    return form.add_to(container)


def check_square_pixels(info: VideoInfo, codec: str, container: str, path: Path) -> None:
    """Raise `UsageError` for pixels that are not square, in a file that cannot say so."""
    if codec in {"vp9", "av1"} and container not in {"mp4", "mov"} and info.pixel_aspect != 1:
        raise UsageError(
            f"{codec} in a {path.suffix} cannot say that the pixels of the input are not square",
            "write a .mp4, or a .mkv with --codec h264",
        )


def check_fields(info: VideoInfo) -> None:
    """Raise `UsageError` for interlaced frames whose sides do not divide."""
    if info.fields is not None and (info.height % 4 or info.width % 2):
        raise UsageError(
            f"{info.width}x{info.height} cannot be written interlaced: each field needs even sides",
            "use --interlaced deinterlace",
        )


def _space_for(info: VideoInfo, codec: str) -> ColourSpace:
    """Return the colour space to write: the input's, but limited range in MPEG-4, which cannot state the range."""
    space = info.space.for_output()
    if codec == "mpeg4":
        return ColourSpace(space.matrix, space.primaries, space.transfer, full_range=False, tagged=space.tagged)
    return space


def _on_grid(info: VideoInfo) -> VideoInfo:
    """Shift the origin so that the first picture is on a step of the rate: AVI shows one picture each step."""
    rate = info.rate or _USUAL_RATE
    steps = max(int((info.first - info.origin) * rate), 0)
    return replace(info, origin=info.first - steps / rate)


def _time_base_for(info: VideoInfo, codec: str, container: str) -> Fraction:
    if container == "avi":
        return 1 / (info.rate or _USUAL_RATE)
    if codec == "mpeg4" and info.time_base.denominator > _MPEG4_MAX_TICKS_PER_S:
        return Fraction(1, 60_000)
    return info.time_base
