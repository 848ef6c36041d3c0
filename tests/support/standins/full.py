"""inswapper_128 at full size with random weights: the layers of the public graph, so that speed is measured on equal work.

The table is what the ReSwapper project tells of the network; it sums up to the published 138.3 million parameters and 174.6
billion multiply-adds.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from mien.types import Array
from tests.support.standins.graph import mark
from tests.support.standins.stream import Weight, write_model

_LATENT = 512
_BLOCKS = 6
WIDTH = 1024
"""Channels in the middle of the real network."""


@dataclass(frozen=True, slots=True)
class Layer:
    """A convolution from `taken` to `given` channels, the result `side` pixels wide, and what comes after it.

    `reflects`: its border mirrors the picture. `grows`: its input is brought to double size first. `after` is `leaky`, `tanh`
    or, with a style out of the latent, `relu` or `add`.
    """

    name: str
    taken: int
    given: int
    kernel: int
    side: int
    stride: int = 1
    reflects: bool = False
    grows: bool = False
    after: str = "leaky"

    @property
    def styled(self) -> bool:
        return self.after in {"relu", "add"}

    @property
    def parameters(self) -> int:
        own = self.kernel**2 * self.taken * self.given + self.given
        return own + (2 * self.given * (_LATENT + 1) if self.styled else 0)

    @property
    def multiply_adds(self) -> int:
        own = self.side**2 * self.kernel**2 * self.taken * self.given
        return own + (2 * self.given * _LATENT if self.styled else 0)


def layers(width: int = WIDTH) -> tuple[Layer, ...]:
    """The network's table; a smaller `width` makes a slim one."""
    half, quarter, eighth = width // 2, width // 4, width // 8
    body = [
        Layer(f"block_{block}.{number}", width, width, 3, 32, reflects=True, after=after)
        for block in range(_BLOCKS)
        for number, after in enumerate(("relu", "add"))
    ]
    return (
        Layer("stem", 3, eighth, 7, 128, reflects=True),
        Layer("down_1", eighth, quarter, 3, 128),
        Layer("down_2", quarter, half, 3, 64, stride=2),
        Layer("down_3", half, width, 3, 32, stride=2),
        *body,
        Layer("up_1", width, half, 3, 64, grows=True),
        Layer("up_2", half, quarter, 3, 128, grows=True),
        Layer("up_3", quarter, eighth, 3, 128),
        Layer("head", eighth, 3, 7, 128, reflects=True, after="tanh"),
    )


def make_inswapper(path: Path, *, half: str = "", free_batch: bool = False, width: int = WIDTH, seed: int = 1) -> None:
    """Write the file. `half`: `weights` stores them as float16, `all` computes in float16, too; in and out stay float32."""
    assert half in {"", "weights", "all"}
    writer = _Writer(half)
    batch: int | str = "batch" if free_batch else 1
    taken = [("target", [batch, 3, 128, 128]), ("source", [batch, _LATENT])]
    picture, latent = (writer.narrow(name) for name, _ in taken)
    value, kept = picture, ""
    for layer in layers(width):
        if layer.after == "relu":
            kept = value
        value = _layer(writer, layer, value, latent, kept)
    value = writer.add("Mul", writer.add("Add", value, writer.number("one", 1.0)), writer.number("half", 0.5))
    writer.nodes.append(helper.make_node("Cast", [value], ["output"], to=TensorProto.FLOAT))
    matrix = Weight("buff2fs", (512, 512), lambda draw: _normal(draw, (512, 512), 512**-0.5), half=half != "", raw=half != "")
    graph = helper.make_graph(
        writer.nodes,
        "inswapper",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in taken],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, [batch, 3, 128, 128])],
        writer.constants,
    )
    model = mark(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=7))
    write_model(path, model, [*writer.weights, matrix], seed)


class _Writer:
    """Collects nodes, small constants and the weights that will be drawn."""

    def __init__(self, half: str) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.weights: list[Weight] = []
        self._half = half
        self._kind = np.float16 if half == "all" else np.float32

    @property
    def reckons_half(self) -> bool:
        return self._half == "all"

    def add(self, operator: str, *values: str, results: int = 1, **attributes: Any) -> str:
        """A node; gives the name of its first result, the others are called the same with their number."""
        first = f"value_{len(self.nodes)}"
        names = [first, *(f"{first}.{number}" for number in range(1, results))]
        self.nodes.append(helper.make_node(operator, list(values), names, **attributes))
        return first

    def narrow(self, name: str) -> str:
        """Return a float32 value in the type of the network's arithmetic."""
        return self.add("Cast", name, to=TensorProto.FLOAT16) if self._half == "all" else name

    def number(self, name: str, value: float) -> str:
        self._constant(name, np.array(value, self._kind))
        return name

    def whole(self, name: str, values: list[int]) -> str:
        self._constant(name, np.array(values, np.int64))
        return name

    def scales(self, name: str, values: list[int]) -> str:
        self._constant(name, np.array(values, np.float32))
        return name

    def _constant(self, name: str, value: Array) -> None:
        if all(each.name != name for each in self.constants):
            self.constants.append(numpy_helper.from_array(value, name))

    def weight(self, name: str, shape: tuple[int, ...], spread: float, mean: Array | float = 0.0) -> str:
        drawn = Weight(name, shape, lambda draw: _normal(draw, shape, spread) + np.asarray(mean, np.float32), self._half != "")
        self.weights.append(drawn)
        return self.add("Cast", name, to=TensorProto.FLOAT) if self._half == "weights" else name


def _layer(writer: _Writer, layer: Layer, value: str, latent: str, kept: str) -> str:
    reach = layer.kernel // 2
    if layer.grows:
        region, double = writer.scales("region", []), writer.scales("double", [1, 1, 2, 2])
        value = writer.add("Resize", value, region, double, mode="linear", coordinate_transformation_mode="half_pixel")
    if layer.reflects:
        pads = writer.whole(f"reach_{reach}", [0, 0, reach, reach] * 2)
        value = writer.add("Pad", value, pads, mode="reflect")
    # He 2015; the last one is kept small, so that the picture is not all black and white.
    spread = (0.2 if layer.after == "tanh" else 1.0) * float(np.sqrt(2 / (layer.kernel**2 * layer.taken)))
    value = writer.add(
        "Conv",
        value,
        writer.weight(f"{layer.name}.w", (layer.given, layer.taken, layer.kernel, layer.kernel), spread),
        writer.weight(f"{layer.name}.b", (layer.given,), 0.0),
        kernel_shape=[layer.kernel] * 2,
        strides=[layer.stride] * 2,
        pads=[0 if layer.reflects else reach] * 4,
    )
    if layer.styled:
        value = _styled(writer, layer, value, latent)
    if layer.after == "add":
        return writer.add("Add", kept, value)
    if layer.after == "leaky":
        return writer.add("LeakyRelu", value, alpha=0.2)
    return writer.add({"relu": "Relu", "tanh": "Tanh"}[layer.after], value)


def _styled(writer: _Writer, layer: Layer, value: str, latent: str) -> str:
    """Each channel brought to mean 0 and spread 1, then to what the latent says (AdaIN, Huang 2017)."""
    middle = writer.add("Sub", value, writer.add("ReduceMean", value, axes=[2, 3], keepdims=1))
    spread = writer.add("ReduceMean", writer.add("Mul", middle, middle), axes=[2, 3], keepdims=1)
    root = writer.add("Sqrt", writer.add("Add", spread, writer.number("least", 1e-7 if writer.reckons_half else 1e-8)))
    normal = writer.add("Div", middle, root)
    mean = np.repeat(np.array([1.0, 0.0]), layer.given)
    style = writer.add(
        "Gemm",
        latent,
        writer.weight(f"{layer.name}.style.w", (2 * layer.given, _LATENT), 0.3),
        writer.weight(f"{layer.name}.style.b", (2 * layer.given,), 0.0, mean),
        transB=1,
    )
    both = writer.add("Unsqueeze", style, axes=[2, 3])
    scale = writer.add("Split", both, results=2, axis=1, split=[layer.given] * 2)
    return writer.add("Add", writer.add("Mul", normal, scale), f"{scale}.1")


def _normal(draw: np.random.Generator, shape: tuple[int, ...], spread: float) -> Array:
    if spread == 0:
        return np.zeros(shape, np.float32)
    return draw.standard_normal(shape, np.float32) * np.float32(spread)
