"""Fields of a protobuf file, read a piece at a time.

A field has a number, a wire type and a value, which may hold further fields.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple, TypeAlias, overload

from mien.errors import ModelDamaged, ModelMissing, ModelRefused

# Read in pieces: a mapping of the file would end the whole program when another one makes the file shorter meanwhile.
Content: TypeAlias = "bytes | Pieces"
_PIECE_BYTES = 1 << 16  # 64 KiB: names and shapes are close together, weights are skipped
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5  # wire types of the format
FRESH_COPY = "get the file again from its source"


@dataclass(frozen=True, slots=True)
class WalkLimits:
    """Counts from which a file is refused: they bound the time and memory of the walk; no known model comes near."""

    fields: int = 500_000
    nodes: int = 100_000
    tensors: int = 50_000
    values: int = 1_000  # outputs of a graph
    properties: int = 1_000  # operator sets, and metadata entries
    dimensions: int = 64  # of one tensor
    depth: int = 8  # graphs within graphs: the bodies of If, Loop and Scan
    text_bytes: int = 4_096  # of one name


DEFAULT_LIMITS = WalkLimits()


class Field(NamedTuple):
    """One field: its bytes are `start` to `stop` of the file, `value` is that of a varint."""

    number: int
    wire: int
    start: int
    stop: int
    value: int


class Pieces:
    """Bytes of a file, of which one piece is in memory; raises `EOFError` when the file has become shorter than `size`."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self._size = size
        self._start = 0
        self._piece = b""

    def __len__(self) -> int:
        return self._size

    @overload
    def __getitem__(self, key: int) -> int: ...

    @overload
    def __getitem__(self, key: slice) -> bytes: ...

    def __getitem__(self, key: int | slice) -> int | bytes:
        if isinstance(key, slice):
            start, stop, _ = key.indices(self._size)
            return self._read(start, max(0, stop - start))
        if not self._start <= key < self._start + len(self._piece):
            self._start, self._piece = key, self._read(key, min(_PIECE_BYTES, self._size - key))
        return self._piece[key - self._start]

    def _read(self, start: int, count: int) -> bytes:
        self._file.seek(start)
        found = self._file.read(count)
        if len(found) < count:
            raise EOFError
        return found


@contextmanager
def opened(path: Path, name: str) -> Iterator[Pieces]:
    """Open a file for reading in pieces; `name` is its name in errors. Raises `ModelMissing` or `ModelDamaged`."""
    try:
        # Before it is opened: opening a pipe would wait for its other end.
        if not path.is_file():
            raise ModelMissing(f"{name} is not a file", "check the name")
        with path.open("rb", buffering=0) as file:
            yield Pieces(file, os.fstat(file.fileno()).st_size)
    except EOFError as error:
        raise ModelDamaged(f"{name} became shorter while it was read", "try again when nothing writes to it") from error
    except OSError as error:
        raise ModelMissing(f"cannot read {name}: {error.strerror}", "check the name and who may read it") from error


class FieldReader:
    """Reader of the fields of one file, which counts them; `name` is the file's name in errors."""

    def __init__(self, data: Content, name: str, limits: WalkLimits = DEFAULT_LIMITS) -> None:
        self._data = data
        self._name = name
        self._limits = limits
        self._fields = 0

    def _inside(self, field: Field) -> Iterator[Field]:
        self._bytes(field)
        return self._walk(field.start, field.stop)

    def _walk(self, at: int, end: int) -> Iterator[Field]:
        most = self._limits.fields
        while at < end:
            self._fields += 1
            if self._fields > most:
                raise self._too_much("parts", most)
            key, at = self._varint(at, end)
            number, wire = key >> 3, key & 7
            start, value = at, 0
            if wire == _BYTES:
                length, start = self._varint(at, end)
                at = start + length
            elif wire == _VARINT:
                value, at = self._varint(at, end)
            elif wire in {_FIXED32, _FIXED64}:
                at += 4 if wire == _FIXED32 else 8
            else:
                raise self._damaged(f"there is no field of the kind {wire}")
            if at > end:
                raise self._damaged("a part of it is longer than the rest of the file")
            if not 0 < number < 1 << 29:
                raise self._damaged(f"there is no field with the number {number}")
            yield Field(number, wire, start, at, value)

    def _varint(self, at: int, end: int) -> tuple[int, int]:
        # Nearly all numbers are one byte: half of the time of a walk went into the loop below.
        if at < end and (byte := self._data[at]) < 0x80:
            return byte, at + 1
        value = shift = 0
        while at < end and shift < 70:
            byte = self._data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value & 0xFFFF_FFFF_FFFF_FFFF, at
            shift += 7
        raise self._damaged("a number in it does not end")

    def _whole(self, field: Field) -> int:
        if field.wire != _VARINT:
            raise self._damaged("a number is missing in it")
        return _signed(field.value)

    def _wholes(self, field: Field) -> list[int]:
        """Return one number, or several packed ones."""
        if field.wire != _BYTES:
            return [self._whole(field)]
        values: list[int] = []
        at = field.start
        while at < field.stop:
            self._check_count(len(values), self._limits.dimensions, "dimensions")
            value, at = self._varint(at, field.stop)
            values.append(_signed(value))
        return values

    def _bytes(self, field: Field) -> None:
        if field.wire != _BYTES:
            raise self._damaged("it has a number in the place of parts")

    def _text(self, field: Field) -> str:
        self._bytes(field)
        self._check_count(field.stop - field.start, self._limits.text_bytes + 1, "bytes in one name")
        try:
            return self._data[field.start : field.stop].decode("utf-8")
        except UnicodeDecodeError:
            raise self._damaged("a name in it is not text") from None

    def _once(self, before: object) -> None:
        if before is not None:
            raise self._damaged("a part of it occurs twice that may occur once")

    def _check_count(self, count: int, limit: int, what: str) -> None:
        """Refuse another one when there are `count` already."""
        if count >= limit:
            raise self._too_much(what, limit)

    def _too_much(self, what: str, limit: int) -> ModelRefused:
        return ModelRefused(f"{self._name} has {limit:,} {what} or more", "no known model is like that: " + FRESH_COPY)

    def _damaged(self, why: str) -> ModelDamaged:
        return ModelDamaged(f"{self._name} is damaged, or not an ONNX file: {why}", FRESH_COPY)


def _signed(value: int) -> int:
    """Return the int64 that a varint encodes."""
    return value - (1 << 64) if value >> 63 else value
