"""Fits, boxes and poses give back what was put in."""

import math

import numpy as np
import pytest

from mien.imaging import geometry
from mien.types import Affine, Array

POINTS = np.random.default_rng(1).uniform(-100, 100, (30, 2))


def _transform(angle: float = 30, scale: float = 1.7, shift: tuple[float, float] = (12.0, -7.0)) -> Affine:
    a, b = scale * math.cos(math.radians(angle)), scale * math.sin(math.radians(angle))
    return np.array([[a, -b, shift[0]], [b, a, shift[1]]])


def _rotation(pitch: float, yaw: float, roll: float) -> Array:
    (cp, cy, cr), (sp, sy, sr) = np.cos(np.radians([pitch, yaw, roll])), np.sin(np.radians([pitch, yaw, roll]))
    about_x = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_z = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    return np.asarray(about_z @ about_y @ about_x)


@pytest.mark.parametrize("angle", [-179, -90, 0, 30, 90, 179])
@pytest.mark.parametrize("scale", [0.01, 1, 40])
def test_a_similarity_is_recovered(angle: float, scale: float) -> None:
    truth = _transform(angle, scale)
    np.testing.assert_allclose(geometry.similarity(POINTS, geometry.apply(truth, POINTS)), truth, atol=1e-3 * scale)


def test_a_similarity_averages_noise() -> None:
    noise = np.random.default_rng(2).normal(0, 0.5, POINTS.shape)
    found = geometry.similarity(POINTS, geometry.apply(_transform(), POINTS) + noise)
    np.testing.assert_allclose(found, _transform(), atol=0.4)


def test_a_similarity_never_mirrors() -> None:
    found = geometry.similarity(POINTS, POINTS * [-1, 1])
    assert np.linalg.det(found[:, :2]) >= 0


def test_points_on_one_spot_have_no_similarity() -> None:
    with pytest.raises(ValueError, match="one spot"):
        geometry.similarity(np.ones((5, 2)), POINTS[:5])


def test_invert_leads_back() -> None:
    there = _transform()
    back = geometry.apply(geometry.invert(there), geometry.apply(there, POINTS))
    np.testing.assert_allclose(back, POINTS, atol=1e-3)
    assert back.dtype == np.float32


def test_scale_is_the_growth_of_a_line() -> None:
    assert geometry.scale_of(_transform(scale=2.5)) == pytest.approx(2.5)
    assert geometry.scale_of(np.array([[4.0, 0, 0], [0, 1.0, 0]])) == pytest.approx(2.0)


def test_a_box_holds_all_points_and_its_size_is_their_extent() -> None:
    points = np.array([[1, 2, 9], [5, 3, -9], [2, 11, 0]], np.float32)
    assert geometry.box_of(points) == (1, 2, 5, 11)
    assert geometry.size_of(points) == pytest.approx(6)
    assert geometry.size_of(points[:1]) > 0
    with pytest.raises(ValueError, match="no points"):
        geometry.box_of(points[:0])


@pytest.mark.parametrize("points", [POINTS, POINTS.astype(np.float32), POINTS.astype(np.int64), POINTS[::3]])
def test_points_move_by_one_transform_and_then_another(points: Array) -> None:
    first, second = _transform(), _transform(-50, 0.3, (4.0, 5.0))
    moved = geometry.apply(geometry.then(first, second), points)
    wanted = (points @ first[:, :2].T + first[:, 2]) @ second[:, :2].T + second[:, 2]
    assert moved.dtype == np.float32
    assert np.allclose(moved, wanted, atol=1e-4)


def test_each_set_of_points_has_its_middle() -> None:
    points = np.column_stack([POINTS, POINTS[:, :1]]).astype(np.float32)
    parts = (0, 5, 9), (3,), (7, 7, 2, 29)
    middles = geometry.middles_of(points, geometry.PointSets.of(parts))
    assert np.allclose(middles, [points[list(part), :2].mean(0) for part in parts], atol=1e-4)


@pytest.mark.parametrize(
    ("other", "share"),
    [((0, 0, 10, 10), 1), ((5, 0, 15, 10), 1 / 2), ((0, 0, 5, 5), 1), ((10, 0, 20, 10), 0), ((5, 5, 5, 5), 0)],
)
def test_covered_is_the_share_of_the_smaller_box(other: tuple[float, float, float, float], share: float) -> None:
    box = (0.0, 0.0, 10.0, 10.0)
    assert geometry.overlap(box, other) == pytest.approx(share)
    assert geometry.overlap(other, box) == pytest.approx(share)


@pytest.mark.parametrize("pose", [(0, 0, 0), (20, 0, 0), (0, 35, 0), (0, 0, -50), (15, -40, 25), (-30, 60, 170)])
def test_a_pose_is_recovered(pose: tuple[float, float, float]) -> None:
    shape = np.random.default_rng(3).uniform(-1, 1, (20, 3))
    rotation = geometry.rotation_between(shape, 3 * shape @ _rotation(*pose).T + [5, 6, 7])
    assert geometry.angles_of(rotation) == pytest.approx(pose, abs=1e-6)


def test_a_mirrored_shape_still_gets_a_rotation() -> None:
    shape = np.random.default_rng(3).uniform(-1, 1, (20, 3))
    rotation = geometry.rotation_between(shape, shape * [-1, 1, 1])
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-9)
    assert np.linalg.det(rotation) == pytest.approx(1)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_transform_and_its_inverse_leave_points_where_they_are(dtype: type) -> None:
    draw = np.random.default_rng(5)
    points = draw.uniform(-500, 500, (20, 2))
    for _ in range(20):
        linear = 3 * np.eye(2) + draw.uniform(-1, 1, (2, 2))
        transform: Affine = np.hstack([linear, draw.uniform(-900, 900, (2, 1))]).astype(dtype)
        inverse = geometry.invert(transform)
        np.testing.assert_allclose(inverse[:, :2], np.linalg.inv(transform[:, :2].astype(np.float64)), rtol=1e-12)
        back = geometry.apply(inverse, geometry.apply(transform.astype(np.float64), points))
        np.testing.assert_allclose(back, points, atol=1e-3)  # points are float32


def test_a_transform_to_a_line_has_no_inverse() -> None:
    with pytest.raises(ZeroDivisionError):
        geometry.invert(np.array([[1.0, 2.0, 3.0], [2.0, 4.0, 5.0]]))
