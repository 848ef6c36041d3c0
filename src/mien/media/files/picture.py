"""Still pictures: read with limits, turned upright, written with what they carried and with the statement.

Formats are told by content, not by name. Pixels that were not changed keep their full depth and their alpha.
"""

import io
import stat
import struct
import warnings
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pi_heif
import tifffile
from PIL import ExifTags, Image, ImageCms, UnidentifiedImageError

from mien.errors import MediaTooLarge, UnreadableMedia, UnsupportedMedia, UsageError
from mien.media.files import statement
from mien.media.files.output_file import OutputFile, output_error
from mien.media.frames import code_points
from mien.types import Array, Frame, LabelledFrame
from mien.types import Image as Bgr

READ_FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "HEIF", "AVIF")
READ_NAMES = "jpeg, png, webp, tiff, bmp, gif, heic or avif"
WRITE_FORMATS = {
    ".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG", ".webp": "WEBP", ".tif": "TIFF", ".tiff": "TIFF", ".bmp": "BMP"
}  # fmt: skip
ANIMATED_FORMATS = ("GIF", "WEBP", "PNG", "AVIF")
_UNWRITTEN = {".heic": "HEIC", ".heif": "HEIF", ".hif": "HEIF", ".avif": "AVIF", ".gif": "GIF", ".jxl": "JPEG XL"}
"""Names that people give to pictures which mien does not write."""
_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1", b"avif", b"avis"}
_SILENT = 0  # cv::utils::logging::LOG_LEVEL_SILENT
_MAKER_NOTE = 0x927C
_WEBP_MOST = 16383
_ROWS = 256
"""Rows worked on at once, so that large pictures need no large intermediates."""
_JPEG_MOST = 65500

DAMAGE = (OSError, SyntaxError, ValueError, EOFError, TypeError, LookupError, ArithmeticError, AttributeError, MemoryError,
           RuntimeError, cv2.error, struct.error, zlib.error, tifffile.TiffFileError)  # fmt: skip
"""Errors of Pillow, libheif and OpenCV on damaged files; found by feeding them mutated ones."""

pi_heif.register_heif_opener(thumbnails=False, depth_images=False, aux_images=False)


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded picture, upright.

    `frame` holds BGR uint8. `deep` is the same in uint16 (h, w, 3) when the file had more than 8 bits a channel. `alpha`
    is uint8 or uint16 (h, w), None when every pixel is opaque. `exif`, `icc` and `dpi` are carried along. `notes` are
    sentences on what was converted.
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


def is_picture(path: Path) -> bool:
    """Return whether the file begins like a picture that mien reads, animations included.

    Raises `UnreadableMedia` when it cannot be opened.
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
    """Return whether the file calls itself HEIC or AVIF: a damaged one is no video either, though it is laid out like MP4."""
    with path.open("rb") as file:
        head = file.read(12)
    return head[4:8] == b"ftyp" and head[8:12] in _BRANDS


def is_animation(path: Path) -> bool:
    """Return whether the file holds several pictures to be shown one after the other. Raises `UnreadableMedia`."""
    check_file(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path, formats=ANIMATED_FORMATS) as opened:
                return int(getattr(opened, "n_frames", 1)) > 1
    except (*DAMAGE, Image.DecompressionBombError):
        return False


def has_alpha(path: Path) -> bool:
    """Return whether the picture may be transparent in places. Raises `UnreadableMedia`."""
    check_file(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path, formats=READ_FORMATS) as opened:
                return _is_transparent(opened)
    except (*DAMAGE, Image.DecompressionBombError):
        return False


def check_file(path: Path) -> int:
    """The size of the file in bytes; raises `UnreadableMedia` for what is no readable, non-empty file."""
    try:
        if path.is_dir():
            raise UnreadableMedia(f"{path} is a folder", "name a picture or a video")
        facts = path.stat()
        if not stat.S_ISREG(facts.st_mode):
            # A pipe or a device would block here, or never end.
            raise UnreadableMedia(f"{path} is no ordinary file", "name a picture or a video")
        with path.open("rb") as opened:
            opened.read(1)
    except FileNotFoundError:
        raise UnreadableMedia(f"{path} does not exist", "check the name") from None
    except PermissionError:
        raise UnreadableMedia(f"{path} may not be read", "change its permissions") from None
    except (OSError, ValueError) as error:
        raise UnreadableMedia(f"{path} cannot be read: {error}", "check the name and the disk") from None
    if facts.st_size == 0:
        raise UnreadableMedia(f"{path} is empty (0 bytes)", "fetch or save the file again")
    return facts.st_size


def read_picture(path: Path, *, max_pixels: int, max_bytes: int) -> Picture:
    """Decode one picture. Raises `UnreadableMedia`, `UnsupportedMedia` or `MediaTooLarge`, the last before decoding."""
    size = check_file(path)
    if size > max_bytes:
        raise MediaTooLarge(
            f"{path} has {size:,} bytes, the limit is {max_bytes:,}", "use a smaller file or raise --max-bytes"
        )  # fmt: skip
    with warnings.catch_warnings():
        # Pillow warns of large and of slightly odd files; the limits above and below decide instead.
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


def write_format(path: Path) -> str:
    """The format that the name asks for; raises `UsageError` for a name that mien does not write."""
    suffix = path.suffix.lower()
    if suffix in _UNWRITTEN:
        raise UsageError(
            f"mien writes no {_UNWRITTEN[suffix]} pictures ({path.name})", f"end the name in {', '.join(WRITE_FORMATS)}"
        )
    if suffix not in WRITE_FORMATS:
        raise UsageError(
            f"{path.name!r} names no picture format that mien writes", f"end the name in {', '.join(WRITE_FORMATS)}"
        )
    return WRITE_FORMATS[suffix]


def write_picture(picture: Picture, labelled: LabelledFrame, output: OutputFile, *, quality: int, engine: str) -> None:
    """Write the labelled frame into `output.temporary` (the caller commits), with the statement in its metadata.

    Alpha is laid on white where the format has none (jpeg, bmp). XMP of the input is dropped: it may describe the picture
    that was. Raises `OutputError` or `UsageError`.
    """
    if not isinstance(labelled, LabelledFrame):
        raise TypeError("only a LabelledFrame leaves mien")
    kind = write_format(output.path)
    _check_fits(output.path, kind, labelled.frame.image)
    picture = _with_opaque_badge(picture, labelled)
    try:
        if picture.deep is not None and kind in {"PNG", "TIFF"}:
            content = _DEEP_WRITERS[kind](picture, _deep_result(picture, labelled.frame.image), engine)
        else:
            content = _encode(picture, labelled.frame.image, kind, quality, engine)
        output.temporary.write_bytes(content)
    except OSError as error:
        raise output_error(error, output.path) from error


def _with_opaque_badge(picture: Picture, labelled: LabelledFrame) -> Picture:
    """A badge on what is transparent would not be seen."""
    if picture.alpha is None or labelled.badge_xyxy is None:
        return picture
    left, top, right, bottom = labelled.badge_xyxy
    alpha = picture.alpha.copy()
    alpha[top:bottom, left:right] = np.iinfo(alpha.dtype).max
    return replace(picture, alpha=alpha)


def _check_header(path: Path, opened: Image.Image, max_pixels: int) -> None:
    width, height = opened.size
    if width * height > max_pixels:
        raise MediaTooLarge(
            f"{path} has {width} x {height} pixels, the limit is {max_pixels:,}",
            "use a smaller picture or raise --max-pixels",
        )
    # A phone's jpeg (MPO) carries depth or brightness maps behind the picture itself, and HEIC names the picture that counts.
    if opened.format not in {"MPO", "HEIF"} and getattr(opened, "n_frames", 1) > 1:
        raise UnsupportedMedia(
            f"{path} holds {getattr(opened, 'n_frames', 1)} pictures; one is needed here",
            "save one of them as a file of its own",
        )


def _decode(path: Path, opened: Image.Image) -> Picture:
    exif, icc, dpi = opened.getexif(), opened.info.get("icc_profile"), opened.info.get("dpi")
    stored = int(exif.get(ExifTags.Base.Orientation, 1))
    avif = code_points.of_avif(path.read_bytes()) if opened.format == "AVIF" else None
    points = code_points.of_heif(opened.info) if avif is None or icc else avif.points
    opened.load()
    deep_pixels = _read_deep(path, opened, avif)
    # Pillow turns some formats (tiff) while it loads them; OpenCV was told not to.
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
    """BGR or BGRA uint8 of any mode that is not deep."""
    mode = "RGBA" if _is_transparent(image) else "RGB"
    pixels = np.asarray(image if image.mode == mode else image.convert(mode))
    return np.ascontiguousarray(pixels[:, :, [2, 1, 0, *range(3, pixels.shape[2])]])


def _is_transparent(image: Image.Image) -> bool:
    return image.mode in {"RGBA", "LA", "PA", "La", "RGBa"} or "transparency" in image.info


def _read_deep(path: Path, opened: Image.Image, avif: code_points.AvifFacts | None) -> Array | None:
    """BGR(A) uint16 of a file with more than 8 bits a channel, else None. Pillow cannot hold 16-bit colour, OpenCV can."""
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
        # OpenCV gives the numbers as they are stored, in 10 or 12 bits.
        pixels = np.asarray(pixels.astype(np.uint32) * 65535 // ((1 << avif.depth) - 1), np.uint16)
    if pixels.ndim == 2:
        pixels = np.repeat(pixels[:, :, None], 3, axis=2)
    return np.asarray(pixels, np.uint16)


@contextmanager
def _quiet_opencv() -> Iterator[None]:
    """OpenCV writes of damaged files on the error stream; the error that follows says it in our words."""
    # OpenCV 4 has these functions in its root, OpenCV 5 in a module.
    log: Any = getattr(cv2.utils, "logging", cv2)
    before = log.getLogLevel()
    log.setLogLevel(_SILENT)
    try:
        yield
    finally:
        log.setLogLevel(before)


def _read_deep_heif(path: Path) -> Array:
    """BGR(A) uint16, upright."""
    opened = pi_heif.open_heif(path, convert_hdr_to_8bit=False, bgr_mode=True)
    # A copy: the pixels are freed with `opened`, whatever numpy thinks of it.
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
    """Through the profile when there is a sound one, else by the plain formula."""
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
    """Turned and mirrored as EXIF's orientation 2 to 8 asks."""
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


def _check_fits(path: Path, kind: str, image: Bgr) -> None:
    most = {"WEBP": _WEBP_MOST, "JPEG": _JPEG_MOST}.get(kind)
    if most and max(image.shape[:2]) > most:
        raise UsageError(f"{kind} holds at most {most} pixels a side", "write a .png or .tif")


def _exif_for(picture: Picture, engine: str) -> Image.Exif:
    """The input's EXIF without orientation, thumbnail and maker's note (both may show the old face), plus the statement."""
    exif = Image.Exif()
    for tag, value in picture.exif.items():
        if tag not in {ExifTags.Base.Orientation, ExifTags.Base.ExifOffset, ExifTags.Base.GPSInfo}:
            exif[tag] = value
    for directory in (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo):
        entries = {tag: value for tag, value in picture.exif.get_ifd(directory).items() if tag != _MAKER_NOTE}
        if entries:
            exif.get_ifd(directory).update(entries)
            exif[directory] = exif.get_ifd(directory)
    before = str(exif.get(ExifTags.Base.ImageDescription, "")).strip(" \0")
    if before.startswith("{") and '"shape"' in before:
        # tifffile's own note on the layout of the old file.
        before = ""
    said = statement.sentence(engine)
    exif[ExifTags.Base.ImageDescription] = f"{before} | {said}" if before and said not in before else said
    exif[ExifTags.Base.Software] = statement.software()
    return exif


_TIFF_STRUCTURE = {254, 256, 257, 258, 259, 262, 266, 273, 277, 278, 279, 284, 317, 320, 322, 323, 324, 325, 330, 338, 339,
                   347, 512, 513, 514, 529, 530, 531, 532, 700, 34675}  # fmt: skip
"""TIFF tags that describe how pixels are stored, not what the picture is."""


def _encode(picture: Picture, image: Bgr, kind: str, quality: int, engine: str) -> bytes:
    rgb = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
    exif = _exif_for(picture, engine)
    for tag in _TIFF_STRUCTURE:
        if tag in exif:
            del exif[tag]
    alpha = picture.alpha
    if alpha is not None and alpha.dtype == np.uint16:
        alpha = (alpha >> 8).astype(np.uint8)
    if alpha is not None and kind in {"JPEG", "BMP"}:
        share = alpha[:, :, None].astype(np.float32) / 255
        rgb = (rgb * share + 255 * (1 - share) + 0.5).astype(np.uint8)
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
    buffer.write(_with_png_chunks(buffered.getvalue(), [png_statement(engine)]))


def _save_tiff(result: Image.Image, buffer: io.BytesIO, options: dict[str, Any], quality: int, engine: str) -> None:
    xmp = options.pop("xmp")
    options["exif"][700] = xmp
    # libtiff, which compresses, cannot write the directories of EXIF and GPS; Pillow's own plain writer can.
    nested = any(directory in options["exif"] for directory in (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo))
    result.save(buffer, "TIFF", compression=None if nested else "tiff_adobe_deflate", **options)


def _save_bmp(result: Image.Image, buffer: io.BytesIO, options: dict[str, Any], quality: int, engine: str) -> None:
    """BMP has no field for metadata: the XMP packet stands between headers and pixels, where a packet scan finds it."""
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
    """uint16 RGB(A) or grey(alpha): what the 8-bit result changed is added to the deep pixels, whose finer steps stay."""
    assert picture.deep is not None
    pixels = picture.deep.copy()
    for top in range(0, len(pixels), _ROWS):
        rows = slice(top, top + _ROWS)
        change = image[rows].astype(np.int32) - picture.original[rows]
        pixels[rows] = np.clip(pixels[rows] + change * 257, 0, 65535)
    colour = cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)
    if picture.grey:
        # A grey file stays grey; where the three channels are equal nothing is to be rounded.
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
        # OpenCV writes no grey with alpha.
        pixels, order = pixels[:, :, [0, 0, 0, 1]], [0, 1, 2, 3]
    good, content = cv2.imencode(".png", np.ascontiguousarray(pixels[:, :, order]), [cv2.IMWRITE_PNG_COMPRESSION, 4])
    if not good:
        raise UsageError("the picture could not be written as 16-bit png", "write a .tif")
    chunks = [png_statement(engine)]
    if picture.icc and not picture.grey:
        chunks.insert(0, _png_chunk(b"iCCP", b"ICC profile\0\0" + zlib.compress(picture.icc)))
    chunks.append(_png_chunk(b"eXIf", _exif_for(picture, engine).tobytes().removeprefix(b"Exif\0\0")))
    return _with_png_chunks(content.tobytes(), chunks)


def _write_deep_tiff(picture: Picture, pixels: Array, engine: str) -> bytes:
    xmp = statement.xmp(engine)
    tags: list[tuple[int, str, int, bytes, bool]] = [(700, "B", len(xmp), xmp, True)]
    if picture.icc and not picture.grey:
        tags.append((34675, "B", len(picture.icc), picture.icc, True))
    description = str(_exif_for(picture, engine)[ExifTags.Base.ImageDescription]).encode("ascii", "replace").decode()
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


def _png_chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def _png_itxt(keyword: str, text: str) -> bytes:
    return _png_chunk(b"iTXt", keyword.encode("latin-1") + b"\0\0\0\0\0" + text.encode())


def _png_text(engine: str) -> list[bytes]:
    said = {"Comment": statement.sentence(engine), "Software": statement.software()}
    return [_png_chunk(b"tEXt", f"{key}\0{text}".encode("latin-1")) for key, text in said.items()]


def png_statement(engine: str) -> bytes:
    """The chunks of a PNG that say that it was altered."""
    return b"".join([*_png_text(engine), _png_itxt("XML:com.adobe.xmp", statement.xmp(engine).decode())])


def _with_png_chunks(content: bytes, chunks: list[bytes]) -> bytes:
    """`content` with chunks put right behind its header (8 bytes of signature, 25 of IHDR)."""
    return content[:33] + b"".join(chunks) + content[33:]
