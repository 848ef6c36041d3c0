"""YuNet as kernels against the same network in onnxruntime."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from mien.errors import ModelMismatch
from mien.imaging.kernel_files import FOLDER_VARIABLE
from mien.models.library.store import Store
from mien.models.networks.detectors.candidates import Candidates
from mien.models.networks.detectors.yunet import YuNet, YuNetNetwork, YuNetSession
from mien.models.networks.detectors.yunet_blocks import YuNetBlocks
from mien.models.networks.vectors import computes_blocks
from mien.models.runtime.example_face import example_picture
from mien.models.runtime.onnx_session import OnnxSession
from mien.types import Image
from tests.support.marked import resized

_PIXELS_APART = 1e-2  # of boxes up to 640 pixels; sums are made in another order
_SCORE_APART = 1e-3  # of scores near 0, whose root is taken; those from 0.3 on differ by less than 1e-4
_EVERYTHING = -1.0
"""A least score that every cell reaches."""


def _canvases() -> dict[str, Image]:
    face = example_picture()
    noise = np.random.default_rng(0).integers(0, 256, (96, 128, 3), np.uint8)
    return {
        "a face": resized(face, 320, 320),
        "wide": resized(face, 320, 192),
        "tall": resized(face, 96, 224),
        "large": resized(face, 1280, 736),
        "the least": resized(face, 32, 32),
        "one cell wide": resized(face, 32, 160),
        "upside down": np.ascontiguousarray(resized(face, 128, 128)[::-1]),
        "a view": resized(face, 192, 128)[:, ::-1],
        "noise": noise,
        "black": np.zeros_like(noise),
        "white": np.full_like(noise, 255),
    }


@pytest.fixture(scope="module")
def networks() -> tuple[YuNetNetwork, YuNetNetwork]:
    """Return the network as kernels, and in onnxruntime."""
    content = Store().read("yunet")
    return YuNetBlocks(content), YuNetSession(OnnxSession("yunet", content))


def _assert_same(found: Candidates, wanted: Candidates) -> None:
    assert len(found.scores) == len(wanted.scores) > 0
    np.testing.assert_allclose(found.scores, wanted.scores, atol=_SCORE_APART)
    seen = wanted.scores > 0.3
    np.testing.assert_allclose(found.scores[seen], wanted.scores[seen], atol=_SCORE_APART / 10)
    np.testing.assert_allclose(found.boxes_xyxy, wanted.boxes_xyxy, atol=_PIXELS_APART)
    np.testing.assert_allclose(found.points, wanted.points, atol=_PIXELS_APART)


@pytest.mark.parametrize("name", _canvases())
def test_candidates_are_those_of_the_network(networks: tuple[YuNetNetwork, YuNetNetwork], name: str) -> None:
    (blocks, session), canvas = networks, _canvases()[name]
    found = blocks.propose(canvas, _EVERYTHING)
    _assert_same(found, session.propose(canvas, _EVERYTHING))
    blocks.propose(np.full_like(canvas, 255), _EVERYTHING)
    again = blocks.propose(canvas, _EVERYTHING)
    np.testing.assert_array_equal(again.scores, found.scores, "memory that is used again holds nothing of the run before")
    np.testing.assert_array_equal(again.points, found.points)


def test_only_candidates_of_the_least_score_are_returned(networks: tuple[YuNetNetwork, YuNetNetwork]) -> None:
    blocks, canvas = networks[0], _canvases()["a face"]
    every, sure = blocks.propose(canvas, _EVERYTHING), blocks.propose(canvas, 0.5)
    np.testing.assert_array_equal(sure.scores, every.scores[every.scores >= 0.5])
    assert 0 < len(sure.scores) < len(every.scores)
    assert not len(blocks.propose(np.zeros_like(canvas), 0.5).scores)


def test_faces_are_the_same_in_a_picture_of_any_size(networks: tuple[YuNetNetwork, YuNetNetwork]) -> None:
    blocks, session = networks
    for width, height in ((1280, 720), (333, 500), (7, 5), (64, 2000)):
        image = resized(example_picture(), width, height)
        found, wanted = (YuNet(each, min_score=0.35).detect(image) for each in (blocks, session))
        assert len(found) == len(wanted)
        for ours, theirs in zip(found, wanted, strict=True):
            assert ours.score == pytest.approx(theirs.score, abs=1e-4)
            np.testing.assert_allclose(ours.box_xyxy, theirs.box_xyxy, atol=0.05)
            np.testing.assert_allclose(ours.points, theirs.points, atol=0.05)


def test_threads_do_not_meet(networks: tuple[YuNetNetwork, YuNetNetwork]) -> None:
    blocks, canvases = networks[0], list(_canvases().values())
    alone = [blocks.propose(canvas, _EVERYTHING).points for canvas in canvases]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda canvas: blocks.propose(canvas, _EVERYTHING).points, canvases * 4))
    for k, found in enumerate(together):
        np.testing.assert_array_equal(found, alone[k % len(canvases)])


def test_processors_with_registers_of_eight_values_find_the_same(
    networks: tuple[YuNetNetwork, YuNetNetwork], tmp_path: Path
) -> None:  # fmt: skip
    if not computes_blocks():
        pytest.skip("NOT TESTED: this processor runs no code for Haswell")
    canvas = _canvases()["tall"]
    np.save(tmp_path / "canvas.npy", canvas)
    code = (
        "import sys, numpy; from mien.models.library.store import Store; "
        "from mien.models.networks.detectors.yunet_blocks import YuNetBlocks; "
        "found = YuNetBlocks(Store().read('yunet')).propose(numpy.load(sys.argv[1]), -1.0); "
        "numpy.savez(sys.argv[2], found.boxes_xyxy, found.points, found.scores)"
    )
    settings = {"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": "", FOLDER_VARIABLE: str(tmp_path / "kernels")}
    command = [sys.executable, "-P", "-c", code, str(tmp_path / "canvas.npy"), str(tmp_path / "found.npz")]
    subprocess.run(command, env={**os.environ, **settings}, check=True)
    with np.load(tmp_path / "found.npz") as found:
        _assert_same(Candidates(*found.values()), networks[1].propose(canvas, _EVERYTHING))


@pytest.mark.parametrize("model", ["face_mesh_478", "parser"])
def test_another_network_is_refused(model: str) -> None:
    with pytest.raises(ModelMismatch, match="yunet"):
        YuNetBlocks(Store().read(model))
