"""The contents of an ONNX file without its weights: inputs, outputs, operators, tensors."""

from dataclasses import dataclass

from mien.models.format.ports import TensorInfo

STANDIN_KEY = "mien.standin"
"""Metadata key of a file with random weights that stands in for a real model."""
STANDIN_PRODUCER = "mien-standin"

DTYPES = {
    1: ("float32", 4), 2: ("uint8", 1), 3: ("int8", 1), 4: ("uint16", 2), 5: ("int16", 2), 6: ("int32", 4), 7: ("int64", 8),
    8: ("string", 0), 9: ("bool", 1), 10: ("float16", 2), 11: ("float64", 8), 12: ("uint32", 4), 13: ("uint64", 8),
    14: ("complex64", 8), 15: ("complex128", 16), 16: ("bfloat16", 2), 17: ("float8e4m3fn", 1), 18: ("float8e4m3fnuz", 1),
    19: ("float8e5m2", 1), 20: ("float8e5m2fnuz", 1), 21: ("uint4", 0.5), 22: ("int4", 0.5), 23: ("float4e2m1", 0.5),
}  # fmt: skip
"""Name and bytes a value of each TensorProto.DataType; a string has any length."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """Weights in the file: bytes `start` to `stop`, stored as `kind` (`raw`, `float`, `int32`...), `size` bytes in all.

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
    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]
    nodes: int
    operators: frozenset[tuple[str, str]]
    initializers: tuple[Tensor, ...]
    constants: tuple[Tensor, ...]
    functions: int
    sparse: bool
    bytes: int

    @property
    def standin(self) -> bool:
        """True for a file that declares its weights to be random."""
        return self.producer == STANDIN_PRODUCER or any(key == STANDIN_KEY for key, _ in self.metadata)
