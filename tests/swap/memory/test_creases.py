"""The memory behind creases: what is usual is learnt quickly at first, slowly later, and hardly while a forehead is creased."""

import numpy as np
import pytest

from mien.face.creases import brow_height
from mien.face.landmark_sets import INNER_BROWS
from mien.face.mean_face import face_model
from mien.face.texels import SIDE
from mien.swap.memory.creases import Creases
from mien.types import Floats, Landmarks, TrackedFace

NOW = np.full((SIDE, SIDE, 3), 120, np.uint8)
FREE = np.ones((SIDE, SIDE), np.float32)


def _face(lower: float, yaw: float = 0.0) -> TrackedFace:
    """A face whose inner brows lie below those of the mean face by this many eye distances."""
    points = (100 * face_model().shape + np.float32(200)).astype(np.float32)
    points[list(INNER_BROWS), 1] += 100 * lower
    return TrackedFace(1, Landmarks(points, 1.0), 1, yaw)


def _see(memory: Creases, face: TrackedFace) -> tuple[Floats | None, Floats]:
    return memory.update(NOW, NOW.astype(np.float32), FREE, face, FREE)


def test_a_face_at_rest_has_no_creases_and_is_learnt_whole() -> None:
    memory = Creases()
    for lower in (0.0, 0.001, -0.001, 0.0):
        creases, learnt = _see(memory, _face(lower))
        assert creases is None
        assert learnt is FREE
    assert memory.height == pytest.approx(brow_height(_face(0.0).landmarks.points), abs=0.001)


def test_the_first_look_is_the_usual_one_wherever_its_brows_are() -> None:
    memory = Creases()
    assert _see(memory, _face(0.05))[0] is None
    assert memory.height == pytest.approx(brow_height(_face(0.05).landmarks.points), abs=1e-6)


@pytest.mark.parametrize("lower", [0.03, -0.03])
def test_brows_that_leave_their_place_are_hardly_learnt(lower: float) -> None:
    memory = Creases()
    for _ in range(40):
        _see(memory, _face(0.0))
    before = memory.height
    for _ in range(30):
        creases, learnt = _see(memory, _face(lower))
        assert creases is not None
        assert learnt.min() == pytest.approx(0.1, abs=0.05)
    assert abs(memory.height - before) < 0.08 * abs(lower)


def test_a_turned_head_takes_no_creases() -> None:
    memory = Creases()
    _see(memory, _face(0.0))
    assert _see(memory, _face(0.03, yaw=50.0))[0] is None
