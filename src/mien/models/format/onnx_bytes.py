"""Parts of an ONNX file as bytes: nodes, tensors and names of outputs. Field numbers follow onnx.proto of ONNX 1.17."""

from collections.abc import Sequence

import numpy as np

from mien.types import Array

_VARINT, _BYTES = 0, 2  # wire types of protobuf
_INT, _STRING, _INTS = 2, 3, 7  # AttributeProto.AttributeType
_IR_VERSION = 8  # of ONNX 1.10: every onnxruntime that mien allows reads it
_TYPES = {"float32": 1, "int64": 7}


def varint(value: int) -> bytes:
    """Return a whole number, which must not be negative, as protobuf writes it."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def head(number: int, length: int) -> bytes:
    """Return the beginning of a field that holds `length` bytes."""
    return varint(number << 3 | _BYTES) + varint(length)


def field(number: int, value: int | str | bytes) -> bytes:
    """Return a whole field."""
    if isinstance(value, int):
        return varint(number << 3 | _VARINT) + varint(value)
    content = value.encode() if isinstance(value, str) else value
    return head(number, len(content)) + content


def node(operator: str, inputs: Sequence[str], outputs: Sequence[str], **attributes: int | str | Sequence[int]) -> bytes:
    """Return a NodeProto, named after its first output."""
    parts = [field(1, each) for each in inputs] + [field(2, each) for each in outputs]
    parts += [field(3, outputs[0]), field(4, operator)]
    parts += [field(5, _attribute(name, value)) for name, value in attributes.items()]
    return b"".join(parts)


def _attribute(name: str, value: int | str | Sequence[int]) -> bytes:
    if isinstance(value, int):
        return field(1, name) + field(3, value) + field(20, _INT)
    if isinstance(value, str):
        return field(1, name) + field(4, value) + field(20, _STRING)
    return field(1, name) + b"".join(field(8, each) for each in value) + field(20, _INTS)


def tensor(name: str, values: Array) -> bytes:
    """Return a TensorProto with its values, float32 or int64."""
    data = values.astype(values.dtype.newbyteorder("<"), copy=False)
    return _tensor(name, values.shape, values.dtype.name) + field(9, data.tobytes())


def outside_tensor(name: str, shape: Sequence[int], file: str, offset: int) -> bytes:
    """Return a TensorProto of float32 whose values lie in another file of the same folder, from a byte on."""
    length = 4 * int(np.prod(shape))
    places = {"location": file, "offset": str(offset), "length": str(length)}
    external = b"".join(field(13, field(1, key) + field(2, value)) for key, value in places.items())
    return _tensor(name, shape, "float32") + external + field(14, 1)


def _tensor(name: str, shape: Sequence[int], dtype: str) -> bytes:
    return b"".join(field(1, size) for size in shape) + field(2, _TYPES[dtype]) + field(8, name)


def model(nodes: Sequence[bytes], tensors: Sequence[bytes], taken: tuple[str, Sequence[int]], given: str, opset: int) -> bytes:
    """Return a whole file that makes the output `given` of the float32 input `taken`, a name and a shape."""
    name, shape = taken
    sizes = b"".join(field(1, field(1, size)) for size in shape)
    kind = field(1, field(1, _TYPES["float32"]) + field(2, sizes))
    parts = [*(field(1, each) for each in nodes), field(2, "graph"), *(field(5, each) for each in tensors)]
    graph = b"".join([*parts, field(11, field(1, name) + field(2, kind)), field(12, output(given))])
    return field(1, _IR_VERSION) + field(7, graph) + field(8, field(2, opset))


def output(name: str) -> bytes:
    """Return the ValueInfoProto of an output whose type follows from its node."""
    return field(1, name)
