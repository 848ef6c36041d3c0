"""Declarations in a file's metadata: XMP, IPTC, EXIF, PNG text, tags of videos. Anybody can write and remove them.

Fields are read from the parts in which a format keeps them, never searched for in the bytes: a source type inside signed
credentials must not count as one in XMP.
"""

import re
import struct
import warnings
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from xml.etree import ElementTree

from PIL import ExifTags, Image

from mien.errors import MienError
from mien.media.files.packets import open_input
from mien.media.files.picture_kind import DAMAGE, READ_FORMATS
from mien.provenance.report.parts import Layout, Part
from mien.provenance.report.words import source_words

_MAX_DECLARATIONS = 80  # a report stays readable, whatever a file holds
_MAX_LETTERS = 400  # likewise; prompts and workflows are long
_MAX_LISTED = 100  # elements of a list; a picture names some creators
_MAX_XMP_BYTES = 1 << 20  # bounds the parser's memory
_MAX_TEXT_BYTES = 1 << 20  # bounds a compressed text of PNG
_XMP_START = b"http://ns.adobe.com/xap/1.0/\0"
_XMP_BOX = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_EXIF_START = b"Exif\0\0"
_IPTC_RESOURCE = 0x0404  # image resource of Photoshop that holds IPTC's records
_IPTC_FIELDS = {
    40: "special instructions", 65: "originating program", 80: "by-line", 110: "credit", 115: "source", 120: "caption",
}  # fmt: skip
"""Datasets of the application record, by number; numbers of the IPTC."""
_XMP_FIELDS = {
    "DigitalSourceType", "CreatorTool", "Credit", "Source", "Software", "AIGC", "OriginalDocumentID", "CreateDate",
    "ModifyDate",
}  # fmt: skip
_EXIF_FIELDS = {
    ExifTags.Base.Make: "Make", ExifTags.Base.Model: "Model", ExifTags.Base.Software: "Software",
    ExifTags.Base.DateTime: "DateTime", ExifTags.Base.ImageDescription: "ImageDescription", ExifTags.Base.Artist: "Artist",
}  # fmt: skip
_EXIF_DETAILS = {ExifTags.Base.DateTimeOriginal: "DateTimeOriginal", ExifTags.Base.UserComment: "UserComment",
                 ExifTags.Base.LensModel: "LensModel"}  # fmt: skip
_TEXT_PROGRAMS = {
    "parameters": "A1111 or Forge", "prompt": "ComfyUI", "workflow": "ComfyUI", "invokeai_metadata": "InvokeAI",
    "sd-metadata": "InvokeAI", "Dream": "InvokeAI", "fooocus_scheme": "Fooocus",
    "AIGC": "a service under the Chinese AIGC rule",
}  # fmt: skip
CONTAINER_TAGS = {
    "language", "major_brand", "minor_version", "compatible_brands", "vendor_id", "handler_name", "encoder", "creation_time",
    "duration", "service_name", "service_provider", "rotate", "wmfsdkversion", "wm/encodingtime", "isvbr", "devicecopied",
}  # fmt: skip
"""Tags that muxers write by themselves: history of the container, not declarations."""
_SAMPLER = re.compile(r"\bSteps: \d+, Sampler: ")  # as A1111 ends its parameters, also in EXIF's UserComment


@dataclass(frozen=True, slots=True)
class Declaration:
    """One field: the kind of metadata, its name and value as text, the program that writes such fields, if it is known.

    `source` is the digital source type in plain words, for fields that hold one.
    """

    where: str
    name: str
    value: str
    program: str | None = None
    source: str | None = None


def declarations(path: Path, layout: Layout, parts: Sequence[Part]) -> list[Declaration]:
    """Return the declarations of a file, in order, each once. Damaged metadata is skipped."""
    found = list(dict.fromkeys(_all(path, layout, parts)))
    return found[:_MAX_DECLARATIONS]


def _all(path: Path, layout: Layout, parts: Sequence[Part]) -> Iterator[Declaration]:
    for part in parts:
        yield from _of_part(layout, part)
    if layout in {"MP4", "other"}:
        yield from _of_picture(path)
        yield from _of_video(path)


def _of_part(layout: Layout, part: Part) -> Iterator[Declaration]:
    content = part.content
    if layout == "JPEG" and part.name == "APP1" and content.startswith(_XMP_START):
        yield from xmp_fields(content[len(_XMP_START) :])
    elif layout == "JPEG" and part.name == "APP1" and content.startswith(_EXIF_START):
        yield from _exif_fields(content)
    elif layout == "JPEG" and part.name == "APP13":
        yield from _iptc_fields(content)
    elif layout == "JPEG" and part.name == "COM":
        yield _declared("JPEG comment", "comment", content.decode("utf-8", "replace"))
    elif layout == "PNG" and part.name in {"tEXt", "zTXt", "iTXt"}:
        yield from _png_text(part)
    elif part.name in {"eXIf", "EXIF"}:
        yield from _exif_fields(content)
    elif part.name == "XMP " or part.name == "XMP_":
        yield from xmp_fields(content)
    elif part.name == "uuid" and content.startswith(_XMP_BOX):
        yield from xmp_fields(content[16:])


def xmp_fields(packet: bytes) -> Iterator[Declaration]:
    """Yield the fields of an XMP packet that tell how the picture was made. A packet with a document type is refused."""
    # Without the zeros of UTF-16, in which a document type would look otherwise.
    if len(packet) > _MAX_XMP_BYTES or b"<!" in packet.replace(b"\0", b"").replace(b"<!--", b""):
        # Entities could name files, or grow without end.
        return
    try:
        root = ElementTree.fromstring(packet.strip(b"\0 \r\n\t").removeprefix(b"\xef\xbb\xbf"))
    except (ElementTree.ParseError, ValueError, LookupError, RecursionError):
        return
    for element in root.iter():
        for key, given in ((element.tag, None), *element.attrib.items()):
            name = str(key).rsplit("}", 1)[-1]
            if name in _XMP_FIELDS or name.startswith("AI") or name == "softwareAgent":
                value = (element.text or "").strip() or _listed(element) if given is None else given
                if value:
                    yield _declared("XMP", name, value)


def _listed(element: "ElementTree.Element") -> str:
    """Return the texts of a list in RDF (`rdf:Bag`, `rdf:Alt`), joined."""
    # Bounded: elements that lie in each other would be read again at each depth.
    inside = islice(element.iter(), 1, _MAX_LISTED)
    return " / ".join(text for each in inside if (text := (each.text or "").strip()))


def _declared(where: str, name: str, value: str) -> Declaration:
    text = _shown(value)
    program = _TEXT_PROGRAMS.get(name) if where in {"PNG text", "video tag", "XMP"} else None
    if name == "Software" and "NovelAI" in text:
        program = "NovelAI"
    if program is None and _SAMPLER.search(value):
        program = "A1111 or Forge"
    return Declaration(where, _shown(name), text, program, source_words(text) if name == "DigitalSourceType" else None)


def _shown(value: object) -> str:
    """Return a text as one line, shortened, without control characters."""
    text = " ".join(str(value)[: 4 * _MAX_LETTERS].split())
    text = "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)
    return text if len(text) <= _MAX_LETTERS else f"{text[:_MAX_LETTERS]}…"


def _png_text(part: Part) -> Iterator[Declaration]:
    key, _, rest = part.content.partition(b"\0")
    name = key.decode("latin-1")
    try:
        if part.name == "tEXt":
            text = rest.decode("utf-8", "replace")
        elif part.name == "zTXt":
            text = _inflated(rest[1:]).decode("utf-8", "replace")
        else:
            packed = rest[:1] == b"\1"
            _, _, rest = rest[2:].partition(b"\0")
            _, _, rest = rest.partition(b"\0")
            text = (_inflated(rest) if packed else rest).decode("utf-8", "replace")
    except zlib.error:
        return
    if name == "XML:com.adobe.xmp":
        yield from xmp_fields(text.encode())
    else:
        yield _declared("PNG text", name, text)


def _inflated(content: bytes) -> bytes:
    return zlib.decompressobj().decompress(content, _MAX_TEXT_BYTES)


def _exif_fields(content: bytes) -> Iterator[Declaration]:
    exif = Image.Exif()
    try:
        with warnings.catch_warnings():
            # Pillow warns of damaged entries; what can be read counts.
            warnings.simplefilter("ignore")
            exif.load(content)
        found = {name: exif.get(tag) for tag, name in _EXIF_FIELDS.items()}
        details = exif.get_ifd(ExifTags.IFD.Exif)
        found |= {name: details.get(tag) for tag, name in _EXIF_DETAILS.items()}
    except DAMAGE:
        return
    for name, value in found.items():
        text = _comment(value) if isinstance(value, bytes) else value
        if text not in (None, ""):
            yield _declared("EXIF", name, str(text))


def _comment(value: bytes) -> str:
    """Return a UserComment, whose first eight bytes name its letters."""
    head, text = value[:8], value[8:]
    if head.startswith(b"UNICODE"):
        return text.decode("utf-16-be" if text[:1] == b"\0" else "utf-16-le", "replace").strip("\0 ")
    return (text if head.strip(b"\0") in {b"", b"ASCII"} else value).decode("utf-8", "replace").strip("\0 ")


def _iptc_fields(content: bytes) -> Iterator[Declaration]:
    at = content.find(b"8BIM")
    while 0 <= at <= len(content) - 12:
        (number,) = struct.unpack_from(">H", content, at + 4)
        name_bytes = content[at + 6] + 1
        at += 6 + name_bytes + name_bytes % 2
        if at + 4 > len(content):
            return
        (size,) = struct.unpack_from(">I", content, at)
        at += 4
        if number == _IPTC_RESOURCE:
            yield from _iptc_records(content[at : at + size])
        following = content.find(b"8BIM", at + size)
        at = following


def _iptc_records(data: bytes) -> Iterator[Declaration]:
    at = 0
    while at + 5 <= len(data) and data[at] == 0x1C:
        record, dataset, size = struct.unpack_from(">BBH", data, at + 1)
        if record == 2 and dataset in _IPTC_FIELDS:
            yield _declared("IPTC", _IPTC_FIELDS[dataset], data[at + 5 : at + 5 + size].decode("utf-8", "replace"))
        at += 5 + size


def _of_picture(path: Path) -> Iterator[Declaration]:
    """Yield the declarations of pictures of other formats: TIFF, HEIC, AVIF, GIF."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path, formats=READ_FORMATS) as opened:
                exif, xmp = opened.getexif().tobytes(), opened.info.get("xmp")
                comment = opened.info.get("comment")
    except (*DAMAGE, Image.DecompressionBombError):
        return
    yield from _exif_fields(exif)
    if isinstance(xmp, bytes):
        yield from xmp_fields(xmp)
    if isinstance(comment, bytes):
        yield _declared("comment", "comment", comment.decode("utf-8", "replace"))


def _of_video(path: Path) -> Iterator[Declaration]:
    try:
        with open_input(path) as container:
            tags = [dict(container.metadata), *(dict(stream.metadata) for stream in container.streams)]
    except MienError:
        return
    for each in tags:
        for name, value in each.items():
            if name.lower() not in CONTAINER_TAGS:
                yield _declared("video tag", name, value)
