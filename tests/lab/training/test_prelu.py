"""PReLU written as ReLU and scalings: what a network computes must stay the same but for rounding."""

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
        helper.make_node("PRelu", ["i", weights("s3", wide, 1, 1)], ["j"]),
        helper.make_node("Conv", ["j", weights("w4", wide, 1, 3, 3), weights("b4", wide)], ["k"], pads=[1] * 4, group=wide),
        helper.make_node("Conv", ["k", weights("w5", wide, wide, 1, 1), weights("b5", wide)], ["l"]),
        helper.make_node("Add", ["l", "j"], ["m"]),
        helper.make_node("PRelu", ["m", weights("s4", wide, 1, 1)], ["n"]),
        helper.make_node("Conv", ["n", weights("w6", wide, 1, 3, 3)], ["o"], pads=[1] * 4, group=wide, name="last"),
        helper.make_node("PRelu", ["o", weights("s5", wide, 1, 1)], ["y"]),
    ]
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in (
        ("x", [1, 3, 16, 16]), ("y", [1, wide, 8, 8]))]  # fmt: skip
    graph = helper.make_graph(nodes, "small", ports[:1], ports[1:], tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(model.SerializeToString())


def _operators(content: bytes) -> list[str]:
    return [node.op_type for node in onnx.load_from_string(content).graph.node]


def _pictures(content: bytes, count: int = 3) -> list[Array]:
    draw = np.random.default_rng(0)
    with OnnxSession("one", content) as session:
        return [session.run({"x": draw.normal(0, 1, (1, 3, 16, 16)).astype(np.float32)})["y"] for _ in range(count)]


def _scales(content: bytes) -> dict[str, Array]:
    """Return the scalings of channels by the end of their names: how a PReLU was written."""
    tensors = onnx.load_from_string(content).graph.initializer
    return {each.name.removesuffix("/scale"): numpy_helper.to_array(each) for each in tensors if each.name.endswith("/scale")}


@pytest.mark.parametrize("channels", [16, 48])
@pytest.mark.parametrize("seed", [3, 4, 5])
def test_a_network_computes_the_same(channels: int, seed: int) -> None:
    old = _network(channels, seed)
    new = without_prelu(old)
    assert "PRelu" not in _operators(new)
    assert "Pad" not in _operators(new)
    for expected, found in zip(_pictures(old), _pictures(new), strict=True):
        assert (expected < 0).any()
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4 * float(np.abs(expected).max()))


def test_channels_turn_where_convolutions_alone_read_them() -> None:
    """The slopes are drawn from both sides of 1, so that every layer has channels that bend down."""
    draws = np.random.default_rng(3)
    old = _network(16)
    model = onnx.load_from_string(old)
    for each in model.graph.initializer:
        if each.name.startswith("s"):
            slopes = draws.choice([-0.5, 0.2, 1.5, 3.0], tuple(each.dims)).astype(np.float32)
            each.CopyFrom(numpy_helper.from_array(slopes, each.name))
    content = model.SerializeToString()
    new = without_prelu(content)
    scales = _scales(new)
    # A pooling reads e, and y is the output: their channels keep their sign, in three steps.
    assert {name for name in scales if name.endswith("/bend")} == {"e/bend", "y/bend"}
    assert {name for name in scales if name.endswith("/steeper")} == {"b/steeper", "j/steeper", "n/steeper"}
    assert all((scales[name] >= 0).all() for name in scales if name.endswith("/steeper"))
    for expected, found in zip(_pictures(content), _pictures(new), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4 * float(np.abs(expected).max()))


def test_a_value_that_is_an_output_too_keeps_its_sign() -> None:
    model = onnx.load_from_string(_network(16))
    model.graph.output.append(helper.make_tensor_value_info("n", TensorProto.FLOAT, [1, 32, 8, 8]))
    content = model.SerializeToString()
    picture = np.random.default_rng(0).normal(0, 1, (1, 3, 16, 16)).astype(np.float32)
    with OnnxSession("old", content) as before, OnnxSession("new", without_prelu(content)) as after:
        expected, found = before.run({"x": picture})["n"], after.run({"x": picture})["n"]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4 * float(np.abs(expected).max()))


def test_channels_that_fill_no_block_stay_as_they_are() -> None:
    # The later layers of a network of 8 channels have 16, and are rewritten; two others stay.
    assert _operators(without_prelu(_network(8))).count("PRelu") == 2


@pytest.mark.parametrize("name", ["face_mesh_478", "palm_192"])
def test_bundled_networks_were_written_so(name: str) -> None:
    content = Store().read(name)
    assert "PRelu" not in {operator for _, operator in read_graph(content).operators}
    assert without_prelu(content) == content
