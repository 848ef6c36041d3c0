"""Identity of a file and the line of custody: hash, size, times, type by content, versions of what looked at it."""

import hashlib
import platform
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from mien import __version__
from mien.errors import UnreadableMedia

_CHUNK_BYTES = 1 << 20  # bounds memory
_PACKAGES = ("c2pa-python", "av", "pillow", "opencv-python-headless", "numpy")
_TYPES: tuple[tuple[int, bytes, str, frozenset[str]], ...] = (
    (0, b"\xff\xd8\xff", "JPEG", frozenset({".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"})),
    (0, b"\x89PNG\r\n\x1a\n", "PNG", frozenset({".png", ".apng"})),
    (0, b"GIF8", "GIF", frozenset({".gif"})),
    (8, b"WEBP", "WebP", frozenset({".webp"})),
    (8, b"AVI ", "AVI", frozenset({".avi"})),
    (0, b"II*\0", "TIFF", frozenset({".tif", ".tiff", ".dng"})),
    (0, b"MM\0*", "TIFF", frozenset({".tif", ".tiff", ".dng"})),
    (0, b"BM", "BMP", frozenset({".bmp", ".dib"})),
    *((4, b"ftyp" + brand, "HEIC", frozenset({".heic", ".heif"})) for brand in (b"heix", b"heim", b"heis", b"hevc", b"hevx")),
    (4, b"ftypheic", "HEIC", frozenset({".heic", ".heif"})),
    (4, b"ftypmif1", "HEIF", frozenset({".heic", ".heif", ".avif"})),
    (4, b"ftypavif", "AVIF", frozenset({".avif"})),
    (4, b"ftypavis", "AVIF", frozenset({".avif"})),
    (4, b"ftypqt  ", "QuickTime", frozenset({".mov", ".qt"})),
    (4, b"ftyp", "MP4", frozenset({".mp4", ".m4v", ".m4a", ".3gp", ".mov"})),
    (0, b"\x1a\x45\xdf\xa3", "Matroska or WebM", frozenset({".mkv", ".webm", ".mka"})),
    (0, b"0&\xb2u\x8ef\xcf\x11", "ASF", frozenset({".wmv", ".asf", ".wma"})),
    (0, b"FLV", "FLV", frozenset({".flv"})),
    (0, b"OggS", "Ogg", frozenset({".ogg", ".ogv", ".oga"})),
    (0, b"G", "MPEG transport stream", frozenset({".ts", ".m2ts", ".mts"})),
    (0, b"\0\0\x01\xba", "MPEG program stream", frozenset({".mpg", ".mpeg", ".vob"})),
)
"""Offset, first bytes, name and usual endings of the formats that mien reads; the first that fits counts."""


@dataclass(frozen=True, slots=True)
class Custody:
    """Facts of one look at a file. Times are aware, UTC; `kind` is None for an unknown type, `fits` tells about the ending."""

    name: str
    sha256: str
    size_bytes: int
    modified_at: datetime
    looked_at: datetime
    kind: str | None
    fits: bool
    versions: tuple[tuple[str, str], ...]
    machine: str


def custody_of(path: Path, now: datetime) -> Custody:
    """Read a file once, whole, and return its identity. Raises `UnreadableMedia`."""
    digest, size = hashlib.sha256(), 0
    try:
        facts = path.stat()
        with path.open("rb") as file:
            start = file.read(16)
            file.seek(0)
            while chunk := file.read(_CHUNK_BYTES):
                digest.update(chunk)
                size += len(chunk)
    except OSError as error:
        raise UnreadableMedia(f"{path} cannot be read: {error.strerror or error}", "check the name and the disk") from error
    fitting = (row for row in _TYPES if start[row[0] :].startswith(row[1]))
    _, _, kind, endings = next(fitting, (0, b"", None, frozenset()))
    return Custody(
        name=path.name,
        sha256=digest.hexdigest(),
        size_bytes=size,
        modified_at=datetime.fromtimestamp(facts.st_mtime, UTC),
        looked_at=now.astimezone(UTC),
        kind=kind,
        fits=kind is None or path.suffix.lower() in endings,
        versions=(("mien", __version__), *((name, _version(name)) for name in _PACKAGES)),
        machine=f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
    )


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "unknown"
