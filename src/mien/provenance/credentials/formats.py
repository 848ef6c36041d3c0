"""Formats of files: which of them hold their own credentials, and what a file is by its first bytes."""

import struct
from pathlib import Path

PLAIN = "application/octet-stream"
"""Files of which the manifest knows no structure: the hash runs over all bytes."""
EMBEDDING = {
    ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png", ".apng": "image/png", ".webp": "image/webp",
    ".tif": "image/tiff", ".tiff": "image/tiff",
    ".gif": "image/gif", ".mp4": "video/mp4", ".m4v": "video/x-m4v", ".mov": "video/quicktime",
}  # fmt: skip
"""MIME type by suffix of the files that hold their own credentials."""
_BRANDS = {b"qt  ": "video/quicktime", b"avif": "image/avif", b"heic": "image/heic", b"mif1": "image/heif"}


def format_of(start: bytes) -> str:
    """Return the MIME type of a file by its first 16 bytes, not by its name; `PLAIN` for all that hold no credentials."""
    if start.startswith(b"\xff\xd8"):
        return "image/jpeg"
    if start.startswith(b"\x89PNG"):
        return "image/png"
    if start.startswith(b"RIFF") and start[8:12] == b"WEBP":
        return "image/webp"
    if start.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if start[:4] in {b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"}:
        return "image/tiff"
    if start[4:8] == b"ftyp":
        return _BRANDS.get(start[8:12], "video/mp4")
    return PLAIN


def is_fragmented(path: Path) -> bool:
    """Return whether a video is laid out in fragments (`moof`); hashes of its blocks could not be checked by the library."""
    with path.open("rb") as file:
        at = 0
        while len(header := file.read(16)) >= 8:
            size, kind = struct.unpack_from(">I4s", header)
            if kind == b"moof":
                return True
            if size == 1 and len(header) == 16:
                (size,) = struct.unpack_from(">Q", header, 8)
            if size < 8:
                return False
            at += size
            file.seek(at)
    return False
