"""The face mesh as kernels against the same network in onnxruntime."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from mien.errors import ModelMismatch
from mien.models.library.store import Store
from mien.models.networks.face_mesh import SIDE, MeshSession
from mien.models.networks.mesh.blocks import MeshBlocks
from mien.models.runtime.example_face import example_picture
from mien.models.runtime.onnx_session import OnnxSession
from mien.types import Image
from tests.support.marked import resized

_APART = 1e-3  # pixels of the crop; sums are made in another order


def _crops() -> dict[str, Image]:
    face = resized(example_picture(), SIDE, SIDE)
    noise = np.random.default_rng(0).integers(0, 256, face.shape, np.uint8)
    return {
        "a face": face,
        "a face at the rim": np.roll(face, (60, 60), (0, 1)),
        "upside down": np.ascontiguousarray(face[::-1]),
        "noise": noise,
        "black": np.zeros_like(face),
        "white": np.full_like(face, 255),
    }


@pytest.mark.parametrize("name", _crops())
def test_landmarks_are_those_of_the_network(name: str) -> None:
    content = Store().read("face_mesh_478")
    blocks, crop = MeshBlocks(content), _crops()[name]
    with OnnxSession("face_mesh_478", content) as session:
        wanted, presence = MeshSession(session).landmarks(crop)
    found, surely = blocks.landmarks(crop)
    np.testing.assert_allclose(found, wanted, atol=_APART)
    assert surely == pytest.approx(presence, abs=1e-4)
    again, _ = blocks.landmarks(crop)
    np.testing.assert_array_equal(again, found, "memory that is used again holds nothing of the run before")


def test_threads_do_not_meet() -> None:
    blocks, crops = MeshBlocks(Store().read("face_mesh_478")), list(_crops().values())
    alone = [blocks.landmarks(crop)[0] for crop in crops]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda crop: blocks.landmarks(crop)[0], crops * 4))
    for k, found in enumerate(together):
        np.testing.assert_array_equal(found, alone[k % len(crops)])


@pytest.mark.parametrize("model", ["yunet", "parser"])
def test_another_network_is_refused(model: str) -> None:
    with pytest.raises(ModelMismatch, match="face_mesh_478"):
        MeshBlocks(Store().read(model))
