"""Delays of the pictures of an animation, read from the blocks of the file without decoding a picture."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

_UNSET_S = Fraction(1, 10)
"""Delay that browsers use for one of 0."""
_MAX_BLOCKS = 1_000_000
"""Bounds the time on a hostile file."""


def read_delays(path: Path, kind: str) -> list[Fraction]:
    """Return the delay in seconds of each picture of a GIF, PNG or WEBP, as far as it can be read. Raises `OSError`."""
    with path.open("rb") as file:
        return list(_READERS[kind](file))


def _of_gif(file: BinaryIO) -> Iterator[Fraction]:
    head = file.read(13)
    if len(head) < 13:
        return
    _skip_colours(file, head[10])
    delay = Fraction(0)
    for _ in range(_MAX_BLOCKS):
        kind = file.read(1)
        if kind == b"!":
            label = file.read(1)
            if label == b"\xf9":
                control = file.read(5)
                delay = Fraction(int.from_bytes(control[2:4], "little"), 100)
            _skip_blocks(file)
        elif kind == b",":
            place = file.read(9)
            if len(place) < 9:
                return
            _skip_colours(file, place[8])
            file.seek(1, 1)
            _skip_blocks(file)
            yield delay or _UNSET_S
            delay = Fraction(0)
        else:
            return


def _skip_colours(file: BinaryIO, flags: int) -> None:
    if flags & 0x80:
        file.seek(3 << ((flags & 7) + 1), 1)


def _skip_blocks(file: BinaryIO) -> None:
    while (size := file.read(1)) and size != b"\0":
        file.seek(size[0], 1)


def _of_png(file: BinaryIO) -> Iterator[Fraction]:
    for body in _bodies(file, 8, b"fcTL", 26, is_riff=False):
        yield Fraction(int.from_bytes(body[20:22], "big"), int.from_bytes(body[22:24], "big") or 100) or _UNSET_S


def _of_webp(file: BinaryIO) -> Iterator[Fraction]:
    for body in _bodies(file, 12, b"ANMF", 16, is_riff=True):
        yield Fraction(int.from_bytes(body[12:15], "little"), 1000) or _UNSET_S


def _bodies(file: BinaryIO, start: int, kind: bytes, length: int, *, is_riff: bool) -> Iterator[bytes]:
    """Yield the first `length` bytes of each chunk of this kind, in a file of RIFF or PNG chunks from `start` on."""
    file.seek(start)
    for _ in range(_MAX_BLOCKS):
        head = file.read(8)
        if len(head) < 8:
            return
        found, size = (head[:4], int.from_bytes(head[4:], "little")) if is_riff else (head[4:], int.from_bytes(head[:4], "big"))
        body = file.read(min(size, length)) if found == kind else b""
        if len(body) == length:
            yield body
        # RIFF pads to even sizes; PNG adds a CRC of 4 bytes.
        file.seek(size - len(body) + (size % 2 if is_riff else 4), 1)


_READERS = {"GIF": _of_gif, "PNG": _of_png, "WEBP": _of_webp}
