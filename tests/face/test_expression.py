"""Expressions: none in the mean face, comparable between people, the same from any side."""

import numpy as np
import pytest

from mien.face.expression import expression_of, grimace_of
from mien.face.mean_face import HeadPose, expressions, face_model
from mien.types import Floats


def _placed(shape: Floats, yaw: float = 0.0) -> Floats:
    turn = _turned(yaw)
    return HeadPose(turn, 120.0, np.array([300.0, 280.0, 0.0])).place(shape)


def _turned(yaw: float) -> Floats:
    angle = np.radians(yaw)
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.array([[cosine, 0, sine], [0, 1, 0], [-sine, 0, cosine]])


def _moved(number: int, amount: float) -> Floats:
    shape = face_model().shape
    return np.asarray(shape + amount * expressions().modes[number].reshape(shape.shape), np.float32)


def test_the_mean_face_is_at_rest() -> None:
    assert np.abs(expression_of(_placed(face_model().shape))).max() < 1e-4
    assert grimace_of(_placed(face_model().shape)).amount < 1e-3


@pytest.mark.parametrize("yaw", [-25.0, 0.0, 25.0])
def test_an_expression_is_the_same_from_every_side(yaw: float) -> None:
    smiling = _moved(0, 1.0)
    seen = expression_of(_placed(smiling, yaw))
    straight = expression_of(_placed(smiling))
    assert np.abs(straight).max() > 0.02
    assert np.abs(seen - straight).max() < 0.25 * np.abs(straight).max()


def test_more_of_a_motion_is_more_of_an_expression() -> None:
    little, much = (grimace_of(_placed(_moved(0, amount))).amount for amount in (0.5, 1.0))
    assert 0 < little < much
