"""Writer of video files: labelled frames encoded with the input's times and colours, all other streams copied."""

import contextlib
import os
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
from av import VideoFrame
from av.codec.context import Flags
from av.error import FFmpegError
from av.packet import Packet
from av.video.reformatter import ColorRange
from av.video.stream import VideoStream

from mien.errors import OutputError, UnreadableMedia, UsageError
from mien.media.files import statement
from mien.media.files.animation_reader import AnimationReader, NoStreams
from mien.media.files.encoders import Encoder, candidates, other_codec, plan_codec
from mien.media.files.mark_strength import video_need
from mien.media.files.media_file import MediaFileWriter
from mien.media.files.output_file import OutputFile, is_of_the_place, output_error
from mien.media.files.stream_copy import StreamCopier, kept_tags
from mien.media.files.stream_plan import dropped
from mien.media.files.video_info import VideoInfo
from mien.media.files.video_reader import VideoReader
from mien.media.files.voice_disguise import Disguise
from mien.media.frames.alpha import with_opaque
from mien.media.frames.colour_space import ColourSpace, FromBgr
from mien.media.frames.interlace import BOTTOM_FIRST, TOP_FIRST, FieldFlags
from mien.settings import Settings
from mien.system.scheduling import ordinary_scheduling
from mien.types import LabelledFrame

_FILE_TAGS = {"major_brand", "minor_version", "compatible_brands", "encoder", "software", "duration"}
"""Metadata that describes the old file, not its content."""
_CLASSIC_TAGS = {"title", "artist", "album_artist", "composer", "album", "date", "comment", "genre", "copyright", "grouping",
           "lyrics", "description", "synopsis", "show", "episode_id", "network", "keywords", "creation_time",
           "timecode", "location"}  # fmt: skip
"""Tags that MP4 and MOV hold in their classic form; other names need the newer one."""
_MPEG4_MAX_TICKS_PER_S = 65535  # 16 bits in its header
_SQUARE_PIXEL_CODECS = {"vp9", "av1"}
_USUAL_RATE = Fraction(25)
_X265_SHORT_FRAMES = 10
"""Videos of at most this many frames get no B-frames in x265, which loses their clock; an upper bound, not measured exactly."""


class VideoWriter(MediaFileWriter):
    """A `contracts.FrameSink` into `output.temporary`; the caller commits the output after leaving without an error.

    The constructor opens the encoder and writes the head of the file, so that impossible combinations are refused before any
    work: raises `UsageError` or `OutputError`. `disguise` changes the voices. Deviations from the settings are
    noted in `warnings`.
    """

    def __init__(
        self, reader: VideoReader | AnimationReader, output: OutputFile, settings: Settings, engine: str,
        disguise: Disguise | None = None,
    ) -> None:  # fmt: skip
        self._output = output
        self._container_name, codec = plan_codec(output.path, settings, reader.info.content)
        self._info = info = _on_grid(reader.info) if self._container_name == "avi" else reader.info
        self._input, self._codec = reader.path, codec
        self._keeps_tags = "tags" not in dropped(settings)
        self._notes: list[str] = []
        self._space = _space_for(info, codec)
        self._time_base = _encoder_time_base(info, codec, self._container_name)
        self._waiting: VideoFrame | None = None
        self._shown = 0
        self._last_pts: int | None = None
        self._rounded = False
        self._crowded = 0
        self._finished = False
        _check_pixel_shape(info, codec, self._container_name, output.path)
        _check_fields(info)
        self._copier: StreamCopier | NoStreams = (
            StreamCopier(reader.path, info, self._container_name, output.path.name, dropped(settings), disguise)
            if isinstance(reader, VideoReader)
            else NoStreams()
        )
        try:
            self.encoder = self._open_first(candidates(codec, info.width, info.height, settings, info.content), engine)
            if settings.encoder == "hardware" and not self.encoder.hardware:
                self._notes.append(f"no hardware encoder for {codec} could be opened; the processor encodes")
            if (least := video_need(codec, scant=info.content.scant).least_quality) > settings.quality:
                self._notes.append(f"quality {settings.quality} would lose the invisible mark in {codec}: written with {least}")
            if self.encoder.pixel_format == "yuv444p":
                self._notes.append("the size is odd: written with full colour resolution (4:4:4), which some players refuse")
            self._convert = FromBgr(self._space, self.encoder.pixel_format, by_fields=info.fields is not None)
            self._flags = FieldFlags(info.fields) if info.fields is not None else None
        except BaseException:
            self._copier.close()
            raise

    @property
    def warnings(self) -> tuple[str, ...]:
        """Notes for the user; complete when the last frame has been written."""
        late = f"{self._output.path.name} has a constant frame rate: times were rounded to it; .mp4 and .mkv preserve them"
        crowded = f"{self._crowded} frames closer together than the frame rate of {self._output.path.name} were left out"
        return (
            *self._notes,
            *self._copier.warnings,
            *((late,) if self._rounded else ()),
            *((crowded,) if self._crowded else ()),
        )

    def write(self, labelled: LabelledFrame) -> None:
        """Encode one frame; raises `OutputError`."""
        if not isinstance(labelled, LabelledFrame):
            raise TypeError("only a LabelledFrame leaves mien")
        frame = labelled.frame
        ticks = self._ticks(frame.pts * frame.time_base - self._info.origin)
        if ticks is None:
            self._crowded += 1
            return
        alpha = None if frame.alpha is None else with_opaque(frame.alpha, labelled.badge_xyxy)
        picture = self._convert.convert(frame.image, alpha)
        if self._flags is not None:
            picture = self._flags.set(picture)
        picture.pts, picture.time_base = ticks, self._time_base
        # A frame waits for the next one, whose time ends it.
        self._encode_waiting(until=picture.pts)
        self._waiting = picture

    def finish(self) -> None:
        """Flush the encoder, write the rest of the other streams and the end of the file, once."""
        if self._finished:
            return
        self._finished = True
        self._encode_waiting(until=None)
        try:
            rest = self._video.encode(None)
            if rest:
                # MP4 ends its track with the packet coded last, often not the frame shown last.
                rest[-1].duration = self._shown
            self._mux(rest)
            self._copier.finish(self._container)
            self._container.close()
        except (FFmpegError, OSError) as error:
            raise self._failure(error) from error
        finally:
            self._copier.close()

    def _encode_waiting(self, until: int | None) -> None:
        picture = self._waiting
        if picture is None or picture.pts is None:
            return
        duration = (until - picture.pts) if until is not None else self._last_duration(picture.pts)
        picture.duration = self._shown = duration
        self._waiting = None
        try:
            self._mux(self._video.encode(picture))
        except (FFmpegError, OSError) as error:
            raise self._failure(error) from error

    def _mux(self, packets: "Sequence[Packet[VideoStream]]") -> None:
        for packet in packets:
            if packet.dts is not None:
                self._copier.advance(packet.dts * packet.time_base, self._container)
            self._container.mux_one(packet)

    def _ticks(self, time: Fraction) -> int | None:
        """Return the time in ticks of the output, later than the frame before; None if AVI has no place for the frame."""
        exact = time / self._time_base
        ticks = round(exact)
        if self._last_pts is not None:
            if self._container_name == "avi" and self._last_pts + 1 - exact > 1:
                # AVI frames cannot be closer: the sound would run ahead of the pictures.
                return None
            ticks = max(ticks, self._last_pts + 1)
        self._rounded |= self._container_name == "avi" and abs(ticks - exact) > Fraction(1, 4)
        self._last_pts = ticks
        return ticks

    def _last_duration(self, pts: int) -> int:
        """Return the ticks up to the end of the stream in the input, or those of a usual frame."""
        usual = max(1, round(1 / ((self._info.rate or _USUAL_RATE) * self._time_base)))
        if self._info.stream_end is None or self._info.end is not None:
            return usual
        left = round((self._info.stream_end - self._info.origin) / self._time_base) - pts
        return left if left > 0 else usual

    def _open_first(self, encoders: Sequence[Encoder], engine: str) -> Encoder:
        for encoder in encoders[:-1]:
            with contextlib.suppress(FFmpegError, ValueError, OSError):
                _try_out(encoder, self._info)
                self._open(encoder, engine)
                return encoder
        try:
            self._open(encoders[-1], engine)
        except (FFmpegError, ValueError, OSError) as error:
            raise self._refusal(error) from error
        return encoders[-1]

    def _open(self, encoder: Encoder, engine: str) -> None:
        if encoder.name == "libsvtav1":
            # The library logs to the error stream unless this variable is set.
            os.environ.setdefault("SVT_LOG", "1")
        tags = _container_tags(self._copier.metadata, engine)
        options = {}
        if self._container_name in {"mp4", "mov"}:
            # A cover needs the classic form.
            classic = self._copier.copies_cover or {name.lower() for name in tags} <= _CLASSIC_TAGS
            options["movflags"] = "+faststart" if classic else "+faststart+use_metadata_tags"
        temporary = str(self._output.temporary.absolute())
        self._container = av.open(temporary, "w", format=self._container_name, container_options=options)
        self._video = self._add_video(encoder)
        self._copier.add_streams(self._container)
        self._container.metadata.update(tags)
        with ordinary_scheduling():
            self._container.start_encoding()

    def _add_video(self, encoder: Encoder) -> VideoStream:
        info, space = self._info, self._space
        rate = info.rate or _USUAL_RATE
        video = self._container.add_stream(encoder.name, rate=rate, options=encoder.options, time_base=self._time_base)
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
        animated = isinstance(self._copier, NoStreams)
        short = encoder.name == "libx265" and (info.frame_count or 0) <= _X265_SHORT_FRAMES
        if self._container_name == "avi" or animated or short:
            # AVI has one clock, in coding order; x265 loses the clock of short videos with B-frames; and MP4 ends with the
            # frame coded last, which matters if each frame has its own time.
            context.max_b_frames = 0
        if encoder.codec == "hevc" and self._container_name in {"mp4", "mov"}:
            context.codec_tag = "hvc1"
        original = self._copier.video_stream
        if self._keeps_tags:
            video.metadata.update(kept_tags(original.metadata, measured=False))
        if info.is_part:
            video.metadata.pop("timecode", None)
        video.disposition = original.disposition
        return video

    def _failure(self, error: Exception) -> OutputError | UnreadableMedia:
        text = getattr(error, "strerror", None) or str(error)
        if is_of_the_place(error):
            return output_error(OSError(getattr(error, "errno", None), text), self._output.path)
        return UnreadableMedia(
            f"the pictures of {self._input.name} cannot be written to {self._output.path.name}: {text}",
            # AVI holds no gap of more than 65,000 frames.
            "write a .mkv or .mp4" if self._container_name == "avi" else other_codec(self._container_name, self._codec),
        )

    def _refusal(self, error: Exception) -> OutputError | UnreadableMedia | UsageError:
        if is_of_the_place(error):
            return self._failure(error)
        size = f"{self._info.width}x{self._info.height}"
        return UsageError(
            f"pictures of {size} cannot be encoded for {self._output.path.name}: {getattr(error, 'strerror', None) or error}",
            other_codec(self._container_name, self._codec),
        )

    def _abandon(self) -> None:
        self._copier.close()
        super()._abandon()


def check_output(reader: VideoReader, path: Path, settings: Settings) -> tuple[str, ...]:
    """Return the warnings of a `VideoWriter` without writing anything. Raises `UsageError` as it would."""
    container, codec = plan_codec(path, settings, reader.info.content)
    _check_pixel_shape(reader.info, codec, container, path)
    _check_fields(reader.info)
    copier = StreamCopier(reader.path, reader.info, container, path.name, dropped(settings))
    try:
        # No file is opened before the first packet.
        copier.add_streams(av.open(os.devnull, "w", format=container))
    finally:
        copier.close()
    return copier.warnings


def _check_pixel_shape(info: VideoInfo, codec: str, container: str, path: Path) -> None:
    if codec in _SQUARE_PIXEL_CODECS and container not in {"mp4", "mov"} and info.pixel_aspect != 1:
        raise UsageError(
            f"{codec} in a {path.suffix} cannot say that the pixels of the input are not square",
            "write a .mp4, or a .mkv with --codec h264",
        )


def _check_fields(info: VideoInfo) -> None:
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


def _encoder_time_base(info: VideoInfo, codec: str, container: str) -> Fraction:
    if container == "avi":
        return 1 / (info.rate or _USUAL_RATE)
    if codec == "mpeg4" and info.time_base.denominator > _MPEG4_MAX_TICKS_PER_S:
        return Fraction(1, 60_000)
    return info.time_base


def _container_tags(metadata: dict[str, str], engine: str) -> dict[str, str]:
    """Return the input's metadata with the statement added to its comment."""
    tags = {key: value for key, value in metadata.items() if key.lower() not in _FILE_TAGS}
    before = " ".join(tags.pop(key).strip() for key in list(tags) if key.lower() == "comment")
    said = statement.sentence(engine)
    tags["comment"] = before if said in before else f"{before} {said}".strip()
    return tags


def _try_out(encoder: Encoder, info: VideoInfo) -> None:
    """Encode one frame: many encoders are compiled in, but only a trial shows whether the device works."""
    context = av.CodecContext.create(encoder.name, "w")
    assert isinstance(context, av.VideoCodecContext)
    context.width, context.height, context.pix_fmt = info.width, info.height, encoder.pixel_format
    context.time_base, context.framerate = 1 / _USUAL_RATE, _USUAL_RATE
    context.options = dict(encoder.options)
    frame = VideoFrame(info.width, info.height, encoder.pixel_format)
    frame.pts = 0
    if not [*context.encode(frame), *context.encode(None)]:
        raise ValueError(f"{encoder.name} returned no packet")
