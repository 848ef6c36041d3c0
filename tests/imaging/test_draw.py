"""Drawn meshes, on shapes whose result is known."""

import cv2
import numpy as np
import pytest

from mien.imaging.draw import draw_mesh, mark_steps
from mien.types import Array

SIZE = 16


def _square(left: float, top: float, right: float, bottom: float, depth: float = 0.0) -> tuple[Array, Array]:
    points = np.array([[left, top, depth], [right, top, depth], [right, bottom, depth], [left, bottom, depth]], np.float32)
    return np.array([[0, 1, 2], [0, 2, 3]], np.int32), points


def _draw(
    triangles: Array, points: Array, texture_points: Array, texture: Array, opacity: Array | None = None
) -> tuple[Array, Array]:
    crop, mask = np.zeros((SIZE, SIZE, 3), np.uint8), np.zeros((SIZE, SIZE), np.uint8)
    depth = np.empty((SIZE, SIZE), np.float32)
    opacity = np.ones(len(points), np.float32) if opacity is None else opacity
    draw_mesh(triangles, points, texture_points, texture, opacity, crop, mask, depth)
    return crop, mask


def _texture() -> Array:
    draw = np.random.default_rng(0)
    texture = draw.integers(0, 256, (SIZE, SIZE, 4), np.uint8)
    texture[:, :, 3] = 255
    return texture


def test_the_identity_mapping_copies_the_texture() -> None:
    triangles, points = _square(0, 0, SIZE - 2, SIZE - 2)
    texture = _texture()
    crop, mask = _draw(triangles, points, points[:, :2].copy(), texture)
    inside = slice(0, SIZE - 1), slice(0, SIZE - 1)
    assert np.array_equal(crop[inside], texture[inside][:, :, :3])
    assert (mask[inside] == 255).all()
    assert not mask[SIZE - 1].any()
    assert not mask[:, SIZE - 1].any()


def test_half_a_pixel_of_shift_averages_neighbours() -> None:
    triangles, points = _square(0, 0, 8, 8)
    texture = _texture()
    crop, _ = _draw(triangles, points, points[:, :2] + np.float32(0.5), texture)
    block = texture[:9, :9, :3].astype(int)
    expected = (block[:-1, :-1] + block[1:, :-1] + block[:-1, 1:] + block[1:, 1:]) / 4
    assert np.abs(crop[:8, :8] - expected).max() <= 1


def test_nothing_is_drawn_from_behind() -> None:
    triangles, points = _square(2, 2, 12, 12)
    _, mask = _draw(triangles[:, ::-1].copy(), points, points[:, :2].copy(), _texture())
    assert not mask.any()


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_the_nearer_triangle_wins_in_any_order(order: tuple[int, int]) -> None:
    texture = np.zeros((SIZE, SIZE, 4), np.uint8)
    texture[:, : SIZE // 2] = (10, 10, 10, 255)
    texture[:, SIZE // 2 :] = (200, 200, 200, 255)
    near, near_points = _square(2, 2, 12, 12, depth=-1)
    far, far_points = _square(2, 2, 12, 12, depth=1)
    triangles = [near, far + 4]
    points = np.concatenate([near_points, far_points])
    texture_points = np.full((8, 2), 4, np.float32)
    texture_points[4:, 0] = 12
    crop, _ = _draw(np.concatenate([triangles[i] for i in order]), points, texture_points, texture)
    assert (crop[5, 5] == 10).all()


@pytest.mark.parametrize(
    ("name", "box"),
    [
        ("left of the picture", (-30, 2, -20, 12)),
        ("below the picture", (2, 40, 12, 60)),
        ("across the corner", (-5, -5, 5, 5)),
        ("larger than the picture", (-40, -40, 60, 60)),
        ("without area", (4, 4, 4, 12)),
        ("far away", (-1e7, 0, -1e6, 10)),
    ],
)
def test_places(name: str, box: tuple[float, float, float, float]) -> None:
    triangles, points = _square(*box)
    _, mask = _draw(triangles, points, np.zeros((4, 2), np.float32), _texture())
    inside = box[0] < SIZE and box[2] > 0 and box[1] < SIZE and box[3] > 0 and box[0] != box[2]
    assert mask.any() == inside, name


def test_opacity_runs_from_corner_to_corner_and_never_hides_where_it_was_drawn() -> None:
    triangles, points = _square(0, 0, 10, 10)
    opacity = np.array([0, 1, 1, 0], np.float32)
    _, mask = _draw(triangles, points, points[:, :2].copy(), _texture(), opacity)
    assert mask[5, 0] == 1
    assert mask[5, 10] == 255
    assert (np.diff(mask[5, :11].astype(int)) > 0).all()


def test_texture_points_outside_the_texture_are_clamped() -> None:
    triangles, points = _square(0, 0, 10, 10)
    texture = _texture()
    crop, _ = _draw(triangles, points, np.full((4, 2), 1e6, np.float32), texture)
    assert np.abs(crop[5, 5].astype(int) - texture[-1, -1, :3]).max() <= 1


@pytest.mark.parametrize("seed", range(6))
def test_triangles_that_meet_leave_no_gap_and_nothing_is_drawn_beside_them(seed: int) -> None:
    """A fan around a point that is anywhere, in a polygon whose corners are: each pixel inside is drawn, none outside."""
    random = np.random.default_rng(seed)
    angles = (np.arange(24) + random.uniform(0.1, 0.9, 24)) * 2 * np.pi / 24
    corners = 60 + random.uniform(30, 55, (24, 1)) * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    points = np.zeros((25, 3), np.float32)
    points[:24, :2], points[24, :2] = corners, 60 + random.uniform(-2, 2, 2)
    fan = np.array([[24, i, (i + 1) % 24] for i in range(24)], np.int32)
    crop, mask = np.zeros((121, 121, 3), np.uint8), np.zeros((121, 121), np.uint8)
    texture = np.full((4, 4, 4), 255, np.uint8)
    draw_mesh(
        fan,
        points,
        np.ones((25, 2), np.float32),
        texture,
        np.ones(25, np.float32),
        crop,
        mask,
        np.empty((121, 121), np.float32),
    )
    outline = np.ascontiguousarray(points[:24, :2])
    for y, x in np.ndindex(121, 121):
        inside = cv2.pointPolygonTest(outline, (float(x), float(y)), True)
        if abs(inside) > 0.01:
            assert (mask[y, x] > 0) == (inside > 0), (x, y)


def test_steps_in_depth_are_marked_on_both_sides_and_slopes_and_gaps_are_not() -> None:
    depth = np.tile(np.arange(SIZE, dtype=np.float32), (SIZE, 1))
    depth[:, 8:] += 20
    depth[12:] = 3e38
    edges = np.full((SIZE, SIZE), 7, np.uint8)
    mark_steps(depth, 5.0, edges)
    assert (edges[:11, 7:9] == 255).all()
    assert not edges[:, :7].any()
    assert not edges[:, 9:].any()
    assert not edges[13:].any()
