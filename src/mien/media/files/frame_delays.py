"""Display times of the pictures of an animation, read from the blocks of the file; no picture is decoded."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

_UNSET_S = Fraction(1, 10)
"""A GIF's delay of 0 is shown so long by every browser."""
_MOST_BLOCKS = 1_000_000


def read_delays(path: Path, kind: str) -> list[Fraction]:
    """Seconds of each picture of a GIF, PNG or WEBP, as far as the file can be read. Raises `OSError`."""
    with path.open("rb") as file:
        return list(_READERS[kind](file))


def _of_gif(file: BinaryIO) -> Iterator[Fraction]:
    head = file.read(13)
    if len(head) < 13:
        return
    _skip_colours(file, head[10])
    delay = Fraction(0)
    for _ in range(_MOST_BLOCKS):
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
    file.seek(8)
    for _ in range(_MOST_BLOCKS):
        head = file.read(8)
        if len(head) < 8:
            return
        size, kind = int.from_bytes(head[:4], "big"), head[4:]
        body = file.read(min(size, 26)) if kind == b"fcTL" else b""
        if len(body) == 26:
            yield Fraction(int.from_bytes(body[20:22], "big"), int.from_bytes(body[22:24], "big") or 100) or _UNSET_S
        file.seek(size - len(body) + 4, 1)


def _of_webp(file: BinaryIO) -> Iterator[Fraction]:
    file.seek(12)
    for _ in range(_MOST_BLOCKS):
        head = file.read(8)
        if len(head) < 8:
            return
        size = int.from_bytes(head[4:], "little")
        body = file.read(min(size, 16)) if head[:4] == b"ANMF" else b""
        if len(body) == 16:
            yield Fraction(int.from_bytes(body[12:15], "little"), 1000) or _UNSET_S
        file.seek(size + size % 2 - len(body), 1)


_READERS = {"GIF": _of_gif, "PNG": _of_png, "WEBP": _of_webp}
