"""Outlines of lenses are found among others, as one shape for both, each at its own place."""

import cv2
import numpy as np
import pytest

from mien.face.lens_shapes import COLUMN, TUNING, best_outlines, rays
from mien.types import Floats


def _gain(wide: float, high: float, power: float, aside: float = 0.0) -> tuple[Floats, Floats]:
    """Return the gain of a lens with this outline, and the outline in columns."""
    x, y = rays().T
    radius = (np.abs(x / np.where(x > 0, wide + aside, wide - aside)) ** power + np.abs(y / high) ** power) ** (-1 / power)
    columns = ((radius - TUNING.nearest) / COLUMN).astype(np.float32)
    gain = np.zeros((TUNING.angles, TUNING.columns), np.float32)
    gain[np.arange(TUNING.angles), np.clip(columns.round(), 0, TUNING.columns - 1).astype(int)] = 1
    return np.asarray(cv2.GaussianBlur(gain, (3, 1), 0.8), np.float32), columns


@pytest.mark.parametrize(("wide", "high", "power"), [(0.3, 0.22, 2.0), (0.27, 0.16, 4.0), (0.36, 0.27, 2.6)])
def test_the_outline_of_a_drawn_lens_is_found(wide: float, high: float, power: float) -> None:
    right, expected = _gain(wide, high, power, 0.03)
    left, _ = _gain(wide, high, power, -0.03)
    noise = np.random.default_rng(1).random(right.shape, np.float32) * np.float32(0.3)
    found, _ = best_outlines((right + noise, left + noise))
    assert np.abs(found - expected).mean() < 3


def test_one_lens_that_is_hardly_seen_takes_the_shape_of_the_other() -> None:
    right, expected = _gain(0.3, 0.2, 3.0)
    hidden = right.copy()
    hidden[12:84] = 0
    _, found = best_outlines((right, hidden))
    assert np.abs(found - expected).mean() < 8
