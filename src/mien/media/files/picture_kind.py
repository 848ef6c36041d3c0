"""Recognition of picture files by their content: still, animated, transparent.

Importing this module registers libheif with Pillow, and Pillow's readers of these formats: where one is missing, Pillow imports
all of its 47, which takes 3 % of the processor time of a picture.
"""

import struct
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import pi_heif
from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from mien.media.files.file_check import check_file
from mien.media.files.heif_items import CheckedHeif

READ_FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "HEIF", "AVIF")
READ_NAMES = "jpeg, png, webp, tiff, bmp, gif, heic or avif"
ANIMATED_FORMATS = ("GIF", "WEBP", "PNG", "AVIF")
_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1", b"avif", b"avis"}
"""Major brands of HEIC and AVIF files."""

DAMAGE = (OSError, SyntaxError, ValueError, EOFError, TypeError, LookupError, ArithmeticError, AttributeError, MemoryError,
           RuntimeError, cv2.error, struct.error, zlib.error)  # fmt: skip
"""Errors of Pillow, libheif and OpenCV on damaged files; found by feeding them mutated ones."""

_READERS = (
    AvifImagePlugin, BmpImagePlugin, GifImagePlugin, JpegImagePlugin, PngImagePlugin, TiffImagePlugin, WebPImagePlugin,
)  # fmt: skip
"""Modules that register themselves when they are imported."""
pi_heif.register_heif_opener(thumbnails=False, depth_images=False, aux_images=False)
Image.register_open("HEIF", CheckedHeif, Image.OPEN["HEIF"][1])


def is_picture(path: Path) -> bool:
    """Return whether the file begins like a picture that mien reads, animations included.

    Raises `UnreadableMedia` if it cannot be opened.
    """
    check_file(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path, formats=READ_FORMATS):
                return True
    except Image.DecompressionBombError:
        return True
    except DAMAGE:
        return _has_picture_brand(path)


def _has_picture_brand(path: Path) -> bool:
    """Return whether the file is marked as HEIC or AVIF: even if damaged it is not a video, though laid out like MP4."""
    with path.open("rb") as file:
        head = file.read(12)
    return head[4:8] == b"ftyp" and head[8:12] in _BRANDS


def is_animation(path: Path) -> bool:
    """Return whether the file holds several pictures to show one after the other. Raises `UnreadableMedia`."""
    return _has(path, ANIMATED_FORMATS, lambda opened: int(getattr(opened, "n_frames", 1)) > 1)


def has_alpha(path: Path) -> bool:
    """Return whether the picture may have transparent areas. Raises `UnreadableMedia`."""
    return _has(path, READ_FORMATS, is_transparent)


def _has(path: Path, formats: tuple[str, ...], quality: Callable[[Image.Image], bool]) -> bool:
    """Return whether the picture, opened in one of the formats, has a quality; False if it is damaged."""
    check_file(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path, formats=formats) as opened:
                return quality(opened)
    except (*DAMAGE, Image.DecompressionBombError):
        return False


def is_transparent(image: Image.Image) -> bool:
    """Return whether the mode of an opened picture has alpha or a transparent colour."""
    return image.mode in {"RGBA", "LA", "PA", "La", "RGBa"} or "transparency" in image.info
