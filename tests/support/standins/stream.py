"""Writes large ONNX files piece by piece, so that no more than one weight is ever in memory."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np
import onnx

from mien.types import Array

_GRAPH = 0x3A  # field 7 of ModelProto; all of these are fields of variable length
_INITIALIZER = 0x2A  # field 5 of GraphProto
_FLOAT_DATA = 0x22  # field 4 of TensorProto
_RAW_DATA = 0x4A  # field 9 of TensorProto


@dataclass(frozen=True, slots=True)
class Weight:
    """A weight that is drawn when it is written; `raw` = stored as bytes, else as a list of numbers (float32 only)."""

    name: str
    shape: tuple[int, ...]
    draw: Callable[[np.random.Generator], Array]
    half: bool = False
    raw: bool = True

    @property
    def size(self) -> int:
        """Bytes of its numbers."""
        return prod(self.shape) * (2 if self.half else 4)

    def head(self) -> bytes:
        """Bytes of the file before its numbers."""
        kind = onnx.TensorProto.FLOAT16 if self.half else onnx.TensorProto.FLOAT
        said = onnx.TensorProto(dims=self.shape, data_type=kind, name=self.name).SerializeToString()
        return bytes(said) + bytes([_RAW_DATA if self.raw else _FLOAT_DATA]) + _number(self.size)


def write_model(path: Path, model: onnx.ModelProto, weights: Sequence[Weight], seed: int) -> None:
    """Write `model`, whose graph has no weights, with `weights` as its initializers, in their order."""
    heads = [weight.head() for weight in weights]
    starts = [
        bytes([_INITIALIZER]) + _number(len(head) + weight.size) + head for head, weight in zip(heads, weights, strict=True)
    ]
    graph = model.graph.SerializeToString()
    rest = onnx.ModelProto()
    rest.CopyFrom(model)
    rest.ClearField("graph")
    length = len(graph) + sum(len(start) + weight.size for start, weight in zip(starts, weights, strict=True))
    draw = np.random.Generator(np.random.SFC64(seed))
    with path.open("wb") as file:
        file.write(rest.SerializeToString())
        file.write(bytes([_GRAPH]) + _number(length))
        file.write(graph)
        for start, weight in zip(starts, weights, strict=True):
            file.write(start)
            numbers = np.ascontiguousarray(weight.draw(draw), np.float16 if weight.half else np.float32)
            assert numbers.shape == weight.shape, weight.name
            file.write(numbers.data)


def _number(value: int) -> bytes:
    """A whole number as protobuf writes it."""
    written = bytearray()
    while value > 0x7F:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*written, value])
