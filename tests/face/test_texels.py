"""Unwrapping a face to its texture."""

import numpy as np
import pytest

from mien.face.mean_face import face_model
from mien.face.texels import SIDE, facing, texel_map, unwrap
from mien.types import Floats, Image
from tests.support.heads import turned


def _placed(scale: float, x: float, y: float) -> Floats:
    placed: Floats = (face_model().shape * scale + np.array([x, y, 0])).astype(np.float32)
    return placed


def _ramp(height: int, width: int) -> Image:
    """Blue counts columns and green rows, in quarters of a level a pixel at most."""
    image = np.zeros((height, width, 3), np.uint8)
    image[:, :, 0] = np.arange(width) * 255 // width
    image[:, :, 1] = (np.arange(height) * 255 // height)[:, None]
    return image


@pytest.mark.parametrize("scale", [40.0, 90.0, 250.0])
def test_every_texel_shows_its_place(scale: float) -> None:
    image, points = _ramp(900, 1000), _placed(scale, 480, 420)
    texture, texels = unwrap(image, points), texel_map()
    places = (points[texels.corners, :2] * texels.weights[..., None]).sum(2)
    inside = texels.inside
    assert np.abs(texture[inside, 0] - places[inside, 0] * 255 / 1000).max() < 2
    assert np.abs(texture[inside, 1] - places[inside, 1] * 255 / 900).max() < 2
    assert not texture[~inside].any()


def test_a_face_partly_outside_takes_the_border() -> None:
    image = np.full((100, 100, 3), 77, np.uint8)
    for x, y in ((0, 0), (100, 50), (-500, -500), (2000, 50)):
        texture = unwrap(image, _placed(60, x, y))
        assert (texture[texel_map().inside] == 77).all()


def test_a_picture_one_pixel_wide_or_high_has_a_texture() -> None:
    for height, width in ((1, 100), (100, 1), (1, 1)):
        texture = unwrap(np.full((height, width, 3), 77, np.uint8), _placed(60, 50, 0))
        assert (texture[texel_map().inside] == 77).all()


def test_the_map_covers_most_of_the_texture_and_is_shared() -> None:
    texels = texel_map()
    assert texels.weights[texels.inside].sum(1) == pytest.approx(1, abs=1e-5)
    assert 0.6 < texels.inside.mean() < 0.8
    assert texel_map() is texels
    assert not texels.weights.flags.writeable


def test_the_turned_side_faces_away() -> None:
    straight = facing(_placed(100, 0, 0))
    to_the_side = facing((face_model().shape @ turned(0, 60, 0).T * 100).astype(np.float32))
    half = SIDE // 2
    assert straight[:, half:].mean() == pytest.approx(straight[:, :half].mean(), abs=0.02)
    assert min(to_the_side[:, half:].mean(), to_the_side[:, :half].mean()) < 0.3 * straight[:, half:].mean()


def test_facing_is_that_of_the_triangles_normals() -> None:
    points = (face_model().shape @ turned(10, 35, 5).T * 90 + 300).astype(np.float32)
    texels = texel_map()
    a, b, c = (points[texels.triangles[:, corner]] for corner in range(3))
    normal = np.cross(b - a, c - a)
    towards = np.maximum(normal[:, 2], 0) / np.maximum(np.linalg.norm(normal, axis=1), 1e-9)
    expected = np.where(texels.inside, towards[texels.triangle], 0).astype(np.float32)
    assert (expected > 0).any()
    np.testing.assert_allclose(facing(points), expected, atol=1e-5)
