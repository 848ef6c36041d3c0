"""PReLU written as ReLU and scalings: what a network computes must stay the same to the last bit."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from mien.lab.training.prelu import without_prelu
from mien.models.format.onnx_walk import read_graph
from mien.models.library.store import Store
from mien.models.runtime.onnx_session import OnnxSession
from mien.types import Array


def _network(channels: int, seed: int = 3) -> bytes:
    """Return a network as the face mesh is made: convolutions, sums around them, pooling, and channels put behind it."""
    draw = np.random.default_rng(seed)
    tensors: list[onnx.TensorProto] = []

    def constant(name: str, values: Array) -> str:
        tensors.append(numpy_helper.from_array(values, name))
        return name

    def weights(name: str, *shape: int) -> str:
        return constant(name, draw.normal(0, 0.4, shape).astype(np.float32))

    wide = 2 * channels
    pads = constant("pads", np.array([0, 0, 0, 0, 0, channels, 0, 0], np.int64))
    nodes = [
        helper.make_node("Conv", ["x", weights("w1", channels, 3, 3, 3)], ["a"], pads=[1, 1, 1, 1]),
        helper.make_node("PRelu", ["a", weights("s1", channels, 1, 1)], ["b"]),
        helper.make_node("Conv", ["b", weights("w2", channels, channels, 1, 1)], ["c"]),
        helper.make_node("Add", ["b", "c"], ["d"]),
        helper.make_node("PRelu", ["d", weights("s2", channels, 1, 1)], ["e"]),
        helper.make_node("MaxPool", ["e"], ["f"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Pad", ["f", pads], ["g"]),
        helper.make_node("Conv", ["e", weights("w3", wide, channels, 2, 2)], ["h"], strides=[2, 2]),
        helper.make_node("Add", ["g", "h"], ["i"]),
        helper.make_node("PRelu", ["i", weights("s3", wide, 1, 1)], ["y"]),
    ]
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in (
        ("x", [1, 3, 16, 16]), ("y", [1, wide, 8, 8]))]  # fmt: skip
    graph = helper.make_graph(nodes, "small", ports[:1], ports[1:], tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(model.SerializeToString())


def _operators(content: bytes) -> list[str]:
    return [node.op_type for node in onnx.load_from_string(content).graph.node]


@pytest.mark.parametrize("channels", [16, 48])
def test_a_network_computes_the_same_to_the_last_bit(channels: int) -> None:
    old = _network(channels)
    new = without_prelu(old)
    assert "PRelu" not in _operators(new)
    assert "Pad" not in _operators(new)
    draw = np.random.default_rng(0)
    with OnnxSession("old", old) as before, OnnxSession("new", new) as after:
        for _ in range(3):
            picture = draw.normal(0, 1, (1, 3, 16, 16)).astype(np.float32)
            expected, found = before.run({"x": picture})["y"], after.run({"x": picture})["y"]
            assert (expected < 0).any()
            assert np.array_equal(found, expected)


def test_channels_that_fill_no_block_stay_as_they_are() -> None:
    # The last layer of a network of 8 channels has 16, and is rewritten; two others stay.
    assert _operators(without_prelu(_network(8))).count("PRelu") == 2


def test_the_bundled_face_mesh_was_written_so() -> None:
    content = Store().read("face_mesh_478")
    assert "PRelu" not in {name for _, name in read_graph(content).operators}
    assert without_prelu(content) == content
