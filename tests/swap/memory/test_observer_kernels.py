"""Each kernel of the observer against its plain formula, on random landmarks and texels."""

import numpy as np

from mien.swap.memory.observer_kernels import count_hidden, expect, gauge, see
from mien.types import Floats

SIDE = 16


def _random(seed: int, *shape: int, low: float = 0.0, high: float = 1.0) -> Floats:
    return np.random.default_rng(seed).uniform(low, high, shape).astype(np.float32)


def test_changes_of_a_face_are_means_over_its_landmarks() -> None:
    shape, neutral, mesh, points, before = (_random(seed, 478, 3, high=50) for seed in range(5))
    found = np.empty(5)
    gauge(shape, neutral, mesh, points, before, 468, found)
    step = (points - before)[:, :2]
    beside = np.linalg.norm(step - step.mean(0), axis=1).mean()
    odd, bent = (np.linalg.norm((shape - each)[:, :2], axis=1) for each in (neutral, mesh))
    np.testing.assert_allclose(found, [odd.mean(), bent[:468].mean(), *step.mean(0), beside], rtol=1e-4)


def test_a_face_that_did_not_change_has_not_moved() -> None:
    points, found = _random(0, 478, 3), np.empty(5)
    gauge(points, points, points, points, points, 468, found)
    assert found.tolist() == [0, 0, 0, 0, 0]


def test_texels_are_seen_between_two_angles() -> None:
    towards, visible = np.array([[0, 0.15, 0.275], [0.4, 1, 0.2]], np.float32), np.empty((2, 3), np.float32)
    see(towards, 0.15, 0.4, visible)
    np.testing.assert_allclose(visible, [[0, 0, 0.5], [1, 1, 0.2]], atol=1e-6)


def test_expected_levels_are_rounded_and_bounded() -> None:
    texture, change = _random(1, SIDE, SIDE, 3, high=255), _random(2, SIDE, SIDE, high=2)
    levels = np.empty(texture.shape, np.uint8)
    expect(texture, change, levels)
    exact = np.clip(texture * change[:, :, None], 0, 255)
    assert np.abs(levels - exact).max() <= 0.501
    assert levels.max() == 255


def test_hidden_texels_count_where_they_are_seen() -> None:
    visible, weight = _random(3, SIDE, SIDE), _random(4, SIDE, SIDE, high=4)
    occluder, counts = _random(5, SIDE, SIDE, high=255).astype(np.uint8), np.empty(3, np.int64)
    count_hidden(occluder, visible, weight, counts)
    seen, hidden = visible > 0.5, occluder > 127
    assert counts.tolist() == [seen.sum(), (seen & hidden).sum(), (seen & hidden & (weight >= 2)).sum()]
