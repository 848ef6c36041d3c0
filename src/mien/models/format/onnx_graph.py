"""What an ONNX file says of itself, read without loading its weights and without onnxruntime, and whether that is harmless.

The format is protobuf's: fields of a number, a wire type and a value; a field may hold further fields. Numbers and their
meaning follow onnx.proto of ONNX 1.17.
"""

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple, TypeAlias, overload

import numpy as np

from mien.errors import ModelDamaged, ModelMismatch, ModelMissing, ModelRefused
from mien.models.format.ports import Shape, Slot
from mien.types import Floats

STANDIN_KEY = "mien.standin"
"""The metadata of a file with random weights that stands in for a real model has this key."""
STANDIN_PRODUCER = "mien-standin"

# The onnx package would load the whole file, and believes what it reads; this walk steps over the weights and stops at the
# first thing that no exporter writes. It reads a piece at a time: a mapping of the file would end the whole program when
# another one makes the file shorter meanwhile.
_Content: TypeAlias = "bytes | _Pieces"
_PIECE = 1 << 16

_MAX_FIELDS = 500_000
_MAX_NODES = 100_000
_MAX_TENSORS = 50_000
_MAX_VALUES = 1_000
_MAX_PROPERTIES = 1_000
_MAX_DIMENSIONS = 64
_MAX_DEPTH = 8
"""Graphs within graphs: the bodies of If, Loop and Scan."""
_MAX_TEXT = 4_096
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5

_DTYPES = {
    1: ("float32", 4), 2: ("uint8", 1), 3: ("int8", 1), 4: ("uint16", 2), 5: ("int16", 2), 6: ("int32", 4), 7: ("int64", 8),
    8: ("string", 0), 9: ("bool", 1), 10: ("float16", 2), 11: ("float64", 8), 12: ("uint32", 4), 13: ("uint64", 8),
    14: ("complex64", 8), 15: ("complex128", 16), 16: ("bfloat16", 2), 17: ("float8e4m3fn", 1), 18: ("float8e4m3fnuz", 1),
    19: ("float8e5m2", 1), 20: ("float8e5m2fnuz", 1), 21: ("uint4", 0.5), 22: ("int4", 0.5), 23: ("float4e2m1", 0.5),
}  # fmt: skip
"""Name and bytes a value of each TensorProto.DataType; a string has any length."""
_SIZES = dict(_DTYPES.values())
_DATA_FIELDS = {4: "float", 5: "int32", 6: "string", 7: "int64", 9: "raw", 10: "double", 11: "uint64"}
"""The fields of a TensorProto that hold values."""

_NEW_FILE = "get the file anew from where it came from"
_FOREIGN = (
    (b"PK\x03\x04", "a zip archive or a PyTorch file", "unpack it first, or use the model's ONNX file"),
    (b"\x80\x02", "a Python pickle", "use the model's ONNX file; a pickle could run anything"),
    (b"\x80\x03", "a Python pickle", "use the model's ONNX file; a pickle could run anything"),
    (b"\x80\x04", "a Python pickle", "use the model's ONNX file; a pickle could run anything"),
    (b"\x89HDF", "an HDF5 file", "use the model's ONNX file"),
    (b"version https://git-lfs", "a pointer to a file that was not fetched", "fetch it with `git lfs pull`"),
    (b"<", "a web page", "the download went wrong: " + _NEW_FILE),
    (b"{", "a text file", _NEW_FILE),
)


@dataclass(frozen=True, slots=True)
class Tensor:
    """Weights in the file: bytes `start` to `stop`, written as `kind` (`raw`, `float`, `int32`...), `size` bytes in all.

    `start` and `stop` are those of the last piece; they hold everything when they are `size` apart.
    """

    name: str
    dims: tuple[int, ...]
    dtype: str
    kind: str
    start: int
    stop: int
    size: int
    external: bool


@dataclass(frozen=True, slots=True)
class Graph:
    """An ONNX file without its weights.

    `inputs` are those that must be fed. `operators` are (domain, name) of all nodes, those of subgraphs and functions
    included. `initializers` are the weights of the main graph in their order, `constants` all other tensors. `functions`
    counts operators that the file defines itself. Metadata values are cut after 4096 bytes.
    """

    ir_version: int
    producer: str
    opsets: tuple[tuple[str, int], ...]
    metadata: tuple[tuple[str, str], ...]
    inputs: tuple[Slot, ...]
    outputs: tuple[Slot, ...]
    nodes: int
    operators: frozenset[tuple[str, str]]
    initializers: tuple[Tensor, ...]
    constants: tuple[Tensor, ...]
    functions: int
    sparse: bool
    bytes: int

    @property
    def standin(self) -> bool:
        """Whether it says of itself that its weights are random."""
        return self.producer == STANDIN_PRODUCER or any(key == STANDIN_KEY for key, _ in self.metadata)


def read_graph(content: Path | str | bytes, name: str = "") -> Graph:
    """Walk over a file or its bytes; `name` is what errors call it.

    Raises `ModelMissing` (cannot be read), `ModelDamaged` (cut short, or no ONNX at all) or `ModelRefused` (too much of
    something to be read with bounded time and memory).
    """
    if isinstance(content, bytes):
        return _Walk(content, name or "the model").model()
    with _opened(Path(content), name or str(content)) as data:
        return _Walk(data, name or str(content)).model()


def check_safe(model_id: str, graph: Graph) -> None:
    """Refuse what no public model needs and what could read files, run foreign code or eat the memory.

    Raises `ModelRefused` that says what was found.
    """
    for why in _dangers(graph):
        raise ModelRefused(f"{model_id} is refused: {why}", "use the file of the catalogue, or one that its maker vouches for")


def find_matrix(content: Path | bytes, side: int = 512, name: str = "buff2fs", model: str = "the model") -> Floats:
    """The square matrix among the weights of an ONNX file, float32 (side, side): the one called `name`, else the last.

    Of a file no more than the matrix is read. `model` is what errors call it.

    The identity matrix of inswapper is one. Raises `ModelMismatch` when there is none, and what `read_graph` raises.
    """
    square = [each for each in read_graph(content).initializers if each.dims == (side, side)]
    named = [each for each in square if each.name == name] or square[-1:]
    values = _values(content, named[-1]) if named else None
    if values is None or values.size != side * side or not np.isfinite(values).all():
        raise ModelMismatch(f"{model} holds no matrix of {side} x {side} numbers", "use the file of the catalogue")
    return values.reshape(side, side)


def _values(content: Path | bytes, tensor: Tensor) -> Floats | None:
    """The values of a float tensor, flat; None when they are not all in one piece, or of another type."""
    if tensor.external or tensor.stop - tensor.start != tensor.size:
        return None
    data = _piece(content, tensor.start, tensor.stop)
    match tensor.kind, tensor.dtype:
        case (("raw" | "float"), "float32"):
            kind = "<f4"
        case "raw", "float16":
            kind = "<f2"
        case "int32", "float16":
            return _varints(data).astype(np.uint16).view(np.float16).astype(np.float32)
        case _:
            return None
    return np.frombuffer(data[: len(data) // int(kind[2]) * int(kind[2])], kind).astype(np.float32)


def _piece(content: Path | bytes, start: int, stop: int) -> bytes:
    if isinstance(content, bytes):
        return content[start:stop]
    with content.open("rb") as file:
        file.seek(start)
        return file.read(stop - start)


def _varints(data: bytes) -> np.ndarray[tuple[int, ...], np.dtype[np.uint32]]:
    """Packed varints of at most 21 bits: what ONNX makes of float16 that is not raw."""
    raw = np.frombuffer(data, np.uint8)
    ends = np.flatnonzero(raw < 0x80)
    starts = np.concatenate([[0], ends[:-1] + 1]) if len(ends) else ends
    values = np.zeros(len(ends), np.uint32)
    for place in range(3):
        at = starts + place
        inside = at <= ends
        values[inside] |= (raw[at[inside]].astype(np.uint32) & 0x7F) << np.uint32(7 * place)
    return values


# What is refused

_DOMAINS = frozenset({"", "ai.onnx", "ai.onnx.ml"})
_MICROSOFT = "com.microsoft"
_FUSED = (
    "Attention BiasAdd BiasGelu BiasSoftmax BiasSplitGelu DequantizeLinear DynamicQuantizeLSTM DynamicQuantizeMatMul "
    "FastGelu FusedConv FusedGemm FusedMatMul FusedMatMulActivation Gelu GemmFastGelu GridSample GroupNorm Inverse "
    "MatMulIntegerToFloat MatMulNBits MultiHeadAttention NhwcConv NhwcFusedConv NhwcMaxPool Pad QAttention QGemm QLinearAdd "
    "QLinearAveragePool QLinearConcat QLinearConv QLinearGlobalAveragePool QLinearLeakyRelu QLinearMul QLinearReduceMean "
    "QLinearSigmoid QLinearSoftmax QLinearWhere QuantizeLinear QuickGelu SimplifiedLayerNormalization SkipGroupNorm "
    "SkipLayerNormalization SkipSimplifiedLayerNormalization TransposeMatMul"
)
"""What onnxruntime's own optimiser and quantiser write; EPContext, PythonOp and others load programs from files."""
_MOST_VALUES = 2**31
_MOST_PORTS = 64


def _dangers(graph: Graph) -> Iterator[str]:
    fused = frozenset(_FUSED.split())
    for domain, operator in sorted(graph.operators):
        if domain not in _DOMAINS and (domain != _MICROSOFT or operator not in fused):
            yield f"it uses the operator {operator!r} of {domain!r}, which is not one of ONNX"
        elif operator == "Loop":
            # onnxruntime lets nobody interrupt it.
            yield "it uses the operator 'Loop', which need not come to an end"
    if graph.functions:
        yield f"it defines {graph.functions} operators of its own"
    if graph.sparse:
        yield "it holds sparse weights, which can become many times as large as the file"
    if len(graph.inputs) > _MOST_PORTS or len(graph.outputs) > _MOST_PORTS:
        yield f"it has {len(graph.inputs)} inputs and {len(graph.outputs)} outputs"
    for port in (*graph.inputs, *graph.outputs):
        sizes = [size for size in port.shape if isinstance(size, int)]
        if any(size < 0 for size in sizes) or math.prod(sizes) > _MOST_VALUES:
            yield f"{port.name!r} has the absurd shape {sizes}"
    for tensor in (*graph.initializers, *graph.constants):
        if tensor.external:
            yield f"the weights {tensor.name!r} lie in another file"
        count = math.prod(tensor.dims)
        if any(size < 0 for size in tensor.dims) or count > _MOST_VALUES:
            yield f"the weights {tensor.name!r} have the absurd shape {list(tensor.dims)}"
        # Not raw, a value takes a byte at least.
        least = math.ceil(count * _SIZES.get(tensor.dtype, 1)) if tensor.kind == "raw" else count
        if least > tensor.size:
            yield f"the weights {tensor.name!r} have the shape {list(tensor.dims)}, but only {tensor.size} bytes in the file"


# The walk


class _Field(NamedTuple):
    """`start` and `stop` are where its bytes lie; `value` is that of a varint."""

    number: int
    wire: int
    start: int
    stop: int
    value: int


class _Pieces:
    """The bytes of a file, of which a piece is held; raises `EOFError` when the file has become shorter than `size`."""

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
            self._start, self._piece = key, self._read(key, min(_PIECE, self._size - key))
        return self._piece[key - self._start]

    def _read(self, start: int, count: int) -> bytes:
        self._file.seek(start)
        found = self._file.read(count)
        if len(found) < count:
            raise EOFError
        return found


@contextmanager
def _opened(path: Path, name: str) -> Iterator[_Pieces]:
    try:
        # Before it is opened: opening a pipe would wait for its other end.
        if not path.is_file():
            raise ModelMissing(f"{name} is no file", "check the name")
        with path.open("rb", buffering=0) as file:
            yield _Pieces(file, os.fstat(file.fileno()).st_size)
    except EOFError as error:
        raise ModelDamaged(f"{name} became shorter while it was read", "try again when nothing writes to it") from error
    except OSError as error:
        raise ModelMissing(f"cannot read {name}: {error.strerror}", "check the name and who may read it") from error


class _Walk:
    """Goes once over the file and keeps count."""

    def __init__(self, data: _Content, name: str) -> None:
        self._data = data
        self._name = name
        self._fields = 0
        self._nodes = 0
        self._tensors = 0
        self._sparse = False
        self._operators: set[tuple[str, str]] = set()
        self._constants: list[Tensor] = []

    def model(self) -> Graph:
        self._recognise()
        version, functions, producer = 0, 0, ""
        opsets: list[tuple[str, int]] = []
        metadata: list[tuple[str, str]] = []
        body: _Body | None = None
        for field in self._walk(0, len(self._data)):
            match field.number:
                case 1:
                    version = self._whole(field)
                case 2:
                    producer = self._text(field)
                case 7:
                    self._once(body)
                    body = self._graph(field, 1)
                case 8:
                    self._limit(len(opsets), _MAX_PROPERTIES, "operator sets")
                    opsets.append(self._opset(field))
                case 14:
                    self._limit(len(metadata), _MAX_PROPERTIES, "notes")
                    metadata.append(self._property(field))
                case 25:
                    functions += 1
                    self._function(field)
        if version <= 0 or body is None or not opsets:
            raise self._damaged("it holds no graph, or ends before its time")
        names = {tensor.name for tensor in body.initializers}
        return Graph(
            version,
            producer,
            tuple(opsets),
            tuple(metadata),
            tuple(port for port in body.inputs if port.name not in names),
            body.outputs,
            self._nodes,
            frozenset(self._operators),
            body.initializers,
            tuple(self._constants),
            functions,
            self._sparse,
            len(self._data),
        )

    def _recognise(self) -> None:
        if len(self._data) == 0:
            raise ModelDamaged(f"{self._name} is empty", _NEW_FILE)
        head = self._data[:64]
        for start, what, remedy in _FOREIGN:
            if head.startswith(start):
                raise ModelDamaged(f"{self._name} is no ONNX file but {what}", remedy)
        if head[4:8] == b"ORTM":
            # onnxruntime would take it for its own format, whatever else it looks like, and this walk would have seen nothing.
            raise ModelRefused(f"{self._name} is in a format of onnxruntime's own", "use the model's ONNX file")

    def _graph(self, whole: _Field, depth: int) -> "_Body":
        self._limit(depth, _MAX_DEPTH + 1, "graphs within graphs")
        inputs: list[Slot] = []
        outputs: list[Slot] = []
        initializers: list[Tensor] = []
        for field in self._inside(whole):
            match field.number:
                case 1:
                    self._node(field, depth)
                case 5:
                    initializers.append(self._tensor(field))
                case 11 | 12:
                    values = inputs if field.number == 11 else outputs
                    # Old files list all weights among the inputs.
                    self._limit(len(values), _MAX_TENSORS if field.number == 11 else _MAX_VALUES, "inputs or outputs")
                    values.append(self._slot(field))
                case 15:
                    self._sparse = True
        return _Body(tuple(inputs), tuple(outputs), tuple(initializers))

    def _function(self, whole: _Field) -> None:
        for field in self._inside(whole):
            if field.number == 7:
                self._node(field, 1)
            elif field.number == 11:
                self._attribute(field, 1)

    def _node(self, whole: _Field, depth: int) -> None:
        self._nodes += 1
        self._limit(self._nodes, _MAX_NODES + 1, "nodes")
        operator = domain = ""
        for field in self._inside(whole):
            match field.number:
                case 4:
                    operator = self._text(field)
                case 5:
                    self._attribute(field, depth)
                case 7:
                    domain = self._text(field)
        self._operators.add((domain, operator))

    def _attribute(self, whole: _Field, depth: int) -> None:
        single: _Field | None = None
        for field in self._inside(whole):
            match field.number:
                case 5 | 6 | 10 | 11:
                    if field.number in {5, 6}:
                        self._once(single)
                        single = field
                    if field.number in {5, 10}:
                        self._constants.append(self._tensor(field))
                    else:
                        self._constants.extend(self._graph(field, depth + 1).initializers)
                case 22 | 23:
                    self._sparse = True

    def _tensor(self, whole: _Field) -> Tensor:
        self._tensors += 1
        self._limit(self._tensors, _MAX_TENSORS + 1, "tensors")
        name, code, external = "", 0, False
        dims: list[int] = []
        kind, start, stop, size = "none", 0, 0, 0
        for field in self._inside(whole):
            if field.number in _DATA_FIELDS:
                kind, start, stop = _DATA_FIELDS[field.number], field.start, field.stop
                # Even an empty string has its length in the file.
                size += stop - start + (kind == "string")
                continue
            match field.number:
                case 1:
                    dims.extend(self._wholes(field))
                    self._limit(len(dims), _MAX_DIMENSIONS + 1, "dimensions")
                case 2:
                    code = self._whole(field)
                case 8:
                    name = self._text(field)
                case 13:
                    external = True
                case 14:
                    external |= self._whole(field) != 0
        return Tensor(name, tuple(dims), self._dtype(code), kind, start, stop, size, external)

    def _slot(self, whole: _Field) -> Slot:
        name, kind = "", None
        for field in self._inside(whole):
            if field.number == 1:
                name = self._text(field)
            elif field.number == 2:
                self._once(kind)
                kind = self._type(field)
        shape, dtype = kind or ((), "nothing")
        return Slot(name, shape, dtype)

    def _type(self, whole: _Field) -> tuple[Shape, str]:
        """Shape and type of a tensor; what is no tensor has the type `other`."""
        found: tuple[Shape, str] | None = None
        for field in self._inside(whole):
            if field.number == 1:
                self._once(found)
                found = self._tensor_type(field)
        return found or ((), "other")

    def _tensor_type(self, whole: _Field) -> tuple[Shape, str]:
        code, shape = 0, None
        for field in self._inside(whole):
            if field.number == 1:
                code = self._whole(field)
            elif field.number == 2:
                self._once(shape)
                shape = self._shape(field)
        return shape or (), self._dtype(code)

    def _shape(self, whole: _Field) -> Shape:
        sizes: list[int | str | None] = []
        for dimension in self._inside(whole):
            if dimension.number != 1:
                continue
            self._limit(len(sizes), _MAX_DIMENSIONS, "dimensions")
            size: int | str | None = None
            for field in self._inside(dimension):
                if field.number == 1:
                    size = self._whole(field)
                elif field.number == 2:
                    size = self._text(field) or None
            sizes.append(size)
        return tuple(sizes)

    def _opset(self, whole: _Field) -> tuple[str, int]:
        domain, version = "", 0
        for field in self._inside(whole):
            if field.number == 1:
                domain = self._text(field)
            elif field.number == 2:
                version = self._whole(field)
        return domain, version

    def _property(self, whole: _Field) -> tuple[str, str]:
        key = value = ""
        for field in self._inside(whole):
            if field.number == 1:
                key = self._text(field)
            elif field.number == 2:
                self._bytes(field)
                value = self._data[field.start : min(field.stop, field.start + _MAX_TEXT)].decode("utf-8", "replace")
        return key, value

    def _dtype(self, code: int) -> str:
        return _DTYPES.get(code, (f"type {code}", 0))[0]

    # Fields

    def _inside(self, field: _Field) -> Iterator[_Field]:
        self._bytes(field)
        return self._walk(field.start, field.stop)

    def _walk(self, at: int, end: int) -> Iterator[_Field]:
        while at < end:
            self._fields += 1
            if self._fields > _MAX_FIELDS:
                raise self._too_much("parts", _MAX_FIELDS)
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
                raise self._damaged("something in it is longer than the rest of the file")
            if not 0 < number < 1 << 29:
                raise self._damaged(f"there is no field with the number {number}")
            yield _Field(number, wire, start, at, value)

    def _varint(self, at: int, end: int) -> tuple[int, int]:
        value = shift = 0
        while at < end and shift < 70:
            byte = self._data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value & 0xFFFF_FFFF_FFFF_FFFF, at
            shift += 7
        raise self._damaged("a number in it does not end")

    def _whole(self, field: _Field) -> int:
        if field.wire != _VARINT:
            raise self._damaged("something in it should be a number")
        return _signed(field.value)

    def _wholes(self, field: _Field) -> list[int]:
        """One number, or several packed."""
        if field.wire != _BYTES:
            return [self._whole(field)]
        values: list[int] = []
        at = field.start
        while at < field.stop:
            self._limit(len(values), _MAX_DIMENSIONS, "dimensions")
            value, at = self._varint(at, field.stop)
            values.append(_signed(value))
        return values

    def _bytes(self, field: _Field) -> None:
        if field.wire != _BYTES:
            raise self._damaged("a number stands where parts should be")

    def _text(self, field: _Field) -> str:
        self._bytes(field)
        self._limit(field.stop - field.start, _MAX_TEXT + 1, "bytes in one name")
        try:
            return self._data[field.start : field.stop].decode("utf-8")
        except UnicodeDecodeError:
            raise self._damaged("a name in it is no text") from None

    def _once(self, before: object) -> None:
        if before is not None:
            raise self._damaged("it says something twice that can be said once only")

    def _limit(self, count: int, limit: int, what: str) -> None:
        """`count` is how many there are before another one."""
        if count >= limit:
            raise self._too_much(what, limit)

    def _too_much(self, what: str, limit: int) -> ModelRefused:
        return ModelRefused(f"{self._name} has {limit:,} {what} or more", "no known model is like that: " + _NEW_FILE)

    def _damaged(self, why: str) -> ModelDamaged:
        return ModelDamaged(f"{self._name} is damaged, or no ONNX file: {why}", _NEW_FILE)


class _Body(NamedTuple):
    inputs: tuple[Slot, ...]
    outputs: tuple[Slot, ...]
    initializers: tuple[Tensor, ...]


def _signed(value: int) -> int:
    """The int64 that a varint stands for."""
    return value - (1 << 64) if value >> 63 else value
