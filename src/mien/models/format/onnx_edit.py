"""Changes to an ONNX file whose weights stay in the file: nodes are replaced, all else is copied byte by byte."""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from mien.models.format.onnx_bytes import head
from mien.models.format.protobuf import Content, Field, FieldReader, opened
from mien.types import Array, Floats

_GRAPH, _OPSET = 7, 8  # fields of ModelProto
_NODE, _INITIALIZER, _INPUT, _OUTPUT = 1, 5, 11, 12  # fields of GraphProto
_FLOAT, _WHOLE = 1, 7  # TensorProto.DataType
_COPY_BYTES = 1 << 24  # 16 MiB at a time: weights are hundreds of megabytes


@dataclass(frozen=True, slots=True)
class Node:
    """A node of the main graph; `at` is its place among the graph's fields, `attributes` are whole numbers or lists of them.

    An attribute of another kind is there with None.
    """

    at: int
    operator: str
    domain: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, int | tuple[int, ...] | None]


@dataclass(frozen=True, slots=True)
class Weights:
    """Weights of the main graph; `at` is their place among its fields. `start` is None unless they are plain float32.

    `whole` is the place of whole numbers, int64, None unless they are.
    """

    at: int
    name: str
    shape: tuple[int, ...]
    start: int | None
    whole: int | None = None


@dataclass(frozen=True, slots=True)
class Edit:
    """Change of a graph: `replaced` has the new nodes by the place of the old one, `dropped` are places; the rest is added."""

    replaced: Mapping[int, Sequence[bytes]]
    dropped: frozenset[int]
    nodes: Sequence[bytes] = ()
    tensors: Sequence[bytes] = ()
    outputs: Sequence[bytes] = ()


class OnnxFile(FieldReader):
    """The main graph of an open file. Raises `ModelDamaged` or `ModelRefused` as `read_graph` does."""

    def __init__(self, data: Content, name: str) -> None:
        super().__init__(data, name)
        self._fields_of_model = list(self._walk(0, len(data)))
        self._body = next(each for each in self._fields_of_model if each.number == _GRAPH)
        self._parts = list(self._inside(self._body))
        self.opset = max((self._opset(each) for each in self._fields_of_model if each.number == _OPSET), default=0)
        self.nodes = [self._node(at, each) for at, each in enumerate(self._parts) if each.number == _NODE]
        tensors = (self._weights(at, each) for at, each in enumerate(self._parts) if each.number == _INITIALIZER)
        self.weights = {each.name: each for each in tensors}
        self.inputs = {self._first_text(each) for each in self._parts if each.number == _INPUT}
        self.outputs = {self._first_text(each) for each in self._parts if each.number == _OUTPUT}

    def values(self, weights: Weights) -> Floats:
        """Return weights whose `start` is known."""
        assert weights.start is not None
        size = 4 * math.prod(weights.shape)
        found = np.frombuffer(self._data[weights.start : weights.start + size], "<f4").reshape(weights.shape)
        return np.asarray(found, np.float32)

    def whole_numbers(self, name: str) -> Array:
        """Return the whole numbers of a tensor whose `whole` is known, int64."""
        tensor = self.weights[name]
        assert tensor.whole is not None
        size = 8 * math.prod(tensor.shape)
        return np.frombuffer(self._data[tensor.whole : tensor.whole + size], "<i8").reshape(tensor.shape).astype(np.int64)

    def write(self, edit: Edit, file: BinaryIO) -> None:
        """Write the changed file."""
        pieces = list(self._changed(edit))
        length = sum(each[1] - each[0] if isinstance(each, tuple) else len(each) for each in pieces)
        previous = 0
        for each in self._fields_of_model:
            if each is self._body:
                file.write(head(_GRAPH, length))
                for piece in pieces:
                    self._copy(piece, file)
            else:
                self._copy((previous, each.stop), file)
            previous = each.stop

    def _changed(self, edit: Edit) -> Iterator[bytes | tuple[int, int]]:
        previous = self._body.start
        for at, each in enumerate(self._parts):
            start, previous = previous, each.stop
            if at in edit.replaced:
                for new in edit.replaced[at]:
                    yield head(_NODE, len(new)) + new
            elif at not in edit.dropped:
                yield start, each.stop
        for number, new_parts in ((_NODE, edit.nodes), (_INITIALIZER, edit.tensors), (_OUTPUT, edit.outputs)):
            for new in new_parts:
                yield head(number, len(new)) + new

    def _copy(self, piece: bytes | tuple[int, int], file: BinaryIO) -> None:
        if isinstance(piece, bytes):
            file.write(piece)
            return
        for start in range(piece[0], piece[1], _COPY_BYTES):
            file.write(self._data[start : min(start + _COPY_BYTES, piece[1])])

    def _opset(self, whole: Field) -> int:
        domain, version = "", 0
        for each in self._inside(whole):
            if each.number == 1:
                domain = self._text(each)
            elif each.number == 2:
                version = self._whole(each)
        return version if domain in {"", "ai.onnx"} else 0

    def _node(self, at: int, whole: Field) -> Node:
        inputs, outputs, operator, domain = [], [], "", ""
        attributes: dict[str, int | tuple[int, ...] | None] = {}
        for each in self._inside(whole):
            match each.number:
                case 1:
                    inputs.append(self._text(each))
                case 2:
                    outputs.append(self._text(each))
                case 4:
                    operator = self._text(each)
                case 5:
                    attributes.update([self._attribute(each)])
                case 7:
                    domain = self._text(each)
        return Node(at, operator, domain, tuple(inputs), tuple(outputs), attributes)

    def _attribute(self, whole: Field) -> tuple[str, int | tuple[int, ...] | None]:
        name, single, several, other = "", None, [], False
        for each in self._inside(whole):
            match each.number:
                case 1:
                    name = self._text(each)
                case 3:
                    single = self._whole(each)
                case 8:
                    several += self._wholes(each)
                case 2 | 4 | 5 | 6 | 7 | 9 | 10 | 11:
                    other = True
        if other:
            return name, None
        return name, tuple(several) if several else single

    def _weights(self, at: int, whole: Field) -> Weights:
        name, code, start, size, plain = "", 0, None, 0, True
        shape: list[int] = []
        for each in self._inside(whole):
            match each.number:
                case 1:
                    shape += self._wholes(each)
                case 2:
                    code = self._whole(each)
                case 4 | 9:
                    # Values in one piece: raw, or packed; an unpacked one has a field for each value.
                    plain &= start is None
                    start, size = each.start, each.stop - each.start
                case 8:
                    name = self._text(each)
                case 13 | 14:
                    plain = False
        count = math.prod(shape)
        is_float, is_whole = code == _FLOAT and size == 4 * count, code == _WHOLE and size == 8 * count
        return Weights(at, name, tuple(shape), start if plain and is_float else None, start if plain and is_whole else None)

    def _first_text(self, whole: Field) -> str:
        return next((self._text(each) for each in self._inside(whole) if each.number == 1), "")


@contextmanager
def opened_onnx(path: Path, name: str) -> Iterator[OnnxFile]:
    """Open a file for changes; `name` is its name in errors."""
    with opened(path, name) as data:
        yield OnnxFile(data, name)
