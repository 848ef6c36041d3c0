"""The parser's network, a small U-Net, and its ONNX file."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn
from torch.nn import functional

from mien.models.format.parsing import SIDE, FaceClass
from mien.types import Array

_CLASSES = len(FaceClass)
_DOWN = (16, 32, 64, 112)
"""Channels at a half, a quarter, an eighth and a sixteenth of the crop."""
_DEEP = (2, 2, 3, 3)  # convolutions at each of them
_UP = (64, 32, 16)  # channels on the way up, at an eighth, a quarter and a half
_MAX_SINGLE = 64  # values of a constant; a larger one is stored as float16


class Block(nn.Module):
    """A convolution with batch normalisation and a rectifier."""

    def __init__(self, inputs: int, outputs: int, side: int = 3, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, side, stride, 1, bias=False)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """Return the values (n, outputs, h, w)."""
        return functional.relu(self.norm(self.conv(values)), inplace=True)

    def folded(self) -> tuple[Array, Array]:
        """Return weights and bias of one convolution that includes the normalisation."""
        norm = self.norm
        scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
        bias = norm.bias - norm.running_mean * scale
        weights = self.conv.weight * scale[:, None, None, None]
        return weights.detach().numpy().astype(np.float32), bias.detach().numpy().astype(np.float32)


class ParserNetwork(nn.Module):
    """A U-Net whose last step brings the classes from half to full size by shuffling pixels."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.ModuleList()
        last = 3
        for number, (channels, deep) in enumerate(zip(_DOWN, _DEEP, strict=True)):
            first = Block(last, channels, 4, 2) if number == 0 else Block(last, channels, 3, 2)
            self.down.append(nn.ModuleList([first, *(Block(channels, channels) for _ in range(deep - 1))]))
            last = channels
        self.up = nn.ModuleList()
        for channels, skip in zip(_UP, _DOWN[-2::-1], strict=True):
            self.up.append(Block(last + skip, channels))
            last = channels
        self.out = nn.Conv2d(last, 4 * _CLASSES, 1)

    def forward(self, crop: torch.Tensor) -> torch.Tensor:
        """Return logits (n, classes, h, w) for RGB (n, 3, h, w), 0..1."""
        values, kept = crop * 2 - 1, []
        for step in self.down:
            for block in step:
                values = block(values)
            kept.append(values)
        for block, skip in zip(self.up, kept[-2::-1], strict=True):
            wide = functional.interpolate(values, scale_factor=2, mode="nearest")
            values = block(torch.cat([wide, skip], 1))
        return functional.pixel_shuffle(self.out(values), 2)


class _Graph:
    """Nodes and constants of an ONNX graph in the making."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, name: str, value: Array) -> str:
        """Add a constant; large ones are stored as float16 and cast when the file is opened."""
        if value.dtype == np.float32 and value.size > _MAX_SINGLE:
            self.constants.append(numpy_helper.from_array(value.astype(np.float16), f"{name}.half"))
            self.nodes.append(helper.make_node("Cast", [f"{name}.half"], [name], to=TensorProto.FLOAT))
        else:
            self.constants.append(numpy_helper.from_array(value, name))
        return name

    def add(self, kind: str, inputs: list[str], result: str, **attributes: Any) -> str:
        """Add a node and return the name of its result."""
        self.nodes.append(helper.make_node(kind, inputs, [result], **attributes))
        return result

    def block(self, name: str, block: Block, values: str) -> str:
        """Add a block as one convolution and its rectifier."""
        weights, bias = block.folded()
        side, stride = weights.shape[2], block.conv.stride[0]
        inputs = [values, self.constant(f"{name}.w", weights), self.constant(f"{name}.b", bias)]
        self.add("Conv", inputs, f"{name}.sum", kernel_shape=[side, side], pads=[1, 1, 1, 1], strides=[stride, stride])
        return self.add("Relu", [f"{name}.sum"], name)


def to_onnx(network: ParserNetwork, notes: Mapping[str, str]) -> bytes:
    """Return the network as an ONNX file: `crop` float32 [n,3,96,96] in, `logits` [n,4*classes,48,48] out.

    `ParserNet` makes the shares of the classes of them, faster than the runtime's own operators.
    """
    network.eval()
    graph = _Graph()
    two, one = (graph.constant(name, np.array([value], np.float32)) for name, value in (("two", 2), ("one", 1)))
    values = graph.add("Sub", [graph.add("Mul", ["crop", two], "doubled"), one], "centred")
    kept = []
    for number, step in enumerate(network.down):
        for place, block in enumerate(step):
            values = graph.block(f"down{number}.{place}", block, values)
        kept.append(values)
    scales = graph.constant("scales", np.array([1, 1, 2, 2], np.float32))
    for number, (block, skip) in enumerate(zip(network.up, kept[-2::-1], strict=True)):
        resize = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
        wide = graph.add("Resize", [values, "", scales], f"up{number}.wide", **resize)
        joined = graph.add("Concat", [wide, skip], f"up{number}.in", axis=1)
        values = graph.block(f"up{number}", block, joined)
    weights, bias = (each.detach().numpy() for each in (network.out.weight, network.out.bias))
    inputs = [values, graph.constant("out.w", weights), graph.constant("out.b", bias)]
    graph.add("Conv", inputs, "logits", kernel_shape=[1, 1])
    shapes = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", planes, side, side])
        for name, planes, side in (("crop", 3, SIDE), ("logits", 4 * _CLASSES, SIDE // 2))
    ]
    made = helper.make_graph(graph.nodes, "parser", [shapes[0]], [shapes[1]], graph.constants)
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    helper.set_model_props(model, dict(notes))
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())
