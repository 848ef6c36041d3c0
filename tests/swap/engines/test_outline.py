"""Masks of a network's crop: the soft box and the outline of the face."""

import cv2
import numpy as np
import pytest

from mien.face.aligned_crop import cut
from mien.imaging import geometry
from mien.swap.engines.outline import box_mask, outline_mask
from tests.support.portraits import COLLINS, portrait


def test_the_box_falls_to_nothing_at_the_border() -> None:
    mask = box_mask(128)
    assert not mask[0].any()
    assert not mask[:, -1].any()
    assert (mask[32:96, 32:96] == 255).all()
    assert np.array_equal(mask, mask[::-1])
    assert np.array_equal(mask, mask.T)
    assert np.array_equal(mask, box_mask(128))
    with pytest.raises(ValueError, match="read-only"):
        mask[0, 0] = 1


@pytest.mark.parametrize("side", [128, 256, 512])
def test_the_outline_is_soft_inwards_and_nothing_beside_the_face(side: int) -> None:
    face = portrait(COLLINS)
    crop = cut(face.image, face.landmarks.points, "arcface_128", side)
    points = geometry.apply(crop.frame_to_crop, face.landmarks.points[:, :2])
    mask = outline_mask(points, 0.0, side)
    hull = np.zeros((side, side), np.uint8)
    cv2.fillConvexPoly(hull, cv2.convexHull(points.round().astype(np.int32)), 255)
    reach = max(3, side // 40)
    outside = cv2.dilate(hull, np.ones((reach, reach), np.uint8)) == 0
    assert mask[outside].max() < 8
    inside = cv2.erode(hull, np.ones((side // 8, side // 8), np.uint8)) > 0
    assert (mask[inside] > 250).all()


@pytest.mark.parametrize("yaw", [65.0, -65.0])
def test_what_a_turned_head_hides_is_not_drawn(yaw: float) -> None:
    face = portrait(COLLINS)
    crop = cut(face.image, face.landmarks.points, "arcface_128", 128)
    points = geometry.apply(crop.frame_to_crop, face.landmarks.points[:, :2])
    front, turned = (outline_mask(points, angle, 128).astype(int).sum(0) for angle in (0.0, yaw))
    nose = round(float(points[4, 0]))
    far, near = (slice(0, nose - 8), slice(nose + 8, 128)) if yaw > 0 else (slice(nose + 8, 128), slice(0, nose - 8))
    assert turned[far].sum() < 0.1 * front[far].sum()
    assert turned[near].sum() > 0.75 * front[near].sum()
