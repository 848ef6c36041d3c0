"""Metadata of written pictures: the EXIF that is carried along, and the statement in fields of PNG."""

import struct
import zlib

from PIL import ExifTags, Image

from mien.media.files import statement

_MAKER_NOTE = 0x927C  # EXIF tag MakerNote

TIFF_LAYOUT_TAGS = {254, 256, 257, 258, 259, 262, 266, 273, 277, 278, 279, 284, 317, 320, 322, 323, 324, 325, 330, 338, 339,
                    347, 512, 513, 514, 529, 530, 531, 532, 700, 34675}  # fmt: skip
"""TIFF tags that describe how pixels are stored, not what the picture is."""


def written_exif(original: Image.Exif, engine: str) -> Image.Exif:
    """Return the input's EXIF plus the statement, less orientation, thumbnail and maker's note (both may show the old face)."""
    exif = Image.Exif()
    for tag, value in original.items():
        if tag not in {ExifTags.Base.Orientation, ExifTags.Base.ExifOffset, ExifTags.Base.GPSInfo}:
            exif[tag] = value
    for directory in (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo):
        entries = {tag: value for tag, value in original.get_ifd(directory).items() if tag != _MAKER_NOTE}
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


def png_statement(engine: str) -> bytes:
    """Return the chunks that state in a PNG that it was altered: two tEXt and the XMP in an iTXt."""
    return b"".join([*_png_text(engine), _png_itxt("XML:com.adobe.xmp", statement.xmp(engine).decode())])


def _png_text(engine: str) -> list[bytes]:
    said = {"Comment": statement.sentence(engine), "Software": statement.software()}
    return [png_chunk(b"tEXt", f"{key}\0{text}".encode("latin-1")) for key, text in said.items()]


def _png_itxt(keyword: str, text: str) -> bytes:
    return png_chunk(b"iTXt", keyword.encode("latin-1") + b"\0\0\0\0\0" + text.encode())


def png_chunk(name: bytes, content: bytes) -> bytes:
    """Return a chunk with its length and CRC."""
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def with_png_chunks(content: bytes, chunks: list[bytes]) -> bytes:
    """Return a PNG file with chunks inserted right after its header (8 bytes of signature, 25 of IHDR)."""
    return content[:33] + b"".join(chunks) + content[33:]
