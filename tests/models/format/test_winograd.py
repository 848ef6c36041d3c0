"""Rewritten convolutions against onnxruntime's own."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from mien.models.format.onnx_edit import Edit, OnnxFile
from mien.models.format.winograd import Rewriter, Size, convolutions, weights_of
from mien.models.runtime.onnx_session import OnnxSession
from mien.types import Array

CHANNELS, GIVEN = 5, 10


def _model(height: int, width: int, *, opset: int = 11, bias: bool = False, shared: bool = False, **attributes: Any) -> bytes:
    """A convolution between two other nodes, with metadata; `attributes` are those of the convolution."""
    draw = np.random.default_rng(1)
    group = attributes.get("group", 1)
    kernel = attributes.get("kernel_shape", [3, 3])
    weights = draw.standard_normal((GIVEN, CHANNELS // group, *kernel), np.float32)
    tensors = [numpy_helper.from_array(weights, "weights"), numpy_helper.from_array(np.arange(GIVEN, dtype=np.float32), "bias")]
    taken = ["inner", "weights", *(["bias"] if bias else [])]
    nodes = [
        helper.make_node("Relu", ["picture"], ["inner"]),
        helper.make_node("Conv", taken, ["outer"], **attributes),
        helper.make_node("Neg", ["outer"], ["result"]),
    ]
    if shared:
        nodes.append(helper.make_node("Identity", ["weights"], ["again"]))
    outputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, list("bchw"))
        for name in ["result", *(["again"] if shared else [])]
    ]
    taken_shape = helper.make_tensor_value_info("picture", TensorProto.FLOAT, [1, CHANNELS, height, width])
    graph = helper.make_graph(nodes, "graph", [taken_shape], outputs, tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=7)
    helper.set_model_props(model, {"kept": "word for word"})
    return bytes(model.SerializeToString())


def _rewritten(content: bytes, size: Size, tile: int) -> bytes:
    file, rewriter = OnnxFile(content, "test"), Rewriter()
    (found,) = convolutions(file)
    nodes = list(rewriter.nodes(found, size, tile, "moved"))
    values = numpy_helper.from_array(weights_of(file.values(found.weights), tile), "moved").SerializeToString()
    target = io.BytesIO()
    edit = Edit({found.node.at: nodes}, frozenset([found.weights.at]), (), [values, *rewriter.tensors()])
    file.write(edit, target)
    return target.getvalue()


def _run(content: bytes, picture: Array) -> Array:
    with OnnxSession("test", content) as session:
        return session.run({"picture": picture})["result"]


@pytest.mark.parametrize("tile", [2, 4])
@pytest.mark.parametrize(
    ("height", "width", "pads", "bias"),
    [(8, 8, (1, 1, 1, 1), False), (11, 6, (0, 0, 0, 0), True), (3, 3, (0, 0, 0, 0), False), (9, 17, (2, 0, 1, 3), True)],
)
def test_the_values_are_those_of_the_convolution(
    tile: int, height: int, width: int, pads: tuple[int, int, int, int], bias: bool
) -> None:
    content = _model(height, width, bias=bias, kernel_shape=[3, 3], pads=list(pads))
    size = Size(CHANNELS, GIVEN, height + pads[0] + pads[2], width + pads[1] + pads[3])
    picture = np.random.default_rng(2).standard_normal((1, CHANNELS, height, width), np.float32)
    changed = _rewritten(content, size, tile)
    onnx.checker.check_model(onnx.load_from_string(changed))
    wanted, found = _run(content, picture), _run(changed, picture)
    assert found.shape == wanted.shape
    assert np.abs(found - wanted).max() < 1e-4 * np.ptp(wanted)


def test_all_else_stays_as_it_was() -> None:
    content = _model(8, 8, kernel_shape=[3, 3])
    before, after = onnx.load_from_string(content), onnx.load_from_string(_rewritten(content, Size(CHANNELS, GIVEN, 8, 8), 4))
    assert "Conv" not in {node.op_type for node in after.graph.node}
    assert after.graph.initializer[0].name == "bias"
    for part in ("input", "output"):
        assert getattr(after.graph, part) == getattr(before.graph, part)
    assert after.metadata_props == before.metadata_props
    assert after.opset_import == before.opset_import
    target = io.BytesIO()
    OnnxFile(content, "test").write(Edit({}, frozenset()), target)
    assert target.getvalue() == content


@pytest.mark.parametrize(
    "attributes",
    [
        {"strides": [2, 2]},
        {"dilations": [2, 2]},
        {"auto_pad": "SAME_UPPER"},
        {"kernel_shape": [1, 1]},
        {"group": 5},
        {"opset": 10},
        {"shared": True},
    ],
    ids=str,
)
def test_what_is_left_as_it_is(attributes: dict[str, Any]) -> None:
    content = _model(8, 8, **attributes)
    assert convolutions(OnnxFile(content, "test")) == []


@pytest.mark.parametrize("kind", [np.float16, np.float64])
def test_weights_of_other_types_are_left(kind: type) -> None:
    model = onnx.load_from_string(_model(8, 8))
    model.graph.initializer[0].CopyFrom(
        numpy_helper.from_array(numpy_helper.to_array(model.graph.initializer[0]).astype(kind), "weights")
    )
    assert convolutions(OnnxFile(model.SerializeToString(), "test")) == []


def test_weights_in_the_field_for_floats_are_read(tmp_path: Path) -> None:
    model = onnx.load_from_string(_model(8, 8))
    values = numpy_helper.to_array(model.graph.initializer[0])
    model.graph.initializer[0].CopyFrom(helper.make_tensor("weights", TensorProto.FLOAT, values.shape, values.ravel().tolist()))
    file = OnnxFile(model.SerializeToString(), "test")
    (found,) = convolutions(file)
    assert np.array_equal(file.values(found.weights), values)
