"""What a file says of itself is read as the onnx package reads it, in bounded memory, and nothing hostile gets through."""

import hashlib
import os
import random
import sys
import tracemalloc
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from mien.errors import MienError, ModelDamaged, ModelMismatch, ModelMissing, ModelRefused
from mien.models.format import onnx_walk
from mien.models.format.onnx_graph import Graph
from mien.models.format.onnx_matrix import find_matrix
from mien.models.format.onnx_policy import check_safe
from mien.models.format.onnx_walk import read_graph
from mien.models.library.inswapper_matrix import SUFFIX, load_matrix
from mien.models.library.store import ModelEntry, Store
from mien.models.library.trusted import Trusted, write_trusted
from mien.models.runtime.onnx_session import OnnxSession
from mien.types import Array, Floats
from tests.support.standins import all_families, emap, install, make_small, standin_store

EMBEDDED = [entry.id for entry in Store().entries() if entry.bundled]


@cache
def standin(family: str) -> bytes:
    return make_small(family)


def _model(
    nodes: Iterable[onnx.NodeProto] = (),
    weights: Iterable[onnx.TensorProto] = (),
    inputs: Iterable[onnx.ValueInfoProto] = (),
) -> onnx.ModelProto:
    """A file with an input `x`, an output `y` and what else is given; not checked, so that it may be wrong."""
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, "n", None])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT16, [])
    graph = helper.make_graph(list(nodes) or [helper.make_node("Relu", ["x"], ["y"])], "g", [x, *inputs], [y], list(weights))
    return helper.make_model(graph, producer_name="somebody", opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


def _bytes(model: onnx.ModelProto) -> bytes:
    return bytes(model.SerializeToString())


def _weight(name: str = "w", shape: tuple[int, ...] = (2, 3)) -> onnx.TensorProto:
    return numpy_helper.from_array(np.ones(shape, np.float32), name)


def _nodes(graph: onnx.GraphProto) -> Iterable[onnx.NodeProto]:
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            for inner in ([attribute.g] if attribute.HasField("g") else []) + list(attribute.graphs):
                yield from _nodes(inner)


def _assert_same(found: Graph, model: onnx.ModelProto) -> None:
    """What was walked is what the onnx package has parsed."""
    nodes = [*_nodes(model.graph), *(node for each in model.functions for node in each.node)]
    assert found.ir_version == model.ir_version
    assert found.producer == model.producer_name
    assert found.nodes == len(nodes)
    assert found.operators == {(node.domain, node.op_type) for node in nodes}
    assert found.opsets == tuple((each.domain, each.version) for each in model.opset_import)
    assert found.functions == len(model.functions)
    weights = model.graph.initializer
    assert [(each.name, each.dims) for each in found.initializers] == [(each.name, tuple(each.dims)) for each in weights]
    for mine, theirs in zip(found.initializers, weights, strict=True):
        assert mine.external == bool(theirs.external_data or theirs.data_location)
    names = {each.name for each in weights}
    assert [each.name for each in found.inputs] == [each.name for each in model.graph.input if each.name not in names]
    assert [each.name for each in found.outputs] == [each.name for each in model.graph.output]


# What is read


@pytest.mark.parametrize("model_id", EMBEDDED)
def test_embedded_models_are_read_as_the_onnx_package_and_the_runtime_read_them(model_id: str) -> None:
    path = Store().path(model_id)
    found = read_graph(path)
    _assert_same(found, onnx.load(path))
    check_safe(model_id, found)
    session = OnnxSession(model_id, path.read_bytes())
    assert {each.name: each.shape for each in found.inputs} == session.inputs
    assert {each.name: each.dtype for each in (*found.inputs, *found.outputs)} == session.dtypes
    assert found.bytes == path.stat().st_size
    assert not found.standin


@pytest.mark.parametrize("family", all_families())
def test_stand_ins_are_read_and_known_as_such(family: str) -> None:
    found = read_graph(standin(family))
    _assert_same(found, onnx.load_from_string(standin(family)))
    check_safe(family, found)
    assert found.standin


def test_shapes_and_types_are_those_of_the_ports() -> None:
    found = read_graph(_bytes(_model()))
    assert [(each.name, each.shape, each.dtype) for each in found.inputs] == [("x", (1, "n", None), "float32")]
    assert [(each.name, each.shape, each.dtype) for each in found.outputs] == [("y", (), "float16")]


def test_weights_that_old_files_list_as_inputs_are_none() -> None:
    listed = helper.make_tensor_value_info("w", TensorProto.FLOAT, [2, 3])
    found = read_graph(_bytes(_model(weights=[_weight()], inputs=[listed])))
    assert [each.name for each in found.inputs] == ["x"]


def test_bodies_of_loops_and_functions_are_walked() -> None:
    body = helper.make_graph([helper.make_node("Evil", ["a"], ["b"], domain="inner")], "body", [], [], [_weight("deep")])
    node = helper.make_node("If", ["x"], ["y"], then_branch=body, else_branch=body)
    model = _model([node])
    function = helper.make_function(
        "own", "f", ["a"], ["b"], [helper.make_node("Neg", ["a"], ["b"])], [helper.make_opsetid("", 13)]
    )
    model.functions.append(function)
    found = read_graph(_bytes(model))
    _assert_same(found, model)
    assert found.operators == {("", "If"), ("inner", "Evil"), ("", "Neg")}
    assert [each.name for each in found.constants] == ["deep", "deep"]


def test_a_file_with_large_weights_is_read_in_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "large.onnx"
    model = _model(weights=[_weight("tail", (1, 1))])
    size = 300 << 20
    name = b"\x42\x01w" + b"\x10\x01" + b"\x08" + _varint(size // 4)
    tensor = name + b"\x4a" + _varint(size)
    graph = model.graph.SerializeToString()
    whole = len(graph) + 1 + len(_varint(len(tensor) + size)) + len(tensor) + size
    model.ClearField("graph")
    with path.open("wb") as file:
        file.write(
            model.SerializeToString() + b"\x3a" + _varint(whole) + graph + b"\x2a" + _varint(len(tensor) + size) + tensor
        )
        # A hole: no byte of it lies on the disk.
        file.truncate(file.tell() + size)
    tracemalloc.start()
    found = read_graph(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [(each.name, each.dims, each.size) for each in found.initializers] == [
        ("tail", (1, 1), 4),
        ("w", (size // 4,), size),
    ]
    check_safe("large", found)
    assert peak < 1 << 20


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


# What is damaged


@pytest.mark.parametrize("family", ["inswapper", "dfm", "codeformer"])
def test_a_file_that_ends_anywhere_before_its_end_is_damaged(family: str) -> None:
    content = standin(family)
    for length in {*range(0, 200, 7), *range(0, len(content), len(content) // 150 or 1), len(content) - 1}:
        with pytest.raises(ModelDamaged) as caught:
            read_graph(content[:length])
        assert caught.value.remedy


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"\0" * 1000, "no field"),
        (b"PK\x03\x04" + bytes(100), "zip archive"),
        (b"\x80\x02}q\x00.", "pickle"),
        (b"<!DOCTYPE html><html>", "web page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "pointer"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "not an ONNX file"),
        (bytes(range(256)) * 8, "not an ONNX file"),
        (b"\x08\x08", "no graph"),
        (b"\x08" + b"\xff" * 11, "does not end"),
        (b"\x3a\xff\xff\xff\xff\x7f", "longer than the rest"),
    ],
)
def test_what_is_no_onnx_file_is_said_to_be_none(content: bytes, said: str) -> None:
    with pytest.raises(ModelDamaged, match=said) as caught:
        read_graph(content, "x.onnx")
    assert "x.onnx" in str(caught.value)
    assert caught.value.remedy


def test_what_is_said_twice_where_parsers_would_merge_it_is_damaged() -> None:
    model = _model()
    graph = model.graph.SerializeToString()
    with pytest.raises(ModelDamaged, match="twice"):
        read_graph(_bytes(model) + b"\x3a" + _varint(len(graph)) + graph)


def test_a_file_that_the_runtime_would_take_for_its_own_format_is_refused() -> None:
    model = _model()
    model.producer_name = "ORTM"
    content = _bytes(model)
    # Both a name in an ONNX file and, at this place, the mark of the other format.
    assert content[4:8] == b"ORTM"
    with pytest.raises(ModelRefused, match="own"):
        read_graph(content)


@pytest.mark.posix
def test_files_that_cannot_be_read_are_missing(tmp_path: Path) -> None:
    (tmp_path / "folder.onnx").mkdir()
    if sys.platform != "win32":
        # Opening it would wait for ever.
        os.mkfifo(tmp_path / "pipe.onnx")
        (tmp_path / "link.onnx").symlink_to(tmp_path / "nowhere.onnx")
    for name in ("folder.onnx", "pipe.onnx", "link.onnx", "none.onnx", "\0.onnx"):
        with pytest.raises(ModelMissing) as caught:
            read_graph(tmp_path / name)
        assert caught.value.remedy
    (tmp_path / "empty.onnx").touch()
    with pytest.raises(ModelDamaged, match="empty"):
        read_graph(tmp_path / "empty.onnx")


def test_a_file_that_becomes_shorter_while_it_is_read_is_damaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(_bytes(_model([helper.make_node("Neg", ["x"], ["y"])] * 20_000)))
    whole = onnx_walk._Walk._recognise

    def shortened(walk: Any) -> None:
        whole(walk)
        os.truncate(path, 100)

    monkeypatch.setattr(onnx_walk._Walk, "_recognise", shortened)
    with pytest.raises(ModelDamaged, match="became shorter"):
        read_graph(path)


# What is refused


def _external(location: str) -> onnx.ModelProto:
    weight = _weight()
    weight.ClearField("raw_data")
    weight.data_location = TensorProto.EXTERNAL
    entry = weight.external_data.add()
    entry.key, entry.value = "location", location
    return _model(weights=[weight])


def _shaped(dims: list[int], data: bytes = b"") -> onnx.ModelProto:
    return _model(weights=[TensorProto(name="w", data_type=TensorProto.FLOAT, dims=dims, raw_data=data)])


def _sparse() -> onnx.ModelProto:
    values = helper.make_tensor("v", TensorProto.FLOAT, [1], [1.0])
    indices = helper.make_tensor("i", TensorProto.INT64, [1], [5])
    model = _model()
    model.graph.sparse_initializer.append(helper.make_sparse_tensor(values, indices, [1 << 40]))
    return model


def _with_constant(tensor: onnx.TensorProto) -> onnx.ModelProto:
    return _model([helper.make_node("Constant", [], ["y"], value=tensor)])


def _hidden() -> onnx.ModelProto:
    """External data in a constant of the body of a branch."""
    inner = helper.make_node("Constant", [], ["b"], value=_external("../secret").graph.initializer[0])
    body = helper.make_graph([inner], "body", [], [])
    return _model([helper.make_node("If", ["x"], ["y"], then_branch=body, else_branch=body)])


def _flag_only() -> onnx.ModelProto:
    model = _model(weights=[_weight()])
    model.graph.initializer[0].data_location = TensorProto.EXTERNAL
    return model


def _function() -> onnx.ModelProto:
    model = _model()
    node = helper.make_node("Neg", ["a"], ["b"])
    model.functions.append(helper.make_function("", "Relu", ["a"], ["b"], [node], [helper.make_opsetid("", 13)]))
    return model


def _wide() -> onnx.ModelProto:
    return _model(inputs=[helper.make_tensor_value_info(f"i{n}", TensorProto.FLOAT, [1]) for n in range(2000)])


HOSTILE: dict[str, tuple[Callable[[], onnx.ModelProto], str]] = {
    "custom operator": (lambda: _model([helper.make_node("Run", ["x"], ["y"], domain="evil")]), "'Run' of 'evil'"),
    "program from a file": (lambda: _model([helper.make_node("EPContext", [], ["y"], domain="com.microsoft")]), "EPContext"),
    "python": (lambda: _model([helper.make_node("PythonOp", [], ["y"], domain="com.microsoft")]), "PythonOp"),
    "without end": (lambda: _model([helper.make_node("Loop", ["", "x", "x"], ["y"])]), "'Loop'"),
    "operators of its own": (_function, "of its own"),
    "external above": (lambda: _external("../../etc/passwd"), "another file"),
    "external absolute": (lambda: _external("/etc/passwd"), "another file"),
    "external beside": (lambda: _external("w.bin"), "another file"),
    "external by flag": (_flag_only, "another file"),
    "external hidden": (_hidden, "another file"),
    "negative weights": (lambda: _shaped([-1, 3]), "absurd"),
    "enormous weights": (lambda: _shaped([1 << 20, 1 << 20]), "absurd"),
    "overflowing weights": (lambda: _shaped([1 << 62, 1 << 62]), "absurd"),
    "more than the file holds": (lambda: _shaped([1000, 1000], bytes(8)), "only 8 bytes"),
    "a constant larger than the file": (
        lambda: _with_constant(TensorProto(name="c", data_type=TensorProto.INT64, dims=[1 << 30])), "only 0 bytes"
    ),
    "sparse": (_sparse, "sparse"),
    "negative input": (
        lambda: _model(inputs=[helper.make_tensor_value_info("i", TensorProto.FLOAT, [-5, 3])]), "absurd"
    ),
    "enormous input": (
        lambda: _model(inputs=[helper.make_tensor_value_info("i", TensorProto.FLOAT, [1 << 30, 1 << 30])]), "absurd"
    ),
    "thousands of inputs": (_wide, "2001 inputs"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_refused_and_what_was_found_is_said(name: str) -> None:
    make, said = HOSTILE[name]
    model = make()
    found = read_graph(_bytes(model))
    with pytest.raises(ModelRefused, match=said) as caught:
        check_safe("m", found)
    assert caught.value.remedy
    assert str(caught.value).startswith("m is refused: ")


def test_graphs_without_end_are_refused() -> None:
    graph = helper.make_graph([helper.make_node("Neg", ["a"], ["b"])], "g", [], [])
    for _ in range(20):
        graph = helper.make_graph([helper.make_node("If", ["a"], ["b"], then_branch=graph)], "g", [], [])
    model = _model()
    model.graph.CopyFrom(graph)
    with pytest.raises(ModelRefused, match="within"):
        read_graph(_bytes(model))


@pytest.mark.parametrize(
    ("unit", "said"), [(b"\x1a\x00", "parts"), (b"\x3a\x02\x0a\x00", "twice"), (b"\x42\x00", "operator sets")]
)
def test_a_file_made_of_nothing_but_parts_costs_little(unit: bytes, said: str) -> None:
    content = b"\x08\x08" + unit * 3_000_000
    tracemalloc.start()
    with pytest.raises((ModelRefused, ModelDamaged), match=said):
        read_graph(content)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # Three million parts as objects would take a hundred times as much: the first too many end the reading.
    assert peak < 8 << 20


def test_what_the_runtimes_own_optimiser_writes_is_fine() -> None:
    model = _model([helper.make_node("FusedConv", ["x"], ["y"], domain="com.microsoft")])
    check_safe("m", read_graph(_bytes(model)))


# Broken at random


def _damaged(chance: random.Random, content: bytes) -> bytes:
    data = bytearray(content)
    for _ in range(chance.choice((1, 1, 1, 2, 5))):
        # The middle of a file is weights: most breaks go where structure is.
        near = chance.choice((64, 1024, len(data)))
        at = chance.randrange(min(near, len(data)))
        at = at if chance.random() < 0.6 else len(data) - 1 - at
        match chance.randrange(5):
            case 0:
                data[at] ^= 1 << chance.randrange(8)
            case 1:
                data[at] = chance.randrange(256)
            case 2:
                del data[at : at + chance.randrange(1, 40)]
            case 3:
                data[at:at] = data[at : at + chance.randrange(1, 200)]
            case _:
                data[at : at + 4] = chance.choice((b"\xff\xff\xff\xff", b"\x80\x80\x80\x01", b"\0\0\0\0"))
        if not data:
            break
    return bytes(data)


def test_broken_files_raise_nothing_but_our_errors_and_what_passes_is_what_others_parse() -> None:
    chance = random.Random(6)
    samples = [_bytes(_model(weights=[_weight()])), _bytes(_hidden()), _bytes(_external("../x")), _bytes(_sparse())]
    samples += [standin(family) for family in ("simswap_256", "codeformer", "bisenet", "uniface", "xseg")]
    samples.append(Store().read("finish")[:200_000])
    outcomes = {"passed": 0, "refused": 0, "same": 0}
    for _ in range(10_000):
        content = _damaged(chance, chance.choice(samples))
        found = _accepted(content)
        model = _parsed(content) if found is not None else None
        outcomes["refused" if found is None else "passed"] += 1
        if found is not None and model is not None:
            outcomes["same"] += 1
            _assert_same(found, model)
    assert min(outcomes.values()) > 1_000, outcomes


def _accepted(content: bytes) -> Graph | None:
    try:
        found = read_graph(content)
        check_safe("m", found)
    except MienError:
        return None
    return found


def _parsed(content: bytes) -> onnx.ModelProto | None:
    try:
        return onnx.load_from_string(content)
    except Exception:  # noqa: BLE001 - the class of protobuf's errors differs with its build.
        return None


# The matrix of inswapper


def _holding(*weights: onnx.TensorProto) -> bytes:
    return _bytes(_model(weights=weights))


def _stored(matrix: Floats, how: str, name: str = "buff2fs") -> onnx.TensorProto:
    half = matrix.astype(np.float16)
    tensor = TensorProto(name=name, dims=matrix.shape, data_type=TensorProto.FLOAT16 if "16" in how else TensorProto.FLOAT)
    match how:
        case "raw":
            tensor.raw_data = matrix.tobytes()
        case "floats":
            tensor.float_data.extend(matrix.ravel().tolist())
        case "raw 16":
            tensor.raw_data = half.tobytes()
        case "numbers 16":
            tensor.int32_data.extend(half.view(np.uint16).ravel().tolist())
    return tensor


@pytest.mark.parametrize("how", ["raw", "floats", "raw 16", "numbers 16"])
def test_the_matrix_is_found_however_it_is_stored(how: str) -> None:
    matrix = np.random.default_rng(1).normal(0, 0.1, (512, 512)).astype(np.float32)
    wrong = _stored(np.zeros((512, 512), np.float32), "raw", "other")
    found = find_matrix(_holding(_stored(matrix, how), wrong))
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, matrix.astype(np.float16).astype(np.float32) if "16" in how else matrix)


def test_without_its_name_the_last_square_matrix_is_taken() -> None:
    first, last = np.zeros((512, 512), np.float32), np.full((512, 512), 2, np.float32)
    content = _holding(_stored(first, "raw", "a"), _stored(last, "raw", "b"), _weight("c"))
    assert find_matrix(content)[3, 4] == 2


@pytest.mark.parametrize("how", ["float_data", "raw"])
def test_the_stand_in_has_its_matrix(how: str, tmp_path: Path) -> None:
    content = make_small("inswapper", emap=how)
    np.testing.assert_array_equal(find_matrix(content), emap())
    path = tmp_path / "inswapper.onnx"
    path.write_bytes(content)
    np.testing.assert_array_equal(find_matrix(path), emap())


def test_a_file_without_the_matrix_is_a_mismatch() -> None:
    hole = _stored(np.full((512, 512), np.nan, np.float32), "raw")
    short = _stored(np.zeros((512, 512), np.float32), "raw")
    short.raw_data = short.raw_data[:-4]
    for content in (_holding(_weight()), _holding(hole), _holding(short), standin("ghost")):
        with pytest.raises(ModelMismatch, match="512") as caught:
            find_matrix(content)
        assert caught.value.remedy


@pytest.fixture
def swapper(tmp_path: Path) -> tuple[Store, ModelEntry, Path]:
    """A store that holds a stand-in of inswapper, and where its matrix is kept."""
    content = standin("inswapper")
    file = tmp_path / "trusted" / "swapper.onnx"
    file.parent.mkdir()
    file.write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    write_trusted(tmp_path, [Trusted("swapper", "swapper", "inswapper", "trusted/swapper.onnx", len(content), digest, True)])
    store = Store(installed=tmp_path)
    return store, store.entry("swapper"), file.with_name(file.name + SUFFIX)


def test_the_matrix_is_kept_beside_the_file(swapper: tuple[Store, ModelEntry, Path]) -> None:
    store, entry, kept = swapper
    np.testing.assert_array_equal(load_matrix(store, entry), emap())
    assert sys.platform == "win32" or kept.stat().st_mode & 0o777 == 0o600
    # What is kept is used: the file is no longer read.
    store.path(entry.id).write_bytes(b"")
    np.testing.assert_array_equal(load_matrix(store, entry), emap())
    assert sorted(each.name for each in kept.parent.iterdir()) == sorted([kept.name, "swapper.onnx"])


def test_a_swapper_without_its_matrix_is_named(tmp_path: Path) -> None:
    store = standin_store(tmp_path)
    entry = install(store, "inswapper", "bare", emap="none")
    with pytest.raises(ModelMismatch, match=f"{entry.id} holds no matrix"):
        load_matrix(store, entry)


def _pickled(path: Path) -> None:
    np.save(path.with_suffix(""), np.array([{"a": 1}], object), allow_pickle=True)
    assert path.exists()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[:-1]),
        lambda path: path.write_bytes(path.read_bytes()[:300_000] + b"\1\2\3\4" + path.read_bytes()[300_004:]),
        lambda path: path.write_bytes(path.read_bytes().replace(b"model", b"medol")),
        lambda path: np.save(path, np.eye(512, dtype=np.float32)),
        lambda path: path.write_bytes(b"\x93NUMPY\x01\x00\xff\xff" + b"(" * 65535),
        lambda path: path.write_bytes(bytes(20 << 20)),
        _pickled,
    ],
)
def test_a_kept_matrix_that_is_damaged_or_of_another_file_is_made_anew(
    swapper: tuple[Store, ModelEntry, Path], spoil: Callable[[Path], object]
) -> None:
    store, entry, kept = swapper
    load_matrix(store, entry)
    spoil(kept)
    np.testing.assert_array_equal(load_matrix(store, entry), emap())
    again: Array = np.load(kept, allow_pickle=False)
    np.testing.assert_array_equal(again["matrix"], emap())


def test_a_folder_that_takes_no_file_costs_only_time(
    swapper: tuple[Store, ModelEntry, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    store, entry, kept = swapper

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    np.testing.assert_array_equal(load_matrix(store, entry), emap())
    assert [each.name for each in kept.parent.iterdir()] == ["swapper.onnx"]
