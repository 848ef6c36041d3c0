"""Read one matrix out of the weights of an ONNX file."""

from pathlib import Path

import numpy as np

from mien.errors import ModelMismatch
from mien.models.format.onnx_graph import Tensor
from mien.models.format.onnx_walk import read_graph
from mien.types import Floats


def find_matrix(content: Path | bytes, side: int = 512, name: str = "buff2fs", model: str = "the model") -> Floats:
    """Return a square matrix from the weights of an ONNX file, float32 (side, side): the one called `name`, else the last.

    inswapper keeps its embedding matrix this way. Only the matrix is read from the file; `model` is the name in errors.
    Raises `ModelMismatch` when there is none, and what `read_graph` raises.
    """
    square = [each for each in read_graph(content).initializers if each.dims == (side, side)]
    named = [each for each in square if each.name == name] or square[-1:]
    values = _values(content, named[-1]) if named else None
    if values is None or values.size != side * side or not np.isfinite(values).all():
        raise ModelMismatch(f"{model} holds no matrix of {side} x {side} numbers", "use the file of the catalogue")
    return values.reshape(side, side)


def _values(content: Path | bytes, tensor: Tensor) -> Floats | None:
    """Return the values of a float tensor, flat; None when they are not in one piece, or of another type."""
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
    """Decode packed varints of at most 21 bits: the form of float16 values that are not raw."""
    raw = np.frombuffer(data, np.uint8)
    ends = np.flatnonzero(raw < 0x80)
    starts = np.concatenate([[0], ends[:-1] + 1]) if len(ends) else ends
    values = np.zeros(len(ends), np.uint32)
    for place in range(3):
        at = starts + place
        inside = at <= ends
        values[inside] |= (raw[at[inside]].astype(np.uint32) & 0x7F) << np.uint32(7 * place)
    return values
