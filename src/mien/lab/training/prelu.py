"""PReLU of an ONNX file written as ReLU and scalings of channels, which onnxruntime computes in the layout of its convolutions.

PReLU itself it computes in the plain layout only: in the face mesh that takes 45 % of the time, and bringing every picture of
channels there and back another 10 %. The values stay the same to the last bit: of max(x, 0) and slope * min(x, 0) one is 0.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import onnx
from onnx import helper, numpy_helper

from mien.types import Array

CHANNEL_BLOCK = 16  # channels that onnxruntime keeps side by side on processors with AVX-512, 8 on others; fewer are left alone


@dataclass(slots=True)
class _Rewriter:
    """One graph: its constants, the node that makes each value, and the number of nodes that use it."""

    graph: onnx.GraphProto
    constants: dict[str, Array]
    channels: dict[str, int]
    makers: dict[str, onnx.NodeProto]
    uses: Counter[str]
    added: dict[str, onnx.TensorProto] = field(default_factory=dict)

    def nodes(self) -> Iterator[onnx.NodeProto]:
        """Yield the nodes of the new graph, in order."""
        doubled = {node.input[0] for node in self.graph.node if self._is_split(node) and self._is_residual(node.input[0])}
        for node in self.graph.node:
            if self._is_split(node):
                yield from self._split(node, doubled=node.input[0] in doubled)
            elif self._is_widening(node):
                yield self._widened(node)
            elif not doubled.intersection(node.output):
                yield node

    def _is_split(self, node: onnx.NodeProto) -> bool:
        channels = self.channels.get(node.input[0], 0) if node.op_type == "PRelu" else 0
        slope = self.constants.get(node.input[1]) if channels else None
        return slope is not None and slope.size == channels and channels % CHANNEL_BLOCK == 0

    def _is_residual(self, name: str) -> bool:
        """Return True for a sum that nothing but its PReLU uses, and whose order of additions must stay as it was.

        Left alone, onnxruntime would add within the convolution, which rounds otherwise. It did so before where a pooling came
        straight from the layout of the convolutions.
        """
        node = self.makers.get(name)
        if node is None or node.op_type != "Add" or self.uses[name] > 1:
            return False
        makers = [self.makers[each].op_type if each in self.makers else "" for each in node.input]
        return "MaxPool" not in makers and not any(each in self.constants for each in node.input)

    def _split(self, node: onnx.NodeProto, *, doubled: bool) -> Iterator[onnx.NodeProto]:
        """Yield max(x, 0) + slope * min(x, 0); x is summed twice where it is `doubled`, so that it stays a sum of its own."""
        x, name = node.input[0], node.output[0]
        channels, low = self.channels[x], x
        if doubled:
            first, second = self.makers[x].input
            x, low = f"{name}/x", f"{name}/low"
            yield helper.make_node("Add", [first, second], [x], x)
            yield helper.make_node("Add", [second, first], [low], low)
        slope = self.constants[node.input[1]].reshape(channels, 1, 1, 1)
        minus = self._constant(f"minus_{channels}", -np.ones_like(slope))
        yield helper.make_node("Relu", [x], [f"{name}/positive"], f"{name}/positive")
        yield _scaled([low, minus], f"{name}/turned", channels)
        yield helper.make_node("Relu", [f"{name}/turned"], [f"{name}/negative"], f"{name}/negative")
        taken = [f"{name}/negative", self._constant(f"{name}/slope", -slope)]
        yield _scaled(taken, f"{name}/scaled", channels)
        yield helper.make_node("Add", [f"{name}/scaled", f"{name}/positive"], [name], name)

    def _is_widening(self, node: onnx.NodeProto) -> bool:
        """Return True for empty channels that are put behind those of a pooling."""
        pads = self.constants.get(node.input[1]) if node.op_type == "Pad" and len(node.input) == 2 else None
        made_by = self.makers.get(node.input[0]) if node.input else None
        return (
            pads is not None
            and len(pads) == 8
            and not np.delete(pads, 5).any()
            and made_by is not None
            and made_by.op_type == "MaxPool"
            and self.channels.get(node.output[0], 0) % CHANNEL_BLOCK == 0
        )

    def _widened(self, node: onnx.NodeProto) -> onnx.NodeProto:
        wide = self.channels[node.output[0]]
        narrow = wide - int(self.constants[node.input[1]][5])
        eye = self._constant(f"widen_{narrow}_{wide}", np.eye(wide, narrow, dtype=np.float32).reshape(wide, narrow, 1, 1))
        return helper.make_node("Conv", [node.input[0], eye], list(node.output), node.output[0], kernel_shape=[1, 1])

    def _constant(self, name: str, values: Array) -> str:
        self.added.setdefault(name, numpy_helper.from_array(np.ascontiguousarray(values, np.float32), name))
        return name


def _scaled(taken: list[str], name: str, channels: int) -> onnx.NodeProto:
    """Return the node that multiplies each channel by a constant."""
    return helper.make_node("Conv", taken, [name], name, group=channels, kernel_shape=[1, 1])


def without_prelu(content: bytes) -> bytes:
    """Return an ONNX file that computes the same without PReLU of whole blocks of channels."""
    model = onnx.load_from_string(content)
    graph = model.graph
    constants = {each.name: numpy_helper.to_array(each) for each in graph.initializer}
    shapes = onnx.shape_inference.infer_shapes(model).graph.value_info
    dimensions = {each.name: each.type.tensor_type.shape.dim for each in shapes}
    channels = {name: int(found[1].dim_value) for name, found in dimensions.items() if len(found) == 4}
    makers = {name: node for node in graph.node for name in node.output}
    uses = Counter(name for node in graph.node for name in node.input)
    uses.update(each.name for each in graph.output)
    rewriter = _Rewriter(graph, constants, channels, makers, uses)
    nodes = list(rewriter.nodes())
    used = {name for node in nodes for name in node.input}
    tensors = [each for each in (*graph.initializer, *rewriter.added.values()) if each.name in used]
    for content_of, values in ((graph.node, nodes), (graph.initializer, tensors)):
        kept = [type(each).FromString(each.SerializeToString()) for each in values]
        del content_of[:]
        content_of.extend(kept)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())
