"""Still pictures: decoded within limits and turned upright; formats are recognised by content, not by name."""

import io
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pi_heif
from PIL import ExifTags, Image, ImageCms, UnidentifiedImageError

from mien.errors import MediaTooLarge, UnreadableMedia, UnsupportedMedia
from mien.media.files.file_check import check_size
from mien.media.files.picture_kind import DAMAGE, READ_FORMATS, READ_NAMES, is_transparent
from mien.media.frames import code_points
from mien.types import Array, Frame
from mien.types import Image as Bgr

_LOG_LEVEL_SILENT = 0
"""cv::utils::logging::LOG_LEVEL_SILENT."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded picture, upright.

    `frame` holds BGR uint8. `deep` is the same in uint16 (h, w, 3) when the file had more than 8 bits a channel. `alpha`
    is uint8 or uint16 (h, w), None if every pixel is opaque. `exif`, `icc` and `dpi` are those of the file. `notes` say what
    was converted.
    """

    frame: Frame
    original: Bgr
    deep: Array | None
    alpha: Array | None
    grey: bool
    exif: Image.Exif
    icc: bytes | None
    dpi: tuple[float, float] | None
    notes: tuple[str, ...] = ()


def read_picture(path: Path, *, max_pixels: int, max_bytes: int) -> Picture:
    """Decode one picture. Raises `UnreadableMedia`, `UnsupportedMedia` or `MediaTooLarge`, the last before decoding."""
    check_size(path, max_bytes)
    with warnings.catch_warnings():
        # Pillow warns of large and slightly odd files; the limits here decide instead.
        warnings.simplefilter("ignore")
        try:
            with Image.open(path, formats=READ_FORMATS) as opened:
                _check_header(path, opened, max_pixels)
                return _decode(path, opened)
        except UnidentifiedImageError:
            raise UnsupportedMedia(
                f"{path} is not a picture that mien reads, or is damaged", f"use {READ_NAMES}"
            ) from None  # fmt: skip
        except Image.DecompressionBombError:
            raise MediaTooLarge(f"{path} announces an absurd number of pixels", "use a smaller picture") from None
        except DAMAGE as error:
            raise UnreadableMedia(f"{path} is damaged or cut short: {error}", "fetch or save the file again") from None


def _check_header(path: Path, opened: Image.Image, max_pixels: int) -> None:
    width, height = opened.size
    if width * height > max_pixels:
        raise MediaTooLarge(
            f"{path} has {width} x {height} pixels, the limit is {max_pixels:,}",
            "use a smaller picture or raise --max-pixels",
        )
    # A phone's jpeg (MPO) has depth or brightness maps after the picture itself, and HEIC marks its primary picture.
    if opened.format not in {"MPO", "HEIF"} and getattr(opened, "n_frames", 1) > 1:
        raise UnsupportedMedia(
            f"{path} holds {getattr(opened, 'n_frames', 1)} pictures; one is needed here",
            "save one of them as a separate file",
        )


def _decode(path: Path, opened: Image.Image) -> Picture:
    exif, icc, dpi = opened.getexif(), opened.info.get("icc_profile"), opened.info.get("dpi")
    stored = int(exif.get(ExifTags.Base.Orientation, 1))
    avif = code_points.of_avif(path.read_bytes()) if opened.format == "AVIF" else None
    points = code_points.of_heif(opened.info) if avif is None or icc else avif.points
    opened.load()
    deep_pixels = _read_deep(path, opened, avif)
    # Pillow rotates some formats (tiff) on loading; OpenCV was told not to.
    orientation = stored if deep_pixels is not None else int(opened.getexif().get(ExifTags.Base.Orientation, 1))
    if opened.mode == "CMYK":
        image, icc = _from_cmyk(opened, icc), None
    else:
        image = opened
    grey = image.mode in {"1", "L", "LA", "I", "I;16", "I;16B", "I;16L", "F"}
    deep = alpha = None
    if deep_pixels is not None:
        deep, alpha = _split(_upright(deep_pixels, orientation))
    else:
        shallow, alpha = _split(_upright(_eight_bits(image), orientation))
    notes: tuple[str, ...] = ()
    if points is not None and not points.is_srgb:
        deep = code_points.to_srgb(deep if deep is not None else shallow.astype(np.uint16) * 257, points)
        notes = (points.note,)
    if deep is not None:
        shallow = (deep >> 8).astype(np.uint8)
    if alpha is not None and alpha.min() == np.iinfo(alpha.dtype).max:
        alpha = None
    shallow = np.ascontiguousarray(shallow)
    frame = Frame(shallow.copy(), 0, 0, Fraction(1))
    return Picture(frame, shallow, deep, alpha, grey, exif, icc, dpi, notes)


def _eight_bits(image: Image.Image) -> Array:
    """Return BGR or BGRA uint8 of a picture in any mode of 8 bits."""
    mode = "RGBA" if is_transparent(image) else "RGB"
    pixels = np.asarray(image if image.mode == mode else image.convert(mode))
    return np.ascontiguousarray(pixels[:, :, [2, 1, 0, *range(3, pixels.shape[2])]])


def _read_deep(path: Path, opened: Image.Image, avif: code_points.AvifFacts | None) -> Array | None:
    """Return BGR(A) uint16 of a file with more than 8 bits a channel, else None: OpenCV has 16-bit colour, Pillow has not."""
    if opened.format == "HEIF":
        return _read_deep_heif(path) if opened.info.get("bit_depth", 8) > 8 else None
    if not (_is_deep(path, opened) if avif is None else avif.depth > 8):
        return None
    content = np.frombuffer(path.read_bytes(), np.uint8)
    with _quiet_opencv():
        pixels = cv2.imdecode(content, cv2.IMREAD_UNCHANGED | cv2.IMREAD_IGNORE_ORIENTATION)
    if pixels is None or pixels.dtype not in (np.uint16, np.float32):
        raise UnsupportedMedia(f"{path} has an unusual depth", "save it with 8 or 16 bits a channel")
    if pixels.dtype == np.float32:
        pixels = (np.clip(np.nan_to_num(pixels), 0, 1) * 65535 + 0.5).astype(np.uint16)
    if avif is not None:
        # OpenCV returns the stored values, of 10 or 12 bits.
        pixels = np.asarray(pixels.astype(np.uint32) * 65535 // ((1 << avif.depth) - 1), np.uint16)
    if pixels.ndim == 2:
        pixels = np.repeat(pixels[:, :, None], 3, axis=2)
    return np.asarray(pixels, np.uint16)


@contextmanager
def _quiet_opencv() -> Iterator[None]:
    """Silence OpenCV, which reports damaged files on the error stream; mien raises an error of its own."""
    # OpenCV 4 has these functions in its root, OpenCV 5 in a module.
    log: Any = getattr(cv2.utils, "logging", cv2)
    before = log.getLogLevel()
    log.setLogLevel(_LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        log.setLogLevel(before)


def _read_deep_heif(path: Path) -> Array:
    """Return BGR(A) uint16, upright."""
    opened = pi_heif.open_heif(path, convert_hdr_to_8bit=False, bgr_mode=True)
    # A copy: the pixels are freed with `opened`, although numpy refers to them.
    pixels = np.array(opened)
    if pixels.dtype != np.uint16:
        raise UnsupportedMedia(f"{path} has an unusual depth", "save it with 8 or 16 bits a channel")
    if pixels.ndim == 2 or pixels.shape[2] == 1:
        pixels = np.repeat(pixels.reshape(*pixels.shape[:2], 1), 3, axis=2)
    return pixels


def _is_deep(path: Path, opened: Image.Image) -> bool:
    if opened.format == "PNG":
        with path.open("rb") as file:
            return file.read(25)[24:25] == b"\x10"
    if opened.format == "TIFF":
        bits = getattr(opened, "tag_v2", {}).get(258, (8,))
        return bool(np.max(bits) > 8)
    return False


def _from_cmyk(opened: Image.Image, icc: bytes | None) -> Image.Image:
    """Convert to RGB by the profile if it is valid, else by the plain formula."""
    if icc:
        try:
            source, target = ImageCms.ImageCmsProfile(io.BytesIO(icc)), ImageCms.createProfile("sRGB")
            converted = ImageCms.profileToProfile(opened, source, target, outputMode="RGB")
            if converted is not None:
                return converted
        except (ImageCms.PyCMSError, OSError):
            pass
    return opened.convert("RGB")


def _upright(pixels: Array, orientation: int) -> Array:
    """Return the pixels rotated and mirrored by EXIF's orientation 2 to 8."""
    turns: dict[int, Callable[[Array], Array]] = {
        2: lambda p: p[:, ::-1],
        3: lambda p: p[::-1, ::-1],
        4: lambda p: p[::-1],
        5: lambda p: p.transpose(1, 0, 2),
        6: lambda p: np.rot90(p, -1),
        7: lambda p: p[::-1, ::-1].transpose(1, 0, 2),
        8: lambda p: np.rot90(p, 1),
    }
    return np.ascontiguousarray(turns[orientation](pixels)) if orientation in turns else pixels


def _split(pixels: Array) -> tuple[Array, Array | None]:
    return (pixels[:, :, :3], pixels[:, :, 3]) if pixels.shape[2] == 4 else (pixels, None)
