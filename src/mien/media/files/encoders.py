"""Encoders of video: the codecs of each container, the encoders of each codec, and their quality."""

from dataclasses import dataclass
from pathlib import Path

import cv2

from mien.errors import UsageError
from mien.media.files.mark_strength import video_need
from mien.settings import Settings

CONTAINERS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska", ".webm": "webm", ".avi": "avi"}
"""FFmpeg's containers by the ending of the name."""
ANIMATIONS = {".gif": "gif", ".webp": "webp", ".png": "apng", ".apng": "apng"}
"""FFmpeg's muxers of animations by the ending of the name."""
_CODECS = {
    "mp4": ("h264", "hevc", "av1", "vp9", "mpeg4"),
    "mov": ("h264", "hevc", "prores", "mpeg4"),
    "matroska": ("h264", "hevc", "vp9", "av1", "prores", "mpeg4"),
    "webm": ("vp9", "av1"),
    "avi": ("h264", "mpeg4"),
}
"""Codecs of each container; `auto` takes the first."""
_TRANSPARENT = {"mov": "prores", "matroska": "vp9", "webm": "vp9"}
"""Codec that `auto` selects for input with alpha."""
_KEEPS_ALPHA = {"prores", "vp9"}
_KEEPS_FIELDS = {"h264", "mpeg4"}
_SOFTWARE = {"h264": "libx264", "hevc": "libx265", "vp9": "libvpx-vp9", "av1": "libsvtav1", "prores": "prores_ks",
             "mpeg4": "mpeg4"}  # fmt: skip
_THREADS = 2
"""Threads of one encoder."""
_X264_PARAMETERS = ("mbtree=1", "subme=2", "partitions=p8x8,i8x8,i4x4")
"""Added to the preset `superfast`: the PSNR and SSIM of `veryfast` at 0.77 of its time and 9 % fewer bytes on the clip of
`mien bench`, at 0.8 and 1.1 and 2 to 3 % fewer on two portraits (120 frames each of 720p, marked)."""
_X264_FULL_PIXELS = 1920 * 1088  # 1080p
_X264_LOOKAHEAD, _X264_LARGE_LOOKAHEAD = (20, 0.6), (10, 0.2)
"""Frames that x264 looks ahead, up to 1080p and beyond, where a frame of 2160p takes 24 MB; and what the quality on its scale
is raised by, to be that of `veryfast`."""
_X264_SETS = "MMX2,SSE2Fast,SSSE3,SSE4.2,AVX,FMA3,BMI2,AVX2"
_OPENCV_AVX512 = 13  # CV_CPU_AVX_512F, which OpenCV's module for Python does not name
_HARDWARE = {
    "h264": ("h264_nvenc", "h264_qsv", "h264_amf", "h264_videotoolbox"),
    "hevc": ("hevc_nvenc", "hevc_qsv", "hevc_amf", "hevc_videotoolbox"),
    "av1": ("av1_nvenc", "av1_qsv", "av1_amf"),
}


@dataclass(frozen=True, slots=True)
class Encoder:
    """One of FFmpeg's encoders with its options; `pixel_format` is that of its input."""

    name: str
    codec: str
    pixel_format: str
    options: dict[str, str]
    hardware: bool


@dataclass(frozen=True, slots=True)
class Content:
    """Properties of a video that encoders depend on.

    Few encoders keep `alpha` and `fields`, the order ("tff", "bff") of interlaced frames. `scant`: a small animation, or a
    small file of few frames, in which VP9 and AV1 need a stronger mark.
    """

    alpha: bool = False
    fields: str | None = None
    scant: bool = False


def keeps_alpha(path: Path, settings: Settings) -> bool:
    """Return True if a video of this name can keep the alpha of its input."""
    return plan_codec(path, settings, Content(alpha=True))[1] in _KEEPS_ALPHA


def plan_codec(path: Path, settings: Settings, content: Content = Content()) -> tuple[str, str]:
    """Return container and codec for a name; raise `UsageError` for a combination that does not work."""
    container = CONTAINERS.get(path.suffix.lower())
    if container is None:
        raise UsageError(f"{path.name!r} names no video format that mien writes", f"end the name in {', '.join(CONTAINERS)}")
    allowed = _CODECS[container]
    usual = _TRANSPARENT.get(container, allowed[0]) if content.alpha else allowed[0]
    codec = usual if settings.codec == "auto" else settings.codec
    if codec not in allowed:
        raise UsageError(f"a {path.suffix} file does not hold {codec}", f"use --codec {' or '.join(allowed)}, or a .mkv")
    if content.fields is not None and codec not in _KEEPS_FIELDS:
        raise UsageError(
            f"{codec} cannot be written interlaced",
            f"use --interlaced deinterlace, or --codec {' or '.join(name for name in allowed if name in _KEEPS_FIELDS)}"
            if _KEEPS_FIELDS & set(allowed)
            else "use --interlaced deinterlace, or write a .mp4, .mov or .mkv",
        )
    return container, codec


def other_codec(container: str, codec: str) -> str:
    """Return the remedy if `codec` cannot be written to `container`."""
    return f"choose another --codec: {', '.join(other for other in _CODECS[container] if other != codec)}"


def candidates(
    codec: str, width: int, height: int, settings: Settings, content: Content = Content()
) -> tuple[Encoder, ...]:  # fmt: skip
    """Return encoders in the order in which to try them; the last runs on the processor and is always available."""
    # A picture knows this module for its names, and needs no FFmpeg.
    import av

    quality = video_need(codec, scant=content.scant).quality(settings.quality)
    # Hardware encoders differ in whether they can write fields.
    wanted = _HARDWARE.get(codec, ()) if settings.encoder == "hardware" and content.fields is None else ()
    names = [name for name in wanted if name in av.codecs_available]
    hardware = tuple(
        Encoder(name, codec, "nv12" if name.endswith("_qsv") else "yuv420p", _hardware_options(name, quality), True)
        for name in names
    )
    software = _SOFTWARE[codec]
    # x264 and x265 cannot halve the chroma of an odd side; the other encoders round up.
    odd = (width % 2 or height % 2) and codec in {"h264", "hevc"}
    pixel_format = "yuv444p" if odd else "yuv420p"
    if codec == "prores":
        pixel_format = "yuva444p10le" if content.alpha else "yuv444p10le"
    elif codec == "vp9" and content.alpha:
        pixel_format = "yuva420p"
    options = (
        _x264_options(width, height, quality, content.fields) if software == "libx264" else _software_options(software, quality)
    )
    if pixel_format == "yuva420p":
        # Frames that are never shown cannot have an alpha of their own.
        options["auto-alt-ref"] = "0"
    return (*hardware, Encoder(software, codec, pixel_format, options, False))


def _x264_options(width: int, height: int, quality: int, fields: str | None) -> dict[str, str]:
    """Return the options of x264 for frames of this size; `fields` as in `Content`."""
    frames, step = _X264_LARGE_LOOKAHEAD if width * height > _X264_FULL_PIXELS else _X264_LOOKAHEAD
    ordered = () if fields is None else (f"{fields}=1",)
    parameters = (*_X264_PARAMETERS, f"rc-lookahead={frames}", *ordered, *_without_avx512(width))
    crf = f"{min(_crf(quality) + step, 51):.1f}"
    return {"preset": "superfast", "threads": str(_THREADS), "crf": crf, "x264-params": ":".join(parameters)}


def recording_options(settings: Settings) -> dict[str, str]:
    """Return the quality of a recording in H.264.

    Nothing of what makes files small: frames that the encoder looks ahead are lost when the machine stops.
    """
    return {"crf": f"{_crf(video_need('h264').quality(settings.quality)):.1f}", "threads": str(_THREADS)}


def _without_avx512(width: int) -> list[str]:
    """Return the parameter by which x264 does without AVX-512, where that would make its output differ from run to run.

    With it, x264's macroblock tree reads memory that was never written, unless the blocks of 16 pixels in a row go by
    sixteens: 15 frames of 480 x 360 gave up to 54 different files in 60 runs, and always the same one without it. A processor
    with AVX-512 has all instruction sets that are named.
    """
    blocks = -(-width // 16)
    return [f"asm={_X264_SETS}"] if blocks % 16 and cv2.checkHardwareSupport(_OPENCV_AVX512) else []


def _crf(quality: int) -> float:
    """Return the quality on the scale of x264: 20 at 80, 12 at 100, at most 51."""
    return min(52 - 0.4 * quality, 51.0)


def _software_options(name: str, quality: int) -> dict[str, str]:
    """Return presets chosen for speed; every codec has its own scale for the same quality.

    The number of threads is fixed where the bits depend on it, so that every machine writes the same.
    """
    crf = _crf(quality)
    if name == "libx265":
        params = f"log-level=error:frame-threads={_THREADS}"
        return {"preset": "superfast", "crf": f"{min(crf + 2, 51):.1f}", "x265-params": params}
    if name == "libvpx-vp9":
        speed = {"deadline": "realtime", "cpu-used": "6", "row-mt": "1", "tile-columns": "2", "threads": str(_THREADS)}
        return {**speed, "crf": str(min(round(1.25 * crf + 4), 63))}
    if name == "prores_ks":
        return {"profile": "4444", "vendor": "apl0", "alpha_bits": "8"}
    if name == "libsvtav1":
        return {"preset": "9", "crf": str(min(round(1.25 * crf + 5), 63))}
    quantiser = str(_quantiser(quality))
    return {"qmin": quantiser, "qmax": quantiser, "threads": "1"}


def _quantiser(quality: int) -> int:
    """Return the quality on the scale of MPEG-4: 3 at 80, 2 at 100, 31 at 1."""
    return round(3 - (quality - 80) / 20 if quality >= 80 else 3 + (80 - quality) * 28 / 79)


def _hardware_options(name: str, quality: int) -> dict[str, str]:
    level = str(round(_crf(quality)))
    if name.endswith("_nvenc"):
        return {"preset": "p4", "rc": "vbr", "cq": level}
    if name.endswith("_amf"):
        return {"rc": "cqp", "qp_i": level, "qp_p": level}
    if name.endswith("_qsv"):
        return {"global_quality": level}
    return {"q:v": str(quality)}
