"""3 x 3 convolutions as Winograd's minimal filtering, written with ordinary operators of ONNX (Lavin and Gray, 2016).

A tile of m x m outputs, m = 2 or 4, needs (m + 2)^2 multiplications for each pair of channels instead of 9 m^2: 2.25 and 4
times fewer. Tiles are brought into another basis, in which the convolution is one product of matrices for each of their
(m + 2)^2 places, and back. The weights, brought there beforehand, take 1.8 and 4 times the memory.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from mien.models.format.onnx_bytes import node, tensor
from mien.models.format.onnx_edit import Node, OnnxFile, Weights
from mien.types import Array, Floats

TILES = (2, 4)
"""Sides of a tile; at 6 the error in single precision grows tenfold."""
_WEIGHT_ROWS = 64  # output channels at a time: in double precision all of 1024 x 1024 channels would take 0.4 GB
_OPSET = 11  # from it on Pad, Slice and DepthToSpace take what is written here
_INTO = {
    2: ((1, 0, -1, 0), (0, 1, 1, 0), (0, -1, 1, 0), (0, 1, 0, -1)),
    4: ((4, 0, -5, 0, 1, 0), (0, -4, -4, 1, 1, 0), (0, 4, -4, -1, 1, 0), (0, -2, -1, 2, 1, 0), (0, 2, -1, -2, 1, 0),
        (0, 4, 0, -5, 0, 1)),
}  # fmt: skip
"""Matrices that bring a line of m + 2 inputs into the other basis; points 0, 1, -1 (2, -2) and infinity."""
_OF_WEIGHTS = {
    2: ((1, 0, 0), (0.5, 0.5, 0.5), (0.5, -0.5, 0.5), (0, 0, 1)),
    4: ((1 / 4, 0, 0), (-1 / 6, -1 / 6, -1 / 6), (-1 / 6, 1 / 6, -1 / 6), (1 / 24, 1 / 12, 1 / 6), (1 / 24, -1 / 12, 1 / 6),
        (0, 0, 1)),
}  # fmt: skip
_BACK = {
    2: ((1, 1, 1, 0), (0, 1, -1, -1)),
    4: ((1, 1, 1, 1, 1, 0), (0, 1, -1, 2, -2, 0), (0, 1, 1, 4, 4, 0), (0, 1, -1, 8, -8, 1)),
}


@dataclass(frozen=True, slots=True)
class Convolution:
    """A convolution that can be rewritten; `pads` are rows and columns of zeros: top, left, bottom, right."""

    node: Node
    weights: Weights
    bias: str | None
    pads: tuple[int, int, int, int]

    @classmethod
    def unpadded(cls, taken: str, given: str) -> "Convolution":
        """Return a convolution without a border and a bias, for trials."""
        plain = Node(0, "Conv", "", (taken, "weights"), (given,), {})
        return cls(plain, Weights(0, "weights", (), None), None, (0, 0, 0, 0))

    @property
    def taken(self) -> str:
        """Name of the picture of channels that it takes."""
        return self.node.inputs[0]


@dataclass(frozen=True, slots=True)
class Size:
    """Dimensions that decide the time of a convolution: channels in and out, and its input in pixels, padding included."""

    taken: int
    given: int
    height: int
    width: int

    def tiles(self, tile: int) -> tuple[int, int]:
        """Return the rows and columns of tiles that cover the output."""
        return -(-(self.height - 2) // tile), -(-(self.width - 2) // tile)

    def weight_bytes(self, tile: int) -> int:
        """Return the memory of the weights; a tile of 0 is the convolution as it is."""
        return 4 * self.taken * self.given * ((tile + 2) ** 2 if tile else 9)


def convolutions(file: OnnxFile) -> list[Convolution]:
    """Return the convolutions of a file that can be rewritten: 3 x 3, of step 1, in one group, with weights of their own."""
    if file.opset < _OPSET:
        return []
    uses = Counter(name for each in file.nodes for name in each.inputs)
    found = (_convolution(each, file, uses) for each in file.nodes)
    return [each for each in found if each is not None]


def _convolution(found: Node, file: OnnxFile, uses: Mapping[str, int]) -> Convolution | None:
    if found.operator != "Conv" or found.domain not in {"", "ai.onnx"} or len(found.inputs) < 2:
        return None
    attributes = {"kernel_shape": (3, 3), "strides": (1, 1), "dilations": (1, 1), "group": 1, "pads": (0, 0, 0, 0)}
    if not set(found.attributes) <= set(attributes):
        return None
    given = {**attributes, **found.attributes}
    weights = file.weights.get(found.inputs[1])
    if weights is None or weights.start is None or weights.shape[2:] != (3, 3) or uses[weights.name] != 1:
        return None
    # Old files name weights among the inputs, too: there they may be fed.
    if weights.name in file.inputs or weights.name in file.outputs:
        return None
    pads = given.pop("pads")
    plain = all(given[name] == attributes[name] for name in given)
    if not plain or not isinstance(pads, tuple) or len(pads) != 4 or min(pads) < 0:
        return None
    bias = found.inputs[2] if len(found.inputs) > 2 and found.inputs[2] else None
    return Convolution(found, weights, bias, (pads[0], pads[1], pads[2], pads[3]))


def weights_of(weights: Floats, tile: int) -> Floats:
    """Return weights, (given, taken, 3, 3), in the other basis: float32 ((tile + 2)^2, given, taken)."""
    line = np.array(_OF_WEIGHTS[tile])
    square = np.kron(line, line)
    given, taken = weights.shape[:2]
    moved = np.empty((len(square), given, taken), np.float32)
    for start in range(0, given, _WEIGHT_ROWS):
        rows = weights[start : start + _WEIGHT_ROWS].reshape(-1, 9).astype(np.float64)
        moved[:, start : start + _WEIGHT_ROWS] = (square @ rows.T).reshape(len(square), -1, taken)
    return moved


class Rewriter:
    """Writer of nodes for rewritten convolutions; it collects the small constants that they share."""

    def __init__(self) -> None:
        self._constants: dict[str, Array] = {}

    def tensors(self) -> list[bytes]:
        """Return the constants of all nodes written so far."""
        return [tensor(name, values) for name, values in self._constants.items()]

    def nodes(self, convolution: Convolution, size: Size, tile: int, weights: str) -> Iterator[bytes]:
        """Yield the nodes that replace a convolution of one picture; `weights` is the name of what `weights_of` returned."""
        name, result = convolution.node.outputs[0], f"{convolution.node.outputs[0]}/winograd"
        rows, columns = size.tiles(tile)
        yield from self._into_tiles(convolution, size, tile, result)
        places = (tile + 2) ** 2
        yield self._shaped(f"{result}/tiles", (places, size.taken * rows * columns), f"{result}/lines")
        yield node("MatMul", [self._square(_INTO, tile, "into"), f"{result}/lines"], [f"{result}/moved"])
        yield self._shaped(f"{result}/moved", (places, size.taken, rows * columns), f"{result}/matrices")
        yield node("MatMul", [weights, f"{result}/matrices"], [f"{result}/products"])
        yield self._shaped(f"{result}/products", (places, size.given * rows * columns), f"{result}/flat")
        yield node("MatMul", [self._square(_BACK, tile, "back"), f"{result}/flat"], [f"{result}/outputs"])
        yield self._shaped(f"{result}/outputs", (1, tile**2 * size.given, rows, columns), f"{result}/deep")
        yield from self._picture(convolution, size, tile, result, name)

    def _into_tiles(self, convolution: Convolution, size: Size, tile: int, result: str) -> Iterator[bytes]:
        """Yield the nodes that cut overlapping tiles: place in the tile first, then channel, then tile."""
        rows, columns = size.tiles(tile)
        top, left, bottom, right = convolution.pads
        more = (rows + 1) * tile - size.height, (columns + 1) * tile - size.width
        pads = self._numbers((0, 0, top, left, 0, 0, bottom + more[0], right + more[1]))
        yield node("Pad", [convolution.taken, pads], [f"{result}/padded"])
        yield node("SpaceToDepth", [f"{result}/padded"], [f"{result}/blocks"], blocksize=tile)
        yield self._shaped(f"{result}/blocks", (tile, tile, size.taken, rows + 1, columns + 1), f"{result}/apart")
        # A tile reaches two rows and two columns into its neighbours.
        halves = {"here": (0, tile, 0), "next": (0, 2, 1)}
        for down, (first, last, row) in halves.items():
            for across, (start, stop, column) in halves.items():
                bounds = (first, start, row, column), (last, stop, row + rows, column + columns), (0, 1, 3, 4)
                inputs = [f"{result}/apart", *(self._numbers(each) for each in bounds)]
                yield node("Slice", inputs, [f"{result}/{down}/{across}"])
            yield node("Concat", [f"{result}/{down}/{across}" for across in halves], [f"{result}/{down}"], axis=1)
        yield node("Concat", [f"{result}/{down}" for down in halves], [f"{result}/tiles"], axis=0)

    def _picture(self, convolution: Convolution, size: Size, tile: int, result: str, name: str) -> Iterator[bytes]:
        rows, columns = size.tiles(tile)
        cropped = (rows * tile, columns * tile) != (size.height - 2, size.width - 2)
        steps = ["DepthToSpace", *(["Slice"] if cropped else []), *(["Add"] if convolution.bias else [])]
        taken = f"{result}/deep"
        for step in steps:
            given = name if step == steps[-1] else f"{result}/{step}"
            if step == "DepthToSpace":
                yield node(step, [taken], [given], blocksize=tile, mode="DCR")
            elif step == "Slice":
                bounds = (0, 0), (size.height - 2, size.width - 2), (2, 3)
                yield node(step, [taken, *(self._numbers(each) for each in bounds)], [given])
            else:
                assert convolution.bias is not None
                yield self._shaped(convolution.bias, (1, size.given, 1, 1), f"{result}/bias")
                yield node(step, [taken, f"{result}/bias"], [given])
            taken = given

    def _shaped(self, taken: str, shape: tuple[int, ...], given: str) -> bytes:
        return node("Reshape", [taken, self._numbers(shape)], [given])

    def _numbers(self, values: tuple[int, ...]) -> str:
        return self._constant(f"winograd/{'_'.join(map(str, values))}", np.array(values, np.int64))

    def _square(self, matrices: Mapping[int, tuple[tuple[float, ...], ...]], tile: int, name: str) -> str:
        """Return the name of a matrix that works on both directions of a tile at once."""
        line = np.array(matrices[tile], np.float64)
        return self._constant(f"winograd/{name}_{tile}", np.kron(line, line).astype(np.float32))

    def _constant(self, name: str, values: Array) -> str:
        self._constants.setdefault(name, values)
        return name
