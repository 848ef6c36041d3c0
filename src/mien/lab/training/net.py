"""The harmonising network as a table of convolutions: one table for training (torch) and for the file (ONNX)."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch.nn import functional

from mien.swap.stages.harmonise import GRID, VIEW
from mien.types import Array

SLOPE = 0.1  # of the leaky rectifier
MAX_LOG_GAIN = 1.0  # natural logarithm: gains from 0.37 to 2.7
MAX_OFFSET_LEVELS = 40.0  # bounds what the network can change: it harmonises, it does not paint
Weights = Mapping[str, torch.Tensor]


@dataclass(frozen=True, slots=True)
class Step:
    """One 3 x 3 convolution: `result` from `inputs`, put side by side, the first brought to double size if `grows`."""

    result: str
    inputs: tuple[str, ...]
    channels: int
    stride: int = 1
    grows: bool = False


STEPS = (
    Step("a1", ("view",), 24, stride=2),
    Step("a2", ("a1",), 24),
    Step("b1", ("a2",), 48, stride=2),
    Step("b2", ("b1",), 48),
    Step("c1", ("b2",), 64, stride=2),
    Step("c2", ("c1",), 64),
    Step("d1", ("c2",), 96, stride=2),
    Step("d2", ("d1",), 96),
    Step("c3", ("d2", "c2"), 64, grows=True),
    Step("b3", ("c3", "b2"), 40, grows=True),
    Step("raw", ("b3",), 6),
)
"""A small U-Net: 64 x 64 in, down to 4 x 4, up to the 16 x 16 cells of the output."""
_INPUT = 7  # channels of the view: composed, target, mask


def fresh_weights(seed: int) -> dict[str, torch.Tensor]:
    """Return random weights (He 2015) that predict no change."""
    draw = np.random.default_rng(seed)
    channels = {"view": _INPUT}
    weights: dict[str, torch.Tensor] = {}
    for step in STEPS:
        fan = sum(channels[name] for name in step.inputs)
        channels[step.result] = step.channels
        spread = 0.0 if step.result == "raw" else np.sqrt(2 / (9 * fan))
        kernel = draw.normal(0, 1, (step.channels, fan, 3, 3)) * spread
        weights[f"{step.result}.w"] = torch.tensor(kernel, dtype=torch.float32)
        weights[f"{step.result}.b"] = torch.zeros(step.channels)
    return weights


def colours(view: torch.Tensor, weights: Weights) -> torch.Tensor:
    """Return gains and offsets (n, 6, 16, 16) for views (n, 7, 64, 64)."""
    values = {"view": view}
    for step in STEPS:
        parts = [values[name] for name in step.inputs]
        if step.grows:
            parts[0] = functional.interpolate(parts[0], scale_factor=2, mode="nearest")
        joined = torch.cat(parts, 1) if len(parts) > 1 else parts[0]
        made = functional.conv2d(
            joined, weights[f"{step.result}.w"], weights[f"{step.result}.b"], stride=step.stride, padding=1
        )
        values[step.result] = made if step.result == "raw" else functional.leaky_relu(made, SLOPE)
    bound = torch.tanh(values["raw"])
    return torch.cat([torch.exp(MAX_LOG_GAIN * bound[:, :3]), MAX_OFFSET_LEVELS * bound[:, 3:]], 1)


def multiply_adds() -> int:
    """Return the multiplications of one run; a test bounds them."""
    channels, sides, total = {"view": _INPUT}, {"view": VIEW}, 0
    for step in STEPS:
        side = sides[step.inputs[0]] * (2 if step.grows else 1) // step.stride
        total += side * side * 9 * step.channels * sum(channels[name] for name in step.inputs)
        channels[step.result], sides[step.result] = step.channels, side
    return total


def to_onnx(weights: Mapping[str, Array], notes: Mapping[str, str]) -> bytes:
    """Return the network as an ONNX file; `notes` become its metadata."""
    nodes, constants = [], [numpy_helper.from_array(array.astype(np.float32), name) for name, array in weights.items()]
    for name, value in (
        ("double", np.array([1, 1, 2, 2], np.float32)),
        ("most_gain", np.array(MAX_LOG_GAIN, np.float32)),
        ("most_offset", np.array(MAX_OFFSET_LEVELS, np.float32)),
    ):
        constants.append(numpy_helper.from_array(value, name))
    for step in STEPS:
        names = list(step.inputs)
        if step.grows:
            grown = f"{step.result}.grown"
            nodes.append(
                helper.make_node(
                    "Resize", [names[0], "", "double"], [grown], mode="nearest",
                    coordinate_transformation_mode="asymmetric", nearest_mode="floor",
                )
            )  # fmt: skip
            names[0] = grown
        if len(names) > 1:
            nodes.append(helper.make_node("Concat", names, [f"{step.result}.in"], axis=1))
            names = [f"{step.result}.in"]
        last = step.result == "raw"
        made = step.result if last else f"{step.result}.sum"
        nodes.append(
            helper.make_node(
                "Conv", [names[0], f"{step.result}.w", f"{step.result}.b"], [made],
                kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[step.stride, step.stride],
            )
        )  # fmt: skip
        if not last:
            nodes.append(helper.make_node("LeakyRelu", [made], [step.result], alpha=SLOPE))
    nodes += [
        helper.make_node("Tanh", ["raw"], ["bound"]),
        helper.make_node("Split", ["bound"], ["bound.gain", "bound.offset"], axis=1, num_outputs=2),
        helper.make_node("Mul", ["bound.gain", "most_gain"], ["log_gain"]),
        helper.make_node("Exp", ["log_gain"], ["gain"]),
        helper.make_node("Mul", ["bound.offset", "most_offset"], ["offset"]),
        helper.make_node("Concat", ["gain", "offset"], ["colours"], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "finish",
        [helper.make_tensor_value_info("view", TensorProto.FLOAT, [1, _INPUT, VIEW, VIEW])],
        [helper.make_tensor_value_info("colours", TensorProto.FLOAT, [1, 6, GRID, GRID])],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    helper.set_model_props(model, dict(notes))
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())
