"""Parts of a file in order: chunks of PNG and WebP, segments of JPEG, boxes of MP4 and HEIC. All bounded."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Literal, TypeAlias

Layout: TypeAlias = Literal["JPEG", "PNG", "WebP", "MP4", "other"]
"""Structure of a file, by its first bytes."""
_MAX_PARTS = 4000  # bounds the work; a progressive photograph has some tens, a fragmented film of an hour some thousand
_MAX_CONTENT_BYTES = 4 << 20  # bounds memory; an XMP packet has some kilobytes, a long workflow some hundred
_MAX_TOTAL_BYTES = 32 << 20  # likewise, of all parts together
_MAX_DEPTH = 6  # moov/trak/mdia/minf/stbl has five levels
_FOLDERS = {b"moov", b"trak", b"edts", b"udta", b"mdia", b"minf", b"stbl", b"moof", b"traf"}
_SMALL = {b"ftyp", b"styp", b"elst", b"uuid", b"XMP_"}
_BARE = {0x01, *range(0xD0, 0xDA)}  # JPEG markers without a length: TEM, restarts, start and end
_SCAN = 0xDA  # start of scan: what follows is the picture


@dataclass(frozen=True, slots=True)
class Part:
    """Chunk, segment or box: name, place in the file, size in bytes, and the content where it may hold text.

    `path` names the boxes around it.
    """

    name: str
    offset: int
    size: int
    content: bytes = b""
    path: str = ""


def layout_of(start: bytes) -> Layout:
    """Return the structure of a file by its first 12 bytes."""
    if start.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if start.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return "WebP"
    return "MP4" if start[4:8] == b"ftyp" else "other"


def parts_of(path: Path) -> tuple[Layout, list[Part]]:
    """Return the structure of a file and its parts, up to the first that is damaged. Raises `OSError`."""
    size = path.stat().st_size
    with path.open("rb") as file:
        layout = layout_of(file.read(12))
        file.seek(0)
        walk = {"JPEG": _segments, "PNG": _chunks, "WebP": _riff}.get(layout)
        if walk is not None:
            return layout, list(walk(file, _Budget()))
        return layout, list(_boxes(file, 0, size, "", _Budget())) if layout == "MP4" else []


class _Budget:
    """Parts and bytes that may still be read."""

    def __init__(self) -> None:
        self._parts, self._bytes = _MAX_PARTS, _MAX_TOTAL_BYTES

    def take(self, file: BufferedReader, size: int, wanted: bool) -> bytes | None:
        """Return the content of a part, empty if it is not wanted or too large; None when the budget is spent."""
        self._parts -= 1
        if self._parts < 0:
            return None
        if not wanted or size > min(_MAX_CONTENT_BYTES, self._bytes):
            return b""
        self._bytes -= size
        return file.read(size)


def _chunks(file: BufferedReader, budget: _Budget) -> Iterator[Part]:
    file.seek(8)
    while len(head := file.read(8)) == 8:
        size, name = struct.unpack(">I4s", head)
        offset = file.tell()
        content = budget.take(file, size, name in {b"tEXt", b"zTXt", b"iTXt", b"eXIf", b"IHDR"})
        if content is None or not name.isalpha():
            return
        yield Part(name.decode("latin-1"), offset, size, content)
        file.seek(offset + size + 4)


def _segments(file: BufferedReader, budget: _Budget) -> Iterator[Part]:
    file.seek(2)
    while (head := file.read(2)) and len(head) == 2 and head[0] == 0xFF:
        marker = head[1]
        if marker == 0xFF:
            file.seek(-1, 1)
            continue
        if marker in _BARE:
            continue
        length = file.read(2)
        size = struct.unpack(">H", length)[0] - 2 if len(length) == 2 else -1
        if size < 0:
            return
        offset = file.tell()
        content = budget.take(file, size, marker != _SCAN)
        if content is None:
            return
        yield Part(_marker_name(marker), offset, size, content)
        if marker == _SCAN:
            return
        file.seek(offset + size)


def _marker_name(marker: int) -> str:
    if 0xE0 <= marker <= 0xEF:
        return f"APP{marker - 0xE0}"
    if 0xC0 <= marker <= 0xCF and marker not in {0xC4, 0xC8, 0xCC}:
        return f"SOF{marker - 0xC0}"
    return {0xDB: "DQT", 0xC4: "DHT", _SCAN: "SOS", 0xFE: "COM", 0xDD: "DRI"}.get(marker, f"{marker:02X}")


def _riff(file: BufferedReader, budget: _Budget) -> Iterator[Part]:
    file.seek(12)
    while len(head := file.read(8)) == 8:
        name, size = struct.unpack("<4sI", head)
        offset = file.tell()
        content = budget.take(file, size, name in {b"EXIF", b"XMP "})
        if content is None:
            return
        yield Part(name.decode("latin-1"), offset, size, content)
        file.seek(offset + size + size % 2)


def _boxes(file: BufferedReader, start: int, end: int, path: str, budget: _Budget) -> Iterator[Part]:
    at = start
    while at + 8 <= end:
        file.seek(at)
        head = file.read(16)
        if len(head) < 8:
            return
        size, name = struct.unpack_from(">I4s", head)
        skip = 8
        if size == 1 and len(head) == 16:
            size, skip = struct.unpack_from(">Q", head, 8)[0], 16
        elif size == 0:
            size = end - at
        if size < skip or at + size > end:
            return
        file.seek(at + skip)
        content = budget.take(file, size - skip, name in _SMALL or name.startswith(b"\xa9"))
        if content is None:
            return
        shown = name.decode("latin-1")
        yield Part(shown, at + skip, size - skip, content, path)
        if name in _FOLDERS and path.count("/") < _MAX_DEPTH:
            yield from _boxes(file, at + skip, at + size, f"{path}{shown}/", budget)
        at += size
