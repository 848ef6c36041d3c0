"""The mean face and head poses."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from mien.face import landmark_sets
from mien.face.mean_face import HeadPose, expressions, face_model, head_pose, neutral, without_expression
from mien.types import Floats
from tests.support.heads import turned
from tests.support.portraits import locate


def test_the_mean_face_is_symmetric_and_mirrors_are_mutual() -> None:
    model = face_model()
    assert np.array_equal(model.mirror[model.mirror], np.arange(478))
    assert np.allclose(model.shape[model.mirror] * [-1, 1, 1], model.shape, atol=2e-5)
    assert np.allclose(1 - model.uv[model.mirror, 0], model.uv[:, 0], atol=2e-5)
    right, left = landmark_sets.EYE_CORNERS
    assert np.linalg.norm(model.shape[left] - model.shape[right]) == pytest.approx(1, abs=1e-3)
    assert model.shape[left, 0] > 0 > model.shape[landmark_sets.FACE_OVAL[0], 1]


def test_no_triangle_of_the_texture_is_folded_over() -> None:
    uv = face_model().uv
    everything = np.concatenate(
        [
            landmark_sets.skin_triangles(),
            landmark_sets.fan(landmark_sets.RIGHT_EYE, landmark_sets.RIGHT_IRIS),
            landmark_sets.fan(landmark_sets.LEFT_EYE, landmark_sets.LEFT_IRIS),
            landmark_sets.strip(landmark_sets.INNER_LIPS),
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


def test_landmarks_on_one_spot_have_proportions_of_some_kind() -> None:
    assert np.isfinite(neutral(np.full((478, 3), 100, np.float32))).all()


def _smile(amount: float) -> Floats:
    """The mean face with an expression that the model knows."""
    shape = face_model().shape + amount * expressions().modes[0].reshape(-1, 3)
    return np.asarray(shape, np.float32)


@pytest.mark.parametrize("amount", [-0.6, 0.3, 0.6])
def test_an_expression_is_taken_away(amount: float) -> None:
    shape = _smile(amount)
    rest = without_expression(shape)
    off, was = (np.linalg.norm(each - face_model().shape) for each in (rest, shape))
    assert off < 0.25 * was


def test_the_mean_face_is_at_rest() -> None:
    assert np.allclose(without_expression(face_model().shape), face_model().shape, atol=1e-6)


def test_proportions_are_not_an_expression() -> None:
    wide = np.asarray(face_model().shape * [1.06, 1, 1], np.float32)
    change = np.linalg.norm(wide - face_model().shape)
    assert np.linalg.norm(without_expression(wide) - wide) < 0.6 * change


def test_the_neutral_face_does_not_depend_on_the_pose() -> None:
    shape = _smile(0.4)
    front = neutral((200 * shape).astype(np.float32))
    side = neutral((np.array([5.0, 6, 7]) + 80 * (shape @ turned(10, 35, -20).T)).astype(np.float32))
    assert np.allclose(front, side, atol=1e-3)


def test_a_smile_and_a_rest_of_the_same_person_give_the_same_proportions(media: Path) -> None:
    """In the mean, of people whose means the model was made of; with others left out the figures were the same within 3 %."""
    apart, was = [], []
    for name in ("008", "022", "066", "070"):
        rest, smile = (
            locate(np.asarray(cv2.imread(str(media / "faces" / "london" / f"{name}_{kind}.jpg")), np.uint8)).points
            for kind in ("neutral", "smiling")
        )
        apart.append(np.linalg.norm((neutral(rest) - neutral(smile))[:468, :2], axis=1).mean())
        shapes = [head_pose(points).unplace(points) for points in (rest, smile)]
        was.append(np.linalg.norm((shapes[0] - shapes[1])[:468, :2], axis=1).mean())
    assert np.mean(apart) < 0.4 * np.mean(was)


def test_a_pose_that_is_remembered_is_the_same_and_cannot_be_changed() -> None:
    points = HeadPose(np.eye(3), 80.0, np.array([200.0, 150.0, 0.0])).place(face_model().shape)
    first, again = head_pose(points), head_pose(points.copy())
    assert np.array_equal(first.rotation, again.rotation)
    with pytest.raises(ValueError, match="read-only"):
        again.rotation[0, 0] = 0
    moved = head_pose(points + np.float32(1))
    assert np.allclose(moved.origin - first.origin, 1, atol=1e-4)
