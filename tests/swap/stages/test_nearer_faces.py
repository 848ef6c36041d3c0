"""The face behind is not drawn over the one in front."""

import numpy as np

from mien.swap.stages.make_patches import far_to_near
from mien.swap.stages.nearer_faces import cut_nearer
from mien.types import FacePatch, KnownFace, Landmarks, TrackedFace
from tests.support.portraits import COLLINS, portrait

_POINTS = portrait(COLLINS).landmarks.points
_WIDTH = float(np.ptp(_POINTS[:, 0]))


def _face(number: int, shift: float, *behind: int, size: float = 1.0) -> TrackedFace:
    points = (_POINTS * np.float32(size) + np.array([shift, 0, 0], np.float32)).astype(np.float32)
    return TrackedFace(number, Landmarks(points, 1.0), 1, known=KnownFace(points, behind=frozenset(behind)))


def _patch(left: float = 0.0) -> FacePatch:
    mask = np.full((400, 500), 255, np.uint8)
    return FacePatch(np.zeros((400, 500, 3), np.uint8), mask, np.array([[1.0, 0, left], [0, 1.0, 0]]))


def test_a_patch_ends_where_a_nearer_face_begins_with_its_ear() -> None:
    near, far = _face(1, 0), _face(2, -0.6 * _WIDTH, 1)
    (_, cut), (_, whole) = cut_nearer([(far, _patch()), (near, _patch())])
    assert (whole.mask == 255).all()
    x, y = (int(value) for value in _POINTS[1, :2])
    assert cut.mask[y, x] == 0
    left = int(_POINTS[:, 0].min())
    assert cut.mask[int(_POINTS[234, 1]), left - 4] < 60
    assert cut.mask[int(_POINTS[234, 1]), max(0, left - 60)] == 255


def test_without_a_nearer_face_or_its_patch_nothing_is_cut() -> None:
    patch = _patch()
    assert cut_nearer([(_face(2, 0, 1), patch)])[0][1] is patch
    assert cut_nearer([(_face(1, 0), patch)])[0][1] is patch


def test_a_face_known_to_be_behind_is_laid_first_whatever_its_size() -> None:
    near, far = _face(1, 0), _face(2, 60, 1, size=1.3)
    assert far_to_near((near, far)) == (far, near)
    assert far_to_near((near, _face(2, 60, size=1.3)))[0] is near
