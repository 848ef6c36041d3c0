"""A walk over the bytes of an ONNX file: its graph, without its weights and without onnxruntime.

The onnx package would load the whole file, and believes what it reads; this walk steps over the weights and stops at the
first thing that no exporter writes. Field numbers and their meaning follow onnx.proto of ONNX 1.17.
"""

from pathlib import Path
from typing import NamedTuple

from mien.errors import ModelDamaged, ModelRefused
from mien.models.format.onnx_graph import DTYPES, Graph, Tensor
from mien.models.format.ports import Shape, TensorInfo
from mien.models.format.protobuf import DEFAULT_LIMITS, FRESH_COPY, Content, Field, FieldReader, WalkLimits, opened

_DATA_FIELDS = {4: "float", 5: "int32", 6: "string", 7: "int64", 9: "raw", 10: "double", 11: "uint64"}
"""Fields of a TensorProto that hold values."""
_FOREIGN = (
    (b"PK\x03\x04", "a zip archive or a PyTorch file", "unpack it first, or use the model's ONNX file"),
    (b"\x80\x02", "a Python pickle", "use the model's ONNX file; a pickle could run anything"),
    (b"\x80\x03", "a Python pickle", "use the model's ONNX file; a pickle could run anything"),
    (b"\x80\x04", "a Python pickle", "use the model's ONNX file; a pickle could run anything"),
    (b"\x89HDF", "an HDF5 file", "use the model's ONNX file"),
    (b"version https://git-lfs", "a pointer to a file that was not fetched", "fetch it with `git lfs pull`"),
    (b"<", "a web page", "the download went wrong: " + FRESH_COPY),
    (b"{", "a text file", FRESH_COPY),
)


def read_graph(content: Path | str | bytes, name: str = "", limits: WalkLimits = DEFAULT_LIMITS) -> Graph:
    """Return the graph of a file or its bytes; `name` is its name in errors.

    Raises `ModelMissing` (cannot be read), `ModelDamaged` (cut short, or not ONNX) or `ModelRefused` (too much of
    something to be read with bounded time and memory).
    """
    if isinstance(content, bytes):
        return _Walk(content, name or "the model", limits).model()
    with opened(Path(content), name or str(content)) as data:
        return _Walk(data, name or str(content), limits).model()


class _Body(NamedTuple):
    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]
    initializers: tuple[Tensor, ...]


class _Walk(FieldReader):
    """One pass over a file, which counts what it finds."""

    def __init__(self, data: Content, name: str, limits: WalkLimits = DEFAULT_LIMITS) -> None:
        super().__init__(data, name, limits)
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
                    self._check_count(len(opsets), self._limits.properties, "operator sets")
                    opsets.append(self._opset(field))
                case 14:
                    self._check_count(len(metadata), self._limits.properties, "notes")
                    metadata.append(self._property(field))
                case 25:
                    functions += 1
                    self._function(field)
        if version <= 0 or body is None or not opsets:
            raise self._damaged("it holds no graph, or is cut short")
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
            raise ModelDamaged(f"{self._name} is empty", FRESH_COPY)
        head = self._data[:64]
        for start, what, remedy in _FOREIGN:
            if head.startswith(start):
                raise ModelDamaged(f"{self._name} is not an ONNX file but {what}", remedy)
        if head[4:8] == b"ORTM":
            # onnxruntime would open it as its own format, whatever else it looks like, and this walk would have seen nothing.
            raise ModelRefused(f"{self._name} is in a format of onnxruntime's own", "use the model's ONNX file")

    def _graph(self, whole: Field, depth: int) -> _Body:
        self._check_count(depth, self._limits.depth + 1, "graphs within graphs")
        inputs: list[TensorInfo] = []
        outputs: list[TensorInfo] = []
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
                    limit = self._limits.tensors if field.number == 11 else self._limits.values
                    self._check_count(len(values), limit, "inputs or outputs")
                    values.append(self._tensor_info(field))
                case 15:
                    self._sparse = True
        return _Body(tuple(inputs), tuple(outputs), tuple(initializers))

    def _function(self, whole: Field) -> None:
        for field in self._inside(whole):
            if field.number == 7:
                self._node(field, 1)
            elif field.number == 11:
                self._attribute(field, 1)

    def _node(self, whole: Field, depth: int) -> None:
        self._nodes += 1
        self._check_count(self._nodes, self._limits.nodes + 1, "nodes")
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

    def _attribute(self, whole: Field, depth: int) -> None:
        single: Field | None = None
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

    def _tensor(self, whole: Field) -> Tensor:
        self._tensors += 1
        self._check_count(self._tensors, self._limits.tensors + 1, "tensors")
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
                    self._check_count(len(dims), self._limits.dimensions + 1, "dimensions")
                case 2:
                    code = self._whole(field)
                case 8:
                    name = self._text(field)
                case 13:
                    external = True
                case 14:
                    external |= self._whole(field) != 0
        return Tensor(name, tuple(dims), self._dtype(code), kind, start, stop, size, external)

    def _tensor_info(self, whole: Field) -> TensorInfo:
        name, kind = "", None
        for field in self._inside(whole):
            if field.number == 1:
                name = self._text(field)
            elif field.number == 2:
                self._once(kind)
                kind = self._type(field)
        shape, dtype = kind or ((), "nothing")
        return TensorInfo(name, shape, dtype)

    def _type(self, whole: Field) -> tuple[Shape, str]:
        """Return shape and type of a tensor; anything else has the type `other`."""
        found: tuple[Shape, str] | None = None
        for field in self._inside(whole):
            if field.number == 1:
                self._once(found)
                found = self._tensor_type(field)
        return found or ((), "other")

    def _tensor_type(self, whole: Field) -> tuple[Shape, str]:
        code, shape = 0, None
        for field in self._inside(whole):
            if field.number == 1:
                code = self._whole(field)
            elif field.number == 2:
                self._once(shape)
                shape = self._shape(field)
        return shape or (), self._dtype(code)

    def _shape(self, whole: Field) -> Shape:
        sizes: list[int | str | None] = []
        for dimension in self._inside(whole):
            if dimension.number != 1:
                continue
            self._check_count(len(sizes), self._limits.dimensions, "dimensions")
            size: int | str | None = None
            for field in self._inside(dimension):
                if field.number == 1:
                    size = self._whole(field)
                elif field.number == 2:
                    size = self._text(field) or None
            sizes.append(size)
        return tuple(sizes)

    def _opset(self, whole: Field) -> tuple[str, int]:
        domain, version = "", 0
        for field in self._inside(whole):
            if field.number == 1:
                domain = self._text(field)
            elif field.number == 2:
                version = self._whole(field)
        return domain, version

    def _property(self, whole: Field) -> tuple[str, str]:
        key = value = ""
        for field in self._inside(whole):
            if field.number == 1:
                key = self._text(field)
            elif field.number == 2:
                self._bytes(field)
                value = self._data[field.start : min(field.stop, field.start + self._limits.text_bytes)].decode(
                    "utf-8", "replace"
                )
        return key, value

    def _dtype(self, code: int) -> str:
        return DTYPES.get(code, (f"type {code}", 0))[0]
