"""Kernels of the head's pose against the same in NumPy."""

import numpy as np
import pytest

from mien.face.pose_kernels import fit_pose, turn_to
from mien.types import Array

_STEPS, _DAMPING, _REST = 12, 1e-3, 1e-5


def _fitted(model: Array, wanted: Array) -> tuple[Array, Array, float]:
    rotation, middle, spread = np.empty((3, 3)), np.empty(3), np.empty(1)
    fit_pose(model, wanted, rotation, middle, spread)
    return rotation, middle, float(spread[0])


def _by_svd(model: Array, wanted: Array) -> tuple[Array, Array, float]:
    """The same by Umeyama's way (1991)."""
    u, singular, vt = np.linalg.svd(model.T @ (wanted - wanted.mean(0)))
    sign = np.array([1.0, 1.0, np.sign(np.linalg.det(u @ vt))])
    return vt.T @ np.diag(sign) @ u.T, wanted.mean(0), float((singular * sign).sum())


def _points(seed: int, count: int = 40) -> Array:
    points = np.random.default_rng(seed).normal(size=(count, 3)) * [1.0, 1.4, 0.6]
    return np.asarray(points - points.mean(0))


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("noise", [0.0, 0.2, 3.0])
def test_a_pose_is_that_of_the_singular_values(seed: int, noise: float) -> None:
    draw = np.random.default_rng(100 + seed)
    model = _points(seed)
    turn, _ = np.linalg.qr(draw.normal(size=(3, 3)))
    # Half of them are mirrored: no rotation brings one onto the other.
    wanted = model @ turn.T * draw.uniform(5, 200) + draw.uniform(-500, 500, 3)
    wanted += noise * draw.normal(size=wanted.shape) * wanted.std()
    found, theirs = _fitted(model, wanted), _by_svd(model, wanted)
    np.testing.assert_allclose(found[0], theirs[0], atol=1e-9)
    np.testing.assert_allclose(found[1], theirs[1], rtol=1e-12, atol=1e-9)
    assert found[2] == pytest.approx(theirs[2], rel=1e-12)
    np.testing.assert_allclose(found[0] @ found[0].T, np.eye(3), atol=1e-12)
    assert np.linalg.det(found[0]) == pytest.approx(1)


def test_points_on_one_spot_are_not_turned() -> None:
    rotation, middle, spread = _fitted(_points(1), np.full((40, 3), 7.0))
    np.testing.assert_array_equal(rotation, np.eye(3))
    np.testing.assert_array_equal(middle, 7.0)
    assert spread == pytest.approx(0, abs=1e-9)


def _turned(shape: Array, goal: Array, rotation: Array) -> Array:
    """The same as `turn_to`, in NumPy."""
    slope = np.zeros((2 * len(shape), 4))
    for _ in range(_STEPS):
        turned = shape @ rotation.T
        flat = turned[:, :2]
        scale = float((flat * goal).sum()) / max(float((flat * flat).sum()), 1e-9)
        slope[1::2, 0], slope[0::2, 1] = -scale * turned[:, 2], scale * turned[:, 2]
        slope[0::2, 2], slope[1::2, 2] = -scale * turned[:, 1], scale * turned[:, 0]
        slope[:, 3] = flat.ravel()
        stiff = _DAMPING * scale * scale + 1e-9
        step = np.linalg.solve(slope.T @ slope + np.diag((stiff, stiff, stiff, 1e-6)), slope.T @ (goal - scale * flat).ravel())
        angle = float(np.linalg.norm(step[:3]))
        x, y, z = step[:3] / max(angle, 1e-30)
        cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
        rotation = (np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * (cross @ cross)) @ rotation
        if max(abs(step[:3])) < _REST:
            break
    return rotation


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("size", [0.5, 40.0])
def test_a_turn_is_that_of_numpy(seed: int, size: float) -> None:
    draw = np.random.default_rng(200 + seed)
    shape = _points(seed, 5)
    turn, _ = np.linalg.qr(np.eye(3) + 0.3 * draw.normal(size=(3, 3)))
    turn *= np.sign(np.linalg.det(turn))
    goal = size * ((shape @ turn.T)[:, :2] + 0.05 * draw.normal(size=(5, 2)))
    goal -= goal.mean(0)
    found = np.eye(3)
    turn_to(shape, goal, found, _STEPS, _DAMPING, _REST)
    np.testing.assert_allclose(found, _turned(shape, goal, np.eye(3)), atol=1e-8)


def test_a_turn_to_one_spot_stays_a_rotation() -> None:
    rotation = np.eye(3)
    turn_to(_points(3, 5), np.zeros((5, 2)), rotation, _STEPS, _DAMPING, _REST)
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-9)
