"""Check of the items that a HEIC file lists, before libheif's Python binding sees them.

The binding makes strings of the types that a file gives its items. Bytes that are not UTF-8 end the whole process there, by a
segmentation fault (pi_heif 1.4.0), which no caller can catch.
"""

import os
import struct
from collections.abc import Iterator

from pi_heif import HeifImageFile

_HEAD_BYTES, _LONG_HEAD_BYTES = 8, 16  # of a box: size and name, and the same with a size of 64 bits
_VERSION_BYTES = 4  # version and flags, in front of the content of the boxes below
_LONG_ID_VERSION = 3  # of `infe`; from this version, numbers of items have 32 bits
_MAX_BYTES = 1 << 30  # of a file, all of which is held in memory; a burst of a phone has some tens of megabytes
_MAX_ITEMS = 100_000  # a grid of a 200-megapixel photo has some thousand; bounds the work


class CheckedHeif(HeifImageFile):  # type: ignore[misc]
    """Pillow's picture of a HEIC file, refused when the list of its items is damaged."""

    def _open(self) -> None:
        if self.fp.seek(0, os.SEEK_END) > _MAX_BYTES:
            raise SyntaxError(f"a HEIC file of more than {_MAX_BYTES:,} bytes")
        self.fp.seek(0)
        check_items(self.fp.read())
        self.fp.seek(0)
        super()._open()


def check_items(content: bytes) -> None:
    """Raise `SyntaxError`, which Pillow takes for "not a picture", unless the names and types of all items are UTF-8."""
    view = memoryview(content)
    try:
        for name, meta in _boxes(view, strict=False):
            if name != b"meta":
                continue
            for inner, items in _boxes(meta[_VERSION_BYTES:], strict=True):
                if inner == b"iinf":
                    _check_list(items)
    except (struct.error, IndexError, UnicodeDecodeError) as error:
        raise SyntaxError(f"the list of items is damaged: {error}") from None


def _check_list(items: memoryview) -> None:
    count_bytes = 2 if items[0] == 0 else 4
    for number, (name, item) in enumerate(_boxes(items[_VERSION_BYTES + count_bytes :], strict=True)):
        if number >= _MAX_ITEMS:
            raise SyntaxError(f"more than {_MAX_ITEMS} items")
        if name == b"infe":
            # Number and protection of the item; then its type, its name and the type of its content, until the end.
            numbers = 6 if item[0] >= _LONG_ID_VERSION else 4
            str(item[_VERSION_BYTES + numbers :], "utf-8")


def _boxes(view: memoryview, *, strict: bool) -> Iterator[tuple[bytes, memoryview]]:
    """Yield the name and content of each box. With `strict` they must fill the view; else the first damaged box ends it."""
    at = 0
    while at < len(view):
        if not strict and len(view) - at < _HEAD_BYTES:
            return
        size, name = struct.unpack_from(">I4s", view, at)
        head = _HEAD_BYTES
        if size == 1:
            (size,) = struct.unpack_from(">Q", view, at + _HEAD_BYTES)
            head = _LONG_HEAD_BYTES
        elif size == 0:
            size = len(view) - at
        if size < head or (strict and at + size > len(view)):
            if strict:
                raise SyntaxError(f"a box of {size} bytes")
            return
        # A box that is cut short is read as far as it goes: libheif does the same.
        yield name, view[at + head : at + size]
        at += size
