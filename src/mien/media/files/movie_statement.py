"""Statement in an MP4 or QuickTime file: an XMP packet in a `uuid` box, where other programs look for it."""

import os
import struct
from pathlib import Path

from mien.errors import OutputError
from mien.media.files import statement
from mien.media.files.output_file import output_error

_XMP_BOX = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
"""Identifier of the box, from the XMP specification, part 3."""
_MAX_BOXES = 1_000_000  # a damaged file must not keep the loop busy; a fragmented recording of a day has some 80 000
_MAX_INDEX_BYTES = 64 << 20  # bounds memory; the index of a day of fragments has a few megabytes


def state_in_movie(path: Path, engine: str) -> None:
    """Append the statement to an MP4 or MOV file in place, once; other files stay as they are. Raises `OutputError`.

    The index of a fragmented file (`mfra`) stays last, because players look for it there.
    """
    try:
        with path.open("r+b") as file:
            boxes = _top_boxes(file.fileno(), path.stat().st_size)
            if not boxes or _holds_statement(file.fileno(), boxes):
                return
            packet = _XMP_BOX + statement.xmp(engine)
            box = struct.pack(">I4s", len(packet) + 8, b"uuid") + packet
            name, at, size = boxes[-1]
            if name != b"mfra" or size > _MAX_INDEX_BYTES:
                file.seek(0, os.SEEK_END)
                file.write(box)
                return
            file.seek(at)
            index = file.read(size)
            file.seek(at)
            file.write(box + index)
    except OSError as error:
        raise output_error(error, path) from error
    except ValueError as error:
        raise OutputError(f"the boxes of {path.name} cannot be read back: {error}", "nothing was written; try again") from error


def _top_boxes(file: int, length: int) -> list[tuple[bytes, int, int]]:
    """Return name, place and size of each box; [] for a file that is none of these. Raises `ValueError`."""
    boxes: list[tuple[bytes, int, int]] = []
    at = 0
    while at < length and len(boxes) < _MAX_BOXES:
        head = _read_at(file, at)
        if len(head) < 8 or (not boxes and head[4:8] != b"ftyp"):
            break
        size, name = struct.unpack_from(">I4s", head)
        if size == 1 and len(head) == 16:
            (size,) = struct.unpack_from(">Q", head, 8)
        elif size == 0:
            raise ValueError("the last box has no length")
        if size < 8 or at + size > length:
            raise ValueError(f"box at {at} has {size} bytes")
        boxes.append((name, at, size))
        at += size
    return boxes


def _holds_statement(file: int, boxes: list[tuple[bytes, int, int]]) -> bool:
    return any(name == b"uuid" and _read_at(file, at, 24)[8:] == _XMP_BOX for name, at, _ in boxes)


def _read_at(file: int, at: int, count: int = 16) -> bytes:
    os.lseek(file, at, os.SEEK_SET)
    return os.read(file, count)
