"""Still pictures: written with the metadata of the input and with the statement.

Unchanged pixels keep their full depth and their alpha.
"""

import io
import struct
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import ExifTags, Image

from mien.errors import UsageError
from mien.imaging.alpha import over_white, with_opaque
from mien.media.files import statement
from mien.media.files.output_file import OutputFile, output_error
from mien.media.files.picture_metadata import TIFF_LAYOUT_TAGS, png_chunk, png_statement, with_png_chunks, written_exif
from mien.media.files.picture_read import Picture
from mien.types import Array, LabelledFrame
from mien.types import Image as Bgr

WRITE_FORMATS = {
    ".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG", ".webp": "WEBP", ".tif": "TIFF", ".tiff": "TIFF", ".bmp": "BMP"
}  # fmt: skip
_UNWRITTEN = {".heic": "HEIC", ".heif": "HEIF", ".hif": "HEIF", ".avif": "AVIF", ".gif": "GIF", ".jxl": "JPEG XL"}
"""Common endings of picture formats that mien does not write."""
_WEBP_MAX_SIDE_PIXELS = 16383  # 14 bits in the header of VP8
_JPEG_MAX_SIDE_PIXELS = 65500  # libjpeg's JPEG_MAX_DIMENSION
_STRIPE_ROWS = 256  # rows worked on at once, so that large pictures need no large intermediates


def write_format(path: Path) -> str:
    """Return the format for a name; raise `UsageError` for one that mien does not write."""
    suffix = path.suffix.lower()
    if suffix in _UNWRITTEN:
        raise UsageError(
            f"mien writes no {_UNWRITTEN[suffix]} pictures ({path.name})", f"end the name in {', '.join(WRITE_FORMATS)}"
        )
    if suffix not in WRITE_FORMATS:
        raise UsageError(
            f"{path.name!r} does not end in a picture format that mien writes", f"end the name in {', '.join(WRITE_FORMATS)}"
        )
    return WRITE_FORMATS[suffix]


def write_picture(picture: Picture, labelled: LabelledFrame, output: OutputFile, *, quality: int, engine: str) -> None:
    """Write the labelled frame into `output.temporary` (the caller commits), with the statement in its metadata.

    Transparent pictures are composited over white if the format has no alpha (jpeg, bmp). XMP of the input is dropped: it
    may describe the old picture. Raises `OutputError` or `UsageError`.
    """
    if not isinstance(labelled, LabelledFrame):
        raise TypeError("only a LabelledFrame leaves mien")
    kind = write_format(output.path)
    _check_fits(output.path, kind, labelled.frame.image)
    if picture.alpha is not None:
        picture = replace(picture, alpha=with_opaque(picture.alpha, labelled.badge_xyxy))
    try:
        if picture.deep is not None and kind in {"PNG", "TIFF"}:
            content = _DEEP_WRITERS[kind](picture, _deep_result(picture, labelled.frame.image), engine)
        else:
            content = _encode(picture, labelled.frame.image, kind, quality, engine)
        output.temporary.write_bytes(content)
    except OSError as error:
        raise output_error(error, output.path) from error


def _check_fits(path: Path, kind: str, image: Bgr) -> None:
    most = {"WEBP": _WEBP_MAX_SIDE_PIXELS, "JPEG": _JPEG_MAX_SIDE_PIXELS}.get(kind)
    if most and max(image.shape[:2]) > most:
        raise UsageError(f"{kind} holds at most {most} pixels a side", "write a .png or .tif")


def _encode(picture: Picture, image: Bgr, kind: str, quality: int, engine: str) -> bytes:
    rgb = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
    exif = written_exif(picture.exif, engine)
    for tag in TIFF_LAYOUT_TAGS:
        if tag in exif:
            del exif[tag]
    alpha = picture.alpha
    if alpha is not None and alpha.dtype == np.uint16:
        alpha = (alpha >> 8).astype(np.uint8)
    if alpha is not None and kind in {"JPEG", "BMP"}:
        rgb = over_white(np.asarray(rgb, np.uint8), alpha)
        alpha = None
    if picture.grey and kind != "WEBP":
        flat = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
        result = Image.fromarray(flat if alpha is None else np.dstack([flat, alpha]))
    else:
        result = Image.fromarray(rgb if alpha is None else np.dstack([rgb, alpha]))
    options: dict[str, Any] = {"exif": exif, "xmp": statement.xmp(engine)}
    if picture.icc and not picture.grey:
        options["icc_profile"] = picture.icc
    if picture.dpi:
        options["dpi"] = tuple(float(value) for value in picture.dpi)
    buffer = io.BytesIO()
    _SAVERS[kind](result, buffer, options, quality, engine)
    return buffer.getvalue()


def _save_jpeg(result: Image.Image, buffer: io.BytesIO, options: dict[str, Any], quality: int, engine: str) -> None:
    level = min(100, 50 + quality // 2)
    sampling = 0 if level >= 90 else 2
    extra = {} if result.mode == "L" else {"subsampling": sampling}
    result.save(buffer, "JPEG", quality=level, comment=statement.sentence(engine), **extra, **options)


def _save_webp(result: Image.Image, buffer: io.BytesIO, options: dict[str, Any], quality: int, engine: str) -> None:
    options.pop("dpi", None)
    result.save(buffer, "WEBP", quality=min(100, 50 + quality // 2), lossless=quality == 100, method=4, **options)


def _save_png(result: Image.Image, buffer: io.BytesIO, options: dict[str, Any], quality: int, engine: str) -> None:
    del options["xmp"]
    buffered = io.BytesIO()
    result.save(buffered, "PNG", compress_level=4, **options)
    buffer.write(with_png_chunks(buffered.getvalue(), [png_statement(engine)]))


def _save_tiff(result: Image.Image, buffer: io.BytesIO, options: dict[str, Any], quality: int, engine: str) -> None:
    xmp = options.pop("xmp")
    options["exif"][700] = xmp
    # libtiff, which compresses, cannot write the directories of EXIF and GPS; Pillow's own plain writer can.
    nested = any(directory in options["exif"] for directory in (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo))
    result.save(buffer, "TIFF", compression=None if nested else "tiff_adobe_deflate", **options)


def _save_bmp(result: Image.Image, buffer: io.BytesIO, options: dict[str, Any], quality: int, engine: str) -> None:
    """Save a BMP, which has no field for metadata: a scan finds the XMP packet between headers and pixels."""
    extra = {"dpi": options["dpi"]} if "dpi" in options else {}
    plain = io.BytesIO()
    result.save(plain, "BMP", **extra)
    content = plain.getvalue()
    (offset,) = struct.unpack_from("<I", content, 10)
    packet = options["xmp"] + b"\0" * (-len(options["xmp"]) % 4)
    head = bytearray(content[:offset])
    struct.pack_into("<I", head, 2, len(content) + len(packet))
    struct.pack_into("<I", head, 10, offset + len(packet))
    buffer.write(bytes(head) + packet + content[offset:])


_SAVERS = {"JPEG": _save_jpeg, "WEBP": _save_webp, "PNG": _save_png, "TIFF": _save_tiff, "BMP": _save_bmp}


def _deep_result(picture: Picture, image: Bgr) -> Array:
    """Return uint16 RGB(A) or grey(alpha): the changes of the 8-bit result are added to the deep pixels."""
    assert picture.deep is not None
    pixels = picture.deep.copy()
    for top in range(0, len(pixels), _STRIPE_ROWS):
        rows = slice(top, top + _STRIPE_ROWS)
        change = image[rows].astype(np.int32) - picture.original[rows]
        pixels[rows] = np.clip(pixels[rows] + change * 257, 0, 65535)
    colour = cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)
    if picture.grey:
        # A grey file stays grey; equal channels need no rounding.
        equal = (pixels[:, :, :2] == pixels[:, :, 1:]).all(axis=2)
        flat = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)
        flat[equal] = pixels[equal][:, 0]
        colour = flat[:, :, None]
    if picture.alpha is None:
        return np.asarray(colour)
    alpha = picture.alpha if picture.alpha.dtype == np.uint16 else picture.alpha.astype(np.uint16) * 257
    return np.dstack([colour, alpha])


def _write_deep_png(picture: Picture, pixels: Array, engine: str) -> bytes:
    order = {1: [0], 2: [0, 1], 3: [2, 1, 0], 4: [2, 1, 0, 3]}[pixels.shape[2]]
    if pixels.shape[2] == 2:
        # OpenCV cannot write grey with alpha.
        pixels, order = pixels[:, :, [0, 0, 0, 1]], [0, 1, 2, 3]
    good, content = cv2.imencode(".png", np.ascontiguousarray(pixels[:, :, order]), [cv2.IMWRITE_PNG_COMPRESSION, 4])
    if not good:
        raise UsageError("the picture could not be written as 16-bit png", "write a .tif")
    chunks = [png_statement(engine)]
    if picture.icc and not picture.grey:
        chunks.insert(0, png_chunk(b"iCCP", b"ICC profile\0\0" + zlib.compress(picture.icc)))
    chunks.append(png_chunk(b"eXIf", written_exif(picture.exif, engine).tobytes().removeprefix(b"Exif\0\0")))
    return with_png_chunks(content.tobytes(), chunks)


def _write_deep_tiff(picture: Picture, pixels: Array, engine: str) -> bytes:
    # For 16 bits a channel alone; a start takes longer with it.
    import tifffile

    xmp = statement.xmp(engine)
    tags: list[tuple[int, str, int, bytes, bool]] = [(700, "B", len(xmp), xmp, True)]
    if picture.icc and not picture.grey:
        tags.append((34675, "B", len(picture.icc), picture.icc, True))
    description = str(written_exif(picture.exif, engine)[ExifTags.Base.ImageDescription]).encode("ascii", "replace").decode()
    across, down = picture.dpi or (72.0, 72.0)
    buffer = io.BytesIO()
    colours = pixels.shape[2]
    tifffile.imwrite(
        buffer,
        pixels[:, :, 0] if colours == 1 else pixels,
        photometric="minisblack" if colours < 3 else "rgb",
        planarconfig=None if colours == 1 else "contig",
        extrasamples=["unassalpha"] if colours in {2, 4} else None,
        description=description,
        software=statement.software(),
        resolution=(float(across), float(down)),
        resolutionunit="INCH",
        metadata=None,
        extratags=tags,
    )
    return buffer.getvalue()


_DEEP_WRITERS = {"PNG": _write_deep_png, "TIFF": _write_deep_tiff}
