"""Small videos made for tests: numbered pictures, a tone, subtitles, chapters, tags, any container and codec."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.stream import Disposition
from av.video.reformatter import Interpolation, VideoReformatter

from mien.system.scheduling import ordinary_scheduling
from mien.types import Image

OPTIONS = {"libx265": {"x265-params": "log-level=error"}, "libsvtav1": {"preset": "12", "svtav1-params": "lp=1"},
         "mpeg4": {"qmin": "2", "qmax": "2"}}  # fmt: skip
"""Options that make encoders silent and fast, and keep the numbers sharp."""
SOUND_RATE = 48_000
_FIRST_LEVEL, _LEVEL_STEP = 40, 8
"""Grey levels by which `picture` encodes the number of a frame."""


@dataclass(frozen=True, kw_only=True)
class Clip:
    """Properties of a test video. `times` are presentation times in ticks of `time_base`, one a picture."""

    codec: str = "libx264"
    frames: int = 12
    size: tuple[int, int] = (160, 120)
    rate: Fraction = Fraction(25)
    time_base: Fraction | None = None
    times: Sequence[int] | None = None
    pixel_format: str = "yuv420p"
    matrix: int = 2
    primaries: int = 2
    transfer: int = 2
    full_range: bool | None = None
    rotation: int | None = None
    hflip: bool = False
    pixel_shape: Fraction | None = None
    sounds: Sequence[str] = ("aac",)
    sound_s: float | None = None
    subtitles: str | None = None
    cover: bool = False
    attachment: bool = False
    chapters: Sequence[tuple[float, float, str]] = ()
    metadata: dict[str, str] = field(default_factory=dict)
    options: dict[str, str] = field(default_factory=dict)
    container_options: dict[str, str] = field(default_factory=dict)
    format: str | None = None


def picture(index: int, size: tuple[int, int]) -> Image:
    """Return BGR of uniform areas: the left half encodes the number of the frame, the right half is coloured."""
    width, height = size
    image = np.empty((height, width, 3), np.uint8)
    image[:, : width // 2] = _FIRST_LEVEL + _LEVEL_STEP * (index % 24)
    image[: height // 2, width // 2 :] = (64, 32, 192)
    image[height // 2 :, width // 2 :] = (160, 120, 60)
    return image


def number(image: Image) -> int:
    """Return the number of the frame that `picture` drew, modulo 24."""
    height, width = image.shape[:2]
    patch = image[height // 4 : height // 2, width // 8 : width // 4]
    return round((float(patch.mean()) - _FIRST_LEVEL) / _LEVEL_STEP)


def make(path: Path, clip: Clip) -> Path:
    """Write the clip and return its path."""
    with av.open(str(path), "w", format=clip.format, container_options=clip.container_options) as out:
        out.metadata.update(clip.metadata)
        base = clip.time_base or 1 / clip.rate
        video = out.add_stream(
            clip.codec, rate=clip.rate, options={**OPTIONS.get(clip.codec, {}), **clip.options}, time_base=base
        )  # fmt: skip
        assert isinstance(video, av.VideoStream)
        _configure(video, clip)
        sounds = [_add_sound(out, codec) for codec in clip.sounds]
        subtitles = _add_subtitles(out, clip.subtitles) if clip.subtitles else None
        if clip.attachment:
            out.add_attachment("font.ttf", "font/ttf", b"not really a font" * 10)
        cover = _add_cover(out) if clip.cover else None
        if clip.chapters:
            out.set_chapters(
                [
                    {"id": i + 1, "start": round(begin * 1000), "end": round(end * 1000), "time_base": Fraction(1, 1000),
                     "metadata": {"title": title}}
                    for i, (begin, end, title) in enumerate(clip.chapters)
                ]
            )  # fmt: skip
        with ordinary_scheduling():
            out.start_encoding()
        if cover is not None:
            out.mux(cover.encode(av.VideoFrame.from_ndarray(picture(3, (32, 32)), format="bgr24")))
            out.mux(cover.encode(None))
        _write_pictures(out, video, clip, base)
        seconds = clip.sound_s if clip.sound_s is not None else float(clip.frames / clip.rate)
        for sound in sounds:
            _write_sound(out, sound, seconds)
        if subtitles is not None:
            _write_subtitles(out, subtitles, clip.subtitles or "")
    return path


def _configure(video: av.VideoStream, clip: Clip) -> None:
    video.width, video.height, video.pix_fmt = *clip.size, clip.pixel_format
    context = video.codec_context
    if clip.codec == "libx265":
        # x265 loses the clock of short videos with B-frames.
        context.max_b_frames = 0
    context.colorspace, context.color_primaries, context.color_trc = clip.matrix, clip.primaries, clip.transfer
    if clip.full_range is not None:
        context.color_range = 2 if clip.full_range else 1
    if clip.pixel_shape is not None:
        context.sample_aspect_ratio = clip.pixel_shape
    if clip.rotation is not None or clip.hflip:
        video.set_display_rotation(clip.rotation or 0, hflip=clip.hflip)


def _write_pictures(out: av.container.OutputContainer, video: av.VideoStream, clip: Clip, base: Fraction) -> None:
    reformatter = VideoReformatter()
    tick = round(1 / clip.rate / base)
    for index in range(clip.frames):
        frame = reformatter.reformat(
            av.VideoFrame.from_ndarray(picture(index, clip.size), format="bgr24"),
            format=clip.pixel_format,
            dst_colorspace={1: 1, 9: 9}.get(clip.matrix, 5),
            src_color_range=2,
            dst_color_range=2 if clip.full_range else 1,
        )
        frame.pts, frame.time_base, frame.duration = clip.times[index] if clip.times else index * tick, base, tick
        out.mux(video.encode(frame))
    out.mux(video.encode(None))


def _add_sound(out: av.container.OutputContainer, codec: str) -> av.audio.AudioStream:
    sound = out.add_stream(codec, rate=SOUND_RATE)
    assert isinstance(sound, av.audio.AudioStream)
    sound.metadata.update({"language": "fra", "title": "the tone"})
    sound.disposition = Disposition.default
    return sound


def _write_sound(out: av.container.OutputContainer, sound: av.audio.AudioStream, seconds: float) -> None:
    layout, planar = sound.codec_context.layout, sound.codec_context.format.is_planar
    channels = len(layout.channels)
    total, at, block = round(seconds * SOUND_RATE), 0, sound.codec_context.frame_size or 960
    while at < total:
        # It rises, so that no packet is like another.
        time = (np.arange(block) + at) / SOUND_RATE
        tone = np.sin(2 * np.pi * time * (440 + 50 * time)) * 0.3
        floats = sound.codec_context.format.name.startswith("flt")
        wave = tone.astype(np.float32) if floats else (tone * 32767).astype(np.int16)
        samples = np.tile(wave, (channels, 1)) if planar else np.repeat(wave, channels)[None]
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(samples), format=sound.codec_context.format.name, layout=layout.name
        )
        frame.sample_rate, frame.pts, frame.time_base = SOUND_RATE, at, Fraction(1, SOUND_RATE)
        out.mux(sound.encode(frame))
        at += block
    out.mux(sound.encode(None))


def _add_subtitles(out: av.container.OutputContainer, codec: str) -> Any:
    subtitles = out.add_mux_stream(codec)
    subtitles.time_base = Fraction(1, 1000)
    subtitles.metadata.update({"language": "deu"})
    return subtitles


def _write_subtitles(out: av.container.OutputContainer, subtitles: Any, codec: str) -> None:
    for index, text in enumerate((b"Guten Tag", b"Auf Wiedersehen")):
        payload = len(text).to_bytes(2, "big") + text if codec == "mov_text" else text
        packet = av.Packet(payload)
        packet.stream, packet.time_base, packet.is_keyframe = subtitles, Fraction(1, 1000), True
        packet.pts = packet.dts = 40 + 160 * index
        packet.duration = 120
        out.mux(packet)


def _add_cover(out: av.container.OutputContainer) -> av.VideoStream:
    cover = out.add_stream("png", rate=1)
    assert isinstance(cover, av.VideoStream)
    cover.width, cover.height, cover.pix_fmt = 32, 32, "rgb24"
    cover.disposition = Disposition.attached_pic
    return cover


@dataclass(frozen=True)
class Seen:
    """What a finished file holds, as an ordinary player sees it. Times are seconds; `payloads` are digests in order."""

    images: list[Image]
    times: list[Fraction]
    payloads: dict[str, list[str]]
    packet_times: dict[str, list[Fraction]]
    metadata: dict[str, str]
    streams: list[dict[str, Any]]
    chapters: list[tuple[float, float, str]]
    video: dict[str, Any]


def look(path: Path) -> Seen:
    """Decode a file completely. Streams are named `audio0`, `subtitle0` and so on, counted by kind."""
    # Otherwise times of H.264 in AVI are made up from the packets behind.
    with av.open(str(path), options={"fflags": "-genpts"}) as file:
        video = next(s for s in file.streams.video if not s.disposition & Disposition.attached_pic)
        names = _names(file)
        payloads: dict[str, list[str]] = {name: [] for name in names.values() if not name.startswith("video")}
        packet_times: dict[str, list[Fraction]] = {name: [] for name in payloads}
        images: list[Image] = []
        times: list[Fraction] = []
        first = None
        for packet in file.demux([s for s in file.streams if s.type in {"video", "audio", "subtitle"}]):
            if packet.stream_index == video.index:
                for frame in packet.decode():
                    assert isinstance(frame, av.VideoFrame)
                    stamp = frame.pts if frame.pts is not None else len(times)
                    first = first or frame
                    images.append(_bgr(frame))
                    times.append(stamp * (video.time_base or Fraction(1)))
            elif packet.size and names[packet.stream_index] in payloads:
                payloads[names[packet.stream_index]].append(hashlib.sha256(bytes(packet)).hexdigest())
                packet_times[names[packet.stream_index]].append((packet.pts or 0) * packet.time_base)
        assert first is not None
        return Seen(
            images,
            times,
            payloads,
            packet_times,
            {key.lower(): value for key, value in file.metadata.items()},
            [
                {"name": names[s.index], "language": s.metadata.get("language"), "disposition": s.disposition,
                 "title": s.metadata.get("title")}
                for s in file.streams
            ],
            [
                (float(c["start"] * (c["time_base"] or 1)), float(c["end"] * (c["time_base"] or 1)), c["metadata"]["title"])
                for c in file.chapters()
            ],
            {
                "codec": video.codec_context.codec.canonical_name, "width": video.width, "height": video.height,
                "pixel_shape": video.sample_aspect_ratio or Fraction(1), "matrix": int(first.colorspace),
                "primaries": int(first.color_primaries), "transfer": int(first.color_trc), "range": int(first.color_range),
                "rotation": first.rotation, "format": first.format.name, "rate": video.average_rate,
                "end": None if video.duration is None else ((video.start_time or 0) + video.duration) * (video.time_base or 1),
            },
        )  # fmt: skip


def _names(file: av.container.InputContainer) -> dict[int, str]:
    counts: dict[str, int] = {}
    names = {}
    for stream in file.streams:
        names[stream.index] = f"{stream.type}{counts.get(stream.type, 0)}"
        counts[stream.type] = counts.get(stream.type, 0) + 1
    return names


def _bgr(frame: av.VideoFrame) -> Image:
    """As a player shows it: an untagged picture this small is BT.601."""
    matrix = {1: 1, 9: 9}.get(int(frame.colorspace), 5)
    full = int(frame.color_range) == 2
    shown = VideoReformatter().reformat(
        frame, format="bgr24", src_colorspace=matrix, src_color_range=2 if full else 1, dst_color_range=2,
        interpolation=Interpolation.BILINEAR | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT,
    )  # fmt: skip
    return np.array(shown.to_ndarray(), np.uint8)


def resized(source: Path, target: Path, width: int, height: int, every: int = 1) -> Path:
    """Re-encode one of `every` frames of `source` at another size, copy its sound, and return `target`."""
    with av.open(str(source)) as given, av.open(str(target), "w") as made:
        video, sound = given.streams.video[0], given.streams.audio[0]
        assert video.average_rate is not None
        small = made.add_stream("libx264", rate=video.average_rate / every, options={"crf": "18", "preset": "veryfast"})
        small.width, small.height, small.pix_fmt = width, height, "yuv420p"
        assert video.time_base is not None
        small.codec_context.time_base = video.time_base
        for name in ("color_range", "colorspace", "color_primaries", "color_trc"):
            setattr(small.codec_context, name, getattr(video.codec_context, name))
        copied = made.add_stream_from_template(sound)
        index = 0
        for packet in given.demux(video, sound):
            if packet.stream_index == sound.index:
                if packet.dts is not None:
                    packet.stream = copied
                    made.mux(packet)
                continue
            for frame in packet.decode():
                assert isinstance(frame, av.VideoFrame)
                if index % every == 0:
                    made.mux(small.encode(frame.reformat(width, height)))
                index += 1
        made.mux(small.encode(None))
    return target


def repeated(source: Path, target: Path, times: int) -> Path:
    """Write the video packets of `source` several times in a row, for work that lasts until it is stopped; return `target`."""
    with av.open(str(target), "w") as made:
        copied, shift = None, 0
        for _ in range(times):
            with av.open(str(source)) as given:
                video = given.streams.video[0]
                copied = copied or made.add_stream_from_template(video)
                for packet in given.demux(video):
                    if packet.dts is None or packet.pts is None:
                        continue
                    packet.pts += shift
                    packet.dts += shift
                    packet.stream = copied
                    made.mux(packet)
                shift += video.duration or 0
    return target
