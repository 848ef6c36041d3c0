"""PReLU of an ONNX file written as ReLU and scalings of channels, which onnxruntime computes in the layout of its convolutions.

PReLU itself it computes in the plain layout only: in the face mesh that takes 45 % of the time, and bringing every picture of
channels there and back another 10 %. With the slopes `down` below and `up` above 0, a PReLU is down * x + ReLU((up - down) * x)
where up is the larger one: two steps, for the ReLU is fused with its scaling, and the sum with the other. Where down is larger,
the channel is kept with the opposite sign, which the convolutions that read it take back; if others read it, three steps
remain. Sums before a PReLU are added within the convolution. The values stay the same but for rounding.
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
    """One graph: its constants, the channels of each value, its maker, and the nodes that read it; None = an output."""

    graph: onnx.GraphProto
    constants: dict[str, Array]
    channels: dict[str, int]
    makers: dict[str, onnx.NodeProto]
    readers: dict[str, list[onnx.NodeProto | None]]
    signs: dict[str, Array] = field(default_factory=dict)
    """Sign, 1 or -1, with which each channel of the output of a PReLU is kept, by name."""
    added: dict[str, onnx.TensorProto] = field(default_factory=dict)

    def nodes(self) -> Iterator[onnx.NodeProto]:
        """Yield the nodes of the new graph, in order."""
        for node in self.graph.node:
            if self._is_split(node):
                down, up = self._slopes(node)
                may_turn = all(self._takes_signs(reader, node.output[0]) for reader in self.readers[node.output[0]])
                self.signs[node.output[0]] = np.where(may_turn & (up < down), np.float32(-1), np.float32(1))
        for node in self.graph.node:
            if self._is_split(node):
                yield from self._split(node)
            elif self._is_widening(node):
                yield self._widened(node)
            elif node.op_type == "Conv":
                yield self._signed(node)
            else:
                yield node

    def _is_split(self, node: onnx.NodeProto | None) -> bool:
        channels = self.channels.get(node.input[0], 0) if node is not None and node.op_type == "PRelu" else 0
        slope = None if node is None or not channels else self.constants.get(node.input[1])
        return slope is not None and slope.size == channels and channels % CHANNEL_BLOCK == 0

    def _takes_signs(self, reader: onnx.NodeProto | None, name: str) -> bool:
        """Return True for a convolution, and for a sum with a convolution that a PReLU alone reads."""
        if reader is None:
            return False
        if reader.op_type == "Conv":
            return self._is_constant(reader) and reader.input[0] == name
        after = self.readers[reader.output[0]]
        other = [each for each in reader.input if each != name]
        return (
            reader.op_type == "Add"
            and len(after) == len(other) == 1
            and self._is_split(after[0])
            and self._is_own_convolution(other[0])
        )

    def _is_own_convolution(self, name: str) -> bool:
        maker = self.makers.get(name)
        return maker is not None and maker.op_type == "Conv" and self._is_constant(maker) and len(self.readers[name]) == 1

    def _is_constant(self, convolution: onnx.NodeProto) -> bool:
        return all(each in self.constants for each in convolution.input[1:])

    def _signs_of_sum(self, name: str) -> Array | None:
        """Return the signs with which the other summand is kept where `name` is a sum; None where all are 1."""
        maker = self.makers.get(name)
        found = [] if maker is None or maker.op_type != "Add" else [each for each in maker.input if each in self.signs]
        return self.signs[found[0]] if found else None

    def _slopes(self, node: onnx.NodeProto) -> tuple[Array, Array]:
        """Return the slopes of a PReLU below and above 0 of its input as it is kept."""
        slope = self.constants[node.input[1]].ravel()
        sign = self._signs_of_sum(node.input[0])
        turned = np.zeros_like(slope, bool) if sign is None else sign < 0
        return np.where(turned, np.float32(-1), slope), np.where(turned, -slope, np.float32(1))

    def _split(self, node: onnx.NodeProto) -> Iterator[onnx.NodeProto]:
        x, name, sign = node.input[0], node.output[0], self.signs[node.output[0]]
        down, up = (sign * each for each in self._slopes(node))
        if (up >= down).all():
            yield self._scaled(x, up - down, f"{name}/steeper")
            yield helper.make_node("Relu", [f"{name}/steeper"], [f"{name}/bend"], f"{name}/bend")
        else:
            yield helper.make_node("Relu", [x], [f"{name}/positive"], f"{name}/positive")
            yield self._scaled(f"{name}/positive", up - down, f"{name}/bend")
        yield self._scaled(x, down, f"{name}/line")
        yield helper.make_node("Add", [f"{name}/line", f"{name}/bend"], [name], name)

    def _signed(self, node: onnx.NodeProto) -> onnx.NodeProto:
        """Return a convolution that takes the signs of its input back, and gives those of the sum to which it is added."""
        taken = self.signs.get(node.input[0])
        reader = next(iter(self.readers[node.output[0]]), None)
        given = self._signs_of_sum(reader.output[0]) if reader is not None and reader.op_type == "Add" else None
        if not any(each is not None and (each < 0).any() for each in (taken, given)):
            return node
        weights, bias = ([self.constants[each] for each in node.input[1:]] + [None])[:2]
        assert weights is not None
        if taken is not None:
            alone = weights.shape[1] == 1 and len(taken) > 1
            weights = (
                weights * (np.repeat(taken, len(weights) // len(taken))[:, None] if alone else taken[None])[:, :, None, None]
            )
        if given is not None:
            weights, bias = weights * given[:, None, None, None], None if bias is None else bias * given
        inputs = [node.input[0], self._constant(f"{node.output[0]}/weights", weights)]
        if bias is not None:
            inputs.append(self._constant(f"{node.output[0]}/bias", bias))
        signed = onnx.NodeProto()
        signed.CopyFrom(node)
        del signed.input[:]
        signed.input.extend(inputs)
        return signed

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

    def _scaled(self, taken: str, scale: Array, name: str) -> onnx.NodeProto:
        """Return the node that multiplies each channel by a constant."""
        weights = self._constant(f"{name}/scale", scale.reshape(-1, 1, 1, 1))
        return helper.make_node("Conv", [taken, weights], [name], name, group=scale.size, kernel_shape=[1, 1])

    def _constant(self, name: str, values: Array) -> str:
        self.added.setdefault(name, numpy_helper.from_array(np.ascontiguousarray(values, np.float32), name))
        return name


def without_prelu(content: bytes) -> bytes:
    """Return an ONNX file that computes the same, but for rounding, without PReLU of whole blocks of channels."""
    model = onnx.load_from_string(content)
    graph = model.graph
    constants = {each.name: numpy_helper.to_array(each) for each in graph.initializer}
    shapes = onnx.shape_inference.infer_shapes(model).graph.value_info
    dimensions = {each.name: each.type.tensor_type.shape.dim for each in shapes}
    channels = {name: int(found[1].dim_value) for name, found in dimensions.items() if len(found) == 4}
    makers = {name: node for node in graph.node for name in node.output}
    readers: dict[str, list[onnx.NodeProto | None]] = {name: [] for name in makers}
    for node in graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    for each in graph.output:
        readers[each.name].append(None)
    rewriter = _Rewriter(graph, constants, channels, makers, readers)
    nodes = list(rewriter.nodes())
    used = Counter(name for node in nodes for name in node.input)
    tensors = [each for each in (*graph.initializer, *rewriter.added.values()) if used[each.name]]
    for content_of, values in ((graph.node, nodes), (graph.initializer, tensors)):
        kept = [type(each).FromString(each.SerializeToString()) for each in values]
        del content_of[:]
        content_of.extend(kept)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())
