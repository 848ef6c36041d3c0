"""Writes video files: labelled frames encoded with the input's times and colours, other streams copied packet by packet."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import av
from av.video.reformatter import ColorRange

from mien.errors import OutputError, UsageError
from mien.media.colourspace import FromBgr
from mien.media.output import OutputFile, output_error
from mien.media.videoreader import VideoReader
from mien.provenance import statement
from mien.settings import Settings
from mien.types import LabelledFrame

CONTAINERS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska", ".webm": "webm", ".avi": "avi"}
_CODECS = {
    "mp4": ("h264", "hevc", "av1", "vp9", "mpeg4"),
    "mov": ("h264", "hevc", "mpeg4"),
    "matroska": ("h264", "hevc", "vp9", "av1", "mpeg4"),
    "webm": ("vp9", "av1"),
    "avi": ("h264", "mpeg4"),
}
"""What each container holds; the first is what `auto` takes."""
_SOFTWARE = {"h264": "libx264", "hevc": "libx265", "vp9": "libvpx-vp9", "av1": "libsvtav1", "mpeg4": "mpeg4"}
_HARDWARE = {
    "h264": ("h264_nvenc", "h264_videotoolbox", "h264_qsv", "h264_amf"),
    "hevc": ("hevc_nvenc", "hevc_videotoolbox", "hevc_qsv", "hevc_amf"),
    "av1": ("av1_nvenc", "av1_qsv", "av1_amf"),
}
_FILE_KEYS = {"major_brand", "minor_version", "compatible_brands", "encoder", "duration", "creation_time_utc"}
"""Metadata that describes the old file, not its content."""
_MPEG4_MOST_TICKS = 65535


def plan_codec(path: Path, settings: Settings) -> tuple[str, str]:
    """Container and codec for a name; raises `UsageError` for what does not go together."""
    container = CONTAINERS.get(path.suffix.lower())
    if container is None:
        raise UsageError(f"{path.name!r} names no video format that mien writes", f"end the name in {', '.join(CONTAINERS)}")
    allowed = _CODECS[container]
    codec = allowed[0] if settings.codec == "auto" else settings.codec
    if codec not in allowed:
        raise UsageError(f"a {path.suffix} file does not hold {codec}", f"use --codec {' or '.join(allowed)}, or a .mkv")
    return container, codec


class VideoWriter:
    """A `contracts.FrameSink` into `output.temporary`; the caller commits the output after leaving without an error.

    Making it opens the encoder and writes the file's head, so that everything that does not go together is refused before
    any work: raises `UsageError` or `OutputError`. What had to be done otherwise than asked is told in `warnings`.
    """

    def __init__(self, reader: VideoReader, output: OutputFile, settings: Settings, engine: str) -> None:
        self.warnings: list[str] = []
        self._finished = False
        self._path = output.path
        container, codec = plan_codec(output.path, settings)
        self._time_base = _encoder_time_base(reader.info.time_base, codec)
        space = reader.info.space.for_output()
        self._pixel_format = "yuv420p" if reader.info.width % 2 == 0 and reader.info.height % 2 == 0 else "yuv444p"
        self._convert = FromBgr(space, self._pixel_format)
        for encoder in self._encoders(codec, settings):
            try:
                self._open(output.temporary, container, encoder, reader, settings, engine)
            except UsageError:
                raise
            except (av.error.FFmpegError, ValueError, OSError) as error:
                self._close_quietly()
                if encoder == _SOFTWARE[codec]:
                    raise self._refusal(error) from error
            else:
                self.encoder = encoder
                break
        if settings.encoder == "hardware" and self.encoder == _SOFTWARE[codec]:
            self.warnings.append(f"no hardware encoder for {codec} could be opened; the processor encodes")

    def write(self, labelled: LabelledFrame) -> None:
        """Encode one frame; raises `OutputError`."""
        if not isinstance(labelled, LabelledFrame):
            raise TypeError("only a LabelledFrame leaves mien")
        frame = labelled.frame
        picture = self._convert.convert(frame.image)
        picture.pts = round(frame.pts * frame.time_base / self._time_base)
        picture.time_base = self._time_base
        self._mux(self._video.encode(picture))

    def write_packets(self, packets: Sequence[av.Packet]) -> None:
        """Copy packets of the reader's other streams; raises `OutputError`."""
        for packet in packets:
            packet.stream = self._copies[packet.stream_index]
            self._mux([packet])

    def finish(self) -> None:
        """Write what the encoder still holds and the file's tail, once; raises `OutputError`."""
        if self._finished:
            return
        self._finished = True
        self._mux(self._video.encode(None))
        try:
            self._container.close()
        except (av.error.FFmpegError, OSError) as error:
            raise self._failure(error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.finish()
        else:
            self._close_quietly()

    def _encoders(self, codec: str, settings: Settings) -> tuple[str, ...]:
        hardware = _HARDWARE.get(codec, ()) if settings.encoder == "hardware" else ()
        return (*(name for name in hardware if name in av.codecs_available), _SOFTWARE[codec])

    def _open(
        self, path: Path, container: str, encoder: str, reader: VideoReader, settings: Settings, engine: str
    ) -> None:
        options = {"movflags": "+faststart"} if container in {"mp4", "mov"} else {}
        self._container = av.open(f"file:{path.absolute()}", "w", format=container, options=options)
        self._video = self._add_video(encoder, reader, settings)
        self._copies = self._add_copies(reader)
        self._add_metadata(reader, engine)
        self._container.start_encoding()

    def _add_video(self, encoder: str, reader: VideoReader, settings: Settings) -> av.VideoStream:
        info = reader.info
        rate = info.rate or Fraction(25)
        video = self._container.add_stream(encoder, rate=rate, options=_options(encoder, settings.quality))
        assert isinstance(video, av.VideoStream)
        video.width, video.height, video.pix_fmt = info.width, info.height, self._pixel_format
        context = video.codec_context
        context.time_base, context.framerate = self._time_base, rate
        context.thread_type = "AUTO"
        video.time_base = self._time_base
        if info.pixel_aspect is not None:
            context.sample_aspect_ratio = info.pixel_aspect
        space = info.space.for_output()
        context.color_range = ColorRange.JPEG if space.full_range else ColorRange.MPEG
        if space.tagged:
            context.colorspace, context.color_primaries, context.color_trc = space.matrix, space.primaries, space.transfer
        original = reader.video_stream
        video.metadata.update({key: value for key, value in original.metadata.items() if key in {"language", "title"}})
        video.disposition = original.disposition
        return video

    def _add_copies(self, reader: VideoReader) -> dict[int, av.stream.Stream]:
        copies = {}
        able = self._container.supported_codecs
        for stream in reader.copied:
            name = stream.codec_context.codec.canonical_name if stream.codec_context is not None else "of an unknown kind"
            if name not in able:
                raise UsageError(
                    f"a {self._path.suffix} file cannot hold the {stream.type} stream {stream.index} ({name})",
                    "write a .mkv, which holds it",
                )
            copy = self._container.add_stream_from_template(stream)
            copy.metadata.update(stream.metadata)
            copy.disposition = stream.disposition
            copies[stream.index] = copy
        if self._container.format.name == "matroska":
            for attachment in reader.container.streams.attachments:
                self._container.add_attachment(attachment.name or "", attachment.mimetype or "", attachment.data)
        elif reader.container.streams.attachments:
            self.warnings.append("the attachments of the input are left out: only a .mkv holds them")
        if reader.container.streams.data:
            self.warnings.append("data streams of the input (time code, sensors) are left out")
        return copies

    def _add_metadata(self, reader: VideoReader, engine: str) -> None:
        metadata = {key: value for key, value in reader.container.metadata.items() if key.lower() not in _FILE_KEYS}
        before = next((metadata.pop(key) for key in list(metadata) if key.lower() == "comment"), "").strip()
        said = statement.sentence(engine)
        metadata["comment"] = f"{before} | {said}" if before and said not in before else said
        self._container.metadata.update(metadata)
        if reader.keeps_whole_time:
            self._container.set_chapters(reader.container.chapters())

    def _mux(self, packets: Sequence[Any]) -> None:
        try:
            self._container.mux(packets)
        except (av.error.FFmpegError, OSError) as error:
            raise self._failure(error) from error

    def _failure(self, error: Exception) -> OutputError:
        number, text = getattr(error, "errno", None), getattr(error, "strerror", None) or str(error)
        if number is not None and 0 < number < 1000:
            return output_error(OSError(number, text), self._path)
        return OutputError(f"cannot write {self._path}: {text}", "try another container, such as .mkv, or another codec")

    def _refusal(self, error: Exception) -> OutputError | UsageError:
        number = getattr(error, "errno", None)
        if number is not None and 0 < number < 1000 and number != 22:
            return output_error(OSError(number, str(error)), self._path)
        return UsageError(
            f"the streams of the input do not go into {self._path.name}: {error}", "write a .mkv, or choose another --codec"
        )

    def _close_quietly(self) -> None:
        container = getattr(self, "_container", None)
        if container is not None:
            try:
                container.close()
            except (av.error.FFmpegError, OSError, ValueError):
                # The file is about to be removed; the error that led here is the one to tell.
                return


def _encoder_time_base(time_base: Fraction, codec: str) -> Fraction:
    if codec == "mpeg4" and time_base.denominator > _MPEG4_MOST_TICKS:
        return Fraction(1, 60_000)
    return time_base


def _options(encoder: str, quality: int) -> dict[str, str]:
    """Rate control for a quality of 1 to 100; 80 is hardly told from the input, each codec on its own scale."""
    share = quality / 100
    if encoder == "libx264":
        return {"preset": "veryfast", "crf": f"{36 - 20 * share:.1f}"}
    if encoder == "libx265":
        return {"preset": "veryfast", "crf": f"{38 - 20 * share:.1f}", "x265-params": "log-level=error"}
    if encoder == "libvpx-vp9":
        speed = {"deadline": "realtime", "cpu-used": "6", "row-mt": "1", "tile-columns": "2"}
        return {**speed, "crf": str(round(55 - 33 * share)), "b": "0"}
    if encoder == "libsvtav1":
        return {"preset": "9", "crf": str(round(58 - 34 * share))}
    if encoder == "mpeg4":
        return {"flags": "+qscale", "global_quality": str(round(118 * (16 - 14 * share)))}
    if encoder.endswith("_nvenc"):
        return {"preset": "p4", "rc": "vbr", "cq": str(round(38 - 20 * share)), "b": "0"}
    if encoder.endswith("_videotoolbox"):
        return {"q:v": str(quality)}
    return {"global_quality": str(round(38 - 20 * share))}
