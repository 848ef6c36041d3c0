"""Files of encoded packets: one part of a film's pictures, exact to the tick, for `VideoWriter.take`.

No player opens them: they are not signed yet, and hold neither sound nor the head of a video file.

Layout: eight letters, the length of a JSON header in four bytes, the header; then for each packet its three times, a byte that
is 1 for a key frame, its length and its bytes; at the end a length of zero. Times are in ticks of `time_base`.
"""

import hashlib
import json
import os
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO, Self

from av.packet import Packet
from av.stream import Stream

from mien.errors import UnreadableMedia
from mien.media.files.output_file import output_error

_MAGIC = b"mienpkt1"
_PACKET = struct.Struct(">qqqBI")


@dataclass(frozen=True, slots=True)
class PartFileLimits:
    """Sizes up to which a file is read; a key frame of 8K in ProRes has some 30 MB."""

    header_bytes: int = 1 << 16
    packet_bytes: int = 1 << 28


LIMITS = PartFileLimits()


@dataclass(frozen=True, slots=True)
class StoredPacket:
    """One encoded picture; times in ticks of `time_base`."""

    pts: int
    dts: int
    duration: int
    key: bool
    content: bytes
    time_base: Fraction

    @classmethod
    def of(cls, packet: "Packet[Any]") -> Self:
        """Return an encoder's packet without the marks that only some encoders set: one that is read back is the same."""
        dts = packet.pts if packet.dts is None else packet.dts
        duration, key = packet.duration or 0, packet.is_keyframe
        return cls(packet.pts or 0, dts or 0, duration, key, bytes(packet), packet.time_base)

    def packet(self) -> "Packet[Stream]":
        """Return the packet, of no stream yet."""
        packet = Packet(self.content)
        packet.time_base = self.time_base
        packet.pts, packet.dts, packet.duration, packet.is_keyframe = self.pts, self.dts, self.duration, self.key
        return packet


class PartFileWriter:
    """Writer of one part into a new file; every method raises `OutputError`."""

    def __init__(self, path: Path, about: Mapping[str, Any], time_base: Fraction) -> None:
        self._path = path
        self._base = time_base
        self._hash = hashlib.sha256()
        self.size = 0
        header = json.dumps({"about": about, "time_base": [time_base.numerator, time_base.denominator]}).encode()
        try:
            self._file: BinaryIO = open(path, "xb", opener=_private)  # noqa: SIM115 - closed by `close`
        except OSError as error:
            raise output_error(error, path) from error
        self._put(_MAGIC + len(header).to_bytes(4, "big") + header)

    def write(self, packets: Iterable[StoredPacket]) -> None:
        """Add packets in their coding order."""
        for each in packets:
            pts, dts, duration = (round(ticks * each.time_base / self._base) for ticks in (each.pts, each.dts, each.duration))
            self._put(_PACKET.pack(pts, dts, duration, each.key, len(each.content)) + each.content)

    def finish(self) -> str:
        """End the file; return the sha256 of all its bytes, hexadecimal. The caller flushes it to the disk and renames it."""
        self._put(_PACKET.pack(0, 0, 0, 0, 0))
        self.close()
        return self._hash.hexdigest()

    def close(self) -> None:
        """Close the file; more than once is allowed."""
        try:
            self._file.close()
        except OSError as error:
            raise output_error(error, self._path) from error

    def _put(self, content: bytes) -> None:
        try:
            self._file.write(content)
        except OSError as error:
            raise output_error(error, self._path) from error
        self._hash.update(content)
        self.size += len(content)


class _Hashed:
    """A file whose bytes are hashed as they are read."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._hash = hashlib.sha256()

    def read(self, size: int) -> bytes:
        content = self._file.read(size)
        self._hash.update(content)
        return content

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()


def read_packets(path: Path, about: Mapping[str, Any], sha256: str | None = None) -> Iterator[StoredPacket]:
    """Yield the packets of a file that was written with this `about`; at the end its `sha256` is checked, if one is given.

    Raises `UnreadableMedia`, possibly after some packets.
    """
    try:
        with path.open("rb") as opened:
            file = _Hashed(opened)
            base = _time_base(file, path, about)
            while (packet := _next(file, path, base)) is not None:
                yield packet
            if file.read(1):
                raise _damaged(path)
            if sha256 is not None and file.sha256 != sha256:
                raise UnreadableMedia(f"{path} has changed since it was made", again(path))
    except OSError as error:
        raise UnreadableMedia(f"{path} cannot be read: {error.strerror}", "check the disk and the rights") from error


def _time_base(file: _Hashed, path: Path, about: Mapping[str, Any]) -> Fraction:
    start = file.read(len(_MAGIC) + 4)
    length = int.from_bytes(start[len(_MAGIC) :], "big")
    if not start.startswith(_MAGIC) or length > LIMITS.header_bytes:
        raise _damaged(path)
    try:
        header = json.loads(file.read(length))
        numerator, denominator = header["time_base"]
        base = Fraction(int(numerator), int(denominator))
        if header["about"] != json.loads(json.dumps(about)):
            raise UnreadableMedia(f"{path} belongs to another film or another part", again(path))
    except (ValueError, TypeError, KeyError, ArithmeticError, RecursionError) as error:
        raise _damaged(path) from error
    return base


def _next(file: _Hashed, path: Path, base: Fraction) -> StoredPacket | None:
    head = file.read(_PACKET.size)
    if len(head) != _PACKET.size:
        raise _damaged(path)
    pts, dts, duration, key, size = _PACKET.unpack(head)
    if size == 0:
        return None
    content = file.read(size) if size <= LIMITS.packet_bytes else b""
    if len(content) != size or dts > pts or duration < 0 or key > 1:
        raise _damaged(path)
    return StoredPacket(pts, dts, duration, bool(key), content, base)


def _damaged(path: Path) -> UnreadableMedia:
    return UnreadableMedia(f"{path} is damaged or cut short", again(path))


def again(path: Path) -> str:
    """Return the remedy for a damaged file of a part: one whose record is there counts as made."""
    return f"remove {path.name.partition('.')[0]}.*, and make this part again"


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
