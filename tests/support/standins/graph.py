"""Writes ONNX graphs, a node a line."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from mien.types import Array

MARK = "mien.standin"
"""Metadata key of files that are not real models."""
PRODUCER = "mien-standin"
Shape = Sequence[int | str]
_TYPES = {"float32": TensorProto.FLOAT, "float16": TensorProto.FLOAT16, "float64": TensorProto.DOUBLE}


class Graph:
    """A graph that grows node by node; values are known by their names.

    `half_weights` stores the weights as float16 and widens them again, as the common converters do that leave the rest alone.
    """

    def __init__(self, *, half_weights: bool = False) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self._half_weights = half_weights
        self._inputs: list[onnx.ValueInfoProto] = []
        self._outputs: list[onnx.ValueInfoProto] = []

    def take(self, name: str, shape: Shape, dtype: str = "float32") -> str:
        """An input; what it gives is float32 whatever its type."""
        self._inputs.append(helper.make_tensor_value_info(name, _TYPES[dtype], list(shape)))
        return name if dtype == "float32" else self.add("Cast", name, to=TensorProto.FLOAT)

    def give(self, name: str, value: str, shape: Shape, dtype: str = "float32") -> None:
        """An output out of a float32 value."""
        self._outputs.append(helper.make_tensor_value_info(name, _TYPES[dtype], list(shape)))
        self.nodes.append(helper.make_node("Cast", [value], [name], to=_TYPES[dtype]))

    def add(self, operator: str, *values: str | float | Array, **attributes: Any) -> str:
        """A node with one result, the name of which it returns; numbers and arrays become weights."""
        names = [value if isinstance(value, str) else self.weight(value) for value in values]
        result = f"value_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, names, [result], **attributes))
        return result

    def weight(self, value: float | Array, name: str = "") -> str:
        """Add a constant; any but whole numbers become float32."""
        array = np.asarray(value)
        name = name or f"weight_{len(self.weights)}"
        if array.dtype.kind != "f":
            self.weights.append(numpy_helper.from_array(array, name))
            return name
        halved = self._half_weights and array.size > 1
        self.weights.append(numpy_helper.from_array(array.astype(np.float16 if halved else np.float32), name))
        return self.add("Cast", name, to=TensorProto.FLOAT) if halved else name

    def built(self, name: str, opset: int) -> onnx.ModelProto:
        """The model, marked as a stand-in and checked."""
        graph = helper.make_graph(self.nodes, name, self._inputs, self._outputs, self.weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=7)
        onnx.checker.check_model(mark(model))
        return model


def mark(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same model, marked as a stand-in."""
    model.producer_name = PRODUCER
    helper.set_model_props(model, {MARK: "1"})
    return model
