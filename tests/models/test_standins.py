"""The stand-ins keep the contracts of their families, and answer to what they are fed."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from mien.errors import ModelMismatch
from mien.models.format.families import families
from mien.models.format.ports import Bound, bind
from mien.models.library.importing import import_models
from mien.models.library.store import Store
from mien.models.runtime.onnx_session import OnnxSession
from mien.types import Array
from tests.support.standins import MARK, PRODUCER, REGIONS_RGB, all_families, emap, make_inswapper, make_small, standin_store
from tests.support.standins.__main__ import write_all
from tests.support.standins.full import layers
from tests.support.standins.small import SCRFD_NAMES, file_name

VARIATIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "arcface as InsightFace names it": ("arcface", {"names": "insightface"}),
    "scrfd as InsightFace names it": ("scrfd", {"names": "insightface"}),
    "xseg as DeepFaceLab names it": ("xseg", {"names": "deepfacelab"}),
    "yoloface as Ultralytics names it": ("yoloface", {"names": "ultralytics"}),
    "dfm without :0": ("dfm", {"names": "plain"}),
    "dfm with morph_value": ("dfm", {"morph": True, "side": 320}),
    "dfm for one face": ("dfm", {"free_batch": False}),
    "inswapper for any number of faces": ("inswapper", {"free_batch": True}),
    "inswapper, float16 in and out": ("inswapper", {"half_io": True}),
    "inswapper, weights in float16": ("inswapper", {"half_weights": True}),
    "inswapper, raw emap": ("inswapper", {"emap": "raw"}),
    "hyperswap without a mask": ("hyperswap", {"mask": False}),
    "hyperswap in float16": ("hyperswap", {"half_io": True}),
    "codeformer in float16": ("codeformer", {"half_io": True}),
    "crossface in float16": ("crossface", {"half_io": True}),
}


def _opened(family: str, **options: Any) -> tuple[OnnxSession, Bound]:
    session = OnnxSession(f"standin_{family}", make_small(family, **options))
    contract = families()[family]
    return session, bind(f"standin_{family}", session, contract.inputs, contract.outputs)


def _feed(session: OnnxSession, count: int = 1) -> dict[str, Array]:
    draw = np.random.default_rng(5)
    fed = {}
    for name, shape in session.inputs.items():
        sizes = [size if isinstance(size, int) else count if place == 0 else 64 for place, size in enumerate(shape)]
        fed[name] = draw.random(sizes).astype(session.dtypes[name])
    return fed


@pytest.mark.parametrize("family", all_families())
def test_every_family_has_a_small_marked_file_that_always_answers_the_same(family: str) -> None:
    content = make_small(family)
    assert len(content) < 1_100_000
    assert make_small(family) == content
    model = onnx.load_from_string(content)
    assert model.producer_name == PRODUCER
    assert {entry.key: entry.value for entry in model.metadata_props} == {MARK: "1"}
    session, bound = _opened(family)
    assert all(
        tensor is not None or port.optional for tensor, port in zip(bound.inputs, families()[family].inputs, strict=True)
    )
    if family == "gpen_2048":
        return  # it is the same graph as the others, and too large to be quick
    first, again = session.run(_feed(session)), session.run(_feed(session))
    assert all(np.array_equal(first[name], again[name]) and np.isfinite(value).all() for name, value in first.items())


@pytest.mark.parametrize("what", VARIATIONS)
def test_variations(what: str) -> None:
    family, options = VARIATIONS[what]
    session, bound = _opened(family, **options)
    found = session.run(_feed(session))
    assert {name: str(value.dtype) for name, value in found.items()} == {name: session.dtypes[name] for name in found}
    assert all(tensor is None or tensor.name in session.inputs for tensor in bound.inputs)


def test_any_number_of_faces() -> None:
    for family in ("arcface", "xseg", "dfm", "bisenet"):
        session, bound = _opened(family)
        assert {len(value) for value in session.run(_feed(session, 2)).values()} == {2}, family
    session, bound = _opened("inswapper")
    assert bound.taken(1).shape[0] == 1


def test_another_family_is_refused() -> None:
    session = OnnxSession("standin_ghost", make_small("ghost"))
    contract = families()["inswapper"]
    with pytest.raises(ModelMismatch, match="128"):
        bind("standin_ghost", session, contract.inputs, contract.outputs)


@pytest.mark.parametrize("family", ["inswapper", "simswap_256", "ghost", "hyperswap"])
def test_a_swapper_answers_to_the_face_and_to_the_picture(family: str) -> None:
    session, _ = _opened(family)
    fed = _feed(session)
    fed["source"] = np.random.default_rng(3).normal(0, 512**-0.5, (1, 512)).astype(np.float32)
    first = session.run(fed)["output"]
    assert np.abs(session.run({**fed, "source": -fed["source"]})["output"] - first).mean() > 0.01
    assert np.abs(session.run({**fed, "target": fed["target"][:, ::-1]})["output"] - first).mean() > 0.01


@pytest.mark.parametrize("family", ["uniface", "blendswap"])
def test_a_swapper_that_sees_a_picture_takes_its_colour(family: str) -> None:
    session, _ = _opened(family)
    fed = _feed(session)
    blue = np.zeros_like(fed["source"])
    blue[:, 2] = 1
    red = np.ascontiguousarray(blue[:, ::-1])
    tints = [session.run({**fed, "source": face})["output"].mean(axis=(0, 2, 3)) for face in (red, blue)]
    assert tints[0][0] > tints[1][0] + 0.1
    assert tints[0][2] < tints[1][2] - 0.1


def test_the_matrix_is_the_last_weight() -> None:
    for storage in ("float_data", "raw"):
        last = onnx.load_from_string(make_small("inswapper", emap=storage)).graph.initializer[-1]
        assert last.name == "buff2fs"
        assert bool(last.float_data) == (storage == "float_data")
        assert np.array_equal(numpy_helper.to_array(last), emap())
    names = {weight.name for weight in onnx.load_from_string(make_small("inswapper", emap="none")).graph.initializer}
    assert "buff2fs" not in names


def test_morph_goes_from_the_own_face_to_the_other() -> None:
    session, _ = _opened("dfm", morph=True)
    fed = _feed(session)
    face = np.full((1, 224, 224, 3), 0.5, np.float32)
    found = {
        morph: session.run({**fed, "in_face:0": face, "morph_value:0": np.array([morph], np.float32)})["out_celeb_face:0"]
        for morph in (0.0, 0.5, 1.0)
    }
    assert np.allclose(found[0.0], face, atol=1e-5)
    assert np.allclose(found[0.5] - face, (found[1.0] - face) / 2, atol=1e-5)
    assert np.abs(found[1.0] - face).max() > 0.05


def test_enhancers_sharpen_and_codeformer_does_what_its_weight_says() -> None:
    session, _ = _opened("codeformer")
    fed = _feed(session)
    close, far = (session.run({**fed, "weight": np.array([weight])})["output"] for weight in (1.0, 0.0))
    assert np.allclose(close, fed["input"], atol=1e-6)
    assert far.std() > close.std()


def test_segmenters_see_colours() -> None:
    session, _ = _opened("xseg")
    crop = np.full((1, 256, 256, 3), 0.6, np.float32)
    crop[:, :, 128:] = (1.0, 0.2, 0.2)
    seen = session.run({"input": crop})["output"][0, :, :, 0]
    assert seen[:, :100].min() > 0.9
    assert seen[:, 156:].max() < 0.1
    session, _ = _opened("bisenet")
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    picture = np.zeros((512, 512, 3))
    for number, colour in enumerate(REGIONS_RGB):
        picture[20 * number : 20 * number + 20] = np.array(colour) / 255
    fed = ((picture - mean) / std).transpose(2, 0, 1)[None].astype(np.float32)
    classes = session.run({"input": fed})["output"][0].argmax(0)
    assert [int(classes[20 * number + 10, 5]) for number in range(19)] == list(range(19))


def test_recogniser_and_converter() -> None:
    session, _ = _opened("arcface")
    draw = np.random.default_rng(2)
    faces = np.repeat(np.repeat(draw.uniform(-1, 1, (2, 3, 7, 7)), 16, 2), 16, 3).astype(np.float32)
    first, second = session.run({"input": faces})["output"]
    assert 5 < np.linalg.norm(first) < 60
    assert abs(first @ second) / np.linalg.norm(first) / np.linalg.norm(second) < 0.5
    session, _ = _opened("crossface")
    turned = session.run({"input": first[None]})["output"][0]
    assert np.isclose(np.linalg.norm(turned), np.linalg.norm(first), rtol=1e-5)
    assert abs(first @ turned) < 0.3 * np.linalg.norm(first) ** 2


def test_detectors_have_a_row_for_every_place() -> None:
    session, bound = _opened("scrfd", names="insightface")
    assert [tensor.name for tensor in bound.outputs if tensor is not None] == list(SCRFD_NAMES)
    found = session.run({"input.1": np.zeros((1, 3, 96, 160), np.float32)})
    for number, stride in enumerate((8, 16, 32)):
        rows = 2 * (96 // stride) * (160 // stride)
        assert [found[SCRFD_NAMES[number + 3 * kind]].shape for kind in range(3)] == [(rows, 1), (rows, 4), (rows, 10)]
    session, _ = _opened("yoloface")
    assert session.run({"input": np.zeros((1, 3, 640, 640), np.float32)})["output"].shape == (1, 20, 8400)


def test_the_command_writes_all(tmp_path: Path) -> None:
    write_all(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {file_name(family) for family in all_families()}


def test_the_full_size_inswapper_does_the_published_work() -> None:
    """138.3 million parameters and 174.6 billion multiply-adds, counted in the table without building the network."""
    assert sum(layer.parameters for layer in layers()) == 138_292_739
    assert round(sum(layer.multiply_adds for layer in layers()) / 1e9, 1) == 174.6


@pytest.mark.parametrize("half", ["", "weights", "all"])
def test_a_slim_one_of_the_same_layers_runs(half: str, tmp_path: Path) -> None:
    path = tmp_path / "slim.onnx"
    make_inswapper(path, half=half, width=32)
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    assert {entry.key for entry in model.metadata_props} == {MARK}
    counted = sum(int(np.prod(weight.dims)) for weight in model.graph.initializer if "." in weight.name)
    assert counted == sum(layer.parameters for layer in layers(32))
    last = model.graph.initializer[-1]
    assert (last.name, tuple(last.dims), bool(last.float_data)) == ("buff2fs", (512, 512), half == "")
    session = OnnxSession("slim", path.read_bytes())
    contract = families()["inswapper"]
    bind("slim", session, contract.inputs, contract.outputs)
    fed = _feed(session)
    fed["source"] /= np.linalg.norm(fed["source"])
    found = session.run(fed)["output"]
    assert 0 <= found.min() < found.max() <= 1
    assert np.abs(session.run({**fed, "source": -fed["source"]})["output"] - found).mean() > 0.01


def test_half_weights_give_nearly_the_same(tmp_path: Path) -> None:
    found = []
    for half in ("", "weights", "all"):
        make_inswapper(tmp_path / "slim.onnx", half=half, width=32, free_batch=True)
        session = OnnxSession("slim", (tmp_path / "slim.onnx").read_bytes())
        fed = _feed(session, 2)
        found.append(session.run(fed)["output"])
    assert len(found[0]) == 2
    assert np.abs(found[1] - found[0]).mean() < 0.01
    assert np.abs(found[2] - found[0]).mean() < 0.02


def test_all_are_imported_as_any_file_and_are_known_for_what_they_are(tmp_path: Path) -> None:
    store = standin_store(tmp_path, *all_families())
    for family in all_families():
        entry = store.entry(f"standin_{family}")
        assert (entry.family, entry.role, entry.standin) == (family, families()[family].role, True)
        assert store.read(entry.id)


def test_what_is_written_piece_by_piece_is_imported_too(tmp_path: Path) -> None:
    path = tmp_path / "standin_inswapper_slim.onnx"
    make_inswapper(path, width=16, half="weights")
    (imported,) = import_models([path], Store(installed=tmp_path / "models"), trust=True)
    assert (imported.entry.family, imported.entry.standin) == ("inswapper", True)
