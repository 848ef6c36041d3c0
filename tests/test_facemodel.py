"""The mean face and head poses."""

import math

import numpy as np
import pytest

from mien import topology
from mien.facemodel import face_model, head_pose
from mien.types import Array


def turned(pitch: float, yaw: float, roll: float) -> Array:
    a, b, c = (math.radians(angle) for angle in (pitch, yaw, roll))
    x = np.array([[1, 0, 0], [0, math.cos(a), -math.sin(a)], [0, math.sin(a), math.cos(a)]])
    y = np.array([[math.cos(b), 0, math.sin(b)], [0, 1, 0], [-math.sin(b), 0, math.cos(b)]])
    z = np.array([[math.cos(c), -math.sin(c), 0], [math.sin(c), math.cos(c), 0], [0, 0, 1]])
    return np.asarray(z @ y @ x)


def test_the_mean_face_is_symmetric_and_mirrors_are_mutual() -> None:
    model = face_model()
    assert np.array_equal(model.mirror[model.mirror], np.arange(478))
    assert np.allclose(model.shape[model.mirror] * [-1, 1, 1], model.shape, atol=2e-5)
    assert np.allclose(1 - model.uv[model.mirror, 0], model.uv[:, 0], atol=2e-5)
    right, left = topology.EYE_CORNERS
    assert np.linalg.norm(model.shape[left] - model.shape[right]) == pytest.approx(1, abs=1e-3)
    assert model.shape[left, 0] > 0 > model.shape[topology.FACE_OVAL[0], 1]


def test_no_triangle_of_the_texture_is_folded_over() -> None:
    uv = face_model().uv
    everything = np.concatenate(
        [
            topology.skin_triangles(),
            topology.fan(topology.RIGHT_EYE, topology.RIGHT_IRIS),
            topology.fan(topology.LEFT_EYE, topology.LEFT_IRIS),
            topology.strip(topology.INNER_LIPS),
        ]
    )
    a, b, c = (uv[everything[:, corner]] for corner in range(3))
    area = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (c[:, 0] - a[:, 0]) * (b[:, 1] - a[:, 1])
    assert (area > 0).all()
    assert uv.min() >= 0
    assert uv.max() <= 1


@pytest.mark.parametrize("angles", [(0, 0, 0), (20, -50, 10), (-30, 80, -120)])
def test_a_placed_head_is_found_again(angles: tuple[float, float, float]) -> None:
    rotation, origin = turned(*angles), np.array([300.0, 200.0, -40.0])
    shape = face_model().shape
    points = (origin + 123.0 * (shape @ rotation.T)).astype(np.float32)
    pose = head_pose(points)
    assert np.allclose(pose.rotation, rotation, atol=1e-4)
    assert pose.scale == pytest.approx(123, rel=1e-4)
    assert np.allclose(pose.unplace(points), shape, atol=1e-4)
    assert np.allclose(pose.place(shape), points, atol=1e-2)
